//! What Fideslang has no word for: the dataset's `meta.milestone_gateway`. Names are read here and checked by the lint.

use std::collections::BTreeMap;

use super::{
    compiled::Compiled,
    finding::{Report, Severity, quoted},
    map::{Ownership, ProfileColumn, Role, Session, SessionLink, SubjectRoot, TenantRoot, WorklogLink, WorklogSink},
    walk::{Cursor, Mapping},
};
use crate::domain::{IdentityKind, SubjectKind, profile::ProfileAttribute};

const KEYS: &[&str] =
    &["schema", "session", "tenant", "subjects", "ownership", "free_text", "retained", "worklog_sink"];
const SINK_KEYS: &[&str] =
    &["collection", "worklog_id", "issue_id", "author", "seconds", "work_day", "updated_at", "removed_at", "link"];
/// These keys are ours in every file, so an unknown one is a mistake even where the rest is foreign.
const UNKNOWN: Severity = Severity::Error;

/// Reads the section into `compiled`. `None` when it is not a mapping, so that nothing could be linted after it.
pub(super) fn read(cursor: &Cursor<'_>, compiled: &mut Compiled, report: &mut Report) -> Option<()> {
    compiled.lines.set("@meta", cursor.line);
    let meta = cursor.mapping(report, KEYS, UNKNOWN)?;
    let schema = meta.required(report, "schema").and_then(|schema| schema.identifier(report));
    let session = session(&meta, report);
    let tenant = tenant(&meta, compiled, report);
    subjects(&meta, compiled, report);
    if let Some(ownership) = meta.get("ownership") {
        bonds_of_all(&ownership, compiled, report);
    }
    if let Some(free_text) = meta.get("free_text") {
        mark_free_text(&free_text, compiled, report);
    }
    if let Some(retained) = meta.get("retained") {
        keep_reasons(&retained, compiled, report);
    }
    if let Some(sink) = meta.get("worklog_sink") {
        compiled.lines.set("@worklog_sink", sink.line);
        compiled.map.worklog_sink = worklog_sink(&sink, report);
    }
    // What is missing is reported already; the rest is linted all the same, so that one run names everything.
    compiled.map.schema = schema.unwrap_or_default();
    if let Some(session) = session {
        compiled.map.session = session;
    }
    if let Some(tenant) = tenant {
        compiled.map.tenant_column.clone_from(&tenant.column);
        compiled.map.tenant_root = tenant;
    }
    Some(())
}

fn session(meta: &Mapping<'_>, report: &mut Report) -> Option<Session> {
    let cursor = meta.required(report, "session")?;
    let setting = cursor.mapping(report, &["setting"], UNKNOWN)?.required(report, "setting")?;
    let name = setting.text(report)?;
    let is_word = |part: &str| {
        !part.is_empty()
            && part.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
    };
    // PostgreSQL accepts unknown settings only with a prefix, and a built-in one would change how the session works.
    if name.split_once('.').is_some_and(|(prefix, rest)| is_word(prefix) && is_word(rest)) {
        return Some(Session::Setting { name });
    }
    let message = format!("{} must have the form prefix.name, in lower-case letters, digits and _", quoted(&name));
    report.error(setting.line, &setting.path, message);
    None
}

fn tenant(meta: &Mapping<'_>, compiled: &mut Compiled, report: &mut Report) -> Option<TenantRoot> {
    let cursor = meta.required(report, "tenant")?;
    compiled.lines.set("@tenant", cursor.line);
    let mapping = cursor.mapping(report, &["collection", "column"], UNKNOWN)?;
    let collection = name_of(&mapping, "collection", report);
    let column = name_of(&mapping, "column", report);
    Some(TenantRoot { collection: collection?, column: column? })
}

fn subjects(meta: &Mapping<'_>, compiled: &mut Compiled, report: &mut Report) -> Option<()> {
    let cursor = meta.required(report, "subjects")?;
    for (word, subject) in cursor.open_mapping(report)?.cursors() {
        let root = subject_root(&subject, report);
        match SubjectKind::parse(word) {
            Ok(kind) => {
                compiled.lines.set(&format!("@subjects.{word}"), subject.line);
                if let Some(root) = root {
                    compiled.map.subjects.insert(kind, root);
                }
            }
            Err(error) => report.error(subject.line, &subject.path, error.to_string()),
        }
    }
    Some(())
}

fn subject_root(cursor: &Cursor<'_>, report: &mut Report) -> Option<SubjectRoot> {
    let mapping = cursor.mapping(report, &["collection", "anchor", "revoke_access", "flag", "profile"], UNKNOWN)?;
    let collection = name_of(&mapping, "collection", report);
    let anchor = mapping.required(report, "anchor").and_then(|anchor| identity_kind(&anchor, report));
    let off = mapping.required(report, "revoke_access");
    let off = off.and_then(|off| off.mapping(report, &["set", "sessions"], UNKNOWN));
    let restricted_column = off.as_ref().and_then(|off| name_of(off, "set", report));
    let sessions = off.and_then(|off| off.get("sessions")).map(|list| session_links(&list, report));
    let flag = mapping.required(report, "flag").and_then(|flag| flag.mapping(report, &["set"], UNKNOWN));
    let flagged_column = flag.and_then(|flag| name_of(&flag, "set", report));
    let profile = mapping.get("profile").and_then(|profile| profile_columns(&profile, report));
    Some(SubjectRoot {
        collection: collection?,
        identities: [].into(),
        anchor: anchor?,
        restricted_column: restricted_column?,
        flagged_column: flagged_column?,
        sessions: sessions.unwrap_or_default(),
        profile: profile.unwrap_or_default(),
    })
}

fn profile_columns(cursor: &Cursor<'_>, report: &mut Report) -> Option<BTreeMap<ProfileAttribute, Vec<ProfileColumn>>> {
    let words = ProfileAttribute::ALL.map(ProfileAttribute::as_str);
    let mapping = cursor.mapping(report, &words, UNKNOWN)?;
    let mut profile = BTreeMap::new();
    for attribute in ProfileAttribute::ALL {
        let Some(list) = mapping.get(attribute.as_str()) else { continue };
        let items = list.list(report);
        let columns = items.iter().filter_map(|item| item.column_path(report));
        let columns = columns.map(|(collection, column)| ProfileColumn { collection, column }).collect();
        profile.insert(attribute, columns);
    }
    Some(profile)
}

fn identity_kind(cursor: &Cursor<'_>, report: &mut Report) -> Option<IdentityKind> {
    let text = cursor.text(report)?;
    let parsed = text.parse();
    if let Err(error) = &parsed {
        report.error(cursor.line, &cursor.path, format!("{}: {error}", quoted(&text)));
    }
    parsed.ok()
}

fn session_links(cursor: &Cursor<'_>, report: &mut Report) -> Vec<SessionLink> {
    let items = cursor.list(report);
    let links = items.iter().filter_map(|item| item.column_path(report));
    links.map(|(collection, column)| SessionLink { collection, column }).collect()
}

fn bonds_of_all(cursor: &Cursor<'_>, compiled: &mut Compiled, report: &mut Report) -> Option<()> {
    for (name, list) in cursor.open_mapping(report)?.cursors() {
        compiled.lines.set(&format!("@ownership.{name}"), list.line);
        let mut bonds = Vec::new();
        for item in list.list(report) {
            if let Some(bond) = bond(&item, report) {
                compiled.lines.set(&format!("@ownership.{name}.{}", bond.by), item.line);
                bonds.push(bond);
            }
        }
        if let Some(collection) = compiled.map.collections.get_mut(name) {
            collection.ownership = bonds;
        } else {
            report.error(list.line, &list.path, "no collection of this name is in the dataset; correct the name");
        }
    }
    Some(())
}

fn bond(cursor: &Cursor<'_>, report: &mut Report) -> Option<Ownership> {
    let mapping = cursor.mapping(report, &["by", "role", "also_rewrites"], UNKNOWN)?;
    let by = name_of(&mapping, "by", report);
    let role = mapping.required(report, "role").and_then(|role| role_of(&role, report));
    let mut also_rewrites = Vec::new();
    if let Some(list) = mapping.get("also_rewrites") {
        let items = list.list(report);
        also_rewrites.extend(items.iter().filter_map(|item| item.identifier(report)));
    }
    Some(Ownership { by: by?, role: role?, also_rewrites })
}

fn role_of(cursor: &Cursor<'_>, report: &mut Report) -> Option<Role> {
    match cursor.text(report)?.as_str() {
        "owned" => Some(Role::Owned),
        "co_owned" => Some(Role::CoOwned),
        "accessed" => Some(Role::Accessed),
        other => {
            let message = format!("role {} is not known; use owned, co_owned or accessed", quoted(other));
            report.error(cursor.line, &cursor.path, message);
            None
        }
    }
}

fn mark_free_text(cursor: &Cursor<'_>, compiled: &mut Compiled, report: &mut Report) {
    for item in cursor.list(report) {
        let Some((collection, column)) = item.column_path(report) else { continue };
        let field = compiled.map.collections.get_mut(&collection).and_then(|it| it.fields.get_mut(&column));
        if let Some(field) = field {
            field.is_free_text = true;
        } else {
            let message = format!("{collection}.{column} is not in the dataset; correct the name");
            report.error(item.line, &item.path, message);
        }
    }
}

fn keep_reasons(cursor: &Cursor<'_>, compiled: &mut Compiled, report: &mut Report) -> Option<()> {
    for (name, reason) in cursor.open_mapping(report)?.cursors() {
        let is_known = name.split_once('.').is_some_and(|(collection, column)| {
            compiled.map.collections.get(collection).is_some_and(|it| it.fields.contains_key(column))
        });
        if !is_known {
            report.error(reason.line, &reason.path, "no such collection.column is in the dataset; correct the name");
        }
        if let Some(text) = reason.text(report) {
            compiled.lines.set(&format!("@retained.{name}"), reason.line);
            compiled.retained.insert(name.to_owned(), text);
        }
    }
    Some(())
}

fn worklog_sink(cursor: &Cursor<'_>, report: &mut Report) -> Option<WorklogSink> {
    let mapping = cursor.mapping(report, SINK_KEYS, UNKNOWN)?;
    let link = mapping.get("link");
    let has_link = link.is_some();
    let link = link.and_then(|link| worklog_link(&link, report));
    // All names are read before the first missing one ends the function, so that each of them is reported.
    let mut name = |key: &str| name_of(&mapping, key, report);
    let (collection, worklog_id, issue_id) = (name("collection"), name("worklog_id"), name("issue_id"));
    let (author, seconds, work_day) = (name("author"), name("seconds"), name("work_day"));
    let (updated_at, removed_at) = (name("updated_at"), name("removed_at"));
    if has_link && link.is_none() {
        return None;
    }
    Some(WorklogSink {
        collection: collection?,
        worklog_id: worklog_id?,
        issue_id: issue_id?,
        author: author?,
        seconds: seconds?,
        work_day: work_day?,
        updated_at: updated_at?,
        removed_at: removed_at?,
        link,
    })
}

fn worklog_link(cursor: &Cursor<'_>, report: &mut Report) -> Option<WorklogLink> {
    let mapping = cursor.mapping(report, &["column", "collection", "issue_id", "key"], UNKNOWN)?;
    let column = name_of(&mapping, "column", report);
    let collection = name_of(&mapping, "collection", report);
    let issue_id = name_of(&mapping, "issue_id", report);
    let key = name_of(&mapping, "key", report);
    Some(WorklogLink { column: column?, collection: collection?, issue_id: issue_id?, key: key? })
}

fn name_of(mapping: &Mapping<'_>, key: &str, report: &mut Report) -> Option<String> {
    mapping.required(report, key)?.identifier(report)
}
