//! What holds for every map that has a plan, shown over many maps made at random.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::datamap::map::{
    Collection, DataMap, Field, FieldReference, Ownership, Role, Session, SubjectRoot, TenantRoot,
};
use crate::domain::{
    IdentityKind, SubjectKind,
    catalog::{Catalog, Column, ForeignKey, Table},
    plan::{Disposal, Plan, Reach, Rewrite},
};
use crate::planning::{PlanError, REACH_LINKS_MAX, digest, plan, plan_against};

/// One bond made at random: which earlier table it refers to, and in which role.
#[derive(Debug, Clone)]
struct Bond {
    parent: usize,
    role: Role,
    by_identity: bool,
}

/// Tables 0 and 1 are the own rows of two kinds; every other table refers to earlier ones only, so there is no circle.
fn tables() -> impl Strategy<Value = Vec<Vec<Bond>>> {
    let role = prop_oneof![3 => Just(Role::Owned), 2 => Just(Role::Accessed), 1 => Just(Role::CoOwned)];
    let bond = (any::<prop::sample::Index>(), role, any::<bool>());
    let table = prop::collection::vec(bond, 0..4);
    prop::collection::vec(table, 1..9).prop_map(|tables| {
        let bonds = |(position, bonds): (usize, Vec<(prop::sample::Index, Role, bool)>)| {
            let bond = |(parent, role, by_identity): (prop::sample::Index, Role, bool)| Bond {
                parent: parent.index(position + 2),
                role,
                by_identity,
            };
            bonds.into_iter().map(bond).collect()
        };
        tables.into_iter().enumerate().map(bonds).collect()
    })
}

fn name(table: usize) -> String {
    // Names against the order of references, so that the alphabet does not order the plan by accident.
    format!("t{:02}", 50 - table)
}

fn field(references: Option<(usize, bool)>) -> Field {
    let reference = |(table, by_identity): (usize, bool)| FieldReference {
        collection: name(table),
        column: if by_identity { "account_id" } else { "id" }.to_owned(),
    };
    Field {
        data_categories: vec!["user.unique_id".to_owned()],
        references: references.map(reference),
        rewrite: Some(Rewrite::Null),
        is_free_text: false,
    }
}

/// A map that the lint would accept: co-owned bonds name people, and nothing hangs on a co-owned row.
fn map_of(tables: &[Vec<Bond>]) -> DataMap {
    let own = |column: &str| (column.to_owned(), field(None));
    let root = || Collection {
        fields: [own("id"), own("account_id"), own("left_at"), own("flagged_at")].into(),
        primary_key: vec!["id".to_owned()],
        ownership: Vec::new(),
    };
    let mut collections: BTreeMap<String, Collection> = [(name(0), root()), (name(1), root())].into();
    for (position, bonds) in tables.iter().enumerate() {
        let mut collection = Collection { fields: [own("id")].into(), ..root() };
        for (number, bond) in bonds.iter().enumerate() {
            let is_root = bond.parent < 2;
            let is_co_owned = |it: &Ownership| it.role == Role::CoOwned;
            if collections[&name(bond.parent)].ownership.iter().any(is_co_owned)
                || (bond.role == Role::CoOwned && !is_root)
            {
                continue;
            }
            let by = format!("c{number}");
            collection.fields.insert(by.clone(), field(Some((bond.parent, bond.by_identity && is_root))));
            collection.ownership.push(Ownership { by, role: bond.role, also_rewrites: Vec::new() });
        }
        collections.insert(name(position + 2), collection);
    }
    let subject = |table: usize| SubjectRoot {
        collection: name(table),
        identities: [(IdentityKind::AtlassianAccountId, "account_id".to_owned())].into(),
        anchor: IdentityKind::AtlassianAccountId,
        restricted_column: "left_at".to_owned(),
        flagged_column: "flagged_at".to_owned(),
        sessions: Vec::new(),
        profile: BTreeMap::new(),
    };
    DataMap {
        dataset: "random".to_owned(),
        schema: "random".to_owned(),
        session: Session::Setting { name: "random.tenant".to_owned() },
        tenant_root: TenantRoot { collection: name(0), column: "id".to_owned() },
        tenant_column: "id".to_owned(),
        subjects: [(leaver(), subject(0)), (SubjectKind::parse("other").unwrap(), subject(1))].into(),
        collections,
        worklog_sink: None,
    }
}

/// The database that the map describes, with a foreign key for every reference.
fn catalog_of(map: &DataMap) -> Catalog {
    let mut catalog = Catalog { schema: map.schema.clone(), tables: [].into() };
    for (table, collection) in &map.collections {
        let column = Column { data_type: "text".to_owned(), is_nullable: true, is_generated: false };
        let key = |(name, field): (&String, &Field)| {
            let target = field.references.as_ref()?;
            Some(ForeignKey {
                name: format!("{table}_{name}"),
                columns: vec![name.clone()],
                references_table: target.collection.clone(),
                references_columns: vec![target.column.clone()],
            })
        };
        let columns = collection.fields.keys().map(|name| (name.clone(), column.clone())).collect();
        let foreign_keys = collection.fields.iter().filter_map(key).collect();
        let table_of = Table { columns, primary_key: vec!["id".to_owned()], foreign_keys, row_security_forced: true };
        catalog.tables.insert(table.clone(), table_of);
    }
    catalog
}

fn leaver() -> SubjectKind {
    SubjectKind::parse("leaver").unwrap()
}

/// The tables whose rows go with the person, and the bonds about the person, found by a second and simpler way.
fn expected_bonds(map: &DataMap) -> Vec<(String, String)> {
    let mut gone = vec![map.subjects[&leaver()].collection.clone()];
    for _ in 0..map.collections.len() {
        for (table, collection) in &map.collections {
            let goes = collection.ownership.iter().any(|bond| {
                bond.role == Role::Owned
                    && gone.contains(&collection.fields[&bond.by].references.as_ref().unwrap().collection)
            });
            if goes && !gone.contains(table) {
                gone.push(table.clone());
            }
        }
    }
    let mut bonds = Vec::new();
    for (table, collection) in &map.collections {
        for bond in &collection.ownership {
            if gone.contains(&collection.fields[&bond.by].references.as_ref().unwrap().collection) {
                bonds.push((table.clone(), bond.by.clone()));
            }
        }
    }
    bonds
}

fn column_of(reach: &Reach) -> &str {
    match reach {
        Reach::Identity { column, .. } | Reach::Through { column, .. } => column,
        Reach::Tenant => panic!("a person's plan reaches for everybody"),
    }
}

fn position_of_deletion(plan: &Plan, table: &str) -> Option<u32> {
    let deletes = |disposal: &Disposal| !matches!(disposal, Disposal::RewriteColumns { .. });
    plan.steps.iter().find(|step| step.table == table && deletes(&step.disposal)).map(|step| step.number)
}

proptest! {
    #[test]
    fn every_step_comes_before_the_deletion_of_what_it_refers_to(tables in tables()) {
        let map = map_of(&tables);
        let plan = plan(&map, &leaver()).unwrap();
        for step in &plan.steps {
            for target in map.collections[&step.table].fields.values().filter_map(|field| field.references.as_ref()) {
                if let Some(deletion) = position_of_deletion(&plan, &target.collection) {
                    prop_assert!(step.number < deletion, "{step:?} in {plan:#?}");
                }
            }
        }
        let last = plan.steps.last().unwrap();
        prop_assert_eq!(&last.table, &name(0));
        prop_assert_eq!(&last.disposal, &Disposal::DeleteRows);
    }

    #[test]
    fn every_bond_of_the_kind_and_no_other_is_in_the_plan(tables in tables()) {
        let map = map_of(&tables);
        let plan = plan(&map, &leaver()).unwrap();
        let mut planned: Vec<(String, String)> =
            plan.steps.iter().map(|step| (step.table.clone(), column_of(&step.reach).to_owned())).collect();
        planned.pop();
        planned.sort();
        planned.dedup();
        prop_assert_eq!(planned, expected_bonds(&map));
    }

    #[test]
    fn in_one_table_rewrites_come_first_and_a_co_owned_row_is_deleted_before_it_is_rewritten(tables in tables()) {
        let map = map_of(&tables);
        let plan = plan(&map, &leaver()).unwrap();
        for pair in plan.steps.windows(2).filter(|pair| pair[0].table == pair[1].table) {
            let is_rewrite = |at: usize| matches!(pair[at].disposal, Disposal::RewriteColumns { .. });
            let deletes_rows = pair[0].disposal == Disposal::DeleteRows;
            prop_assert!(!(deletes_rows && is_rewrite(1)), "{plan:#?}");
            if matches!(pair[0].disposal, Disposal::DeleteUnlessOwned { .. }) {
                prop_assert!(is_rewrite(1) && pair[0].reach == pair[1].reach, "{plan:#?}");
            }
        }
    }

    #[test]
    fn the_same_map_gives_the_same_plan_and_its_own_database_has_no_gap(tables in tables()) {
        let map = map_of(&tables);
        let first = plan(&map, &leaver()).unwrap();
        prop_assert_eq!(digest(&first), digest(&plan(&map.clone(), &leaver()).unwrap()));
        prop_assert_eq!(first, plan_against(&map, &catalog_of(&map), &leaver()).unwrap());
    }

    #[test]
    fn a_circle_of_owned_rows_is_refused_with_its_names(length in 1_usize..6) {
        let chain: Vec<Vec<Bond>> =
            (0..length).map(|at| vec![Bond { parent: at + 1, role: Role::Owned, by_identity: false }]).collect();
        let mut map = map_of(&chain);
        let first = map.collections.get_mut(&name(2)).unwrap();
        first.fields.insert("c0".to_owned(), field(Some((length + 1, false))));

        let refused = plan(&map, &leaver());

        let Err(PlanError::Cycle { tables }) = refused else { panic!("{refused:?}") };
        prop_assert_eq!(tables.len(), length + 1);
        prop_assert_eq!(tables.first(), tables.last());
    }
}

#[test]
fn ownership_that_is_nested_too_deep_or_too_wide_is_refused() {
    let chain: Vec<Vec<Bond>> = (0..=REACH_LINKS_MAX + 1)
        .map(|at| vec![Bond { parent: if at == 0 { 0 } else { at + 1 }, role: Role::Owned, by_identity: false }])
        .collect();
    assert!(matches!(plan(&map_of(&chain), &leaver()), Err(PlanError::TooFar { .. })));

    let triple =
        |at: usize| vec![Bond { parent: if at == 0 { 0 } else { at + 1 }, role: Role::Owned, by_identity: false }; 3];
    let wide: Vec<Vec<Bond>> = (0..8).map(triple).collect();
    assert_eq!(plan(&map_of(&wide), &leaver()), Err(PlanError::TooManySteps));
}

#[test]
fn rows_that_are_deleted_and_refer_to_each_other_are_refused_even_without_a_bond_between_them() {
    let two = vec![vec![Bond { parent: 0, role: Role::Owned, by_identity: false }]; 2];
    let mut map = map_of(&two);
    map.collections.get_mut(&name(2)).unwrap().fields.insert("x".to_owned(), field(Some((3, false))));
    map.collections.get_mut(&name(3)).unwrap().fields.insert("x".to_owned(), field(Some((2, false))));

    let Err(PlanError::Cycle { tables }) = plan(&map, &leaver()) else { panic!("a circle was planned") };

    assert_eq!(tables, [name(3), name(2), name(3)]);
}
