//! Which accounts are due: found by their identities in all tenants, told apart by their value, claimed by a digest.

use crate::app::ground::fence;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        ground::{error::Error, identities},
        polling::Polling,
    },
    domain::{IdentityId, IdentityKind, Personal, SourceId, SubjectId, TenantId, identity::is_atlassian_account_id},
    sealing::KeyedDigest,
    store::{
        self, TenantTx,
        reported_account::{AccountDigest, ReportableRow, ReportedRow},
    },
};

/// When an identity is looked at again that may not be reported: its person is being erased, or its key is gone.
const LOOKED_AT_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// An account that may be due.
pub(in crate::app) struct Account {
    /// Its id.
    pub(in crate::app) id: Personal<String>,
    /// The oldest time since when anybody of these tenants knows something of the person that was not asked for again.
    pub(in crate::app) known_since: Timestamp,
    /// Its digests under every live key, current first.
    digests: Vec<KeyedDigest>,
    /// Where it is known.
    identities: Vec<(TenantId, IdentityId)>,
}

/// An account that is closed, as the platform has learned before: whoever knows it by now was not told then.
pub(in crate::app) struct ClosedAccount {
    /// Which, and where it is known.
    pub(in crate::app) account: Account,
    /// When that was learned.
    pub(in crate::app) closed_at: Timestamp,
    next_due_at: Timestamp,
}

impl ClosedAccount {
    /// Where it is known.
    pub(in crate::app) fn known_as(&self) -> &[(TenantId, IdentityId)] {
        &self.account.identities
    }
}

/// What was found.
pub(in crate::app) struct Due {
    /// Accounts that nobody has reported in their cycle, each once.
    pub(in crate::app) accounts: Vec<Account>,
    /// Accounts that nobody has to be asked about any more.
    pub(in crate::app) closed: Vec<ClosedAccount>,
    /// True when there may be more.
    pub(in crate::app) has_more: bool,
}

/// Finds accounts that are due, from at most `most` identities. Those that were reported by way of another tenant are
/// postponed until their cycle is over.
pub(in crate::app) async fn gather(gateway: &Polling, source: SourceId, most: usize) -> Result<Due, Error> {
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
                known_since: row.known_since,
                digests: digests(gateway, source, account_id),
                identities: Vec::new(),
            });
            account.known_since = account.known_since.min(row.known_since);
            account.identities.push((tenant, row.identity_id));
        }
    }
    let (accounts, closed) = not_reported(gateway, known.into_values().collect()).await?;
    Ok(Due { accounts, closed, has_more })
}

fn digests(gateway: &Polling, source: SourceId, account_id: &Personal<String>) -> Vec<KeyedDigest> {
    let mut name = zeroize::Zeroizing::new(b"reported account ".to_vec());
    name.extend_from_slice(account_id.expose_for("the digest it is claimed by").as_bytes());
    gateway.vault().digest_delivery_all(source, &name)
}

/// Opens what may be reported of one tenant. Everything else is looked at again later, so that it stands in nobody's way.
async fn open(
    gateway: &Polling,
    tenant: TenantId,
    identities: &[IdentityId],
) -> Result<Vec<(Personal<String>, ReportableRow)>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let mut opened = Vec::new();
    if !fence::tenant::standing(&tx, gateway.now()).await?.is_gone() {
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
    gateway: &Polling,
    tx: &TenantTx<'_>,
    subject: SubjectId,
) -> Result<Vec<identities::OpenIdentity>, Error> {
    match gateway.vault().subject_key(tx, subject).await? {
        Some(key) => identities::open_identities(tx, subject, &key).await,
        None => Ok(Vec::new()),
    }
}

/// True for what is the id of an account. `unknown` stands for accounts that Atlassian cannot name, and must not be reported.
fn may_leave(account_id: &Personal<String>) -> bool {
    is_atlassian_account_id(account_id.expose_for("checking its form"))
}

/// Tells accounts that nobody has reported in their cycle from those that are closed. All others are postponed until their
/// cycle is over.
async fn not_reported(gateway: &Polling, accounts: Vec<Account>) -> Result<(Vec<Account>, Vec<ClosedAccount>), Error> {
    let Some(key_id) = accounts.iter().find_map(|account| account.digests.first()).map(|digest| digest.key_id) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let moved: Vec<_> = accounts.iter().flat_map(older_digests).collect();
    let wanted: Vec<AccountDigest> = accounts.iter().filter_map(current).collect();
    let queue = gateway.databases().queue.client().await?;
    if !moved.is_empty() {
        store::reported_account::adopt(&queue, key_id, &moved).await?;
    }
    let rows = store::reported_account::not_due(&queue, key_id, &wanted, gateway.now()).await?;
    drop(queue);
    let known: BTreeMap<AccountDigest, ReportedRow> = rows.into_iter().map(|row| (row.digest, row)).collect();
    let (mut due, mut closed, mut resting) = (Vec::new(), Vec::new(), Vec::new());
    for account in accounts {
        match current(&account).and_then(|digest| known.get(&digest)) {
            None => due.push(account),
            Some(ReportedRow { closed_at: Some(closed_at), next_due_at, .. }) => {
                closed.push(ClosedAccount { account, closed_at: *closed_at, next_due_at: *next_due_at });
            }
            Some(row) => resting.push((account, row.next_due_at)),
        }
    }
    postpone(gateway, resting.iter().map(|(account, due_at)| (account, *due_at))).await?;
    Ok((due, closed))
}

/// Looks at closed accounts again when they are due, once everybody who knows them was told.
pub(in crate::app) async fn put_off(gateway: &Polling, told: &[ClosedAccount]) -> Result<(), Error> {
    postpone(gateway, told.iter().map(|closed| (&closed.account, closed.next_due_at))).await
}

fn current(account: &Account) -> Option<AccountDigest> {
    account.digests.first().map(|digest| digest.digest)
}

fn older_digests(account: &Account) -> Vec<(AccountDigest, i32, AccountDigest)> {
    let Some(newest) = current(account) else { return Vec::new() };
    account.digests.iter().skip(1).map(|older| (newest, older.key_id, older.digest)).collect()
}

/// Claims accounts; those that another process has are left out.
pub(in crate::app) async fn claim<'a>(
    gateway: &Polling,
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

/// What is settled of one account.
pub(in crate::app) struct Settled<'a> {
    /// Which.
    pub(in crate::app) account: &'a Account,
    /// When it is due again.
    pub(in crate::app) due_at: Timestamp,
    /// When it was learned that it is closed, if it is.
    pub(in crate::app) closed_at: Option<Timestamp>,
}

/// Settles accounts, for the whole platform first and then in each tenant that knows them.
pub(in crate::app) async fn settle(gateway: &Polling, settled: &[Settled<'_>]) -> Result<(), Error> {
    let digest = settled.iter().find_map(|each| each.account.digests.first());
    let Some(key_id) = digest.map(|digest| digest.key_id) else { return Ok(()) };
    let row = |each: &Settled<'_>| {
        let digest = current(each.account)?;
        Some(ReportedRow { digest, next_due_at: each.due_at, closed_at: each.closed_at })
    };
    let rows: Vec<_> = settled.iter().filter_map(row).collect();
    let queue = gateway.databases().queue.client().await?;
    store::reported_account::settle(&queue, key_id, &rows).await?;
    drop(queue);
    postpone(gateway, settled.iter().map(|each| (each.account, each.due_at))).await
}

/// Only a look-up: should it be lost, the next round finds that the account is not due and does it then.
async fn postpone<'a>(gateway: &Polling, due: impl Iterator<Item = (&'a Account, Timestamp)>) -> Result<(), Error> {
    let mut by_tenant: BTreeMap<TenantId, Vec<(IdentityId, Timestamp)>> = BTreeMap::new();
    for (account, at) in due {
        for (tenant, identity) in &account.identities {
            by_tenant.entry(*tenant).or_default().push((*identity, at));
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
