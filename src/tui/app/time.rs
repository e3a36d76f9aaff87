//! The moment that is shown: the screen held, steps back, the interval.

use crate::live::history::Point;
use crate::model::human;
use crate::model::moment::Moment;
use crate::tui::keys::TimeAction;

use super::{App, Effect, LogEntry, TabRows};

/// The steps of + and -, milliseconds.
const INTERVALS: [u64; 11] =
    [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 300_000];

/// The screen is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Since when, nanoseconds.
    pub since_ns: u64,
    /// Transitions since.
    pub missed: u64,
    /// The number of the first entry of the log since.
    log_end: u64,
    /// The point of the history that is shown.
    at: Moment,
}

/// The time between two rounds, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The interval that is wanted.
    pub wanted_ms: u64,
    /// The interval that is kept: longer where the CPU budget demands it.
    pub kept_ms: u64,
}

impl Interval {
    /// Returns the time after which the next round is due.
    pub fn due_ms(self) -> u64 {
        self.kept_ms.max(self.wanted_ms)
    }
}

impl App {
    /// Does what a key of time stands for.
    pub(super) fn act_on_time(&mut self, action: TimeAction) -> Vec<Effect> {
        match action {
            TimeAction::Pause => self.toggle_pause(),
            TimeAction::Earlier => self.step(1),
            TimeAction::Later => self.step(-1),
            TimeAction::Faster => self.change_interval(false),
            TimeAction::Slower => self.change_interval(true),
        }
    }

    /// Returns the point of the history that is shown.
    pub fn point(&self) -> Option<&Point> {
        self.looks.history.back(self.back())
    }

    /// Returns how many points back the screen is.
    pub fn back(&self) -> usize {
        self.pause.map_or(0, |pause| self.looks.history.since(pause.at))
    }

    /// Returns what of the log the filter lets through, newest first; while the
    /// screen is held as it was then.
    pub fn entries(&self) -> impl Iterator<Item = &LogEntry> {
        self.log.shown_before(self.log_end())
    }

    /// Returns the same without the filter.
    pub fn all_entries(&self) -> impl Iterator<Item = &LogEntry> {
        self.log.before(self.log_end())
    }

    /// Returns an entry of the log as it is shown.
    pub fn entry(&self, index: usize) -> Option<&LogEntry> {
        self.entries().nth(index)
    }

    /// Returns where the log ends on the screen.
    fn log_end(&self) -> u64 {
        self.pause.map_or(self.log.end(), |pause| pause.log_end)
    }

    fn toggle_pause(&mut self) -> Vec<Effect> {
        // It would stand where the pause is told of.
        self.message = None;
        if let Some(pause) = self.pause.take() {
            let newer = self.log.shown_since(pause.log_end);
            let cursor = &mut self.tabs.of_mut(TabRows::Log).cursor;
            if cursor.at > 0 {
                // It stays on its row.
                cursor.at += newer;
                cursor.top += newer;
            }
            self.looks.shown.clone_from(&self.looks.latest);
            return vec![Effect::List];
        }
        self.looks.history.hold();
        let at = self.looks.history.back(0).map_or(Moment(0), |point| point.at);
        self.pause = Some(Pause { since_ns: self.now_ns, missed: 0, log_end: self.log.end(), at });
        Vec::new()
    }

    fn step(&mut self, by: isize) -> Vec<Effect> {
        let last = self.looks.history.len().saturating_sub(1);
        let back = self.back().saturating_add_signed(by).min(last);
        let at = self.looks.history.back(back).map(|point| point.at);
        let Some(pause) = &mut self.pause else {
            return self
                .only_say("[ and ] step through the last 10 minutes while paused: p pauses");
        };
        pause.at = at.unwrap_or(pause.at);
        Vec::new()
    }

    fn change_interval(&mut self, slower: bool) -> Vec<Effect> {
        let now_ms = self.interval.wanted_ms;
        let next = if slower {
            INTERVALS.into_iter().find(|ms| *ms > now_ms)
        } else {
            INTERVALS.into_iter().rev().find(|ms| *ms < now_ms)
        };
        self.interval.wanted_ms = next.unwrap_or(now_ms);
        self.say(format!("a look every {}", human::duration(self.interval.wanted_ms)));
        vec![Effect::Control]
    }
}
