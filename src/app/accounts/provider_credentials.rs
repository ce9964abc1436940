//! Provider credentials: which source has some for a project, and what can be called with them.

use crate::app::registry;

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use serde::Deserialize;

use crate::{
    app::{accounts::Accounts, ground::error::Error, requests::case::Case},
    domain::{IdentityKind, SourceId, TenantId},
    outbound::{
        BaseAddress, CallFailure,
        google_token::{GoogleToken, ServiceAccount},
        identity_toolkit::IdentityToolkit,
    },
    signature::SecretBytes,
    sources::SourceSettings,
};

/// The credentials of a Firebase project, as they are sealed: a service account's key file, or where its emulator is.
#[derive(Deserialize)]
struct EmulatorAddress {
    emulator: String,
}

/// The source with provider credentials for a person's account; `None` without such an account or such credentials.
///
/// Only sources of the person's own tenant or of all tenants count: another tenant's credentials must not be used because
/// somebody has written the same project into a registration.
pub(in crate::app) async fn of_person(
    gateway: &Accounts,
    tenant: TenantId,
    case: &Case,
) -> Result<Option<SourceId>, Error> {
    let is_firebase = case.person.identities.iter().any(|(kind, _)| *kind == IdentityKind::FirebaseUid);
    let Some(project) = case.issuer.project().filter(|_| is_firebase) else { return Ok(None) };
    for (of, source) in sources_with_project(gateway, tenant).await? {
        if of == project && registry::provider_secret(gateway, source).await?.is_some() {
            return Ok(Some(source));
        }
    }
    Ok(None)
}

/// The credentials for the accounts of a project.
pub(in crate::app) struct ProviderCredentials {
    /// The project.
    pub(in crate::app) project: String,
    source: SourceId,
    secret: SecretBytes,
}

/// The projects that a tenant's people may have accounts in.
pub(in crate::app) struct Projects {
    /// The credentials of each project for which there are some, by the rule of [`of_person`].
    pub(in crate::app) open: Vec<ProviderCredentials>,
    /// True when there is a project without credentials: nobody can look everywhere then.
    pub(in crate::app) is_some_closed: bool,
}

/// Every project that a source of the tenant or of all tenants names, with its credentials.
pub(in crate::app) async fn of_tenant(gateway: &Accounts, tenant: TenantId) -> Result<Projects, Error> {
    let (mut open, mut projects): (Vec<ProviderCredentials>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    for (project, source) in sources_with_project(gateway, tenant).await? {
        projects.insert(project.clone());
        if open.iter().any(|known| known.project == project) {
            continue;
        }
        if let Some(secret) = registry::provider_secret(gateway, source).await? {
            open.push(ProviderCredentials { project, source, secret });
        }
    }
    let is_some_closed = open.len() < projects.len();
    Ok(Projects { open, is_some_closed })
}

/// Sources of the tenant itself and then of all tenants, each with its project. See [`of_person`].
async fn sources_with_project(gateway: &Accounts, tenant: TenantId) -> Result<Vec<(String, SourceId)>, Error> {
    let mut rows = registry::list(gateway, None).await?;
    rows.retain(|row| [tenant, TenantId::PLATFORM].contains(&row.facts.tenant_id));
    rows.sort_by_key(|row| row.facts.tenant_id != tenant);
    let with_project = rows.into_iter().filter_map(|row| {
        let settings = SourceSettings::parse(row.facts.kind, &row.facts.settings).ok()?;
        Some((settings.project()?.to_owned(), row.source_id))
    });
    Ok(with_project.collect())
}

/// A project's name among those that a failing server is known by.
pub(in crate::app) fn destination(project: &str) -> String {
    format!("identitytoolkit {project}")
}

/// The accounts that these credentials are for.
pub(in crate::app) fn toolkit_of(
    gateway: &Accounts,
    credentials: &ProviderCredentials,
) -> Result<Arc<IdentityToolkit>, CallFailure> {
    toolkit(gateway, credentials.source, &credentials.project, credentials.secret.clone())
}

/// The project's accounts, reached with these credentials: an operator may have replaced them, perhaps because of the very
/// call that is tried again.
pub(in crate::app) fn toolkit(
    gateway: &Accounts,
    source: SourceId,
    project: &str,
    secret: SecretBytes,
) -> Result<Arc<IdentityToolkit>, CallFailure> {
    let mut known = gateway.outgoing().toolkits.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((made_of, toolkit)) = known.get(&source)
        && made_of.expose() == secret.expose()
    {
        return Ok(Arc::clone(toolkit));
    }
    let toolkit = Arc::new(new_toolkit(gateway, project, &secret)?);
    known.insert(source, (secret, Arc::clone(&toolkit)));
    Ok(toolkit)
}

fn new_toolkit(gateway: &Accounts, project: &str, secret: &SecretBytes) -> Result<IdentityToolkit, CallFailure> {
    let outgoing = gateway.outgoing();
    if let Ok(address) = serde_json::from_slice::<EmulatorAddress>(secret.expose()) {
        if !gateway.trusts_emulators() {
            return Err(CallFailure::NotSendable { what: "an emulator is believed under the development switch only" });
        }
        let base = BaseAddress::development(&address.emulator)?;
        return IdentityToolkit::emulator(outgoing.loopback().clone(), base, project);
    }
    let account = ServiceAccount::parse(secret.expose())?;
    let token = Arc::new(GoogleToken::new(outgoing.public().clone(), account));
    IdentityToolkit::google(outgoing.public().clone(), project, token)
}
