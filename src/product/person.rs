//! The person in question, by the identities that the caller has unsealed for the length of one operation.

use std::collections::BTreeSet;

use crate::domain::{IdentityKind, Personal, SubjectKind};

use super::{
    error::ProductError,
    scope::{ProductTx, TenantScope},
    statement::{self, Statement},
};

/// The subject's identities in plain. Only anchor identities find rows; the others are kept for reaches that name them.
#[derive(Debug, Clone)]
pub struct PersonKey {
    /// The kind of person.
    pub kind: SubjectKind,
    /// Values as the product stores them, compared byte for byte.
    pub identities: Vec<(IdentityKind, Personal<String>)>,
}

impl PersonKey {
    pub(super) fn values_of(&self, kind: IdentityKind) -> impl Iterator<Item = &str> {
        self.identities
            .iter()
            .filter(move |(its_kind, _)| *its_kind == kind)
            .map(|(_, value)| value.expose_for("a parameter of a statement in the product database").as_str())
    }
}

/// `alias.column IN ($n, …)` for the person's identities of one kind; `FALSE` when there is none. Fails when there is none
/// of the anchor's kind: without it nothing would be found, and finding nothing must not look like having nothing to do.
pub(super) fn is_identity<'a>(
    statement: &mut Statement<'a>,
    scope: TenantScope<'a>,
    person: &'a PersonKey,
    kind: IdentityKind,
    column: &str,
) -> Result<String, ProductError> {
    let places: Vec<String> = person.values_of(kind).map(|value| statement.text(value)).collect();
    if !places.is_empty() {
        return Ok(format!("{column} IN ({})", places.join(", ")));
    }
    if scope.subject_root(&person.kind)?.anchor == kind {
        return Err(ProductError::NoAnchorIdentity { kind });
    }
    Ok(String::from("FALSE"))
}

/// `alias.tenant = $1 AND alias.anchor IN (…)`: the person's own row.
pub(super) fn is_own_row<'a>(
    statement: &mut Statement<'a>,
    scope: TenantScope<'a>,
    person: &'a PersonKey,
    alias: &str,
) -> Result<String, ProductError> {
    let root = scope.subject_root(&person.kind)?;
    let gap = ProductError::MapGap { collection: root.collection.clone(), what: "the anchor's column" };
    let column = statement::column(alias, root.identities.get(&root.anchor).ok_or(gap)?);
    let tenant = scope.is_tenants(statement, alias);
    let anchor = is_identity(statement, scope, person, root.anchor, &column)?;
    Ok(format!("{tenant}\nAND {anchor}"))
}

/// Every identity that stands on the person's own row or rows, found by the anchor, each once and as it is stored. To be
/// called before the deletion: afterwards nobody knows the e-mail address that the verification has to search for.
/// Returns an empty list when the person has no row here.
pub async fn collect_identifiers(
    tx: &ProductTx<'_, '_>,
    person: &PersonKey,
) -> Result<Vec<(IdentityKind, Personal<String>)>, ProductError> {
    let scope = tx.scope();
    let root = scope.subject_root(&person.kind)?;
    let (kinds, columns): (Vec<IdentityKind>, Vec<String>) =
        root.identities.iter().map(|(kind, name)| (*kind, format!("{}::text", statement::column("t", name)))).unzip();
    let mut statement = Statement::default();
    let own_row = is_own_row(&mut statement, scope, person, "t")?;
    statement.line(format!("SELECT {}", columns.join(", ")));
    statement.line(format!("FROM {} AS t", scope.table(&root.collection)));
    statement.line(format!("WHERE {own_row}"));
    let failed = |source| ProductError::CollectIdentifiers { source };
    let mut found = BTreeSet::new();
    for row in tx.rows(&statement).await.map_err(failed)? {
        for (place, kind) in kinds.iter().enumerate() {
            let value: Option<String> = row.try_get(place).map_err(|error| failed(error.into()))?;
            found.extend(value.map(|value| (*kind, Personal::new(value))));
        }
    }
    Ok(found.into_iter().collect())
}
