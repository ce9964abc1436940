//! Why the private PostgreSQL could not be had. Each sentence says what the reader can do about it.

use std::{io, path::PathBuf};

/// What stopped the private PostgreSQL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// No folder with `initdb` and `postgres` of a supported version was found.
    #[error(
        "no PostgreSQL server ({oldest} or newer, with initdb and postgres) was found; install one with \
         `apt-get install postgresql` (Debian, Ubuntu), `dnf install postgresql-server` (Fedora), `apk add postgresql` \
         (Alpine) or `brew install postgresql` (macOS), name its folder with --pg-bin, or set DATABASE_URL to use a \
         database that you have"
    )]
    NoServer {
        /// The oldest major version that is used.
        oldest: u32,
    },
    /// The folder given with `--pg-bin` does not hold a usable server.
    #[error("{} does not hold a working initdb and postgres; give --pg-bin the folder that has both", dir.display())]
    BadServerDir {
        /// The folder as given.
        dir: PathBuf,
    },
    /// The folder given with `--pg-bin` holds a server that is too old.
    #[error("{} holds PostgreSQL {found}, and {oldest} or newer is needed; install a newer one", dir.display())]
    ServerTooOld {
        /// The folder as given.
        dir: PathBuf,
        /// Its major version.
        found: u32,
        /// The oldest major version that is used.
        oldest: u32,
    },
    /// The data directory was made by a major version whose server is not here.
    #[error(
        "{} was made by PostgreSQL {made_by}, and the server found here is {}; install PostgreSQL {made_by} (or name its \
         folder with --pg-bin), or choose another --data-dir",
        dir.display(), found.map_or_else(|| "another".to_owned(), |major| format!("version {major}"))
    )]
    OtherVersion {
        /// The data directory.
        dir: PathBuf,
        /// The major version in its `PG_VERSION`, as written there.
        made_by: String,
        /// The major version that was found instead, where one was.
        found: Option<u32>,
    },
    /// The directory holds files that this program did not make.
    #[error(
        "{} is not empty and was not made by milestone-gateway, so it is left untouched; choose an empty or new directory \
         with --data-dir", dir.display()
    )]
    ForeignDirectory {
        /// The directory.
        dir: PathBuf,
    },
    /// Neither the environment nor the account says where data may be kept.
    #[error("there is no home directory to keep the database in; choose a place with --data-dir or set DATABASE_URL")]
    NoHome,
    /// The unprivileged account that PostgreSQL runs as cannot reach the directory.
    #[error(
        "PostgreSQL runs as the account {account}, which may not enter {}; choose a --data-dir that it can reach, such as \
         one below /var/lib", dir.display()
    )]
    ClosedDirectory {
        /// The account's name.
        account: String,
        /// The first directory on the way that is closed.
        dir: PathBuf,
    },
    /// A directory that must be ours alone belongs to somebody else.
    #[error("{} belongs to another account, so no database socket is put there; remove it", dir.display())]
    UnsafeSocketDir {
        /// The directory.
        dir: PathBuf,
    },
    /// A file or directory operation failed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A program of PostgreSQL could not be run at all.
    #[error("cannot run {}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// `initdb` ran and failed.
    #[error("initdb could not make a database in {}: {message}", dir.display())]
    InitDb {
        /// The data directory.
        dir: PathBuf,
        /// What `initdb` said last.
        message: String,
    },
    /// The server ended, again and again, before it was ready.
    #[error("PostgreSQL does not start (it said: {message}); read {}", log.display())]
    DoesNotStart {
        /// The last fatal line of its log.
        message: String,
        /// Its log.
        log: PathBuf,
    },
    /// A server runs but did not become ready in time.
    #[error("PostgreSQL (process {pid}) runs but does not answer; read {}", log.display())]
    DoesNotAnswer {
        /// Its process id.
        pid: u32,
        /// Its log.
        log: PathBuf,
    },
    /// The server did not end when asked.
    #[error("PostgreSQL (process {pid}) did not stop; stop it by hand with `kill -QUIT {pid}`")]
    DoesNotStop {
        /// Its process id.
        pid: u32,
    },
    /// Another process held the start lock for too long.
    #[error("another milestone-gateway has been starting or stopping this database for minutes; {} is its lock", path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// The work on the blocking thread ended early: the runtime is shutting down, or it panicked.
    #[error("the work on the private PostgreSQL was interrupted")]
    Interrupted,
}

impl EmbeddedError {
    /// Adds what was tried, and on what, to an error of the file system.
    pub(super) fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
