//! The edge: webhooks of senders, and what operators' machines ask (alive, ready, metrics, description).
//!
//! ```text
//! socket ─▶ stamp (request id, span, security headers) ─▶ configure ─┬─▶ webhooks    headers ▸ begin ▸ bytes under budget
//!                                                                    │               and deadline ▸ finish ▸ the sender's status
//!                                                                    ├─▶ operations  alive, ready, metrics, description
//!                                                                    └─▶ problem     everything that is not 2xx and not a sender's
//! ```
//!
//! Promises: a request holds memory for its body only within the global budget and only until its deadline; nothing that
//! a caller sent is echoed or logged, only our own request id, closed words and counts; whatever touches a database runs
//! on the main runtime, never on a worker thread of the server.
//!
//! It decides nothing: whether a delivery is taken is the business of `app`. TLS ends before it.

mod body;
mod budget;
mod call_id;
mod edge;
mod openapi;
mod operations;
mod problem;
mod recent;
mod server;
mod stamp;
mod webhooks;

use actix_web::{http::Method, web};

use crate::app::{contract::Inbound, contracts};
use crate::domain::SourceKind;

pub use edge::{Edge, EdgeSettings, MetricsText};
pub use openapi::description;
pub use server::start;

/// Every route. A path that is not here is answered by a problem of status 404, a wrong method by one of 405.
pub fn configure(services: &mut web::ServiceConfig) {
    for (kind, contract) in contracts() {
        if let Some(inbound) = &contract.inbound {
            services.service(deliveries(kind, inbound));
        }
    }
    services
        .service(web::resource("/healthz").route(web::get().to(operations::alive)))
        .service(web::resource("/readyz").route(web::get().to(operations::ready)))
        .service(web::resource("/metrics").route(web::get().to(operations::metrics)))
        .service(web::resource("/openapi.json").route(web::get().to(operations::openapi)))
        .default_service(web::to(problem::no_such_route));
}

/// The route of one kind of sender, as its contract says.
fn deliveries(kind: SourceKind, inbound: &Inbound) -> actix_web::Resource {
    let resource = web::resource(webhooks::path(inbound))
        .route(web::post().to(move |request, payload, edge| webhooks::deliver(request, payload, edge, kind)));
    if inbound.answers_handshake {
        resource.route(web::method(Method::OPTIONS).to(webhooks::cloudevents_handshake))
    } else {
        resource
    }
}

#[cfg(test)]
mod tests;
