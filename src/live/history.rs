//! Counts of the last minutes, for sparklines and for stepping back.

use std::collections::VecDeque;

use crate::matrix::Matrix;
use crate::model::moment::Moment;
use crate::model::snapshot::StateCounts;
use crate::model::state::{State, TCP_STATES};

/// The longest time back that the history keeps.
pub const REACH_MS: u64 = 600_000;

/// The shortest time between two points: with faster looks some are left out,
/// so that the memory is bounded whatever the interval is.
const STEP_MS: u64 = 1_000;

/// The counts of one look.
#[derive(Clone, Debug, Default)]
pub struct Point {
    /// The time at which the look began.
    pub at: Moment,
    /// TCP sockets per state, in the order of [`TCP_STATES`].
    pub tcp: [u32; TCP_STATES.len()],
    /// UDP, raw and unix sockets.
    pub others: [u32; 3],
    /// The active alerts, one line each.
    pub alerts: Vec<String>,
    /// Transitions since the point before.
    pub flows: Matrix,
    /// The number of transitions that may be another network namespace's.
    pub unknown: u64,
}

impl Point {
    /// Returns the number of sockets in a state.
    pub fn count(&self, state: State) -> u32 {
        TCP_STATES.iter().position(|known| *known == state).map_or(0, |index| self.tcp[index])
    }

    /// Returns the counts of a look.
    pub fn counts(tcp: &StateCounts) -> [u32; TCP_STATES.len()] {
        TCP_STATES.map(|state| u32::try_from(tcp.get(state)).unwrap_or(u32::MAX))
    }
}

/// Points of the last [`REACH_MS`], oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    points: VecDeque<Point>,
    /// The last point stays, however soon the next one comes.
    held: bool,
}

impl History {
    /// Takes in a look. One that comes soon after the point before it takes
    /// its place and keeps its transitions.
    pub fn add(&mut self, mut point: Point) {
        let at = point.at;
        let is_close = |last: &Point, before: Option<&Point>| {
            before.is_some_and(|before| last.at.since(before.at) < STEP_MS * 1_000_000)
        };
        let before = self.points.len().checked_sub(2).and_then(|index| self.points.get(index));
        let held = std::mem::take(&mut self.held);
        if !held
            && self.points.back().is_some_and(|last| is_close(last, before))
            && let Some(last) = self.points.pop_back()
        {
            point.flows.merge(&last.flows);
            point.unknown += last.unknown;
        }
        self.points.push_back(point);
        while self.points.front().is_some_and(|p| at.since(p.at) > REACH_MS * 1_000_000) {
            self.points.pop_front();
        }
    }

    /// Keeps the last point for whoever looks at it for longer.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Returns the number of points after a moment; the oldest one is never
    /// passed.
    pub fn since(&self, at: Moment) -> usize {
        let later = self.points.iter().rev().take_while(|point| point.at > at).count();
        later.min(self.points.len().saturating_sub(1))
    }

    /// Returns the number of points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Returns the point so many looks before the last one.
    pub fn back(&self, steps: usize) -> Option<&Point> {
        self.points.len().checked_sub(steps + 1).and_then(|index| self.points.get(index))
    }

    /// Counts of a state in `buckets` equal parts of the last `window_ms`
    /// before a point, oldest first: the highest of each part, `None` where
    /// there was no look.
    pub fn series(
        &self,
        state: State,
        back: usize,
        buckets: usize,
        window_ms: u64,
    ) -> Vec<Option<u32>> {
        let mut series = vec![None; buckets];
        let Some(end) = self.back(back) else { return series };
        let width = (window_ms * 1_000_000 / buckets.max(1) as u64).max(1);
        for point in self.points.iter().filter(|point| point.at <= end.at) {
            let age = usize::try_from(end.at.since(point.at) / width).unwrap_or(usize::MAX);
            if let Some(index) = buckets.checked_sub(age.saturating_add(1)) {
                let count = point.count(state);
                series[index] = Some(series[index].map_or(count, |other: u32| other.max(count)));
            }
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ms(ms: u64) -> Moment {
        Moment(ms * 1_000_000)
    }

    fn point(ms: u64, established: u32) -> Point {
        let mut counts = StateCounts::default();
        (0..established).for_each(|_| counts.add(State::Established));
        Point { at: at_ms(ms), tcp: Point::counts(&counts), ..Point::default() }
    }

    #[test]
    fn a_day_of_looks_keeps_ten_minutes() {
        let mut history = History::default();
        (0..3_000).for_each(|second| history.add(point(second * 1_000, 1)));
        assert_eq!(history.len(), 601);
        assert_eq!(history.back(600).map(|p| p.at), Some(at_ms(2_399_000)));
        assert!(history.back(601).is_none());
    }

    #[test]
    fn fast_looks_are_thinned_and_the_last_one_is_always_there() {
        let mut history = History::default();
        (0..100_000).for_each(|tenth| history.add(point(tenth * 100, 1)));
        assert!((600..=603).contains(&history.len()), "{}", history.len());
        assert_eq!(history.back(0).map(|p| p.at), Some(at_ms(9_999_900)));
    }

    #[test]
    fn a_held_point_stays_and_is_found_again() {
        let mut history = History::default();
        (0..30).for_each(|tenth| history.add(point(tenth * 100, 1)));
        let at = history.back(0).expect("a point").at;
        history.hold();
        (30..90).for_each(|tenth| history.add(point(tenth * 100, 2)));
        let back = history.since(at);
        assert_eq!(history.back(back).map(|p| p.at), Some(at));
        assert!((6..=7).contains(&back), "{back} points in six seconds");
        assert_eq!(history.since(Moment(0)), history.len() - 1);
    }

    #[test]
    fn a_series_has_the_peaks_and_its_holes() {
        let mut history = History::default();
        for (second, count) in [(0, 1), (1, 5), (2, 2), (9, 7)] {
            history.add(point(second * 1_000, count));
        }
        let series = history.series(State::Established, 0, 5, 10_000);
        assert_eq!(series, [Some(5), Some(2), None, None, Some(7)]);
        let earlier = history.series(State::Established, 1, 2, 2_000);
        assert_eq!(earlier, [Some(5), Some(2)]);
    }
}
