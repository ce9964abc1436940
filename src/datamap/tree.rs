//! YAML text as a tree in which every node knows its line.
//!
//! The tree is built from parser events with an explicit stack, so nesting is refused before anything recursive could
//! meet it. Anchors and aliases are refused altogether: a data map needs none, and they are how a small file becomes a
//! large one. One document per file, every key once.

use std::collections::BTreeSet;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

use super::finding::{Report, SourceFile, quoted};

/// The largest file that is read, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// The deepest nesting that is read, in levels. A data map uses ten.
pub const FILE_DEPTH_MAX: usize = 32;
/// The most nodes that one file may have.
pub const FILE_NODES_MAX: usize = 200_000;

/// A node and the line on which it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What a node holds.
#[derive(Debug)]
pub(super) enum Value {
    Scalar { text: String, is_plain: bool },
    List(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key, its line and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Node,
}

/// Reads the one document of a file. `None` when the text is not YAML that this room reads; the reason is reported.
pub(super) fn parse(file: SourceFile<'_>, report: &mut Report) -> Option<Node> {
    if file.text.len() > FILE_BYTES_MAX {
        report.error(1, "", format!("the file is larger than {FILE_BYTES_MAX} bytes; split the dataset"));
        return None;
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(file.text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                report.error(error.marker().line(), "", format!("this is not valid YAML: {}", error.info()));
                return None;
            }
        };
        let line = span.start.line().max(1);
        if let Err(rejection) = builder.take(event, line, report) {
            report.error(line, "", rejection);
            return None;
        }
    }
    if builder.root.is_none() {
        report.error(1, "", "the file is empty");
    }
    builder.root
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    nodes: usize,
    documents: usize,
}

/// A list or mapping whose end was not seen yet.
enum Open {
    List { line: usize, items: Vec<Node> },
    Mapping { line: usize, entries: Vec<Entry>, keys: BTreeSet<String>, key: Option<(String, usize)> },
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize, report: &mut Report) -> Result<(), String> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err("a second document begins here; one file holds one document".to_owned());
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse_marks(anchor, tag.is_some())?;
                let is_plain = style == ScalarStyle::Plain;
                self.place(Node { line, value: Value::Scalar { text: text.into_owned(), is_plain } }, report)
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_marks(anchor, tag.is_some())?;
                self.begin(Open::List { line, items: Vec::new() })
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_marks(anchor, tag.is_some())?;
                self.begin(Open::Mapping { line, entries: Vec::new(), keys: BTreeSet::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.open.pop() {
                    Some(Open::List { line, items }) => Node { line, value: Value::List(items) },
                    Some(Open::Mapping { line, entries, .. }) => Node { line, value: Value::Mapping(entries) },
                    None => return Err("a list or mapping ends that never began".to_owned()),
                };
                self.place(node, report)
            }
            Event::Alias(..) | Event::Anchor(..) | Event::UnresolvedAlias(..) => refuse_marks(1, false),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open) -> Result<(), String> {
        if self.open.len() >= FILE_DEPTH_MAX {
            return Err(format!("nested deeper than {FILE_DEPTH_MAX} levels"));
        }
        self.open.push(open);
        Ok(())
    }

    fn place(&mut self, node: Node, report: &mut Report) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > FILE_NODES_MAX {
            return Err(format!("more than {FILE_NODES_MAX} nodes; split the dataset"));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, keys, key, .. }) => match (key.take(), node.value) {
                (None, Value::Scalar { text, .. }) => *key = Some((text, node.line)),
                (None, _) => return Err("a key must be plain text".to_owned()),
                (Some((text, line)), value) => {
                    if keys.insert(text.clone()) {
                        entries.push(Entry { key: text, line, value: Node { line: node.line, value } });
                    } else {
                        report.error(line, "", format!("the key {} stands here twice; keep one", quoted(&text)));
                    }
                }
            },
        }
        Ok(())
    }
}

fn refuse_marks(anchor: usize, has_tag: bool) -> Result<(), String> {
    if anchor > 0 {
        return Err("anchors and aliases (& and *) are not read; write the value out, or quote the text".to_owned());
    }
    if has_tag {
        return Err("tags (!) are not read; write the plain value, or quote the text".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejections(text: &str) -> Vec<String> {
        let mut report = Report::new("a.yaml");
        parse(SourceFile { name: "a.yaml", text }, &mut report);
        report.into_findings().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn hostile_yaml_is_refused_with_its_line_and_never_panics() {
        let deep = format!("{}{}", "[".repeat(FILE_DEPTH_MAX + 1), "]".repeat(FILE_DEPTH_MAX + 1));
        let deep_mapping = "- ".repeat(FILE_DEPTH_MAX + 1);
        let very_deep = "[".repeat(100_000);
        let very_deep_list = "- ".repeat(100_000);
        let large = "a".repeat(FILE_BYTES_MAX + 1);
        let many = format!("[{}]", "a,".repeat(FILE_NODES_MAX + 1));
        let table: &[(&str, &str)] = &[
            ("a: 1\nb: 2\na: 3\n", "a.yaml:3: error: the key `a` stands here twice"),
            ("a: &x [1]\nb: *x\n", "a.yaml:1: error: anchors and aliases"),
            ("a: 1\nb: *x\n", "a.yaml:2: error:"),
            ("a: 1\n---\nb: 2\n", "a second document"),
            ("a: !!binary x\n", "tags (!) are not read"),
            ("? [a, b]\n: 1\n", "a key must be plain text"),
            ("a: [1\n", "not valid YAML"),
            ("a: 'b\n", "not valid YAML"),
            ("", "the file is empty"),
            ("\u{0}\u{1}", "error"),
            ("\t- a: b\n\t c", "error"),
            (&deep, "nested deeper"),
            (&deep_mapping, "nested deeper"),
            (&very_deep, "a.yaml:1: error"),
            (&very_deep_list, "nested deeper"),
            (&large, "larger than"),
            (&many, "more than"),
        ];
        for (text, expected) in table {
            let found = rejections(text);
            assert!(found.iter().any(|line| line.contains(expected)), "{expected:?} is not among {found:?}");
        }
    }
}
