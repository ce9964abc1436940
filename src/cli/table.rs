//! Aligned text from JSON rows, so that people and machines are shown the same values.

use std::fmt::Write as _;

use jiff::{Timestamp, Unit};
use serde_json::Value;

/// Headings and the keys whose values stand below them, in the order in which they are printed.
pub(super) type Columns<'a> = &'a [(&'a str, &'a str)];

/// What stands for nothing.
const NOTHING: &str = "-";
/// Between two columns.
const GAP: &str = "  ";

/// A heading and a line for each row, columns aligned.
pub(super) fn table(columns: Columns<'_>, rows: &[Value]) -> String {
    let headings = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    let cells = rows.iter().map(|row| columns.iter().map(|(_, key)| cell(row, key)).collect());
    let lines: Vec<Vec<String>> = std::iter::once(headings).chain(cells).collect();
    let is_number: Vec<bool> = columns.iter().map(|(_, key)| rows.iter().all(|row| row[*key].is_number())).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in &lines {
        let padded: Vec<String> = line.iter().zip(&widths).zip(&is_number).map(pad).collect();
        text.push_str(padded.join(GAP).trim_end());
        text.push('\n');
    }
    text
}

/// A line for each field: label and value.
pub(super) fn record(fields: Columns<'_>, value: &Value) -> String {
    let width = fields.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (label, key) in fields {
        let _ = writeln!(text, "{label:width$}{GAP}{}", cell(value, key));
    }
    text
}

/// Numbers stand right, so that their digits line up; everything else stands left.
fn pad(((text, width), is_number): ((&String, &usize), &bool)) -> String {
    if *is_number { format!("{text:>width$}") } else { format!("{text:width$}") }
}

/// A value as people read it: times to the second, nothing as `-`, and no character that could steer a terminal.
fn cell(row: &Value, key: &str) -> String {
    match &row[key] {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) if is_time(key) => to_the_second(text).unwrap_or_else(|| printable(text)),
        Value::String(text) => printable(text),
        value @ (Value::Number(_) | Value::Array(_) | Value::Object(_)) => value.to_string(),
    }
}

fn is_time(key: &str) -> bool {
    ["_at", "_until", "_by"].iter().any(|ending| key.ends_with(ending))
}

fn to_the_second(text: &str) -> Option<String> {
    let at: Timestamp = text.parse().ok()?;
    Some(at.round(Unit::Second).ok()?.to_string())
}

/// Makes control characters visible instead of letting them act.
pub(super) fn printable(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|letter| if letter.is_control() { letter.escape_default().collect() } else { vec![letter] })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_stand_right() {
        let rows = [json!({"id": "job_1", "tries": 3}), json!({"id": "job_12", "tries": 14})];
        assert_eq!(table(&[("JOB", "id"), ("TRIES", "tries")], &rows), "JOB     TRIES\njob_1       3\njob_12     14\n");
    }

    #[test]
    fn a_line_ends_with_its_last_letter() {
        let rows = [json!({"id": "a", "why": "long"}), json!({"id": "b", "why": null})];
        assert_eq!(table(&[("ID", "id"), ("WHY", "why")], &rows), "ID  WHY\na   long\nb   -\n");
    }

    #[test]
    fn times_are_shown_to_the_second_and_yes_is_a_word() {
        let value = json!({"due_at": "2026-09-24T08:00:00.123456Z", "is_demo": true, "reason": "2026"});
        assert_eq!(
            record(&[("due", "due_at"), ("demo", "is_demo"), ("why", "reason"), ("none", "absent")], &value),
            "due   2026-09-24T08:00:00Z\ndemo  yes\nwhy   2026\nnone  -\n"
        );
    }

    #[test]
    fn a_value_cannot_steer_the_terminal() {
        assert_eq!(record(&[("key", "key")], &json!({"key": "a\u{1b}[2Jb\nc"})), "key  a\\u{1b}[2Jb\\nc\n");
    }
}
