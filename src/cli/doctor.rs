//! `doctor`: is everything as it must be? Roles, keys, data map against the live product database, work that waits for a person.

use super::{context, exit::Exit, options::GlobalOptions, output::Output};
use crate::{
    app::support::{
        report,
        views::{
            balance::BalanceView,
            health::{HealthView, StuckJobView},
        },
    },
    store::job::JobFilter,
    system::{Development, Opening},
};

/// Opens the gateway with every check of a start, then looks for what waits.
pub(super) async fn run(options: &GlobalOptions, output: &mut Output) -> anyhow::Result<Exit> {
    let system =
        context::open_system(options, Opening { demo: false, check_drift: true, development: Development::default() })
            .await?;
    let gateway = &system.gateway;
    let backlog = report::backlog(gateway).await?;
    let filter = JobFilter { state: Some("parked".to_owned()), ..JobFilter::default() };
    let parked = report::jobs(gateway, &filter, 100).await?;
    let waiting: Vec<StuckJobView> = parked.iter().map(StuckJobView::from).collect();
    let balance = BalanceView::from(report::balance(gateway).await?);
    let health = HealthView::new(backlog, &balance, &waiting);
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
        &health,
    )?;
    if !output.is_json() {
        output.section("Jobs that need a person", &[("job", "job"), ("code", "code"), ("why", "why")], &waiting)?;
    }
    system.close().await?;
    Ok(if health.is_well() { Exit::Done } else { Exit::Failed })
}
