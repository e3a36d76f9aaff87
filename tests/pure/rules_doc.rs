//! docs/rules.md is what the table of rules says.

use std::collections::BTreeSet;

use sockstate::testing::model::host::{COUNTERS, SYSCTLS};
use sockstate::testing::rules::{RULES, markdown};

const COMMITTED: &str = include_str!("../../docs/rules.md");

#[test]
fn the_committed_document_is_the_generated_one() {
    assert!(
        COMMITTED == markdown(),
        "renew docs/rules.md with `cargo run --release -- rules-doc > docs/rules.md`"
    );
}

#[test]
fn ids_and_thresholds_are_unique() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    for rule in RULES {
        let names: BTreeSet<&str> = rule.thresholds.iter().map(|t| t.name).collect();
        assert_eq!(names.len(), rule.thresholds.len(), "{}", rule.id);
        for threshold in rule.thresholds {
            assert!(!["enabled", "severity", "for", "rule"].contains(&threshold.name));
            assert!(!threshold.help.ends_with('.'), "{}", threshold.help);
        }
        assert!(!rule.evidence.is_empty(), "{} rests on numbers", rule.id);
    }
}

/// Every kernel parameter that a rule's text names is one we know.
#[test]
fn parameters_named_by_rules_are_known() {
    let known: BTreeSet<&str> = SYSCTLS.iter().map(|sysctl| sysctl.name).collect();
    for word in COMMITTED.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_')) {
        let word = word.trim_end_matches('.');
        if word.starts_with("net.") {
            assert!(known.contains(word), "{word}");
        }
    }
    assert!(COUNTERS.iter().any(|counter| counter.name == "ListenOverflows"));
}
