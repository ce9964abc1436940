//! VERIFY: an independent reader, as its own role and built from the live catalog, must see and must find nothing.
//!
//! Of a person it looks for every identifier. Of a tenant it must see the tenant's own row and no other; only then that row
//! goes, and the reader must see nothing:
//!
//! ```text
//!  executed ─▶ reader sees the tenant's own row and nothing else ─▶ that row goes ─▶ reader sees nothing ─▶ verified
//! ```

use crate::{
    app::{
        erasure::{
            Erasure,
            execute::{Execution, parts_of_tenant, run_step},
            identifiers,
        },
        ground::{
            audit,
            error::{Error, JobFailure},
        },
        requests::{
            case::{AnyCase, Case},
            job::RequestJob,
            lease::ensure_lease,
        },
    },
    domain::{
        RunId,
        job::ParkCode,
        plan::Step,
        reason::JobReason,
        run::{Phase, Stage},
        verification::VerificationReport,
    },
    product::{self, RootRow, VerifyError},
    proof::audit::Fact,
    store::{self, TenantTx},
};

const STAGE: Stage = Stage::Running(Phase::Executed);

/// Has the reader read. A run that is clean is verified; any other stays executed, and its job is parked.
pub(super) async fn verify(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &AnyCase,
    run: RunId,
) -> Result<(), JobFailure> {
    let report = match case {
        AnyCase::Person(person) => {
            let report = read_of_person(gateway, job, person).await?;
            gateway.crash().reach("erasure.after_verify");
            report
        }
        AnyCase::Tenant(_) => until_nothing_is_left(gateway, job, case, run).await?,
    };
    conclude(gateway, job, run, &report).await
}

async fn read_of_person(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &Case,
) -> Result<VerificationReport, JobFailure> {
    let identifiers = identifiers::all(gateway, job, case).await?;
    let mut reader = gateway.verifier().client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    seen(product::verify(&mut reader, scope, &identifiers).await)
}

async fn read_of_tenant(gateway: &Erasure, case: &AnyCase, root: RootRow) -> Result<VerificationReport, JobFailure> {
    let mut reader = gateway.verifier().client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: case.tenant_key() };
    seen(product::verify_tenant(&mut reader, scope, root).await)
}

/// A reader that cannot see has not found nothing: that is a failed verification.
fn seen(read: Result<VerificationReport, VerifyError>) -> Result<VerificationReport, JobFailure> {
    match read {
        Ok(report) => Ok(report),
        Err(error) if error.is_transient() => Err(error.into()),
        Err(error) => {
            Ok(VerificationReport { unreadable: Some(Error::from(error).chain()), ..VerificationReport::default() })
        }
    }
}

/// Of a tenant: the last report, or the first that is not clean.
async fn until_nothing_is_left(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &AnyCase,
    run: RunId,
) -> Result<VerificationReport, JobFailure> {
    let execution = Execution::of(gateway, job, case, run).await?;
    let (_, root) = parts_of_tenant(gateway, &execution.latest().plan)?;
    if !is_root_gone(gateway, job, &execution, (case, run), root).await? {
        let report = read_of_tenant(gateway, case, RootRow::MustBeThere).await?;
        gateway.crash().reach("tenant_erasure.after_verify");
        if !report.is_clean() {
            return Ok(report);
        }
        keep_report(gateway, job, run, &report).await?;
        gateway.crash().reach("tenant_erasure.before_root");
    }
    run_step(gateway, job, &execution, root, STAGE).await?;
    gateway.crash().reach("tenant_erasure.after_root");
    let report = read_of_tenant(gateway, case, RootRow::MustBeGone).await?;
    gateway.crash().reach("tenant_erasure.after_absence");
    Ok(report)
}

/// True when we have deleted the tenant's own row, which we only do after the reader has seen it: by this plan, as the product
/// database says, or by one before.
async fn is_root_gone(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    execution: &Execution<'_>,
    (case, run): (&AnyCase, RunId),
    root: &Step,
) -> Result<bool, JobFailure> {
    let mut client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: case.tenant_key() };
    let markers = product::markers(&mut client, scope, execution.latest().plan_id).await?;
    drop(client);
    if markers.iter().any(|marker| marker.step == root.number && marker.rows > 0) {
        return Ok(true);
    }
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let executed = store::plan::executed(&tx, run).await?;
    Ok(executed.iter().any(|(table, _, rows)| *table == root.table && *rows > 0))
}

/// What the reader has seen is committed before the row goes by which it could see.
async fn keep_report(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    run: RunId,
    report: &VerificationReport,
) -> Result<(), JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, STAGE).await?;
    store::run::keep_report(&tx, run, &storable(report)?).await?;
    tx.commit().await?;
    Ok(())
}

async fn conclude(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    run: RunId,
    report: &VerificationReport,
) -> Result<(), JobFailure> {
    let (is_clean, json, now) = (report.is_clean(), storable(report)?, gateway.now());
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, STAGE).await?;
    let action = if is_clean {
        store::run::advance(&tx, run, (Phase::Executed, Phase::Verified), now, Some(&json)).await?;
        "verification.clean"
    } else {
        store::run::fail_verification(&tx, run, &json, now).await?;
        "verification.failed"
    };
    let facts = [
        ("left", Fact::Count(report.left_rows())),
        ("tables", Fact::Count(report.tables_read.into())),
        ("columns", Fact::Count(report.columns_read.into())),
    ];
    audit::record(gateway, &tx, audit::WORKER, action, job.request_id, facts).await?;
    tx.commit().await?;
    if is_clean { Ok(()) } else { Err(JobFailure::park(ParkCode::VerificationFailed, failure(report))) }
}

fn storable(report: &VerificationReport) -> Result<serde_json::Value, Error> {
    serde_json::to_value(report).map_err(|_| Error::Unserializable { what: "the report" })
}

fn failure(report: &VerificationReport) -> JobReason {
    if let Some(why) = &report.unreadable {
        return JobReason::ReaderSeesNothing { cause: why.clone() };
    }
    let columns: Vec<String> =
        report.left.iter().map(|finding| format!("{} ({} rows)", finding.column, finding.rows)).collect();
    JobReason::VerificationFailed { columns: columns.join(", ") }
}
