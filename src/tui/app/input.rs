//! The effects of keys and clicks.

use crossterm::event::{
    Event, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::Position;

use crate::tui::grid::Cursor;
use crate::tui::keys::{Action, Leaving, Move, RowAction, ShowAction, ToTab};

use super::{App, Effect, FilterBox, Hit, Overlay, TabRows};

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
        let action = self.fixed.keymap.action(key);
        if !is_text && action == Some(Action::Leave(Leaving::Suspend)) {
            // Whatever lies over the screen.
            return vec![Effect::Suspend];
        }
        if self.filter.edit.is_some() {
            return self.filter.key(key);
        }
        if self.overlay.is_some() {
            return self.overlay_key(key);
        }
        match action {
            Some(action) => self.act(action),
            None => {
                let help = self.fixed.keymap.key_of(Action::Show(ShowAction::Help)).to_owned();
                self.only_say(format!("this key does nothing; {help} shows those that do"))
            }
        }
    }

    /// Does what a key stands for.
    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Leave(how) => vec![leave(how)],
            Action::Tab(to) => self.change_tab(to),
            Action::Move(by) => self.go(by),
            Action::Row(action) => self.act_on_row(action),
            Action::Back => self.back_out(),
            Action::Filter(action) => self.act_on_filter(action),
            Action::Sort(action) => self.act_on_order(action),
            Action::Time(action) => self.act_on_time(action),
            Action::Show(action) => self.act_on_view(action),
        }
    }

    fn change_tab(&mut self, to: ToTab) -> Vec<Effect> {
        let (at, len) = (self.tabs.at, self.tabs.all().len());
        self.go_to(match to {
            ToTab::Next => (at + 1) % len,
            ToTab::Previous => (at + len - 1) % len,
            ToTab::Number(index) => index.into(),
        })
    }

    fn go_to(&mut self, index: usize) -> Vec<Effect> {
        if index >= self.tabs.all().len() {
            return Vec::new();
        }
        if let Some(sheet) = &mut self.tabs.state_mut().sheet {
            // Its columns say what the order is by; the rows may be many.
            sheet.rows = Vec::new();
        }
        self.tabs.at = index;
        self.renew_sheet();
        vec![Effect::Control, Effect::List]
    }

    /// Goes to the listed sockets.
    fn go_to_sockets(&mut self) -> Vec<Effect> {
        self.go_to(self.tabs.place_of(TabRows::Sockets))
    }

    /// Lists anew, and goes to the sockets unless that can be seen on this tab.
    pub(super) fn list_where_seen(&mut self, is_seen: bool) -> Vec<Effect> {
        if is_seen { vec![Effect::List] } else { self.go_to_sockets() }
    }

    fn go(&mut self, by: Move) -> Vec<Effect> {
        let len = self.len();
        let rows = by.rows(self.drawn.page);
        self.cursor().go(rows, len);
        self.unfollow();
        Vec::new()
    }

    fn act_on_row(&mut self, action: RowAction) -> Vec<Effect> {
        match action {
            RowAction::Open => self.open_row(),
            RowAction::DetailsDown => self.scroll_details(1),
            RowAction::DetailsUp => self.scroll_details(-1),
            RowAction::Pin => self.pin(),
            RowAction::Follow => self.toggle_follow(),
            RowAction::Act => self.open_acts(),
            RowAction::Explain => {
                match self.tabs.shown().subject(self, self.tabs.state().cursor.at) {
                    Some(name) => vec![Effect::Explain(name)],
                    None => self.only_say("there is nothing here to explain"),
                }
            }
        }
    }

    fn open_row(&mut self) -> Vec<Effect> {
        if self.shows_sockets() {
            self.sockets.detail = !self.sockets.detail;
            return vec![Effect::List];
        }
        let Some(filter) = self.tabs.shown().filter_of(self, self.tabs.state().cursor.at) else {
            return self.only_say("there are no sockets to show for this");
        };
        self.filter.set(&filter);
        if self.filter.error.take().is_some() {
            // A name that the language has no way to write.
            return self.only_say("no filter selects this");
        }
        let mut effects = self.go_to_sockets();
        *self.cursor() = Cursor::default();
        effects.push(Effect::Control);
        effects
    }

    fn back_out(&mut self) -> Vec<Effect> {
        if self.sockets.detail && self.shows_sockets() {
            self.sockets.detail = false;
            return Vec::new();
        }
        self.filter = FilterBox::default();
        vec![Effect::Control, Effect::List]
    }

    fn act_on_view(&mut self, action: ShowAction) -> Vec<Effect> {
        match action {
            ShowAction::Help => self.open(Overlay::Help),
            ShowAction::GroupBy => self.group_by_next(),
            ShowAction::Names => {
                self.services = self.services.other();
                vec![Effect::List]
            }
            ShowAction::Wide => self.change_columns(|sockets| sockets.toggle_wide()),
            ShowAction::Columns => self.open(Overlay::Columns(Cursor::default())),
            ShowAction::Command => {
                self.show("the same as".to_owned(), self.command_lines());
                Vec::new()
            }
            ShowAction::Export => self.open(Overlay::Export),
        }
    }

    fn group_by_next(&mut self) -> Vec<Effect> {
        let ways = self.tabs.shown().ways();
        if ways < 2 {
            return self.only_say("there are no groups here");
        }
        let state = self.tabs.state_mut();
        state.way = (state.way + 1) % ways;
        vec![Effect::List]
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.wheel(-3),
            MouseEventKind::ScrollDown => self.wheel(3),
            MouseEventKind::Down(MouseButton::Left) if self.overlay.is_none() => {
                let at = Position::new(mouse.column, mouse.row);
                let hit = self.drawn.hits.iter().rev().find(|(place, _)| place.contains(at));
                hit.map(|(_, hit)| *hit).map_or_else(Vec::new, |hit| self.click(hit))
            }
            _ => Vec::new(),
        }
    }

    fn click(&mut self, hit: Hit) -> Vec<Effect> {
        match hit {
            Hit::Tab(index) => self.go_to(index),
            Hit::Head(column) => self.sort_by(column),
            Hit::Row(index) if self.cursor().at == index => self.open_row(),
            Hit::Row(index) => {
                self.unfollow();
                self.cursor().at = index;
                Vec::new()
            }
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

fn leave(how: Leaving) -> Effect {
    match how {
        Leaving::Quit => Effect::Quit(false),
        Leaving::QuitKeep => Effect::Quit(true),
        Leaving::Suspend => Effect::Suspend,
    }
}
