//! `openapi`: the description of the HTTP API, as the code has it.

use super::{exit::Exit, output::Output};

/// Prints the description.
pub(super) fn run(output: &mut Output) -> anyhow::Result<Exit> {
    output.json(&crate::http::description())?;
    Ok(Exit::Done)
}
