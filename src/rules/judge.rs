//! Every rule's answer about a snapshot.

use std::borrow::Cow;
use std::cmp::Reverse;

use crate::model::snapshot::Snapshot;

use super::alert::Alert;
use super::config::Config;
use super::custom;
use super::level::Level;
use super::verdict::Verdict;

/// Names a rule that could not judge, and says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRule {
    /// The rule's id.
    pub rule: Cow<'static, str>,
    /// The reason.
    pub why: String,
}

/// Holds what is wrong and what could not be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleVerdicts {
    /// Alerts, worst first.
    pub alerts: Vec<Alert>,
    /// Rules that could not judge.
    pub unknown: Vec<UnknownRule>,
}

/// Evaluates every rule that is enabled.
pub fn judge(snapshot: &Snapshot, config: &Config, level: Level) -> RuleVerdicts {
    let mut judged = RuleVerdicts::default();
    for set in config.rules.iter().filter(|set| set.enabled.value) {
        let verdict = (set.rule.check)(snapshot, &set.settings(level));
        let verdict = unless_hidden(verdict, snapshot, |what| set.rule.needs.rest_on(what));
        judged.take(Cow::Borrowed(set.rule.id), verdict);
    }
    for (index, rule) in config.custom.iter().enumerate() {
        let verdict = rule.check(snapshot.counted.get(index).copied(), level);
        let verdict = unless_hidden(verdict, snapshot, |what| custom::INPUTS.contains(&what));
        judged.take(Cow::Owned(rule.id.clone()), verdict);
    }
    judged.alerts.retain_mut(|alert| apply_overrides(alert, config));
    judged.alerts.sort_by_key(|alert| (Reverse(alert.severity), Reverse(alert.count)));
    judged
}

impl RuleVerdicts {
    fn take(&mut self, rule: Cow<'static, str>, verdict: Verdict) {
        match verdict {
            Verdict::Clear => {}
            Verdict::Firing(found) => self.alerts.extend(found),
            Verdict::Unknown(why) => self.unknown.push(UnknownRule { rule, why }),
        }
    }
}

/// Makes unknown what is clear where rows or numbers are missing: that proves
/// nothing. What fires, fires.
fn unless_hidden(
    verdict: Verdict,
    snapshot: &Snapshot,
    rests_on: impl Fn(&str) -> bool,
) -> Verdict {
    let gap = snapshot.gaps.iter().find(|gap| rests_on(gap.what));
    match (verdict, gap) {
        (Verdict::Clear, Some(gap)) => Verdict::Unknown(format!("{}: {}", gap.what, gap.reason)),
        (verdict, _) => verdict,
    }
}

/// Applies severities and exceptions of the configuration; returns `false` where
/// one silences the alert.
fn apply_overrides(alert: &mut Alert, config: &Config) -> bool {
    let Some(set) = config.rules.iter().find(|set| set.rule.id == alert.rule) else { return true };
    if let Some(severity) = set.severity.value {
        alert.severity = severity;
    }
    for special in set.overrides.iter().filter(|o| o.who.selects(&alert.subject)) {
        alert.severity = special.severity.unwrap_or(alert.severity);
    }
    !set.overrides.iter().any(|o| o.disabled && o.who.selects(&alert.subject))
}
