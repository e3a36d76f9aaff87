//! The only place that reads a clock.

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::Duration;

use super::time_zone;

/// Returns the wall clock, for the time a snapshot was taken.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Returns the wall clock of this machine's time zone as `HH:MM:SS`.
pub fn local_time_of_day(at: Timestamp) -> String {
    at.to_zoned(time_zone::local()).strftime("%H:%M:%S").to_string()
}

/// Returns the wall clock of this machine's time zone for the name of a file.
pub fn file_stamp(at: Timestamp) -> String {
    at.to_zoned(time_zone::local()).strftime("%Y%m%d-%H%M%S").to_string()
}

/// Waits; a signal ends the wait early.
pub fn sleep(duration: Duration) {
    let ns = i64::from(duration.subsec_nanos());
    let request = Timespec { tv_sec: duration.as_secs() as i64, tv_nsec: ns };
    let _ = rustix::thread::nanosleep(&request);
}

/// Returns the wall clock of this machine's time zone as `HH:MM:SS.microseconds`.
pub fn local_time(at: Timestamp) -> String {
    at.to_zoned(time_zone::local()).strftime("%H:%M:%S%.6f").to_string()
}

/// Returns nanoseconds by `CLOCK_MONOTONIC`, the clock of trace events.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Never negative: it starts at 0 when the kernel does.
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Returns milliseconds by `CLOCK_BOOTTIME`, which goes on while the machine
/// sleeps.
pub fn boottime_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000
        + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// Returns CPU time of all threads of this process, nanoseconds.
pub fn process_cpu_ns() -> u64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    u64::try_from(used.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(used.tv_nsec).unwrap_or(0)
}

/// The two clocks read together, which turns a monotonic time into a date.
///
/// Take a new one now and then: the wall clock is set and slewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockPair {
    monotonic_ns: u64,
    wall: Timestamp,
}

impl ClockPair {
    /// Reads both, at most some microseconds apart.
    pub fn now() -> Self {
        // The tightest of three, should the thread be interrupted in between.
        let readings = [Self::read(), Self::read(), Self::read()];
        let tightest = readings.into_iter().min_by_key(|(_, took)| *took);
        tightest.map_or_else(|| Self::read().0, |(pair, _)| pair)
    }

    /// Returns a pair, and how long reading it took.
    fn read() -> (Self, u64) {
        let before = monotonic_ns();
        let wall = now();
        let took = monotonic_ns().saturating_sub(before);
        (Self { monotonic_ns: before + took / 2, wall }, took)
    }

    /// Returns the wall clock's time at a monotonic time, before or after this pair.
    pub fn wall_at(&self, monotonic_ns: u64) -> Timestamp {
        let apart = i128::from(monotonic_ns) - i128::from(self.monotonic_ns);
        let apart = SignedDuration::from_nanos_i128(apart);
        self.wall.saturating_add(apart).unwrap_or(self.wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_turns_monotonic_times_into_dates_both_ways() {
        let wall = Timestamp::from_second(1_000).expect("in range");
        let pair = ClockPair { monotonic_ns: 5_000_000_000, wall };
        assert_eq!(pair.wall_at(5_000_000_000), wall);
        assert_eq!(pair.wall_at(6_500_000_000).as_millisecond(), 1_001_500);
        assert_eq!(pair.wall_at(4_000_000_000).as_second(), 999);
        assert_eq!(pair.wall_at(u64::MAX).as_second(), 18_446_744_073 + 995);
    }

    #[test]
    fn the_clocks_agree_with_themselves() {
        let pair = ClockPair::now();
        let off = pair.wall_at(monotonic_ns()).duration_since(now()).as_millis();
        assert!(off.abs() < 1_000, "{off} ms");
    }
}
