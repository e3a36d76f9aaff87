//! The result of a check: the last look with the alerts and counts of all.

use crate::model::gap::Gap;
use crate::rules::{Config, Severity};

use super::judge::CheckStatus;
use super::round::Round;

/// The last of some looks, with the alerts and counts of all of them.
pub struct Checked {
    /// The last look, judged by what all of them showed.
    pub round: Round,
    /// Custom rules with what they counted.
    pub counted: Vec<CustomCount>,
    /// The number of looks.
    pub looks: u64,
    /// From the first look to the last, milliseconds.
    pub window_ms: u64,
    /// Events that did not get through to a command.
    pub undelivered: Vec<Gap>,
}

impl Checked {
    /// Returns what a monitoring plugin says of it: that nothing is wrong is not
    /// said where somebody was to be told and was not.
    pub fn status(&self) -> CheckStatus {
        match self.round.judged.status() {
            CheckStatus::Ok if !self.undelivered.is_empty() => CheckStatus::Unknown,
            status => status,
        }
    }

    /// Returns everything that is missing.
    pub fn gaps(&self) -> Vec<Gap> {
        self.round.report.gaps.iter().chain(&self.undelivered).cloned().collect()
    }
}

/// The count of a custom rule.
pub struct CustomCount {
    /// The rule's id.
    pub id: String,
    /// The number of sockets.
    pub count: u64,
    /// The limit that the rule compares them with.
    pub limit: u64,
    /// The severity of the alert when the rule holds.
    pub severity: Severity,
}

impl CustomCount {
    /// Returns what each custom rule counted in a look.
    pub fn all(config: &Config, round: &Round) -> Vec<Self> {
        let counted = config.custom.iter().zip(&round.snapshot.counted);
        let count = counted.map(|(rule, counted)| Self {
            id: rule.id.clone(),
            count: counted.yes,
            limit: rule.when.limit,
            severity: rule.severity,
        });
        count.collect()
    }
}
