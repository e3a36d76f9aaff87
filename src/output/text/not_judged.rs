//! Which rules could not judge, and why.

use std::collections::BTreeMap;

use crate::model::human;
use crate::rules::UnknownRule;

/// Rules with one reason are named as far as they are so many; more are counted.
const NAMED: usize = 4;

/// Says in a line a reason which rules could not judge; one line says that all
/// could.
pub fn not_judged(unknown: &[UnknownRule]) -> Vec<String> {
    if unknown.is_empty() {
        return vec!["every rule is judged".to_owned()];
    }
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for UnknownRule { rule, why } in unknown {
        by_reason.entry(why).or_default().push(rule);
    }
    let line = |(why, rules): (&str, Vec<&str>)| {
        let named = rules.len() <= NAMED;
        let rules =
            if named { rules.join(", ") } else { human::plural(rules.len() as u64, "rule") };
        format!("not judged: {rules}: {why}")
    };
    by_reason.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_with_one_reason_share_a_line() {
        let unknown =
            |rule: &'static str, why: &str| UnknownRule { rule: rule.into(), why: why.into() };
        let some = [unknown("a", "no x"), unknown("b", "no y"), unknown("c", "no x")];
        assert_eq!(not_judged(&some), ["not judged: a, c: no x", "not judged: b: no y"]);
        let many = ["a", "b", "c", "d", "e"].map(|rule| unknown(rule, "no x"));
        assert_eq!(not_judged(&many), ["not judged: 5 rules: no x"]);
        assert_eq!(not_judged(&[]), ["every rule is judged"]);
    }
}
