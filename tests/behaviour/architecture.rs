//! The arrows between the rooms, held by reading the source text (docs/design.md, section 4).
//!
//! It reads text, not syntax: comment lines are skipped, and of a grouped `use crate::{a::b, c}` the names directly under
//! the root are read, over as many lines as the group takes. The arrows between files (`circles`, `rooms_of_app`) follow
//! each path to the file that defines what it names, so they read syntax (`imports`).

mod circles;
mod imports;
mod rooms_of_app;
mod ways_in;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

const PURE: &[&str] = &["domain"];
const APP: &[&str] = &[
    "domain",
    "datamap",
    "signature",
    "sealing",
    "proof",
    "store",
    "outbound",
    "sources",
    "mapping",
    "planning",
    "product",
];
const SYSTEM: &[&str] = &[
    "domain",
    "database",
    "datamap",
    "signature",
    "sealing",
    "proof",
    "config",
    "store",
    "outbound",
    "embedded",
    "sources",
    "mapping",
    "planning",
    "product",
    "telemetry",
    "app",
];
/// Nothing below may import the demo: only its command does, and only in a build with the feature `demo`.
const CLI: &[&str] = &[
    "domain",
    "database",
    "datamap",
    "signature",
    "sealing",
    "proof",
    "config",
    "store",
    "outbound",
    "embedded",
    "sources",
    "mapping",
    "planning",
    "product",
    "telemetry",
    "app",
    "http",
    "worker",
    "system",
    "demo",
];
/// It plays senders as `send` does.
const DEMO: &[&str] = &["domain", "signature", "store", "outbound", "sources", "planning", "product", "app", "cli"];
/// It only names what tests and benches use.
const TESTING: &[&str] = &[
    "domain",
    "datamap",
    "signature",
    "sealing",
    "proof",
    "config",
    "store",
    "outbound",
    "sources",
    "product",
    "telemetry",
    "app",
    "http",
    "worker",
    "system",
    "demo",
];

/// Each room, and the rooms it may import.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("database", PURE),
    ("datamap", PURE),
    ("signature", PURE),
    ("sealing", PURE),
    ("proof", PURE),
    ("config", PURE),
    ("store", &["domain", "database"]),
    ("outbound", PURE),
    ("embedded", PURE),
    ("sources", &["domain", "signature"]),
    ("mapping", &["domain", "datamap"]),
    ("planning", &["domain", "datamap"]),
    ("product", &["domain", "database", "datamap"]),
    ("telemetry", &["domain", "config"]),
    ("app", APP),
    ("http", &["domain", "app"]),
    ("worker", &["domain", "app"]),
    ("system", SYSTEM),
    ("cli", CLI),
    ("demo", DEMO),
    ("testing", TESTING),
    ("main", &[]),
];

/// The rooms whose business is SQL; the demo's fills and looks up the reference product.
const SQL_ROOMS: &[&str] = &["store", "product", "demo"];
const SQL_OPENINGS: &[&str] = &["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];

/// The rooms that may know the database's driver. Everybody else, `domain` above all, is told in our own words.
const DRIVER_ROOMS: &[&str] = &["database", "store", "product", "system", "demo"];
const DRIVER: &[&str] = &["tokio_postgres::", "deadpool_postgres::", "postgres_protocol::", "refinery::"];

/// One source file, with the room it belongs to.
struct Source {
    room: String,
    path: PathBuf,
    text: String,
}

impl Source {
    /// The lines that are not comments, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The text with its comment lines emptied, so that line numbers stay.
    fn without_comments(&self) -> String {
        let is_comment = |line: &str| line.trim_start().starts_with("//");
        self.text.lines().flat_map(|line| [if is_comment(line) { "" } else { line }, "\n"]).collect()
    }

    /// The code before the file's tests, which may talk to anything.
    fn code_outside_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_of_tests = self.is_of_tests();
        self.code().take_while(move |(_, line)| !is_of_tests && line.trim() != "#[cfg(test)]")
    }

    /// True for `tests.rs` and everything in a folder `tests`.
    fn is_of_tests(&self) -> bool {
        self.path.iter().any(|part| part == "tests" || part == "tests.rs")
    }

    fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }
}

fn sources() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut dirs = vec![top.clone()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("the source tree can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(&top).expect("every source file is below src");
                let room = below.iter().next().expect("a file has a name").to_string_lossy();
                let room = room.trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                found.push(Source { room, path: Path::new("src").join(below), text });
            }
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

/// Who imports what from whom in `src`. Read once for all tests.
static IMPORTS: LazyLock<imports::Imports> = LazyLock::new(|| {
    let below = |path: &Path| path.iter().skip(1).collect::<PathBuf>().to_string_lossy().into_owned();
    let texts = sources().into_iter().map(|source| (below(&source.path), source.text)).collect();
    imports::imports(&texts)
});

/// The rooms that a text names by `crate::room` or in `crate::{room, other}` (or, from the binary, `milestone_gateway::`),
/// each with the number of lines before it.
fn rooms_named(text: &str) -> Vec<(usize, &str)> {
    let names = ["crate::", "milestone_gateway::"].into_iter().flat_map(|prefix| text.match_indices(prefix));
    let starts = names.filter(|(start, _)| {
        // `$crate::` and `other_crate::` are other words; inside a string it is a log target, not a path.
        !text[..*start].ends_with(|before: char| before.is_alphanumeric() || "_$:\"".contains(before))
    });
    let mut found = Vec::new();
    for (start, prefix) in starts {
        let first = start + prefix.len();
        let places = if text[first..].starts_with('{') { members_of_group(text, first) } else { vec![first] };
        found.extend(places.into_iter().map(|place| (text[..place].matches('\n').count(), word_at(text, place))));
    }
    found
}

/// Where the members directly inside the braces at `open` begin.
fn members_of_group(text: &str, open: usize) -> Vec<usize> {
    let mut places = Vec::new();
    let (mut depth, mut is_at_beginning) = (0_usize, false);
    for (offset, character) in text[open..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 1 && "{,".contains(character) {
            is_at_beginning = true;
        } else if is_at_beginning && !character.is_whitespace() {
            places.push(open + offset);
            is_at_beginning = false;
        }
    }
    places
}

fn word_at(text: &str, place: usize) -> &str {
    let rest = &text[place..];
    let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len());
    &rest[..end]
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn a_room_imports_only_what_its_row_allows() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut findings = Vec::new();

    for source in sources().iter().filter(|each| each.room != "lib") {
        let Some(allowed) = arrows.get(source.room.as_str()) else {
            findings.push(source.at(1, "is in no room of docs/design.md, section 4"));
            continue;
        };
        for (lines_before, named) in rooms_named(&source.without_comments()) {
            if arrows.contains_key(named) && named != source.room && !allowed.contains(&named) {
                findings.push(source.at(lines_before + 1, &format!("{} may not import {named}", source.room)));
            }
        }
    }

    assert_none(&findings);
}

#[test]
fn no_file_climbs_out_of_its_room() {
    let mut findings = Vec::new();

    for source in sources() {
        // `src/room.rs` and `src/room/mod.rs` are the room itself; each folder or file below may climb one step.
        let is_mod = source.path.file_name().is_some_and(|name| name == "mod.rs");
        let depth = source.path.iter().count() - 2 - usize::from(is_mod);
        // Inside the file's own `mod tests` one step more stays in the file.
        let in_tests =
            source.code().skip(source.code_outside_tests().count()).map(|(number, line)| (number, line, depth + 1));
        let lines = source.code_outside_tests().map(|(number, line)| (number, line, depth)).chain(in_tests);
        findings.extend(
            lines
                .filter(|(_, line, allowed)| line.contains(&"super::".repeat(allowed + 1)))
                .map(|(number, ..)| source.at(number, "climbs out of its room with super::")),
        );
    }

    assert_none(&findings);
}

#[test]
fn every_room_is_listed_and_says_what_it_is_for() {
    let sources = sources();
    let listed: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut findings = Vec::new();

    for source in &sources {
        let is_room = source.path.iter().count() == 2 || source.path.ends_with(format!("{}/mod.rs", source.room));
        if !source.text.starts_with("//! ") {
            findings.push(source.at(1, "has no module doc"));
        }
        if is_room && source.room != "lib" && !listed.contains(source.room.as_str()) {
            findings.push(source.at(1, "is a room that ARROWS does not list"));
        }
    }

    assert_none(&findings);
}

/// Clippy's `missing_docs` sees only what leaves the crate, and of the private rooms nothing does.
#[test]
fn whatever_other_files_can_use_says_what_it_is() {
    let mut findings = Vec::new();

    for source in sources() {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        let of_others = ["pub use ", "pub mod ", "pub struct $name", "pub enum $name"];
        for (number, line) in source.code_outside_tests() {
            let line = line.trim();
            if !line.starts_with("pub ") || of_others.iter().any(|other| line.starts_with(other)) {
                continue;
            }
            let mut above = lines[..number - 1].iter().rev();
            let is_documented = loop {
                match above.next() {
                    Some(&")]") => above.by_ref().take_while(|line| !line.starts_with("#[")).for_each(drop),
                    Some(line) if line.starts_with("#[") => {}
                    other => break other.is_some_and(|line| line.starts_with("///")),
                }
            };
            if !is_documented {
                findings.push(source.at(number, "has no doc comment"));
            }
        }
    }

    assert_none(&findings);
}

#[test]
fn nothing_is_left_undone() {
    let undone = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let mut findings = Vec::new();

    for source in sources() {
        for (number, line) in source.code() {
            if let Some(found) = undone.iter().find(|mark| line.contains(mark.as_str())) {
                findings.push(source.at(number, found));
            }
        }
    }

    assert_none(&findings);
}

#[test]
fn sql_is_written_only_in_the_rooms_of_the_two_databases() {
    let mut findings = Vec::new();

    for source in sources().iter().filter(|source| !SQL_ROOMS.contains(&source.room.as_str())) {
        for (number, line) in source.code_outside_tests() {
            if opens_sql(line) {
                findings.push(source.at(number, "SQL outside store and product database"));
            }
        }
    }

    assert_none(&findings);
}

#[test]
fn only_rooms_about_databases_know_the_driver() {
    let mut findings = Vec::new();

    let is_free = |source: &Source| DRIVER_ROOMS.contains(&source.room.as_str());
    for source in sources().iter().filter(|source| !is_free(source)) {
        for (number, line) in source.code_outside_tests() {
            if let Some(found) = DRIVER.iter().find(|path| line.contains(**path)) {
                findings.push(source.at(number, &format!("{found} outside the rooms about databases")));
            }
        }
    }

    assert_none(&findings);
}

#[test]
fn in_the_use_cases_only_the_vault_names_a_key() {
    let keys = ["KeyRing", "SecretKey", "unwrap_under", "wrap_under"];
    // The composition hands the ring to the vault and keeps nothing of it.
    let may = |path: &Path| path.starts_with("src/app/ground/vault") || path == Path::new("src/app/gateway.rs");
    let mut findings = Vec::new();

    for source in sources().iter().filter(|source| source.room == "app" && !may(&source.path)) {
        for (number, line) in source.code_outside_tests() {
            if let Some(found) = keys.iter().find(|key| line.contains(**key)) {
                findings.push(source.at(number, &format!("{found} outside the vault")));
            }
        }
    }

    assert_none(&findings);
}

#[test]
fn a_file_of_tests_has_the_name_of_one() {
    let mut findings = Vec::new();

    for source in sources() {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for (number, pair) in (2..).zip(lines.windows(2)) {
            let declared = pair[1].split("mod ").nth(1).and_then(|rest| rest.strip_suffix(';'));
            let Some(name) = declared.filter(|_| pair[0] == "#[cfg(test)]") else { continue };
            if name != "tests" {
                findings
                    .push(source.at(number, &format!("{name} is compiled for tests only: put it into a folder tests")));
            }
        }
    }

    assert_none(&findings);
}

/// True if a statement begins on this line: at its beginning, or at the beginning of a string.
fn opens_sql(line: &str) -> bool {
    let line = line.trim_start();
    let begins = |text: &str| SQL_OPENINGS.iter().any(|opening| text.starts_with(opening));
    begins(line) || line.split('"').skip(1).any(|text| begins(text.trim_start()))
}

#[test]
fn the_reader_of_lines_sees_what_it_should() {
    let rooms_in = |text| rooms_named(text).into_iter().map(|(_, room)| room).collect::<Vec<_>>();

    assert_eq!(rooms_in("use crate::store::tenant; let x = crate::product::y();"), ["store", "product"]);
    assert_eq!(rooms_in("use crate::{store, product::a};"), ["store", "product"]);
    assert_eq!(
        rooms_named(
            "use crate::{\n    app::{self, http},\n    domain::{a::{b, c}, cli},\n    store\n};\nlet a = {worker};"
        ),
        [(1, "app"), (2, "domain"), (3, "store")]
    );
    assert_eq!(rooms_in("use milestone_gateway::cli;"), ["cli"]);
    assert_eq!(rooms_in(r#"$crate::x! other_crate::y "milestone_gateway::store""#), [""; 0]);
    assert!(opens_sql(r#"    db.execute("DELETE FROM t")"#) && opens_sql("INSERT INTO t"));
    assert!(!opens_sql(r#"let text = "to UPDATE or not";"#));
}
