//! The way to ask one tenant's site: by the credentials of its own source, or by the token that its installation has brought.

use crate::app::registry;
use crate::sources::contract;

use crate::{
    app::{
        ground::error::Error,
        polling::{
            Polling,
            credentials::{Access, Credentials},
            turn::Halted,
        },
    },
    domain::reason::WaitReason,
    outbound::{Authorization, BaseAddress, CallFailure},
    store::poll::PollSource,
};

/// True for a source about one site: a Jira webhook, or an installation of the app.
pub(in crate::app) fn can_ask(source: &PollSource) -> bool {
    match contract(source.kind).polling {
        contract::Polling::Worklogs => true,
        contract::Polling::Installations => !source.holder.is_empty(),
        contract::Polling::ReportedAccounts | contract::Polling::Never => false,
    }
}

/// A way to ask the site that a source is about.
pub(in crate::app) async fn access(gateway: &Polling, source: &PollSource) -> Result<Access, Halted> {
    if source.holder.is_empty() {
        return access_to_site(gateway, source).await;
    }
    let outgoing = gateway.outgoing();
    let Some(token) = registry::installation_token(gateway, source.source_id, &source.holder).await? else {
        return Err(Error::later(WaitReason::NoInstallationToken).into());
    };
    let unreadable = CallFailure::NotSendable { what: "the installation's token cannot be sent" };
    let token = std::str::from_utf8(token.expose()).map_err(|_| unreadable)?;
    let authorization = Authorization::bearer(token).map_err(CallFailure::from)?;
    let (base, client) = match Credentials::of_development(gateway, source).await? {
        Some(api) => (api.jira_of_cloud_below(&source.holder), outgoing.loopback()),
        None => (BaseAddress::jira_of_cloud(&source.holder), outgoing.public()),
    };
    Ok(Access { client: client.clone(), base: base.map_err(CallFailure::from)?, authorization })
}

async fn access_to_site(gateway: &Polling, source: &PollSource) -> Result<Access, Halted> {
    let outgoing = gateway.outgoing();
    match Credentials::of(gateway, source).await? {
        Credentials::Site(authorization) => {
            let no_site = CallFailure::NotSendable { what: "the source is registered without a site" };
            let host = source.site_host.as_deref().ok_or(no_site)?;
            let base = BaseAddress::jira_site(host).map_err(CallFailure::from)?;
            Ok(Access { client: outgoing.public().clone(), base, authorization })
        }
        Credentials::Development { authorization, api } => {
            Ok(Access { client: outgoing.loopback().clone(), base: api, authorization })
        }
        Credentials::App(_) => {
            Err(CallFailure::NotSendable { what: "a site is asked by an e-mail address and an API token" }.into())
        }
    }
}
