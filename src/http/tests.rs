//! The routes as a caller meets them, without databases.

use std::{collections::BTreeSet, sync::Arc};

use actix_web::{
    body::BoxBody,
    dev::ServiceResponse,
    http::{Method, StatusCode, header},
    test::{TestRequest, call_service, init_service, read_body},
};
use serde_json::Value;

use super::{description, problem::PROBLEM_JSON, server::app, stamp::REQUEST_ID, webhooks};
use crate::app::contracts;

/// Calls a route of an app whose randomness is always sevens and whose handlers share nothing.
async fn call(method: Method, path: &str) -> ServiceResponse<BoxBody> {
    let app = init_service(app(Arc::new(|buffer: &mut [u8]| buffer.fill(7)))).await;
    let request = TestRequest::with_uri(path).method(method).insert_header((REQUEST_ID, "canary"));
    call_service(&app, request.to_request()).await
}

fn header_of(answer: &ServiceResponse<BoxBody>, name: &str) -> String {
    let value = answer.headers().get(name).unwrap_or_else(|| panic!("{name} is missing"));
    value.to_str().expect("it is text").to_owned()
}

fn described() -> Vec<(Method, String)> {
    let description = description();
    let paths = description["paths"].as_object().expect("paths are an object");
    paths
        .iter()
        .flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(method, _)| (method, path.clone())))
        .map(|(method, path)| (method.to_uppercase().parse().expect("it is a method"), path))
        .collect()
}

#[tokio::test]
async fn every_answer_carries_our_request_id_and_the_headers_that_bind_browsers() {
    for (path, status) in [("/healthz", 200), ("/openapi.json", 200), ("/nowhere", 404), ("/webhooks/jira/acme", 405)] {
        let answer = call(Method::GET, path).await;

        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(header_of(&answer, REQUEST_ID), "07".repeat(16));
        assert_eq!(header_of(&answer, "strict-transport-security"), "max-age=31536000; includeSubDomains");
        assert_eq!(header_of(&answer, "cache-control"), "no-store");
        assert_eq!(header_of(&answer, "x-content-type-options"), "nosniff");
        assert!(!answer.headers().contains_key(header::SERVER));
    }
}

#[tokio::test]
async fn a_path_that_is_no_route_is_a_problem_that_does_not_repeat_it() {
    for path in ["/nowhere/canary?canary=1", "/healthz/", "/webhooks/jira", "/webhooks/jira/a/b", "/"] {
        let answer = call(Method::POST, path).await;

        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header_of(&answer, "content-type"), PROBLEM_JSON);
        let body = read_body(answer).await;
        let problem: Value = serde_json::from_slice(&body).expect("it is JSON");
        assert_eq!((&problem["status"], &problem["instance"]), (&404.into(), &"07".repeat(16).into()));
        assert!(!String::from_utf8_lossy(&body).contains("canary"));
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_lists_the_right_ones() {
    for (method, path, allow) in [
        (Method::GET, "/webhooks/jira/canary", "POST"),
        (Method::DELETE, "/readyz", "GET"),
        (Method::POST, "/metrics", "GET"),
    ] {
        let answer = call(method, path).await;

        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(header_of(&answer, "allow"), allow);
        assert_eq!(header_of(&answer, "content-type"), PROBLEM_JSON);
        let body = read_body(answer).await;
        let problem: Value = serde_json::from_slice(&body).expect("it is JSON");
        assert_eq!((&problem["status"], &problem["title"]), (&405.into(), &"Method Not Allowed".into()));
        assert!(!String::from_utf8_lossy(&body).contains("canary"));
    }
}

#[tokio::test]
async fn every_described_operation_is_a_route() {
    for (method, path) in described() {
        let tail = if path.contains("forge") { "events" } else { "installed" };
        let answer = call(method, &path.replace("{source}", "acme").replace("{tail}", tail)).await;

        // Handlers that want what this app does not share fail later, which is none of this test's business.
        assert!(![StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&answer.status()), "{path}");
    }
}

#[test]
fn every_route_is_described() {
    // A part of a path that is one of several words stands as `{tail:…}` in the route and as `{tail}` in the description.
    let plain = |route: &str| match route.split_once(':') {
        Some((before, after)) => format!("{before}{}", after.trim_start_matches(|letter| letter != '}')),
        None => route.to_owned(),
    };
    let inbound = contracts().filter_map(|(_, contract)| contract.inbound.as_ref());
    let senders: Vec<String> = inbound.map(webhooks::path).collect();
    let expected = [
        "/webhooks/jira/{source}",
        "/webhooks/forge/{source}/{tail:events|lifecycle|pre-uninstall|heartbeat}",
        "/webhooks/connect/{source}/{tail:installed|enabled|disabled|uninstalled|webhook}",
        "/webhooks/pubsub/{source}",
        "/webhooks/cloudevents/{source}",
        "/webhooks/firebase/{source}",
    ];
    assert_eq!(senders, expected);
    let routes: BTreeSet<String> = include_str!("mod.rs")
        .split('"')
        .filter(|text| text.starts_with('/') && !text.contains('\n'))
        .map(plain)
        .chain(senders.iter().map(|route| plain(route)))
        .collect();

    let described = described();
    assert_eq!(routes, described.iter().map(|(_, path)| path.clone()).collect());
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let description = description();
    let mut found = Vec::new();
    references(&description, &mut found);

    assert!(!found.is_empty());
    for reference in found {
        assert!(description.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_served_and_the_committed_description_are_the_same() {
    let committed = include_str!("../../docs/openapi.json");

    let served: Value =
        serde_json::from_slice(&read_body(call(Method::GET, "/openapi.json").await).await).expect("JSON");

    assert_eq!(served, description());
    assert_eq!(committed, format!("{:#}\n", description()), "run: cargo run -- openapi > docs/openapi.json");
}
