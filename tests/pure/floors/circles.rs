//! Which file needs which, and the circles that they make.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::{Named, paths};

/// Returns the module that a file below src/ is: `a/b.rs` is `a::b`, `a/mod.rs` is `a`.
pub fn module_of(file: &str) -> Vec<String> {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    let stem = if matches!(stem, "lib" | "main") { "" } else { stem };
    stem.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Files by the modules that they are, each with the paths that it names.
pub struct Files {
    modules: BTreeMap<Vec<String>, (String, Vec<Named>)>,
}

/// How many re-exports are followed from one name to where it is defined.
const MOST_REEXPORTS: usize = 8;

impl Files {
    /// Takes files below src/ and their code without tests, comments and literals.
    pub fn new<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let modules = files
            .into_iter()
            .map(|(file, code)| (module_of(file), (file.to_owned(), paths(code))))
            .collect();
        Self { modules }
    }

    /// Returns the circles, each with the files in it by name.
    ///
    /// A file needs another when it imports or names something that stands there,
    /// wherever it was re-exported on the way. `pub use` alone needs nothing: a mod.rs
    /// that only gives on what its children define is in no circle with them, one that
    /// defines what they use and calls them is.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let needs: BTreeMap<&str, BTreeSet<String>> = self
            .modules
            .iter()
            .map(|(module, (file, named))| (file.as_str(), self.needs(module, file, named)))
            .collect();
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            needs.keys().map(|file| (*file, reach(&needs, file))).collect();
        let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
        for (file, there) in reached.iter().filter(|(file, there)| there.contains(*file)) {
            let both = there.iter().filter(|other| reached[**other].contains(file));
            circles.insert(both.map(|name| (*name).to_owned()).collect());
        }
        circles.into_iter().collect()
    }

    /// Returns the files that define what a file names.
    fn needs(&self, module: &[String], file: &str, named: &[Named]) -> BTreeSet<String> {
        named
            .iter()
            .filter(|named| !named.is_reexport)
            .filter_map(|named| self.definition(module, &named.segments, MOST_REEXPORTS))
            .map(|there| self.modules[&there].0.clone())
            .filter(|there| there != file)
            .collect()
    }

    /// Returns the module in which what a path names is defined, if it is one of ours.
    fn definition(
        &self,
        module: &[String],
        segments: &[String],
        left: usize,
    ) -> Option<Vec<String>> {
        let (mut at, segments) = self.start(module, segments, left)?;
        for segment in segments {
            let child = [at.as_slice(), std::slice::from_ref(segment)].concat();
            if self.modules.contains_key(&child) {
                at = child;
            } else {
                return Some(self.given_on(&at, segment, left).unwrap_or(at));
            }
        }
        Some(at)
    }

    /// Returns where a path begins, and the segments that are left to follow.
    fn start<'s>(
        &self,
        module: &[String],
        segments: &'s [String],
        left: usize,
    ) -> Option<(Vec<String>, &'s [String])> {
        let (first, rest) = segments.split_first()?;
        match first.as_str() {
            "crate" => Some((Vec::new(), rest)),
            "self" => Some((module.to_vec(), rest)),
            "super" => {
                let supers = segments.iter().take_while(|segment| *segment == "super").count();
                let at = module.get(..module.len().checked_sub(supers)?)?;
                Some((at.to_vec(), &segments[supers..]))
            }
            name => {
                let child = [module, std::slice::from_ref(first)].concat();
                if self.modules.contains_key(&child) {
                    return Some((child, rest));
                }
                // What the first segment was imported as; only a module has something below.
                let imported = self.imports(module).find(|n| n.binding.as_deref() == Some(name))?;
                let own = imported.segments == segments;
                let there = self.definition(module, &imported.segments, left.checked_sub(1)?)?;
                (!own && there.last() == imported.segments.last()).then_some((there, rest))
            }
        }
    }

    /// Returns the module from which another one has a name that it does not define.
    fn given_on(&self, module: &[String], name: &str, left: usize) -> Option<Vec<String>> {
        let left = left.checked_sub(1)?;
        let exact = self.imports(module).find(|named| named.binding.as_deref() == Some(name));
        if let Some(named) = exact {
            return self.definition(module, &named.segments, left);
        }
        None
    }

    fn imports(&self, module: &[String]) -> impl Iterator<Item = &Named> {
        let named = self.modules.get(module).map(|(_, named)| named.as_slice());
        named.unwrap_or_default().iter().filter(|named| named.binding.is_some())
    }
}

/// Every file that one needs, directly or through others.
fn reach<'f>(needs: &'f BTreeMap<&str, BTreeSet<String>>, from: &str) -> BTreeSet<&'f str> {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for next in needs.get(file).into_iter().flatten() {
            if found.insert(next) {
                open.push(next);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        Files::new(files.iter().copied()).circles()
    }

    #[test]
    fn a_planted_circle_is_found() {
        let found = circles(&[
            ("a/mod.rs", "mod b; mod c; mod d; mod e;"),
            ("a/b.rs", "use super::c::C;"),
            ("a/c.rs", "fn f() -> crate::a::d::D {}"),
            ("a/d.rs", "use super::b::{B, Other};"),
            ("a/e.rs", "use super::b::B;"),
        ]);
        assert_eq!(found, [["a/b.rs", "a/c.rs", "a/d.rs"]]);
    }

    #[test]
    fn a_mod_that_only_gives_on_is_in_no_circle() {
        let apart = [
            ("a/mod.rs", "mod b; mod c; pub use b::B; pub use c::C;"),
            ("a/b.rs", ""),
            ("a/c.rs", "use super::B;"),
        ];
        assert_eq!(circles(&apart), Vec::<Vec<String>>::new());
        let both_ways = [apart[0], ("a/b.rs", "use crate::a::C;"), apart[2]];
        assert_eq!(circles(&both_ways), [["a/b.rs", "a/c.rs"]]);
    }

    #[test]
    fn a_parent_that_calls_what_needs_it_is_in_a_circle() {
        let found = circles(&[
            ("a.rs", "mod b; struct A; fn f() { b::run() }"),
            ("a/b.rs", "use super::A; fn run() {}"),
        ]);
        assert_eq!(found, [["a.rs", "a/b.rs"]]);
    }

    #[test]
    fn a_module_that_was_imported_leads_on() {
        let found = circles(&[
            ("a/mod.rs", "mod b; mod c;"),
            ("a/b.rs", "use super::c; fn f() { c::g() }"),
            ("a/c.rs", "use crate::a::b; fn g() { b::f() }"),
        ]);
        assert_eq!(found, [["a/b.rs", "a/c.rs"]]);
    }
}
