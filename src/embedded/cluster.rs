//! Making the database cluster, all or nothing.
//!
//! `initdb` works in a sibling directory that is renamed when it has finished. A crash in the middle leaves only that
//! sibling, which the next start removes; the cluster itself is either whole or absent.

use std::{fs, fs::File, io, path::Path};

use super::{
    binaries::{Binaries, command},
    error::EmbeddedError,
    layout::Layout,
};

const SUPERUSER: &str = "postgres";

/// The major version that made the cluster, as written in its `PG_VERSION`; `None` where there is no cluster yet.
pub(super) fn made_by(layout: &Layout) -> Result<Option<String>, EmbeddedError> {
    let path = layout.cluster().join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EmbeddedError::File { action: "read", path, source }),
    }
}

/// Makes the cluster if there is none. The caller holds the start lock. Safe to repeat.
pub(super) fn ensure(layout: &Layout, binaries: &Binaries) -> Result<(), EmbeddedError> {
    let cluster = layout.cluster();
    if cluster.exists() {
        return Ok(());
    }
    let unfinished = layout.unfinished_cluster();
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(EmbeddedError::file("remove", &unfinished)(error));
        }
        _ => fs::create_dir(&unfinished).map_err(EmbeddedError::file("make the directory", &unfinished))?,
    }
    if let Some(account) = &layout.account {
        account.own(&unfinished).map_err(EmbeddedError::file("give away", &unfinished))?;
    }
    run_initdb(layout, binaries, &unfinished)?;
    fs::rename(&unfinished, &cluster).map_err(EmbeddedError::file("rename", &unfinished))?;
    // The rename must outlive a power cut as the files do; initdb has synced those.
    File::open(&layout.root).and_then(|root| root.sync_all()).map_err(EmbeddedError::file("sync", &layout.root))
}

fn run_initdb(layout: &Layout, binaries: &Binaries, dir: &Path) -> Result<(), EmbeddedError> {
    let program = binaries.program("initdb");
    let mut initdb = command(&program, layout.account.as_ref());
    initdb.arg("--pgdata").arg(dir).args(["--username", SUPERUSER]);
    // Whoever can enter the socket directory is trusted; nobody is ever let in over TCP.
    initdb.args(["--auth-local=trust", "--auth-host=reject"]);
    // Locale C sorts alike on every system, so an upgrade of the C library cannot corrupt an index.
    initdb.args(["--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"]);
    let output = initdb.output().map_err(|source| EmbeddedError::Spawn { program, source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let message = said.lines().find(|line| line.contains("error:")).or(said.lines().last()).unwrap_or("nothing");
    Err(EmbeddedError::InitDb { dir: layout.root.clone(), message: message.to_owned() })
}
