//! The names of a data map: everything that it refers to exists, and says what it must say.

use super::{
    compiled::Compiled,
    finding::{Report, Severity},
    lint_bonds::check_bonds,
    lint_disposals::check_disposals,
    lookup::require_column,
    map::{Collection, ProfileColumn, SubjectRoot, WorklogSink},
};
use crate::domain::{IdentityKind, SubjectKind};

/// All rules, in the order in which a reader would correct them.
pub(super) fn check(compiled: &Compiled, report: &mut Report) {
    check_references(compiled, report);
    check_tenant(compiled, report);
    check_subjects(compiled, report);
    check_identities(compiled, report);
    check_sink(compiled, report);
    check_bonds(compiled, report);
    check_disposals(compiled, report);
}

fn check_references(compiled: &Compiled, report: &mut Report) {
    for (name, collection) in &compiled.map.collections {
        for (column, field) in &collection.fields {
            let Some(target) = &field.references else { continue };
            let path = format!("{name}.{column}");
            let place = (path.as_str(), compiled.lines.of(&path));
            require_column(compiled, report, place, (&target.collection, &target.column));
        }
        if collection.primary_key.is_empty() {
            let message = "no field is a primary_key; without one rows cannot be erased in batches";
            report.error(compiled.lines.of(name), name, message);
        }
    }
}

fn check_tenant(compiled: &Compiled, report: &mut Report) {
    let root = &compiled.map.tenant_root;
    if root.collection.is_empty() {
        return;
    }
    let line = compiled.lines.of("@tenant");
    if require_column(compiled, report, ("tenant", line), (&root.collection, &root.column)) {
        for (name, collection) in &compiled.map.collections {
            if !collection.fields.contains_key(&root.column) {
                let message = format!("has no tenant column {}; every collection needs it", root.column);
                report.error(compiled.lines.of(name), name, message);
            }
        }
    }
}

fn check_subjects(compiled: &Compiled, report: &mut Report) {
    let mut roots = std::collections::BTreeMap::new();
    if compiled.map.subjects.is_empty() {
        report.error(compiled.lines.of("@meta"), "subjects", "no kind of person is declared; nobody could be erased");
    }
    for (kind, root) in &compiled.map.subjects {
        check_subject(compiled, report, kind, root);
        if let Some(other) = roots.insert(root.collection.as_str(), kind) {
            let message = format!("{} is already the collection of {other}; each kind needs its own", root.collection);
            report.error(compiled.lines.of(&format!("@subjects.{kind}")), &format!("subjects.{kind}"), message);
        }
    }
}

fn check_subject(compiled: &Compiled, report: &mut Report, kind: &SubjectKind, root: &SubjectRoot) {
    let path = format!("subjects.{kind}");
    let line = compiled.lines.of(&format!("@subjects.{kind}"));
    let Some(collection) = compiled.map.collections.get(&root.collection) else {
        report.error(line, &path, format!("there is no collection {}; correct the name", root.collection));
        return;
    };
    for column in [&root.restricted_column, &root.flagged_column] {
        require_column(compiled, report, (&path, line), (&root.collection, column));
    }
    if root.restricted_column == root.flagged_column {
        report.error(line, &path, "revoke_access and flag set the same column; they happen at different times");
    }
    if root.anchor == IdentityKind::Email {
        let message =
            "the anchor cannot be email: mailboxes are shared and addresses are reassigned; use an account id";
        report.error(line, &path, message);
    } else if !root.identities.contains_key(&root.anchor) {
        let message = format!("no column of {} has the identity {}; declare it", root.collection, root.anchor);
        report.error(line, &path, message);
    }
    for session in &root.sessions {
        check_session(compiled, report, (&path, line), (&root.collection, collection, session));
    }
    check_profile(compiled, report, (&path, line), root);
}

/// A correction must reach the person's rows only, and must not change what finds them.
fn check_profile(compiled: &Compiled, report: &mut Report, (path, line): (&str, usize), root: &SubjectRoot) {
    let mut named = std::collections::BTreeSet::new();
    for ProfileColumn { collection, column } in root.profile.values().flatten() {
        if !require_column(compiled, report, (path, line), (collection, column)) {
            continue;
        }
        if !named.insert((collection, column)) {
            let message = format!("profile names {collection}.{column} twice; a column holds one thing");
            report.error(line, path, message);
        }
        let is_bonded = || {
            compiled.map.collections.get(collection).is_some_and(|found| {
                found.ownership.iter().any(|bond| {
                    let by = found.fields.get(&bond.by).and_then(|field| field.references.as_ref());
                    bond.also_rewrites.contains(column) && by.is_some_and(|by| by.collection == root.collection)
                })
            })
        };
        if *collection != root.collection && !is_bonded() {
            let message = format!(
                "profile column {collection}.{column} is neither in the own row nor in the also_rewrites of a bond to it"
            );
            report.error(line, path, message);
        }
        if compiled.fact(collection, column).is_read_only {
            let message = format!("profile column {collection}.{column} is read_only; remove one of them");
            report.error(line, path, message);
        }
        let is_key = compiled.map.collections.get(collection).is_some_and(|it| it.primary_key.contains(column));
        let is_anchor = *collection == root.collection && root.identities.get(&root.anchor) == Some(column);
        if is_key || is_anchor || column == &compiled.map.tenant_column {
            let message = format!("profile column {collection}.{column} finds its row; it cannot be corrected");
            report.error(line, path, message);
        }
    }
}

fn check_session(
    compiled: &Compiled,
    report: &mut Report,
    place: (&str, usize),
    (root, _, session): (&str, &Collection, &super::map::SessionLink),
) {
    if !require_column(compiled, report, place, (&session.collection, &session.column)) {
        return;
    }
    let field = compiled.map.collections.get(&session.collection).and_then(|it| it.fields.get(&session.column));
    let refers_to_root =
        field.and_then(|field| field.references.as_ref()).is_some_and(|target| target.collection == root);
    if !refers_to_root {
        let message = format!("session column {}.{} must refer to {root}", session.collection, session.column);
        report.error(place.1, place.0, message);
    }
}

/// An identity on a column of no root would never be looked up, and the person would be taken for unknown.
fn check_identities(compiled: &Compiled, report: &mut Report) {
    let severity = if compiled.is_foreign { Severity::Warning } else { Severity::Error };
    for (path, fact) in &compiled.facts {
        let collection = path.split_once('.').map_or("", |(collection, _)| collection);
        let is_root = compiled.map.subjects.values().any(|root| root.collection == collection);
        if fact.identity.is_some() && !is_root {
            let message = format!("has an identity, but {collection} is the own row of no subject kind; remove it");
            report.push(severity, compiled.lines.of(path), path, message);
        }
    }
}

fn check_sink(compiled: &Compiled, report: &mut Report) {
    let Some(sink) = &compiled.map.worklog_sink else { return };
    let line = compiled.lines.of("@worklog_sink");
    let place = ("worklog_sink", line);
    for column in sink_columns(sink) {
        require_column(compiled, report, place, (&sink.collection, column));
    }
    if let Some(collection) = compiled.map.collections.get(&sink.collection) {
        let mut key: Vec<&str> = collection.primary_key.iter().map(String::as_str).collect();
        let mut expected = [compiled.map.tenant_column.as_str(), sink.worklog_id.as_str()];
        key.sort_unstable();
        expected.sort_unstable();
        if key != expected {
            let message = format!("the primary key of {} must be the tenant column and worklog_id", sink.collection);
            report.error(line, "worklog_sink", message);
        }
    }
    if let Some(link) = &sink.link {
        require_column(compiled, report, place, (&sink.collection, &link.column));
        require_column(compiled, report, place, (&link.collection, &link.issue_id));
        require_column(compiled, report, place, (&link.collection, &link.key));
    }
}

fn sink_columns(sink: &WorklogSink) -> [&str; 7] {
    let WorklogSink { worklog_id, issue_id, author, seconds, work_day, updated_at, removed_at, .. } = sink;
    [worklog_id, issue_id, author, seconds, work_day, updated_at, removed_at]
}
