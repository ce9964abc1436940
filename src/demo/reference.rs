//! The reference product, filled: a believable tenant, and look-ups of the people in it.

use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};

use crate::{
    domain::Personal,
    product::{ProductError, TenantScope, begin, begin_read},
};

/// Fills an empty tenant of the reference product: some 3,700 rows, the same for the same tenant key. Role `gw_tenant`.
pub async fn seed_tenant(client: &mut Client, scope: TenantScope<'_>) -> Result<(), ProductError> {
    let tx = begin(client, scope).await?;
    tx.raw()
        .batch_execute(include_str!("reference_seed.sql"))
        .await
        .map_err(|error| ProductError::Migrate { source: error.into() })?;
    tx.commit().await
}

/// A team member of a seeded tenant.
pub struct SeededMember {
    /// The Atlassian account id.
    pub account_id: Personal<String>,
    /// The e-mail address.
    pub email: Personal<String>,
}

/// The `number`-th team member (1 to 8) of a seeded tenant.
pub async fn member(client: &mut Client, scope: TenantScope<'_>, number: i32) -> Result<SeededMember, ProductError> {
    let sql = "SELECT account_id, email
        FROM milestone.team_member
        WHERE member_id = md5($1 || '/member/' || $2)::uuid";
    let row = seeded(client, scope, sql, number).await?;
    Ok(SeededMember { account_id: Personal::new(row.get(0)), email: Personal::new(row.get(1)) })
}

/// True while the product's own view, which its sign-in reads, shows the member.
pub async fn member_may_sign_in(
    client: &mut Client,
    scope: TenantScope<'_>,
    account_id: &Personal<String>,
) -> Result<bool, ProductError> {
    is_shown(client, scope, "SELECT 1 FROM milestone.member_with_access WHERE account_id = $1", account_id).await
}

/// A portal user of a seeded tenant.
pub struct SeededPortalUser {
    /// The Firebase uid.
    pub firebase_uid: Personal<String>,
    /// The e-mail address.
    pub email: Personal<String>,
}

/// The `number`-th portal user (1 to 12) of a seeded tenant.
pub async fn portal_user(
    client: &mut Client,
    scope: TenantScope<'_>,
    number: i32,
) -> Result<SeededPortalUser, ProductError> {
    let sql = "SELECT firebase_uid, email
        FROM milestone.portal_user
        WHERE portal_user_id = md5($1 || '/portal/' || $2)::uuid";
    let row = seeded(client, scope, sql, number).await?;
    Ok(SeededPortalUser { firebase_uid: Personal::new(row.get(0)), email: Personal::new(row.get(1)) })
}

/// True while the product's own view, which its portal's sign-in reads, shows the user.
pub async fn portal_user_may_sign_in(
    client: &mut Client,
    scope: TenantScope<'_>,
    firebase_uid: &Personal<String>,
) -> Result<bool, ProductError> {
    is_shown(client, scope, "SELECT 1 FROM milestone.portal_user_with_access WHERE firebase_uid = $1", firebase_uid)
        .await
}

/// How many people of any kind the product's own views let in.
pub async fn people_with_access(client: &mut Client, scope: TenantScope<'_>) -> Result<u64, ProductError> {
    let sql = "SELECT (SELECT count(*) FROM milestone.member_with_access)
            + (SELECT count(*) FROM milestone.portal_user_with_access)
            + (SELECT count(*) FROM milestone.delivery_user_with_access)";
    let rows = rows(client, scope, sql, &[]).await?;
    Ok(rows.first().map_or(0, |row| row.get::<_, i64>(0).unsigned_abs()))
}

/// The row of the `number`-th person of a kind.
async fn seeded(client: &mut Client, scope: TenantScope<'_>, sql: &str, number: i32) -> Result<Row, ProductError> {
    let parameters: [Parameter<'_>; 2] = [(&scope.tenant_key, Type::TEXT), (&number, Type::INT4)];
    let found = rows(client, scope, sql, &parameters).await?;
    found.into_iter().next().ok_or(ProductError::PlanRefused { what: "the tenant is not seeded" })
}

async fn is_shown(
    client: &mut Client,
    scope: TenantScope<'_>,
    sql: &str,
    identifier: &Personal<String>,
) -> Result<bool, ProductError> {
    let identifier = identifier.expose_for("a parameter of a statement in the product database");
    Ok(!rows(client, scope, sql, &[(&identifier, Type::TEXT)]).await?.is_empty())
}

/// A value and its type, as the driver wants them.
type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

async fn rows(
    client: &mut Client,
    scope: TenantScope<'_>,
    sql: &str,
    parameters: &[Parameter<'_>],
) -> Result<Vec<Row>, ProductError> {
    let tx = begin_read(client, scope).await?;
    let found = tx.raw().query_typed(sql, parameters).await;
    found.map_err(|error| ProductError::CollectIdentifiers { source: error.into() })
}
