//! Updates of the screen by rounds, events and lists.

use std::sync::Arc;

use crate::live::StreamItem;
use crate::model::gap::Gap;
use crate::tui::row_details::{Fetched, Request};
use crate::tui::rows::{Listed, RowKey};

use super::{App, Effect, LogEntry, TabRows, TimedRound};

impl App {
    /// Takes in a round.
    pub fn round(&mut self, look: TimedRound) -> Vec<Effect> {
        for change in &look.round.judged.changes {
            self.note(LogEntry::Alert(change.clone(), look.time.to_string()));
        }
        let is_held = self.pause.is_some();
        self.looks.take(look, is_held);
        if is_held { Vec::new() } else { vec![Effect::List] }
    }

    /// Takes in what happened between rounds.
    pub fn events(&mut self, events: Vec<(StreamItem, String)>) {
        for (event, at) in events {
            match event {
                StreamItem::Transition(change) => {
                    self.looks.count(&change);
                    if let Some(pause) = &mut self.pause {
                        pause.missed += 1;
                    }
                    self.note(LogEntry::Transition(change, at));
                }
                StreamItem::Gap(gap) => self.note(LogEntry::Gap(gap, at)),
            }
        }
    }

    /// Notes that some of what happened was not taken in: the terminal took no
    /// output for so long.
    pub fn lost(&mut self, count: u64, at: String) {
        let gap = Gap::new("log", "entries are missing: the terminal took no output").count(count);
        self.note(LogEntry::Gap(gap, at));
    }

    /// Adds to the log.
    fn note(&mut self, entry: LogEntry) {
        let is_shown = self.log.add(entry);
        let cursor = &mut self.tabs.of_mut(TabRows::Log).cursor;
        if is_shown && self.pause.is_none() && cursor.at > 0 {
            // The newest stand first: the cursor stays on its row.
            cursor.at += 1;
            cursor.top += 1;
        }
    }

    /// Takes in a list.
    pub fn list(&mut self, listed: Arc<Listed>) {
        self.filter.resolved(&listed.filter, listed.error.as_ref());
        let kept = self.sockets.follow.and_then(|key| {
            let table = &listed.round.table;
            let is_it = |at: &u32| {
                table.get(*at as usize).is_some_and(|row| RowKey::of(&row.socket) == key)
            };
            listed.order.iter().position(is_it)
        });
        if let Some(place) = kept {
            self.tabs.of_mut(TabRows::Sockets).cursor.at = place;
        } else if self.sockets.follow.take().is_some() {
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

    /// Returns what is to be fetched of the rows on the screen, if anything is
    /// by now.
    pub fn fetch(&mut self) -> Option<Request> {
        let request = Request {
            sockets: self.on_screen(),
            pids: self.holders_of_selected(),
            services: self.services,
            is_held: self.pause.is_some(),
        };
        self.details.due(request, self.now_ns)
    }

    /// Takes in what was fetched.
    pub fn fetched(&mut self, fetched: Fetched) {
        self.details.take(fetched);
    }

    /// Lets time pass.
    pub fn tick(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        if self.message.as_ref().is_some_and(|message| message.until_ns <= now_ns) {
            self.message = None;
        }
    }
}
