//! What every rule looks up in a map.

use super::{
    compiled::Compiled,
    finding::Report,
    map::{DataMap, SubjectRoot},
};

/// True when the column exists; otherwise it is reported at `line`.
pub(super) fn require_column(
    compiled: &Compiled,
    report: &mut Report,
    place: (&str, usize),
    (collection, column): (&str, &str),
) -> bool {
    let found = compiled.map.collections.get(collection);
    let (path, line) = place;
    match found {
        None => report.error(line, path, format!("there is no collection {collection}; add it or correct the name")),
        Some(found) if !found.fields.contains_key(column) => {
            report.error(line, path, format!("{collection} has no column {column}; add it or correct the name"));
        }
        Some(_) => return true,
    }
    false
}

/// The subject whose own row this collection holds.
pub(super) fn root_of<'m>(map: &'m DataMap, collection: &str) -> Option<&'m SubjectRoot> {
    map.subjects.values().find(|root| root.collection == collection)
}
