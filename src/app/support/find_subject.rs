//! Finding a person by an identity: "why was this user not deleted?" begins here.

use std::collections::BTreeSet;

use crate::{
    app::ground::{Ground, error::Error, identities::Named, tenants},
    domain::{IdentityKind, Issuer, Personal, TenantId, reason::InputReason, request::RequestState},
    sealing::normalise,
    sources::SourceSettings,
    store::{self, TenantTx, fence::Fence, request::RequestRow, subject::SubjectRow},
};

/// What is known of a person in one tenant.
pub struct FoundSubject {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Subjects with this identity; more than one only for shared mailboxes.
    pub subjects: Vec<(SubjectRow, Vec<RequestRow>)>,
    /// The fence that stands for this identity, if the person was erased here.
    pub fence: Option<Fence>,
}

/// Looks a person up in every tenant, or in one. The value is used for its digest and goes nowhere else. `issuer` is the
/// Firebase project of a uid, with its tenant after a slash where it has one; without it every project of a registered
/// source is tried.
pub async fn find(
    gateway: &Ground,
    tenant: Option<TenantId>,
    kind: IdentityKind,
    issuer: Option<&str>,
    value: &Personal<String>,
) -> Result<Vec<FoundSubject>, Error> {
    let identity = normalise(kind, value.expose_for("the digest it is found by"))
        .map_err(|_| Error::rejected(InputReason::IdentityNotValid { kind: kind.to_string() }))?;
    let tenants = match tenant {
        Some(tenant) => vec![tenant],
        None => tenants::list(gateway).await?.into_iter().map(|row| row.tenant_id).collect(),
    };
    let issuers = match issuer {
        Some(issuer) => vec![Issuer::parse(issuer)],
        None => issuers(gateway, kind).await?,
    };
    let mut client = gateway.databases().tenant.client().await?;
    let mut found = Vec::new();
    for (tenant_id, issuer) in tenants.iter().flat_map(|tenant| issuers.iter().map(move |issuer| (*tenant, issuer))) {
        let named = Named::new(gateway, tenant_id, kind, issuer, identity.clone());
        let tx = TenantTx::begin(&mut client, tenant_id).await?;
        let digests: Vec<&[u8]> = named.digests.iter().map(|digest| digest.digest.as_slice()).collect();
        let fence = store::fence::standing(&tx, kind, issuer, &digests).await?;
        let mut subjects = Vec::new();
        for subject in store::subject::find_by_digest(&tx, kind, &digests).await? {
            let requests = store::request::list(&tx, Some(subject.subject_id), None::<RequestState>, 100).await?;
            subjects.push((subject, requests));
        }
        if fence.is_some() || !subjects.is_empty() {
            found.push(FoundSubject { tenant_id, subjects, fence });
        }
    }
    Ok(found)
}

/// Who may have given out an identity of this kind.
async fn issuers(gateway: &Ground, kind: IdentityKind) -> Result<Vec<Issuer>, Error> {
    match kind {
        IdentityKind::AtlassianAccountId | IdentityKind::Email => Ok(vec![Issuer::Universal]),
        IdentityKind::FirebaseUid => {
            let sources = crate::app::registry::list(gateway, None).await?;
            let settings =
                sources.iter().filter_map(|row| SourceSettings::parse(row.facts.kind, &row.facts.settings).ok());
            let projects: BTreeSet<String> = settings.filter_map(|known| known.project().map(str::to_owned)).collect();
            Ok(projects.into_iter().map(|project| Issuer::Project { project, tenant: None }).collect())
        }
    }
}
