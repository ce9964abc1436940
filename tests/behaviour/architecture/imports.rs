//! Which file of the source tree names something that another file defines.
//!
//! The files are parsed, and every path is followed to the file that defines what it names: `use` (groups, globs and other
//! names too), paths in bodies, in the arguments of macros and in attributes, through every re-export on the way. So an
//! import through a face counts as an import of the file behind it, and a face that only re-exports is never the end of
//! an arrow. `mod child;` is no import, and neither is the name of a module by itself: what is called through it is.
//!
//! Left out: everything under `#[cfg(test)]`, methods (their type is what is imported), and macros by example, whose scope
//! is their text.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, ImplItem, Item, Meta, UseTree, Visibility, visit, visit::Visit};

/// The source text by path below `src`, such as `app/mod.rs`.
pub(super) type Texts = BTreeMap<String, String>;

/// File to file, with the names that tie the two.
pub(super) type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What was found.
pub(super) struct Imports {
    /// Who imports what from whom. Every file that was reached is in it, also one that imports nothing.
    pub(super) arrows: Arrows,
    /// Paths into the crate that lead nowhere. There are none in a crate that compiles, so one here is a fault of the reader.
    pub(super) lost: Vec<String>,
}

/// Reads a crate from its `lib.rs` on.
pub(super) fn imports(texts: &Texts) -> Imports {
    let mut reader = Reader { texts, modules: Vec::new(), mentions: BTreeSet::new(), current: 0 };
    reader.read_file(None, "lib.rs");
    let Reader { modules, mentions, .. } = reader;
    let names = Names { modules: &modules };
    let mut arrows: Arrows = modules.iter().map(|module| (module.file.clone(), BTreeMap::new())).collect();
    let mut lost = Vec::new();
    for mention in &mentions {
        let from = &modules[mention.module].file;
        let ends = names.ends_of(mention.module, &mention.path, &mut BTreeSet::new());
        let is_ours = ["crate", "self", "super"].contains(&mention.path[0].as_str());
        if ends.is_empty() && is_ours && mention.path.len() > 1 {
            lost.push(format!("{from}: {}", mention.path.join("::")));
        }
        for end in ends {
            if let End::Item(file, name) = end
                && file != *from
            {
                arrows.entry(from.clone()).or_default().entry(file).or_default().insert(name);
            }
        }
    }
    Imports { arrows, lost }
}

/// A module, be it a file or a block within one.
struct Module {
    file: String,
    /// The folder of its children, below `src`, with a slash at its end unless it is the root.
    folder: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    /// Words in the arguments of macros among its items: such a macro may define what it is given.
    generated: BTreeSet<String>,
    /// Names that `use` brings, and the path that each stands for.
    imported: Vec<(String, Vec<String>)>,
    globs: Vec<Vec<String>>,
}

/// A path that stands in a module.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Mention {
    module: usize,
    path: Vec<String>,
}

/// Reads files into modules and mentions.
struct Reader<'a> {
    texts: &'a Texts,
    modules: Vec<Module>,
    mentions: BTreeSet<Mention>,
    current: usize,
}

impl Reader<'_> {
    fn read_file(&mut self, parent: Option<usize>, path: &str) -> usize {
        let text = self.texts.get(path).unwrap_or_else(|| panic!("{path} is declared and is not there"));
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path} cannot be parsed: {error}"));
        let folder = match path.strip_suffix("mod.rs").or_else(|| path.strip_suffix("lib.rs")) {
            Some(folder) => folder.to_owned(),
            None => format!("{}/", path.trim_end_matches(".rs")),
        };
        self.read_module(parent, path.to_owned(), folder, &file.items)
    }

    fn read_module(&mut self, parent: Option<usize>, file: String, folder: String, items: &[Item]) -> usize {
        let module = self.modules.len();
        self.modules.push(Module {
            file,
            folder,
            parent,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            generated: BTreeSet::new(),
            imported: Vec::new(),
            globs: Vec::new(),
        });
        let around = std::mem::replace(&mut self.current, module);
        for item in items {
            self.visit_item(item);
        }
        self.current = around;
        module
    }

    fn read_child(&mut self, item: &syn::ItemMod) {
        let (name, parent) = (plain(&item.ident), self.current);
        let folder = format!("{}{name}/", self.modules[parent].folder);
        let child = if let Some((_, items)) = &item.content {
            let file = self.modules[parent].file.clone();
            self.read_module(Some(parent), file, folder, items)
        } else {
            let below = format!("{folder}mod.rs");
            let path =
                if self.texts.contains_key(&below) { below } else { format!("{}.rs", folder.trim_end_matches('/')) };
            self.read_file(Some(parent), &path)
        };
        self.modules[parent].children.insert(name, child);
    }

    fn read_use(&mut self, item: &syn::ItemUse, tree: &UseTree, before: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(plain(&path.ident));
                self.read_use(item, &path.tree, before);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|each| self.read_use(item, each, before)),
            UseTree::Name(name) => self.import(item, before, &plain(&name.ident), None),
            UseTree::Rename(rename) => self.import(item, before, &plain(&rename.ident), Some(plain(&rename.rename))),
            UseTree::Glob(_) => self.modules[self.current].globs.push(before.clone()),
        }
    }

    fn import(&mut self, item: &syn::ItemUse, before: &[String], name: &str, other_name: Option<String>) {
        let mut path = before.to_vec();
        if name != "self" {
            path.push(name.to_owned());
        }
        let Some(last) = path.last().cloned() else { return };
        self.modules[self.current].imported.push((other_name.unwrap_or(last), path.clone()));
        // A re-export is on the way from who imports to what is imported; by itself it needs nothing.
        if matches!(item.vis, Visibility::Inherited) {
            self.mention(path);
        }
    }

    fn mention(&mut self, path: Vec<String>) {
        self.mentions.insert(Mention { module: self.current, path });
    }

    /// Every path in the tokens of a macro's arguments, which have no syntax that is known here.
    fn mention_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Ident(_) => {
                    let path = path_at(&tokens[at - 1..]);
                    // `value.field` and `$crate::name` are no paths from here.
                    let is_after =
                        |mark: char| at > 1 && matches!(&tokens[at - 2], TokenTree::Punct(it) if it.as_char() == mark);
                    let (is_path, length) = (!is_after('.') && !is_after('$'), path.len());
                    if is_path {
                        self.mention(path);
                    }
                    at += (length - 1) * 3;
                }
                TokenTree::Group(group) => self.mention_tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = attributes_and_name(item);
        if attributes.iter().any(is_for_tests) {
            return;
        }
        if let Some(name) = name {
            self.modules[self.current].items.insert(name);
        }
        match item {
            Item::Mod(item) => self.read_child(item),
            Item::Use(item) => self.read_use(item, &item.tree, &mut Vec::new()),
            Item::Macro(item) if item.ident.is_none() => {
                let words = words_of(item.mac.tokens.clone());
                self.modules[self.current].generated.extend(words);
                self.visit_macro(&item.mac);
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if !attributes.iter().any(is_for_tests) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.mention(path.segments.iter().map(|segment| plain(&segment.ident)).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.mention(item.path.segments.iter().map(|segment| plain(&segment.ident)).collect());
        self.mention_tokens(item.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) if !list.path.is_ident("cfg") => {
                self.mention_tokens(list.tokens.clone());
                self.mention_quoted(list.tokens.clone());
            }
            _ => {}
        }
    }

    /// `pub(in crate::room)` says who may look; it imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

impl Reader<'_> {
    /// Paths that an attribute names in quotes, as serde's `with = "super::hex"`.
    fn mention_quoted(&mut self, tokens: TokenStream) {
        for token in tokens {
            let TokenTree::Literal(literal) = token else { continue };
            let text = literal.to_string();
            let text = text.trim_matches('"');
            let is_path =
                text.contains("::") && text.split("::").all(|word| syn::parse_str::<syn::Ident>(word).is_ok());
            if is_path || ["crate::", "self::", "super::"].iter().any(|start| text.starts_with(start)) {
                self.mention(text.split("::").map(str::to_owned).collect());
            }
        }
    }
}

/// Where a path ends.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Module(usize),
    /// What is defined in this file, under this name.
    Item(String, String),
}

/// Follows paths.
struct Names<'a> {
    modules: &'a [Module],
}

/// The names that are being followed, so that a `use` of itself ends.
type Open = BTreeSet<(usize, String)>;

impl Names<'_> {
    /// Everything that a path in a module may mean: a module and a function may have the same name.
    fn ends_of(&self, module: usize, path: &[String], open: &mut Open) -> BTreeSet<End> {
        let mut at = BTreeSet::from([End::Module(module)]);
        for (index, name) in path.iter().enumerate() {
            let modules: Vec<usize> =
                at.iter().filter_map(|end| if let End::Module(id) = end { Some(*id) } else { None }).collect();
            if modules.is_empty() {
                // A variant, a constant or a function of the type that was found.
                return at;
            }
            at = modules.into_iter().flat_map(|id| self.step(id, name, index == 0, open)).collect();
        }
        at
    }

    fn step(&self, module: usize, name: &str, is_first: bool, open: &mut Open) -> BTreeSet<End> {
        match name {
            "crate" if is_first => BTreeSet::from([End::Module(0)]),
            "self" => BTreeSet::from([End::Module(module)]),
            "super" => self.modules[module].parent.map(End::Module).into_iter().collect(),
            _ => self.look_up(module, name, open),
        }
    }

    fn look_up(&self, id: usize, name: &str, open: &mut Open) -> BTreeSet<End> {
        if !open.insert((id, name.to_owned())) {
            return BTreeSet::new();
        }
        let module = &self.modules[id];
        let mut ends: BTreeSet<End> = module.children.get(name).copied().map(End::Module).into_iter().collect();
        if module.items.contains(name) {
            ends.insert(End::Item(module.file.clone(), name.to_owned()));
        }
        for (_, path) in module.imported.iter().filter(|(imported, _)| imported == name) {
            ends.extend(self.ends_of(id, path, open));
        }
        if ends.is_empty() {
            for glob in &module.globs {
                for end in self.ends_of(id, glob, open) {
                    if let End::Module(behind) = end {
                        ends.extend(self.look_up(behind, name, open));
                    }
                }
            }
        }
        if ends.is_empty() && module.generated.contains(name) {
            ends.insert(End::Item(module.file.clone(), name.to_owned()));
        }
        open.remove(&(id, name.to_owned()));
        ends
    }
}

/// The path whose first word is the first of the tokens: a word, and as often as there is one, two colons and a word.
fn path_at(tokens: &[TokenTree]) -> Vec<String> {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
    let mut path = Vec::new();
    let mut rest = tokens;
    while let Some((TokenTree::Ident(word), behind)) = rest.split_first() {
        path.push(plain(word));
        match behind {
            [first, second, ..] if is_colon(first) && is_colon(second) => rest = &behind[2..],
            _ => break,
        }
    }
    path
}

fn words_of(tokens: TokenStream) -> BTreeSet<String> {
    let words = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(word) => BTreeSet::from([plain(&word)]),
        TokenTree::Group(group) => words_of(group.stream()),
        _ => BTreeSet::new(),
    });
    words.flatten().collect()
}

fn plain(name: &syn::Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg") && list.tokens.to_string() == "test"
}

fn attributes_and_name(item: &Item) -> (&[Attribute], Option<String>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(plain(&item.ident))),
        Item::Enum(item) => (&item.attrs, Some(plain(&item.ident))),
        Item::Fn(item) => (&item.attrs, Some(plain(&item.sig.ident))),
        Item::Static(item) => (&item.attrs, Some(plain(&item.ident))),
        Item::Struct(item) => (&item.attrs, Some(plain(&item.ident))),
        Item::Trait(item) => (&item.attrs, Some(plain(&item.ident))),
        Item::TraitAlias(item) => (&item.attrs, Some(plain(&item.ident))),
        Item::Type(item) => (&item.attrs, Some(plain(&item.ident))),
        Item::Union(item) => (&item.attrs, Some(plain(&item.ident))),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref().map(plain)),
        Item::Impl(item) => (&item.attrs, None),
        Item::Mod(item) => (&item.attrs, None),
        Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}
