//! The settings of one rule, as its check sees them.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use super::level::{CLEARING_PERCENT, Level};
use super::origin::Set;
use super::overrides::Override;
use super::subject::Subject;
use super::threshold::{Threshold, ThresholdUnit, part_of};

/// Answers what a threshold of the rule is.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'c> {
    thresholds: &'static [Threshold],
    values: &'c [Set<u64>],
    overrides: &'c [Override],
    level: Level,
}

impl<'c> Settings<'c> {
    /// Makes the settings of a rule at a level; `values` are those of its
    /// thresholds, in their order.
    pub(super) fn new(
        thresholds: &'static [Threshold],
        values: &'c [Set<u64>],
        overrides: &'c [Override],
        level: Level,
    ) -> Self {
        Self { thresholds, values, overrides, level }
    }

    /// Returns a threshold's value for a subject.
    pub fn of(&self, threshold: &Threshold, subject: &Subject) -> u64 {
        let special = self.overrides.iter().rev().filter(|o| o.who.selects(subject));
        let value = special
            .flat_map(|o| &o.values)
            .find(|(t, _)| t.name == threshold.name)
            .map(|(_, value)| *value);
        self.scaled(threshold, value.unwrap_or_else(|| self.plain(threshold)))
    }

    /// Returns a threshold's value for everyone without an exception.
    pub fn base(&self, threshold: &Threshold) -> u64 {
        self.scaled(threshold, self.plain(threshold))
    }

    fn plain(&self, threshold: &Threshold) -> u64 {
        let names = self.thresholds.iter().map(|t| t.name);
        let found = names.zip(self.values).find(|(name, _)| *name == threshold.name);
        found.map_or(threshold.default, |(_, set)| set.value)
    }

    fn scaled(&self, threshold: &Threshold, value: u64) -> u64 {
        match (self.level, threshold.unit) {
            (Level::Clearing, ThresholdUnit::Count(_) | ThresholdUnit::Percent) if value > 0 => {
                part_of(value, CLEARING_PERCENT).max(1)
            }
            _ => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Config;
    use crate::rules::origin::Origin;
    use crate::rules::overrides::{Selector, process_pattern};

    #[test]
    fn an_exception_is_for_its_subjects_only() {
        let mut config = Config::default();
        let rule = config.rule_mut("close-wait-leak").expect("there is one");
        let threshold = &rule.rule.thresholds[0];
        rule.overrides.push(Override {
            who: Selector { process: process_pattern("java*"), ..Selector::default() },
            values: vec![(threshold, 200)],
            severity: None,
            disabled: false,
            origin: Origin::Default,
            text: String::new(),
        });
        let process = |comm: &str| Subject::Process { pid: 1, comm: comm.to_owned() };
        let settings = rule.settings(Level::Firing);
        assert_eq!(settings.of(threshold, &process("java-17")), 200);
        assert_eq!(settings.of(threshold, &process("nginx")), threshold.default);
        let clearing = rule.settings(Level::Clearing);
        assert_eq!(clearing.of(threshold, &process("java")), 150);
    }
}
