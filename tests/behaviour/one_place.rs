//! A kind of sender is named in its own files and in one list, so that a new one touches nothing else.
//!
//! It reads text: of every source file the lines that are neither comments nor tests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use milestone_gateway::testing::{domain::SourceKind, sources::contracts};

/// The one list.
const LIST: &str = "src/sources/senders.rs";
/// Where the enum itself is, with its words for SQL and JSON.
const ENUM: &str = "src/domain/source.rs";
/// The files of each sender: what it says and agrees to, and how `send` plays it.
const OWN: &[(SourceKind, &[&str])] = &[
    (SourceKind::JiraAdmin, &["src/sources/jira/", "src/cli/send/jira.rs"]),
    (SourceKind::Forge, &["src/sources/forge/", "src/cli/send/forge.rs"]),
    (SourceKind::Connect, &["src/sources/connect", "src/cli/send/connect.rs"]),
    (SourceKind::GooglePubsub, &["src/sources/pubsub/", "src/cli/send/google.rs"]),
    (SourceKind::GoogleEvents, &["src/sources/google_events", "src/cli/send/google.rs"]),
    (SourceKind::FirebaseFunction, &["src/sources/firebase_function", "src/cli/send/forwarder.rs"]),
    (SourceKind::AtlassianReport, &["src/sources/atlassian_report"]),
];
/// The demo plays senders of its own: whoever adds a kind need not add it there.
const DEMO: &str = "src/cli/demo/";

/// Every source file below `src`, with its code outside comments and tests.
fn code() -> BTreeMap<String, String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut dirs: Vec<PathBuf> = vec![top.join("src")];
    let mut found = BTreeMap::new();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && path.file_stem().is_some_and(|name| name != "tests")
            {
                let text = fs::read_to_string(&path).unwrap();
                let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]" || !is_module(&text, line));
                let code = lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
                found.insert(path.strip_prefix(top).unwrap().to_string_lossy().into_owned(), code);
            }
        }
    }
    found
}

/// True when what follows `line` is the file's tests and not, say, one test-only `mod` in the middle of a list.
fn is_module(text: &str, line: &str) -> bool {
    let at = line.as_ptr() as usize - text.as_ptr() as usize + line.len();
    text[at..].trim_start().starts_with("mod tests")
}

fn own(kind: SourceKind) -> &'static [&'static str] {
    OWN.iter().find(|(known, _)| *known == kind).map(|(_, files)| *files).expect("every kind has files of its own")
}

/// The files outside a sender's own that hold any of these words, whole.
fn elsewhere(code: &BTreeMap<String, String>, kind: SourceKind, words: &[String]) -> Vec<String> {
    let is_own = |file: &str| own(kind).iter().any(|own| file.starts_with(own)) || file.starts_with(DEMO);
    let names = |text: &str| {
        words.iter().any(|word| {
            text.match_indices(word.as_str()).any(|(at, _)| {
                !text[at + word.len()..].starts_with(|after: char| after.is_alphanumeric() || after == '_')
            })
        })
    };
    code.iter().filter(|(file, text)| !is_own(file) && names(text)).map(|(file, _)| file.clone()).collect()
}

#[test]
fn a_kind_is_named_in_its_own_files_and_in_one_list() {
    let code = code();
    for kind in SourceKind::ALL {
        let name = format!("SourceKind::{kind:?}");
        assert_eq!(elsewhere(&code, kind, std::slice::from_ref(&name)), [LIST], "{name}");
        assert_eq!(code[LIST].matches(&format!("{name} ")).count(), 1, "{name} has one line in the list");
        let own_files = code.iter().filter(|(file, _)| own(kind).iter().any(|own| file.starts_with(own)));
        assert!(own_files.count() > 0, "{name}: its files are where this test says");
    }
}

#[test]
fn no_kind_is_named_by_another_way() {
    let code = code();
    for (file, text) in &code {
        assert!(!text.contains("SourceKind::{") && !text.contains("SourceKind::*"), "{file} imports kinds by name");
    }
    for kind in SourceKind::ALL {
        let word = kind.as_str();
        assert_eq!(elsewhere(&code, kind, &[format!("'{word}'"), format!("\"{word}\"")]), [ENUM], "{word}");
    }
}

#[test]
fn the_documents_tell_of_every_kind_and_of_how_to_add_one() {
    let documents = include_str!("../../docs/senders.md");
    for (_, contract) in contracts() {
        let row = documents.lines().find(|line| line.contains(&format!("| `{}` |", contract.word)));
        let row = row.unwrap_or_else(|| panic!("no row tells of {}", contract.word));
        let accepted = contract.inbound.as_ref().map_or("–".to_owned(), |inbound| inbound.accepted.to_string());
        assert_eq!(row.split('|').nth(3).map(str::trim), Some(accepted.as_str()), "{}", contract.word);
    }
    let section = documents.split("## Adding a sender").nth(1).expect("a section");
    let section = section.split("\n## ").next().unwrap();
    for place in [LIST, ENUM, "src/sources/", "src/cli/send/players.rs", "docs/senders.md", "migrations/gateway"] {
        assert!(section.contains(place), "{place}");
    }
}
