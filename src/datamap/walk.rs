//! Reading a tree by its shape: every mismatch is reported with its line and the walk goes on, so that one run names
//! everything that has to be corrected.

use super::{
    finding::{Report, Severity, quoted},
    tree::{Entry, Node, Value},
};

/// PostgreSQL cuts longer identifiers off, and two cut-off names could then mean the same table.
const IDENTIFIER_BYTES_MAX: usize = 63;

/// A place in a tree.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'n> {
    node: &'n Node,
    pub(super) line: usize,
    pub(super) path: String,
}

/// A mapping whose keys were checked.
#[derive(Debug)]
pub(super) struct Mapping<'n> {
    entries: &'n [Entry],
    pub(super) line: usize,
    pub(super) path: String,
}

impl<'n> Cursor<'n> {
    pub(super) const fn root(node: &'n Node) -> Self {
        Self { node, line: node.line, path: String::new() }
    }

    /// The same place under a name that says more than a list index.
    pub(super) fn called(mut self, path: String) -> Self {
        self.path = path;
        self
    }

    /// A mapping with only the keys named here.
    pub(super) fn mapping(&self, report: &mut Report, known: &[&str], unknown: Severity) -> Option<Mapping<'n>> {
        let mapping = self.open_mapping(report)?;
        for entry in mapping.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let message = format!("unknown key {}; known here: {}", quoted(&entry.key), known.join(", "));
            report.push(unknown, entry.line, &self.path, message);
        }
        Some(mapping)
    }

    /// A mapping whose keys are names chosen by the vendor.
    pub(super) fn open_mapping(&self, report: &mut Report) -> Option<Mapping<'n>> {
        if let Value::Mapping(entries) = &self.node.value {
            return Some(Mapping { entries, line: self.line, path: self.path.clone() });
        }
        report.error(self.line, &self.path, "a mapping (key: value) must stand here");
        None
    }

    pub(super) fn list(&self, report: &mut Report) -> Vec<Self> {
        let Value::List(items) = &self.node.value else {
            report.error(self.line, &self.path, "a list must stand here; begin each item with `-`");
            return Vec::new();
        };
        let place =
            |(index, node): (usize, &'n Node)| Self { node, line: node.line, path: format!("{}[{index}]", self.path) };
        items.iter().enumerate().map(place).collect()
    }

    /// A text that is not empty.
    pub(super) fn text(&self, report: &mut Report) -> Option<String> {
        match &self.node.value {
            Value::Scalar { text, .. } if !text.trim().is_empty() && !is_null(self.node) => Some(text.clone()),
            _ => {
                report.error(self.line, &self.path, "a text must stand here");
                None
            }
        }
    }

    /// One text, or a list of texts, each with its line.
    pub(super) fn texts(&self, report: &mut Report) -> Vec<(String, usize)> {
        if matches!(self.node.value, Value::Scalar { .. }) {
            return self.text(report).map(|text| (text, self.line)).into_iter().collect();
        }
        let items = self.list(report);
        items.iter().filter_map(|item| item.text(report).map(|text| (text, item.line))).collect()
    }

    /// The name of a table or column.
    pub(super) fn identifier(&self, report: &mut Report) -> Option<String> {
        let text = self.text(report)?;
        if is_identifier(&text) {
            return Some(text);
        }
        let message = format!(
            "{} cannot name a table or column; use at most {IDENTIFIER_BYTES_MAX} bytes without dots or blanks",
            quoted(&text)
        );
        report.error(self.line, &self.path, message);
        None
    }

    /// `collection.column`.
    pub(super) fn column_path(&self, report: &mut Report) -> Option<(String, String)> {
        let text = self.text(report)?;
        let parts = text.split_once('.').filter(|(table, column)| is_identifier(table) && is_identifier(column));
        if parts.is_none() {
            report.error(self.line, &self.path, format!("{} must have the form collection.column", quoted(&text)));
        }
        parts.map(|(table, column)| (table.to_owned(), column.to_owned()))
    }

    pub(super) fn flag(&self, report: &mut Report) -> Option<bool> {
        match &self.node.value {
            Value::Scalar { text, is_plain: true } if text == "true" => Some(true),
            Value::Scalar { text, is_plain: true } if text == "false" => Some(false),
            _ => {
                report.error(self.line, &self.path, "true or false must stand here");
                None
            }
        }
    }

    /// A whole number from 1 to `most`.
    pub(super) fn number(&self, report: &mut Report, most: u16) -> Option<u16> {
        let number = match &self.node.value {
            Value::Scalar { text, is_plain: true } => text.parse().ok().filter(|number| (1..=most).contains(number)),
            _ => None,
        };
        if number.is_none() {
            report.error(self.line, &self.path, format!("a whole number from 1 to {most} must stand here"));
        }
        number
    }

    /// A number from 1 to `most`, each with a unit named by the key.
    pub(super) fn number_of(parent: Option<&Mapping<'n>>, report: &mut Report, key: &str, most: u16) -> Option<u16> {
        parent?.required(report, key)?.number(report, most)
    }
}

impl<'n> Mapping<'n> {
    /// The value of a key; `None` when it is missing or null, which mean the same in Fideslang.
    pub(super) fn get(&self, key: &str) -> Option<Cursor<'n>> {
        self.cursors().find(|(name, cursor)| *name == key && !is_null(cursor.node)).map(|(_, cursor)| cursor)
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, report: &mut Report, key: &str) -> Option<Cursor<'n>> {
        let found = self.get(key);
        if found.is_none() {
            report.error(self.line, &self.path, format!("the key `{key}` is missing"));
        }
        found
    }

    /// Every key with its value, in the order of the file.
    pub(super) fn cursors(&self) -> impl Iterator<Item = (&'n str, Cursor<'n>)> {
        self.entries.iter().map(|entry| {
            let key = entry.key.as_str();
            let name = quoted(key);
            let name = name.trim_matches('`');
            let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
            (key, Cursor { node: &entry.value, line: entry.line, path })
        })
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { text, is_plain: true } if matches!(text.as_str(), "" | "~" | "null"))
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= IDENTIFIER_BYTES_MAX
        && text.chars().all(|letter| letter != '.' && !letter.is_whitespace() && !letter.is_control())
}
