//! The real binary with no database named: a private PostgreSQL that is ready for the main job.

use std::{
    net::{SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn without_a_database_serve_starts_one_of_its_own_and_is_ready() {
    let folder = std::env::temp_dir().join(format!("milestone-gateway-quick-{}", std::process::id()));
    // As root the private PostgreSQL runs as another user, who has to pass through.
    std::fs::DirBuilder::new().mode(0o711).create(&folder).unwrap();
    let address: SocketAddr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_milestone-gateway"))
        .args(["serve", "--listen", &address.to_string()])
        .env_remove("DATABASE_URL")
        .env("MILESTONE_DATA_DIR", folder.join("data"))
        .env("MILESTONE_KEYRING_FILE", folder.join("keys/keyring.json"))
        .env("RUST_LOG", "milestone_gateway=error")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();

    let client = reqwest::Client::builder().build().unwrap();
    let began = Instant::now();
    let mut status = None;
    while status != Some(200) && began.elapsed() < PATIENCE && server.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let answer = client.get(format!("http://{address}/readyz")).send().await;
        status = answer.ok().map(|answer| answer.status().as_u16());
    }
    // SIGINT lets it stop its private PostgreSQL; a test that fails leaves none behind either.
    let pid = rustix::process::Pid::from_raw(server.id().cast_signed()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    let ended = server.wait().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();

    assert_eq!(status, Some(200), "it was not ready");
    assert!(ended.success(), "it did not end well: {ended}");
}
