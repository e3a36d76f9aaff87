//! The numbers of a rule that can be set.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::model::units;

use crate::model::human;

/// Tells what a threshold's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdUnit {
    /// So many of this.
    Count(&'static str),
    /// Percent of a limit.
    Percent,
    /// Milliseconds; written `60s`, `5m`, `500ms`.
    Time,
}

/// Describes one number of a rule that can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Its name in rules.toml.
    pub name: &'static str,
    /// Its unit.
    pub unit: ThresholdUnit,
    /// Its value when nobody says otherwise.
    pub default: u64,
    /// One clause that says what is meant.
    pub help: &'static str,
}

impl Threshold {
    /// Makes a threshold of so many of `what`.
    pub const fn count(
        name: &'static str,
        what: &'static str,
        default: u64,
        help: &'static str,
    ) -> Self {
        Self { name, unit: ThresholdUnit::Count(what), default, help }
    }

    /// Makes a threshold that is a part of a limit.
    pub const fn percent(name: &'static str, default: u64, help: &'static str) -> Self {
        Self { name, unit: ThresholdUnit::Percent, default, help }
    }

    /// Makes a threshold of a time in milliseconds.
    pub const fn time(name: &'static str, default: u64, help: &'static str) -> Self {
        Self { name, unit: ThresholdUnit::Time, default, help }
    }

    /// Writes a value of it as it stands in rules.toml.
    pub fn shown(&self, value: u64) -> String {
        match self.unit {
            ThresholdUnit::Count(_) | ThresholdUnit::Percent => value.to_string(),
            ThresholdUnit::Time => format!("\"{}\"", units::of_milliseconds(value)),
        }
    }
}

/// Returns so many percent of a number, rounded down.
pub(super) fn part_of(whole: u64, percent: u64) -> u64 {
    let part = u128::from(whole).saturating_mul(percent.into()) / 100;
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// Tells whether `part` is more than `percent` of `whole`.
pub(super) fn exceeds(part: u64, percent: u64, whole: u64) -> bool {
    u128::from(part).saturating_mul(100) > u128::from(whole).saturating_mul(percent.into())
}

/// Tells whether `part` is at least `percent` of `whole`; nothing is no part.
pub(super) fn reaches(part: u64, percent: u64, whole: u64) -> bool {
    part > 0
        && u128::from(part).saturating_mul(100) >= u128::from(whole).saturating_mul(percent.into())
}

/// Writes `80 %` of something, for summaries.
pub(super) fn percent_of(part: u64, whole: u64) -> String {
    let percent = u128::from(part).saturating_mul(100).checked_div(whole.into()).unwrap_or(0);
    format!("{} of {} ({percent} %)", human::count(part), human::count(whole))
}
