//! `--interval` and `--count`: a one-shot command again and again.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::time::Duration;

use clap::Args;

use crate::sys::clock;
use crate::sys::signal::Ending;

use super::context::Context;
use super::error::Error;
use super::flags::duration;

/// How often a command is repeated.
#[derive(Args, Debug, Default)]
pub struct Repeat {
    /// Again and again with this time between, with the changes since the round before
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,
    /// With --interval: so many rounds
    #[arg(
        long = "count",
        value_name = "N",
        requires = "interval",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub rounds: Option<u64>,
}

impl Repeat {
    /// Whether there is more than one round.
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
        let ending = Ending::watch()
            .map_err(|error| Error::Failed(format!("no signal can be caught: {error}")))?;
        let mut left = self.rounds;
        let mut due = clock::monotonic_ns();
        loop {
            context.at = clock::now();
            let done = round(context);
            if let Some(status) = ending.status() {
                return Err(Error::Signal(status));
            }
            done?;
            left = left.map(|left| left.saturating_sub(1));
            if left == Some(0) {
                return Ok(());
            }
            let every = nanos(interval);
            due = due.max(clock::monotonic_ns().saturating_sub(every)).saturating_add(every);
            wait_until(due, &ending);
            if let Some(status) = ending.status() {
                return Err(Error::Signal(status));
            }
        }
    }
}

/// Waits until a moment or a signal.
fn wait_until(due: u64, ending: &Ending) {
    loop {
        let left = due.saturating_sub(clock::monotonic_ns());
        if left == 0 || ending.status().is_some() {
            return;
        }
        clock::sleep(Duration::from_nanos(left));
    }
}

/// A duration in nanoseconds; centuries count as one.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}
