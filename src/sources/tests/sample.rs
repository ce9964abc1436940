//! Deliveries for tests: what senders really sent, and the same with one value changed.

use serde_json::Value;

use crate::domain::delivery::Headers;

/// A captured request.
pub(in crate::sources) struct Captured {
    pub(in crate::sources) headers: Headers,
    pub(in crate::sources) body: Vec<u8>,
}

/// Reads a vector of the form `{headers, body_raw}`.
pub(in crate::sources) fn captured(vector: &str) -> Captured {
    let request: Value = serde_json::from_str(vector).expect("a vector is JSON");
    let mut headers = Headers::default();
    for header in request["headers"].as_array().expect("a list of headers") {
        headers.push(header[0].as_str().expect("a name"), header[1].as_str().expect("a value").as_bytes());
    }
    Captured { headers, body: request["body_raw"].as_str().expect("a body").as_bytes().to_vec() }
}

/// Headers by name and value.
pub(in crate::sources) fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| (*name, value.as_bytes())).collect()
}

/// A vector with the value at `pointer` replaced, or taken out.
pub(in crate::sources) fn changed(vector: &str, pointer: &str, value: Option<Value>) -> String {
    let mut body: Value = serde_json::from_str(vector).expect("a vector is JSON");
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
    body.to_string()
}
