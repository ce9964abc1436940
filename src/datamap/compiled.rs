//! A compiled dataset together with what only findings need: lines, and declarations that the engine does not act on.

use std::collections::BTreeMap;

use super::map::{DataMap, Session, TenantRoot};
use crate::domain::IdentityKind;

/// A data map and where each of its parts stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// The map that planning and the product database work from.
    pub map: DataMap,
    /// The name of the file it came from.
    pub file: String,
    /// Personal columns that deliberately have no disposal, as `collection.column`, and the reason.
    pub retained: BTreeMap<String, String>,
    pub(super) facts: BTreeMap<String, Facts>,
    pub(super) lines: Lines,
    pub(super) is_foreign: bool,
}

/// What a field says that only the lint asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Facts {
    pub(super) is_read_only: bool,
    pub(super) identity: Option<IdentityKind>,
}

impl Compiled {
    pub(super) fn empty(file: &str, is_foreign: bool) -> Self {
        let map = DataMap {
            dataset: String::new(),
            schema: String::new(),
            session: Session::Setting { name: String::new() },
            tenant_root: TenantRoot { collection: String::new(), column: String::new() },
            tenant_column: String::new(),
            subjects: BTreeMap::new(),
            collections: BTreeMap::new(),
            worklog_sink: None,
        };
        let (retained, facts, lines) = (BTreeMap::new(), BTreeMap::new(), Lines::default());
        Self { map, file: file.to_owned(), retained, facts, lines, is_foreign }
    }

    pub(super) fn fact(&self, collection: &str, column: &str) -> Facts {
        self.facts.get(&format!("{collection}.{column}")).cloned().unwrap_or_default()
    }
}

/// The line of each part, by a dotted path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lines(BTreeMap<String, usize>);

impl Lines {
    pub(super) fn set(&mut self, path: &str, line: usize) {
        self.0.entry(path.to_owned()).or_insert(line);
    }

    /// The line of the path, or of the nearest part around it that has one.
    pub(super) fn of(&self, path: &str) -> usize {
        let mut rest = path;
        loop {
            match (self.0.get(rest), rest.rsplit_once('.')) {
                (Some(line), _) => return *line,
                (None, Some((outer, _))) => rest = outer,
                (None, None) => return 1,
            }
        }
    }
}
