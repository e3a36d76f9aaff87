//! The life of an alert: pending, firing, resolved.
//!
//! Pure: the caller says what time it is. A rule that could not judge, and a
//! look that did not happen, change nothing: what fired goes on firing, what
//! was pending keeps its start.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::rules::{Alert, Config, RuleVerdicts, UnknownRule};

/// Holds what one look found: at the firing level, and at the lower one below
/// which an alert ends.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Alerts of the firing level.
    pub firing: RuleVerdicts,
    /// Alerts that go on where they fire already.
    pub clearing: RuleVerdicts,
}

/// Holds an alert as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveAlert {
    /// The alert, with the latest numbers.
    pub alert: Alert,
    /// Since when its condition has held, on the caller's clock.
    pub since_ms: u64,
    /// It has held long enough.
    pub fires: bool,
}

/// Tells what a look changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertChange {
    /// It fires now, or has become worse.
    Firing(ActiveAlert),
    /// It does not any more; the numbers are the last ones.
    Resolved(ActiveAlert),
}

/// Keeps alerts by rule and subject.
#[derive(Debug, Default)]
pub struct Alerts {
    known: BTreeMap<(String, String), ActiveAlert>,
}

impl Alerts {
    /// Takes in a look at a time and says what changed. Times only grow.
    pub fn step(&mut self, at_ms: u64, look: Look, config: &Config) -> Vec<AlertChange> {
        let Look { firing, clearing } = look;
        let unknown = names(&firing.unknown);
        let mut held: BTreeMap<(String, String), Alert> =
            clearing.alerts.into_iter().map(|alert| (key(&alert), alert)).collect();
        // At the firing level the severity is the true one.
        let mut new: BTreeMap<(String, String), Alert> =
            firing.alerts.into_iter().map(|alert| (key(&alert), alert)).collect();
        let mut changes = Vec::new();
        self.known.retain(|key, standing| {
            let goes_on = held.remove(key).filter(|_| standing.fires);
            let found = match (new.remove(key), goes_on) {
                (Some(alert), goes_on) => Some(not_milder(alert, goes_on, standing)),
                (None, Some(goes_on)) => Some(milder(goes_on, standing)),
                (None, None) => None,
            };
            match found {
                Some(alert) => {
                    let worse = alert.severity > standing.alert.severity;
                    standing.alert = alert;
                    if standing.fires && worse {
                        changes.push(AlertChange::Firing(standing.clone()));
                    }
                }
                None if unknown.contains(&standing.alert.rule) => {}
                None => {
                    if standing.fires {
                        changes.push(AlertChange::Resolved(standing.clone()));
                    }
                    return false;
                }
            }
            true
        });
        for (key, alert) in new {
            self.known.insert(key, ActiveAlert { alert, since_ms: at_ms, fires: false });
        }
        for standing in self.known.values_mut().filter(|standing| !standing.fires) {
            let held_ms = at_ms.saturating_sub(standing.since_ms);
            if held_ms >= config.hold_ms(&standing.alert.rule)
                && !unknown.contains(&standing.alert.rule)
            {
                standing.fires = true;
                changes.push(AlertChange::Firing(standing.clone()));
            }
        }
        changes
    }

    /// Returns what fires, worst first.
    pub fn firing(&self) -> Vec<&ActiveAlert> {
        let mut firing: Vec<&ActiveAlert> = self.known.values().filter(|s| s.fires).collect();
        firing.sort_by_key(|s| {
            (std::cmp::Reverse(s.alert.severity), std::cmp::Reverse(s.alert.count))
        });
        firing
    }

    /// Returns what holds, but not long enough yet.
    pub fn pending(&self) -> impl Iterator<Item = &ActiveAlert> {
        self.known.values().filter(|standing| !standing.fires)
    }
}

/// Makes what only the lower level found as bad as it was, or as it is now with
/// lower thresholds: whichever is less.
fn milder(mut alert: Alert, before: &ActiveAlert) -> Alert {
    alert.severity = alert.severity.min(before.alert.severity);
    alert
}

/// Keeps a severity until it is below its lower level too.
fn not_milder(mut alert: Alert, goes_on: Option<Alert>, before: &ActiveAlert) -> Alert {
    if let Some(goes_on) = goes_on {
        alert.severity = alert.severity.max(goes_on.severity.min(before.alert.severity));
    }
    alert
}

fn key(alert: &Alert) -> (String, String) {
    (alert.rule.to_string(), alert.subject.key())
}

fn names(unknown: &[UnknownRule]) -> Vec<Cow<'static, str>> {
    unknown.iter().map(|unknown| unknown.rule.clone()).collect()
}

#[cfg(test)]
mod tests;
