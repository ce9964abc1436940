//! The private PostgreSQL against a real one. Each test has a data directory and a server of its own.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    sync::atomic::AtomicU32,
};

use rustix::process::{Pid, Signal, kill_process};

use super::*;

const CANARY: &str = "canary-7f3a";
const READY_AGAIN_POLL: Duration = Duration::from_millis(20);
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A data directory of one test. Removed at its end, with the server if the test left one.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("mg-embedded-{}-{number}", std::process::id()));
        fs::DirBuilder::new().mode(0o755).create(&dir).unwrap();
        Self(dir)
    }

    fn data_dir(&self) -> PathBuf {
        self.0.join("data")
    }

    async fn start(&self) -> Embedded {
        self.try_start().await.unwrap()
    }

    async fn try_start(&self) -> Result<Embedded, EmbeddedError> {
        start_or_attach(EmbeddedOptions { pg_bin: None, data_dir: Some(self.data_dir()) }).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Ok(layout) = Layout::prepare(&Surroundings::of_this_process(), Some(&self.data_dir())) {
            if let Some(left) = Postmaster::find(&layout) {
                let _ = left.stop(&layout);
            }
            let _ = fs::remove_dir_all(&layout.socket_dir);
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn connect(embedded: &Embedded) -> tokio_postgres::Client {
    let settings = embedded.connection_string("postgres", "postgres");
    let (client, connection) = tokio_postgres::connect(&settings, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn setting(client: &tokio_postgres::Client, name: &str) -> String {
    client.query_one("SELECT current_setting($1)", &[&name]).await.unwrap().get(0)
}

fn kill_9(pid: u32) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_starts_it_others_attach_and_the_last_stops_it() {
    let place = Place::new();

    let first = place.start().await;
    let second = place.start().await;

    assert_eq!(first.pid(), second.pid());
    assert_eq!(first.socket_dir(), second.socket_dir());
    assert_eq!(setting(&connect(&second).await, "fsync").await, "on");
    assert!(!first.stop_if_last().await.unwrap(), "somebody still uses it");
    let _still_there = connect(&second).await;
    let layout = second.shared.layout.clone();
    assert!(second.stop_if_last().await.unwrap());
    assert!(Postmaster::find(&layout).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_start_at_once_share_one_server() {
    let place = Place::new();

    let (first, second) = tokio::join!(place.start(), place.start());

    assert_eq!(first.pid(), second.pid());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_durable_private_and_silent_about_values() {
    let place = Place::new();
    let embedded = place.start().await;
    let client = connect(&embedded).await;

    let refused = client.execute("SELECT $1::text::integer", &[&CANARY]).await;
    let refused_too = client.batch_execute(&format!("SELECT '{CANARY}'::uuid")).await;

    assert!(refused.is_err() && refused_too.is_err());
    let log = fs::read_to_string(embedded.data_dir().join("server.log")).unwrap();
    assert!(log.contains("ready to accept connections") && !log.contains(CANARY), "{log}");
    for (name, value) in [("data_checksums", "on"), ("full_page_writes", "on"), ("listen_addresses", "")] {
        assert_eq!(setting(&client, name).await, value, "{name}");
    }
    assert_eq!(setting(&client, "server_encoding").await, "UTF8");
    let socket_dir = fs::metadata(embedded.socket_dir()).unwrap();
    assert_eq!(socket_dir.permissions().mode() & 0o777, 0o700);
    assert_eq!(socket_dir.uid(), fs::metadata(embedded.data_dir().join("cluster")).unwrap().uid());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_started_again_and_keeps_what_was_committed() {
    let place = Place::new();
    let embedded = place.start().await;
    let other = place.start().await;
    connect(&embedded).await.batch_execute("CREATE TABLE kept AS SELECT 1 AS one").await.unwrap();
    let killed = embedded.pid();
    let supervision = [tokio::spawn(embedded.supervise()), tokio::spawn(other.supervise())];

    kill_9(killed);
    while embedded.pid() == killed || other.pid() == killed {
        tokio::time::sleep(READY_AGAIN_POLL).await;
    }

    assert_eq!(embedded.pid(), other.pid(), "one of them restarted it and the other attached");
    assert_eq!(connect(&other).await.query("SELECT one FROM kept", &[]).await.unwrap().len(), 1);
    assert!(!supervision[0].is_finished() && !supervision[1].is_finished());
    assert!(!other.stop_if_last().await.unwrap());
    assert!(embedded.stop_if_last().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_killed_gateway_the_next_one_attaches() {
    let place = Place::new();
    let killed = place.start().await;
    let pid = killed.pid();

    // A killed process leaves its locks and nothing else; dropping does the same.
    drop(killed);
    let next = place.start().await;

    assert_eq!(next.pid(), pid);
    assert!(next.stop_if_last().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_id_that_now_belongs_to_somebody_else_does_not_prevent_the_start() {
    let place = Place::new();
    let embedded = place.start().await;
    let pid_file = embedded.data_dir().join("cluster/postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    let stale = text.replacen(&embedded.pid().to_string(), &std::process::id().to_string(), 1);
    kill_9(embedded.pid());
    while embedded.shared.running.lock().unwrap().is_alive(&embedded.shared.layout) {
        tokio::time::sleep(READY_AGAIN_POLL).await;
    }
    fs::write(&pid_file, stale).unwrap();

    let again = place.start().await;

    assert_ne!(again.pid(), std::process::id());
    assert_eq!(setting(&connect(&again).await, "fsync").await, "on");
}

#[tokio::test]
async fn a_directory_with_other_peoples_files_is_refused_and_left_untouched() {
    let place = Place::new();
    fs::create_dir(place.data_dir()).unwrap();
    fs::write(place.data_dir().join("PG_VERSION"), "15\n").unwrap();

    let error = place.try_start().await.unwrap_err();

    assert!(matches!(error, EmbeddedError::ForeignDirectory { .. }));
    let message = error.to_string();
    assert!(message.contains(place.data_dir().to_str().unwrap()) && message.contains("--data-dir"), "{message}");
    assert_eq!(fs::read_dir(place.data_dir()).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_another_major_version_is_refused_with_what_to_install() {
    let place = Place::new();
    assert!(place.start().await.stop_if_last().await.unwrap());
    fs::write(place.data_dir().join("cluster/PG_VERSION"), "9.6\n").unwrap();

    let error = place.try_start().await.unwrap_err();

    assert!(matches!(error, EmbeddedError::OtherVersion { .. }));
    assert!(error.to_string().contains("made by PostgreSQL 9.6"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_initdb_leaves_nothing_half_made() {
    let place = Place::new();
    fs::create_dir_all(place.data_dir().join("cluster.new/base")).unwrap();
    fs::write(place.data_dir().join("cluster.new/PG_VERSION"), "15\n").unwrap();
    fs::write(place.data_dir().join("milestone-gateway.made"), "").unwrap();

    let embedded = place.start().await;

    assert!(!place.data_dir().join("cluster.new").exists());
    assert_eq!(setting(&connect(&embedded).await, "data_checksums").await, "on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_start_is_reported_with_its_own_words() {
    let place = Place::new();
    assert!(place.start().await.stop_if_last().await.unwrap());
    fs::write(place.data_dir().join("cluster/postgresql.conf"), "no_such_setting = on\n").unwrap();

    let error = place.try_start().await.unwrap_err();

    assert!(matches!(error, EmbeddedError::DoesNotStart { .. }));
    assert!(error.to_string().contains("server.log"), "{error}");
}

#[tokio::test]
async fn a_folder_without_a_server_is_refused_by_name() {
    let place = Place::new();
    let options = EmbeddedOptions { pg_bin: Some(place.0.clone()), data_dir: Some(place.data_dir()) };

    let error = start_or_attach(options).await.unwrap_err();

    assert!(matches!(error, EmbeddedError::BadServerDir { .. }), "{error}");
}

#[tokio::test]
async fn a_directory_that_the_servers_account_may_not_enter_is_named() {
    let place = Place::new();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    fs::set_permissions(&place.0, fs::Permissions::from_mode(0o700)).unwrap();

    let error = place.try_start().await.unwrap_err();

    assert!(matches!(&error, EmbeddedError::ClosedDirectory { dir, .. } if *dir == place.0), "{error}");
}

#[test]
fn a_log_past_its_bound_becomes_the_previous_log() {
    let place = Place::new();
    let log = place.0.join("server.log");
    fs::write(&log, vec![b'x'; 9 * 1024 * 1024]).unwrap();

    server::bound_log(&log).unwrap();

    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
    assert_eq!(fs::metadata(place.0.join("server.log.1")).unwrap().len(), 9 * 1024 * 1024);
}

#[test]
fn a_connection_string_quotes_what_it_is_given() {
    assert_eq!(quote(r"it's a \ path"), r"'it\'s a \\ path'");
}
