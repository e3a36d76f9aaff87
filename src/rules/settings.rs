//! What a rule may be told: thresholds as a table, and where each value came
//! from.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::fmt;

use crate::filter::{Case, Expr, Glob, Predicate, parse};
use crate::model::human;

use super::own::OwnRule;
use super::{RULES, Rule, Severity, Subject};

/// What a threshold's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// So many of this.
    Count(&'static str),
    /// Percent of a limit.
    Percent,
    /// Milliseconds; written `60s`, `5m`, `500ms`.
    Time,
}

/// One number of a rule that can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Its name in rules.toml.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Its value when nobody says otherwise.
    pub default: u64,
    /// What is meant, one clause.
    pub help: &'static str,
}

/// An alert that fires ends only below this part of its threshold, in percent:
/// a value that dances around the threshold does not flap.
pub const CLEARING_PERCENT: u64 = 75;

impl Threshold {
    /// So many of `what`.
    pub const fn count(
        name: &'static str,
        what: &'static str,
        default: u64,
        help: &'static str,
    ) -> Self {
        Self { name, unit: Unit::Count(what), default, help }
    }

    /// A part of a limit.
    pub const fn percent(name: &'static str, default: u64, help: &'static str) -> Self {
        Self { name, unit: Unit::Percent, default, help }
    }

    /// A time in milliseconds.
    pub const fn time(name: &'static str, default: u64, help: &'static str) -> Self {
        Self { name, unit: Unit::Time, default, help }
    }

    /// A value of it as it stands in rules.toml.
    pub fn shown(&self, value: u64) -> String {
        match self.unit {
            Unit::Count(_) | Unit::Percent => value.to_string(),
            Unit::Time => format!("\"{}\"", time_text(value)),
        }
    }
}

/// A time in the largest unit that leaves it whole: `60s` is `1m`.
pub fn time_text(ms: u64) -> String {
    match ms {
        0 => "0s".to_owned(),
        ms if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        ms if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        ms if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// The reverse of [`time_text`]; a number alone is seconds.
pub fn parse_time(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let factor = match unit.trim() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Where a value came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The program.
    #[default]
    Default,
    /// A line of a file.
    File {
        /// The file.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Set<T> {
    /// A value with its origin.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

/// The settings of one rule.
#[derive(Clone, Debug)]
pub struct RuleConfig {
    /// The rule.
    pub rule: &'static Rule,
    /// Whether it is evaluated at all.
    pub enabled: Set<bool>,
    /// A severity for all its alerts.
    pub severity: Set<Option<Severity>>,
    /// How long its condition must hold before it fires, milliseconds.
    pub hold_ms: Set<u64>,
    /// A value for each of the rule's thresholds, in their order.
    pub values: Vec<Set<u64>>,
    /// Exceptions for some subjects; a later one wins.
    pub overrides: Vec<Override>,
}

/// Which subjects an exception is for; all of what is given must fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// Name of a process.
    pub process: Option<Glob>,
    /// Port of the listener, or of the destination.
    pub port: Option<u16>,
    /// Address of the listener, or of the destination.
    pub address: Option<crate::model::address::Address>,
}

/// An exception for some subjects.
#[derive(Clone, Debug)]
pub struct Override {
    /// Whom it is for.
    pub who: Selector,
    /// The thresholds it sets.
    pub values: Vec<(&'static Threshold, u64)>,
    /// The severity it sets.
    pub severity: Option<Severity>,
    /// Whether it silences.
    pub disabled: bool,
    /// Where it stands.
    pub origin: Origin,
    /// Its selector as it was written.
    pub text: String,
}

/// Every rule's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The rules of the catalogue, in its order.
    pub rules: Vec<RuleConfig>,
    /// Own rules, in the order they were given.
    pub own: Vec<OwnRule>,
}

impl Default for Config {
    fn default() -> Self {
        Self { rules: RULES.iter().map(RuleConfig::new).collect(), own: Vec::new() }
    }
}

impl Config {
    /// The settings of a rule of the catalogue.
    pub fn rule_mut(&mut self, id: &str) -> Option<&mut RuleConfig> {
        self.rules.iter_mut().find(|config| config.rule.id == id)
    }

    /// Whether an id names a rule of the catalogue or an own one.
    pub fn knows(&self, id: &str) -> bool {
        self.rules.iter().any(|r| r.rule.id == id) || self.own.iter().any(|r| r.id == id)
    }

    /// How long a rule's condition must hold before it fires.
    pub fn hold_ms(&self, id: &str) -> u64 {
        let ours = self.rules.iter().find(|r| r.rule.id == id).map(|r| r.hold_ms.value);
        let own = || self.own.iter().find(|r| r.id == id).map(|r| r.hold_ms);
        ours.or_else(own).unwrap_or(0)
    }
}

impl RuleConfig {
    fn new(rule: &'static Rule) -> Self {
        Self {
            rule,
            enabled: Set::new(true, Origin::Default),
            severity: Set::default(),
            hold_ms: Set::new(rule.hold_ms, Origin::Default),
            values: rule.thresholds.iter().map(|t| Set::new(t.default, Origin::Default)).collect(),
            overrides: Vec::new(),
        }
    }
}

/// The pattern of a process name, as the filter language has it.
pub fn process_pattern(text: &str) -> Option<Glob> {
    match parse(&format!("process {text}")) {
        Ok(Some(Expr::Is(Predicate::Process(glob)))) => Some(glob),
        _ => None,
    }
}

impl Selector {
    /// Whether it selects a subject.
    pub fn selects(&self, subject: &Subject) -> bool {
        self.selects_process(subject) && self.selects_place(subject)
    }

    fn selects_process(&self, subject: &Subject) -> bool {
        let Some(glob) = &self.process else { return true };
        match subject {
            Subject::Process { comm, .. } => glob.matches(comm, Case::Sensitive),
            other => other.processes().iter().any(|(_, comm)| glob.matches(comm, Case::Sensitive)),
        }
    }

    fn selects_place(&self, subject: &Subject) -> bool {
        let end = match subject {
            Subject::Listener { local, .. } | Subject::Socket { local, .. } => Some(*local),
            Subject::Destination(end) => Some(*end),
            Subject::Ports { destination, .. } => Some(*destination),
            _ => None,
        };
        let port = self.port.is_none_or(|port| end.is_some_and(|end| end.port == port));
        let address = self.address.is_none_or(|a| end.is_some_and(|end| end.address == a));
        port && address
    }
}

/// Which side of the hysteresis is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What fires that did not.
    Firing,
    /// What goes on firing that did.
    Clearing,
}

/// The settings of one rule, as its check sees them.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'c> {
    config: &'c RuleConfig,
    level: Level,
}

impl<'c> Settings<'c> {
    /// The settings of a rule at a level.
    pub fn new(config: &'c RuleConfig, level: Level) -> Self {
        Self { config, level }
    }

    /// A threshold's value for a subject.
    pub fn of(&self, threshold: &Threshold, subject: &Subject) -> u64 {
        let special = self.config.overrides.iter().rev().filter(|o| o.who.selects(subject));
        let value = special
            .flat_map(|o| &o.values)
            .find(|(t, _)| t.name == threshold.name)
            .map(|(_, value)| *value);
        self.scaled(threshold, value.unwrap_or_else(|| self.plain(threshold)))
    }

    /// A threshold's value for everyone without an exception.
    pub fn base(&self, threshold: &Threshold) -> u64 {
        self.scaled(threshold, self.plain(threshold))
    }

    /// The severity of a count between two thresholds; `None` below both.
    pub fn severity(
        &self,
        count: u64,
        warn: &Threshold,
        critical: &Threshold,
        subject: &Subject,
    ) -> Option<Severity> {
        let warned = count >= self.of(warn, subject);
        let severe = count >= self.of(critical, subject);
        warned.then_some(if severe { Severity::Critical } else { Severity::Warning })
    }

    fn plain(&self, threshold: &Threshold) -> u64 {
        let names = self.config.rule.thresholds.iter().map(|t| t.name);
        let found = names.zip(&self.config.values).find(|(name, _)| *name == threshold.name);
        found.map_or(threshold.default, |(_, set)| set.value)
    }

    fn scaled(&self, threshold: &Threshold, value: u64) -> u64 {
        match (self.level, threshold.unit) {
            (Level::Clearing, Unit::Count(_) | Unit::Percent) if value > 0 => {
                part_of(value, CLEARING_PERCENT).max(1)
            }
            _ => value,
        }
    }
}

/// So many percent of a number, rounded down.
pub(super) fn part_of(whole: u64, percent: u64) -> u64 {
    let part = u128::from(whole).saturating_mul(percent.into()) / 100;
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// Whether `part` is more than `percent` of `whole`.
pub(super) fn exceeds(part: u64, percent: u64, whole: u64) -> bool {
    u128::from(part).saturating_mul(100) > u128::from(whole).saturating_mul(percent.into())
}

/// Whether `part` is at least `percent` of `whole`; nothing is no part.
pub(super) fn reaches(part: u64, percent: u64, whole: u64) -> bool {
    part > 0
        && u128::from(part).saturating_mul(100) >= u128::from(whole).saturating_mul(percent.into())
}

/// `80 %` of something, for summaries.
pub(super) fn percent_of(part: u64, whole: u64) -> String {
    let percent = u128::from(part).saturating_mul(100).checked_div(whole.into()).unwrap_or(0);
    format!("{} of {} ({percent} %)", human::count(part), human::count(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (ms, text) in
            [(0, "0s"), (500, "500ms"), (1_000, "1s"), (90_000, "90s"), (60_000, "1m")]
        {
            assert_eq!(time_text(ms), text);
            assert_eq!(parse_time(text), Some(ms));
        }
        assert_eq!(parse_time("5m"), Some(300_000));
        assert_eq!(parse_time("30"), Some(30_000));
        for wrong in ["", "s", "5 weeks", "-1s", "1.5s", "99999999999999999999s"] {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }

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
        let settings = Settings::new(rule, Level::Firing);
        assert_eq!(settings.of(threshold, &process("java-17")), 200);
        assert_eq!(settings.of(threshold, &process("nginx")), threshold.default);
        let clearing = Settings::new(rule, Level::Clearing);
        assert_eq!(clearing.of(threshold, &process("java")), 150);
    }
}
