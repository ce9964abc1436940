//! The account that PostgreSQL runs as.
//!
//! PostgreSQL refuses to run as root. So root starts it as `postgres` where that account exists, else as `nobody`; an
//! existing data directory is always run by its owner, because PostgreSQL insists on that too.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

use super::error::EmbeddedError;

const NOBODY: u32 = 65_534;
const ENTER_OTHER: u32 = 0o001;
const ENTER_GROUP: u32 = 0o010;
const ENTER_OWNER: u32 = 0o100;

/// An unprivileged account that root lends to PostgreSQL. Whoever is not root runs PostgreSQL as themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// Chooses the account from the text of `/etc/passwd`: the owner of the existing cluster, `postgres`, `nobody`.
    pub(super) fn choose(passwd: &str, owner: Option<(u32, u32)>) -> Self {
        let accounts: Vec<Self> = passwd.lines().filter_map(Self::parse).collect();
        if let Some((uid, gid)) = owner.filter(|(uid, _)| *uid != 0) {
            let named = accounts.into_iter().find(|account| account.uid == uid);
            return named.unwrap_or(Self { name: uid.to_string(), uid, gid });
        }
        let wanted = |name: &str| accounts.iter().find(|account| account.name == name && account.uid != 0).cloned();
        wanted("postgres").or_else(|| wanted("nobody")).unwrap_or(Self {
            name: "nobody".to_owned(),
            uid: NOBODY,
            gid: NOBODY,
        })
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { name, uid, gid })
    }

    /// Makes the file or directory this account's own.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }

    /// Lets the command run as this account, without any of root's groups.
    pub(super) fn lend(&self, command: &mut Command) {
        use std::os::unix::process::CommandExt;
        command.uid(self.uid).gid(self.gid);
    }

    /// Fails, naming it, at the first directory on the way to `path` that this account may not enter. A root HOME is the
    /// usual one; without this check `initdb` would say only "permission denied".
    pub(super) fn check_way_to(&self, path: &Path) -> Result<(), EmbeddedError> {
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        for dir in way {
            let metadata = fs::metadata(dir).map_err(EmbeddedError::file("look at", dir))?;
            if !self.may_enter(&metadata) {
                return Err(EmbeddedError::ClosedDirectory { account: self.name.clone(), dir: PathBuf::from(dir) });
            }
        }
        Ok(())
    }

    fn may_enter(&self, metadata: &fs::Metadata) -> bool {
        let needed = if metadata.uid() == self.uid {
            ENTER_OWNER
        } else if metadata.gid() == self.gid {
            ENTER_GROUP
        } else {
            ENTER_OTHER
        };
        metadata.mode() & needed != 0
    }
}

/// The home directory that `/etc/passwd` gives an account, for when HOME is empty or unset.
pub(super) fn home_of(passwd: &str, uid: u32) -> Option<PathBuf> {
    let uid = uid.to_string();
    let line = passwd.lines().find(|line| line.split(':').nth(2) == Some(uid.as_str()))?;
    line.split(':').nth(5).map(PathBuf::from).filter(|home| home.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n";

    #[test]
    fn root_lends_postgres_before_nobody_and_keeps_the_owner_of_an_existing_cluster() {
        let with_postgres = format!("{PASSWD}postgres:x:101:104::/var/lib/postgresql:/bin/bash\n");

        assert_eq!(Account::choose(&with_postgres, None).name, "postgres");
        assert_eq!(Account::choose(PASSWD, None).uid, 65_534);
        assert_eq!(
            Account::choose(&with_postgres, Some((1000, 1001))),
            Account { name: "1000".to_owned(), uid: 1000, gid: 1001 }
        );
        assert_eq!(Account::choose("", Some((0, 0))).uid, NOBODY, "root itself is never lent");
    }

    #[test]
    fn a_home_that_is_not_there_is_no_home() {
        assert_eq!(home_of(PASSWD, 65_534), None);
        assert_eq!(home_of("a:x:7:7::/:/bin/sh", 7), Some(PathBuf::from("/")));
    }
}
