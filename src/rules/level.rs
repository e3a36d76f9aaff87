//! The hysteresis of alerts.

/// Says below which part of its threshold an alert ends that fires, in percent: a
/// value that dances around the threshold does not flap.
pub const CLEARING_PERCENT: u64 = 75;

/// Tells which side of the hysteresis is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The upper one: of what begins to fire.
    Firing,
    /// The lower one: of what goes on firing.
    Clearing,
}
