//! The `milestone-gateway` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    milestone_gateway::run()
}
