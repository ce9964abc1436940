//! Whose process this is, for the audit.

use std::fs;

use crate::domain::{Actor, actor::ActorName};

/// Where the operating system lists its accounts.
const ACCOUNTS: &str = "/etc/passwd";

/// The account that this process belongs to, as an actor. The kernel says which one: a variable such as `USER` says whatever
/// somebody has put into it. Of an account that is not listed on this machine (of a directory service, or of a container) the
/// number is kept.
pub fn command_line() -> Actor {
    let uid = rustix::process::getuid().as_raw();
    let accounts = fs::read_to_string(ACCOUNTS).unwrap_or_default();
    Actor::CommandLine { os_user: ActorName::of_account(&name_of(&accounts, uid)) }
}

fn name_of(accounts: &str, uid: u32) -> String {
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid_{uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_as_the_machine_lists_it_and_otherwise_by_its_number() {
        let accounts =
            "root:x:0:0:root:/root:/bin/bash\n# a remark\n\nalice:x:1000:1000:Alice Smith:/home/alice:/bin/sh\n";
        assert_eq!(name_of(accounts, 0), "root");
        assert_eq!(name_of(accounts, 1000), "alice");
        assert_eq!(name_of(accounts, 1001), "uid_1001");
        assert_eq!(name_of("", 7), "uid_7");
    }

    #[test]
    fn this_process_has_an_account() {
        assert!(command_line().to_string().starts_with("command_line:"));
    }
}
