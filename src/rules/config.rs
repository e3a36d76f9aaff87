//! The settings of every rule, as files and flags leave them.

use super::catalogue::RULES;
use super::custom::CustomRule;
use super::level::Level;
use super::needs::Needs;
use super::origin::{Origin, Set};
use super::overrides::Override;
use super::rule::Rule;
use super::settings::Settings;
use super::severity::Severity;

/// Holds every rule's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The rules of the catalogue, in its order.
    pub rules: Vec<RuleConfig>,
    /// Custom rules, in the order they were given.
    pub custom: Vec<CustomRule>,
}

/// Holds the settings of one rule of the catalogue.
#[derive(Clone, Debug)]
pub struct RuleConfig {
    /// The rule.
    pub rule: &'static Rule,
    /// It is evaluated at all.
    pub enabled: Set<bool>,
    /// A severity for all its alerts.
    pub severity: Set<Option<Severity>>,
    /// The time for which its condition must hold before it fires, milliseconds.
    /// Unless it is set that is at once: most conditions have an age of their own.
    pub hold_ms: Set<u64>,
    /// A value for each of the rule's thresholds, in their order.
    pub values: Vec<Set<u64>>,
    /// Exceptions for some subjects; a later one wins.
    pub overrides: Vec<Override>,
}

impl Default for Config {
    fn default() -> Self {
        Self { rules: RULES.iter().map(RuleConfig::new).collect(), custom: Vec::new() }
    }
}

impl Config {
    /// Returns the settings of a rule of the catalogue.
    pub fn rule_mut(&mut self, id: &str) -> Option<&mut RuleConfig> {
        self.rules.iter_mut().find(|set| set.rule.id == id)
    }

    /// Tells whether an id names a rule of the catalogue or a custom one.
    pub fn knows(&self, id: &str) -> bool {
        self.rules.iter().any(|set| set.rule.id == id) || self.custom.iter().any(|r| r.id == id)
    }

    /// Returns the ids of all rules in force.
    pub fn enabled(&self) -> impl Iterator<Item = &str> {
        let enabled = self.rules.iter().filter(|rule| rule.enabled.value);
        enabled.map(|rule| rule.rule.id).chain(self.custom.iter().map(|rule| rule.id.as_str()))
    }

    /// Returns what the rules in force need.
    pub fn needs(&self) -> Needs {
        let enabled = self.rules.iter().filter(|rule| rule.enabled.value);
        enabled.fold(Needs::NONE, |needs, rule| needs.union(rule.rule.needs))
    }

    /// Makes every rule fire at the first look: that is all there is to say of
    /// how long something holds.
    pub fn hold_nothing(&mut self) {
        self.rules.iter_mut().for_each(|rule| rule.hold_ms.value = 0);
        self.custom.iter_mut().for_each(|rule| rule.hold_ms = 0);
    }

    /// Returns how long a rule's condition must hold before it fires.
    pub fn hold_ms(&self, id: &str) -> u64 {
        let ours = self.rules.iter().find(|set| set.rule.id == id).map(|set| set.hold_ms.value);
        let custom = || self.custom.iter().find(|rule| rule.id == id).map(|rule| rule.hold_ms);
        ours.or_else(custom).unwrap_or(0)
    }
}

impl RuleConfig {
    fn new(rule: &'static Rule) -> Self {
        Self {
            rule,
            enabled: Set::new(true, Origin::Default),
            severity: Set::default(),
            hold_ms: Set::default(),
            values: rule.thresholds.iter().map(|t| Set::new(t.default, Origin::Default)).collect(),
            overrides: Vec::new(),
        }
    }

    /// Returns the settings as the rule's check sees them at a level.
    pub fn settings(&self, level: Level) -> Settings<'_> {
        Settings::new(self.rule.thresholds, &self.values, &self.overrides, level)
    }
}
