//! FENCE: makes the plan, begins the run and commits the tombstone, before the first row goes.
//!
//! Writers about a person take the person's lock, writers about anybody of a tenant the tenant's: whoever holds it alone knows
//! that what is read afterwards is final. The tenant's fence also ends what is under way about its people; their rows, keys and
//! identities go with the tenant's.

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        erasure::{Erasure, identifiers, plans},
        ground::{
            audit,
            error::{Error, JobFailure},
            fence,
            identities::Named,
        },
        requests::{
            case::{AnyCase, Case},
            job::RequestJob,
            lease::ensure_lease,
        },
    },
    domain::{
        FenceId, FenceKind, Issuer, RunId,
        reason::JobReason,
        request::RequestState,
        run::{Phase, RunKind, Stage},
    },
    proof::{IdText, audit::Fact},
    sealing::{KeyedDigest, normalise},
    store::{self, TenantTx, fence::Fence, request::RequestRow},
};

/// How long a fence stands while its erasure is not finished; completing gives it its policy's term. Long enough for an
/// erasure that was parked for a person to look.
const FENCE_DAYS_UNFINISHED: i64 = 730;

/// Commits run, plan and fence, and with them that the request is running.
pub(super) async fn raise(gateway: &Erasure, job: &RequestJob<'_>, case: &AnyCase) -> Result<(), JobFailure> {
    gateway.crash().reach(case.either("erasure.before_fence", "tenant_erasure.before_fence"));
    if let AnyCase::Person(person) = case {
        identifiers::remember(gateway, job, person).await?;
        gateway.crash().reach("erasure.after_identities");
    }
    let plan = plans::make(gateway, case).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let now = gateway.now();
    let anchors = match case {
        AnyCase::Person(person) => lock_anchors(gateway, &tx, job, person).await?,
        AnyCase::Tenant(_) => {
            fence::tenant::lock_alone(&tx).await?;
            Vec::new()
        }
    };
    ensure_lease(&tx, job, Stage::Scheduled).await?;
    let request = store::request::read(&tx, job.request_id).await?.ok_or(Error::NotFound("request"))?;
    if request.erasure_start_at() > now {
        // The timeline has moved since the job was taken, or somebody ran it early: it waits for its day, which the job row
        // has.
        return Err(JobFailure::retry(JobReason::NotDue));
    }
    let run = RunId::new(gateway.clock(), gateway.entropy());
    store::run::insert(&tx, run, RunKind::Erasure, job.request_id, now).await?;
    let tombstone = Tombstone { gateway, tx: &tx, run, request: &request, now };
    let steps = ("steps", Fact::Count(plan.steps.len() as u64));
    match case {
        AnyCase::Person(person) => tombstone.of_person(person, &anchors).await?,
        AnyCase::Tenant(tenant) => tombstone.of_tenant(&tenant.tenant_key).await?,
    }
    plans::keep(gateway, &tx, run, &plan).await?;
    if let AnyCase::Tenant(_) = case {
        let superseded = supersede_people(gateway, &tx, job).await?;
        let facts = [steps, ("superseded", Fact::Count(superseded))];
        audit::record(gateway, &tx, audit::WORKER, "tenant.fence_committed", job.request_id, facts).await?;
    } else {
        audit::record(gateway, &tx, audit::WORKER, "fence.committed", job.request_id, [steps]).await?;
    }
    store::run::advance(&tx, run, (Phase::Planned, Phase::Fenced), now, None).await?;
    store::request::advance(&tx, job.request_id, (RequestState::Scheduled, RequestState::Running), now).await?;
    tx.commit().await?;
    gateway.crash().reach(case.either("erasure.after_fence", "tenant_erasure.after_fence"));
    Ok(())
}

/// Makes every writer about this person wait until the fence is committed.
async fn lock_anchors(
    gateway: &Erasure,
    tx: &TenantTx<'_>,
    job: &RequestJob<'_>,
    case: &Case,
) -> Result<Vec<Named>, JobFailure> {
    let mut anchors = Vec::with_capacity(case.person.identities.len());
    for (kind, value) in &case.person.identities {
        let identity = normalise(*kind, value.expose_for("the fence's digest"))
            .map_err(|_| Error::Unserializable { what: "the identity" })?;
        let named = Named::new(gateway, job.tenant_id, *kind, &case.issuer, identity);
        fence::person::lock(tx, &named, gateway.now()).await?;
        anchors.push(named);
    }
    Ok(anchors)
}

/// Ends the requests about people. Returns how many were ended.
async fn supersede_people(gateway: &Erasure, tx: &TenantTx<'_>, job: &RequestJob<'_>) -> Result<u64, Error> {
    let now = gateway.now();
    store::job::cancel_of_others(tx, job.request_id, now).await?;
    let superseded = store::request::supersede_people(tx, job.request_id, now).await?;
    for request in &superseded {
        let facts = [("by", Fact::Id(IdText::of(job.request_id)?))];
        audit::record(gateway, tx, audit::WORKER, "request.superseded", request, facts).await?;
    }
    Ok(superseded.len() as u64)
}

/// What every fence of one run has in common.
struct Tombstone<'a> {
    gateway: &'a Erasure,
    tx: &'a TenantTx<'a>,
    run: RunId,
    request: &'a RequestRow,
    now: Timestamp,
}

impl Tombstone<'_> {
    async fn of_person(&self, case: &Case, anchors: &[Named]) -> Result<(), Error> {
        let row = store::subject::read(self.tx, case.subject).await?.ok_or(Error::Missing("the subject"))?;
        for named in anchors {
            for digest in &named.digests {
                let fence = self.fence((named.kind.into(), &named.issuer), digest, row.generation);
                store::fence::insert(self.tx, &Fence { subject_id: Some(case.subject), ..fence }).await?;
            }
        }
        Ok(())
    }

    async fn of_tenant(&self, tenant_key: &str) -> Result<(), Error> {
        let generation = store::fence::of_tenant(self.tx).await?.map_or(1, |before| before.generation + 1);
        for digest in self.gateway.vault().digest_tenant_all(self.tx.tenant(), tenant_key) {
            store::fence::insert(self.tx, &self.fence((FenceKind::Tenant, &Issuer::Universal), &digest, generation))
                .await?;
        }
        Ok(())
    }

    fn fence(&self, (kind, issuer): (FenceKind, &Issuer), digest: &KeyedDigest, generation: i32) -> Fence {
        Fence {
            fence_id: FenceId::new(self.gateway.clock(), self.gateway.entropy()),
            subject_id: None,
            run_id: self.run,
            request_id: self.request.request_id,
            kind,
            issuer: issuer.clone(),
            digest_key_id: digest.key_id,
            digest: digest.digest.to_vec(),
            generation,
            covers_until: self.request.covers_until(),
            committed_at: self.now,
            expires_at: self.now + SignedDuration::from_hours(24 * FENCE_DAYS_UNFINISHED),
            returned_at: None,
        }
    }
}
