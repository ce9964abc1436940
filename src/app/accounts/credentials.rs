//! The way to an identity provider: which source has credentials for a project, and what can be called with them.

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

/// The source whose credentials can tell a person's identity provider; `None` when there is nobody to tell, or no way to.
///
/// Only sources of the person's own tenant or of all tenants count: another customer's credentials must not be used because
/// somebody has written the same project into a registration.
pub(in crate::app) async fn teller(
    gateway: &Accounts,
    tenant: TenantId,
    case: &Case,
) -> Result<Option<SourceId>, Error> {
    let is_firebase = case.person.identities.iter().any(|(kind, _)| *kind == IdentityKind::FirebaseUid);
    if !is_firebase {
        return Ok(None);
    }
    let (project, _) = project_and_tenant(&case.issuer);
    for (of, source) in sources_with_project(gateway, tenant).await? {
        if of == project && registry::call_back_secret(gateway, source).await?.is_some() {
            return Ok(Some(source));
        }
    }
    Ok(None)
}

/// A way to the accounts of a project.
pub(in crate::app) struct Way {
    /// The project.
    pub(in crate::app) project: String,
    source: SourceId,
    credentials: SecretBytes,
}

/// The projects that a tenant's people may have accounts in.
pub(in crate::app) struct Ways {
    /// One way to each project to which there is one, by the rule of [`teller`].
    pub(in crate::app) known: Vec<Way>,
    /// True when there is a project without one: nobody can look everywhere then.
    pub(in crate::app) is_some_closed: bool,
}

/// The ways to every project that a source of the tenant or of all tenants names.
pub(in crate::app) async fn ways(gateway: &Accounts, tenant: TenantId) -> Result<Ways, Error> {
    let (mut known, mut projects): (Vec<Way>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    for (project, source) in sources_with_project(gateway, tenant).await? {
        projects.insert(project.clone());
        if known.iter().any(|way| way.project == project) {
            continue;
        }
        if let Some(credentials) = registry::call_back_secret(gateway, source).await? {
            known.push(Way { project, source, credentials });
        }
    }
    let is_some_closed = known.len() < projects.len();
    Ok(Ways { known, is_some_closed })
}

/// Sources of the tenant itself and then of all tenants, each with its project. See [`teller`].
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

/// The project, and the Identity Platform tenant within it.
pub(in crate::app) fn project_and_tenant(issuer: &str) -> (&str, Option<&str>) {
    issuer.split_once('/').map_or((issuer, None), |(project, tenant)| (project, Some(tenant)))
}

/// A project's name among those that a failing server is known by.
pub(in crate::app) fn destination(project: &str) -> String {
    format!("identitytoolkit {project}")
}

/// The accounts that a way leads to.
pub(in crate::app) fn toolkit_of(gateway: &Accounts, way: &Way) -> Result<Arc<IdentityToolkit>, CallFailure> {
    toolkit(gateway, way.source, &way.project, way.credentials.clone())
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
    let call_backs = gateway.outgoing();
    if let Ok(address) = serde_json::from_slice::<EmulatorAddress>(secret.expose()) {
        if !gateway.trusts_emulators() {
            return Err(CallFailure::NotSendable { what: "an emulator is believed under the development switch only" });
        }
        let base = BaseAddress::development(&address.emulator)?;
        return IdentityToolkit::emulator(call_backs.loopback().clone(), base, project);
    }
    let account = ServiceAccount::parse(secret.expose())?;
    let token = Arc::new(GoogleToken::new(call_backs.public().clone(), account));
    IdentityToolkit::google(call_backs.public().clone(), project, token)
}
