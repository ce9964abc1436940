//! The calls: look accounts up where they may be, and delete those that are where nobody else can be meant.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    app::accounts::{
        Accounts,
        outcome::{Outcome, failure_word, is_anothers},
        provider_credentials::{ProviderCredentials, destination, toolkit_of},
    },
    domain::{Issuer, Personal, provider_call::CallState},
    outbound::{CallFailure, identity_toolkit::Account},
};

/// What the provider says of an account that a batch has not deleted. Its own message may quote the account.
const NOT_DELETED: &str = "not_deleted";

/// What became of the accounts of one round.
pub(in crate::app) struct Deleted {
    /// Of each account, in the order of the question.
    pub(in crate::app) outcomes: Vec<Outcome>,
    /// Why a whole call failed, if one did.
    pub(in crate::app) failure: Option<CallFailure>,
}

impl Deleted {
    fn nothing(accounts: usize, failure: CallFailure) -> Self {
        let outcomes = vec![Outcome::Failed(failure_word(&failure)); accounts];
        Self { outcomes, failure: Some(failure) }
    }
}

/// Where accounts may be: a project, or an Identity Platform tenant within it.
#[derive(Clone, Copy)]
struct Place<'a> {
    credentials: &'a ProviderCredentials,
    tenant: Option<&'a str>,
}

/// Deletes the accounts of these uids that an issuer has given out; of an unknown one, wherever exactly one project has such
/// an account. At most as many as one look-up takes. Repeating is safe.
pub(in crate::app) async fn delete(
    gateway: &Accounts,
    open: &[ProviderCredentials],
    issuer: &Issuer,
    uids: &[Personal<String>],
    departure: Timestamp,
) -> Deleted {
    let is_asked = |credentials: &&ProviderCredentials| {
        *issuer == Issuer::Unknown || issuer.project() == Some(credentials.project.as_str())
    };
    let place = |credentials| Place { credentials, tenant: issuer.tenant() };
    let places: Vec<Place<'_>> = open.iter().filter(is_asked).map(place).collect();
    if places.is_empty() {
        let what = "no source has credentials for the project any more";
        return Deleted::nothing(uids.len(), CallFailure::NotSendable { what });
    }
    let mut found = Vec::new();
    for place in &places {
        match look_up(gateway, *place, uids).await {
            Ok(accounts) => found.push(accounts),
            // Without having looked everywhere nobody can say that an account is in one place only.
            Err(failure) => return Deleted::nothing(uids.len(), failure),
        }
    }
    let sorted: Vec<Sorted> = uids.iter().map(|uid| sort(uid, &found, departure)).collect();
    carry_out(gateway, &places, uids, &sorted).await
}

/// What follows for one account from where it was found.
#[derive(Clone, Copy)]
enum Sorted {
    Ends(CallState),
    GoesAt(usize),
}

fn sort(uid: &Personal<String>, found: &[BTreeMap<Personal<String>, Account>], departure: Timestamp) -> Sorted {
    let mut holders = found.iter().enumerate().filter_map(|(place, accounts)| Some((place, accounts.get(uid)?)));
    match (holders.next(), holders.next()) {
        (None, _) => Sorted::Ends(CallState::AlreadyGone),
        (Some(_), Some(_)) => Sorted::Ends(CallState::Ambiguous),
        (Some((_, account)), None) if is_anothers(account, departure) => Sorted::Ends(CallState::Withdrawn),
        (Some((place, _)), None) => Sorted::GoesAt(place),
    }
}

/// Deletes in each place what goes there, by one call; a place that fails keeps no other from its turn.
async fn carry_out(gateway: &Accounts, places: &[Place<'_>], uids: &[Personal<String>], sorted: &[Sorted]) -> Deleted {
    let mut outcomes: Vec<Outcome> = sorted
        .iter()
        .map(|sorted| match sorted {
            Sorted::Ends(state) => Outcome::Ended(*state),
            Sorted::GoesAt(_) => Outcome::Ended(CallState::Done),
        })
        .collect();
    let mut failure = None;
    for (number, place) in places.iter().enumerate() {
        let goes_here = |sorted: &Sorted| matches!(sorted, Sorted::GoesAt(at) if *at == number);
        let chosen: Vec<usize> =
            sorted.iter().enumerate().filter(|(_, sorted)| goes_here(sorted)).map(|(index, _)| index).collect();
        if chosen.is_empty() {
            continue;
        }
        let named: Vec<_> = chosen.iter().filter_map(|index| uids.get(*index).cloned()).collect();
        let (left, word) = match delete_at(gateway, *place, &named).await {
            Ok(left) => (left.into_iter().filter_map(|at| chosen.get(at).copied()).collect(), NOT_DELETED.to_owned()),
            Err(failed) => {
                let word = failure_word(&failed);
                failure = Some(failed);
                (chosen, word)
            }
        };
        for index in left {
            if let Some(outcome) = outcomes.get_mut(index) {
                *outcome = Outcome::Failed(word.clone());
            }
        }
    }
    Deleted { outcomes, failure }
}

async fn look_up(
    gateway: &Accounts,
    place: Place<'_>,
    uids: &[Personal<String>],
) -> Result<BTreeMap<Personal<String>, Account>, CallFailure> {
    let toolkit = toolkit_of(gateway, place.credentials)?;
    let call = toolkit.lookup(place.tenant, uids, gateway.now());
    let accounts = gateway.outgoing().breaker().guard(&destination(&place.credentials.project), call).await?;
    Ok(accounts.into_iter().map(|account| (account.uid.clone(), account)).collect())
}

/// The positions of those that are still there.
async fn delete_at(gateway: &Accounts, place: Place<'_>, uids: &[Personal<String>]) -> Result<Vec<usize>, CallFailure> {
    let toolkit = toolkit_of(gateway, place.credentials)?;
    let call = toolkit.delete_batch(place.tenant, uids, gateway.now());
    gateway.outgoing().breaker().guard(&destination(&place.credentials.project), call).await
}
