//! What a job needs to know of its request, read in one short transaction.

use crate::{
    app::{
        ground::{
            Ground,
            error::Error,
            identities::{self, Named},
        },
        requests::job::RequestJob,
    },
    domain::{Issuer, RequestId, SubjectId, TenantId, request::RequestScope},
    product::{Digest, PersonKey},
    sealing::normalise,
    store::{self, TenantTx, request::RequestRow},
};

/// What a job about a person needs, read in one short transaction.
pub(in crate::app) struct Case {
    pub(in crate::app) request: RequestRow,
    pub(in crate::app) tenant_key: String,
    pub(in crate::app) subject: SubjectId,
    pub(in crate::app) person: PersonKey,
    /// The digests of the identity that the person is found by, current first; none when the person was erased.
    pub(in crate::app) digests: Vec<Digest>,
    /// Who gives out the identities that the person is found by; unknown when the person was erased.
    pub(in crate::app) issuer: Issuer,
}

/// What a job about a whole tenant needs.
pub(in crate::app) struct TenantCase {
    pub(in crate::app) request: RequestRow,
    pub(in crate::app) tenant_key: String,
}

/// What a job is about.
pub(in crate::app) enum AnyCase {
    Person(Case),
    Tenant(TenantCase),
}

impl AnyCase {
    pub(in crate::app) fn request(&self) -> &RequestRow {
        match self {
            Self::Person(case) => &case.request,
            Self::Tenant(case) => &case.request,
        }
    }

    pub(in crate::app) fn tenant_key(&self) -> &str {
        match self {
            Self::Person(case) => &case.tenant_key,
            Self::Tenant(case) => &case.tenant_key,
        }
    }

    /// One of two words: what is said of a person, or what is said of a tenant.
    pub(in crate::app) fn either(&self, of_person: &'static str, of_tenant: &'static str) -> &'static str {
        self.request().scope.either(of_person, of_tenant)
    }
}

/// Reads a request; with its person, whose identities are opened for this operation, when it is about one.
pub(in crate::app) async fn read_case(gateway: &Ground, job: &RequestJob<'_>) -> Result<AnyCase, Error> {
    read_case_of(gateway, job.tenant_id, job.request_id).await
}

/// As [`read_case`], of a request that may be another one than the job's.
pub(in crate::app) async fn read_case_of(
    gateway: &Ground,
    tenant: TenantId,
    request: RequestId,
) -> Result<AnyCase, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let request = store::request::read(&tx, request).await?.ok_or(Error::NotFound("request"))?;
    let tenant_key = store::tenant::stable_key(&tx).await?;
    let subject = match request.scope {
        RequestScope::Tenant => return Ok(AnyCase::Tenant(TenantCase { request, tenant_key })),
        RequestScope::Subject(subject) => subject,
    };
    let row = store::subject::read(&tx, subject).await?.ok_or(Error::Missing("the subject"))?;
    let anchors: Vec<_> = match gateway.vault().subject_key(&tx, subject).await? {
        None => Vec::new(),
        Some(key) => identities::open_identities(&tx, subject, &key)
            .await?
            .into_iter()
            .filter(|identity| identity.is_anchor)
            .collect(),
    };
    let issuer = anchors.first().map_or(Issuer::Unknown, |anchor| anchor.issuer.clone());
    let digests = anchors.first().map(|anchor| digests_of(gateway, tenant, anchor)).transpose()?.unwrap_or_default();
    let identities = anchors.into_iter().map(|identity| (identity.kind, identity.value)).collect();
    let person = PersonKey { kind: row.kind, identities };
    Ok(AnyCase::Person(Case { request, tenant_key, subject, person, digests, issuer }))
}

fn digests_of(gateway: &Ground, tenant: TenantId, anchor: &identities::OpenIdentity) -> Result<Vec<Digest>, Error> {
    let normalised = normalise(anchor.kind, anchor.value.expose_for("the digests it is found by"))
        .map_err(|_| Error::Unserializable { what: "the identity" })?;
    Ok(Named::new(gateway, tenant, anchor.kind, &anchor.issuer, normalised).product_digests())
}
