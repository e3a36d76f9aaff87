//! What a rule is made of.

use crate::model::snapshot::Snapshot;

use super::alert::Alert;
use super::needs::Needs;
use super::settings::Settings;
use super::threshold::Threshold;
use super::verdict::Verdict;

/// Describes one kind of trouble, and decides whether there is some.
#[derive(Debug)]
pub struct Rule {
    /// Its id, as `explain` and configuration know it.
    pub id: &'static str,
    /// One clause that says when it fires.
    pub fires: &'static str,
    /// Its evidence: name and meaning of each number.
    pub evidence: &'static [(&'static str, &'static str)],
    /// The numbers that can be set.
    pub thresholds: &'static [Threshold],
    /// The parts of a snapshot that it looks at; a gap in them hides the answer.
    pub needs: Needs,
    /// Its decision.
    pub check: fn(&Snapshot, &Settings<'_>) -> Verdict,
    /// The sockets that its alerts are about.
    pub shows: Shows,
    /// Its page of `explain`.
    pub page: RulePage,
}

/// Tells which sockets of its subject an alert is about, in the filter language.
#[derive(Clone, Copy, Debug)]
pub enum Shows {
    /// Those that this filter selects.
    Filter(&'static str),
    /// Those that a filter selects which depends on what was found.
    Found(fn(&Alert, &Snapshot) -> String),
    /// All of them; of a whole namespace or host nothing in particular.
    Subject,
    /// None: no table lists what was found.
    Nothing,
}

impl Shows {
    /// Tells the filter of a listener and of what waits in its accept queue.
    pub(super) const ACCEPT_QUEUE: Self =
        Self::Filter("(state listen or state established state close-wait and owner none)");
}

/// Explains a rule. Its texts may have `{sysctl:NAME}` and `{count:STATE}` for
/// numbers of this machine, and `{setting:NAME}` for the default of a threshold,
/// times in seconds.
#[derive(Debug)]
pub struct RulePage {
    /// A few words on what it is about; the id stands before them.
    pub title: &'static str,
    /// Other names that lead to it.
    pub aliases: &'static [&'static str],
    /// States, parameters and counters whose numbers are shown with it.
    pub now: &'static [&'static str],
    /// Pages to read on.
    pub see: &'static [&'static str],
    /// A paragraph on what it means, and when it fires by default.
    pub means: &'static str,
    /// Points on what to look at.
    pub look_at: &'static [&'static str],
    /// Points on what helps.
    pub helps: &'static [&'static str],
    /// Points on what does not help, though many try it.
    pub helps_not: &'static [&'static str],
}
