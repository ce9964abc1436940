//! The key ring file: made once, readable by its owner only, never beside the data it opens.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use zeroize::Zeroizing;

use super::{OsEntropy, error::SystemError};
use crate::sealing::KeyRing;

/// Reads the key ring. `Ok(None)` when there is no file. Refuses a file that others may read.
pub fn load(path: &Path) -> Result<Option<KeyRing>, SystemError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(SystemError::KeyRing(format!("{} cannot be read: {}", path.display(), error.kind()))),
    };
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(SystemError::KeyRing(format!("{path} can be read by others; run: chmod 600 {path}")));
    }
    KeyRing::parse(&text)
        .map(Some)
        .map_err(|error| SystemError::KeyRing(format!("{} is not a usable key ring: {error}", path.display())))
}

/// Makes a new key ring file and never overwrites one.
pub(super) fn make(path: &Path) -> Result<KeyRing, SystemError> {
    let failed = |error: std::io::Error| {
        SystemError::KeyRing(format!("the key ring {} cannot be made: {}", path.display(), error.kind()))
    };
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let ring = KeyRing::generate(&OsEntropy);
    // Written beside and renamed: a crash in between leaves no half ring.
    let partial = path.with_extension("json.new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial).map_err(failed)?;
    file.write_all(ring.to_json().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    drop(file);
    fs::hard_link(&partial, path).map_err(failed)?;
    fs::remove_file(&partial).map_err(failed)?;
    Ok(ring)
}
