//! What a source said, after interpretation and minimization, and how each event ends.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use super::reason::IgnoreReason;
use super::{
    IdentityKind, Issuer, Personal, Reason, profile::Profile, reason::EventReason, tree::TreeChange,
    worklog::WorklogChange,
};

/// An identity as a source named it, before normalisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedIdentity {
    /// What kind of identity it is.
    pub kind: IdentityKind,
    /// Who gives it out.
    pub issuer: Issuer,
    /// The value as sent.
    pub value: Personal<String>,
}

/// What happened to a person's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonSignal {
    /// The account was added to the site.
    UserCreated,
    /// Something about the account changed.
    UserUpdated,
    /// The account left this site; the Atlassian account itself may live on.
    UserDeleted,
    /// The account was closed by its owner's right to be forgotten, everywhere. Nothing cancels it.
    AccountClosed,
    /// The platform says that personal data of the account has changed, and not what.
    AccountUpdated,
}

impl PersonSignal {
    /// Every signal, for policy files.
    pub const ALL: [Self; 5] =
        [Self::UserCreated, Self::UserUpdated, Self::UserDeleted, Self::AccountClosed, Self::AccountUpdated];

    /// The word used in SQL, JSON, policy files and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserCreated => "user_created",
            Self::UserUpdated => "user_updated",
            Self::UserDeleted => "user_deleted",
            Self::AccountClosed => "account_closed",
            Self::AccountUpdated => "account_updated",
        }
    }
}

/// What happened to a tenant's installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantSignal {
    /// The app was installed.
    Installed,
    /// The app was upgraded, so it is installed.
    Upgraded,
    /// An administrator has begun to uninstall the app.
    Uninstalling,
    /// The app was uninstalled.
    Uninstalled,
    /// The app was enabled again by an administrator.
    Enabled,
    /// The app was disabled by an administrator, who may enable it again.
    Disabled,
    /// The scheduled sign of life.
    Heartbeat,
}

impl TenantSignal {
    /// Every signal.
    #[cfg(test)]
    pub const ALL: [Self; 7] = [
        Self::Installed,
        Self::Upgraded,
        Self::Uninstalling,
        Self::Uninstalled,
        Self::Enabled,
        Self::Disabled,
        Self::Heartbeat,
    ];

    /// The word used in SQL, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Upgraded => "upgraded",
            Self::Uninstalling => "uninstalling",
            Self::Uninstalled => "uninstalled",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Heartbeat => "heartbeat",
        }
    }
}

/// The meaning of a verified event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// A signal about one person.
    Person {
        /// What happened.
        signal: PersonSignal,
        /// To whom.
        identity: NamedIdentity,
        /// When, by the source's clock; `None` where the source did not say.
        source_at: Option<Timestamp>,
        /// What else was said about the account. Empty once only the minimized record is left.
        profile: Profile,
    },
    /// A signal about the whole tenant.
    Tenant {
        /// What happened.
        signal: TenantSignal,
        /// The installation it is about, as a bare id, where the source names it.
        installation: Option<String>,
        /// When, by the source's clock; `None` where the source did not say.
        source_at: Option<Timestamp>,
    },
    /// A change of hours.
    Worklog(WorklogChange),
    /// A change of the tree that hours hang on.
    Tree(TreeChange),
    /// Nothing that the product has to act on.
    Irrelevant(IgnoreReason),
}

impl LifecycleEvent {
    /// The type recorded on the event: a closed set of words, never the sender's own text.
    pub const fn type_word(&self) -> &'static str {
        match self {
            Self::Person { signal, .. } => signal.as_str(),
            Self::Tenant { signal, .. } => signal.as_str(),
            Self::Tree(change) => change.as_str(),
            Self::Worklog(WorklogChange::Logged(_)) => "worklog_logged",
            Self::Worklog(WorklogChange::Removed { .. }) => "worklog_removed",
            Self::Irrelevant(_) => "irrelevant",
        }
    }
}

/// Why a verified event could not be understood. It names fields of our own documentation, never the sender's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The body is not UTF-8.
    #[error("body_not_utf8")]
    NotUtf8,
    /// The body is not JSON, or is nested deeper than the parser's bound.
    #[error("body_not_json")]
    NotJson,
    /// A field that the event type needs is missing.
    #[error("missing_field: {0}")]
    MissingField(&'static str),
    /// A field has a value that cannot be believed.
    #[error("invalid_field: {0}")]
    InvalidField(&'static str),
    /// The signed body speaks of another site than the one its source is registered for.
    #[error("foreign_site: {0}")]
    ForeignSite(&'static str),
}

impl From<Malformed> for Reason {
    fn from(malformed: Malformed) -> Self {
        let reason = match malformed {
            Malformed::NotUtf8 => EventReason::BodyNotUtf8,
            Malformed::NotJson => EventReason::BodyNotJson,
            Malformed::MissingField(field) => EventReason::MissingField { field },
            Malformed::InvalidField(field) => EventReason::InvalidField { field },
            Malformed::ForeignSite(field) => EventReason::ForeignSite { field },
        };
        reason.into()
    }
}

/// The longest reason that is stored beside an event, in characters.
const REASON_LENGTH_MAX: usize = 200;

/// How an accepted event ended. Every accepted event ends in exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its consequences are committed. The detail is a closed word such as `offboarding_started`.
    Applied(&'static str),
    /// Nothing followed.
    Ignored(IgnoreReason),
    /// It could not be applied and waits for a person.
    DeadLettered(Reason),
}

impl Outcome {
    /// The word stored in the outcome column.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Applied(_) => "applied",
            Self::Ignored(_) => "ignored",
            Self::DeadLettered(_) => "dead_lettered",
        }
    }

    /// It could not be applied, for this reason.
    pub fn dead_lettered(reason: impl Into<Reason>) -> Self {
        Self::DeadLettered(reason.into())
    }

    /// The reason or detail stored beside it. A reason begins with its code.
    pub fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::Applied(detail) => Cow::Borrowed(detail),
            Self::Ignored(reason) => Cow::Borrowed(reason.as_str()),
            Self::DeadLettered(reason) => {
                let stored = reason.stored();
                if stored.chars().count() <= REASON_LENGTH_MAX {
                    return stored;
                }
                Cow::Owned(stored.chars().take(REASON_LENGTH_MAX).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_malformed_is_stored_as_it_prints() {
        let all = [
            Malformed::NotUtf8,
            Malformed::NotJson,
            Malformed::MissingField("webhookEvent"),
            Malformed::InvalidField("timestamp"),
            Malformed::ForeignSite("user.self"),
        ];
        for malformed in all {
            assert_eq!(Reason::from(malformed.clone()).stored(), malformed.to_string());
        }
    }
}
