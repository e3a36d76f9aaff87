//! The rounds as the screen sees them: the newest, the one that is shown, and
//! what is counted over several.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::live::Round;
use crate::live::history::{History, Point};
use crate::matrix::Matrix;
use crate::model::moment::Moment;
use crate::model::transition::Transition;

/// A round, with the time of day at which it began: as text, since the time zone
/// is in a file.
#[derive(Clone)]
pub struct TimedRound {
    /// The round.
    pub round: Arc<Round>,
    /// `HH:MM:SS`.
    pub time: Arc<str>,
}

/// Highs and rates of a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Peak {
    /// The longest queue seen.
    pub queue: u32,
    /// Drops at the look before.
    drops: Option<u32>,
    /// Drops a second.
    pub drops_per_second: Option<f64>,
}

/// The looks so far.
#[derive(Default)]
pub struct Looks {
    /// The newest one.
    pub latest: Option<TimedRound>,
    /// The one that is shown.
    pub shown: Option<TimedRound>,
    /// The reason why the last round failed.
    pub failure: Option<String>,
    /// Counts of the last minutes.
    pub history: History,
    /// Peaks of listeners by inode.
    pub peaks: FxHashMap<u32, Peak>,
    /// Transitions since the last round, and how many may be of elsewhere.
    flows: (Matrix, u64),
}

impl Looks {
    /// Returns the round that is shown.
    pub fn round(&self) -> Option<&Arc<Round>> {
        self.shown.as_ref().map(|look| &look.round)
    }

    /// Returns why there was no look at all, where every one failed.
    pub fn never(&self) -> Option<&str> {
        self.failure.as_deref().filter(|_| self.latest.is_none())
    }

    /// Counts a transition for the next round.
    pub fn count(&mut self, change: &Transition) {
        self.flows.0.add(change);
        self.flows.1 += u64::from(!change.is_local());
    }

    /// Takes in a look, to be shown unless the screen is held.
    pub fn take(&mut self, look: TimedRound, is_held: bool) {
        self.failure = None;
        self.note_peaks(&look.round);
        let (flows, unknown) = std::mem::take(&mut self.flows);
        self.history.add(point(&look.round, flows, unknown));
        if !is_held {
            self.shown = Some(look.clone());
        }
        self.latest = Some(look);
    }

    fn note_peaks(&mut self, round: &Round) {
        let before = self.latest.as_ref().map(|look| look.round.begun_ns);
        let elapsed_ns = before.map(|before_ns| round.begun_ns.saturating_sub(before_ns));
        let mut peaks = FxHashMap::default();
        for listener in &round.snapshot.listeners {
            let before = self.peaks.get(&listener.socket.inode).copied().unwrap_or_default();
            let drops = listener.queue.drops;
            let more = drops.zip(before.drops).map(|(now, then)| now.wrapping_sub(then));
            let rate =
                more.zip(elapsed_ns).map(|(more, ns)| f64::from(more) * 1e9 / ns.max(1) as f64);
            let queue = before.queue.max(listener.queue.len.unwrap_or(0));
            peaks.insert(listener.socket.inode, Peak { queue, drops, drops_per_second: rate });
        }
        self.peaks = peaks;
    }
}

/// Returns what the history keeps of a round, with the transitions before it.
fn point(round: &Round, flows: Matrix, unknown: u64) -> Point {
    let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let alerts = round.judged.firing.iter().map(|standing| {
        format!("{}  {}  {}", standing.alert.rule, standing.alert.subject, standing.alert.summary)
    });
    let unjudged =
        round.judged.unknown.iter().map(|unknown| format!("not judged: {}", unknown.rule));
    let early = (round.judged.waits).then(|| "not judged yet".to_owned());
    Point {
        at: Moment(round.begun_ns),
        tcp: Point::counts(&round.snapshot.tcp),
        others: [&round.udp, &round.raw, &round.unix].map(|counts| narrow(counts.total())),
        alerts: alerts.chain(unjudged).chain(early).collect(),
        flows,
        unknown,
    }
}
