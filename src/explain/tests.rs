//! Every name has a page, every page is sound.

use std::collections::HashSet;

use crate::model::host::{COUNTERS, Host, SYSCTLS};
use crate::model::snapshot::StateCounts;
use crate::model::state::{State, TCP_STATES};
use crate::rules::RULES;

use super::fill::state;
use super::*;

/// What nobody should be told to do, by the words that name it. Such words may
/// stand under "What does not help" only.
const WRONG_CURES: [(&str, &[&str]); 8] = [
    ("tcp_fin_timeout", &["lower", "reduce", "decrease", "setting"]),
    ("tcp_tw_recycle", &["set", "enable", "turn on"]),
    ("tcp_keepalive_time", &["lower", "reduce"]),
    ("tcp_max_tw_buckets", &["lower", "reduce"]),
    ("tcp_max_syn_backlog", &["raise", "raising", "larger", "increase"]),
    ("so_linger", &["to avoid", "as a cure"]),
    ("somaxconn", &["raising"]),
    ("syncookies", &["to 0", "turn off", "disable"]),
];

const NO_HELP: &str = "What does not help";

/// Every piece of text of a page: (heading, text).
fn texts(page: &Page) -> Vec<(&str, &str)> {
    let sections = page.sections.iter();
    sections
        .flat_map(|s| s.blocks.iter().map(|b| (s.heading.as_str(), b.text())))
        .chain([("", page.title.as_str())])
        .collect()
}

fn has_page(name: &str) -> bool {
    find(name).is_ok()
}

fn page(name: &str) -> &'static Page {
    find(name).unwrap_or_else(|_| panic!("{name} has no page"))
}

#[test]
fn every_state_rule_parameter_and_counter_has_a_page_of_its_own() {
    for state in TCP_STATES.into_iter().chain([State::Bound]) {
        let found = page(&state.to_string());
        assert_eq!(
            (found.group, &found.name),
            (PageGroup::State, &state.to_string().to_lowercase().replace('_', "-"))
        );
    }
    for rule in RULES {
        assert_eq!((page(rule.id).group, page(rule.id).name.as_str()), (PageGroup::Rule, rule.id));
    }
    for sysctl in SYSCTLS {
        assert_eq!(page(sysctl.name).name, sysctl.name);
    }
    for counter in COUNTERS {
        let name = format!("{}.{}", counter.group, counter.name);
        assert_eq!(page(&name).name, name);
    }
    let count = |group| topics().iter().filter(|page| page.group == group).count();
    assert_eq!((count(PageGroup::State), count(PageGroup::Rule)), (12, RULES.len()));
}

#[test]
fn every_spelling_leads_to_the_page() {
    for (spelling, name) in [
        ("CLOSE_WAIT", "close-wait"),
        ("closewait", "close-wait"),
        ("FIN-WAIT-1", "fin-wait1"),
        ("estab", "established"),
        ("syn_rcvd", "syn-recv"),
        ("unconn", "close"),
        ("close", "close"),
        ("closed", "close"),
        ("four way close", "four-way-close"),
        ("2MSL", "time-wait"),
        ("Close_Wait_Leak", "close-wait-leak"),
        ("tcp_fin_timeout", "net.ipv4.tcp_fin_timeout"),
        ("net/ipv4/tcp_fin_timeout", "net.ipv4.tcp_fin_timeout"),
        ("/proc/sys/net/ipv4/tcp_fin_timeout", "net.ipv4.tcp_fin_timeout"),
        ("somaxconn", "net.core.somaxconn"),
        ("listenoverflows", "TcpExt.ListenOverflows"),
        ("TcpExtListenOverflows", "TcpExt.ListenOverflows"),
        ("TCP.mem", "TCP.mem"),
        ("tcp_mem", "net.ipv4.tcp_mem"),
        ("tcp-memory", "tcp-memory"),
        ("tw", "TcpExt.TW"),
        ("rst", "reset"),
        ("diagram", "diagram"),
    ] {
        assert_eq!(page(spelling).name, name, "{spelling}");
    }
}

#[test]
fn no_name_and_no_alias_hides_another() {
    let mut seen = HashSet::new();
    for page in topics() {
        assert!(seen.insert(page.name.to_lowercase()), "{} twice", page.name);
        assert_eq!(super::tests::page(&page.name).name, page.name, "found by its own name");
    }
    let by_hand =
        topics().iter().filter(|p| !matches!(p.group, PageGroup::Sysctl | PageGroup::Counter));
    for page in by_hand {
        for alias in &page.aliases {
            assert_eq!(super::tests::page(alias).name, page.name, "{alias}");
        }
    }
}

#[test]
fn an_unknown_name_gets_the_nearest() {
    for (wrong, near) in [
        ("fin_timout", "net.ipv4.tcp_fin_timeout"),
        ("clsoe-wait", "close-wait"),
        ("overflow", "accept-queue-overflow"),
        ("keepalives", "keepalive"),
    ] {
        let nearest = find(wrong).expect_err(wrong).nearest;
        assert!(nearest.contains(&near), "{wrong}: {nearest:?}");
    }
    assert!(!find("").expect_err("no name").nearest.is_empty());
    assert!(!find("ζ").expect_err("no name").nearest.is_empty());
}

#[test]
fn links_and_numbers_lead_somewhere() {
    for page in topics() {
        for name in &page.see {
            assert!(has_page(name), "{}: see {name}", page.name);
            assert_ne!(super::tests::page(name).name, page.name, "a page points to itself");
        }
        for now in &page.now {
            let found = super::tests::page(&now.name);
            let fits =
                matches!(found.group, PageGroup::State | PageGroup::Sysctl | PageGroup::Counter);
            assert!(fits, "{}: now {}", page.name, now.name);
        }
    }
}

/// The words of a text, without the marks around them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.split(move |c| !inside(c)).map(|word| word.trim_matches(['.', '-']))
}

/// Whether a word is written as the kernel writes a counter: `ListenDrops`.
fn is_counter(word: &str) -> bool {
    let pairs = || word.as_bytes().windows(2);
    word.len() > 5
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
        && pairs().any(|p| p[0].is_ascii_lowercase() && p[1].is_ascii_uppercase())
}

fn is_state(word: &str) -> bool {
    word.contains('_')
        && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && !["SO_", "TCP_", "IP_", "SHUT_"].iter().any(|prefix| word.starts_with(prefix))
}

fn is_rule(word: &str) -> bool {
    RULES.iter().any(|rule| rule.id == word)
}

#[test]
fn everything_that_is_named_has_a_page() {
    let helps = SYSCTLS.iter().map(|s| s.help).chain(COUNTERS.iter().map(|c| c.help));
    let pages = topics().iter().flat_map(|page| texts(page).into_iter().map(|(_, text)| text));
    for text in helps.chain(pages) {
        for word in words(text) {
            let parameter = word.starts_with("net.") || word.starts_with("tcp_");
            if parameter || is_counter(word) || is_state(word) || is_rule(word) {
                assert!(has_page(word), "{word} has no page: {text}");
            }
        }
    }
}

#[test]
fn every_page_has_its_sections() {
    let of_state = [
        "What it is",
        "Who moves it on",
        "How long it lasts",
        "Why it piles up",
        "What helps",
        NO_HELP,
    ];
    let of_rule = ["What it means", "What to look at", "What helps", NO_HELP];
    for page in topics() {
        let headings: Vec<&str> = page.sections.iter().map(|s| s.heading.as_str()).collect();
        match page.group {
            PageGroup::State => assert_eq!(headings, of_state, "{}", page.name),
            PageGroup::Rule => assert_eq!(headings, of_rule, "{}", page.name),
            _ => assert!(!headings.is_empty(), "{}", page.name),
        }
        let named = page.title.starts_with("unknown key") || page.title.is_empty();
        assert!(!named, "{}: {}", page.name, page.title);
        assert!(page.sections.iter().all(|s| !s.blocks.is_empty()), "{}: empty", page.name);
        for (_, text) in texts(page) {
            assert!(text.is_ascii(), "{}: {text}", page.name);
            assert!(!text.contains("  ") && text == text.trim(), "{}: {text}", page.name);
            assert!(text.matches('`').count() % 2 == 0, "{}: {text}", page.name);
        }
    }
}

/// The wrong cure that a text tells, in one clause of it.
fn wrong_cure(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    // A full stop inside a parameter's name ends no clause.
    let clauses = text.split(". ").flat_map(|sentence| sentence.split([';', ':', ',', '(']));
    let tells = |clause: &str, what: &str, verbs: &[&str]| {
        clause.contains(what) && verbs.iter().any(|verb| clause.contains(verb))
    };
    let mut found = clauses.filter_map(|clause| {
        WRONG_CURES.iter().find(|(what, verbs)| tells(clause, what, verbs)).map(|(what, _)| *what)
    });
    found.next()
}

#[test]
fn no_wrong_cure_is_told_as_help() {
    for page in topics() {
        for (heading, text) in texts(page) {
            let told = wrong_cure(text).filter(|_| heading != NO_HELP);
            assert_eq!(told, None, "{}, {heading}: {text}", page.name);
        }
    }
    // The list finds what it is for: most pages refuse one of these cures.
    let refused = topics().iter().flat_map(texts).filter(|(heading, _)| *heading == NO_HELP);
    let found: HashSet<&str> = refused.filter_map(|(_, text)| wrong_cure(text)).collect();
    assert_eq!(found.len(), WRONG_CURES.len(), "{found:?}");
}

#[test]
fn placeholders_are_filled_and_absent_numbers_told() {
    let mut counts = StateCounts::default();
    (0..1200).for_each(|_| counts.add(State::CloseWait));
    let mut host = Host::default();
    assert!(host.sysctls.set("net.ipv4.tcp_fin_timeout", b"60\n"));
    assert!(host.sysctls.set("net.ipv4.ip_local_port_range", b"32768\t60999\n"));
    assert!(host.sysctls.set("net.ipv4.ip_local_reserved_ports", b"\n"));
    let known = Known { counts: Some(&counts), host: &host };
    let value = |page: &Page, name: &str| {
        let now = page.now.iter().find(|now| now.name == name).map(|now| now.value.clone());
        now.unwrap_or_else(|| panic!("{name} is not shown"))
    };
    let page = page("close-wait").fill(&known);
    assert_eq!(value(&page, "CLOSE_WAIT").as_deref(), Some("1,200 sockets"));
    assert_eq!(value(&page, "CurrEstab"), None);
    let page = super::tests::page("ports").fill(&known);
    let range = value(&page, "net.ipv4.ip_local_port_range");
    assert_eq!(range.as_deref(), Some("32768-60999"));
    let reserved = value(&page, "net.ipv4.ip_local_reserved_ports");
    assert_eq!(reserved.as_deref(), Some("none"));
    let page = super::tests::page("fin-wait2").fill(&known);
    let long = page.sections.iter().find(|s| s.heading == "How long it lasts");
    let text = long.and_then(|s| s.blocks.first()).map(Block::text).unwrap_or_default();
    assert!(text.contains("now 60 s"), "{text}");
    let nothing = Known { counts: None, host: &Host::default() };
    for page in topics() {
        let filled = page.fill(&nothing);
        for (_, text) in texts(&filled) {
            assert!(!text.contains(['{', '}']), "{}: {text}", page.name);
        }
        assert!(filled.now.iter().all(|now| now.value.is_none()), "{}", page.name);
    }
}

/// A placeholder that is misspelled would read as not known for ever.
#[test]
fn every_placeholder_names_something() {
    for page in topics() {
        for (_, text) in texts(page) {
            for inside in text.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                let fits = match inside.split_once(':') {
                    Some(("count", name)) => state(name).is_some(),
                    Some(("sysctl", name)) => SYSCTLS.iter().any(|sysctl| sysctl.name == name),
                    _ => false,
                };
                assert!(fits, "{}: {{{inside}}}", page.name);
            }
        }
    }
}

#[test]
fn the_picture_shows_every_state_with_its_count() {
    let mut counts = StateCounts::default();
    for (i, state) in TCP_STATES.into_iter().enumerate() {
        (0..=i * 1000).for_each(|_| counts.add(state));
    }
    let picture = diagram(Some(&counts));
    assert!(picture.lines().all(|line| line.len() <= 80 && line == line.trim_end()));
    let lines: Vec<&str> = picture.lines().collect();
    for state in TCP_STATES {
        let name = state.to_string();
        // In its box: a bar, the name, a bar; the number stands right below.
        let boxed = |line: &&str| line.split('|').any(|part| part.trim() == name);
        let at = lines.iter().position(boxed).expect("a box");
        let column = lines[at].find(&name).expect("the name");
        let cell = lines[at + 1][..column + 6].rsplit('|').next().map(str::len);
        let below = &lines[at + 1][column + 6 - cell.unwrap_or(0)..];
        let number = crate::model::human::count(counts.get(state));
        assert!(
            below.split('|').next().is_some_and(|cell| cell.trim() == number),
            "{name}: {below}"
        );
    }
    assert_eq!(diagram(None).matches('?').count(), 11);
}
