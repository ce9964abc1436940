//! Every personal column has exactly one disposal; the rule is written in the room's module page.

use super::{
    compiled::Compiled,
    finding::Report,
    lookup::root_of,
    map::{Collection, Role},
    taxonomy::{is_personal_category, looks_personal},
};

pub(super) fn check_disposals(compiled: &Compiled, report: &mut Report) {
    for (name, collection) in &compiled.map.collections {
        for (column, field) in &collection.fields {
            let path = format!("{name}.{column}");
            let line = compiled.lines.of(&path);
            let is_personal = field.data_categories.iter().any(|word| is_personal_category(word));
            if is_personal {
                check_column(compiled, report, (&path, line), (name, collection, column));
            } else if looks_personal(column) {
                let message = "its name looks personal, but it has no user category; give it one";
                report.error(line, &path, message);
            } else if compiled.retained.contains_key(&path) {
                let message = "is declared retained, but holds nothing personal; remove the declaration";
                report.warning(compiled.lines.of(&format!("@retained.{path}")), &path, message);
            }
            if field.rewrite.is_some() && !is_rewritten(collection, column) {
                let message = "has a masking strategy, but no accessed or co_owned bond rewrites it";
                report.warning(line, &path, message);
            }
        }
    }
}

fn check_column(
    compiled: &Compiled,
    report: &mut Report,
    (path, line): (&str, usize),
    (name, collection, column): (&str, &Collection, &str),
) {
    let disposals = disposals_of(compiled, name, collection, column);
    match disposals.as_slice() {
        [_] => {}
        [] => {
            let message = "is personal but has no disposal: nothing happens to it when its person goes. Name it in a bond \
                           (by or also_rewrites), give its row an owner, or declare it free_text or retained";
            report.error(line, path, message);
        }
        several => {
            let message = format!("has {} disposals: {}; keep one", several.len(), several.join("; "));
            report.error(line, path, message);
        }
    }
}

/// Rules 1 to 4 of the room's module page. Two bonds naming one column are reported with the bonds, so they count once.
fn disposals_of(compiled: &Compiled, name: &str, collection: &Collection, column: &str) -> Vec<String> {
    let mut found = Vec::new();
    let is_free_text = collection.fields.get(column).is_some_and(|field| field.is_free_text);
    let named_by =
        collection.ownership.iter().find(|bond| bond.by == column || bond.also_rewrites.iter().any(|it| it == column));
    if let Some(bond) = named_by {
        found.push(format!("the bond by {} disposes of it", bond.by));
    } else if root_of(&compiled.map, name).is_some() || collection.ownership.iter().any(|bond| bond.role == Role::Owned)
    {
        found.push("it goes with its row".to_owned());
    } else if is_free_text {
        found.push("it is free text of a row that stays".to_owned());
    }
    if compiled.retained.contains_key(&format!("{name}.{column}")) {
        found.push("it is declared retained".to_owned());
    }
    found
}

fn is_rewritten(collection: &Collection, column: &str) -> bool {
    collection
        .ownership
        .iter()
        .any(|bond| bond.role != Role::Owned && (bond.by == column || bond.also_rewrites.iter().any(|it| it == column)))
}
