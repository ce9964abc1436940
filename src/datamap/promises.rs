//! Promises: the sentences of a privacy policy, each kept by a mechanism or by the organisation, none forgotten.

use super::{
    finding::{Report, Severity, SourceFile, quoted},
    walk::{Cursor, Mapping},
};

/// A shorter sentence would be found by accident.
const SENTENCE_CHARS_MIN: usize = 6;

/// A promise of a product's privacy policy and how it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The sentences of the privacy policy, as the policy file quotes them.
    pub sentences: Vec<String>,
    /// How it is kept.
    pub keeping: Keeping,
    /// The line of the policy file.
    pub line: usize,
}

/// How a promise is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeping {
    /// By software.
    Mechanism {
        /// What does it.
        mechanism: String,
        /// The test that shows it; `None` is an honest "later".
        test: Option<String>,
    },
    /// By people: certifications, training, contracts, another system.
    Organisational {
        /// Why it is not software.
        reason: String,
    },
    /// It is a description, not a promise.
    Statement {
        /// Why nothing follows from it.
        reason: String,
    },
}

pub(super) fn promises_of(list: &Cursor<'_>, report: &mut Report) -> Vec<Promise> {
    let items = list.list(report);
    items.iter().filter_map(|item| promise(item, report)).collect()
}

fn promise(item: &Cursor<'_>, report: &mut Report) -> Option<Promise> {
    let keys = ["implements", "mechanism", "test", "later", "organisational", "statement"];
    let mapping = item.mapping(report, &keys, Severity::Error)?;
    let quotes = mapping.required(report, "implements")?.texts(report);
    let [mechanism, organisational, statement] =
        ["mechanism", "organisational", "statement"].map(|key| mapping.get(key).and_then(|cursor| cursor.text(report)));
    let test = test_of(&mapping, mechanism.is_some(), report);
    let keeping = match (mechanism, organisational, statement) {
        (Some(mechanism), None, None) => Keeping::Mechanism { mechanism, test },
        (None, Some(reason), None) => Keeping::Organisational { reason },
        (None, None, Some(reason)) => Keeping::Statement { reason },
        _ => {
            let message = "say exactly one of mechanism, organisational or statement";
            report.error(item.line, &item.path, message);
            return None;
        }
    };
    Some(Promise { sentences: quotes.into_iter().map(|(text, _)| text).collect(), keeping, line: item.line })
}

/// The test that is named. A mechanism names its test or says `later: true`; nothing else may.
fn test_of(mapping: &Mapping<'_>, has_mechanism: bool, report: &mut Report) -> Option<String> {
    let test = mapping.get("test").and_then(|test| test.text(report));
    let later = mapping.get("later").and_then(|later| later.flag(report));
    let is_right = match (&test, later) {
        (Some(_), None) | (None, Some(true)) => has_mechanism,
        (None, None) => !has_mechanism,
        (_, Some(_)) => false,
    };
    if !is_right {
        let message = "a mechanism has either test: or later: true; the others have neither";
        report.error(mapping.line, &mapping.path, message);
    }
    test
}

/// The privacy policy's text in one form for comparison, and the parts that make statements.
pub(super) struct PrivacyText {
    whole: String,
    statements: Vec<(usize, String)>,
}

impl PrivacyText {
    pub(super) fn new(file: SourceFile<'_>) -> Self {
        Self { whole: normalised(file.text), statements: statements_of(file.text) }
    }

    /// Checks that each quote really stands in the text, and returns them normalised.
    pub(super) fn check_quotes(&self, quotes: &[(String, usize)], path: &str, report: &mut Report) -> Vec<String> {
        let mut found = Vec::new();
        for (quote, line) in quotes {
            let sentence = normalised(quote);
            if sentence.chars().count() < SENTENCE_CHARS_MIN {
                report.error(*line, path, format!("{} is too short to be a sentence; quote more", quoted(quote)));
            } else if contains_whole(&self.whole, &sentence) {
                found.push(sentence);
            } else {
                let message = format!("{} is not in the privacy policy; quote it word for word", quoted(quote));
                report.error(*line, path, message);
            }
        }
        found
    }

    /// The list items and table rows that no quote covers, with the line of the privacy policy.
    pub(super) fn uncovered(&self, quotes: &[String]) -> Vec<&(usize, String)> {
        let covers = |quote: &String, part: &str| contains_whole(part, quote) || contains_whole(quote, part);
        let is_open = |(_, part): &&(usize, String)| !quotes.iter().any(|quote| covers(quote, part));
        self.statements.iter().filter(is_open).collect()
    }
}

/// The text without Markdown's `|` and `*` and crosses, with single blanks.
fn normalised(text: &str) -> String {
    let plain: String = text.chars().filter(|letter| !matches!(letter, '*' | '❌')).collect();
    plain.replace('|', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// True when `part` stands in `whole` and does not begin or end inside a word or number ("30 days" is not in "130 days").
fn contains_whole(whole: &str, part: &str) -> bool {
    whole.match_indices(part).any(|(start, found)| {
        let before = whole[..start].chars().next_back();
        let after = whole[start + found.len()..].chars().next();
        let joins = |inside: Option<char>, outside: Option<char>| {
            inside.is_some_and(char::is_alphanumeric) && outside.is_some_and(char::is_alphanumeric)
        };
        !joins(found.chars().next(), before) && !joins(found.chars().next_back(), after)
    })
}

/// List items and table rows, without table headings and code blocks: where a privacy policy makes its statements.
fn statements_of(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut in_code = false;
    let mut in_table = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        in_code ^= line.starts_with("```");
        let is_row = line.starts_with('|');
        let is_rule = is_row && line.chars().all(|letter| matches!(letter, '|' | '-' | ':' | ' '));
        // The first row of a table is its heading; the rule below it says so only afterwards.
        let is_heading = is_row && !in_table;
        in_table = is_row;
        if in_code || is_rule || is_heading {
            continue;
        }
        let item = line.strip_prefix("- ").or_else(|| numbered(line)).or(is_row.then_some(line));
        if let Some(item) = item {
            found.push((index + 1, normalised(item)));
        }
    }
    found
}

fn numbered(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once(". ")?;
    (!number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_found_whatever_its_markdown_and_never_inside_a_number() {
        let whole = normalised("| **30 days** | Data marked |\n- ❌ Sell   your\n  data");
        assert!(contains_whole(&whole, &normalised("30 days | Data marked")));
        assert!(contains_whole(&whole, "Sell your data"));
        assert!(!contains_whole("kept for 130 days", "30 days"));
    }

    #[test]
    fn list_items_and_table_rows_are_statements_and_headings_are_not() {
        let text = "# T\n| H | I |\n|---|---|\n| a | b |\n\n- c\n1. **d**\n```\n- e\n```\nprose";
        let parts: Vec<String> = statements_of(text).into_iter().map(|(_, part)| part).collect();
        assert_eq!(parts, ["a b", "c", "d"]);
    }
}
