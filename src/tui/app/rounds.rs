//! What rounds, events and lists bring to the screen.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::engine::history::Point;
use crate::engine::{Round, Told};
use crate::model::gap::Gap;
use crate::model::moment::Moment;

use super::{App, Effect, Entry, Look, Tab};
use crate::tui::rows::{Listed, RowKey};
use crate::tui::sheet::Sheet;
use crate::tui::view;

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

impl App {
    /// Takes in a round.
    pub fn round(&mut self, look: Look) -> Vec<Effect> {
        let round = &look.round;
        self.failure = None;
        self.note_peaks(round);
        for change in &round.changes {
            self.note(Entry::Alert(change.clone(), look.time.to_string()));
        }
        let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let alerts = round.alerts.iter().map(|standing| {
            format!(
                "{}  {}  {}",
                standing.alert.rule, standing.alert.subject, standing.alert.summary
            )
        });
        let unjudged = round.unknown.iter().map(|unknown| format!("not judged: {}", unknown.rule));
        let early = (!round.judged).then(|| "not judged yet".to_owned());
        let (flows, unknown) = std::mem::take(&mut self.flows);
        self.history.add(Point {
            at: Moment(round.begun_ns),
            tcp: Point::counts(&round.frame.tcp),
            others: [&round.udp, &round.raw, &round.unix].map(|counts| narrow(counts.total())),
            alerts: alerts.chain(unjudged).chain(early).collect(),
            flows,
            unknown,
        });
        self.latest = Some(look.clone());
        if self.pause.is_some() {
            return Vec::new();
        }
        self.shown = Some(look);
        vec![Effect::List]
    }

    fn note_peaks(&mut self, round: &Round) {
        let elapsed_ns =
            self.latest.as_ref().map(|b| round.begun_ns.saturating_sub(b.round.begun_ns));
        let mut peaks = FxHashMap::default();
        for listener in &round.frame.listeners {
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

    /// Takes in what happened between rounds.
    pub fn events(&mut self, events: Vec<(Told, String)>) {
        for (event, at) in events {
            match event {
                Told::Transition(change) => {
                    self.flows.0.add(&change);
                    self.flows.1 += u64::from(!change.is_local());
                    if let Some(pause) = &mut self.pause {
                        pause.missed += 1;
                    }
                    self.note(Entry::Transition(change, at));
                }
                Told::Gap(gap) => self.note(Entry::Gap(gap, at)),
            }
        }
    }

    /// Some of what happened was not taken in: the terminal took no output for
    /// so long.
    pub fn lost(&mut self, count: u64, at: String) {
        let gap = Gap::new("log", "entries are missing: the terminal took no output").count(count);
        self.note(Entry::Gap(gap, at));
    }

    /// Adds to the log.
    fn note(&mut self, entry: Entry) {
        let is_shown = self.log.add(entry);
        let cursor = &mut self.cursors[Tab::Events.index()];
        if is_shown && self.pause.is_none() && cursor.at > 0 {
            // The newest stand first: the cursor stays on its row.
            cursor.at += 1;
            cursor.top += 1;
        }
    }

    /// Takes in a list.
    pub fn list(&mut self, listed: Arc<Listed>) {
        self.resolved(&listed.filter, listed.error.as_ref());
        let kept = self.follow.and_then(|key| {
            let table = &listed.round.table;
            let is_it = |at: &u32| {
                table.get(*at as usize).is_some_and(|row| RowKey::of(&row.socket) == key)
            };
            listed.order.iter().position(is_it)
        });
        if let Some(place) = kept {
            self.cursors[Tab::Sockets.index()].at = place;
        } else if self.follow.take().is_some() {
            self.say("the socket that was followed is gone");
        }
        self.log.refilter(&listed.log_filter);
        if let Some(names) = &listed.names {
            self.details.names.clone_from(names);
        }
        self.details.expire();
        self.listed = Some(listed);
        self.renew_sheet();
    }

    /// Makes the sheet of the tab anew.
    pub fn renew_sheet(&mut self) {
        let sheet = view::sheet(self);
        let before = std::mem::replace(&mut self.sheet, sheet);
        self.keep_order(before);
        if let (Some(sheet), Some((column, down))) =
            (&mut self.sheet, self.orders[self.tab.index()])
        {
            sheet.sort(column, down);
        }
    }

    /// Columns of a sheet come and go: the order is one by title.
    fn keep_order(&mut self, before: Option<Sheet>) {
        let order = &mut self.orders[self.tab.index()];
        let (Some(before), Some(now), Some((column, down))) = (before, &self.sheet, *order) else {
            return;
        };
        let Some(title) = before.columns.get(column).map(|column| &column.title) else { return };
        let place = now.columns.iter().position(|column| column.title == *title);
        *order = place.map(|column| (column, down));
    }

    /// Time passes.
    pub fn tick(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        if self.message.as_ref().is_some_and(|(_, until)| *until <= now_ns) {
            self.message = None;
        }
    }
}
