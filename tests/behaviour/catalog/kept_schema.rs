//! The schema as it is kept in `tests/vectors/schema`: whoever changes a migration shows in the same commit what has become
//! of tables, constraints, policies and grants.
//!
//! To write the files anew, and then read what `git diff` says of them:
//!
//! ```text
//! MILESTONE_REGENERATE=1 scripts/with-postgres cargo test --all-features --test behaviour kept_schema
//! ```

use std::{fs, path::Path};

use crate::harness::World;

const LISTING: &str = include_str!("schema_listing.sql");
const HEADER: &str = "\
-- What the migrations make, as the catalog tells it. Not to be run and not to be edited: tests/behaviour/catalog/kept_schema.rs
-- compares it with a migrated database and says how it is written anew.
";

#[tokio::test]
async fn what_the_migrations_make_is_what_is_kept() {
    let world = World::new().await;
    // So that every name is written with its schema.
    world.admin.batch_execute("SET search_path = pg_catalog").await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/schema");
    let mut findings = Vec::new();

    for schema in ["gateway", "milestone_gateway"] {
        let rows = world.admin.query(LISTING, &[&schema]).await.unwrap();
        let lines: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        let live = format!("{HEADER}\n{}\n", lines.join("\n"));
        let file = folder.join(format!("{schema}.sql"));
        if std::env::var_os("MILESTONE_REGENERATE").is_some_and(|value| value == "1") {
            fs::write(&file, &live).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        if kept != live {
            findings.push(format!("{schema}: kept and not made: {:#?}", missing(&kept, &live)));
            findings.push(format!("{schema}: made and not kept: {:#?}", missing(&live, &kept)));
        }
    }

    assert!(
        findings.is_empty(),
        "write the files anew with MILESTONE_REGENERATE=1 and read the diff\n{}",
        findings.join("\n")
    );
    world.ends_cleanly().await;
}

/// The lines of one listing that the other does not have, each under the object it belongs to.
fn missing(listing: &str, other: &str) -> Vec<String> {
    let there: Vec<String> = under_their_objects(other);
    under_their_objects(listing).into_iter().filter(|line| !there.contains(line)).collect()
}

fn under_their_objects(listing: &str) -> Vec<String> {
    let mut object = "";
    let mut lines = Vec::new();
    for line in listing.lines().filter(|line| !line.is_empty()) {
        if let Some(inner) = line.strip_prefix("    ") {
            lines.push(format!("{object}: {inner}"));
        } else {
            object = line;
            lines.push(line.to_owned());
        }
    }
    lines
}
