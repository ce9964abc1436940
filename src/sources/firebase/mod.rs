//! Firebase Authentication's "a user was created" and "a user was deleted", in every shape in which they arrive.
//!
//! | shape | where it comes from |
//! |---|---|
//! | `CloudEvents` v1 and v2, by attributes or as one JSON object | Eventarc, Pub/Sub, the emulator |
//! | `{eventId, eventType, resource, timestamp, data}` | background functions of the first generation |
//! | `{data, context}` and `{user, context}` | the same, split, and our forwarder function |
//! | one JSON object with copies (`user`, `context`, `project`) | our forwarder function of the second generation |
//! | a bare user whose type stands in the attribute `ce-type` | whoever publishes to a topic |
//!
//! Of a user only the uid and the Identity Platform tenant are ever read: no address, name, number or provider. Deleting
//! many users at once sends nothing in production (firebase-functions, issue 860), so silence proves nothing.

mod context;
mod said;
mod shapes;
mod user;

use said::Said;

use crate::domain::{
    IdentityKind, Issuer,
    event::{IgnoreReason, LifecycleEvent, Malformed, NamedIdentity, PersonSignal},
    profile::Profile,
};
pub(super) use context::Context;

/// Families of types that Google documents and of which no other type carries a signal for this product.
///
/// `google.firebase.auth.user.v2.updated` is in the protocol's files but nothing sends it. Audit logs
/// (`google.cloud.audit.log.v1.written`) are the only route that shows a deletion of many users at once
/// (`…AccountManagementService.BatchDeleteAccounts`), but no sample of such an entry is known, and a uid must not be guessed
/// from an undocumented field.
const KNOWN_FAMILIES: &[&str] = &[
    "google.firebase.auth.",
    "providers/firebase.auth/",
    "google.cloud.audit.log.",
    "google.cloud.pubsub.",
    "google.cloud.storage.",
];

/// What an event means for the registered `project`, from what was stored of it: attributes in `context` (empty where there
/// were none) and the body.
pub fn interpret(context: &[u8], body: &[u8], project: &str) -> Result<LifecycleEvent, Malformed> {
    let context = Context::read(context)?;
    let said =
        if context.event_type.is_some() { context.said(body)? } else { shapes::said(body, context.published_at)? };
    conclude(&said, project)
}

fn conclude(said: &Said<'_>, project: &str) -> Result<LifecycleEvent, Malformed> {
    let signal = match said.event_type.as_str() {
        "google.firebase.auth.user.v1.created"
        | "google.firebase.auth.user.v2.created"
        | "google.firebase.auth.user.create"
        | "providers/firebase.auth/eventTypes/user.create" => PersonSignal::UserCreated,
        "google.firebase.auth.user.v1.deleted"
        | "google.firebase.auth.user.v2.deleted"
        | "google.firebase.auth.user.delete"
        | "providers/firebase.auth/eventTypes/user.delete" => PersonSignal::UserDeleted,
        known if KNOWN_FAMILIES.iter().any(|family| known.starts_with(family)) => {
            return Ok(LifecycleEvent::Irrelevant(IgnoreReason::NotALifecycleSignal));
        }
        _ => return Ok(LifecycleEvent::Irrelevant(IgnoreReason::UnknownType)),
    };
    if let Some(resource) = &said.resource
        && project_of(resource)? != project
    {
        return Err(Malformed::ForeignSite("project"));
    }
    let user = user::named(said)?;
    let issuer = Issuer::Project { project: project.to_owned(), tenant: user.tenant };
    let identity = NamedIdentity { kind: IdentityKind::FirebaseUid, issuer, value: user.uid };
    Ok(LifecycleEvent::Person { signal, identity, source_at: said.at, profile: Profile::default() })
}

/// The project of a resource name. Only the two services that speak for accounts are believed.
fn project_of(resource: &str) -> Result<&str, Malformed> {
    let path = ["//firebaseauth.googleapis.com/", "//identitytoolkit.googleapis.com/"]
        .into_iter()
        .find_map(|service| resource.strip_prefix(service))
        .unwrap_or(resource);
    path.strip_prefix("projects/")
        .filter(|project| !project.is_empty() && !project.contains('/'))
        .ok_or(Malformed::InvalidField("resource"))
}

#[cfg(test)]
mod tests;
