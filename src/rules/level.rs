//! The hysteresis of alerts.

/// An alert that fires ends only below this part of its threshold, in percent:
/// a value that dances around the threshold does not flap.
pub const CLEARING_PERCENT: u64 = 75;

/// Tells which side of the hysteresis is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What fires that did not.
    Firing,
    /// What goes on firing that did.
    Clearing,
}
