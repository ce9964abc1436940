//! One postmaster: finding it, starting it, asking whether it lives, stopping it.
//!
//! Its own file `postmaster.pid` is the truth. Line 1 is the process id, line 5 the socket directory, line 8 the state.
//! A process id alone proves nothing after a crash (it may have been given to somebody else, or be a zombie that nobody
//! has collected), so a living process counts only if it was started on this cluster.

use std::{
    fs, io,
    os::unix::{net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{
    binaries::{Binaries, command},
    error::EmbeddedError,
    layout::{Layout, own_file, socket_in},
};

// A crash recovery replays at most max_wal_size of changes; this is far above it on a slow disk.
const READY_WAIT: Duration = Duration::from_mins(5);
// Ready but unreachable is another thing: its socket was deleted, and no waiting brings it back.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
const READY_POLL: Duration = Duration::from_millis(5);
const STOP_WAIT: Duration = Duration::from_mins(1);
const QUIT_WAIT: Duration = Duration::from_secs(10);
// After a kill -9 the old server's children hold its shared memory for a moment, and the new one refuses to start.
const START_ATTEMPTS_MAX: u32 = 8;
const START_DELAY_FIRST: Duration = Duration::from_millis(100);
const START_DELAY_MAX: Duration = Duration::from_secs(2);
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;
const LOG_TAIL_BYTES: usize = 8 * 1024;

/// Settings given on the command line at every start, so that a new release changes them and a stray edit of
/// `postgresql.conf` cannot.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=100",
    "shared_buffers=128MB",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    // Statements, their parameters and the detail lines of errors hold people's data.
    "log_statement=none",
    "log_min_duration_statement=-1",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    // `log` ranks above `error`: the message of an ordinary error quotes the value that it refused.
    "log_min_messages=log",
    "log_checkpoints=off",
    "logging_collector=off",
    "log_destination=stderr",
    "log_line_prefix=%m [%p] ",
    "log_timezone=UTC",
    "jit=off",
];

/// A running postmaster.
#[derive(Debug)]
pub(super) struct Postmaster {
    pub(super) pid: u32,
    pub(super) socket_dir: PathBuf,
    // Present in the process that started it, which must also collect it when it has ended.
    child: Option<Child>,
}

impl Postmaster {
    /// The postmaster that runs on this cluster, ready or not.
    pub(super) fn find(layout: &Layout) -> Option<Self> {
        let file = PidFile::read(&layout.cluster())?;
        let socket_dir = file.socket_dir.unwrap_or_else(|| layout.socket_dir.clone());
        is_postmaster_of(file.pid, &layout.cluster()).then_some(Self { pid: file.pid, socket_dir, child: None })
    }

    /// Starts one and waits until it is ready; tries again, within a bound, when it ends before that.
    pub(super) fn start(layout: &Layout, binaries: &Binaries) -> Result<Self, EmbeddedError> {
        remove_stale_pid_file(&layout.cluster())?;
        let mut delay = START_DELAY_FIRST;
        for _ in 1..START_ATTEMPTS_MAX {
            if let Some(ready) = Self::spawn(layout, binaries)?.until_ready(layout)? {
                return Ok(ready);
            }
            thread::sleep(delay);
            delay = (delay * 2).min(START_DELAY_MAX);
        }
        let last = Self::spawn(layout, binaries)?.until_ready(layout)?;
        last.ok_or_else(|| EmbeddedError::DoesNotStart { message: last_fatal(&layout.log()), log: layout.log() })
    }

    fn spawn(layout: &Layout, binaries: &Binaries) -> Result<Self, EmbeddedError> {
        bound_log(&layout.log())?;
        let log = layout.log();
        let output = own_file().append(true).create(true).open(&log).map_err(EmbeddedError::file("open", &log))?;
        let errors = output.try_clone().map_err(EmbeddedError::file("open", &log))?;
        let program = binaries.program("postgres");
        let mut postgres = command(&program, layout.account.as_ref());
        postgres.arg("-D").arg(layout.cluster()).arg("-k").arg(&layout.socket_dir);
        for setting in SETTINGS {
            postgres.args(["-c", setting]);
        }
        // A group of its own: Ctrl-C in the gateway's terminal must not stop the database under a draining gateway.
        postgres.process_group(0).stdout(output).stderr(errors);
        let child = postgres.spawn().map_err(|source| EmbeddedError::Spawn { program, source })?;
        Ok(Self { pid: child.id(), socket_dir: layout.socket_dir.clone(), child: Some(child) })
    }

    /// Waits until it takes connections. `None` when it ended first.
    pub(super) fn until_ready(mut self, layout: &Layout) -> Result<Option<Self>, EmbeddedError> {
        let began = Instant::now();
        let mut ready_since = None;
        while self.is_alive(layout) {
            let file = PidFile::read(&layout.cluster()).filter(|file| file.pid == self.pid && file.is_ready);
            if let Some(file) = file {
                self.socket_dir = file.socket_dir.unwrap_or(self.socket_dir);
                if UnixStream::connect(socket_in(&self.socket_dir)).is_ok() {
                    return Ok(Some(self));
                }
                ready_since.get_or_insert_with(Instant::now);
            }
            let is_unreachable = ready_since.is_some_and(|since| since.elapsed() > ANSWER_WAIT);
            if is_unreachable || began.elapsed() > READY_WAIT {
                return Err(EmbeddedError::DoesNotAnswer { pid: self.pid, log: layout.log() });
            }
            thread::sleep(READY_POLL);
        }
        Ok(None)
    }

    /// True while the process lives. Collects it when it was ours and has ended.
    pub(super) fn is_alive(&mut self, layout: &Layout) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => is_postmaster_of(self.pid, &layout.cluster()),
        }
    }

    /// Stops it: first politely to the disk (SIGINT disconnects everybody and writes a checkpoint), then at once.
    pub(super) fn stop(mut self, layout: &Layout) -> Result<(), EmbeddedError> {
        for (signal, wait) in [(Signal::INT, STOP_WAIT), (Signal::QUIT, QUIT_WAIT)] {
            self.send(signal);
            let began = Instant::now();
            while began.elapsed() < wait {
                if !self.is_alive(layout) {
                    return Ok(());
                }
                thread::sleep(READY_POLL);
            }
        }
        Err(EmbeddedError::DoesNotStop { pid: self.pid })
    }

    fn send(&self, signal: Signal) {
        if let Some(pid) = to_pid(self.pid) {
            // A process that has just ended cannot be signalled, and that is what was wanted.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Keeps the log below its bound: past it, the log becomes `server.log.1`, and the server, which only appends, goes on
/// in the emptied file. Lines written between the copy and the emptying are lost; that is the price of no log daemon.
pub(super) fn bound_log(log: &Path) -> Result<(), EmbeddedError> {
    let is_small = fs::symlink_metadata(log).map_or(true, |found| found.len() <= LOG_BYTES_MAX);
    if is_small {
        return Ok(());
    }
    let mut current = own_file().read(true).write(true).open(log).map_err(EmbeddedError::file("open", log))?;
    let previous = log.with_extension("log.1");
    let mut copy = own_file().write(true).create(true).truncate(true).open(&previous);
    let copied =
        copy.as_mut().map_err(|error| io::Error::from(error.kind())).and_then(|copy| io::copy(&mut current, copy));
    copied.map_err(EmbeddedError::file("write", &previous))?;
    current.set_len(0).map_err(EmbeddedError::file("empty", log))
}

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
struct PidFile {
    pid: u32,
    socket_dir: Option<PathBuf>,
    is_ready: bool,
}

impl PidFile {
    fn read(cluster: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(cluster.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().collect();
        let pid = lines.first()?.trim().parse().ok()?;
        let socket_dir = lines.get(4).filter(|dir| !dir.is_empty()).map(PathBuf::from);
        Some(Self { pid, socket_dir, is_ready: lines.get(7).is_some_and(|state| state.trim() == "ready") })
    }
}

/// True if this process lives and was started on this cluster. Where the system does not show command lines, living is
/// all that can be asked.
fn is_postmaster_of(pid: u32, cluster: &Path) -> bool {
    if !exists(pid) {
        return false;
    }
    match fs::read(format!("/proc/{pid}/cmdline")) {
        // A zombie's command line is empty.
        Ok(line) => line.split(|byte| *byte == 0).any(|word| word == cluster.as_os_str().as_encoded_bytes()),
        Err(error) => error.kind() != io::ErrorKind::NotFound || !Path::new("/proc/self/cmdline").exists(),
    }
}

fn exists(pid: u32) -> bool {
    // Forbidden to signal it means that it is there and somebody else's.
    to_pid(pid).is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(rustix::io::Errno::PERM)))
}

/// Removes a `postmaster.pid` whose process id now belongs to somebody else's program. PostgreSQL itself would take that
/// program for a running server and refuse to start; after a container's restart the same few ids come round again.
/// Safe, because PostgreSQL checks besides that nothing is attached to the cluster's shared memory; where the id is
/// nobody's, the file is left for PostgreSQL to judge.
fn remove_stale_pid_file(cluster: &Path) -> Result<(), EmbeddedError> {
    let path = cluster.join("postmaster.pid");
    let is_misleading =
        PidFile::read(cluster).is_some_and(|file| exists(file.pid) && !is_postmaster_of(file.pid, cluster));
    if !is_misleading {
        return Ok(());
    }
    fs::remove_file(&path).map_err(EmbeddedError::file("remove", &path))
}

fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// The last line of the log that says why the server ended. Such lines name files and settings, never a row.
fn last_fatal(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let tail = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(LOG_TAIL_BYTES)..]).into_owned();
    let line = tail.lines().rev().find(|line| line.contains("FATAL:") || line.contains("PANIC:"));
    line.or_else(|| tail.lines().last()).unwrap_or("nothing").to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a step that fails is the failure of the test")]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_is_read_at_every_stage_of_its_growth() {
        let begun = "4711\n/data/cluster\n1763759000\n5432\n/data/run\n";
        let ready = format!("{begun}\n  100 200\nready   \n");

        assert_eq!(PidFile::parse(""), None);
        assert_eq!(PidFile::parse("4711\n").map(|file| file.socket_dir), Some(None));
        assert_eq!(PidFile::parse(begun).map(|file| file.is_ready), Some(false));
        let ready = PidFile::parse(&ready).unwrap();
        assert!(ready.is_ready && ready.socket_dir == Some(PathBuf::from("/data/run")));
    }

    #[test]
    fn another_program_with_the_same_process_id_is_not_our_server() {
        assert!(!is_postmaster_of(std::process::id(), Path::new("/some/cluster")));
        assert!(!is_postmaster_of(0, Path::new("/some/cluster")));
    }
}
