//! A Fideslang dataset file, read by its shape: dataset, collections, fields.

use super::{
    compiled::Compiled,
    finding::{Finding, Report, Severity, SourceFile, quoted},
    gateway_meta,
    lint::check,
    map::{Collection, Field, FieldReference},
    taxonomy::{is_data_category, is_personal_category, looks_personal},
    tree,
    walk::{Cursor, Mapping},
};
use crate::domain::plan::Rewrite;

const DATASET_KEYS: &[&str] =
    &["fides_key", "name", "description", "organization_fides_key", "data_categories", "meta", "collections"];
const COLLECTION_KEYS: &[&str] = &["name", "description", "data_categories", "fields", "fides_meta"];
const COLLECTION_META_KEYS: &[&str] = &["after", "erase_after", "skip_processing", "masking_strategy_override"];
const FIELD_KEYS: &[&str] = &["name", "description", "data_categories", "fides_meta", "fields"];
const FIELD_META_KEYS: &[&str] = &[
    "identity",
    "primary_key",
    "data_type",
    "references",
    "masking_strategy_override",
    "length",
    "read_only",
    "return_all_elements",
];
const NESTED_META_KEYS: &[&str] = &["data_type", "length", "read_only", "return_all_elements"];
const DATA_TYPES: &[&str] = &["string", "integer", "float", "boolean", "object_id", "object"];
/// Collection order words that Fideslang knows. They are checked, but the order of a plan comes from the references.
const ORDER_KEYS: [&str; 2] = ["after", "erase_after"];

/// Compiles a dataset file. The map is handed out only when no finding is an error. In a `foreign` file (one written for
/// other tools too) keys that this room does not know are warnings; in ours they are errors.
pub fn compile_dataset(file: SourceFile<'_>, foreign: bool) -> (Option<Compiled>, Vec<Finding>) {
    let mut report = Report::new(file.name);
    let Some(root) = tree::parse(file, &mut report) else {
        return (None, report.into_findings());
    };
    let mut walker = Walker {
        compiled: Compiled::empty(file.name, foreign),
        unknown: if foreign { Severity::Warning } else { Severity::Error },
        reversed: Vec::new(),
        report,
    };
    if walker.file(&Cursor::root(&root)).is_some() {
        walker.apply_reversed();
        walker.collect_identities();
        check(&walker.compiled, &mut walker.report);
    }
    let compiled = (!walker.report.has_errors()).then_some(walker.compiled);
    (compiled, walker.report.into_findings())
}

struct Walker {
    compiled: Compiled,
    unknown: Severity,
    /// References with direction `to`: the column named there refers to the column that they stand at.
    reversed: Vec<(String, String, FieldReference)>,
    report: Report,
}

impl Walker {
    /// `None` when there is nothing that a lint could look at.
    fn file(&mut self, root: &Cursor<'_>) -> Option<()> {
        let datasets =
            root.mapping(&mut self.report, &["dataset"], self.unknown)?.required(&mut self.report, "dataset")?;
        let list = datasets.list(&mut self.report);
        let [dataset] = list.as_slice() else {
            let message = format!("exactly one dataset must stand here, not {}", list.len());
            self.report.error(datasets.line, &datasets.path, message);
            return None;
        };
        let dataset = dataset.mapping(&mut self.report, DATASET_KEYS, self.unknown)?;
        let key = dataset.required(&mut self.report, "fides_key")?.identifier(&mut self.report)?;
        dataset.required(&mut self.report, "name").and_then(|name| name.text(&mut self.report));
        self.compiled.map.dataset = key;
        let inherited = self.categories(&dataset);
        let collections = dataset.required(&mut self.report, "collections")?;
        for collection in collections.list(&mut self.report) {
            self.collection(&collection, &inherited);
        }
        let meta = dataset.required(&mut self.report, "meta")?.open_mapping(&mut self.report)?;
        let ours = meta.required(&mut self.report, "milestone_gateway")?;
        gateway_meta::read(&ours, &mut self.compiled, &mut self.report)
    }

    fn collection(&mut self, cursor: &Cursor<'_>, inherited: &[String]) -> Option<()> {
        let mapping = cursor.mapping(&mut self.report, COLLECTION_KEYS, self.unknown)?;
        let name = mapping.required(&mut self.report, "name")?.identifier(&mut self.report)?;
        if self.compiled.map.collections.contains_key(&name) {
            self.report.error(cursor.line, &name, "this collection stands here twice; keep one");
            return None;
        }
        self.compiled.lines.set(&name, cursor.line);
        let empty = Collection { fields: [].into(), primary_key: Vec::new(), ownership: Vec::new() };
        self.compiled.map.collections.insert(name.clone(), empty);
        if let Some(meta) = mapping.get("fides_meta") {
            self.collection_meta(&meta.called(name.clone()));
        }
        let own = self.categories(&mapping);
        let inherited = if own.is_empty() { inherited } else { own.as_slice() };
        let fields = mapping.required(&mut self.report, "fields")?.called(name.clone());
        for field in fields.list(&mut self.report) {
            self.field(&name, &field, inherited);
        }
        Some(())
    }

    fn collection_meta(&mut self, cursor: &Cursor<'_>) -> Option<()> {
        let meta = cursor.mapping(&mut self.report, COLLECTION_META_KEYS, self.unknown)?;
        for key in ORDER_KEYS {
            if let Some(list) = meta.get(key) {
                list.list(&mut self.report).iter().for_each(|item| {
                    item.column_path(&mut self.report);
                });
            }
        }
        if let Some(skip) = meta.get("skip_processing")
            && skip.flag(&mut self.report) == Some(true)
        {
            self.report.error(skip.line, &cursor.path, "skip_processing would leave people's data behind; remove it");
        }
        let masking = meta.get("masking_strategy_override")?.mapping(&mut self.report, &["strategy"], self.unknown)?;
        let strategy = masking.required(&mut self.report, "strategy")?;
        if strategy.text(&mut self.report)? != "delete" {
            let message = "a collection's strategy can only be delete; give others to its fields";
            self.report.error(strategy.line, &cursor.path, message);
        }
        Some(())
    }

    fn field(&mut self, collection: &str, cursor: &Cursor<'_>, inherited: &[String]) -> Option<()> {
        let mapping = cursor.mapping(&mut self.report, FIELD_KEYS, self.unknown)?;
        let name = mapping.required(&mut self.report, "name")?.identifier(&mut self.report)?;
        let path = format!("{collection}.{name}");
        let fields = &self.compiled.map.collections.get(collection)?.fields;
        if fields.contains_key(&name) {
            self.report.error(cursor.line, &path, "this field stands here twice; keep one");
            return None;
        }
        self.compiled.lines.set(&path, cursor.line);
        let mut data_categories = self.categories(&mapping);
        if data_categories.is_empty() {
            data_categories = inherited.to_vec();
        }
        if let Some(nested) = mapping.get("fields") {
            self.nested(&nested.called(path.clone()), &mut data_categories);
        }
        let mut field = Field { data_categories, references: None, rewrite: None, is_free_text: false };
        let mut is_key = false;
        if let Some(meta) = mapping.get("fides_meta") {
            is_key = self.field_meta(collection, &name, &meta.called(path), &mut field).unwrap_or(false);
        }
        let collection = self.compiled.map.collections.get_mut(collection)?;
        if is_key {
            collection.primary_key.push(name.clone());
        }
        collection.fields.insert(name, field);
        Some(())
    }

    /// The parts of a JSON column. What is personal inside makes the whole column personal, because disposals are per
    /// column; the tree's depth bounds this recursion.
    fn nested(&mut self, cursor: &Cursor<'_>, categories: &mut Vec<String>) {
        for part in cursor.list(&mut self.report) {
            let Some(mapping) = part.mapping(&mut self.report, FIELD_KEYS, self.unknown) else { continue };
            let name = mapping.required(&mut self.report, "name").and_then(|name| name.text(&mut self.report));
            let own = self.categories(&mapping);
            let personal: Vec<String> = own.into_iter().filter(|word| is_personal_category(word)).collect();
            if personal.is_empty() && name.as_deref().is_some_and(looks_personal) {
                let message = "its name looks personal, but it has no user category; give it one";
                self.report.error(part.line, &cursor.path, message);
            }
            categories.extend(personal);
            if let Some(meta) = mapping.get("fides_meta") {
                // Identities, references and strategies inside JSON are refused by name: nothing would act on them.
                meta.mapping(&mut self.report, NESTED_META_KEYS, self.unknown);
            }
            if let Some(inner) = mapping.get("fields") {
                let path = format!("{}.{}", cursor.path, name.unwrap_or_default());
                self.nested(&inner.called(path), categories);
            }
        }
    }

    /// True when the field belongs to the primary key.
    fn field_meta(&mut self, collection: &str, name: &str, cursor: &Cursor<'_>, field: &mut Field) -> Option<bool> {
        let meta = cursor.mapping(&mut self.report, FIELD_META_KEYS, self.unknown)?;
        self.identity(&meta, &cursor.path);
        self.data_type(&meta);
        let length = meta.get("length").and_then(|length| length.number(&mut self.report, u16::MAX));
        if let Some(references) = meta.get("references") {
            field.references = self.references(collection, name, &references);
        }
        if let Some(masking) = meta.get("masking_strategy_override") {
            field.rewrite = self.masking(&masking.called(cursor.path.clone()), length);
        }
        if meta.get("read_only").and_then(|flag| flag.flag(&mut self.report)) == Some(true) {
            self.compiled.facts.entry(cursor.path.clone()).or_default().is_read_only = true;
        }
        meta.get("return_all_elements").and_then(|flag| flag.flag(&mut self.report));
        meta.get("primary_key")?.flag(&mut self.report)
    }

    fn identity(&mut self, meta: &Mapping<'_>, path: &str) -> Option<()> {
        let cursor = meta.get("identity")?;
        let text = cursor.text(&mut self.report)?;
        match text.parse() {
            Ok(kind) => self.compiled.facts.entry(path.to_owned()).or_default().identity = Some(kind),
            Err(error) => {
                self.report.push(self.unknown, cursor.line, path, format!("identity {}: {error}", quoted(&text)));
            }
        }
        Some(())
    }

    fn data_type(&mut self, meta: &Mapping<'_>) -> Option<()> {
        let cursor = meta.get("data_type")?;
        let text = cursor.text(&mut self.report)?;
        if !DATA_TYPES.contains(&text.trim_end_matches("[]")) {
            let known = DATA_TYPES.join(", ");
            let message =
                format!("{} is not a Fideslang data type; use one of {known}, with [] for an array", quoted(&text));
            self.report.error(cursor.line, &cursor.path, message);
        }
        Some(())
    }

    fn references(&mut self, collection: &str, name: &str, cursor: &Cursor<'_>) -> Option<FieldReference> {
        let mut found = None;
        for item in cursor.list(&mut self.report) {
            let Some((reference, is_reversed)) = self.reference(&item) else { continue };
            if is_reversed {
                let own = FieldReference { collection: collection.to_owned(), column: name.to_owned() };
                self.reversed.push((reference.collection, reference.column, own));
            } else if found.is_some() {
                self.report.error(item.line, &item.path, "a second reference; a column can refer to one column only");
            } else {
                found = Some(reference);
            }
        }
        found
    }

    fn reference(&mut self, item: &Cursor<'_>) -> Option<(FieldReference, bool)> {
        let mapping = item.mapping(&mut self.report, &["dataset", "field", "direction"], self.unknown)?;
        let dataset = mapping.required(&mut self.report, "dataset")?;
        let target = mapping.required(&mut self.report, "field")?.column_path(&mut self.report);
        let direction = mapping.get("direction").and_then(|cursor| cursor.text(&mut self.report));
        if let Some(word) = direction.as_deref().filter(|word| !["from", "to"].contains(word)) {
            self.report.error(item.line, &item.path, format!("direction {}: use from or to", quoted(word)));
            return None;
        }
        let key = dataset.text(&mut self.report)?;
        if key != self.compiled.map.dataset {
            let message =
                format!("refers to dataset {}, but only references inside this one are followed", quoted(&key));
            self.report.push(self.unknown, dataset.line, &item.path, message);
            return None;
        }
        let (collection, column) = target?;
        Some((FieldReference { collection, column }, direction.as_deref() == Some("to")))
    }

    fn apply_reversed(&mut self) {
        for (collection, column, reference) in std::mem::take(&mut self.reversed) {
            let path = format!("{}.{}", reference.collection, reference.column);
            let line = self.compiled.lines.of(&path);
            let field = self.compiled.map.collections.get_mut(&collection).and_then(|it| it.fields.get_mut(&column));
            match field {
                None => {
                    self.report.error(
                        line,
                        &path,
                        format!("refers to {collection}.{column}, which is not in this dataset"),
                    );
                }
                Some(field) if field.references.as_ref().is_some_and(|known| *known != reference) => {
                    let message = format!("{collection}.{column} already refers to another column; keep one reference");
                    self.report.error(line, &path, message);
                }
                Some(field) => field.references = Some(reference),
            }
        }
    }

    /// Gives each subject the identities that its root's columns declare.
    fn collect_identities(&mut self) {
        let Compiled { map, facts, lines, .. } = &mut self.compiled;
        for root in map.subjects.values_mut() {
            let Some(collection) = map.collections.get(&root.collection) else { continue };
            for column in collection.fields.keys() {
                let path = format!("{}.{column}", root.collection);
                let Some(kind) = facts.get(&path).and_then(|fact| fact.identity) else { continue };
                if let Some(first) = root.identities.insert(kind, column.clone()) {
                    let message = format!("{first} already holds the identity {kind}; one column can hold it");
                    self.report.error(lines.of(&path), &path, message);
                }
            }
        }
    }

    fn masking(&mut self, cursor: &Cursor<'_>, length: Option<u16>) -> Option<Rewrite> {
        let mapping = cursor.mapping(&mut self.report, &["strategy", "configuration"], self.unknown)?;
        let strategy = mapping.required(&mut self.report, "strategy")?;
        match strategy.text(&mut self.report)?.as_str() {
            "null_rewrite" => Some(Rewrite::Null),
            "erasure_pseudonym" => Some(Rewrite::ErasurePseudonym),
            "string_rewrite" => {
                let configuration = mapping.required(&mut self.report, "configuration")?;
                let keys = configuration.mapping(&mut self.report, &["rewrite_value"], self.unknown)?;
                let text = keys.required(&mut self.report, "rewrite_value")?.text(&mut self.report)?;
                if length.is_some_and(|most| text.chars().count() > usize::from(most)) {
                    self.report.error(
                        configuration.line,
                        &cursor.path,
                        "rewrite_value is longer than the field's length",
                    );
                }
                Some(Rewrite::Fixed { text })
            }
            other => {
                let message = format!(
                    "strategy {} is not known; use null_rewrite, string_rewrite or erasure_pseudonym",
                    quoted(other)
                );
                self.report.error(strategy.line, &cursor.path, message);
                None
            }
        }
    }

    fn categories(&mut self, mapping: &Mapping<'_>) -> Vec<String> {
        let Some(cursor) = mapping.get("data_categories") else { return Vec::new() };
        let mut known = Vec::new();
        for item in cursor.list(&mut self.report) {
            let Some(word) = item.text(&mut self.report) else { continue };
            if is_data_category(&word) {
                known.push(word);
            } else {
                let message = format!("{} is not in the Fideslang taxonomy; look it up there", quoted(&word));
                self.report.error(item.line, &cursor.path, message);
            }
        }
        known
    }
}
