//! Our Forge app's remote (Atlassian, "Forge Remote: sending product events"; "preUninstall module").
//!
//! The invocation token says whose site and installation calls, but it covers neither path nor body: what the body says
//! about itself is compared with it, and nothing else of the body is believed about the tenant. There is no delivery id and
//! a repeated delivery has another token and another wrapper, so what an event is about makes it the same.
//!
//! | what calls | how it is recognised | what it means |
//! |---|---|---|
//! | a product or lifecycle event | `eventType`, or the type of a `CloudEvents` envelope | see `kind` |
//! | the lifecycle trigger, in the body without `eventType` | module `gateway-lifecycle` or path `…/lifecycle` | installed, upgraded |
//! | the `preUninstall` module | module `gateway-pre-uninstall` or path `…/pre-uninstall` | an uninstallation has begun |
//! | the scheduled trigger | module `gateway-heartbeat` or path `…/heartbeat` | a sign of life |
//!
//! The token of a trigger may name the endpoint instead of the module. An endpoint's key is the last word of its path, with
//! or without `gateway-` before it: `events`, `lifecycle`, `pre-uninstall`, `heartbeat`.

mod agreement;
mod body;
pub mod contract;
mod kind;

use serde::{Deserialize, Serialize};

use super::{
    admission::{Admitted, NotAdmitted, TenantRef, identifier_of},
    atlassian::{self, tree, worklog},
    scalar,
};
use crate::domain::{
    Personal,
    caller::ForgeCaller,
    event::{IgnoreReason, LifecycleEvent, Malformed, TenantSignal},
    tree::TreeChange,
};

use body::{Body, Event, Named};
use kind::{Kind, Route};
pub use kind::{MODULE_HEARTBEAT, MODULE_LIFECYCLE, MODULE_PRE_UNINSTALL};

/// What is kept instead of a body that carries no event. It would hold a token that is not meant for us
/// (`contextToken`), and nothing that the verified token does not say.
const NO_EVENT: &[u8] = b"{}";

/// What interpretation has to know beside the body.
#[derive(Serialize, Deserialize)]
struct Context {
    cloud_id: String,
    installation_id: String,
    module_key: String,
    route: Route,
}

/// The event of a delivery whose token was verified. `path_tail` is the part of the path after the source's name.
///
/// Refuses a body that speaks of another site, installation, app or environment than the token, and a path that contradicts
/// the module which the token names. A sign of life needs no readable body.
pub fn admit(caller: &ForgeCaller, path_tail: &str, body: &[u8]) -> Result<Admitted, NotAdmitted> {
    let by_path = Route::of_path(path_tail);
    let by_module = Route::of_module(&caller.module_key);
    let route = by_module.or(by_path);
    let read = match Body::parse(body) {
        Ok(read) => read,
        Err(_) if route == Route::Heartbeat => Body::parse(NO_EVENT)?,
        Err(malformed) => return Err(malformed.into()),
    };
    let event_type = read.event.event_type()?;
    if event_type.is_none() && by_module.contradicts(by_path) {
        return Err(NotAdmitted::BodyDisagrees("path"));
    }
    let kind = Kind::of(event_type.as_deref(), route, &read.event);
    agreement::check(caller, &read, kind)?;
    let context = Context {
        cloud_id: caller.cloud_id.clone(),
        installation_id: caller.installation_id.clone(),
        module_key: caller.module_key.clone(),
        route,
    };
    Ok(Admitted {
        identifier: Some(identifier(caller, kind, event_type.as_deref(), &read.event)),
        is_identity: true,
        tenant: TenantRef::Key(caller.cloud_id.clone()),
        context: serde_json::to_vec(&context).expect("ids are JSON"),
        body: matches!(kind, Kind::Uninstalling | Kind::Heartbeat).then(|| Personal::new(NO_EVENT.to_vec())),
    })
}

/// The event of a delivery whose token was verified and whose body nobody understands. What was verified is kept with it, so
/// that it has its meaning once the body can be read.
pub fn unread(caller: &ForgeCaller, path_tail: &str) -> Admitted {
    let context = Context {
        cloud_id: caller.cloud_id.clone(),
        installation_id: caller.installation_id.clone(),
        module_key: caller.module_key.clone(),
        route: Route::of_module(&caller.module_key).or(Route::of_path(path_tail)),
    };
    Admitted {
        tenant: TenantRef::Key(caller.cloud_id.clone()),
        context: serde_json::to_vec(&context).expect("ids are JSON"),
        ..Admitted::whole(None)
    }
}

/// True for the route of the sign of life.
pub fn is_heartbeat(path_tail: &str) -> bool {
    path_tail == "heartbeat"
}

/// The longest system token that is believed, in bytes.
const SYSTEM_TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The token by which our app may ask the installation's site (`x-forge-oauth-system`): opaque, visible ASCII. `None` for
/// anything else.
pub fn system_token(header: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(header).ok()?;
    let is_token =
        (1..=SYSTEM_TOKEN_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then_some(text)
}

/// The context of an event that we have learned by asking the site ourselves, in the shape that its own events have.
pub fn context_of_learned(cloud_id: &str) -> Vec<u8> {
    let context = Context {
        cloud_id: cloud_id.to_owned(),
        installation_id: String::new(),
        module_key: String::new(),
        route: Route::Events,
    };
    serde_json::to_vec(&context).expect("ids are JSON")
}

/// What an event means, from what was stored of it.
pub fn interpret(context: &[u8], body: &[u8]) -> Result<LifecycleEvent, Malformed> {
    let context: Context = serde_json::from_slice(context).map_err(|_| Malformed::InvalidField("delivery.context"))?;
    let event = Body::parse(body)?.event;
    let event_type = event.event_type()?;
    let kind = Kind::of(event_type.as_deref(), context.route, &event);
    // Without a type only the installation's id tells such a body from anything else.
    if kind.installation_word().is_some() && event_type.is_none() && event.id.is_none() {
        return Err(Malformed::MissingField("id"));
    }
    let tenant =
        |signal| Ok(LifecycleEvent::Tenant { signal, installation: Some(context.installation_id), source_at: None });
    match kind {
        Kind::Installed => tenant(TenantSignal::Installed),
        Kind::Upgraded => tenant(TenantSignal::Upgraded),
        Kind::Uninstalling => tenant(TenantSignal::Uninstalling),
        Kind::Heartbeat => tenant(TenantSignal::Heartbeat),
        Kind::Person(signal) => atlassian::person(signal, event.user, None, event.source_at()?),
        Kind::WorklogLogged => worklog::logged(event.worklog, None),
        Kind::WorklogRemoved => worklog::removed(event.worklog, None, event.source_at()?),
        Kind::IssueSeen => Ok(tree::issue_seen(event.issue, None, event.source_at()?)?
            .map_or(LifecycleEvent::Irrelevant(IgnoreReason::NotALifecycleSignal), LifecycleEvent::Tree)),
        Kind::IssueDeleted => told(tree::issue_deleted(event.issue, None, event.source_at()?)?, "issue.id"),
        Kind::ProjectDeleted => told(tree::project_deleted(event.project, None, event.source_at()?)?, "project.id"),
        Kind::ProjectRestored => told(tree::project_restored(event.project, None, event.source_at()?)?, "project.id"),
        Kind::Ignored(reason) => Ok(LifecycleEvent::Irrelevant(reason)),
    }
}

/// Forge always says what was deleted or restored.
fn told(change: Option<TreeChange>, field: &'static str) -> Result<LifecycleEvent, Malformed> {
    change.map(LifecycleEvent::Tree).ok_or(Malformed::MissingField(field))
}

/// What makes an event the same when it is repeated: what it is about and when; for an installation its version; where
/// neither is told, the token's own id, so that a repetition counts as another event and does no harm.
fn identifier(caller: &ForgeCaller, kind: Kind, event_type: Option<&str>, event: &Event<'_>) -> Vec<u8> {
    let told = if let Some(word) = kind.installation_word() {
        version(event).map(|version| identifier_of(&["forge-app", word, &caller.installation_id, &version]))
    } else {
        event_type.zip(event.source_at().ok().flatten()).and_then(|(event_type, at)| {
            let entity = kind::entity(event_type, event)?;
            Some(identifier_of(&["forge-event", &caller.cloud_id, event_type, &entity, &at.to_string()]))
        })
    };
    told.unwrap_or_else(|| identifier_of(&["forge-token", &caller.token.id]))
}

fn version(event: &Event<'_>) -> Option<String> {
    let app: Named<'_> = scalar::object(event.app, "app").ok()?;
    scalar::text(app.version, "app.version").ok().flatten()
}

#[cfg(test)]
mod tests;
