//! Every statement of ours fits the migrated schema.

use milestone_gateway::testing::store;

use crate::harness::World;

#[tokio::test]
async fn every_statement_of_the_store_prepares_against_the_migrated_schema() {
    let world = World::new().await;
    let mut refused = Vec::new();

    for (file, name, sql) in store::all_statements() {
        if let Err(error) = world.admin.prepare(sql).await {
            refused.push(format!("{file}.{name}: {}", error.as_db_error().map_or("", |db| db.message())));
        }
    }

    assert!(refused.is_empty(), "{refused:#?}");
    world.ends_cleanly().await;
}
