//! Which PostgreSQL server to run.
//!
//! The folder named by the caller, else the major version that the data was made with, else PATH, else the newest usual
//! install folder. A folder counts only if it has both `initdb` and `postgres` and `postgres --version` runs there as the
//! account that will run it.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{account::Account, error::EmbeddedError, layout::Layout};

/// The oldest major version that the gateway's own schema is tested on.
pub(super) const OLDEST_MAJOR: u32 = 15;

/// Folders in which packages put a server; `*` stands for a version.
const USUAL_FOLDERS: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/libexec/postgresql*",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/usr/local/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/bin",
];

/// A folder with a usable server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) dir: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    /// Finds the server to run. `made_by` is what the data directory's `PG_VERSION` says, where there is one.
    pub(super) fn find(layout: &Layout, pg_bin: Option<&Path>, made_by: Option<&str>) -> Result<Self, EmbeddedError> {
        let account = layout.account.as_ref();
        if let Some(dir) = pg_bin {
            let dir = std::path::absolute(dir).map_err(EmbeddedError::file("resolve", dir))?;
            let found = probe(&dir, account).ok_or(EmbeddedError::BadServerDir { dir })?;
            return found.check(layout, made_by);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).filter(|dir| dir.is_absolute());
        let on_path = on_path.filter_map(|dir| probe(&dir, account));
        let mut usual: Vec<Self> = usual_folders().iter().filter_map(|dir| probe(dir, account)).collect();
        usual.sort_by_key(|found| std::cmp::Reverse(found.major));
        let found: Vec<Self> = on_path.chain(usual).filter(|found| found.major >= OLDEST_MAJOR).collect();
        let Some(first) = found.first() else {
            return Err(EmbeddedError::NoServer { oldest: OLDEST_MAJOR });
        };
        let matching = found.iter().find(|found| made_by.is_none_or(|made_by| made_by == found.major.to_string()));
        matching.unwrap_or(first).clone().check(layout, made_by)
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn check(self, layout: &Layout, made_by: Option<&str>) -> Result<Self, EmbeddedError> {
        if self.major < OLDEST_MAJOR {
            return Err(EmbeddedError::ServerTooOld { dir: self.dir, found: self.major, oldest: OLDEST_MAJOR });
        }
        match made_by {
            Some(made_by) if made_by != self.major.to_string() => Err(EmbeddedError::OtherVersion {
                dir: layout.root.clone(),
                made_by: made_by.to_owned(),
                found: Some(self.major),
            }),
            _ => Ok(self),
        }
    }
}

/// A command of PostgreSQL's: as the lent account, from a directory that everybody may enter, and without this process's
/// environment, which may hold secrets that would then be readable in the server's.
pub(super) fn command(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/local/bin:/usr/bin:/bin");
    for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.current_dir("/").stdin(Stdio::null());
    if let Some(account) = account {
        account.lend(&mut command);
    }
    command
}

fn probe(dir: &Path, account: Option<&Account>) -> Option<Binaries> {
    let initdb = dir.join("initdb");
    if !initdb.is_file() || !dir.join("postgres").is_file() {
        return None;
    }
    // A folder of links is replaced by the real one, because that is where PostgreSQL finds its other files.
    let real = fs::canonicalize(&initdb).ok().and_then(|initdb| initdb.parent().map(Path::to_owned));
    let dir = real.filter(|real| real.join("postgres").is_file()).unwrap_or_else(|| dir.to_owned());
    let output = command(&dir.join("postgres"), account).arg("--version").output().ok()?;
    let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
    output.status.success().then_some(Binaries { dir, major })
}

/// The major version in, for example, `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` or `… 19beta1`.
fn major_of(version_line: &str) -> Option<u32> {
    let number = version_line.split_once("(PostgreSQL) ")?.1;
    let end = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

fn usual_folders() -> Vec<PathBuf> {
    USUAL_FOLDERS.iter().flat_map(|pattern| expand(pattern)).collect()
}

/// Expands the one `*` of a usual folder.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![PathBuf::from(pattern)] };
    let (parent, prefix) = before.rsplit_once('/').expect("a usual folder is an absolute path");
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let starts = |name: &OsStr| name.to_string_lossy().starts_with(prefix);
    let matching = entries.filter(|entry| starts(&entry.file_name()));
    matching.map(|entry| PathBuf::from(format!("{}{after}", entry.path().display()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_every_vendors_line() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(major_of("postgres (PostgreSQL) 9.6.24"), Some(9));
        assert_eq!(major_of("something else"), None);
    }

    #[test]
    fn a_folder_without_both_programs_does_not_count() {
        assert_eq!(probe(Path::new("/usr/share"), None), None);
    }
}
