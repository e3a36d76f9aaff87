//! What a tab is: its title, its rows, how it is drawn, and the state that every
//! tab has. The tabs themselves are in [`crate::tui::tabs`].

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::live::{Round, Wishes};
use crate::tui::grid::{Cursor, Texts};
use crate::tui::rows::Job;
use crate::tui::sheet::Sheet;

use super::App;

/// The kind of rows that a tab has, where keys of their own are for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TabRows {
    /// The listed sockets.
    Sockets,
    /// The log.
    Log,
    /// Others.
    Others,
}

/// A tab. What it does not say of itself is so for one that shows a sheet.
pub trait TabView: Sync {
    /// Returns its title; in lower case it is the name of its key.
    fn title(&self) -> &'static str;

    /// Returns what its rows are.
    fn rows(&self) -> TabRows {
        TabRows::Others
    }

    /// Returns how many rows it has.
    fn len(&self, app: &App) -> usize {
        app.sheet().map_or(0, |sheet| sheet.rows.len())
    }

    /// Returns whether the filter decides what it shows.
    fn is_filtered(&self) -> bool {
        false
    }

    /// Returns whether it can show only what an alert is about.
    fn has_faults(&self) -> bool {
        false
    }

    /// Returns in how many ways it can show its rows: what the key that groups
    /// goes through.
    fn ways(&self) -> usize {
        1
    }

    /// Returns what the key that opens a row shows, if it shows anything.
    fn opens(&self) -> Option<&'static str> {
        Some("sockets")
    }

    /// Adds what it needs of each round.
    fn wish(&self, _wishes: &mut Wishes) {}

    /// Adds what it needs of the list.
    fn adjust(&self, _app: &App, _job: &mut Job) {}

    /// Makes its sheet, where it shows one.
    fn sheet(&self, _app: &App, _round: &Round) -> Option<Sheet> {
        None
    }

    /// Draws it.
    fn draw(&self, app: &mut App, buffer: &mut Buffer, area: Rect);

    /// Returns the name of what a row is explained by.
    fn subject(&self, app: &App, row: usize) -> Option<String>;

    /// Returns the filter that selects the sockets behind a row.
    fn filter_of(&self, app: &App, row: usize) -> Option<String> {
        app.sheet()?.rows.get(row)?.filter.clone()
    }

    /// Returns the command line that shows the same, in parts.
    fn command(&self, app: &App) -> Vec<String>;

    /// Returns its table as text for a file.
    fn texts(&self, app: &App) -> Option<Texts> {
        let sheet = app.sheet()?;
        Some(Texts::of(&sheet.columns, sheet.rows.iter().map(|row| row.cells.clone())))
    }
}

/// The state that every tab has.
#[derive(Debug, Default)]
pub struct TabState {
    /// The selected row, and the first one on the screen.
    pub cursor: Cursor,
    /// The column it is sorted by, and whether the largest come first.
    pub order: Option<(usize, bool)>,
    /// The index of the way in which its rows are shown, of those that it has.
    pub way: usize,
    /// Its sheet, where it shows one.
    pub sheet: Option<Sheet>,
}

/// Every tab in its place.
pub type All = &'static [&'static dyn TabView];

/// The tabs, their states, and which one is shown.
pub struct Tabs {
    all: All,
    /// The place of the one that is shown.
    pub at: usize,
    /// The state of each, by its place.
    pub states: Vec<TabState>,
}

impl Tabs {
    /// Shows the first one.
    pub fn new(all: All) -> Self {
        let states = all.iter().map(|_| TabState::default()).collect();
        Self { all, at: 0, states }
    }

    /// Returns every tab.
    pub fn all(&self) -> All {
        self.all
    }

    /// Returns the one that is shown.
    pub fn shown(&self) -> &'static dyn TabView {
        self.all[self.at]
    }

    /// Returns the state of the one that is shown.
    pub fn state(&self) -> &TabState {
        &self.states[self.at]
    }

    /// Returns it to change it.
    pub fn state_mut(&mut self) -> &mut TabState {
        &mut self.states[self.at]
    }

    /// Returns the place of the tab that has such rows.
    pub fn place_of(&self, rows: TabRows) -> usize {
        self.all.iter().position(|tab| tab.rows() == rows).unwrap_or(0)
    }

    /// Returns the state of the tab that has such rows.
    pub fn of(&self, rows: TabRows) -> &TabState {
        &self.states[self.place_of(rows)]
    }

    /// Returns it to change it.
    pub fn of_mut(&mut self, rows: TabRows) -> &mut TabState {
        let place = self.place_of(rows);
        &mut self.states[place]
    }
}
