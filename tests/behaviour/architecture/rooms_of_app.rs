//! The arrows between the rooms of `app`: each imports only rooms that stand below it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    IMPORTS, assert_none,
    circles::tree,
    imports::{Arrows, imports},
};

/// True once every file of `app` is in a room. Until then, files in none are passed over.
const APP_ROOMS_EXIST: bool = true;

/// Each room of `app`, and the rooms of `app` that it may import, which all stand below it.
const APP_ARROWS: &[(&str, &[&str])] = &[
    ("jobs", &["erasure", "offboarding", "accounts", "ground"]),
    ("interpretation", &["polling", "offboarding", "intake", "registry", "ground"]),
    ("upkeep", &["offboarding", "intake", "ground"]),
    ("polling", &["offboarding", "accounts", "intake", "registry", "ground"]),
    ("erasure", &["accounts", "requests", "ground"]),
    ("offboarding", &["accounts", "requests", "ground"]),
    ("accounts", &["requests", "registry", "ground"]),
    ("support", &["intake", "registry", "ground"]),
    ("intake", &["registry", "ground"]),
    ("requests", &["ground"]),
    ("registry", &["ground"]),
    ("ground", &[]),
];

/// Rooms of which another may see a part only: who, of whom, which files, or which names of a file.
const ONLY: &[(&str, &str, &[&str])] = &[("interpretation", "polling", &["site", "turn::Halted", "context::Polling"])];

/// `app`'s own face. It declares rooms and re-exports; nobody inside needs it.
const FACE: &str = "app/mod.rs";
/// What stands above all rooms, in none of them: the face, and the composition of the rooms' contexts.
const ABOVE: &[&str] = &[FACE, "app/gateway.rs"];

fn room_of(file: &str) -> Option<&'static str> {
    let below = file.strip_prefix("app/")?;
    let name = below.split('/').next().unwrap_or(below).trim_end_matches(".rs");
    APP_ARROWS.iter().map(|(room, _)| *room).find(|room| *room == name)
}

/// Every arrow between files of `app` that the table does not allow. With `is_complete`, a file in no room is a fault, too,
/// and so is a room without a file.
fn faults(arrows: &Arrows, is_complete: bool) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = APP_ARROWS.iter().copied().collect();
    let files: BTreeSet<&str> = arrows.keys().map(String::as_str).filter(|file| file.starts_with("app/")).collect();
    let mut found = Vec::new();
    for from in &files {
        let Some(room) = room_of(from) else {
            if is_complete && !ABOVE.contains(from) {
                found.push(format!("src/{from} is in no room of app"));
            }
            continue;
        };
        for (to, names) in arrows[*from].iter().filter(|(to, _)| to.starts_with("app/")) {
            let seen = names;
            let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            match room_of(to) {
                Some(other) if other == room => {}
                Some(other) if !allowed[room].contains(&other) => {
                    found.push(format!("src/{from} -> src/{to} ({names}): {room} may not import {other}"));
                }
                Some(other) if !may_see(room, other, to, seen) => {
                    found.push(format!("src/{from} -> src/{to} ({names}): {room} may see only a part of {other}"));
                }
                None if is_complete => found.push(format!("src/{from} -> src/{to} ({names}): it is in no room of app")),
                Some(_) | None => {}
            }
        }
    }
    if is_complete {
        let empty = APP_ARROWS.iter().filter(|(room, _)| !files.iter().any(|file| room_of(file) == Some(room)));
        found.extend(empty.map(|(room, _)| format!("app has no room {room}")));
    }
    found
}

fn may_see(room: &str, other: &str, file: &str, names: &BTreeSet<String>) -> bool {
    let Some((.., parts)) = ONLY.iter().find(|(from, to, _)| (*from, *to) == (room, other)) else { return true };
    let file = file.trim_start_matches(&format!("app/{other}/")).trim_end_matches(".rs");
    names.iter().all(|name| parts.contains(&file) || parts.contains(&format!("{file}::{name}").as_str()))
}

#[test]
fn a_room_of_app_imports_only_rooms_below_it() {
    assert!(IMPORTS.arrows.contains_key(FACE), "app has no face, so nothing was looked at");
    assert_none(&faults(&IMPORTS.arrows, APP_ROOMS_EXIST));
}

#[test]
fn the_table_of_app_points_downwards_only() {
    for (place, (room, allowed)) in APP_ARROWS.iter().enumerate() {
        let below: BTreeSet<&str> = APP_ARROWS[place + 1..].iter().map(|(room, _)| *room).collect();
        let upwards: Vec<&&str> = allowed.iter().filter(|other| !below.contains(**other)).collect();
        assert!(upwards.is_empty(), "{room} may import what does not stand below it: {upwards:?}");
        assert!(*room == "ground" || allowed.contains(&"ground"), "{room} stands on the ground, too");
    }
}

/// What is wrong with a crate whose `app` has these files; each is declared by the folder that it is in.
fn faults_in(files: &[(&str, &str)], is_complete: bool) -> Vec<String> {
    let mut all = vec![("lib.rs", "mod app;")];
    all.extend(files);
    let imports = imports(&tree(&all));
    assert_none(&imports.lost);
    faults(&imports.arrows, is_complete)
}

#[test]
fn an_arrow_upwards_is_found_also_through_a_face() {
    let face = ("app/mod.rs", "mod ground; mod intake; mod requests; pub use requests::Case;");
    let files = [
        face,
        ("app/ground/mod.rs", "mod audit; pub(super) use audit::record;"),
        ("app/ground/audit.rs", "use crate::app::Case; pub(in crate::app) fn record() {}"),
        ("app/intake.rs", "fn f() { super::requests::Case::new(); super::ground::record(); }"),
        ("app/requests.rs", "use super::ground::record; pub struct Case;"),
    ];
    let upwards = "src/app/ground/audit.rs -> src/app/requests.rs (Case): ground may not import requests";
    let sideways = "src/app/intake.rs -> src/app/requests.rs (Case): intake may not import requests";
    assert_eq!(faults_in(&files, false), [upwards, sideways]);
}

#[test]
fn arrows_downwards_and_within_a_room_are_fine() {
    let files = [
        ("app/mod.rs", "mod ground; mod jobs; mod erasure;"),
        ("app/ground/mod.rs", "pub(super) fn record() {}"),
        ("app/jobs/mod.rs", "mod run; use super::erasure::erase; use crate::app::ground::record;"),
        ("app/jobs/run.rs", "use crate::app::{erasure, ground::record}; fn f() { erasure::erase(); }"),
        ("app/erasure/mod.rs", "mod steps; pub(super) use steps::erase;"),
        ("app/erasure/steps.rs", "mod one; pub(in crate::app) fn erase() { one::f(); }"),
        ("app/erasure/steps/one.rs", "pub(super) fn f() { crate::app::ground::record(); }"),
    ];
    assert_eq!(faults_in(&files, false), [""; 0]);
}

#[test]
fn interpretation_sees_nothing_of_polling_but_its_site_and_why_that_halted() {
    let files = [
        ("app/mod.rs", "mod interpretation; mod polling;"),
        ("app/interpretation.rs", "use super::polling::{site::ask, turn::{Halted, Turn}};"),
        ("app/polling/mod.rs", "pub(super) mod site; pub(super) mod turn;"),
        ("app/polling/site.rs", "pub(in crate::app) fn ask() {}"),
        ("app/polling/turn.rs", "pub(in crate::app) struct Turn; pub(in crate::app) struct Halted;"),
    ];
    let only = "interpretation may see only a part of polling";
    let expected = format!("src/app/interpretation.rs -> src/app/polling/turn.rs (Halted, Turn): {only}");
    assert_eq!(faults_in(&files, false), [expected]);

    let mut fine = files;
    fine[1].1 = "use super::polling::{site::ask, turn::Halted};";
    assert_eq!(faults_in(&fine, false), [""; 0]);
}

#[test]
fn once_the_rooms_are_complete_a_file_in_none_of_them_is_a_fault() {
    let declared: Vec<String> = APP_ARROWS.iter().map(|(room, _)| format!("mod {room}; ")).collect();
    let text = format!("mod left; {}", declared.concat());
    let rooms: Vec<String> = APP_ARROWS.iter().map(|(room, _)| format!("app/{room}.rs")).collect();
    let mut files = vec![("app/mod.rs", text.as_str()), ("app/left.rs", "pub fn f() {}")];
    files.extend(rooms.iter().map(|path| (path.as_str(), "")));
    files[2].1 = "use super::left::f;";

    assert_eq!(faults_in(&files, false), [""; 0]);
    let jobs = "src/app/jobs.rs -> src/app/left.rs (f): it is in no room of app";
    assert_eq!(faults_in(&files, true), [jobs, "src/app/left.rs is in no room of app"]);

    let text = text.replace("mod left; ", "").replace("mod jobs; ", "");
    files.retain(|(path, _)| !["app/left.rs", "app/jobs.rs"].contains(path));
    files[0].1 = &text;
    assert_eq!(faults_in(&files, true), ["app has no room jobs"]);
}
