//! `doctor`: is everything as it must be? Roles, keys, data map against the live product database, work that waits for a person.

use serde_json::json;

use super::{context, exit::Exit, options::GlobalOptions, output::Output};
use crate::{
    app::support::report,
    domain::reason::code_of,
    store::job::JobFilter,
    system::{Development, Opening},
};

/// Opens the gateway with every check of a start, then looks for what waits.
pub(super) async fn run(options: &GlobalOptions, output: &mut Output) -> anyhow::Result<Exit> {
    let system =
        context::open_system(options, Opening { demo: false, check_drift: true, development: Development::default() })
            .await?;
    let gateway = &system.gateway;
    let (events, jobs) = report::backlog(gateway).await?;
    let mut waiting = Vec::new();
    let filter = JobFilter { state: Some("parked".to_owned()), ..JobFilter::default() };
    for job in report::jobs(gateway, &filter, 100).await? {
        let code = job.failure_reason.as_deref().and_then(code_of);
        waiting.push(
            json!({ "job": job.job_id, "code": job.parked_code, "why": job.failure_reason, "reason_code": code }),
        );
    }
    let balance = report::balance(gateway).await?;
    let balances = balance.accepted == balance.pending + balance.applied + balance.ignored + balance.dead_lettered;
    let is_well = waiting.is_empty() && balances;
    let value = json!({
        "database": "reachable, as roles without power",
        "keys": "the ones this database was written with",
        "data_map": "true of the live product database",
        "events_waiting": events,
        "jobs_due": jobs,
        "events_balance": balances,
        "jobs_that_need_a_person": waiting.len(),
    });
    output.record(
        &[
            ("database", "database"),
            ("keys", "keys"),
            ("data map", "data_map"),
            ("events waiting", "events_waiting"),
            ("jobs due", "jobs_due"),
            ("events balance", "events_balance"),
            ("jobs that need a person", "jobs_that_need_a_person"),
        ],
        &value,
    )?;
    if !output.is_json() {
        output.section("Jobs that need a person", &[("job", "job"), ("code", "code"), ("why", "why")], &waiting)?;
    }
    system.close().await?;
    Ok(if is_well { Exit::Done } else { Exit::Failed })
}
