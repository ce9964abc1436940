//! `serve`: the edge, the workers and the sweeps, until a signal ends them.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, bail};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use super::{
    context,
    exit::{Exit, Stop},
    options::{GlobalOptions, LogFormatWord},
    output::Output,
};
use crate::{
    http::{self, Edge, EdgeSettings},
    system::{Development, Opening, System},
    telemetry, worker,
};

/// What `serve` takes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ServeArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", env = "MILESTONE_LISTEN", default_value = "127.0.0.1:8080")]
    pub(super) listen: SocketAddr,
    /// Mark a new database demo (its calendar can be moved); refuse any other
    #[arg(long)]
    pub(super) demo: bool,
    /// In development: ask this loopback server for senders' keys instead of Atlassian and Google
    #[arg(long, value_name = "URL")]
    pub(super) development_key_server: Option<String>,
    /// In development: believe what the Firebase and Pub/Sub emulators send without any signature
    #[arg(long)]
    pub(super) development_trust_emulators: bool,
}

impl ServeArgs {
    /// What is believed in development only. Refused where anybody but this machine could use it.
    fn development(&self) -> anyhow::Result<Development> {
        let development = Development {
            key_server: self.development_key_server.clone(),
            trusts_emulators: self.development_trust_emulators,
        };
        if development != Development::default() && !self.listen.ip().is_loopback() {
            let message =
                "the development switches make forged deliveries believable, and --listen is reachable by others";
            let hint = "listen on 127.0.0.1 or [::1], or leave the --development switches away";
            return Err(Stop::new(Exit::Usage, message, hint).into());
        }
        Ok(development)
    }
}

/// Serves until SIGINT or SIGTERM, then lets running work end.
pub(super) async fn run(options: &GlobalOptions, args: &ServeArgs, _output: &mut Output) -> anyhow::Result<Exit> {
    start_logging(options, "milestone_gateway=info")?;
    let development = args.development()?;
    if development != Development::default() {
        tracing::warn!("development switches are on: whoever reaches this port may forge what senders say");
    }
    let opening = Opening { demo: args.demo, check_drift: true, development };
    let system = context::open_system(options, opening).await?;
    let running = Running::start(system, args.listen)?;
    tracing::info!(address = %running.address, demo = args.demo, "listening");
    let supervised = running.system.supervise();
    tokio::select! {
        () = a_signal()? => tracing::info!("stopping: no new work is taken, running work ends"),
        why = supervised => {
            running.stop().await?;
            bail!("the private PostgreSQL is gone: {why}");
        }
    }
    running.stop().await?;
    Ok(Exit::Done)
}

/// Logs to standard error; `RUST_LOG` chooses the level of our own product databases only.
pub(super) fn start_logging(options: &GlobalOptions, default: &str) -> anyhow::Result<()> {
    let format = match options.log_format {
        Some(LogFormatWord::Json) => telemetry::LogFormat::Json,
        Some(LogFormatWord::Pretty) | None => telemetry::LogFormat::Pretty,
    };
    let chosen = std::env::var("RUST_LOG").unwrap_or_else(|_| default.to_owned());
    telemetry::init(format, Some(&chosen))?;
    telemetry::install_panic_hook();
    Ok(())
}

pub(super) fn a_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be watched")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be watched")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// A server and its workers on an opened system.
pub(super) struct Running {
    pub(super) system: System,
    pub(super) address: SocketAddr,
    stop: watch::Sender<bool>,
    edge: JoinHandle<std::io::Result<()>>,
    worker: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

impl Running {
    /// Listens and starts to work.
    pub(super) fn start(system: System, listen: SocketAddr) -> anyhow::Result<Self> {
        let metrics = telemetry::install_recorder().context("metrics cannot be recorded")?;
        let upkeep = tokio::spawn(telemetry::keep_metrics_up(metrics.clone()));
        let text: http::MetricsText = Arc::new(move || metrics.render());
        let runtime = tokio::runtime::Handle::current();
        let edge = Edge::new(system.gateway.clone(), text, EdgeSettings::new(listen), runtime);
        let listening = http::start(edge).with_context(|| format!("cannot listen on {listen}"))?;
        let address = listening.address();
        let (stop, stopped) = watch::channel(false);
        let edge = tokio::spawn(listening.run_until(until(stopped.clone())));
        let worker = tokio::spawn(worker::run(system.gateway.clone(), worker::Settings::default(), until(stopped)));
        Ok(Self { system, address, stop, edge, worker, upkeep })
    }

    /// Takes no new work, lets running work end, closes the database.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        let Self { system, stop, edge, worker, upkeep, .. } = self;
        let _ = stop.send(true);
        edge.await.context("the edge ended abnormally")?.context("the edge did not stop")?;
        worker.await.context("the worker ended abnormally")?;
        upkeep.abort();
        system.close().await?;
        Ok(())
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which stops as well.
    let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
}
