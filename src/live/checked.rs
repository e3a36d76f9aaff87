//! What a check came to.

use crate::model::gap::Gap;
use crate::rules::{Config, Severity};

use super::judge::CheckStatus;
use super::round::Round;

/// The last of some looks, and what all of them came to.
pub struct Checked {
    /// The last look, judged by what all of them showed.
    pub round: Round,
    /// Custom rules with what they counted.
    pub counted: Vec<CustomCount>,
    /// How many looks there were.
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

/// What a custom rule counted.
pub struct CustomCount {
    /// The rule's id.
    pub id: String,
    /// How many sockets.
    pub count: u64,
    /// What it compares them with.
    pub limit: u64,
    /// How bad it is when that holds.
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
