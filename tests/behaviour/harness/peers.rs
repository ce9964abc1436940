//! Senders that other people wrote, as programs: npm packages and emulators. `scripts/peers` installs them.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

fn peers_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// Says why a test did nothing, or not all.
#[expect(clippy::print_stderr, reason = "a test that did nothing must say so")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// The node that runs the peers, or the reason why none does. The reason is printed: a test that did nothing must say so.
pub(crate) fn node(test: &str) -> Option<String> {
    let skip = |why: &str| {
        say(&format!("SKIP {test}: {why}"));
        None
    };
    if !peers_folder().join("node_modules").exists() {
        return skip("the npm packages are not installed; run scripts/peers");
    }
    match std::env::var("MILESTONE_NODE") {
        Ok(node) if node.is_empty() => skip("no node that can run the peers"),
        Ok(node) => Some(node),
        Err(_) => match Command::new("node").arg("--version").output() {
            Ok(output) if output.status.success() => Some("node".to_owned()),
            Ok(_) | Err(_) => skip("there is no node"),
        },
    }
}

/// Lets an npm package make and post one delivery. Returns the answer's status.
pub(crate) async fn delivers(node: &str, kind: &str, parameters: Value) -> u16 {
    let (node, kind) = (node.to_owned(), kind.to_owned());
    let said = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(node)
            .arg(peers_folder().join("deliver.mjs"))
            .arg(kind)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(parameters.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        output.stdout
    });
    let answer: Value = serde_json::from_slice(&said.await.unwrap()).unwrap();
    answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status")
}

/// A running emulator; dropping it stops it.
pub(crate) struct Emulator {
    child: Child,
    pub(crate) ready: Value,
}

impl Emulator {
    /// Starts one. `None`, with the reason printed, where it cannot run.
    pub(crate) async fn start(
        node: &str,
        script: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Option<Self> {
        let mut command = Command::new(node);
        command.arg(peers_folder().join(script)).args(arguments).envs(environment.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (line, rest) = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(stdout);
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            (line, lines)
        })
        .await
        .unwrap();
        // Whatever it says afterwards must not fill the pipe.
        std::thread::spawn(move || rest.bytes().count());
        let Some(ready) = line.strip_prefix("READY ") else {
            say(&line);
            assert!(line.starts_with("SKIP"), "{script} said {line:?}");
            child.wait().unwrap();
            return None;
        };
        Some(Self { child, ready: serde_json::from_str(ready).unwrap() })
    }

    /// An address that it has told.
    pub(crate) fn address(&self, name: &str) -> SocketAddr {
        self.ready[name].as_str().and_then(|text| text.parse().ok()).expect("an address")
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
