//! What is wrong: one file a rule, with its condition, its words, the filter of
//! the sockets that it is about, and its page of `explain`.
//!
//! A rule is a pure function of a [`crate::model::snapshot::Snapshot`] and its
//! [`Settings`]. It sees no clock: ages come from the kernel's own numbers, rates
//! from an earlier snapshot and the time between the two.

mod alert;
pub mod alert_filter;
mod catalogue;
mod config;
pub mod custom;
mod doc;
mod judge;
mod level;
mod needs;
pub mod origin;
mod overrides;
mod pile;
pub mod print;
mod read;
mod rule;
mod settings;
mod severity;
pub mod subject;
mod threshold;
mod unacked_fin;
mod verdict;

pub use alert::Alert;
#[cfg(test)]
pub(crate) use catalogue::EXAMPLES;
pub use catalogue::RULES;
pub use config::Config;
pub use doc::markdown;
pub use judge::{RuleVerdicts, UnknownRule, judge};
pub use level::Level;
pub use needs::{LEAST_PERCENT, Needs};
pub use rule::{Rule, RulePage, Shows};
pub use settings::Settings;
pub use severity::Severity;
pub use subject::Subject;
pub use threshold::{Threshold, ThresholdUnit};
pub use verdict::Verdict;
