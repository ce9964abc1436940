//! The description of the routes, as OpenAPI 3.1. Committed as `docs/openapi.json` and served at `/openapi.json`.

use serde_json::{Map, Value, json};

use super::{problem::PROBLEM_JSON, stamp::REQUEST_ID};
use crate::app::{
    contract::{Authentication, BodySignature, Contract, Described, DescribedHeader, Inbound, Tail, TokenScheme},
    contracts,
    intake::delivery::EVENT_BODY_BYTES_MAX,
};

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
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "hubSignature": hub_signature(),
                "standardWebhooks": standard_webhooks(),
                "forgeInvocationToken": bearer("A Forge invocation token: RS256, Atlassian's keys, our app as audience."),
                "googleOidc": bearer("Google's OIDC token: RS256, Google's keys, the configured audience and account."),
                "connectJwt": connect_jwt(),
            },
            "headers": { "RequestId": request_id(), "RetryAfter": retry_after() },
            "responses": { "Problem": problem() },
            "schemas": { "Problem": problem_schema() },
        },
    })
}

/// Every route: those of senders, as their contracts say, and our own.
fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for (_, contract) in contracts() {
        let Some(inbound) = &contract.inbound else { continue };
        let tail = if inbound.tails.is_empty() { "" } else { "/{tail}" };
        let mut methods = json!({ "post": deliver(contract, inbound) });
        if inbound.answers_handshake {
            methods["options"] = cloudevents_handshake();
        }
        paths.insert(format!("{}{tail}", inbound.path("{source}")), methods);
    }
    paths.insert("/healthz".to_owned(), json!({ "get": alive() }));
    paths.insert("/readyz".to_owned(), json!({ "get": ready() }));
    paths.insert("/metrics".to_owned(), json!({ "get": metrics() }));
    paths.insert("/openapi.json".to_owned(), json!({ "get": openapi() }));
    paths
}

/// The security scheme that describes what proves a delivery.
const fn security(authentication: Authentication) -> Option<&'static str> {
    match authentication {
        Authentication::Nothing => None,
        Authentication::BodySignature(BodySignature::HubHmac) => Some("hubSignature"),
        Authentication::BodySignature(BodySignature::StandardWebhooks) => Some("standardWebhooks"),
        Authentication::Token(TokenScheme::ForgeFit { .. }) => Some("forgeInvocationToken"),
        Authentication::Token(TokenScheme::GoogleOidc { .. }) => Some("googleOidc"),
        Authentication::Token(TokenScheme::ConnectJwt { .. }) => Some("connectJwt"),
    }
}

fn deliver(contract: &Contract, inbound: &Inbound) -> Value {
    let Described { operation, summary, headers, media_types } = &inbound.described;
    let accepted = inbound.accepted.to_string();
    let unavailable = json!({
        "description": "We are unable just now: repeat. Says nothing about the credential.",
        "headers": { REQUEST_ID: header("RequestId"), "Retry-After": header("RetryAfter") },
    });
    let mut parameters = vec![source()];
    if !inbound.tails.is_empty() {
        parameters.push(tail(inbound.tails));
    }
    parameters.extend(headers.iter().map(read_header));
    let security: Vec<Value> =
        security(contract.authentication).map(|scheme| json!({ scheme: [] })).into_iter().collect();
    let content: Map<String, Value> =
        media_types.iter().map(|media_type| ((*media_type).to_owned(), json!({ "schema": {} }))).collect();
    json!({
        "operationId": operation,
        "tags": ["webhooks"],
        "summary": summary,
        "description": format!("Acknowledged means committed: a {accepted} is given only when every event of the delivery \
            is durable. A repeated delivery is acknowledged again and changes nothing. Senders' answers have no body."),
        "security": security,
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "description": format!(
                "At most {EVENT_BODY_BYTES_MAX} bytes, for some kinds less, verified before they are understood."
            ),
            "content": content,
        },
        "responses": {
            accepted: empty("Committed, now or before."),
            "401": empty("No such source, or no valid credential. All causes look alike."),
            "408": empty("The body did not arrive within its deadline: repeat."),
            "413": empty("The body is too large. Repeating is of no use."),
            "503": unavailable,
            "default": problem_reference(),
        },
    })
}

fn cloudevents_handshake() -> Value {
    json!({
        "operationId": "askToDeliverCloudEvents",
        "tags": ["webhooks"],
        "summary": "The handshake of a CloudEvents sender. Answered alike for every source.",
        "security": [],
        "parameters": [source()],
        "responses": { "204": empty("It may send; WebHook-Allowed-Origin and -Rate say so."), "default": problem_reference() },
    })
}

fn tail(tails: &[Tail]) -> Value {
    let words: Vec<&str> = tails.iter().map(|tail| tail.word).collect();
    json!({
        "name": "tail",
        "in": "path",
        "required": true,
        "description": "Which of the sender's calls this is.",
        "schema": { "type": "string", "enum": words },
    })
}

fn bearer(description: &str) -> Value {
    json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description })
}

fn connect_jwt() -> Value {
    json!({
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`JWT ` and a token: RS256 by Atlassian for installs, HS256 by the installation's secret for the rest.",
    })
}

fn standard_webhooks() -> Value {
    json!({
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "Standard Webhooks 1.0: `v1,` and the HMAC of id, time and body under the source's secret, in base64.",
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

fn read_header(header: &DescribedHeader) -> Value {
    json!({
        "name": header.name,
        "in": "header",
        "required": false,
        "description": header.description,
        "schema": { "type": "string", "minLength": 1, "maxLength": header.length_max },
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
        "200": status("Intake can commit and the product database answers.", "ready"),
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
