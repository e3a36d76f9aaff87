//! What keys and clicks do.

use crossterm::event::{
    Event, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use crate::model::human;
use crate::model::identity::Identity;
use crate::model::moment::Moment;
use crate::model::socket::Ends;
use crate::rules::alert_filter;

use super::{App, Effect, Entry, FilterBox, GROUP_KEYS, Hit, Overlay, Pause, TABS, Tab};
use crate::tui::grid::Cursor;
use crate::tui::keys::Action;

/// The steps of + and -, milliseconds.
const INTERVALS: [u64; 11] =
    [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 300_000];

impl App {
    /// Takes in a key, a click, a new size.
    pub fn event(&mut self, event: &Event) -> Vec<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Mouse(mouse) => self.mouse(*mouse),
            _ => Vec::new(),
        }
    }

    fn key(&mut self, key: &KeyEvent) -> Vec<Effect> {
        let is_text = self.filter.edit.is_some() && !key.modifiers.contains(KeyModifiers::CONTROL);
        if !is_text && self.fixed.keymap.action(key) == Some(Action::Suspend) {
            // Whatever lies over the screen.
            return vec![Effect::Suspend];
        }
        if self.filter.edit.is_some() {
            return self.type_filter(key);
        }
        if self.overlay.is_some() {
            return self.overlay_key(key);
        }
        match self.fixed.keymap.action(key) {
            Some(action) => self.act(action),
            None => {
                let help = self.fixed.keymap.key_of(Action::Help).to_owned();
                self.say(format!("this key does nothing; {help} shows those that do"));
                Vec::new()
            }
        }
    }

    /// Does what a key stands for.
    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        let (len, page) = (self.len(), self.page.max(1) as isize);
        let go = |app: &mut Self, by: isize| {
            app.cursor().go(by, len);
            app.unfollow();
            Vec::new()
        };
        match action {
            Action::Quit => vec![Effect::Quit(false)],
            Action::QuitKeep => vec![Effect::Quit(true)],
            Action::Suspend => vec![Effect::Suspend],
            Action::Help => self.open(Overlay::Help),
            Action::NextTab => self.go_to((self.tab.index() + 1) % TABS.len()),
            Action::PreviousTab => self.go_to((self.tab.index() + TABS.len() - 1) % TABS.len()),
            Action::Tab(index) => self.go_to(index.into()),
            Action::Up => go(self, -1),
            Action::Down => go(self, 1),
            Action::PageUp => go(self, -page),
            Action::PageDown => go(self, page),
            Action::First => go(self, isize::MIN),
            Action::Last => go(self, isize::MAX),
            Action::Open => self.open_row(),
            Action::DetailsDown => self.scroll_details(1),
            Action::DetailsUp => self.scroll_details(-1),
            Action::Back => self.back_out(),
            Action::Filter => {
                let effects = self.go_where(Tab::is_filtered);
                self.edit_filter();
                effects
            }
            Action::Invert if self.filter.filter.is_none() => {
                self.only_say("there is no filter to invert")
            }
            Action::Invert => {
                self.filter.invert = !self.filter.invert;
                self.go_where(Tab::is_filtered)
            }
            Action::Sort => self.sort_by_next(),
            Action::Reverse => self.reverse(),
            Action::Pin => self.pin(),
            Action::Follow => self.toggle_follow(),
            Action::Faults => {
                self.faults = !self.faults;
                self.go_where(Tab::has_faults)
            }
            Action::Pause => self.toggle_pause(),
            Action::Earlier => self.step(1),
            Action::Later => self.step(-1),
            Action::Faster => self.change_interval(false),
            Action::Slower => self.change_interval(true),
            Action::GroupBy => {
                self.group = (self.group + 1) % GROUP_KEYS.len();
                vec![Effect::List]
            }
            Action::Names => {
                self.names = !self.names;
                vec![Effect::List]
            }
            Action::Wide => {
                self.wide = !self.wide;
                self.columns.clear();
                // It names a column by its place.
                self.orders[Tab::Sockets.index()] = None;
                vec![Effect::Control, Effect::List]
            }
            Action::Columns => self.open(Overlay::Columns(Cursor::default())),
            Action::Command => {
                self.show("the same as".to_owned(), self.command_lines());
                Vec::new()
            }
            Action::Export => self.open(Overlay::Export),
            Action::Act => self.open_acts(),
            Action::Explain => match self.subject() {
                Some(name) => vec![Effect::Explain(name)],
                None => self.only_say("there is nothing here to explain"),
            },
        }
    }

    fn go_to(&mut self, index: usize) -> Vec<Effect> {
        let Some((tab, _)) = TABS.get(index) else { return Vec::new() };
        self.tab = *tab;
        // That of the tab before.
        self.sheet = None;
        self.renew_sheet();
        vec![Effect::Control, Effect::List]
    }

    /// Lists anew, in Sockets unless the tab is one of those where that can be
    /// seen.
    fn go_where(&mut self, is_seen: fn(Tab) -> bool) -> Vec<Effect> {
        if is_seen(self.tab) { vec![Effect::List] } else { self.go_to(Tab::Sockets.index()) }
    }

    fn unfollow(&mut self) {
        if self.tab == Tab::Sockets {
            self.follow = None;
        }
    }

    fn open_row(&mut self) -> Vec<Effect> {
        let at = self.cursor().at;
        let filter = match self.tab {
            Tab::Sockets => {
                self.detail = !self.detail;
                return vec![Effect::List];
            }
            Tab::Overview => {
                let round = self.shown_round();
                let alert = round.and_then(|round| Some((round, round.judged.firing.get(at)?)));
                alert.and_then(|(round, s)| {
                    alert_filter::filter_of(&s.alert, &round.frame, &self.fixed.own)
                })
            }
            Tab::Events => match self.entry(at) {
                Some(Entry::Transition(change, _)) => filter_of_ends(&change.identity),
                _ => None,
            },
            Tab::Listeners | Tab::Groups | Tab::Ports => {
                let row = self.sheet.as_ref().and_then(|sheet| sheet.rows.get(at));
                row.and_then(|row| row.filter.clone())
            }
            Tab::Map => None,
        };
        let Some(filter) = filter else {
            return self.only_say("there are no sockets to show for this");
        };
        self.set_filter(&filter);
        if self.filter.error.take().is_some() {
            // A name that the language has no way to write.
            return self.only_say("no filter selects this");
        }
        let mut effects = self.go_to(Tab::Sockets.index());
        self.cursors[Tab::Sockets.index()] = Cursor::default();
        effects.push(Effect::Control);
        effects
    }

    /// Scrolls by so many pages; where it ends is known when it is drawn.
    fn scroll_details(&mut self, pages: isize) -> Vec<Effect> {
        if !self.detail || self.tab != Tab::Sockets {
            let open = self.fixed.keymap.key_of(Action::Open);
            let text = format!("no details are open: {open} opens those of a socket");
            return self.only_say(&text);
        }
        let by = pages * self.scroll.page.max(1) as isize;
        self.scroll.top = self.scroll.top.saturating_add_signed(by);
        Vec::new()
    }

    fn only_say(&mut self, text: &str) -> Vec<Effect> {
        self.say(text);
        Vec::new()
    }

    fn back_out(&mut self) -> Vec<Effect> {
        if self.detail && self.tab == Tab::Sockets {
            self.detail = false;
            return Vec::new();
        }
        self.faults = false;
        self.filter = FilterBox::default();
        vec![Effect::Control, Effect::List]
    }

    fn sort_by_next(&mut self) -> Vec<Effect> {
        let columns = match (self.tab, &self.sheet) {
            (Tab::Sockets, _) => self.fields().len(),
            (_, Some(sheet)) => sheet.columns.len(),
            _ => return self.only_say("there is nothing to sort here"),
        };
        let order = &mut self.orders[self.tab.index()];
        *order = match *order {
            None => Some((0, false)),
            Some((column, _)) if column + 1 < columns => Some((column + 1, false)),
            Some(_) => None,
        };
        self.reorder()
    }

    /// Sorts by a column, or turns its order round.
    fn sort_by(&mut self, column: usize) -> Vec<Effect> {
        let order = &mut self.orders[self.tab.index()];
        *order = match *order {
            Some((now, down)) if now == column => Some((column, !down)),
            _ => Some((column, false)),
        };
        self.reorder()
    }

    fn reverse(&mut self) -> Vec<Effect> {
        let Some((_, down)) = &mut self.orders[self.tab.index()] else {
            return self.only_say("sort first: there is no order to turn round");
        };
        *down = !*down;
        self.reorder()
    }

    fn reorder(&mut self) -> Vec<Effect> {
        self.renew_sheet();
        vec![Effect::Control, Effect::List]
    }

    fn pin(&mut self) -> Vec<Effect> {
        let Some(key) = self.selected() else { return Vec::new() };
        if !self.pins.remove(&key) {
            self.pins.insert(key);
        }
        vec![Effect::List]
    }

    fn toggle_follow(&mut self) -> Vec<Effect> {
        self.follow = if self.follow.is_some() { None } else { self.selected() };
        self.say(if self.follow.is_some() {
            "the cursor follows this socket"
        } else {
            "follows no socket"
        });
        Vec::new()
    }

    fn toggle_pause(&mut self) -> Vec<Effect> {
        // It would stand where the pause is told of.
        self.message = None;
        if let Some(pause) = self.pause.take() {
            let newer = self.log.shown_since(pause.log_end);
            let cursor = &mut self.cursors[Tab::Events.index()];
            if cursor.at > 0 {
                // It stays on its row.
                cursor.at += newer;
                cursor.top += newer;
            }
            self.shown.clone_from(&self.latest);
            return vec![Effect::List];
        }
        self.history.hold();
        let at = self.history.back(0).map_or(Moment(0), |point| point.at);
        self.pause = Some(Pause { since_ns: self.now_ns, missed: 0, log_end: self.log.end(), at });
        Vec::new()
    }

    fn step(&mut self, by: isize) -> Vec<Effect> {
        let last = self.history.len().saturating_sub(1);
        let back = self.back().saturating_add_signed(by).min(last);
        let at = self.history.back(back).map(|point| point.at);
        match (&mut self.pause, at) {
            (Some(pause), Some(at)) => pause.at = at,
            (Some(_), None) => {}
            (None, _) => {
                self.say("[ and ] step through the last 10 minutes while paused: p pauses");
            }
        }
        Vec::new()
    }

    fn change_interval(&mut self, slower: bool) -> Vec<Effect> {
        let next = if slower {
            INTERVALS.into_iter().find(|ms| *ms > self.interval_ms)
        } else {
            INTERVALS.into_iter().rev().find(|ms| *ms < self.interval_ms)
        };
        self.interval_ms = next.unwrap_or(self.interval_ms);
        self.say(format!("a look every {}", human::duration(self.interval_ms)));
        vec![Effect::Control]
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.wheel(-3),
            MouseEventKind::ScrollDown => self.wheel(3),
            MouseEventKind::Down(MouseButton::Left) if self.overlay.is_none() => {
                let at = ratatui::layout::Position::new(mouse.column, mouse.row);
                let hit = self.hits.iter().rev().find(|(place, _)| place.contains(at));
                match hit.map(|(_, hit)| *hit) {
                    Some(Hit::Tab(index)) => self.go_to(index),
                    Some(Hit::Head(column)) => self.sort_by(column),
                    Some(Hit::Row(index)) if self.cursor().at == index => self.open_row(),
                    Some(Hit::Row(index)) => {
                        self.unfollow();
                        self.cursor().at = index;
                        Vec::new()
                    }
                    None => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    fn wheel(&mut self, by: isize) -> Vec<Effect> {
        if let Some(Overlay::Page { top, .. }) = &mut self.overlay {
            *top = top.saturating_add_signed(by);
            return Vec::new();
        }
        let len = self.len();
        self.cursor().go(by, len);
        self.unfollow();
        Vec::new()
    }
}

/// A filter that selects one socket: by its cookie, or by its ends where an
/// event told no cookie.
fn filter_of_ends(who: &Identity) -> Option<String> {
    if who.cookie != 0 {
        return Some(format!("cookie {:#x}", who.cookie));
    }
    let Ends::Inet { local, remote } = who.ends else { return None };
    let local = (local.port != 0).then(|| format!("sport {}", local.port));
    let remote =
        (remote.port != 0).then(|| format!("dst {} and dport {}", remote.address, remote.port));
    match (local, remote) {
        (Some(local), Some(remote)) => Some(format!("{local} and {remote}")),
        (local, remote) => local.or(remote),
    }
}
