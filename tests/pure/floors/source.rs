//! The files below src/.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::circles::module_of;
use super::code::Code;
use super::paths::paths;

/// A file below src/ that is no test.
pub struct Source {
    /// Its path below src/, as in `model/state.rs`.
    pub name: String,
    /// All of its text.
    pub text: String,
    /// Its code, without comments, literals and test modules.
    pub code: String,
    /// The test modules that are files of their own, as the paths of modules.
    tests: Vec<Vec<String>>,
}

impl Source {
    /// Reads the code of a file's text.
    pub fn new(name: &str, text: &str) -> Self {
        let code = Code::of(text);
        let module = module_of(name);
        let below = |test: &String| [module.as_slice(), std::slice::from_ref(test)].concat();
        let tests = code.test_files.iter().map(below).collect();
        Self { name: name.to_owned(), text: text.to_owned(), code: code.text, tests }
    }

    /// Returns the top-level module to which it belongs.
    pub fn room(&self) -> &str {
        room(&self.name)
    }

    /// Tells whether it is of no room: the root of the library or of the program.
    pub fn is_root(&self) -> bool {
        matches!(self.name.as_str(), "lib.rs" | "main.rs")
    }

    /// Returns the top-level modules that its paths begin with, its own too.
    pub fn rooms_named(&self) -> BTreeSet<String> {
        let module = module_of(&self.name);
        let room = |segments: &[String]| match segments.first()?.as_str() {
            "crate" => segments.get(1).cloned(),
            "super" => {
                let supers = segments.iter().take_while(|segment| *segment == "super").count();
                let left = module.len().checked_sub(supers)?;
                module.get(..left)?.first().or(segments.get(supers)).cloned()
            }
            _ => None,
        };
        paths(&self.code).iter().filter_map(|named| room(&named.segments)).collect()
    }
}

/// Returns the top-level module of a file below src/.
pub fn room(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap_or_default()
}

/// Returns every file below src/ that is no test, read once.
pub fn all() -> &'static [Source] {
    static ALL: LazyLock<Vec<Source>> = LazyLock::new(read);
    &ALL
}

fn read() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    let tests: Vec<Vec<String>> = found.iter().flat_map(|file| file.tests.clone()).collect();
    found.retain(|file| {
        let module = module_of(&file.name);
        !tests.iter().any(|test| module.starts_with(test))
    });
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
            let name = path.strip_prefix(root).expect("below src").display().to_string();
            found.push(Source::new(&name, &text));
        }
    }
}
