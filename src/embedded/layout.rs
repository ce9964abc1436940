//! Where the private PostgreSQL keeps its things.
//!
//! ```text
//! <data root>/               /var/lib/milestone-gateway/postgres as root, else below XDG_DATA_HOME, or --data-dir
//!   milestone-gateway.made   the marker: this directory is ours
//!   start.lock users.lock    who may start or stop it · who uses it
//!   server.log server.log.1  bounded
//!   cluster/                 PGDATA
//!   cluster.new/             an initdb that has not finished
//! <socket dir>/              short, because a socket's path may have only about 100 bytes
//! ```

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{
    account::{self, Account},
    error::EmbeddedError,
};

const SOCKET_NAME: &str = ".s.PGSQL.5432";
const SOCKET_PATH_BYTES_MAX: usize = 99;
const MARKER_NAME: &str = "milestone-gateway.made";
const MODE_OURS: u32 = 0o700;
// Root's own directories must let the unprivileged account through to its cluster, and show it nothing else.
const MODE_PASSAGE: u32 = 0o711;

/// What the process was started with, as values, so that a test can be anybody.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) uid: u32,
    pub(super) passwd: String,
    pub(super) home: Option<PathBuf>,
    pub(super) data_home: Option<PathBuf>,
    pub(super) runtime_dir: Option<PathBuf>,
}

impl Surroundings {
    /// Reads this process's own.
    pub(super) fn of_this_process() -> Self {
        // The XDG rules: a variable that is empty or relative counts as unset.
        let dir = |name: &str| {
            let value: Option<OsString> = std::env::var_os(name);
            value.map(PathBuf::from).filter(|path| path.is_absolute())
        };
        Self {
            uid: rustix::process::geteuid().as_raw(),
            passwd: fs::read_to_string("/etc/passwd").unwrap_or_default(),
            home: dir("HOME"),
            data_home: dir("XDG_DATA_HOME"),
            runtime_dir: dir("XDG_RUNTIME_DIR"),
        }
    }

    fn is_root(&self) -> bool {
        self.uid == 0
    }

    fn default_root(&self) -> Result<PathBuf, EmbeddedError> {
        if self.is_root() {
            return Ok(PathBuf::from("/var/lib/milestone-gateway/postgres"));
        }
        let home = || self.home.clone().or_else(|| account::home_of(&self.passwd, self.uid));
        let data_home = self.data_home.clone().or_else(|| home().map(|home| home.join(".local/share")));
        data_home.map(|dir| dir.join("milestone-gateway/postgres")).ok_or(EmbeddedError::NoHome)
    }

    /// The first place whose socket path is short and plain enough. Inside the data root comes first, because a login's
    /// run-time directory is emptied at logout under a server that still runs.
    fn socket_dir(&self, root: &Path) -> PathBuf {
        let name = format!("pg-{:016x}", fnv1a(root.as_os_str().as_encoded_bytes()));
        let shared = PathBuf::from(format!("/tmp/milestone-gateway-{}", self.uid));
        if self.is_root() {
            let run = Path::new("/run");
            return if run.is_dir() { run.join("milestone-gateway") } else { shared }.join(name);
        }
        let runtime = self.runtime_dir.iter().map(|dir| dir.join("milestone-gateway").join(&name));
        let mut places = std::iter::once(root.join("run")).chain(runtime);
        places.find(|dir| is_socket_dir_usable(dir)).unwrap_or_else(|| shared.join(&name))
    }
}

/// The resolved places of one private PostgreSQL.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) socket_dir: PathBuf,
    /// The account to run PostgreSQL as; nobody else's when this process is not root.
    pub(super) account: Option<Account>,
    uid: u32,
}

impl Layout {
    /// Decides the places and makes the data root ours. Refuses a directory that holds something else. Safe to repeat.
    pub(super) fn prepare(surroundings: &Surroundings, data_dir: Option<&Path>) -> Result<Self, EmbeddedError> {
        let root = match data_dir {
            Some(dir) => std::path::absolute(dir).map_err(EmbeddedError::file("resolve", dir))?,
            None => surroundings.default_root()?,
        };
        make_dirs(&root, if surroundings.is_root() { MODE_PASSAGE } else { MODE_OURS })?;
        // The shortest true name, so that two spellings of one directory share one socket directory.
        let root = fs::canonicalize(&root).map_err(EmbeddedError::file("resolve", &root))?;
        claim(&root)?;
        let owner = fs::metadata(root.join("cluster")).ok().map(|found| (found.uid(), found.gid()));
        let account = surroundings.is_root().then(|| Account::choose(&surroundings.passwd, owner));
        if let Some(account) = &account {
            account.check_way_to(&root)?;
        }
        Ok(Self { socket_dir: surroundings.socket_dir(&root), root, account, uid: surroundings.uid })
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    pub(super) fn unfinished_cluster(&self) -> PathBuf {
        self.root.join("cluster.new")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    pub(super) fn start_lock(&self) -> PathBuf {
        self.root.join("start.lock")
    }

    pub(super) fn users_lock(&self) -> PathBuf {
        self.root.join("users.lock")
    }

    /// Makes the socket directory: entered only by the account that runs PostgreSQL (and by root). Whoever can enter it
    /// is the database's superuser, so a directory that somebody else made beforehand is refused.
    pub(super) fn make_socket_dir(&self) -> Result<(), EmbeddedError> {
        let dir = &self.socket_dir;
        let parent_mode = if self.account.is_some() { MODE_PASSAGE } else { MODE_OURS };
        if let Some(parent) = dir.parent() {
            make_dirs(parent, parent_mode)?;
            // The data root itself may be as its owner made it; a shared place may not.
            if parent != self.root {
                self.check_ours(parent)?;
            }
        }
        make_dirs(dir, MODE_OURS)?;
        if let Some(account) = &self.account {
            return account.own(dir).map_err(EmbeddedError::file("give away", dir));
        }
        self.check_ours(dir)
    }

    fn check_ours(&self, dir: &Path) -> Result<(), EmbeddedError> {
        let found = fs::symlink_metadata(dir).map_err(EmbeddedError::file("look at", dir))?;
        let is_ours = found.is_dir() && found.uid() == self.uid && found.mode() & 0o022 == 0;
        if is_ours { Ok(()) } else { Err(EmbeddedError::UnsafeSocketDir { dir: dir.to_owned() }) }
    }
}

/// The socket that PostgreSQL opens in a directory.
pub(super) fn socket_in(dir: &Path) -> PathBuf {
    dir.join(SOCKET_NAME)
}

/// Options for a file of ours that is never a link: root must not be led elsewhere by whoever owns the directory.
pub(super) fn own_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).expect("open flags fit the system's own type");
    options.mode(0o600).custom_flags(no_follow);
    options
}

fn is_socket_dir_usable(dir: &Path) -> bool {
    // PostgreSQL reads its socket directories as a comma-separated list that knows quotes.
    let bytes = dir.as_os_str().as_encoded_bytes();
    let is_plain = !bytes.iter().any(|byte| matches!(byte, b',' | b'"' | b'\'' | b'\\' | 0..=31));
    is_plain && socket_in(dir).as_os_str().len() <= SOCKET_PATH_BYTES_MAX
}

/// Makes what is missing on the way to `dir`. The mode is set again afterwards, because a strict umask would close the
/// way to the account that PostgreSQL runs as.
fn make_dirs(dir: &Path, mode: u32) -> Result<(), EmbeddedError> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
    for dir in missing.into_iter().rev() {
        match DirBuilder::new().mode(mode).create(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            result => result.map_err(EmbeddedError::file("make the directory", dir))?,
        }
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(dir, mode).map_err(EmbeddedError::file("set the mode of", dir))?;
    }
    Ok(())
}

/// Marks an empty directory as ours. The marker is the first thing written, so a crash leaves either nothing or a marked
/// directory, and two processes that do this at once agree.
fn claim(root: &Path) -> Result<(), EmbeddedError> {
    let marker = root.join(MARKER_NAME);
    if marker.exists() {
        return Ok(());
    }
    let entries = fs::read_dir(root).map_err(EmbeddedError::file("read the directory", root))?;
    // A freshly made file system is empty but for this one.
    let is_empty = entries.flatten().all(|entry| entry.file_name() == "lost+found");
    if !is_empty && !marker.exists() {
        return Err(EmbeddedError::ForeignDirectory { dir: root.to_owned() });
    }
    match own_file().write(true).create_new(true).open(&marker) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(EmbeddedError::File { action: "write", path: marker, source: error })
        }
        _ => Ok(()),
    }
}

/// FNV-1a, 64 bits: a name for a path that stays the same from release to release. Not a secret and not a check.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a step that fails is the failure of the test")]
mod tests {
    use super::*;

    fn somebody(uid: u32) -> Surroundings {
        Surroundings { uid, passwd: String::new(), home: None, data_home: None, runtime_dir: None }
    }

    #[test]
    fn an_empty_home_falls_back_to_the_account_and_then_asks_for_a_place() {
        let nowhere = somebody(1000);
        let with_account = Surroundings { passwd: "a:x:1000:1000::/:/bin/sh".to_owned(), ..somebody(1000) };

        assert!(matches!(nowhere.default_root(), Err(EmbeddedError::NoHome)));
        assert_eq!(with_account.default_root().unwrap(), Path::new("/.local/share/milestone-gateway/postgres"));
        assert_eq!(somebody(0).default_root().unwrap(), Path::new("/var/lib/milestone-gateway/postgres"));
    }

    #[test]
    fn a_socket_path_is_always_short_and_plain() {
        let long = PathBuf::from(format!("/home/{}", "a".repeat(120)));
        let person = Surroundings { runtime_dir: Some(PathBuf::from("/run/user/1000")), ..somebody(1000) };

        assert_eq!(person.socket_dir(Path::new("/data")), Path::new("/data/run"));
        assert!(person.socket_dir(&long).starts_with("/run/user/1000/milestone-gateway"));
        assert!(person.socket_dir(Path::new("/a,b")).starts_with("/run/user/1000/milestone-gateway"));
        assert!(somebody(1000).socket_dir(&long).starts_with("/tmp/milestone-gateway-1000"));
        assert!(is_socket_dir_usable(&somebody(0).socket_dir(&long)));
    }
}
