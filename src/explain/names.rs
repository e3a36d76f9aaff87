//! From a name, however it is spelled, to its page.

use std::sync::LazyLock;

use crate::model::state::StateSet;

use super::page::{Page, PageGroup};
use super::{parse, tables};

static PAGES: LazyLock<Vec<Page>> = LazyLock::new(all);

/// Limits the names that are offered when one is not known.
const NEAREST: usize = 4;

/// Returns every page, in the order of the list of topics.
pub fn topics() -> &'static [Page] {
    &PAGES
}

/// Says that a name has no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The names most like it.
    pub nearest: Vec<&'static str>,
}

/// Returns the page that a name leads to: a state in any spelling, a rule, a topic,
/// a parameter with or without `net.ipv4.`, a counter with or without its group.
///
/// # Errors
/// When no page has the name, with the names most like it.
pub fn find(name: &str) -> Result<&'static Page, UnknownName> {
    if let Some(page) = page_of_state(name) {
        return Ok(page);
    }
    let wanted = plain(name);
    let by_name = PAGES.iter().find(|page| plain(&page.name) == wanted);
    let by_alias = || PAGES.iter().find(|page| page.aliases.iter().any(|a| plain(a) == wanted));
    by_name.or_else(by_alias).ok_or_else(|| UnknownName { nearest: nearest(&wanted) })
}

fn all() -> Vec<Page> {
    let states = parse::pages(include_str!("pages/states.txt"), PageGroup::State);
    let topics = parse::pages(include_str!("pages/topics.txt"), PageGroup::Topic);
    let mut pages: Vec<Page> = states.chain(tables::rules()).chain(topics).collect();
    let mut made: Vec<Page> = tables::sysctls().chain(tables::counters()).collect();
    for page in &mut made {
        page.see = told_by(&pages, &page.name);
    }
    pages.append(&mut made);
    pages
}

/// Returns the pages that show a parameter's or counter's number.
fn told_by(pages: &[Page], name: &str) -> Vec<String> {
    let bare = name.rsplit('.').next().unwrap_or(name);
    let is_it = |shown: &str| shown == name || shown == bare;
    let tells = |page: &&Page| page.now.iter().any(|now| is_it(&now.name));
    pages.iter().filter(tells).map(|page| page.name.clone()).collect()
}

fn page_of_state(name: &str) -> Option<&'static Page> {
    let set = StateSet::parse(name)?;
    let is_it = |page: &&Page| {
        let only = StateSet::parse(&page.name);
        page.group == PageGroup::State && only == Some(set)
    };
    PAGES.iter().find(is_it)
}

/// Writes a name in lower case, without separators. The dot stays: `TCP.mem` is a
/// counter, `tcp_mem` a parameter.
fn plain(name: &str) -> String {
    let letters = name.trim().chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '(' | ')'));
    letters.map(|c| if c == '/' { '.' } else { c.to_ascii_lowercase() }).collect()
}

fn nearest(wanted: &str) -> Vec<&'static str> {
    let mut scored: Vec<(usize, &'static str)> = PAGES
        .iter()
        .filter_map(|page| {
            let names = std::iter::once(&page.name).chain(&page.aliases);
            let best = names.map(|name| unlike(wanted, &plain(name))).min()?;
            Some((best, page.name.as_str()))
        })
        .collect();
    scored.sort_by_key(|(score, _)| *score);
    scored.into_iter().take(NEAREST).map(|(_, name)| name).collect()
}

/// Measures how little two names have in common: 0 when one is a part of the
/// other, else the letters to change (Levenshtein).
fn unlike(wanted: &str, name: &str) -> usize {
    if wanted.len() >= 3 && (name.contains(wanted) || wanted.contains(name)) {
        return 0;
    }
    let wanted: Vec<char> = wanted.chars().collect();
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (i, letter) in name.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in wanted.iter().enumerate() {
            let change = diagonal + usize::from(*other != letter);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[wanted.len()]
}
