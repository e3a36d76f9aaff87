//! What is wrong: one file a rule, its condition and its wording together.
//!
//! A rule is a pure function of a [`Frame`] and its [`Settings`]. It sees no
//! clock: ages come from the kernel's own numbers, rates from an earlier frame
//! and the time between the two.

mod accept_queue_overflow;
mod accept_stall;
mod catalogue;
mod close_wait_leak;
mod closing_stuck;
pub mod config;
mod dead_fd_leak;
mod doc;
mod fin_wait1_stuck;
mod fin_wait2_stuck;
mod last_ack_stuck;
mod orphan_pressure;
pub mod own;
mod pile;
mod port_exhaustion;
pub mod print;
mod recv_queue_stuck;
mod retransmit_stall;
mod self_connect;
mod send_queue_stuck;
pub mod settings;
pub mod subject;
mod syn_queue_full;
mod syn_sent_stuck;
mod tcp_memory;
mod time_wait_flood;
mod udp_drops;
mod unacked_fin;
mod unix_queue_full;
mod zero_window_stall;

pub use catalogue::{RULES, find};
pub use doc::markdown;
pub use port_exhaustion::LEAST_PERCENT;
pub use settings::{Config, Level, Settings, Threshold};
pub use subject::Subject;

use std::borrow::Cow;

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
    /// The word in JSON and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Warning, Self::Critical].into_iter().find(|severity| severity.name() == word)
    }
}

/// The numbers that an alert rests on, with their units in the names.
pub type Evidence = Vec<(&'static str, u64)>;

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The rule's id.
    pub rule: Cow<'static, str>,
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

impl Alert {
    /// What is the case and what helps. A rule of one's own may not know the
    /// latter.
    pub fn advice(&self, between: &str) -> String {
        let between = if self.remedy.is_empty() { "" } else { between };
        format!("{}{between}{}", self.summary, self.remedy)
    }
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

/// What has to be looked at for a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Every TCP row, at a glance.
    pub glance: bool,
    /// TCP sockets of states that may be stuck, or that the glance found
    /// suspicious, with what the kernel tells of them.
    pub conns: bool,
    /// TCP listeners and what waits behind them.
    pub listeners: bool,
    /// UDP sockets with their drops.
    pub udp: bool,
    /// Unix listeners.
    pub unix: bool,
    /// Ephemeral ports.
    pub ports: bool,
    /// Every socket descriptor of every process.
    pub descriptors: bool,
}

impl Needs {
    /// Nothing.
    pub const NONE: Self = Self {
        glance: false,
        conns: false,
        listeners: false,
        udp: false,
        unix: false,
        ports: false,
        descriptors: false,
    };

    /// What either needs.
    pub fn union(self, other: Self) -> Self {
        Self {
            glance: self.glance || other.glance,
            conns: self.conns || other.conns,
            listeners: self.listeners || other.listeners,
            udp: self.udp || other.udp,
            unix: self.unix || other.unix,
            ports: self.ports || other.ports,
            descriptors: self.descriptors || other.descriptors,
        }
    }
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id, as `explain` and configuration know it.
    pub id: &'static str,
    /// When it fires, one clause.
    pub fires: &'static str,
    /// Its evidence: name and meaning of each number.
    pub evidence: &'static [(&'static str, &'static str)],
    /// What can be set.
    pub thresholds: &'static [Threshold],
    /// How long its condition must hold before it fires when nobody says
    /// otherwise, milliseconds. Most conditions have an age of their own.
    pub hold_ms: u64,
    /// What has to be looked at.
    pub needs: Needs,
    /// Tables and files whose gaps hide its input.
    pub inputs: &'static [&'static str],
    /// Its decision.
    pub check: fn(&Frame, &Settings<'_>) -> Verdict,
}

/// A rule that could not judge, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The rule's id.
    pub rule: Cow<'static, str>,
    /// Why.
    pub why: String,
}

/// What is wrong and what could not be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Alerts, worst first.
    pub alerts: Vec<Alert>,
    /// Rules that could not judge.
    pub unknown: Vec<Unknown>,
}

/// Evaluates every rule that is enabled.
pub fn judge(frame: &Frame, config: &Config, level: Level) -> Judged {
    let mut judged = Judged::default();
    for rule in config.rules.iter().filter(|rule| rule.enabled.value) {
        let verdict = (rule.rule.check)(frame, &Settings::new(rule, level));
        let verdict = unless_hidden(verdict, frame, rule.rule.inputs);
        judged.take(Cow::Borrowed(rule.rule.id), verdict);
    }
    for (index, rule) in config.own.iter().enumerate() {
        let verdict = rule.check(frame.counted.get(index).copied(), level);
        let verdict = unless_hidden(verdict, frame, own::INPUTS);
        judged.take(Cow::Owned(rule.id.clone()), verdict);
    }
    judged.alerts.retain_mut(|alert| apply_overrides(alert, config));
    judged
        .alerts
        .sort_by_key(|alert| (std::cmp::Reverse(alert.severity), std::cmp::Reverse(alert.count)));
    judged
}

impl Judged {
    fn take(&mut self, rule: Cow<'static, str>, verdict: Verdict) {
        match verdict {
            Verdict::Clear => {}
            Verdict::Firing(found) => self.alerts.extend(found),
            Verdict::Unknown(why) => self.unknown.push(Unknown { rule, why }),
        }
    }
}

/// Clear is not proven where rows or numbers are missing; what fires, fires.
fn unless_hidden(verdict: Verdict, frame: &Frame, inputs: &[&str]) -> Verdict {
    let gap = frame.gaps.iter().find(|gap| inputs.contains(&gap.what));
    match (verdict, gap) {
        (Verdict::Clear, Some(gap)) => Verdict::Unknown(format!("{}: {}", gap.what, gap.reason)),
        (verdict, _) => verdict,
    }
}

/// Severities and exceptions of the configuration; `false` where one silences
/// the alert.
fn apply_overrides(alert: &mut Alert, config: &Config) -> bool {
    let Some(rule) = config.rules.iter().find(|r| r.rule.id == alert.rule) else { return true };
    if let Some(severity) = rule.severity.value {
        alert.severity = severity;
    }
    for special in rule.overrides.iter().filter(|o| o.who.selects(&alert.subject)) {
        alert.severity = special.severity.unwrap_or(alert.severity);
    }
    !rule.overrides.iter().any(|o| o.disabled && o.who.selects(&alert.subject))
}

/// Firing with what was found, clear with nothing.
fn verdict(found: Vec<Alert>) -> Verdict {
    if found.is_empty() { Verdict::Clear } else { Verdict::Firing(found) }
}

/// Firing with what was found; with nothing, unknown for a reason there is.
fn verdict_or(found: Vec<Alert>, why: Option<String>) -> Verdict {
    match why {
        Some(why) if found.is_empty() => Verdict::Unknown(why),
        _ => verdict(found),
    }
}

/// The tables of TCP.
const TCP: &[&str] = &["tcp", "tcp6"];
/// The tables of TCP and the files of counters and parameters.
const TCP_AND_HOST: &[&str] = &["tcp", "tcp6", "counters", "sysctls", "host"];
/// The files of counters and parameters.
const HOST: &[&str] = &["counters", "sysctls", "host"];
