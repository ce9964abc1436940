//! What operators' machines ask: alive, ready, metrics, and what the routes are.
//!
//! Unauthenticated, so whatever costs a connection is asked by one caller at a time and believed for a moment.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use tokio::time::timeout;

use super::{edge::Edge, openapi::description, problem};
use crate::app::support::report;
use crate::domain::metric::{EVENT_QUEUE_PENDING, INFLIGHT_BYTES};

/// How long the databases may take to answer before we are not ready.
const READINESS_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a scrape waits for the number of waiting events.
const BACKLOG_TIMEOUT: Duration = Duration::from_millis(500);
/// The media type of the Prometheus text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /healthz`: the process is alive. Asks nobody, so that a database away does not restart the process.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "alive" }))
}

/// `GET /readyz`: intake can commit and the product database answers.
pub(super) async fn ready(request: HttpRequest, edge: web::Data<Edge>) -> HttpResponse {
    match edge.readiness.get(ask_readiness(&edge)).await {
        Ok(()) => HttpResponse::Ok().json(serde_json::json!({ "status": "ready" })),
        Err(status) => problem::response(&request, status),
    }
}

async fn ask_readiness(edge: &Edge) -> Result<(), StatusCode> {
    let gateway = edge.gateway.clone();
    let asked = edge.on_main(async move { timeout(READINESS_TIMEOUT, report::readiness(&gateway)).await }).await;
    match asked {
        Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(error))) => {
            tracing::warn!(error = %error.chain(), "not ready");
            Err(problem::status_of(&error))
        }
        Some(Err(_)) => {
            tracing::warn!("not ready: the databases did not answer in time");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
        None => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// `GET /metrics`: the process's metrics, with the gauges that are only measured when somebody looks.
pub(super) async fn metrics(edge: web::Data<Edge>) -> HttpResponse {
    let pending = edge.pending_events.get(ask_pending(&edge)).await;
    // Not a number means that nobody knows; the last number would claim that nothing had changed.
    metrics::gauge!(EVENT_QUEUE_PENDING).set(pending.map_or(f64::NAN, |count| number(count.try_into())));
    metrics::gauge!(INFLIGHT_BYTES).set(number(edge.budget.held().try_into()));
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, PROMETHEUS_TEXT)).body((edge.metrics)())
}

async fn ask_pending(edge: &Edge) -> Option<i64> {
    let gateway = edge.gateway.clone();
    let asked = edge.on_main(async move { timeout(BACKLOG_TIMEOUT, report::backlog(&gateway)).await }).await;
    let (events, _) = asked?.ok()?.ok()?;
    Some(events)
}

fn number<E>(count: Result<u32, E>) -> f64 {
    f64::from(count.unwrap_or(u32::MAX))
}

/// `GET /openapi.json`: the description that is also committed as `docs/openapi.json`.
pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().json(description())
}
