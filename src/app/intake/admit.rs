//! What a verified delivery leads to beside its events: what is kept of one that nobody understands, and what an installation
//! brings. Which events it holds is said by the sender's own file in `sources`.

use crate::app::registry;

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    app::{ground::error::Error, intake::Intake, registry::LoadedSource},
    sources::{
        Admitted, NotAdmitted,
        contract::{Brought, Events, Received},
        is_credential,
    },
};

/// The event of an authentic delivery that nobody understands. It is kept with what was verified and with the headers that
/// its meaning may stand in: a mended reader must be able to read it again.
pub(in crate::app) fn unreadable(events: &Events, received: &Received<'_>) -> Admitted {
    if let Some(admitted) = events.unread.and_then(|unread| unread(received)) {
        return admitted;
    }
    let headers: BTreeMap<&str, Cow<'_, str>> = received
        .headers
        .iter()
        .filter(|(name, _)| !is_credential(name))
        .map(|(name, value)| (name, String::from_utf8_lossy(value)))
        .collect();
    let context = serde_json::to_vec(&serde_json::json!({ "unread": headers })).unwrap_or_default();
    Admitted { context, ..Admitted::whole(None) }
}

/// What the delivery brings. A secret that cannot be one is refused, because its installation would be locked out.
pub(in crate::app) fn brought<'a>(events: &Events, received: &Received<'a>) -> Result<Brought<'a>, NotAdmitted> {
    let brought = (events.brought)(received)?;
    match &brought {
        Brought::HolderSecret { secret, .. } if registry::check_holder_secret(secret).is_err() => {
            Err(NotAdmitted::BodyDisagrees("sharedSecret"))
        }
        Brought::HolderSecret { .. } | Brought::SiteToken { .. } | Brought::Nothing => Ok(brought),
    }
}

/// What follows from a new event at once, before its sender is answered: the installation's secret or token is kept. Only for
/// a new one: whoever repeats a call under the same token must not change what the first one has brought.
pub(in crate::app) async fn after_keeping(
    gateway: &Intake,
    source: &LoadedSource,
    brought: Brought<'_>,
) -> Result<(), Error> {
    match brought {
        Brought::Nothing => Ok(()),
        Brought::HolderSecret { holder, secret } => {
            registry::keep_holder_secret(gateway, source, holder, &secret).await
        }
        Brought::SiteToken { cloud_id, token } => {
            registry::keep_installation_token(gateway, source, cloud_id, token.0).await
        }
    }
}
