//! What happened how often, and how long states lasted: `events --summary`.

use std::collections::BTreeMap;

use crate::model::state::State;
use crate::model::transition::Transition;

/// Durations by their size: 16 steps to each doubling, so that a percentile is
/// at most a twentieth too long and never too short, in a few kilobytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    counts: BTreeMap<u32, u64>,
    total: u64,
}

/// Steps to each doubling.
const STEPS: f64 = 16.0;

impl Durations {
    /// Takes in one duration in nanoseconds.
    pub fn add(&mut self, nanos: u64) {
        let step = ((nanos.max(1) as f64).log2() * STEPS).ceil() as u32;
        *self.counts.entry(step).or_default() += 1;
        self.total += 1;
    }

    /// Takes in the durations of another one.
    pub fn merge(&mut self, other: &Self) {
        for (step, count) in &other.counts {
            *self.counts.entry(*step).or_default() += count;
        }
        self.total += other.total;
    }

    /// Returns a duration in nanoseconds that `percent` of all do not exceed, and
    /// hardly longer than it must be; `None` when there is none.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (step, count) in &self.counts {
            seen += count;
            if seen >= rank {
                return Some((f64::from(*step) / STEPS).exp2().ceil() as u64);
            }
        }
        None
    }
}

/// One cell: transitions from one state to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatrixCell {
    /// The number of transitions.
    pub count: u64,
    /// The number of them that the kernel itself told of.
    pub exact: u64,
    /// The durations of the state before, where those are exact.
    pub dwell: Durations,
}

/// Transitions by the states before and after; `None` before is a socket that
/// appeared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    cells: BTreeMap<(Option<State>, State), MatrixCell>,
}

impl Matrix {
    /// Counts one transition.
    pub fn add(&mut self, transition: &Transition) {
        let cell = self.cells.entry((transition.from, transition.to)).or_default();
        cell.count += 1;
        cell.exact += u64::from(transition.is_exact());
        if let Some(dwell) = transition.dwell.filter(|dwell| dwell.is_exact()) {
            cell.dwell.add(dwell.min);
        }
    }

    /// Takes in what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (ends, cell) in &other.cells {
            let mine = self.cells.entry(*ends).or_default();
            mine.count += cell.count;
            mine.exact += cell.exact;
            mine.dwell.merge(&cell.dwell);
        }
    }

    /// Returns every cell that has transitions, in the order of a connection's
    /// life.
    pub fn cells(&self) -> impl Iterator<Item = (Option<State>, State, &MatrixCell)> {
        self.cells.iter().map(|((from, to), cell)| (*from, *to, cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_near_enough() {
        let mut durations = Durations::default();
        assert_eq!(durations.percentile(50), None);
        (1..=1000u64).for_each(|ms| durations.add(ms * 1_000_000));
        for (percent, expected) in [(50, 500.0), (90, 900.0), (99, 990.0)] {
            let found = durations.percentile(percent).expect("there are durations") as f64 / 1e6;
            assert!((1.0..1.05).contains(&(found / expected)), "p{percent}: {found}");
        }
    }

    #[test]
    fn merged_durations_are_those_of_both() {
        let (mut one, mut other) = (Durations::default(), Durations::default());
        one.add(1_000);
        (0..3).for_each(|_| other.add(1_000_000));
        one.merge(&other);
        assert_eq!(one.total, 4);
        assert!(one.percentile(25).is_some_and(|ns| (1_000..1_050).contains(&ns)));
        assert_eq!(one.percentile(50), other.percentile(50));
    }

    #[test]
    fn a_duration_of_zero_counts() {
        let mut durations = Durations::default();
        durations.add(0);
        assert_eq!(durations.percentile(99), Some(1));
    }
}
