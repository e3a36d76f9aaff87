//! The one loop of everything that looks again and again, and its schedule.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::sys::clock;

use super::CpuBudget;

/// The action when the time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// A last look, for what happened since the one before.
    Look,
    /// Nothing more.
    Stop,
}

/// The action that is due now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Look.
    Look,
    /// Wait so many nanoseconds at the most.
    Wait(u64),
    /// It is over.
    Over,
}

/// Decides when to look, and when to end. Times are nanoseconds by
/// `CLOCK_MONOTONIC`, passed in.
#[derive(Clone, Debug)]
pub struct Schedule {
    interval_ns: u64,
    due_ns: u64,
    end_ns: Option<u64>,
    at_end: AtEnd,
    /// Looks that are left.
    left: Option<u64>,
    budget: Option<CpuBudget>,
    stopped: bool,
}

impl Schedule {
    /// Makes a first look due at `now_ns`, and others every `interval` without
    /// end.
    pub fn new(now_ns: u64, interval: Duration) -> Self {
        Self {
            interval_ns: nanos(interval),
            due_ns: now_ns,
            end_ns: None,
            at_end: AtEnd::Stop,
            left: None,
            budget: None,
            stopped: false,
        }
    }

    /// Ends it after some time, where there is one.
    #[must_use]
    pub fn ending(self, duration: Option<Duration>, at_end: AtEnd) -> Self {
        let end_ns = duration.map(|duration| self.due_ns.saturating_add(nanos(duration)));
        Self { end_ns, at_end, ..self }
    }

    /// Ends it after so many looks, where there is such a number.
    #[must_use]
    pub fn looks(self, looks: Option<u64>) -> Self {
        Self { left: looks, ..self }
    }

    /// Leaves more time between looks than the interval where they would take
    /// more than a share of one CPU.
    #[must_use]
    pub fn within(self, budget: CpuBudget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// Changes the time between looks, from the next look on.
    pub fn set_interval(&mut self, interval_ms: u64) {
        self.interval_ns = interval_ms.saturating_mul(1_000_000);
    }

    /// Makes a look due at once: events were lost, or somebody cannot wait.
    pub fn hurry(&mut self) {
        self.due_ns = 0;
    }

    /// Says what is to be done; `stop` ends it before its time.
    pub fn turn(&mut self, now_ns: u64, stop: bool) -> Turn {
        let over = stop || self.end_ns.is_some_and(|end_ns| now_ns >= end_ns);
        if self.stopped || self.left == Some(0) || (over && self.at_end == AtEnd::Stop) {
            return Turn::Over;
        }
        if over || now_ns >= self.due_ns {
            self.stopped = over;
            return Turn::Look;
        }
        Turn::Wait(self.due_ns.min(self.end_ns.unwrap_or(u64::MAX)).saturating_sub(now_ns))
    }

    /// Notes that a look which began at `began_ns` has been made by `now_ns`;
    /// `cpu_ns` is the CPU time that the program has used so far. Returns the
    /// time kept between looks, in milliseconds.
    pub fn looked(&mut self, began_ns: u64, now_ns: u64, cpu_ns: u64) -> u64 {
        self.left = self.left.map(|left| left.saturating_sub(1));
        let interval_ms = self.interval_ns / 1_000_000;
        let kept_ms = self.budget.as_mut().map_or(interval_ms, |b| b.next(interval_ms, cpu_ns));
        let kept_ns = self.interval_ns.max(kept_ms.saturating_mul(1_000_000));
        self.due_ns = began_ns.saturating_add(kept_ns).max(now_ns);
        kept_ms
    }
}

/// The driven part of a loop: looks and waits.
pub trait Watch {
    /// The error that keeps it from going on.
    type Error;

    /// Looks, and tells what that brought; `schedule` knows of the look only
    /// afterwards.
    ///
    /// # Errors
    /// When it cannot go on.
    fn look(&mut self) -> Result<Next, Self::Error>;

    /// Waits, at most so long, and tells what happens meanwhile.
    ///
    /// # Errors
    /// When it cannot go on.
    fn wait(&mut self, left: Duration) -> Result<Next, Self::Error>;

    /// Takes in the time that is kept between looks.
    fn kept(&mut self, _kept_ms: u64) {}

    /// Returns the interval that is wished for now, where it can change.
    fn interval_ms(&self) -> Option<u64> {
        None
    }

    /// Tells whether it is to end before its time.
    fn is_over(&self) -> bool;
}

/// The time of the next look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At the time that the schedule says.
    Due,
    /// At once.
    Now,
}

/// Looks and waits by turns until it is over.
///
/// # Errors
/// When what is driven cannot go on.
pub fn run<W: Watch>(mut schedule: Schedule, watch: &mut W) -> Result<(), W::Error> {
    loop {
        let now_ns = clock::monotonic_ns();
        let next = match schedule.turn(now_ns, watch.is_over()) {
            Turn::Over => return Ok(()),
            Turn::Wait(left_ns) => watch.wait(Duration::from_nanos(left_ns))?,
            Turn::Look => {
                let next = watch.look()?;
                if let Some(interval_ms) = watch.interval_ms() {
                    schedule.set_interval(interval_ms);
                }
                let (done_ns, cpu_ns) = (clock::monotonic_ns(), clock::process_cpu_ns());
                watch.kept(schedule.looked(now_ns, done_ns, cpu_ns));
                next
            }
        };
        if next == Next::Now {
            schedule.hurry();
        }
    }
}

/// Returns a duration in nanoseconds; centuries count as one.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Returns what is done second by second when looks take no time.
    fn turns(mut schedule: Schedule, seconds: u64) -> String {
        let mut turn_at = |second: u64| {
            let now_ns = second * SECOND;
            match schedule.turn(now_ns, false) {
                Turn::Over => '.',
                Turn::Wait(_) => '-',
                Turn::Look => {
                    schedule.looked(now_ns, now_ns, 0);
                    'L'
                }
            }
        };
        (0..seconds).map(&mut turn_at).collect()
    }

    fn every(seconds: u64) -> Schedule {
        Schedule::new(0, Duration::from_secs(seconds))
    }

    #[test]
    fn looks_come_at_their_interval_until_the_time_is_over() {
        let seven = Some(Duration::from_secs(7));
        assert_eq!(turns(every(2), 6), "L-L-L-");
        assert_eq!(turns(every(3).ending(seven, AtEnd::Stop), 9), "L--L--L..");
        assert_eq!(turns(every(5).ending(seven, AtEnd::Look), 9), "L----L-L.");
        assert_eq!(turns(every(1).looks(Some(3)), 5), "LLL..");
        let at_once = Some(Duration::ZERO);
        assert_eq!(turns(every(1).ending(at_once, AtEnd::Look), 3), "L..", "one look at least");
    }

    #[test]
    fn a_look_that_is_late_is_not_made_up_for() {
        let mut schedule = every(1);
        assert_eq!(schedule.turn(0, false), Turn::Look);
        schedule.looked(0, 5 * SECOND, 0);
        assert_eq!(schedule.turn(5 * SECOND, false), Turn::Look);
        schedule.looked(5 * SECOND, 5 * SECOND, 0);
        assert_eq!(schedule.turn(5 * SECOND, false), Turn::Wait(SECOND));
    }

    #[test]
    fn a_stop_may_have_a_last_look() {
        let mut schedule = every(9).ending(None, AtEnd::Look);
        assert_eq!(schedule.turn(0, true), Turn::Look);
        assert_eq!(schedule.turn(0, true), Turn::Over);
        assert_eq!(every(9).turn(0, true), Turn::Over);
    }

    #[test]
    fn what_is_lost_is_looked_for_at_once() {
        let mut schedule = every(9);
        schedule.looked(0, 0, 0);
        assert_eq!(schedule.turn(SECOND, false), Turn::Wait(8 * SECOND));
        schedule.hurry();
        assert_eq!(schedule.turn(SECOND, false), Turn::Look);
    }
}
