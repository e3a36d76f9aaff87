//! What is wrong: one file a rule, its condition and its wording together.
//!
//! A rule is a pure function of a [`Frame`]. It sees no clock: ages come from
//! the kernel's own numbers.

mod accept_queue_overflow;
mod close_wait_leak;
mod time_wait_flood;

use crate::model::address::Endpoint;
use crate::model::frame::Frame;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What an alert is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A process.
    Process {
        /// Its id.
        pid: u32,
        /// Its command name, escaped.
        comm: String,
    },
    /// The processes of a user, where they cannot be told apart.
    User {
        /// The user's id.
        uid: Option<u32>,
    },
    /// A listener.
    Listener {
        /// Where it listens.
        local: Endpoint,
        /// Who listens: process ids and escaped command names.
        owners: Vec<(u32, String)>,
    },
    /// The network namespace as a whole.
    Namespace,
}

/// A number that an alert rests on, with its unit in the name.
pub type Evidence = Vec<(&'static str, u64)>;

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The rule's id.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// How many sockets are affected.
    pub count: u64,
    /// The numbers the rule saw.
    pub evidence: Evidence,
    /// What is the case, one clause.
    pub summary: String,
    /// What it means and what helps.
    pub remedy: String,
}

/// A rule's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing of this kind is wrong.
    Clear,
    /// These things are wrong.
    Firing(Vec<Alert>),
    /// It cannot be told, for this reason.
    Unknown(String),
}

/// A rule.
pub struct Rule {
    /// Its id, as `explain` and configuration know it.
    pub id: &'static str,
    /// Its decision.
    pub check: fn(&Frame) -> Verdict,
}

/// Every rule.
pub const RULES: &[Rule] = &[
    Rule { id: accept_queue_overflow::ID, check: accept_queue_overflow::check },
    Rule { id: close_wait_leak::ID, check: close_wait_leak::check },
    Rule { id: time_wait_flood::ID, check: time_wait_flood::check },
];

/// What is wrong and what could not be judged: alerts, worst first, and
/// (rule, reason) pairs.
pub fn judge(frame: &Frame) -> (Vec<Alert>, Vec<(&'static str, String)>) {
    let (mut alerts, mut unknown) = (Vec::new(), Vec::new());
    for rule in RULES {
        match (rule.check)(frame) {
            Verdict::Clear => {}
            Verdict::Firing(found) => alerts.extend(found),
            Verdict::Unknown(why) => unknown.push((rule.id, why)),
        }
    }
    alerts.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), std::cmp::Reverse(alert.count)));
    (alerts, unknown)
}

/// Firing with what was found, clear with nothing.
fn verdict(found: Vec<Alert>) -> Verdict {
    if found.is_empty() { Verdict::Clear } else { Verdict::Firing(found) }
}
