//! The one judge: rules over looks, and what becomes of their answers.

use std::sync::Arc;

use crate::alert::{ActiveAlert, AlertChange, Alerts, Look};
use crate::model::snapshot::Snapshot;
use crate::rules::{self, Config, Level, Severity, UnknownRule};

use super::baseline::{Baseline, GrowthBase};

/// The rules' verdict on a look: what fires, what pends and what is unknown
/// belong together, so that nobody shows what fires and forgets what could not be
/// judged.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// Active alerts, worst first.
    pub firing: Vec<ActiveAlert>,
    /// Alerts whose condition holds, but not long enough yet.
    pub pending: Vec<ActiveAlert>,
    /// Rules that could not judge, with the reason.
    pub unknown: Vec<UnknownRule>,
    /// Alerts that began or ended to fire.
    pub changes: Vec<AlertChange>,
    /// No rule has judged yet, so that all of them are unknown.
    pub waits: bool,
}

/// The result of a check, in the words of monitoring plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckStatus {
    /// Nothing is wrong.
    Ok,
    /// Something is.
    Warning,
    /// Something is, badly.
    Critical,
    /// A gap hides the answer.
    Unknown,
}

impl CheckStatus {
    /// Returns the word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Returns the exit status of a plugin.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

impl Judged {
    /// Returns what a monitoring plugin says of it.
    pub fn status(&self) -> CheckStatus {
        match self.firing.iter().map(|standing| standing.alert.severity).max() {
            Some(Severity::Critical) => CheckStatus::Critical,
            Some(Severity::Warning) => CheckStatus::Warning,
            None if self.unknown.is_empty() => CheckStatus::Ok,
            None => CheckStatus::Unknown,
        }
    }
}

/// A judge and its memory.
pub(super) struct Judge<'e> {
    config: &'e Config,
    alerts: Alerts,
    baseline: Baseline,
}

/// The reason why no rule has judged before the first walk over /proc has ended:
/// whose sockets they are decides what an alert is about.
const NO_OWNERS_YET: &str = "the owners of sockets are still being looked for";

impl<'e> Judge<'e> {
    pub(super) fn new(config: &'e Config, growth: GrowthBase) -> Self {
        Self { config, alerts: Alerts::default(), baseline: Baseline::new(growth) }
    }

    /// Judges a look at a time on the caller's clock, which only grows.
    pub(super) fn step(&mut self, mut snapshot: Snapshot, at_ms: u64) -> (Arc<Snapshot>, Judged) {
        snapshot.past = self.baseline.past(at_ms);
        let firing = rules::judge(&snapshot, self.config, Level::Firing);
        let clearing = rules::judge(&snapshot, self.config, Level::Clearing);
        let unknown = firing.unknown.clone();
        let changes = self.alerts.step(at_ms, Look { firing, clearing }, self.config);
        let snapshot = Arc::new(snapshot.forget_past());
        self.baseline.remember(&snapshot, at_ms);
        (snapshot, self.judged(changes, unknown))
    }

    /// Passes a look on that cannot be judged yet.
    pub(super) fn wait(&self, snapshot: Snapshot) -> (Arc<Snapshot>, Judged) {
        let unknown = self.config.enabled().map(|rule| UnknownRule {
            rule: rule.to_owned().into(),
            why: NO_OWNERS_YET.to_owned(),
        });
        let judged = self.judged(Vec::new(), unknown.collect());
        (Arc::new(snapshot), Judged { waits: true, ..judged })
    }

    fn judged(&self, changes: Vec<AlertChange>, unknown: Vec<UnknownRule>) -> Judged {
        Judged {
            firing: self.alerts.firing().into_iter().cloned().collect(),
            pending: self.alerts.pending().cloned().collect(),
            unknown,
            changes,
            waits: false,
        }
    }
}
