//! Making a database ready: roles, schema, migrations, and the check that the key ring is the one it was written with.

use std::path::Path;

use secrecy::SecretString;
use subtle::ConstantTimeEq;

use super::{connect, error::SystemError, keyring};
use crate::{
    app::Databases,
    config::{Database, DatabaseTls, Settings},
    embedded::Embedded,
    product::{self, Migrate},
    sealing::KeyRing,
    store::{self, bootstrap},
};

/// Makes the private PostgreSQL ready, whatever state it is in, and returns the key ring that belongs to it. Nobody but the
/// gateway can put tables there, so the built-in product gets its own; a product of the operator's brings its tables itself.
pub(super) async fn embedded(server: &Embedded, settings: &Settings, demo: bool) -> Result<KeyRing, SystemError> {
    let database = connect::EMBEDDED_DATABASE;
    let tls = DatabaseTls::VerifyOffLoopback;
    let as_admin =
        |name: &str| connect::parse(&server.connection_string(name, "postgres").into(), "the private database");
    let admin = connect::connect(&as_admin("postgres")?, tls).await?;
    bootstrap::create_database(&admin, database).await?;
    let admin = connect::connect(&as_admin(database)?, tls).await?;
    bootstrap::create_roles(&admin, |_| None).await?;
    bootstrap::create_schema(&admin, database).await?;
    let owner_config = connect::parse(&server.connection_string(database, "gw_owner").into(), "the private database")?;
    let mut owner = connect::connect(&owner_config, tls).await?;
    bootstrap::migrate(&mut owner, demo).await?;
    let what =
        if settings.policy_dir.is_none() { Migrate::ProductAndReference } else { what_to_migrate(&owner).await? };
    product::migrate(&mut owner, what).await?;
    ring_for(&settings.keyring_file, bootstrap::was_written_with_keys(&admin).await?)
}

/// On a PostgreSQL of the operator's, the reference product belongs to demo databases only.
async fn what_to_migrate(owner: &tokio_postgres::Client) -> Result<Migrate, SystemError> {
    let is_demo = bootstrap::is_demo(owner).await?;
    Ok(if is_demo { Migrate::ProductAndReference } else { Migrate::Marks })
}

fn ring_for(path: &Path, was_written: bool) -> Result<KeyRing, SystemError> {
    match keyring::load(path)? {
        Some(ring) => Ok(ring),
        None if was_written => Err(SystemError::KeyRing(format!(
            "this database was written with a key ring, and {} is not there; restore that file (a new ring would open \
             nothing) or name it with --keyring",
            path.display()
        ))),
        None => keyring::make(path),
    }
}

/// Refuses a PostgreSQL of the operator's that is not at this version yet: migrating is a decision of theirs.
pub(super) async fn refuse_pending(endpoints: &connect::Endpoints<'_>) -> Result<(), SystemError> {
    let mut owner = endpoints.owner().await?;
    match bootstrap::pending_migrations(&mut owner).await? {
        0 => Ok(()),
        pending => Err(SystemError::Refused(format!(
            "{pending} migrations are not applied to this database; run `milestone-gateway migrate` first"
        ))),
    }
}

/// The key ring for a PostgreSQL of the operator's: `bootstrap` has made it, because it gives the roles their passwords.
pub(super) fn external(path: &Path) -> Result<KeyRing, SystemError> {
    keyring::load(path)?.ok_or_else(|| {
        SystemError::KeyRing(format!(
            "there is no key ring at {}; run `milestone-gateway bootstrap` once, or name the file with --keyring",
            path.display()
        ))
    })
}

/// Compares the key ring with the check values that the database holds, and records those of new keys.
pub(super) async fn check_keys(databases: &Databases, ring: &KeyRing) -> Result<(), SystemError> {
    let client = databases.queue.client().await?;
    let recorded = store::deployment::key_checks(&client).await?;
    for (purpose, id, value) in &recorded {
        let ours = if purpose == "master" { ring.check_value(*id) } else { ring.digest_check_value(*id) };
        // A key that is not in the ring any more was retired; one that is there must be the same.
        if ours.is_some_and(|ours| !bool::from(ours.as_slice().ct_eq(value))) {
            return Err(SystemError::KeyRing(format!(
                "{purpose} key {id} of the key ring is not the one this database was written with; use the right file"
            )));
        }
    }
    let is_ours = |purpose: &str, ids: &[i32]| recorded.iter().any(|(its, id, _)| its == purpose && ids.contains(id));
    let is_known = is_ours("master", &ring.master_ids()) && is_ours("digest", &ring.digest_ids());
    if !recorded.is_empty() && !is_known {
        return Err(SystemError::KeyRing(
            "the key ring knows none of the keys that this database was written with".to_owned(),
        ));
    }
    refuse_retired(&ring.digest_ids(), &store::deployment::digest_keys_in_use(&client).await?)?;
    for id in ring.master_ids() {
        if let Some(value) = ring.check_value(id) {
            store::deployment::insert_key_check(&client, "master", id, &value).await?;
        }
    }
    for id in ring.digest_ids() {
        if let Some(value) = ring.digest_check_value(id) {
            store::deployment::insert_key_check(&client, "digest", id, &value).await?;
        }
    }
    Ok(())
}

/// A digest key that living rows are found by must stay in the ring, or look-ups and fences would silently find nobody.
fn refuse_retired(in_ring: &[i32], in_use: &[i32]) -> Result<(), SystemError> {
    let retired: Vec<String> = in_use.iter().filter(|id| !in_ring.contains(id)).map(ToString::to_string).collect();
    if retired.is_empty() {
        return Ok(());
    }
    Err(SystemError::KeyRing(format!(
        "the key ring has no digest key {}, and people are still found by it; put it back until nobody is",
        retired.join(", ")
    )))
}

/// Makes a PostgreSQL of the operator's ready: key ring, roles with passwords, schemas, migrations. Connects as the
/// administrator that `admin_url` names. Safe to repeat. Returns how many migrations were applied.
pub async fn bootstrap(
    settings: &Settings,
    admin_url: &SecretString,
    product_schema: &str,
    demo: bool,
) -> Result<usize, SystemError> {
    let ring = match keyring::load(&settings.keyring_file)? {
        Some(ring) => ring,
        None => keyring::make(&settings.keyring_file)?,
    };
    let admin_config = connect::parse(admin_url, "admin-url")?;
    let admin = connect::connect(&admin_config, settings.database_tls).await?;
    let database = bootstrap::current_database(&admin).await?;
    bootstrap::create_roles(&admin, |role| Some(ring.database_password(role))).await?;
    bootstrap::create_schema(&admin, &database).await?;
    let applied = migrate(settings, demo).await?;
    if settings.product_database.is_none() && !demo {
        product::grant_product_schema(&admin, product_schema).await?;
    }
    Ok(applied)
}

/// Brings our schema and the product database's up to this version, as `gw_owner`. Safe to repeat.
pub async fn migrate(settings: &Settings, demo: bool) -> Result<usize, SystemError> {
    let Database::External(url) = &settings.database else {
        return Err(SystemError::Refused("the private PostgreSQL is migrated whenever it is opened".to_owned()));
    };
    let ring = external(&settings.keyring_file)?;
    let ours = connect::as_role(&connect::parse(url, "database-url")?, "gw_owner", Some(&ring));
    let mut owner = connect::connect(&ours, settings.database_tls).await?;
    let mut applied = bootstrap::migrate(&mut owner, demo).await?;
    let what = what_to_migrate(&owner).await?;
    if let Some(url) = &settings.product_database {
        let theirs = connect::as_role(&connect::parse(url, "product-database-url")?, "gw_owner", Some(&ring));
        owner = connect::connect(&theirs, settings.database_tls).await?;
    }
    applied += product::migrate(&mut owner, what).await?;
    Ok(applied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_key_may_be_retired_only_when_nobody_is_found_by_it_any_more() {
        assert!(refuse_retired(&[2, 3], &[]).is_ok());
        assert!(refuse_retired(&[2, 3], &[2]).is_ok());
        let refused = refuse_retired(&[3], &[1, 2, 3]).expect_err("two keys are missing").to_string();
        assert!(refused.contains("no digest key 1, 2,"), "{refused}");
    }
}
