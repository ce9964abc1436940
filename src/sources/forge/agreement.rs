//! Whether a body speaks of those whom the token speaks for.

use super::{
    body::{Body, CallContext, Named},
    kind::Kind,
};
use crate::{
    domain::caller::ForgeCaller,
    sources::{
        NotAdmitted,
        scalar::{self, Raw},
    },
};

/// Compares every id that the body gives of site, installation, app and environment with the token's. What the body does not
/// say cannot disagree.
pub(super) fn check(caller: &ForgeCaller, body: &Body<'_>, kind: Kind) -> Result<(), NotAdmitted> {
    for context in [body.outer_context, body.event.context] {
        same(site(context)?, &caller.cloud_id, "context")?;
    }
    // Elsewhere `id` is the event's own and `app` may be somebody else's.
    if kind.installation_word().is_none() {
        return Ok(());
    }
    same(scalar::text(body.event.id, "id")?, &caller.installation_id, "id")?;
    same(id_of(body.event.app, "app")?, &caller.app_id, "app.id")?;
    same(id_of(body.event.environment, "environment")?, &caller.environment_id, "environment.id")
}

/// The site of a context: an ARI in events, an object in calls without one. Anything else is no context of a site.
fn site(context: Raw<'_>) -> Result<Option<String>, NotAdmitted> {
    if scalar::is_object(context) {
        let context: CallContext<'_> = scalar::object(context, "context")?;
        return Ok(scalar::text(context.cloud_id, "context.cloudId")?);
    }
    Ok(scalar::text(context.filter(|raw| raw.get().starts_with('"')), "context")?)
}

fn id_of(part: Raw<'_>, field: &'static str) -> Result<Option<String>, NotAdmitted> {
    if part.is_none() {
        return Ok(None);
    }
    let part: Named<'_> = scalar::object(part, field)?;
    Ok(scalar::text(part.id, field)?)
}

/// The token's ids are bare; the body's may be bare too, or the last part of an ARI (`ari:cloud:jira::site/<id>`).
fn same(said: Option<String>, expected: &str, field: &'static str) -> Result<(), NotAdmitted> {
    let Some(said) = said else { return Ok(()) };
    let bare = if said.starts_with("ari:cloud:") { said.rsplit('/').next().unwrap_or_default() } else { &said };
    if bare.eq_ignore_ascii_case(expected) { Ok(()) } else { Err(NotAdmitted::BodyDisagrees(field)) }
}
