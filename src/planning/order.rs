//! The order of a plan's steps: what refers to a row before the deletion of that row.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    draft::{Draft, Turn},
    error::PlanError,
};
use crate::datamap::map::DataMap;
use crate::domain::plan::Disposal;

/// Puts the drafts in order. Fails with the names when tables refer to each other in a circle.
///
/// All steps of one table stand together, so the order is one of tables: a table whose rows refer to another one comes
/// before it whenever rows of that other one are deleted. The person's own row is taken out and put last.
pub(super) fn ordered<'m>(map: &'m DataMap, drafts: Vec<Draft<'m>>) -> Result<Vec<Draft<'m>>, PlanError> {
    let (own_row, others): (Vec<_>, Vec<_>) = drafts.into_iter().partition(|draft| draft.turn == Turn::OwnRow);
    let mut by_table: BTreeMap<&str, Vec<Draft<'m>>> = BTreeMap::new();
    for draft in others {
        by_table.entry(draft.table).or_default().push(draft);
    }
    let mut waits_for = waits(map, &by_table);
    let mut ordered = Vec::new();
    while !waits_for.is_empty() {
        let Some(next) = waits_for.iter().find(|(_, before)| before.is_empty()).map(|(table, _)| *table) else {
            return Err(PlanError::Cycle { tables: circle(&waits_for) });
        };
        waits_for.remove(next);
        for before in waits_for.values_mut() {
            before.remove(next);
        }
        let mut steps = by_table.remove(next).unwrap_or_default();
        // A stable sort: ways of reaching the same bond's rows keep the order in which they were found.
        steps.sort_by_key(|step| step.turn.place());
        ordered.extend(steps);
    }
    ordered.extend(own_row);
    Ok(ordered)
}

/// For each table with steps, the tables whose steps must come before.
fn waits<'m>(map: &'m DataMap, by_table: &BTreeMap<&'m str, Vec<Draft<'m>>>) -> BTreeMap<&'m str, BTreeSet<&'m str>> {
    let is_deleted = |table: &str| {
        by_table
            .get(table)
            .is_some_and(|steps| steps.iter().any(|step| !matches!(step.disposal, Disposal::RewriteColumns { .. })))
    };
    let mut waits_for: BTreeMap<&str, BTreeSet<&str>> =
        by_table.keys().map(|table| (*table, BTreeSet::new())).collect();
    for table in by_table.keys().copied() {
        let Some(collection) = map.collections.get(table) else { continue };
        for target in collection.fields.values().filter_map(|field| field.references.as_ref()) {
            if target.collection != table
                && is_deleted(&target.collection)
                && let Some(before) = waits_for.get_mut(target.collection.as_str())
            {
                before.insert(table);
            }
        }
    }
    waits_for
}

/// One circle, in the direction of the references: each table named refers to the next.
fn circle(waits_for: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let mut walked: Vec<&str> = waits_for.keys().next().copied().into_iter().collect();
    while let Some(next) = walked.last().and_then(|last| waits_for.get(last)?.first().copied()) {
        if let Some(start) = walked.iter().position(|table| *table == next) {
            let mut names: Vec<String> = walked.split_off(start).into_iter().map(str::to_owned).collect();
            names.push(next.to_owned());
            names.reverse();
            return names;
        }
        walked.push(next);
    }
    walked.into_iter().map(str::to_owned).collect()
}
