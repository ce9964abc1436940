//! What counts as an identifier in a text: the whole token, not a part of a longer one.
//!
//! Doubt is settled for "found": a false alarm holds a job until somebody looks, an oversight leaves a person behind.

use crate::domain::IdentityKind;

/// A PostgreSQL regular expression that finds `value` as a whole token. Letters, digits and `_` continue a token, and `.`,
/// `%`, `+`, `-`, `@` do when another such character stands on their far side; so `bob@x.com` is found in `to bob@x.com.`
/// and not in `bob@x.com.au` or `big-bob@x.com`. A `:` never continues an e-mail address; before an account id it does
/// after a digit (`557058:…`), because what stands there is another person's id.
pub(super) fn pattern(kind: IdentityKind, value: &str) -> String {
    let (option, colon) = match kind {
        IdentityKind::Email => ("(?i)", ""),
        IdentityKind::AtlassianAccountId | IdentityKind::FirebaseUid => ("(?c)", "|[0-9]:"),
    };
    let literal = literal(value);
    format!("{option}(?<![[:alnum:]_]|[[:alnum:]_][.%+@-]{colon}){literal}(?![[:alnum:]_]|[.%+@-][[:alnum:]_])")
}

/// A regular expression that finds `value` anywhere and in any case: every text in which [`pattern`] finds something, and a
/// few more. It costs an eighth of the exact one, so nearly all texts are put aside by it.
pub(super) fn rough_pattern(value: &str) -> String {
    format!("(?i){}", literal(value))
}

fn literal(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() + 8);
    for letter in value.chars() {
        if letter.is_ascii() && !letter.is_ascii_alphanumeric() && letter != '_' {
            literal.push('\\');
        }
        literal.push(letter);
    }
    literal
}

/// The text of a column for [`rough_pattern`]. JSON is read through jsonb, which spells out `\u0040`. The database's own
/// collation is named because a column's may be one that regular expressions refuse.
pub(super) fn raw_text(column: &str, data_type: &str) -> String {
    match data_type {
        "json" => format!("{column}::jsonb::text"),
        "bytea" => format!("encode({column}, 'escape')"),
        "bytea[]" => {
            format!("(SELECT string_agg(encode(b.piece, 'escape'), ' ') FROM unnest({column}) AS b (piece))")
        }
        _ => format!("({column}::text COLLATE \"default\")"),
    }
}

/// The text of a column for [`pattern`]: what the text form of JSON writes as `\n` must end a token as the line feed itself
/// would, and so must the octal escapes of bytes.
pub(super) fn clean_text(column: &str, data_type: &str) -> String {
    let raw = raw_text(column, data_type);
    match data_type {
        "json" | "jsonb" | "json[]" | "jsonb[]" => {
            format!(r"regexp_replace({raw}, '\\+([bfnrt]|u[0-9a-f]{{4}})', ' ', 'g')")
        }
        "bytea" | "bytea[]" => format!(r"regexp_replace({raw}, '\\[0-7]{{3}}', ' ', 'g')"),
        _ => raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_act_as_a_pattern() {
        let pattern = pattern(IdentityKind::Email, "a.b+c@x.com");
        assert!(pattern.contains(r"a\.b\+c\@x\.com"), "{pattern}");
    }
}
