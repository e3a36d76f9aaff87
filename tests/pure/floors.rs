//! The rules of the house that the compiler does not check.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every top-level module and its floor; a module names lower floors only.
const FLOORS: &[(&str, u8)] = &[
    ("kernel", 0),
    ("model", 1),
    ("backlog", 2),
    ("budget", 2),
    ("chain", 2),
    ("filter", 2),
    ("group", 2),
    ("matrix", 2),
    ("track", 2),
    ("sys", 2),
    ("rules", 3),
    ("source", 3),
    ("alert", 4),
    ("explain", 4),
    ("machine", 4),
    ("query", 5),
    ("survey", 6),
    ("answer", 7),
    ("live", 7),
    ("output", 8),
    ("tui", 9),
    ("cli", 10),
];

/// Floors without system calls: nothing of the outside may be named there.
const PURE: &[&str] = &[
    "kernel", "model", "backlog", "budget", "chain", "explain", "filter", "group", "matrix",
    "rules", "track", "alert",
];

struct Source {
    /// Path below src/, as in `model/state.rs`.
    name: String,
    /// The text without its tests: they may do as they like.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    assert!(found.len() > 30, "the sources were found");
    found
}

fn walk(root: &Path, at: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(at).expect("readable").map(|entry| entry.expect("readable").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(root, &path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("readable");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            let name = path.strip_prefix(root).expect("below src").display().to_string();
            found.push(Source { name, code });
        }
    }
}

/// The code without comments, so that prose may name anything.
fn statements(source: &Source) -> impl Iterator<Item = &str> {
    source.code.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

fn top_level(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap_or_default()
}

#[test]
fn modules_name_lower_floors_only() {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    for source in sources() {
        let here = top_level(&source.name);
        if matches!(here, "lib" | "main") {
            continue;
        }
        let floor = *floors.get(here).unwrap_or_else(|| panic!("{here} has no floor in this test"));
        for line in statements(&source) {
            for path in line.split("crate::").skip(1) {
                let there = path.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                let there = there.filter(|name| !name.is_empty() && *name != here);
                let Some(there) = there else { continue };
                let target = *floors.get(there).unwrap_or_else(|| {
                    panic!("{}: crate::{there} has no floor in this test", source.name)
                });
                assert!(target < floor, "{} names {there}, which is no lower floor", source.name);
            }
        }
    }
}

#[test]
fn every_module_says_what_it_is() {
    for source in sources() {
        assert!(source.code.starts_with("//! "), "{} begins without a //! doc", source.name);
    }
}

#[test]
fn unsafe_lives_in_sys_only() {
    for source in sources().iter().filter(|source| top_level(&source.name) != "sys") {
        for line in statements(source) {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            assert!(!words.into_iter().any(|word| word == "unsafe"), "{}: {line}", source.name);
        }
    }
}

#[test]
fn clocks_are_read_in_one_file_only() {
    for source in sources().iter().filter(|source| source.name != "sys/clock.rs") {
        for line in statements(source) {
            for call in ["::now()", "clock_gettime", "UNIX_EPOCH", "elapsed()"] {
                // What the home of the clock offers may be called from anywhere above.
                let ours = line.contains("clock::now()") || line.contains("ClockPair::now()");
                assert!(ours || !line.contains(call), "{}: {line}", source.name);
            }
        }
    }
}

#[test]
fn pure_floors_touch_nothing_outside() {
    let outside = [
        "std::fs",
        "std::io",
        "std::env",
        "std::process",
        "std::thread",
        "std::time::Instant",
        "std::time::SystemTime",
        "rustix::",
        "libc::",
        "netlink_sys",
        "procfs::",
        "crossterm",
        "println!",
        "eprintln!",
    ];
    for source in sources().iter().filter(|source| PURE.contains(&top_level(&source.name))) {
        for line in statements(source) {
            for name in outside {
                assert!(!line.contains(name), "{} names {name}: {line}", source.name);
            }
        }
    }
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("];
    for source in sources() {
        for (number, line) in source.code.lines().enumerate() {
            for mark in marks {
                assert!(!line.contains(mark), "{}:{}: {line}", source.name, number + 1);
            }
        }
    }
}
