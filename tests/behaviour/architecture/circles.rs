//! No file needs a file that needs it: such files can only be read, tested and moved together.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    IMPORTS, assert_none,
    imports::{Arrows, Texts, imports},
};

/// The rooms whose circles are still being cut. It only ever gets shorter, and goes with its last word.
const EXCUSED: &[&str] = &[];

/// One circle for each set of files that can all be reached from one another, with every arrow that ties it; and each excuse
/// that nobody needs any more.
fn circles(arrows: &Arrows, excused: &[&str]) -> Vec<String> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|file| (file.as_str(), reached_from(arrows, file))).collect();
    let mut found = Vec::new();
    let (mut told, mut needed) = (BTreeSet::new(), BTreeSet::new());
    for (file, below) in &reached {
        let circle: Vec<&str> = below.iter().copied().filter(|other| reached[other].contains(file)).collect();
        if circle.is_empty() || !told.insert(circle.clone()) {
            continue;
        }
        let rooms: BTreeSet<&str> = circle.iter().map(|each| room_of(each)).collect();
        match excused.iter().find(|room| rooms == BTreeSet::from([**room])) {
            Some(room) => _ = needed.insert(*room),
            None => found.push(format!("circle of {} files:{}", circle.len(), ties(arrows, &circle))),
        }
    }
    let useless = excused.iter().filter(|room| !needed.contains(*room));
    found.extend(useless.map(|room| format!("{room} has no circle any more: take it off EXCUSED")));
    found
}

/// Every file that can be reached from one file, itself only if there is a way back.
fn reached_from<'a>(arrows: &'a Arrows, file: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        let below = arrows.get(file).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        open.extend(below.filter(|other| reached.insert(*other)));
    }
    reached
}

fn ties(arrows: &Arrows, circle: &[&str]) -> String {
    let mut lines = Vec::new();
    for from in circle {
        for (to, names) in arrows[*from].iter().filter(|(to, _)| circle.contains(&to.as_str())) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            lines.push(format!("\n  src/{from} -> src/{to} ({})", names.join(", ")));
        }
    }
    lines.concat()
}

fn room_of(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert!(IMPORTS.arrows.len() > 200, "only {} files were found", IMPORTS.arrows.len());
    assert_none(&IMPORTS.lost);
    assert_none(&circles(&IMPORTS.arrows, EXCUSED));
}

/// A crate of the given files below `src`.
pub(super) fn tree(files: &[(&str, &str)]) -> Texts {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// The circles of a crate of these files, each as the files that are in it.
fn found_in(files: &[(&str, &str)]) -> Vec<String> {
    let imports = imports(&tree(files));
    assert_none(&imports.lost);
    circles(&imports.arrows, &[])
}

#[test]
fn two_files_that_import_each_other_are_a_circle() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub(crate) struct A(B);"),
        ("b.rs", "pub(crate) struct B; fn f() { super::a::A::new(); }"),
        ("c.rs", "use crate::{a::A, b};"),
    ];
    assert_eq!(found_in(&files), ["circle of 2 files:\n  src/a.rs -> src/b.rs (B)\n  src/b.rs -> src/a.rs (A)"]);
}

#[test]
fn a_circle_is_seen_through_faces_that_only_re_export() {
    let files = [
        ("lib.rs", "pub mod room; mod far;"),
        ("room/mod.rs", "mod one; mod two; pub use one::{Deep as One, f}; pub(crate) use self::two::*;"),
        ("room/one.rs", "use super::Two; pub struct Deep; pub fn f() {}"),
        ("room/two.rs", "pub struct Two; fn g() { crate::far::again::f(); }"),
        ("far.rs", "pub(crate) use crate::room as again;"),
    ];
    let expected =
        "circle of 2 files:\n  src/room/one.rs -> src/room/two.rs (Two)\n  src/room/two.rs -> src/room/one.rs (f)";
    assert_eq!(found_in(&files), [expected]);
}

#[test]
fn a_parent_that_calls_its_child_and_lends_it_a_type_is_in_a_circle() {
    let parent = "mod child; pub(crate) struct Lent; fn f() { child::g(); }";
    let files =
        [("lib.rs", "mod room;"), ("room.rs", parent), ("room/child.rs", "pub(super) fn g() -> super::Lent {}")];
    let expected =
        "circle of 2 files:\n  src/room.rs -> src/room/child.rs (g)\n  src/room/child.rs -> src/room.rs (Lent)";
    assert_eq!(found_in(&files), [expected]);
}

#[test]
fn what_a_file_says_of_itself_is_no_circle() {
    let inner = "mod inner { pub(super) fn f() -> super::A { crate::a::g() } }";
    let text = format!("use self::inner::f; use crate::a::A as B; pub struct A; fn g() {{ f(); }} {inner}");
    assert_eq!(found_in(&[("lib.rs", "mod a;"), ("a.rs", &text)]), [""; 0]);
}

#[test]
fn a_chain_is_no_circle_and_declaring_a_child_is_no_import() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; use crate::c::C;"),
        ("b.rs", "use super::c::C; pub struct B(C);"),
        ("c.rs", "mod child; pub struct C;"),
        ("c/child.rs", "use super::C; struct Child(C); use std::fmt; fn f() { fmt::g(); }"),
    ];
    assert_eq!(found_in(&files), [""; 0]);
}

#[test]
fn tests_may_import_what_they_like() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub(crate) fn f() { crate::b::g(); }"),
        (
            "b.rs",
            "pub(crate) fn g() {} #[cfg(test)] mod tests; #[cfg(test)] use crate::a::f; #[cfg(test)] fn h() { f(); }",
        ),
        ("b/tests.rs", "use crate::a::f;"),
    ];
    assert_eq!(found_in(&files), [""; 0]);
}

#[test]
fn every_way_to_name_something_is_followed() {
    let ways = [
        "use crate::{x::Other, b::{self, inner::{self as deep, Thing}}};",
        "use crate::b::inner as deep; fn f() -> deep::Thing {}",
        "use crate::b::*; fn f(it: inner::Thing) {}",
        "use crate::b::inner::*; fn f(it: &[Option<Thing>]) {}",
        "fn f() { let it = vec![Some(crate::b::inner::Thing::new())]; }",
        "fn f() { use crate::b::inner; match it { inner::Thing { .. } => {} } }",
        "#[derive(Args)] struct A { #[arg(value_parser = crate::b::inner::Thing::parse)] a: u8 }",
        r#"#[derive(Args)] struct A { #[serde(with = "crate::b::inner::Thing")] a: u8 }"#,
        "impl<T> Trait for A where T: super::b::inner::Thing {}",
        "use crate::b as other; mod inner { use super::other; fn f() { other::inner::Thing; } }",
    ];
    for way in ways {
        let x = ("x.rs", "pub struct Other;");
        let b = ("b.rs", "pub mod inner { pub struct Thing; }");
        let imports = imports(&tree(&[("lib.rs", "mod a; mod b; mod x;"), ("a.rs", way), b, x]));
        assert_none(&imports.lost);
        assert_eq!(imports.arrows["a.rs"].get("b.rs"), Some(&BTreeSet::from(["Thing".to_owned()])), "{way}");
    }
}

#[test]
fn a_path_that_leads_nowhere_is_told() {
    let lost = imports(&tree(&[("lib.rs", "mod a;"), ("a.rs", "use crate::b::B;")])).lost;
    assert_eq!(lost, ["a.rs: crate::b::B"]);
}

#[test]
fn an_excuse_holds_for_circles_within_its_room_and_only_while_there_are_some() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "pub mod one; mod two;"),
        ("a/one.rs", "use super::two::Two; pub struct One;"),
        ("a/two.rs", "use super::one::One; pub struct Two;"),
        ("b.rs", "use crate::a::one::One; pub struct B;"),
    ];
    let arrows = imports(&tree(&files)).arrows;
    assert_eq!(circles(&arrows, &["a"]), [""; 0]);
    assert_eq!(circles(&arrows, &["a", "b"]), ["b has no circle any more: take it off EXCUSED"]);

    let mut across = files;
    across[2].1 = "use super::two::Two; use crate::b::B; pub struct One;";
    assert_eq!(circles(&imports(&tree(&across)).arrows, &["a"]).len(), 2);
}
