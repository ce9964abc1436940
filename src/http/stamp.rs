//! What every answer carries: our request id and the headers that bind browsers and caches; and the span of a request.

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use tracing::Instrument;

use super::{
    call_id::{CallId, Randomness},
    problem,
};

/// The header that tells our request id.
pub(super) const REQUEST_ID: &str = "X-Request-Id";

const FIXED_HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// Gives a request its id and span, and its answer the headers that every answer carries.
pub(super) async fn stamp<B: MessageBody + 'static>(
    randomness: Randomness,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let call = CallId::new(&randomness);
    request.extensions_mut().insert(call.clone());
    // Neither path nor address: both are the caller's words.
    let span = tracing::info_span!("request", request_id = call.as_str());
    let answer = next.call(request).instrument(span).await?.map_into_boxed_body();
    let mut answer = if answer.status() == StatusCode::METHOD_NOT_ALLOWED { explained(answer) } else { answer };
    let headers = answer.headers_mut();
    for (name, value) in FIXED_HEADERS {
        headers.insert(name, value);
    }
    if let Ok(value) = HeaderValue::from_str(call.as_str()) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    Ok(answer)
}

/// `web::resource` answers a wrong method with `Allow` and no body; this keeps the header and adds the problem.
fn explained(answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let allow = answer.headers().get(header::ALLOW).cloned();
    let (request, _) = answer.into_parts();
    let problem = problem::wrong_method(&request, allow);
    ServiceResponse::new(request, problem)
}
