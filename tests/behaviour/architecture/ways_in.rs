//! The table "I want to add …" of docs/architecture.md names files that exist, and few of them.

use std::path::Path;

const GUIDE: &str = include_str!("../../../docs/architecture.md");
/// More files than this for one addition, and the house is built wrongly.
const FILES_MAX: usize = 5;
/// What has to be in the table.
const ADDED: [&str; 5] = ["a sender", "a right", "a kind of job", "a disposal", "a provider"];

/// What is added, and the files to touch.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let table = GUIDE.split("## I want to add").nth(1).expect("the table has its heading");
    let lines = table.lines().skip(1).take_while(|line| !line.starts_with("## "));
    let rows = lines.filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    rows.filter(|(what, _)| *what != "what").map(|(what, files)| (what, paths_in(files))).collect()
}

fn paths_in(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter(|code| code.contains('/')).collect()
}

#[test]
fn whatever_is_added_touches_at_most_five_files_and_each_of_them_exists() {
    let rows = rows();
    let named: Vec<&str> = rows.iter().map(|(what, _)| *what).collect();
    assert_eq!(named, ADDED);
    for (what, files) in rows {
        assert!((1..=FILES_MAX).contains(&files.len()), "{what}: {} files", files.len());
        for file in files {
            // `<sender>` stands for the file that is new; its folder is there.
            let known = file.split('<').next().expect("a path has a beginning");
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(known);
            assert!(path.exists(), "{what}: there is no {file}");
        }
    }
}
