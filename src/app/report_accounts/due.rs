//! Which accounts are due: found by their identities in all tenants, told apart by their value, claimed by a digest.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Error, Gateway, Personal};
use crate::{
    app::{offboard_tenant, person},
    domain::{IdentityId, IdentityKind, SourceId, SubjectId, TenantId, identity::is_atlassian_account_id},
    sealing::KeyedDigest,
    store::{
        self, TenantTx,
        reported_account::{AccountDigest, ReportableRow},
    },
};

/// When an identity is looked at again that may not be reported: its person is being erased, or its key is gone.
const LOOKED_AT_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// An account that may be due.
pub(super) struct Account {
    /// Its id.
    pub(super) id: Personal<String>,
    /// The oldest time since when anybody of these tenants knows something of the person.
    pub(super) known_since: Timestamp,
    /// Its digests under every live key, current first.
    digests: Vec<KeyedDigest>,
    /// Where it is known.
    identities: Vec<(TenantId, IdentityId)>,
}

/// What was found.
pub(super) struct Due {
    /// Accounts that nobody has reported in their cycle, each once.
    pub(super) accounts: Vec<Account>,
    /// True when there may be more.
    pub(super) has_more: bool,
}

/// Finds accounts that are due, from at most `most` identities. Those that were reported by way of another tenant are
/// postponed until their cycle is over.
pub(super) async fn gather(gateway: &Gateway, source: SourceId, most: usize) -> Result<Due, Error> {
    let now = gateway.now();
    let queue = gateway.databases().queue.client().await?;
    let due = store::reported_account::due(&queue, now, i64::try_from(most).unwrap_or(i64::MAX)).await?;
    drop(queue);
    let has_more = due.len() >= most;
    let mut by_tenant: BTreeMap<TenantId, Vec<IdentityId>> = BTreeMap::new();
    for (tenant, identity) in due {
        by_tenant.entry(tenant).or_default().push(identity);
    }
    let mut known: BTreeMap<Personal<String>, Account> = BTreeMap::new();
    for (tenant, identities) in by_tenant {
        for (account_id, row) in open(gateway, tenant, &identities).await? {
            let account = known.entry(account_id).or_insert_with_key(|account_id| Account {
                id: account_id.clone(),
                known_since: row.created_at,
                digests: digests(gateway, source, account_id),
                identities: Vec::new(),
            });
            account.known_since = account.known_since.min(row.created_at);
            account.identities.push((tenant, row.identity_id));
        }
    }
    let accounts = not_reported(gateway, known.into_values().collect()).await?;
    Ok(Due { accounts, has_more })
}

fn digests(gateway: &Gateway, source: SourceId, account_id: &Personal<String>) -> Vec<KeyedDigest> {
    let mut name = zeroize::Zeroizing::new(b"reported account ".to_vec());
    name.extend_from_slice(account_id.expose_for("the digest it is claimed by").as_bytes());
    gateway.ring().digest_delivery_all(source, &name)
}

/// Opens what may be reported of one tenant. Everything else is looked at again later, so that it stands in nobody's way.
async fn open(
    gateway: &Gateway,
    tenant: TenantId,
    identities: &[IdentityId],
) -> Result<Vec<(Personal<String>, ReportableRow)>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let mut opened = Vec::new();
    if !offboard_tenant::standing(&tx, gateway.now()).await?.is_gone() {
        for row in store::reported_account::reportable(&tx, identities).await? {
            let all = match identities_of(gateway, &tx, row.subject_id).await {
                Ok(all) => all,
                Err(error) if error.is_transient() => return Err(error),
                // One that cannot be opened must not keep all others from being reported.
                Err(error) => {
                    tracing::warn!(subject = %row.subject_id, error = %error.chain(), "an account cannot be opened");
                    continue;
                }
            };
            let account = all.into_iter().find(|each| each.is_anchor && each.kind == IdentityKind::AtlassianAccountId);
            let account = account.map(|account| account.value);
            opened.extend(account.filter(may_leave).map(|account| (account, row)));
        }
    }
    let is_open = |id: &IdentityId| opened.iter().any(|(_, row)| row.identity_id == *id);
    let later = gateway.now() + LOOKED_AT_AGAIN;
    let others: Vec<_> = identities.iter().filter(|id| !is_open(id)).map(|id| (*id, later)).collect();
    if !others.is_empty() {
        store::reported_account::postpone(&tx, &others).await?;
        tx.commit().await?;
    }
    Ok(opened)
}

async fn identities_of(
    gateway: &Gateway,
    tx: &TenantTx<'_>,
    subject: SubjectId,
) -> Result<Vec<person::OpenIdentity>, Error> {
    match gateway.vault().subject_key(tx, subject).await? {
        Some(key) => person::open_identities(tx, subject, &key).await,
        None => Ok(Vec::new()),
    }
}

/// True for what is the id of an account. `unknown` stands for accounts that Atlassian cannot name, and must not be reported.
fn may_leave(account_id: &Personal<String>) -> bool {
    is_atlassian_account_id(account_id.expose_for("checking its form"))
}

/// Leaves out what was reported in its cycle, and postpones its identities until then.
async fn not_reported(gateway: &Gateway, accounts: Vec<Account>) -> Result<Vec<Account>, Error> {
    let Some(key_id) = accounts.iter().find_map(|account| account.digests.first()).map(|digest| digest.key_id) else {
        return Ok(Vec::new());
    };
    let moved: Vec<_> = accounts.iter().flat_map(older_digests).collect();
    let wanted: Vec<AccountDigest> = accounts.iter().filter_map(current).collect();
    let queue = gateway.databases().queue.client().await?;
    if !moved.is_empty() {
        store::reported_account::adopt(&queue, key_id, &moved).await?;
    }
    let reported = store::reported_account::not_due(&queue, key_id, &wanted, gateway.now()).await?;
    drop(queue);
    let reported: BTreeMap<AccountDigest, Timestamp> = reported.into_iter().collect();
    let due_at = |account: &Account| current(account).and_then(|digest| reported.get(&digest).copied());
    let postponed: Vec<_> = accounts.iter().filter_map(|account| Some((account, due_at(account)?))).collect();
    postpone(gateway, &postponed).await?;
    Ok(accounts.into_iter().filter(|account| due_at(account).is_none()).collect())
}

fn current(account: &Account) -> Option<AccountDigest> {
    account.digests.first().map(|digest| digest.digest)
}

fn older_digests(account: &Account) -> Vec<(AccountDigest, i32, AccountDigest)> {
    let Some(newest) = current(account) else { return Vec::new() };
    account.digests.iter().skip(1).map(|older| (newest, older.key_id, older.digest)).collect()
}

/// Claims accounts; those that another process has are left out.
pub(super) async fn claim<'a>(
    gateway: &Gateway,
    accounts: &'a [Account],
    claim_seconds: f64,
) -> Result<Vec<&'a Account>, Error> {
    let Some(key_id) = accounts.iter().find_map(|account| account.digests.first()).map(|digest| digest.key_id) else {
        return Ok(Vec::new());
    };
    let wanted: Vec<AccountDigest> = accounts.iter().filter_map(current).collect();
    let queue = gateway.databases().queue.client().await?;
    let claimed = store::reported_account::claim(&queue, key_id, &wanted, gateway.now(), claim_seconds).await?;
    Ok(accounts.iter().filter(|account| current(account).is_some_and(|digest| claimed.contains(&digest))).collect())
}

/// Says when accounts are due again, for the whole platform first and then in each tenant that knows them.
pub(super) async fn settle(gateway: &Gateway, due: &[(&Account, Timestamp)]) -> Result<(), Error> {
    let Some(key_id) = due.iter().find_map(|(account, _)| account.digests.first()).map(|digest| digest.key_id) else {
        return Ok(());
    };
    let settled: Vec<_> = due.iter().filter_map(|(account, at)| Some((current(account)?, *at))).collect();
    let queue = gateway.databases().queue.client().await?;
    store::reported_account::settle(&queue, key_id, &settled).await?;
    drop(queue);
    postpone(gateway, due).await
}

/// Only a look-up: should it be lost, the next round finds that the account is not due and does it then.
async fn postpone(gateway: &Gateway, due: &[(&Account, Timestamp)]) -> Result<(), Error> {
    let mut by_tenant: BTreeMap<TenantId, Vec<(IdentityId, Timestamp)>> = BTreeMap::new();
    for (account, at) in due {
        for (tenant, identity) in &account.identities {
            by_tenant.entry(*tenant).or_default().push((*identity, *at));
        }
    }
    for (tenant, identities) in by_tenant {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, tenant).await?;
        store::reported_account::postpone(&tx, &identities).await?;
        tx.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_placeholder_and_whatever_is_no_id_never_leave() {
        let leaves = |text: &str| may_leave(&Personal::new(text.to_owned()));
        assert!(leaves("5be24ad8b1653240376955d2") && leaves("712020:0f9d1c3e-1111-4222-8333-444455556666"));
        for stays in ["unknown", "", "two words", "a@b.example", &"x".repeat(129)] {
            assert!(!leaves(stays), "{stays}");
        }
    }
}
