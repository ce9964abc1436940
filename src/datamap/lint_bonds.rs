//! The bonds of a data map: each leads to a person, none in a circle, and each says enough to be carried out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    compiled::Compiled,
    finding::Report,
    lookup::{require_column, root_of},
    map::{Collection, DataMap, Field, Ownership, Role},
};
use crate::domain::{IdentityKind, plan::Rewrite};

pub(super) fn check_bonds(compiled: &Compiled, report: &mut Report) {
    for (name, collection) in &compiled.map.collections {
        for bond in &collection.ownership {
            check_bond(compiled, report, name, bond);
        }
        check_roles(compiled, report, name, collection);
    }
    for cycle in owned_cycles(&compiled.map) {
        let message = format!("owned rows go round in a circle: {}; break it with role accessed", cycle.join(" -> "));
        report.error(
            compiled.lines.of(&format!("@ownership.{}", cycle[0])),
            &format!("ownership.{}", cycle[0]),
            message,
        );
    }
}

fn check_bond(compiled: &Compiled, report: &mut Report, name: &str, bond: &Ownership) {
    let path = format!("ownership.{name}.{}", bond.by);
    let place = (path.as_str(), compiled.lines.of(&format!("@{path}")));
    let by_exists = require_column(compiled, report, place, (name, &bond.by));
    let mut rewritten = bond.also_rewrites.clone();
    rewritten.retain(|column| require_column(compiled, report, place, (name, column)));
    if by_exists {
        check_end(compiled, report, place, name, bond);
        rewritten.push(bond.by.clone());
    }
    if bond.role == Role::Owned {
        if !bond.also_rewrites.is_empty() {
            report.error(place.1, &path, "an owned row is deleted, so also_rewrites means nothing; remove it");
        }
        return;
    }
    for column in &rewritten {
        check_rewrite(compiled, report, place, (name, column));
    }
    if bond.role == Role::CoOwned
        && field_of(&compiled.map, name, &bond.by).is_some_and(|by| by.rewrite != Some(Rewrite::Null))
    {
        let message = format!(
            "{} must have masking strategy null_rewrite: a co-owned row goes when all owners are null",
            bond.by
        );
        report.error(place.1, &path, message);
    }
}

/// The bond's column refers to a person's own row, or to a row that is owned and therefore deleted.
fn check_end(compiled: &Compiled, report: &mut Report, (path, line): (&str, usize), name: &str, bond: &Ownership) {
    let Some(target) = field_of(&compiled.map, name, &bond.by).and_then(|field| field.references.as_ref()) else {
        report.error(
            line,
            path,
            format!("{} carries no reference; say which column of which collection it names", bond.by),
        );
        return;
    };
    let parent = compiled.map.collections.get(&target.collection);
    // A reference that leads nowhere is reported with the field.
    let Some(parent) = parent.filter(|parent| parent.fields.contains_key(&target.column)) else { return };
    if let Some(root) = root_of(&compiled.map, &target.collection) {
        if root.identities.get(&IdentityKind::Email) == Some(&target.column) {
            report.error(
                line,
                path,
                "a bond by e-mail would reach whoever shares the mailbox; refer to a key or account id",
            );
        } else if !parent.primary_key.contains(&target.column)
            && !root.identities.values().any(|it| *it == target.column)
        {
            let message = format!("{}.{} is neither key nor identity of its row", target.collection, target.column);
            report.error(line, path, message);
        }
        return;
    }
    let parent_name = &target.collection;
    if parent.ownership.iter().any(|bond| bond.role == Role::CoOwned) {
        let message = format!(
            "{parent_name} is co-owned, and rows below a co-owned row cannot be reached; bond them to the person"
        );
        report.error(line, path, message);
    } else if !parent.ownership.iter().any(|bond| bond.role == Role::Owned) {
        report.error(
            line,
            path,
            format!("{parent_name} is owned by nobody, so this bond leads to no person; correct it"),
        );
    } else if bond.role == Role::CoOwned {
        report.error(line, path, "a co-owned bond must name a person directly");
    } else if !parent.primary_key.contains(&target.column) {
        report.error(line, path, format!("{parent_name}.{} is not part of its primary key", target.column));
    }
}

fn check_rewrite(compiled: &Compiled, report: &mut Report, (path, line): (&str, usize), (name, column): (&str, &str)) {
    let Some(field) = field_of(&compiled.map, name, column) else { return };
    if field.rewrite.is_none() {
        let message = format!("{column} is rewritten but has no masking_strategy_override; say what it becomes");
        report.error(line, path, message);
    }
    if compiled.fact(name, column).is_read_only {
        report.error(line, path, format!("{column} is rewritten but read_only; remove one of them"));
    }
    if column == compiled.map.tenant_column {
        report.error(line, path, format!("{column} is the tenant column and cannot be rewritten"));
    }
    if let Some(from) = referrer(&compiled.map, name, column) {
        let message = format!("{column} is rewritten, but {from} refers to it; refer to a column that stays");
        report.error(line, path, message);
    }
}

/// Each column is named by one bond, and a row is either owned or co-owned.
fn check_roles(compiled: &Compiled, report: &mut Report, name: &str, collection: &Collection) {
    let path = format!("ownership.{name}");
    let line = compiled.lines.of(&format!("@{path}"));
    let has = |role: Role| collection.ownership.iter().any(|bond| bond.role == role);
    if has(Role::CoOwned) && (has(Role::Owned) || root_of(&compiled.map, name).is_some()) {
        report.error(line, &path, "a row cannot be both owned and co-owned; choose one");
    }
    let mut named = BTreeSet::new();
    for column in collection.ownership.iter().flat_map(|bond| [&bond.by].into_iter().chain(&bond.also_rewrites)) {
        if !named.insert(column) {
            let message =
                format!("{column} has two disposals: it is named more than once; a column is about one person");
            report.error(line, &path, message);
        }
    }
}

/// The circles of collections whose rows own each other, each named once and closed: `a -> b -> a`.
fn owned_cycles(map: &DataMap) -> Vec<Vec<&str>> {
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, collection) in &map.collections {
        for bond in collection.ownership.iter().filter(|bond| bond.role == Role::Owned) {
            if let Some(target) = collection.fields.get(&bond.by).and_then(|field| field.references.as_ref()) {
                owners.entry(name).or_default().insert(&target.collection);
            }
        }
    }
    let mut cycles = Vec::new();
    loop {
        // What refers to nothing that is left cannot be part of a circle.
        while let Some(free) =
            owners.iter().find(|(_, to)| !to.iter().any(|it| owners.contains_key(it))).map(|(it, _)| *it)
        {
            owners.remove(free);
        }
        let Some(cycle) = walk_circle(&owners) else { return cycles };
        for name in &cycle {
            owners.remove(name);
        }
        cycles.push(cycle);
    }
}

/// Follows the first way out of each collection until one is met again. Every collection here has a way out.
fn walk_circle<'m>(owners: &BTreeMap<&'m str, BTreeSet<&'m str>>) -> Option<Vec<&'m str>> {
    let mut walked: Vec<&str> = vec![owners.keys().next()?];
    loop {
        let next = *owners.get(walked.last()?)?.iter().find(|it| owners.contains_key(*it))?;
        if let Some(start) = walked.iter().position(|it| *it == next) {
            let mut cycle = walked.split_off(start);
            cycle.push(next);
            return Some(cycle);
        }
        walked.push(next);
    }
}

fn referrer(map: &DataMap, name: &str, column: &str) -> Option<String> {
    map.collections.iter().find_map(|(from, collection)| {
        let refers =
            |field: &Field| field.references.as_ref().is_some_and(|it| it.collection == name && it.column == column);
        collection.fields.iter().find(|(_, field)| refers(field)).map(|(other, _)| format!("{from}.{other}"))
    })
}

fn field_of<'m>(map: &'m DataMap, collection: &str, column: &str) -> Option<&'m Field> {
    map.collections.get(collection)?.fields.get(column)
}
