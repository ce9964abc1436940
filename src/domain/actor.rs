//! Who did something, as the audit says it.
//!
//! An actor has one printed form, a word of `a-z`, `0-9` and `_ . : -` with at most 64 characters, because the audit admits
//! nothing else. Colons part its pieces, so no piece contains one. Of a person it says the name of an account and a role.

use std::fmt;

use super::SourceId;

/// The longest name in an actor, in characters: an operator's has to leave room for the role.
const NAME_LENGTH_MAX: usize = 36;

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A worker: it interprets events and runs jobs.
    Worker,
    /// The sweep: it puts right what no event and no job is about.
    Sweep,
    /// Somebody at the command line.
    CommandLine {
        /// The account of the operating system that the process belongs to.
        os_user: ActorName,
    },
    /// Somebody who has logged in.
    #[cfg_attr(not(any(test, feature = "testing")), expect(dead_code, reason = "nobody can log in yet"))]
    Operator {
        /// The operator's id.
        id: ActorName,
        /// What this operator may do.
        role: OperatorRole,
    },
    /// A sender, by a delivery that was accepted.
    Sender {
        /// The source that it sends to.
        source: SourceId,
    },
    /// The demo, on sample data.
    #[cfg_attr(
        not(any(test, feature = "demo", feature = "testing")),
        expect(dead_code, reason = "there is no demo in this build")
    )]
    Demo,
}

/// What an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(any(test, feature = "testing")), expect(dead_code, reason = "nobody can log in yet"))]
pub enum OperatorRole {
    /// Look.
    Viewer,
    /// Look, and help senders.
    Support,
    /// Decide about requests.
    PrivacyOfficer,
    /// Everything.
    Admin,
}

impl OperatorRole {
    /// The word used in audit entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::PrivacyOfficer => "privacy_officer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker => formatter.write_str("worker"),
            Self::Sweep => formatter.write_str("sweep"),
            Self::CommandLine { os_user } => write!(formatter, "command_line:{os_user}"),
            Self::Operator { id, role } => write!(formatter, "operator:{id}:{}", role.as_str()),
            Self::Sender { source } => write!(formatter, "sender:{source}"),
            Self::Demo => formatter.write_str("demo"),
        }
    }
}

/// The name of an account: 1 to 36 of `a-z`, `0-9` and `_ . -`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorName(String);

impl ActorName {
    /// Makes an account's name one that an actor can have. A domain around it is left out (`OFFICE\alice` and
    /// `alice@office.example` are `alice`): it says nothing more about who acted, and often spells an e-mail address. Capitals
    /// become small, every other character that does not fit becomes `_`, and what is too long is cut.
    pub fn of_account(name: &str) -> Self {
        let local = name.rsplit('\\').next().unwrap_or(name);
        let local = local.split('@').next().unwrap_or(local);
        let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_.-".contains(letter);
        let lower = local.chars().map(|letter| letter.to_ascii_lowercase());
        let word: String = lower.map(|letter| if fits(letter) { letter } else { '_' }).take(NAME_LENGTH_MAX).collect();
        Self(if word.is_empty() { "_".to_owned() } else { word })
    }
}

impl fmt::Display for ActorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn fits_the_audit(word: &str) -> bool {
        let is_of_alphabet =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_.:-".contains(letter);
        (1..=64).contains(&word.len()) && word.chars().all(is_of_alphabet)
    }

    #[test]
    fn every_actor_has_one_printed_form_and_the_longest_fits_the_audit() {
        let longest = ActorName::of_account(&"a".repeat(100));
        let source = SourceId::from_uuid(Uuid::from_u128(7));
        let roles = [OperatorRole::Viewer, OperatorRole::Support, OperatorRole::PrivacyOfficer, OperatorRole::Admin];
        let operators = roles.map(|role| Actor::Operator { id: longest.clone(), role });
        let others = [
            Actor::Worker,
            Actor::Sweep,
            Actor::CommandLine { os_user: longest.clone() },
            Actor::Sender { source },
            Actor::Demo,
        ];
        let words: Vec<String> = others.iter().chain(&operators).map(Actor::to_string).collect();
        assert!(words.iter().all(|word| fits_the_audit(word)), "{words:?}");
        assert_eq!(words[0], "worker");
        assert_eq!(words[3], "sender:src_00000000000000000000000000000007");
        assert_eq!(words[7], format!("operator:{}:privacy_officer", "a".repeat(36)));
    }

    #[test]
    fn of_an_account_the_name_is_kept_and_its_domain_is_not() {
        let said = |name: &str| Actor::CommandLine { os_user: ActorName::of_account(name) }.to_string();
        assert_eq!(said("alice"), "command_line:alice");
        assert_eq!(said("Alice.Smith"), "command_line:alice.smith");
        assert_eq!(said("OFFICE\\alice"), "command_line:alice");
        assert_eq!(said("alice@office.example"), "command_line:alice");
        assert_eq!(said("j\u{fc}rgen:x y"), "command_line:j_rgen_x_y");
        assert_eq!(said("@"), "command_line:_");
        assert_eq!(said(""), "command_line:_");
    }
}
