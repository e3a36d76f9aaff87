//! Something that is wrong now.

use std::borrow::Cow;

use super::severity::Severity;
use super::subject::Subject;

/// Lists the numbers that an alert rests on, with their units in the names.
pub type Evidence = Vec<(&'static str, u64)>;

/// Says what is wrong now, how badly, and what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The rule's id.
    pub rule: Cow<'static, str>,
    /// Its severity.
    pub severity: Severity,
    /// Its subject.
    pub subject: Subject,
    /// The number of sockets that are affected.
    pub count: u64,
    /// The numbers the rule saw.
    pub evidence: Evidence,
    /// One clause that says what is the case.
    pub summary: String,
    /// One sentence or two that say what it means and what helps.
    pub remedy: String,
}

impl Alert {
    /// Returns what is the case and what helps. A custom rule may not know the
    /// latter.
    pub fn advice(&self, between: &str) -> String {
        let between = if self.remedy.is_empty() { "" } else { between };
        format!("{}{between}{}", self.summary, self.remedy)
    }
}
