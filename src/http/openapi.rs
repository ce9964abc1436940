//! The description of the routes, as OpenAPI 3.1. Committed as `docs/openapi.json` and served at `/openapi.json`.

use serde_json::{Value, json};

use super::{problem::PROBLEM_JSON, stamp::REQUEST_ID};
use crate::app::accept_event::EVENT_BODY_BYTES_MAX;

/// The description. Always the same for one build; a test holds that it names every route and no other.
pub fn description() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Milestone Gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "license": { "name": "Apache License 2.0", "identifier": "Apache-2.0" },
        },
        "tags": [
            { "name": "webhooks", "description": "Deliveries of senders, answered as their contracts expect." },
            { "name": "operations", "description": "What operators' machines ask. Keep it off the public network." },
        ],
        "paths": {
            "/webhooks/jira/{source}": { "post": jira() },
            "/healthz": { "get": alive() },
            "/readyz": { "get": ready() },
            "/metrics": { "get": metrics() },
            "/openapi.json": { "get": openapi() },
        },
        "components": {
            "securitySchemes": { "hubSignature": hub_signature() },
            "headers": { "RequestId": request_id(), "RetryAfter": retry_after() },
            "responses": { "Problem": problem() },
            "schemas": { "Problem": problem_schema() },
        },
    })
}

fn jira() -> Value {
    let unavailable = json!({
        "description": "We are unable just now: repeat. Says nothing about the signature.",
        "headers": { REQUEST_ID: header("RequestId"), "Retry-After": header("RetryAfter") },
    });
    json!({
        "operationId": "deliverJira",
        "tags": ["webhooks"],
        "summary": "One delivery of a webhook that a Jira administrator registered.",
        "description": "Acknowledged means committed: a 200 is given only when the event is durable. A repeated delivery \
            is acknowledged again and changes nothing. Senders' answers have no body.",
        "security": [{ "hubSignature": [] }],
        "parameters": [source(), identifier()],
        "requestBody": {
            "required": true,
            "description": format!(
                "At most {EVENT_BODY_BYTES_MAX} bytes, verified as bytes before they are understood."
            ),
            "content": { "application/json": { "schema": { "type": "object" } } },
        },
        "responses": {
            "200": empty("Committed, now or before."),
            "401": empty("No such source, or no valid signature. All causes look alike."),
            "408": empty("The body did not arrive within its deadline: repeat."),
            "413": empty("The body is too large. Repeating is of no use."),
            "503": unavailable,
            "default": problem_reference(),
        },
    })
}

fn source() -> Value {
    json!({
        "name": "source",
        "in": "path",
        "required": true,
        "description": "The name under which the source was registered.",
        "schema": { "type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$" },
        "example": "acme",
    })
}

fn identifier() -> Value {
    json!({
        "name": "X-Atlassian-Webhook-Identifier",
        "in": "header",
        "required": false,
        "description": "Stays the same when a delivery is repeated. Without it the body's digest tells repetitions.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 256 },
    })
}

fn hub_signature() -> Value {
    json!({
        "type": "apiKey",
        "in": "header",
        "name": "X-Hub-Signature",
        "description": "`sha256=` and the HMAC of the raw body under the source's secret, in hexadecimal.",
    })
}

fn alive() -> Value {
    let answer = json!({ "200": status("The process is alive.", "alive"), "default": problem_reference() });
    operation("isAlive", "Whether the process is alive. Asks no database.", &answer)
}

fn ready() -> Value {
    let answer = json!({
        "200": status("Intake can commit and the target answers.", "ready"),
        "503": problem_reference(),
        "default": problem_reference(),
    });
    operation("isReady", "Whether deliveries can be committed now, as of at most a second ago.", &answer)
}

fn metrics() -> Value {
    let answer = json!({
        "200": content("The metrics.", "text/plain", &json!({ "type": "string" })),
        "default": problem_reference(),
    });
    operation("readMetrics", "Metrics in the Prometheus text format. Counts and closed words, no ids.", &answer)
}

fn openapi() -> Value {
    let answer = json!({
        "200": content("The description.", "application/json", &json!({ "type": "object" })),
        "default": problem_reference(),
    });
    operation("readDescription", "This description.", &answer)
}

fn operation(id: &str, summary: &str, responses: &Value) -> Value {
    json!({
        "operationId": id,
        "tags": ["operations"],
        "summary": summary,
        "security": [],
        "responses": responses,
    })
}

fn status(text: &str, word: &str) -> Value {
    let schema = json!({
        "type": "object",
        "required": ["status"],
        "properties": { "status": { "const": word } },
        "additionalProperties": false,
    });
    content(text, "application/json", &schema)
}

fn content(text: &str, media_type: &str, schema: &Value) -> Value {
    json!({
        "description": text,
        "headers": { REQUEST_ID: header("RequestId") },
        "content": { media_type: { "schema": schema } },
    })
}

fn empty(text: &str) -> Value {
    json!({ "description": text, "headers": { REQUEST_ID: header("RequestId") } })
}

fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

fn problem_reference() -> Value {
    json!({ "$ref": "#/components/responses/Problem" })
}

fn request_id() -> Value {
    json!({
        "description": "The id of this request in our log.",
        "required": true,
        "schema": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
    })
}

fn retry_after() -> Value {
    json!({
        "description": "After how many seconds to repeat.",
        "required": true,
        "schema": { "type": "integer", "minimum": 1 },
    })
}

fn problem() -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    content("A problem (RFC 9457).", PROBLEM_JSON, &schema)
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "instance"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string" },
            "instance": { "type": "string", "description": "The id of the request, as in X-Request-Id." },
        },
    })
}
