//! What a source said, after interpretation and minimization, and how each event ends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{IdentityKind, Issuer, Personal, profile::Profile, tree::TreeChange, worklog::WorklogChange};

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

/// What happened to a customer's installation.
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
    /// A signal about the whole customer.
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

/// Why an event had no consequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IgnoreReason {
    /// A type that this version does not know.
    UnknownType,
    /// A known type that carries no signal for this product.
    NotALifecycleSignal,
    /// The policy says that nothing follows from this signal.
    PolicyNothingFollows,
    /// A later signal of the same account had already been applied.
    Superseded,
    /// The same or a later version had already been applied.
    StaleVersion,
    /// The person was erased; the fence refuses everything older than an explicit return.
    Fenced,
    /// Raw body and subject key are gone, so nothing about a person can be read any more.
    Forgotten,
    /// The account id is Atlassian's placeholder `unknown`, which must never be stored.
    PlaceholderAccount,
    /// Nobody of this identity is known to the product, here or in any tenant.
    NobodyKnown,
    /// Everything of the customer was deleted; only a new installation opens the door again.
    TenantGone,
    /// Something about an account has changed; what it is was not said, and nobody could be asked.
    NothingTold,
}

impl IgnoreReason {
    /// Every reason, for documentation and tests.
    pub const ALL: [Self; 11] = [
        Self::UnknownType,
        Self::NotALifecycleSignal,
        Self::PolicyNothingFollows,
        Self::Superseded,
        Self::StaleVersion,
        Self::Fenced,
        Self::Forgotten,
        Self::PlaceholderAccount,
        Self::NobodyKnown,
        Self::TenantGone,
        Self::NothingTold,
    ];

    /// The word used in SQL, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownType => "unknown_type",
            Self::NotALifecycleSignal => "not_a_lifecycle_signal",
            Self::PolicyNothingFollows => "policy_nothing_follows",
            Self::Superseded => "superseded",
            Self::StaleVersion => "stale_version",
            Self::Fenced => "fenced",
            Self::Forgotten => "forgotten",
            Self::PlaceholderAccount => "placeholder_account",
            Self::NobodyKnown => "nobody_known",
            Self::TenantGone => "tenant_gone",
            Self::NothingTold => "nothing_told",
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

/// How an accepted event ended. Every accepted event ends in exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its consequences are committed. The detail is a closed word such as `offboarding_started`.
    Applied(&'static str),
    /// Nothing followed.
    Ignored(IgnoreReason),
    /// It could not be applied and waits for a person. The text is one of our own, without values.
    DeadLettered(String),
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

    /// The reason or detail stored beside it.
    pub fn reason(&self) -> &str {
        match self {
            Self::Applied(detail) => detail,
            Self::Ignored(reason) => reason.as_str(),
            Self::DeadLettered(reason) => reason,
        }
    }
}
