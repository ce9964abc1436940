//! What a body is: by its own type where it has one, by what called us where it has none.

use serde::{Deserialize, Serialize};

use super::body::Event;
use crate::{
    domain::event::{IgnoreReason, PersonSignal},
    sources::scalar::{self, Raw},
};

/// The manifest's key of the lifecycle trigger.
pub const MODULE_LIFECYCLE: &str = "gateway-lifecycle";
/// The manifest's key of the `preUninstall` module.
pub const MODULE_PRE_UNINSTALL: &str = "gateway-pre-uninstall";
/// The manifest's key of the scheduled trigger.
pub const MODULE_HEARTBEAT: &str = "gateway-heartbeat";

/// What an endpoint's key may begin with, before the last word of its path.
const ENDPOINT_PREFIX: &str = "gateway-";

/// Families of events that Atlassian documents and of which no other type carries a signal for this product.
const KNOWN_FAMILIES: &[&str] =
    &["avi:jira:", "avi:jira-software:", "avi:confluence:", "avi:ecosystem.app_policy:", "avi:ecosystem.migration:"];

/// Which of our endpoints was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Route {
    Events,
    Lifecycle,
    PreUninstall,
    Heartbeat,
    Other,
}

impl Route {
    /// The endpoint of a path below the source's name.
    pub(super) fn of_path(tail: &str) -> Self {
        match tail.trim_matches('/') {
            "events" => Self::Events,
            "lifecycle" => Self::Lifecycle,
            "pre-uninstall" => Self::PreUninstall,
            "heartbeat" => Self::Heartbeat,
            _ => Self::Other,
        }
    }

    /// The endpoint that a key of our manifest stands for: a module's own key, or that of the endpoint which it calls.
    pub(super) fn of_module(key: &str) -> Self {
        match key {
            MODULE_LIFECYCLE => Self::Lifecycle,
            MODULE_PRE_UNINSTALL => Self::PreUninstall,
            MODULE_HEARTBEAT => Self::Heartbeat,
            endpoint => Self::of_path(endpoint.strip_prefix(ENDPOINT_PREFIX).unwrap_or(endpoint)),
        }
    }

    /// This route if it says something about a body without a type, else the other.
    pub(super) const fn or(self, other: Self) -> Self {
        if self.is_telling() || matches!(other, Self::Other) { self } else { other }
    }

    /// True when the two give a body without a type different meanings.
    pub(super) fn contradicts(self, other: Self) -> bool {
        self.is_telling() && other.is_telling() && self != other
    }

    const fn is_telling(self) -> bool {
        match self {
            Self::Lifecycle | Self::PreUninstall | Self::Heartbeat => true,
            Self::Events | Self::Other => false,
        }
    }
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Installed,
    Upgraded,
    Uninstalling,
    Heartbeat,
    Person(PersonSignal),
    WorklogLogged,
    WorklogRemoved,
    IssueSeen,
    IssueDeleted,
    ProjectDeleted,
    ProjectRestored,
    Ignored(IgnoreReason),
}

impl Kind {
    pub(super) fn of(event_type: Option<&str>, route: Route, event: &Event<'_>) -> Self {
        match (event_type, route) {
            (Some(event_type), _) => Self::of_type(event_type),
            (None, Route::Lifecycle) if event.installer.is_none() && event.upgrader.is_some() => Self::Upgraded,
            (None, Route::Lifecycle) => Self::Installed,
            (None, Route::PreUninstall) => Self::Uninstalling,
            (None, Route::Heartbeat) => Self::Heartbeat,
            (None, Route::Events | Route::Other) => Self::Ignored(IgnoreReason::UnknownType),
        }
    }

    /// `avi:confluence:deleted:user` is no signal although it speaks of a person: who leaves Confluence may still be in Jira,
    /// and this product's people are Jira's. `avi:forge:uninstalled:app` is not documented and never sent, so nothing is read
    /// into it.
    fn of_type(event_type: &str) -> Self {
        match event_type {
            "avi:forge:installed:app" => Self::Installed,
            "avi:forge:upgraded:app" => Self::Upgraded,
            "avi:jira:created:user" => Self::Person(PersonSignal::UserCreated),
            "avi:jira:updated:user" => Self::Person(PersonSignal::UserUpdated),
            "avi:jira:deleted:user" => Self::Person(PersonSignal::UserDeleted),
            "avi:jira:created:worklog" | "avi:jira:updated:worklog" => Self::WorklogLogged,
            "avi:jira:deleted:worklog" => Self::WorklogRemoved,
            "avi:jira:created:issue" | "avi:jira:updated:issue" => Self::IssueSeen,
            "avi:jira:deleted:issue" => Self::IssueDeleted,
            "avi:jira:deleted:project" | "avi:jira:softdeleted:project" => Self::ProjectDeleted,
            "avi:jira:restored:project" => Self::ProjectRestored,
            known if KNOWN_FAMILIES.iter().any(|family| known.starts_with(family)) => {
                Self::Ignored(IgnoreReason::NotALifecycleSignal)
            }
            _ => Self::Ignored(IgnoreReason::UnknownType),
        }
    }

    /// The word for an event about the app's own installation, of which there is one for each version.
    pub(super) const fn installation_word(self) -> Option<&'static str> {
        match self {
            Self::Installed => Some("installed"),
            Self::Upgraded => Some("upgraded"),
            Self::Uninstalling
            | Self::Heartbeat
            | Self::Person(_)
            | Self::WorklogLogged
            | Self::WorklogRemoved
            | Self::IssueSeen
            | Self::IssueDeleted
            | Self::ProjectDeleted
            | Self::ProjectRestored
            | Self::Ignored(_) => None,
        }
    }
}

/// What an event is about, by the last word of its type, as the id that the body gives it.
pub(super) fn entity(event_type: &str, event: &Event<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Entity<'a> {
        #[serde(borrow, default)]
        id: Raw<'a>,
        #[serde(rename = "accountId", borrow, default)]
        account_id: Raw<'a>,
    }
    let (_, what) = event_type.rsplit_once(':')?;
    let object = match what {
        "user" => event.user,
        "worklog" => event.worklog,
        "issue" => event.issue,
        "project" => event.project,
        _ => return None,
    };
    let entity: Entity<'_> = scalar::object(object, "entity").ok()?;
    if what == "user" {
        return scalar::text(entity.account_id, "accountId").ok().flatten();
    }
    scalar::digits(entity.id, "id").ok()
}
