//! What the process tells its operator: logs, metrics and the places of panics.
//!
//! Promises: nothing told here holds a person's data. Other people's crates write bodies, headers and SQL values at INFO
//! and below, so whatever the directives ask for, only product databases of our own are heard below WARN. A panic is reported by its
//! place alone, because its message may quote a value.
//!
//! It decides nothing about spans and request ids; those belong to the code that has them.

use std::{
    io::{IsTerminal, Write},
    panic::PanicHookInfo,
    time::Duration,
};

use crate::domain::metric::{
    ACCOUNTS_REPORTED_TOTAL, DELIVERIES_TOTAL, EVENT_QUEUE_PENDING, EVENTS_TOTAL, INFLIGHT_BYTES,
    INSTALLATION_PROBES_TOTAL, INTAKE_BATCH_SIZE, JOB_SECONDS, JOBS_PARKED, JOBS_TOTAL, KEY_FETCHES_TOTAL, POLLS_TOTAL,
    PROVIDER_CALLS_TOTAL, REJECTIONS_TOTAL, REQUEST_OVERDUE_SECONDS_MAX, REQUESTS_OVERDUE, SWEEP_FAILURES_TOTAL,
    WORKLOGS_RECONCILED_TOTAL,
};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{ParseError, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::{SubscriberInitExt, TryInitError},
};

const OUR_TARGET: &str = "milestone_gateway";
const DIRECTIVES_DEFAULT: &str = "info";

const JOB_SECONDS_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0];
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// How often [`keep_metrics_up`] folds finished samples; without it a histogram keeps every sample for ever.
pub const METRICS_UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line, for machines.
    Json,
    /// One line per event, for people.
    Pretty,
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The log directives cannot be read.
    #[error("the log directives are not of the form `level` or `target=level,…`, such as `milestone_gateway=debug`")]
    Directives {
        /// What was wrong with them.
        source: ParseError,
    },
    /// Logging was set up before.
    #[error("logging is already set up in this process")]
    AlreadyLogging {
        /// The answer of the tracing library.
        source: TryInitError,
    },
    /// The metrics recorder could not be installed, usually because there is one.
    #[error("the metrics recorder cannot be installed")]
    Recorder {
        /// The answer of the metrics library.
        source: BuildError,
    },
}

/// Starts logging to standard error, for the whole process. `directives` are those of `RUST_LOG`; `info` when absent.
///
/// Fails on directives that cannot be read, and when called twice.
pub fn init(format: LogFormat, directives: Option<&str>) -> Result<(), TelemetryError> {
    let is_coloured = std::io::stderr().is_terminal();
    let subscriber = assemble(std::io::stderr, format, directives, is_coloured)?;
    subscriber.try_init().map_err(|source| TelemetryError::AlreadyLogging { source })
}

/// The same logging into a writer of the caller's, to be set as a default where it is wanted. Never coloured.
#[cfg(any(test, feature = "testing"))]
pub fn subscriber<W>(
    writer: W,
    format: LogFormat,
    directives: Option<&str>,
) -> Result<impl Subscriber + Send + Sync, TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    assemble(writer, format, directives, false)
}

fn assemble<W>(
    writer: W,
    format: LogFormat,
    directives: Option<&str>,
    is_coloured: bool,
) -> Result<impl Subscriber + Send + Sync, TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let directives = directives.filter(|text| !text.trim().is_empty()).unwrap_or(DIRECTIVES_DEFAULT);
    let wanted = EnvFilter::builder().parse(directives).map_err(|source| TelemetryError::Directives { source })?;
    let lines = fmt::layer().with_writer(writer).with_ansi(is_coloured);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Pretty => lines.boxed(),
    };
    // Three layers that must all agree: the cap is no default that a directive could override.
    Ok(tracing_subscriber::registry().with(lines).with(wanted).with(filter_fn(may_be_heard)))
}

fn may_be_heard(metadata: &Metadata<'_>) -> bool {
    is_ours(metadata.target()) || *metadata.level() <= Level::WARN
}

fn is_ours(target: &str) -> bool {
    target.strip_prefix(OUR_TARGET).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Reports every panic by its place and nothing else: the message of an `unwrap` or an index quotes what it met.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(report_panic));
}

fn report_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    if tracing::dispatcher::has_been_set() {
        tracing::error!(place, "a task panicked");
    } else {
        let _ = writeln!(std::io::stderr(), "a task panicked at {place}");
    }
}

/// Installs the process's metrics recorder and describes every metric. The handle renders the Prometheus text.
///
/// Spawn [`keep_metrics_up`] beside it. Fails when a recorder is there already, so a process does this once.
pub fn install_recorder() -> Result<PrometheusHandle, TelemetryError> {
    let handle = recorder().and_then(PrometheusBuilder::install_recorder);
    let handle = handle.map_err(|source| TelemetryError::Recorder { source })?;
    describe();
    Ok(handle)
}

/// Folds finished samples every [`METRICS_UPKEEP_EVERY`]. Never ends; dropping it is safe.
pub async fn keep_metrics_up(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(METRICS_UPKEEP_EVERY).await;
        handle.run_upkeep();
    }
}

fn recorder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(JOB_SECONDS.to_owned()), JOB_SECONDS_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(INTAKE_BATCH_SIZE.to_owned()), BATCH_BUCKETS)
}

fn describe() {
    describe_counter!(DELIVERIES_TOTAL, Unit::Count, "Deliveries by kind of source and by what was answered.");
    describe_counter!(REJECTIONS_TOTAL, Unit::Count, "Refused deliveries by kind of source and reason.");
    describe_counter!(KEY_FETCHES_TOTAL, Unit::Count, "Readings of published keys by host and outcome.");
    describe_counter!(PROVIDER_CALLS_TOTAL, Unit::Count, "Attempts at provider calls by kind and outcome.");
    describe_counter!(POLLS_TOTAL, Unit::Count, "Turns of polling, by feed and outcome.");
    describe_counter!(ACCOUNTS_REPORTED_TOTAL, Unit::Count, "Accounts reported to Atlassian by its answer.");
    describe_counter!(WORKLOGS_RECONCILED_TOTAL, Unit::Count, "Changes of worklogs that no webhook had told.");
    describe_counter!(INSTALLATION_PROBES_TOTAL, Unit::Count, "Looks at silent installations by what was found.");
    describe_counter!(EVENTS_TOTAL, Unit::Count, "Events by their final outcome.");
    describe_gauge!(EVENT_QUEUE_PENDING, Unit::Count, "Events accepted and not yet interpreted.");
    describe_counter!(JOBS_TOTAL, Unit::Count, "Runs of jobs by kind and outcome.");
    describe_gauge!(JOBS_PARKED, Unit::Count, "Jobs that wait for a person.");
    describe_gauge!(REQUESTS_OVERDUE, Unit::Count, "Requests not completed although their due date has passed.");
    describe_gauge!(REQUEST_OVERDUE_SECONDS_MAX, Unit::Seconds, "How long the oldest of them has been overdue.");
    describe_counter!(SWEEP_FAILURES_TOTAL, Unit::Count, "Parts of sweeps that failed.");
    describe_histogram!(JOB_SECONDS, Unit::Seconds, "Time that one run of a job took.");
    describe_histogram!(INTAKE_BATCH_SIZE, Unit::Count, "Deliveries that shared one commit.");
    describe_gauge!(INFLIGHT_BYTES, Unit::Bytes, "Bytes of request bodies held in memory.");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a step that fails is the failure of the test")]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    const CANARY: &str = "canary-51c2";

    /// A writer that keeps what it is given.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn heard(format: LogFormat, directives: Option<&str>, speak: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(move || writer.clone(), format, directives).unwrap();
        tracing::subscriber::with_default(subscriber, speak);
        page.text()
    }

    fn speak_as_everybody() {
        tracing::trace!("ours at trace");
        tracing::info!(target: "tokio_postgres::prepare", CANARY, "theirs at info");
        tracing::trace!(target: "deadpool_postgres", CANARY, "theirs at trace");
        tracing::trace!(target: "milestone_gateway_lookalike", CANARY, "not ours by a prefix");
        tracing::info_span!(target: "actix_web", "request", CANARY).in_scope(|| tracing::info!("ours inside theirs"));
        tracing::warn!(target: "rustls", "theirs at warn");
    }

    #[test]
    fn other_crates_are_heard_from_warn_upwards_whatever_the_directives_say() {
        for directives in
            ["trace", "tokio_postgres=trace,deadpool_postgres=trace,actix_web=trace,milestone_gateway=trace"]
        {
            for format in [LogFormat::Json, LogFormat::Pretty] {
                let text = heard(format, Some(directives), speak_as_everybody);

                assert!(!text.contains(CANARY), "{text}");
                assert!(text.contains("ours at trace") && text.contains("ours inside theirs"), "{text}");
            }
        }
        assert!(heard(LogFormat::Json, Some("trace"), speak_as_everybody).contains("theirs at warn"));
    }

    #[test]
    fn the_default_is_info_and_a_json_line_is_one_object() {
        let text = heard(LogFormat::Json, None, || {
            tracing::debug!("too quiet");
            tracing::info_span!("delivery", request_id = "req_1").in_scope(|| tracing::info!(count = 2, "heard"));
        });

        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["message"], &line["count"]), (&"heard".into(), &2.into()));
        assert_eq!(line["span"]["request_id"], "req_1");
    }

    #[test]
    fn directives_that_cannot_be_read_are_refused() {
        let refused = subscriber(io::sink, LogFormat::Json, Some("milestone_gateway=loud")).err();

        assert!(matches!(refused, Some(TelemetryError::Directives { .. })));
        assert!(heard(LogFormat::Pretty, Some(" "), || tracing::info!("blank means default")).contains("blank"));
    }

    #[test]
    fn a_panic_is_reported_by_its_place_alone() {
        let usual = std::panic::take_hook();
        let text = heard(LogFormat::Pretty, None, || {
            install_panic_hook();
            let _ = std::panic::catch_unwind(|| panic!("{CANARY}"));
        });
        std::panic::set_hook(usual);

        assert!(text.contains("src/telemetry.rs:") && !text.contains(CANARY), "{text}");
    }

    #[test]
    fn metrics_are_rendered_under_their_names() {
        let recorder = recorder().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::counter!(DELIVERIES_TOTAL, "source_kind" => "jira", "reply" => "accepted").increment(1);
            metrics::histogram!(JOB_SECONDS).record(0.02);
        });

        let text = recorder.handle().render();
        assert!(
            text.contains(r#"milestone_gateway_deliveries_total{source_kind="jira",reply="accepted"} 1"#),
            "{text}"
        );
        assert!(text.contains(r#"milestone_gateway_job_seconds_bucket{le="0.025"} 1"#), "{text}");
    }
}
