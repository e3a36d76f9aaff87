//! `--interval` and `--count`: a one-shot command again and again.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::live::{self, Next, Schedule, Watch};
use crate::sys::clock;
use crate::sys::signal::Ending;

use super::context::Context;
use super::error::Error;
use super::flags::RepeatFlags;

impl RepeatFlags {
    /// Tells whether there is more than one round.
    pub fn is_on(&self) -> bool {
        self.interval.is_some()
    }

    /// Runs `round` as often as the flags say; a signal ends it between two
    /// rounds.
    pub fn run(
        &self,
        context: &mut Context<'_>,
        round: &mut dyn FnMut(&mut Context<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(interval) = self.interval else { return round(context) };
        let schedule = Schedule::new(clock::monotonic_ns(), interval).looks(self.rounds);
        let ending = caught()?;
        let mut repeated = Repeated { context, round, ending };
        live::run(schedule, &mut repeated)?;
        repeated.ending.status().map_or(Ok(()), |status| Err(Error::Signal(status)))
    }
}

/// A command between two of its rounds.
struct Repeated<'r, 'w> {
    context: &'r mut Context<'w>,
    round: &'r mut dyn FnMut(&mut Context<'_>) -> Result<(), Error>,
    ending: Ending,
}

impl Watch for Repeated<'_, '_> {
    type Error = Error;

    fn look(&mut self) -> Result<Next, Error> {
        self.context.at = clock::now();
        let done = (self.round)(self.context);
        // Somebody asked it to end: that a round failed because of it is no news.
        if self.is_over() {
            return Ok(Next::Due);
        }
        done.map(|()| Next::Due)
    }

    fn wait(&mut self, left: Duration) -> Result<Next, Error> {
        pause(left);
        Ok(Next::Due)
    }

    fn is_over(&self) -> bool {
        self.ending.status().is_some()
    }
}

/// Catches the signals that end what goes on.
///
/// # Errors
/// When that cannot be.
pub fn caught() -> Result<Ending, Error> {
    Ending::watch().map_err(|error| Error::Failed(format!("no signal can be caught: {error}")))
}

/// A signal that comes just before a wait is seen this late.
const PATIENCE: Duration = Duration::from_millis(100);

/// Waits for a while, at most so long.
pub fn pause(left: Duration) {
    clock::sleep(left.min(PATIENCE));
}

/// Returns a duration in nanoseconds; centuries count as one.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}
