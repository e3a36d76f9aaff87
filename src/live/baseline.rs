//! An earlier look, to measure growth by.

use std::sync::Arc;

use crate::model::snapshot::{Past, Snapshot};

/// Since when growth is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrowthBase {
    /// Since the first look.
    SinceFirst,
    /// Over the last minute or less: rates of a watch are not those of the day.
    LastMinute,
}

/// With [`GrowthBase::LastMinute`] a look at least this old is measured against …
const RIPE_MS: u64 = 30_000;

/// The look that growth is measured against, and the one that will be: two at
/// the most, so that the memory is bounded.
pub(super) struct Baseline {
    growth: GrowthBase,
    used: Option<(u64, Arc<Snapshot>)>,
    next: Option<(u64, Arc<Snapshot>)>,
}

impl Baseline {
    pub(super) fn new(growth: GrowthBase) -> Self {
        Self { growth, used: None, next: None }
    }

    /// Returns the earlier look as one at `at_ms` sees it.
    pub(super) fn past(&self, at_ms: u64) -> Option<Past> {
        self.used.as_ref().map(|(past_ms, snapshot)| Past {
            snapshot: Arc::clone(snapshot),
            elapsed_ms: at_ms.saturating_sub(*past_ms),
        })
    }

    /// Keeps a look where it is one to measure by.
    pub(super) fn remember(&mut self, snapshot: &Arc<Snapshot>, at_ms: u64) {
        let now = Some((at_ms, Arc::clone(snapshot)));
        let ripe = self.next.as_ref().is_none_or(|(ms, _)| at_ms.saturating_sub(*ms) >= RIPE_MS);
        if self.used.is_none() {
            self.used = now;
        } else if self.growth == GrowthBase::LastMinute
            && ripe
            && let Some(ripe) = std::mem::replace(&mut self.next, now)
        {
            self.used = Some(ripe);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the time that each of these looks measures back, in seconds.
    fn reaches(growth: GrowthBase, looks: impl Iterator<Item = u64>) -> Vec<Option<u64>> {
        let mut baseline = Baseline::new(growth);
        let look = |s: u64| {
            let past = baseline.past(s * 1_000).map(|past| past.elapsed_ms / 1_000);
            baseline.remember(&Arc::default(), s * 1_000);
            past
        };
        looks.map(look).collect()
    }

    #[test]
    fn growth_is_measured_from_the_first_look_or_over_a_minute() {
        let from_first = reaches(GrowthBase::SinceFirst, (0..300).step_by(100));
        assert_eq!(from_first, [None, Some(100), Some(200)]);
        let minute = reaches(GrowthBase::LastMinute, 0..600);
        assert_eq!(minute[..3], [None, Some(1), Some(2)]);
        let later: Vec<u64> = minute[100..].iter().copied().flatten().collect();
        assert!(later.iter().all(|s| (30..=60).contains(s)), "{later:?}");
    }
}
