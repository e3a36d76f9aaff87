//! A rule's answer.

use super::alert::Alert;

/// Answers whether something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing of this kind is wrong.
    Clear,
    /// These things are wrong.
    Firing(Vec<Alert>),
    /// It cannot be told, for this reason.
    Unknown(String),
}

impl Verdict {
    /// Fires with what was found, and is clear with nothing.
    pub(super) fn of(found: Vec<Alert>) -> Self {
        if found.is_empty() { Self::Clear } else { Self::Firing(found) }
    }

    /// Fires with what was found; with nothing, it is unknown for a reason
    /// there is.
    pub(super) fn of_or_unknown(found: Vec<Alert>, why: Option<String>) -> Self {
        match why {
            Some(why) if found.is_empty() => Self::Unknown(why),
            _ => Self::of(found),
        }
    }
}
