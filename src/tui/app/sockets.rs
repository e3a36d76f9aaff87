//! What is shown of sockets: which columns, which of them stand on top, whose
//! details are open.

use crate::model::hash::KeyedSet;
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::query::fields::{Field, Order};
use crate::tui::keys::{Action, RowAction};
use crate::tui::rows::RowKey;

use super::{App, Effect, TabRows};

/// The scroll position of the details; those of another socket begin at their
/// top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    /// The socket whose details they are.
    pub of: Option<RowKey>,
    /// The first line that is shown.
    pub top: usize,
    /// Lines that have room.
    pub page: usize,
}

/// The view of the socket list.
#[derive(Debug, Default)]
pub struct SocketsView {
    /// Those on top.
    pub pins: KeyedSet<RowKey>,
    /// The one that the cursor keeps to.
    pub follow: Option<RowKey>,
    /// True while details are open.
    pub detail: bool,
    /// The scroll position of the details.
    pub scroll: Scroll,
    /// True where more columns are shown.
    wide: bool,
    /// Columns that were chosen.
    columns: Vec<Field>,
}

/// The columns, and those of the wide form.
const NARROW: [&str; 8] = ["proto", "state", "recvq", "sendq", "local", "remote", "age", "process"];
const WIDE: [&str; 14] = [
    "proto", "state", "recvq", "sendq", "local", "remote", "age", "timer", "retrans", "rtt_us",
    "uid", "inode", "cookie", "process",
];

impl SocketsView {
    /// Returns the columns.
    pub fn fields(&self) -> Vec<Field> {
        if !self.columns.is_empty() {
            return self.columns.clone();
        }
        let names: &[&str] = if self.wide { &WIDE } else { &NARROW };
        names.iter().filter_map(|name| Field::parse(name)).collect()
    }

    /// Returns the columns that were chosen.
    pub fn chosen(&self) -> &[Field] {
        &self.columns
    }

    /// Turns between the usual columns and more.
    pub fn toggle_wide(&mut self) {
        self.wide = !self.wide;
        self.columns.clear();
    }

    /// Takes a column in, or out unless it is the last.
    pub fn toggle_column(&mut self, field: Field) {
        let mut columns = self.fields();
        match columns.iter().position(|other| other.name() == field.name()) {
            Some(place) if columns.len() > 1 => drop(columns.remove(place)),
            Some(_) => {}
            None => columns.push(field),
        }
        self.columns = columns;
    }
}

impl App {
    /// Returns whether the rows of the tab are sockets.
    pub fn shows_sockets(&self) -> bool {
        self.tabs.shown().rows() == TabRows::Sockets
    }

    /// Returns the order of the listed sockets.
    pub fn order(&self) -> Option<Order> {
        let (column, descending) = self.tabs.of(TabRows::Sockets).order?;
        Some(Order { field: *self.sockets.fields().get(column)?, descending })
    }

    /// Returns the listed row at an index.
    pub fn row_at(&self, index: usize) -> Option<Row<'_>> {
        let listed = self.listed.as_ref()?;
        listed.round.table.get(*listed.order.get(index)? as usize)
    }

    /// Returns the listed row under the cursor.
    pub fn selected_row(&self) -> Option<Row<'_>> {
        self.row_at(self.tabs.of(TabRows::Sockets).cursor.at)
    }

    /// Returns the socket under the cursor, where the tab shows sockets.
    pub fn selected(&self) -> Option<RowKey> {
        let row = self.selected_row().filter(|_| self.shows_sockets())?;
        Some(RowKey::of(&row.socket))
    }

    /// Returns a listed row with all its details, where they have come.
    pub fn detailed(&self, row: &Row<'_>) -> Option<Row<'_>> {
        self.details.of(row, self.listed.as_ref()?.round.begun_ns)
    }

    /// Returns the sockets whose rows are on the screen.
    pub(super) fn on_screen(&self) -> Vec<Socket> {
        if !self.shows_sockets() {
            return Vec::new();
        }
        let top = self.tabs.state().cursor.top;
        (top..top + self.drawn.page).filter_map(|index| Some(self.row_at(index)?.socket)).collect()
    }

    /// Returns the processes that hold the selected socket, while its details
    /// are open.
    pub(super) fn holders_of_selected(&self) -> Vec<u32> {
        let is_open = self.sockets.detail && self.shows_sockets();
        let Some(round) = self.looks.round().filter(|_| is_open) else { return Vec::new() };
        let row = self.selected_row();
        let holders = row.map_or(&[][..], |row| round.snapshot.owners.of(row.socket.inode));
        holders.iter().map(|holder| holder.pid).collect()
    }

    pub(super) fn unfollow(&mut self) {
        if self.shows_sockets() {
            self.sockets.follow = None;
        }
    }

    pub(super) fn pin(&mut self) -> Vec<Effect> {
        let Some(key) = self.selected() else { return Vec::new() };
        if !self.sockets.pins.remove(&key) {
            self.sockets.pins.insert(key);
        }
        vec![Effect::List]
    }

    pub(super) fn toggle_follow(&mut self) -> Vec<Effect> {
        let follow = if self.sockets.follow.is_some() { None } else { self.selected() };
        self.sockets.follow = follow;
        self.only_say(if follow.is_some() {
            "the cursor follows this socket"
        } else {
            "follows no socket"
        })
    }

    /// Scrolls by so many pages; where it ends is known when it is drawn.
    pub(super) fn scroll_details(&mut self, pages: isize) -> Vec<Effect> {
        if !self.sockets.detail || !self.shows_sockets() {
            let open = self.fixed.keymap.key_of(Action::Row(RowAction::Open));
            let text = format!("no details are open: {open} opens those of a socket");
            return self.only_say(&text);
        }
        let scroll = &mut self.sockets.scroll;
        scroll.top = scroll.top.saturating_add_signed(pages * scroll.page.max(1) as isize);
        Vec::new()
    }

    /// Chooses other columns.
    pub(super) fn change_columns(&mut self, change: impl FnOnce(&mut SocketsView)) -> Vec<Effect> {
        change(&mut self.sockets);
        // It names a column by its place.
        self.tabs.of_mut(TabRows::Sockets).order = None;
        vec![Effect::Control, Effect::List]
    }
}
