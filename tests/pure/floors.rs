//! The rules of the house that the compiler does not check.

#[path = "floors/circles.rs"]
mod circles;
#[path = "floors/code.rs"]
mod code;
#[path = "floors/paths.rs"]
mod paths;
#[path = "floors/source.rs"]
mod source;

use std::collections::BTreeMap;

use circles::Files;
use source::Source;

/// Every room, which is a top-level module, and its floor; a room names lower floors
/// only.
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
    ("testing", 11),
];

/// Rooms without system calls: nothing of the outside may be named there.
const PURE: &[&str] = &[
    "kernel", "model", "backlog", "budget", "chain", "explain", "filter", "group", "matrix",
    "rules", "track", "alert",
];

/// What lies outside, as it is named in code.
const OUTSIDE: &[&str] = &[
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

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// Returns what names a room that is on no lower floor.
fn upward_imports(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !source.is_root()) {
        let here = source.room();
        let Some(own) = floor(here) else {
            faults.push(format!("{here} has no floor in this test"));
            continue;
        };
        for room in source.rooms_named().into_iter().filter(|room| room != here) {
            match floor(&room) {
                Some(other) if other < own => {}
                Some(_) => {
                    faults.push(format!("{} names {room}, which is no lower floor", source.name));
                }
                None => faults.push(format!("{}: {room} has no floor in this test", source.name)),
            }
        }
    }
    faults
}

/// Returns the lines of code that have one of some words.
fn lines_with(source: &Source, words: &[&str]) -> Vec<String> {
    let has = |line: &str| words.iter().any(|word| line.contains(word));
    let found = source.code.lines().filter(|line| has(line));
    found.map(|line| format!("{}: {}", source.name, line.trim())).collect()
}

fn outside_in_pure_rooms(sources: &[Source]) -> Vec<String> {
    let pure = sources.iter().filter(|source| PURE.contains(&source.room()));
    pure.flat_map(|source| lines_with(source, OUTSIDE)).collect()
}

fn unsafe_outside_sys(sources: &[Source]) -> Vec<String> {
    let others = sources.iter().filter(|source| source.room() != "sys");
    let is_unsafe = |source: &&Source| {
        let mut words = source.code.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|word| word == "unsafe")
    };
    others.filter(is_unsafe).map(|source| source.name.clone()).collect()
}

fn clocks_outside_their_file(sources: &[Source]) -> Vec<String> {
    let calls = ["::now()", "clock_gettime", "UNIX_EPOCH", "elapsed()"];
    // What the home of the clock offers may be called from anywhere above.
    let is_ours =
        |line: &String| line.contains("clock::now()") || line.contains("ClockPair::now()");
    let others = sources.iter().filter(|source| source.name != "sys/clock.rs");
    let lines = others.flat_map(|source| lines_with(source, &calls));
    lines.filter(|line| !is_ours(line)).collect()
}

/// Returns the circles of files, see [`Files::circles`] for what needs what.
fn circles(sources: &[Source]) -> Vec<Vec<String>> {
    Files::new(sources.iter().map(|source| (source.name.as_str(), source.code.as_str()))).circles()
}

/// Returns the names of the types that a file defines, not inside a function or an `impl`.
fn types_defined(source: &Source) -> Vec<&str> {
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_alphabetic());
    let defined = source.code.lines().filter_map(|line| {
        let line = match line.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
            Some(rest) => rest.strip_prefix(' ')?,
            None => line,
        };
        let line = line.strip_prefix("unsafe ").unwrap_or(line);
        let (keyword, rest) = line.split_once(' ')?;
        let is_type = matches!(keyword, "struct" | "enum" | "trait" | "type" | "union");
        is_type.then(|| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())?
    });
    defined.filter(is_name).collect()
}

/// Returns the type names that two files define: a reader who meets one would have to ask
/// which. The door for tests repeats names, since it opens what stands elsewhere.
fn names_that_stand_twice(sources: &[Source]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.room() != "testing") {
        for name in types_defined(source) {
            places.entry(name).or_default().push(&source.name);
        }
    }
    let twice = places.into_iter().filter(|(_, files)| files.len() > 1);
    twice.map(|(name, files)| format!("{name} stands in {}", files.join(" and "))).collect()
}

#[track_caller]
fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn modules_name_lower_floors_only() {
    none(upward_imports(source::all()));
}

#[test]
fn files_are_in_no_circles() {
    let faults =
        circles(source::all()).into_iter().map(|files| format!("a circle: {}", files.join(", ")));
    none(faults.collect());
}

#[test]
fn no_type_name_stands_twice() {
    none(names_that_stand_twice(source::all()));
}

#[test]
fn every_module_says_what_it_is() {
    for source in source::all() {
        assert!(source.text.starts_with("//! "), "{} begins without a //! doc", source.name);
    }
}

#[test]
fn unsafe_lives_in_sys_only() {
    none(unsafe_outside_sys(source::all()));
}

#[test]
fn clocks_are_read_in_one_file_only() {
    none(clocks_outside_their_file(source::all()));
}

#[test]
fn pure_floors_touch_nothing_outside() {
    none(outside_in_pure_rooms(source::all()));
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("];
    for source in source::all() {
        for (number, line) in source.text.lines().enumerate() {
            for mark in marks {
                assert!(!line.contains(mark), "{}:{}: {line}", source.name, number + 1);
            }
        }
    }
}

/// What stands behind an attribute of tests, but is no test module, is read.
#[test]
fn a_planted_violation_is_found() {
    let planted = "//! A model.\n\n#[cfg(test)]\nuse crate::cli::Error;\n\nfn f() {\n    \
                   let at = std::time::Instant::now();\n    unsafe { g(at) }\n}\n\n\
                   #[cfg(test)]\nmod tests {\n    use crate::tui::App;\n}\n\n\
                   pub(crate) use super::super::machine::{self, Machine};\n";
    let sources = [Source::new("model/planted.rs", planted)];
    assert_eq!(
        upward_imports(&sources),
        [
            "model/planted.rs names cli, which is no lower floor",
            "model/planted.rs names machine, which is no lower floor"
        ]
    );
    let line = ["model/planted.rs: let at = std::time::Instant::now();"];
    assert_eq!(clocks_outside_their_file(&sources), line);
    assert_eq!(outside_in_pure_rooms(&sources), line);
    assert_eq!(unsafe_outside_sys(&sources), ["model/planted.rs"]);
}

#[test]
fn a_planted_circle_is_found() {
    let sources = [
        Source::new("model/mod.rs", "mod a; mod b; pub use a::A;"),
        Source::new("model/a.rs", "#[cfg(test)]\nuse super::tests::x;\nuse super::b::B;"),
        Source::new("model/b.rs", "fn f(a: &crate::model::A) {}\n#[cfg(test)]\nmod t { }"),
    ];
    assert_eq!(circles(&sources), [["model/a.rs", "model/b.rs"]]);
}

/// Aliases and private types count; what a function, an `impl` or a test module has, does not.
#[test]
fn a_planted_second_name_is_found() {
    let sources = [
        Source::new("model/a.rs", "pub struct Socket<'a>(&'a str);\nstruct Seen;\nenum Once {}"),
        Source::new("sys/b.rs", "type Seen = u8;\npub(super) trait Socket {\n    type Once;\n}"),
        Source::new("cli/c.rs", "// struct Seen;\n#[cfg(test)]\nmod tests {\nstruct Once;\n}"),
        Source::new("testing/d.rs", "pub struct Once;"),
    ];
    let expected =
        ["Seen stands in model/a.rs and sys/b.rs", "Socket stands in model/a.rs and sys/b.rs"];
    assert_eq!(names_that_stand_twice(&sources), expected);
}
