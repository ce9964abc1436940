//! That the list of reasons is sound, and that the document says what the code says.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use serde_json::json;

use super::*;

const DOCUMENT: &str = "docs/reasons.md";
const BEGIN: &str = "<!-- reasons: generated from here -->\n";
const END: &str = "<!-- reasons: generated to here -->";

/// All that a sentence may name: fields of formats, tables and statements of errors, kinds, states, lengths and counts; a
/// source by the name that its operator gave it.
const PARAMETERS: [&str; 15] = [
    "columns",
    "bytes_max",
    "bytes_min",
    "cause",
    "count_max",
    "days_max",
    "field",
    "kind",
    "kinds",
    "last",
    "reason",
    "seconds_min",
    "source",
    "state",
    "what",
];

fn entries() -> impl Iterator<Item = &'static Entry> {
    TABLES.iter().flat_map(|(_, table)| table.iter())
}

fn placeholders(sentence: &'static str) -> impl Iterator<Item = &'static str> {
    sentence.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

#[test]
fn codes_are_unique_words() {
    let mut seen = BTreeSet::new();
    for entry in entries() {
        let is_word = entry.code.chars().all(|letter| letter.is_ascii_lowercase() || "_8".contains(letter));
        assert!(is_word && (3..=60).contains(&entry.code.len()), "{}", entry.code);
        assert!(seen.insert(entry.code), "{} stands for two reasons", entry.code);
    }
}

#[test]
fn no_sentence_has_room_for_personal_data() {
    for entry in entries() {
        for name in placeholders(entry.sentence) {
            assert!(PARAMETERS.contains(&name), "{}: {name} is not known to hold nothing personal", entry.code);
        }
    }
}

#[test]
fn every_reason_says_what_is_wrong_when_it_is_given_and_what_to_do() {
    for entry in entries() {
        for text in [entry.sentence, entry.when.trim(), entry.advice] {
            assert!(!text.is_empty() && !text.contains('|') && !text.contains('\n'), "{}", entry.code);
        }
    }
}

#[test]
fn a_reason_is_stored_by_its_code_and_found_by_it() {
    let field = Reason::from(EventReason::MissingField { field: "webhookEvent" });
    assert_eq!(field.stored(), "missing_field: webhookEvent");
    assert_eq!(code_of(&field.stored()), Some("missing_field"));
    let length = Reason::from(InputReason::SecretLength { bytes_min: 16, bytes_max: 256 });
    assert_eq!(length.stored(), "secret_length: 16, 256");
    assert_eq!(Reason::from(WorkReason::TakenTooOften).stored(), "taken_too_often");
    assert_eq!(code_of("words of an older version"), None);
    assert!(IgnoreReason::ALL.into_iter().all(|reason| code_of(reason.as_str()) == Some(reason.code())));
    assert_eq!(IgnoreReason::ALL.len(), IgnoreReason::TABLE.len());
}

#[test]
fn a_program_reads_code_sentence_and_parameters() {
    let reason = Reason::from(InputReason::SecretLength { bytes_min: 16, bytes_max: 256 });
    let read = json!({"code": "secret_length", "sentence": "a secret has 16 to 256 bytes",
        "parameters": {"bytes_min": 16, "bytes_max": 256}});
    assert_eq!(serde_json::to_value(&reason).expect("JSON"), read);
}

fn generated() -> String {
    let mut text = String::new();
    for (title, table) in TABLES {
        let _ = writeln!(text, "\n## {title}\n\n| code | sentence | when | what to do |\n|---|---|---|---|");
        for Entry { code, sentence, when, advice } in table {
            let _ = writeln!(text, "| `{code}` | {sentence} | {} | {advice} |", when.trim());
        }
    }
    text.push('\n');
    text
}

#[test]
fn the_document_lists_every_reason() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let document = fs::read_to_string(&path).expect("the document is there");
    let (head, rest) = document.split_once(BEGIN).expect("the document has the first marker");
    let (written, tail) = rest.split_once(END).expect("the document has the second marker");
    let generated = generated();
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        fs::write(&path, format!("{head}{BEGIN}{generated}{END}{tail}")).expect("the document can be written");
        return;
    }
    assert!(
        written == generated,
        "{DOCUMENT} is out of date. Run: UPDATE_DOCS=1 cargo test --all-features --lib the_document_lists_every_reason"
    );
}
