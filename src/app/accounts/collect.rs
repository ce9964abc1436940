//! COLLECT: notes every account of the tenant's people, while the rows that name them are still there.
//!
//! Our own identities come first: they say of which project a uid is. The product's rows say only the uid, and are noted
//! where no identity was.

use crate::{
    app::{
        accounts::{Accounts, provider_credentials},
        ground::{
            audit,
            error::{Error, JobFailure},
            identities,
            vault::OpenKey,
        },
        requests::{case::TenantCase, job::RequestJob, lease::ensure_lease},
    },
    domain::{CallId, IdentityKind, Issuer, Personal, SubjectId, job::ParkCode, reason::JobReason, run::Stage},
    product::{self, IdentifierPosition},
    proof::{Word, audit::Fact},
    sealing::{Aad, normalise},
    store::{self, TenantTx, provider_call::NewAccount, subject::SealedIdentity},
};

/// Rows that are read and noted in one transaction.
const ACCOUNT_PAGE_ROWS: u32 = 1_000;

/// The most pages of each of the two collections. A tenant that has more does not end, and is parked.
const ACCOUNT_PAGES_MAX: usize = 100_000;

/// Notes every account, unless that was done before. Repeating is safe, and so is dying between two pages: what is noted
/// stays, and the rest is found again, since no row goes before all is noted.
pub(in crate::app) async fn collect(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    case: &TenantCase,
    stage: Stage,
) -> Result<(), JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let is_collected = store::provider_call::collected_at(&tx, job.request_id).await?.is_some();
    drop(tx);
    drop(client);
    if is_collected {
        return Ok(());
    }
    let projects = provider_credentials::of_tenant(gateway, job.tenant_id).await?;
    if !projects.open.is_empty() {
        let open: Vec<&str> = projects.open.iter().map(|credentials| credentials.project.as_str()).collect();
        note_identities(gateway, job, stage, &open).await?;
        note_rows(gateway, job, case, stage, !projects.is_some_closed).await?;
    }
    conclude(gateway, job, stage, !projects.open.is_empty()).await?;
    gateway.crash().reach("tenant_erasure.after_collection");
    Ok(())
}

/// Whatever the product has written since is collected too, beside what is noted already; in the caller's transaction.
pub(in crate::app) async fn collect_again(tx: &TenantTx<'_>, job: &RequestJob<'_>) -> Result<(), Error> {
    Ok(store::provider_call::set_collected(tx, job.request_id, None).await?)
}

/// Uids that events have brought, each with its project. One of a project without credentials ends at once; it is noted, so
/// that nobody looks for it in another project.
async fn note_identities(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    stage: Stage,
    open: &[&str],
) -> Result<(), JobFailure> {
    let mut behind = None;
    for _ in 0..ACCOUNT_PAGES_MAX {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        ensure_lease(&tx, job, stage).await?;
        let limit = i64::from(ACCOUNT_PAGE_ROWS);
        let page = store::subject::anchors_behind(&tx, IdentityKind::FirebaseUid, behind, limit).await?;
        let noting = Noting::begin(gateway, &tx, job).await?;
        let mut accounts = Vec::new();
        for (subject, identity) in &page {
            if let Some(uid) = opened(gateway, &tx, *subject, identity).await? {
                let is_reachable = identity.issuer.project().is_some_and(|project| open.contains(&project));
                accounts.extend(noting.account(&identity.issuer, &uid, is_reachable));
            }
        }
        store::provider_call::insert_accounts(&tx, job.request_id, &accounts, gateway.now()).await?;
        tx.commit().await?;
        gateway.crash().reach("tenant_erasure.after_account_page");
        if page.len() < usize::try_from(ACCOUNT_PAGE_ROWS).unwrap_or(usize::MAX) {
            return Ok(());
        }
        behind = page.last().map(|(_, identity)| identity.identity_id);
    }
    Err(JobFailure::park(
        ParkCode::BoundExceeded,
        JobReason::BoundExceeded { what: "noting the accounts of the tenant's people" },
    ))
}

/// `None` when the person was erased, whose key is gone.
async fn opened(
    gateway: &Accounts,
    tx: &TenantTx<'_>,
    subject: SubjectId,
    identity: &SealedIdentity,
) -> Result<Option<Personal<String>>, Error> {
    let Some(key) = gateway.vault().subject_key(tx, subject).await? else { return Ok(None) };
    Ok(Some(identities::open_identity(tx, subject, &key, identity)?.value))
}

/// Uids on people's own rows in the product. Where not every project can be looked into, nobody can say in which one such an
/// account is: it ends at once.
async fn note_rows(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    case: &TenantCase,
    stage: Stage,
    is_everywhere_open: bool,
) -> Result<(), JobFailure> {
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    let mut at = IdentifierPosition::default();
    for _ in 0..ACCOUNT_PAGES_MAX {
        let mut client = gateway.databases().product.client().await?;
        let kind = IdentityKind::FirebaseUid;
        let page = product::identifiers_page(&mut client, scope, kind, &at, ACCOUNT_PAGE_ROWS).await?;
        drop(client);
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        ensure_lease(&tx, job, stage).await?;
        let noting = Noting::begin(gateway, &tx, job).await?;
        let account = |uid| noting.account(&Issuer::Unknown, uid, is_everywhere_open);
        let accounts: Vec<_> = page.values.iter().filter_map(account).collect();
        store::provider_call::insert_accounts(&tx, job.request_id, &accounts, gateway.now()).await?;
        tx.commit().await?;
        gateway.crash().reach("tenant_erasure.after_account_page");
        match page.next {
            Some(next) => at = next,
            None => return Ok(()),
        }
    }
    Err(JobFailure::park(
        ParkCode::BoundExceeded,
        JobReason::BoundExceeded { what: "noting the accounts of the tenant's people" },
    ))
}

async fn conclude(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    stage: Stage,
    has_credentials: bool,
) -> Result<(), JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, stage).await?;
    store::provider_call::set_collected(&tx, job.request_id, Some(gateway.now())).await?;
    let counts = store::provider_call::account_counts(&tx, job.request_id).await?;
    let accounts = counts.iter().map(|(_, count)| count).sum();
    let credentials = Word::parse(if has_credentials { "given" } else { "none" })?;
    let facts = [("accounts", Fact::Count(accounts)), ("credentials", Fact::Word(credentials))];
    audit::record(gateway, &tx, audit::WORKER, "tenant.accounts_collected", job.request_id, facts).await?;
    tx.commit().await?;
    Ok(())
}

/// What an account is noted with.
struct Noting<'a> {
    gateway: &'a Accounts,
    tx: &'a TenantTx<'a>,
    key: OpenKey,
}

impl<'a> Noting<'a> {
    async fn begin(gateway: &'a Accounts, tx: &'a TenantTx<'a>, job: &RequestJob<'_>) -> Result<Self, Error> {
        let key = gateway.vault().find_or_make_request_key(tx, job.request_id, gateway.now()).await?;
        Ok(Self { gateway, tx, key })
    }

    /// `None` for a text that no account can have for its uid.
    fn account(&self, issuer: &Issuer, uid: &Personal<String>, is_reachable: bool) -> Option<NewAccount> {
        let text = uid.expose_for("sealing under the request's key");
        normalise(IdentityKind::FirebaseUid, text).ok()?;
        let call_id = CallId::new(self.gateway.clock(), self.gateway.entropy());
        let sealed = is_reachable
            .then(|| self.key.seal(&account_aad(self.tx, call_id), text.as_bytes(), self.gateway.entropy()));
        Some(NewAccount {
            call_id,
            issuer: issuer.clone(),
            // Under a key that lives as long as the request, so that a new digest key changes nothing.
            uid_digest: self.gateway.vault().digest_under(&self.key, text).digest.to_vec(),
            sealed,
        })
    }
}

pub(in crate::app) fn account_aad(tx: &TenantTx<'_>, call: CallId) -> Aad {
    Aad::new("provider_call", Some(tx.tenant().uuid()), call.uuid().as_bytes(), "sealed")
}
