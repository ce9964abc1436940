//! Words that have been given up, and what is said instead.
//!
//! One idea has one word (docs/design.md, section 2). When a word is given up, a row comes into [`RETIRED`], and this test
//! finds every place that still says it: code, comments, file names, SQL, settings, commands, documents.
//!
//! A row's text is read as words, so that one row finds all spellings: `call back` is found in `call_back_id`,
//! `CallBackKind`, `--call-back` and in "call back", also over the end of a line of comment. `*` at the end of a word stands
//! for any ending. A word that has a capital in the row is found with that capital only. [`Exactly`] finds characters.

use std::{
    cell::LazyCell,
    fs,
    path::{Path, PathBuf},
};

mod given_up;

use given_up::{
    RETIRED, Retired,
    Text::{Exactly, Words},
};

/// What is searched: folders with everything below them, and files.
const SEARCHED: &[&str] = &[
    "src",
    "tests",
    "migrations",
    "policies",
    "docs",
    "scripts",
    "benches",
    "forge-manifest",
    "firebase-forwarder",
    ".ci",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "Cargo.toml",
    "clippy.toml",
    "deny.toml",
];

/// What is not ours to word: senders' own bodies and packages, a product's privacy policy, what is generated; and this list.
const OTHERS: &[&str] = &[
    "tests/vectors",
    "tests/peers/package-lock.json",
    "tests/peers/runtime",
    "docs/openapi.json",
    "policies/milestone/privacy-policy.md",
    "tests/behaviour/words.rs",
    "tests/behaviour/words/given_up.rs",
];
/// Folders of packages that were installed for tests.
const INSTALLED: &str = "node_modules";

/// A word of a text, and the text between it and the word before.
struct Word<'t> {
    text: &'t str,
    gap: &'t str,
    start: usize,
}

/// The words of a text: runs of letters and digits, taken apart where a capital begins a new one.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut found: Vec<Word<'_>> = Vec::new();
    let (mut start, mut end) = (None, 0);
    let mut characters = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((place, character)) = characters.next() {
        let next = characters.peek().map_or(' ', |(_, next)| *next);
        let begins = character.is_uppercase() && (!before.is_uppercase() || next.is_lowercase());
        if let Some(begun) = start.filter(|_| begins || !character.is_alphanumeric()) {
            found.push(Word { text: &text[begun..place], gap: &text[end..begun], start: begun });
            (start, end) = (None, place);
        }
        if character.is_alphanumeric() {
            start = start.or(Some(place));
        }
        before = character;
    }
    if let Some(begun) = start {
        found.push(Word { text: &text[begun..], gap: &text[end..begun], start: begun });
    }
    found
}

/// True if what stands between two words joins them: nothing, blanks, signs of identifiers and paths, marks of a comment; a
/// dot only between two letters, as in `access.off`.
fn joins(gap: &str) -> bool {
    if gap == "." {
        return true;
    }
    let gap = gap.replace("//!", "").replace("::", "");
    let is_new_line = gap.contains('\n');
    gap.chars().all(|character| {
        character.is_whitespace() || "_-/*`".contains(character) || (is_new_line && "#\\".contains(character))
    })
}

/// True if a word is what the row says: with any ending after `*`, and in any case unless the row has a capital.
fn is_said(word: &str, said: &str) -> bool {
    let (stem, any_ending) = said.strip_suffix('*').map_or((said, false), |stem| (stem, true));
    let Some(beginning) = word.get(..stem.len()) else { return false };
    let is_same =
        if stem.contains(char::is_uppercase) { beginning == stem } else { beginning.eq_ignore_ascii_case(stem) };
    is_same && (any_ending || word.len() == stem.len())
}

/// One text that is searched.
struct Searched {
    path: PathBuf,
    text: String,
}

impl Searched {
    fn findings(&self, rows: &[Retired]) -> Vec<String> {
        let path = self.path.to_string_lossy();
        let (name_words, text_words) = (words(&path), LazyCell::new(|| words(&self.text)));
        let lower_case = self.text.to_lowercase();
        let mut found = Vec::new();
        for (retired, instead, may_stand) in rows {
            let (Words(said) | Exactly(said)) = *retired;
            let is_allowed =
                |line: &str| may_stand.iter().any(|(below, holds)| path.starts_with(below) && line.contains(holds));
            let in_name = match *retired {
                Words(text) => !sequences(&name_words, text).is_empty(),
                Exactly(text) => path.contains(text),
            };
            if in_name && !is_allowed("") {
                found.push(format!("{path}: its name says `{said}`; say: {instead}"));
            }
            let places = match *retired {
                Exactly(text) => self.text.match_indices(text).map(|(place, _)| place).collect(),
                Words(text) if may_say(&lower_case, text) => sequences(&text_words, text),
                Words(_) => Vec::new(),
            };
            for place in places {
                let number = self.text[..place].matches('\n').count();
                let line = self.text.lines().nth(number).unwrap_or_default();
                if !is_allowed(line) {
                    found.push(format!("{path}:{}: `{said}`; say: {instead}", number + 1));
                }
            }
        }
        found
    }
}

/// False when a word of the row is nowhere in the text, so that nobody has to take the text apart.
fn may_say(lower_case: &str, said: &str) -> bool {
    said.split(' ').all(|word| lower_case.contains(&word.trim_end_matches('*').to_lowercase()))
}

/// Where these words stand next to each other.
fn sequences(words: &[Word<'_>], said: &str) -> Vec<usize> {
    let said: Vec<&str> = said.split(' ').collect();
    let is_there = |window: &&[Word<'_>]| {
        window.iter().zip(&said).all(|(word, said)| is_said(word.text, said))
            && window[1..].iter().all(|word| joins(word.gap))
    };
    words.windows(said.len()).filter(is_there).map(|window| window[0].start).collect()
}

/// Everything that is searched, in the order of paths.
fn searched() -> Vec<Searched> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<PathBuf> = SEARCHED.iter().map(|name| top.join(name)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        let below = path.strip_prefix(top).expect("everything searched is below the root").to_owned();
        if OTHERS.iter().any(|other| below.starts_with(other)) || below.ends_with(INSTALLED) {
            continue;
        }
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("the tree can be read").flatten();
            open.extend(entries.map(|entry| entry.path()));
        } else {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            found.push(Searched { path: below, text });
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

#[test]
fn no_word_that_was_given_up_is_said_anywhere() {
    let found: Vec<String> = searched().iter().flat_map(|each| each.findings(RETIRED)).collect();

    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_reader_of_words_sees_every_spelling_and_nothing_else() {
    let seen = |said, text| !sequences(&words(text), said).is_empty();

    for text in [
        "call_back_id",
        "CallBackKind",
        "--call-back",
        "CALL_BACKS",
        "to call\n    //! back",
        "`call back`",
        "call.back",
    ] {
        assert!(seen("call back*", text), "{text:?} was not seen");
    }
    for text in ["callback", "call. Back to", "call | back", "recall_back", "\"call\", \"back\""] {
        assert!(!seen("call back*", text), "{text:?} was seen");
    }
    assert!(seen("crate target", "use crate::target::x") && seen("customer*", "the customer's"));
    assert!(seen("DESIGN", "see DESIGN 3") && !seen("DESIGN", "docs/design.md") && !seen("DESIGN", "Design"));
    assert!(!seen("purg*", "Spurge"));
}

#[test]
fn a_finding_names_file_and_line_and_an_exception_is_for_its_place_only() {
    let rows: &[Retired] =
        &[(Words("old word"), "new word", &[("docs/", "history")]), (Exactly("src/old"), "src/new", &[])];
    let of = |path: &str, text: &str| {
        let searched = Searched { path: path.into(), text: text.to_owned() };
        searched.findings(rows)
    };

    assert_eq!(of("src/a.rs", "fine\nan OldWord\n"), ["src/a.rs:2: `old word`; say: new word"]);
    assert_eq!(of("docs/a.md", "the history of the old word\n"), [""; 0]);
    assert_eq!(of("src/a.rs", "the history of the old word\n").len(), 1);
    assert_eq!(of("src/old/a.rs", ""), ["src/old/a.rs: its name says `src/old`; say: src/new"]);
}
