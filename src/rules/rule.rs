//! What a rule is made of.

use crate::model::frame::Frame;

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
    /// When it fires, one clause.
    pub fires: &'static str,
    /// Its evidence: name and meaning of each number.
    pub evidence: &'static [(&'static str, &'static str)],
    /// What can be set.
    pub thresholds: &'static [Threshold],
    /// What has to be looked at; a gap in it hides the answer.
    pub needs: Needs,
    /// Its decision.
    pub check: fn(&Frame, &Settings<'_>) -> Verdict,
    /// Which sockets its alerts are about.
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
    Found(fn(&Alert, &Frame) -> String),
    /// All of them; of a whole namespace or host nothing in particular.
    Subject,
    /// None: no table lists what was found.
    Nothing,
}

/// Explains a rule. Its texts may have `{sysctl:NAME}` and `{count:STATE}` for
/// numbers of this machine.
#[derive(Debug)]
pub struct RulePage {
    /// What it is about, behind the id.
    pub title: &'static str,
    /// Other names that lead to it.
    pub aliases: &'static [&'static str],
    /// States, parameters and counters whose numbers are shown with it.
    pub now: &'static [&'static str],
    /// Pages to read on.
    pub see: &'static [&'static str],
    /// What it means, and by default when it fires.
    pub means: &'static str,
    /// What to look at, one point each.
    pub look_at: &'static [&'static str],
    /// What helps.
    pub helps: &'static [&'static str],
    /// What does not help, though many try it.
    pub helps_not: &'static [&'static str],
}
