//! Names of our metrics. Labels are closed words; no metric ever carries an id or a value of a person.

/// Counter: deliveries by `source_kind` and `reply`.
pub const DELIVERIES_TOTAL: &str = "milestone_gateway_deliveries_total";
/// Counter: events by their final `outcome`.
pub const EVENTS_TOTAL: &str = "milestone_gateway_events_total";
/// Gauge: events accepted and not yet interpreted.
pub const EVENT_QUEUE_PENDING: &str = "milestone_gateway_event_queue_pending";
/// Counter: runs of jobs by `kind` and `outcome`.
pub const JOBS_TOTAL: &str = "milestone_gateway_jobs_total";
/// Histogram: how long one run of a job took.
pub const JOB_SECONDS: &str = "milestone_gateway_job_seconds";
/// Histogram: deliveries that shared one commit.
pub const INTAKE_BATCH_SIZE: &str = "milestone_gateway_intake_batch_size";
/// Gauge: bytes of request bodies held in memory.
pub const INFLIGHT_BYTES: &str = "milestone_gateway_inflight_bytes";
/// Counter: refused deliveries by `reason`, a closed word.
pub const REJECTIONS_TOTAL: &str = "milestone_gateway_rejections_total";
/// Gauge: jobs that wait for a person.
pub const JOBS_PARKED: &str = "milestone_gateway_jobs_parked";
/// Gauge: requests that are not completed although their erasure was due.
pub const REQUESTS_OVERDUE: &str = "milestone_gateway_requests_overdue";
/// Gauge: how long the oldest of them has been overdue.
pub const REQUEST_OVERDUE_SECONDS_MAX: &str = "milestone_gateway_request_overdue_seconds_max";
/// Counter: parts of sweeps that failed.
pub const SWEEP_FAILURES_TOTAL: &str = "milestone_gateway_sweep_failures_total";
/// Counter: attempts at provider calls by `kind` and `outcome`.
pub const PROVIDER_CALLS_TOTAL: &str = "milestone_gateway_provider_calls_total";
/// Counter: readings of published verification keys by `host` and `outcome`, a closed word.
pub const KEY_FETCHES_TOTAL: &str = "milestone_gateway_key_fetches_total";
/// Counter: turns of asking a source by `feed` and `outcome`, a closed word.
pub const POLLS_TOTAL: &str = "milestone_gateway_polls_total";
/// Counter: accounts reported to Atlassian by its `answer`: `nothing`, `closed` or `updated`.
pub const ACCOUNTS_REPORTED_TOTAL: &str = "milestone_gateway_accounts_reported_total";
/// Counter: changes of worklogs found by asking, by `change`, that no webhook had told.
pub const WORKLOGS_RECONCILED_TOTAL: &str = "milestone_gateway_worklogs_reconciled_total";
/// Counter: looks at silent installations by what was found.
pub const INSTALLATION_PROBES_TOTAL: &str = "milestone_gateway_installation_probes_total";
