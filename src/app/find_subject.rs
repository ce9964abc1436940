//! Finding a person by an identity: "why was this user not deleted?" begins here.

use super::{
    Error, Gateway,
    person::{ATLASSIAN_ISSUER, Named},
};
use crate::{
    domain::{IdentityKind, Personal, TenantId, request::RequestState},
    sealing::normalise,
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

/// Looks a person up in every tenant, or in one. The value is used for its digest and goes nowhere else.
pub async fn find(
    gateway: &Gateway,
    tenant: Option<TenantId>,
    kind: IdentityKind,
    value: &Personal<String>,
) -> Result<Vec<FoundSubject>, Error> {
    let identity = normalise(kind, value.expose_for("the digest it is found by"))
        .map_err(|_| Error::Refused(format!("that is not a value of kind {kind}")))?;
    let tenants = match tenant {
        Some(tenant) => vec![tenant],
        None => super::report::tenants(gateway).await?.into_iter().map(|row| row.tenant_id).collect(),
    };
    let mut client = gateway.databases().tenant.client().await?;
    let mut found = Vec::new();
    for tenant_id in tenants {
        let named = Named::new(gateway, tenant_id, kind, identity.clone());
        let tx = TenantTx::begin(&mut client, tenant_id).await?;
        let digests: Vec<&[u8]> = named.digests.iter().map(|digest| digest.digest.as_slice()).collect();
        let fence = store::fence::standing(&tx, kind, ATLASSIAN_ISSUER, &digests).await?;
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
