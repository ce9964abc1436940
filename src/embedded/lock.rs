//! Who may start or stop the server, and who is using it.
//!
//! Both are advisory locks of the operating system on files in the data root: they vanish with the process that held
//! them, however it ended, so a kill -9 never leaves a lock behind.

use std::{
    fs::{File, TryLockError},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::{
    error::EmbeddedError,
    layout::{Layout, own_file},
};

// Longer than the longest start, which is a crash recovery.
const START_LOCK_WAIT: Duration = Duration::from_mins(6);
const START_LOCK_POLL: Duration = Duration::from_millis(20);

/// The right to start or stop the server; one process at a time.
#[derive(Debug)]
pub(super) struct StartLock(File);

impl StartLock {
    /// Waits, within a bound, for the right.
    pub(super) fn take(layout: &Layout) -> Result<Self, EmbeddedError> {
        let path = layout.start_lock();
        let file = open(&path)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if began.elapsed() < START_LOCK_WAIT => thread::sleep(START_LOCK_POLL),
                Err(TryLockError::WouldBlock) => return Err(EmbeddedError::Busy { path }),
                Err(TryLockError::Error(source)) => return Err(EmbeddedError::File { action: "lock", path, source }),
            }
        }
    }
}

impl Drop for StartLock {
    fn drop(&mut self) {
        // Unlocked by name: a child between fork and exec still holds a copy of the descriptor, so closing is not enough.
        let _ = self.0.unlock();
    }
}

/// One process's use of the server, shared with the other users.
#[derive(Debug)]
pub(super) struct UserLock(File);

impl UserLock {
    /// Joins the users. The caller holds the start lock, so nobody is leaving as the last at this moment.
    pub(super) fn join(layout: &Layout, _start: &StartLock) -> Result<Self, EmbeddedError> {
        let path = layout.users_lock();
        let file = open(&path)?;
        file.try_lock_shared().map_err(|error| EmbeddedError::File { action: "lock", path, source: error.into() })?;
        Ok(Self(file))
    }

    /// Leaves, and says whether nobody else is left. The start lock keeps newcomers out meanwhile.
    pub(super) fn leave(self, _start: &StartLock) -> bool {
        let _ = self.0.unlock();
        let was_last = self.0.try_lock().is_ok();
        let _ = self.0.unlock();
        was_last
    }
}

impl Drop for UserLock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

fn open(path: &Path) -> Result<File, EmbeddedError> {
    own_file().read(true).write(true).create(true).truncate(false).open(path).map_err(EmbeddedError::file("open", path))
}
