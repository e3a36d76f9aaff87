//! What the screen shows and how keys and rounds change it. Nothing here reads
//! or writes anything: what is to be done outside is an [`Effect`].

mod command;
mod filter_box;
mod input;
mod log;
mod overlay;
mod rounds;
mod tab;

pub use filter_box::FilterBox;
pub use log::{Entry, LOG, Log};
pub use overlay::{Act, Format, Held, Overlay};
pub use rounds::Peak;
pub use tab::{GROUP_KEYS, TABS, Tab};

use std::sync::Arc;

use ratatui::layout::Rect;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::live::history::{History, Point};
use crate::live::{Round, Wishes};
use crate::matrix::Matrix;
use crate::model::moment::Moment;
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::want::{Extras, Want};
use crate::query::fields::{Field, Order};
use crate::rules::Needs;
use crate::rules::alert_filter::CustomFilters;

use super::grid::Cursor;
use super::keys::Keymap;
use super::row_details::{Fetched, Request, RowDetails};
use super::rows::{Job, Listed, RowKey, Services};
use super::sheet::Sheet;
use super::theme::Theme;
use super::view;

/// How long a message stays.
const MESSAGE_NS: u64 = 6_000_000_000;

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ends; `true` leaves the screen behind.
    Quit(bool),
    /// Stops, for the shell.
    Suspend,
    /// Lists the rows anew.
    List,
    /// Tells the collector the interval and the wishes.
    Control,
    /// Fetches a page of explain.
    Explain(String),
    /// Writes what is shown.
    Export(Format),
    /// Acts.
    Act(Act),
}

/// A round, with the time of day at which it began: as text, since the time zone
/// is in a file.
#[derive(Clone)]
pub struct Look {
    /// The round.
    pub round: Arc<Round>,
    /// `HH:MM:SS`.
    pub time: Arc<str>,
}

/// The screen is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Since when, nanoseconds.
    pub since_ns: u64,
    /// Transitions since.
    pub missed: u64,
    /// The number of the first entry of the log since.
    pub log_end: u64,
    /// The point of the history that is shown.
    pub at: Moment,
}

/// What can be clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A tab.
    Tab(usize),
    /// The head of a column.
    Head(usize),
    /// A row of the list: its index.
    Row(usize),
}

/// How far the details are scrolled: those of another socket begin at their top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    /// Of which socket.
    pub of: Option<RowKey>,
    /// The first line that is shown.
    pub top: usize,
    /// Lines that have room.
    pub page: usize,
}

/// What does not change while it runs.
#[derive(Clone)]
pub struct Fixed {
    /// What the command line asks for: tables, states, types.
    pub want: Want,
    /// Flags of the command line that other commands take as well, each with a
    /// blank before it.
    pub flags: String,
    /// Colours and glyphs.
    pub theme: Theme,
    /// Which key does what.
    pub keymap: Keymap,
    /// Whether K may act.
    pub allow_actions: bool,
    /// Name of the machine.
    pub host: String,
    /// Which events are used.
    pub sources: String,
    /// What rules of one's own count.
    pub own: Arc<CustomFilters>,
}

/// Everything the screen depends on.
pub struct App {
    /// What does not change.
    pub fixed: Fixed,
    /// The newest round.
    pub latest: Option<Look>,
    /// The one that is shown.
    pub shown: Option<Look>,
    /// The list of sockets that is shown.
    pub listed: Option<Arc<Listed>>,
    /// What was fetched of the rows on the screen.
    pub details: RowDetails,
    /// Counts of the last minutes.
    pub history: History,
    /// What happened.
    pub log: Log,
    /// Transitions since the last round, and how many may be of elsewhere.
    flows: (Matrix, u64),
    /// Peaks of listeners by inode.
    pub peaks: FxHashMap<u32, Peak>,
    /// The tab.
    pub tab: Tab,
    /// The cursor of each tab.
    pub cursors: [Cursor; TABS.len()],
    /// The order of each sheet: column, largest first.
    pub orders: [Option<(usize, bool)>; TABS.len()],
    /// The sheet of a tab that has one.
    pub sheet: Option<Sheet>,
    /// The filter.
    pub filter: FilterBox,
    /// Only rows that an alert is about.
    pub faults: bool,
    /// Sockets on top.
    pub pins: FxHashSet<RowKey>,
    /// The socket that the cursor keeps to.
    pub follow: Option<RowKey>,
    /// Whether details are open.
    pub detail: bool,
    /// Where they are scrolled to.
    pub scroll: Scroll,
    /// Names for numbers.
    pub names: bool,
    /// More columns.
    pub wide: bool,
    /// Columns that were chosen.
    pub columns: Vec<Field>,
    /// What the groups are by.
    pub group: usize,
    /// The screen is held.
    pub pause: Option<Pause>,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// A remark, and until when it shows.
    pub message: Option<(String, u64)>,
    /// Time between two rounds, milliseconds.
    pub interval_ms: u64,
    /// The time that is really kept.
    pub kept_ms: u64,
    /// Why the last round failed.
    pub failure: Option<String>,
    /// What can be clicked, where it was drawn last.
    pub hits: Vec<(Rect, Hit)>,
    /// Lines of the list on the screen.
    pub page: usize,
    /// Now, nanoseconds by `CLOCK_MONOTONIC`.
    pub now_ns: u64,
}

impl App {
    /// An empty screen.
    pub fn new(fixed: Fixed, interval_ms: u64) -> Self {
        Self {
            fixed,
            latest: None,
            shown: None,
            listed: None,
            details: RowDetails::default(),
            history: History::default(),
            log: Log::default(),
            flows: (Matrix::default(), 0),
            peaks: FxHashMap::default(),
            tab: Tab::Overview,
            cursors: <_>::default(),
            orders: <_>::default(),
            sheet: None,
            filter: FilterBox::default(),
            faults: false,
            pins: FxHashSet::default(),
            follow: None,
            detail: false,
            scroll: Scroll::default(),
            names: false,
            wide: false,
            columns: Vec::new(),
            group: 0,
            pause: None,
            overlay: None,
            message: None,
            interval_ms,
            kept_ms: interval_ms,
            failure: None,
            hits: Vec::new(),
            page: 10,
            now_ns: 0,
        }
    }

    /// The colours.
    pub fn theme(&self) -> Theme {
        self.fixed.theme
    }

    /// The cursor of the tab.
    pub fn cursor(&mut self) -> &mut Cursor {
        &mut self.cursors[self.tab.index()]
    }

    /// What the collector is to bring.
    pub fn wishes(&self) -> Wishes {
        let fields = self.columns.iter().copied().chain(self.order().map(|order| order.field));
        let fields = fields.map(Field::extras).fold(Extras::default(), Extras::union);
        let filter = self.filter.filter.as_ref();
        let filter = filter.map(|f| crate::filter::Needs::of(&f.expr).extras).unwrap_or_default();
        Wishes {
            extras: fields.union(filter),
            needs: Needs { glance: true, listeners: true, unix: true, ..Needs::NONE },
            tally: true,
            rows: true,
            ports: self.tab == Tab::Ports,
        }
    }

    /// What is to be listed; nothing before the first round.
    pub fn job(&self) -> Option<Job> {
        Some(Job {
            round: Arc::clone(&self.shown.as_ref()?.round),
            want: self.fixed.want.clone(),
            filter: self.filter.filter.clone(),
            typing: self.filter.edit.is_some(),
            invert: self.filter.invert,
            faults: self.faults,
            own: Arc::clone(&self.fixed.own),
            order: self.order(),
            pins: self.pins.clone(),
            group: (self.tab == Tab::Groups).then(|| GROUP_KEYS[self.group]),
            fields: self.fields(),
            detail: self.detail,
            listener_names: (self.tab == Tab::Listeners).then(|| self.services()),
        })
    }

    /// The columns of the Sockets tab.
    pub fn fields(&self) -> Vec<Field> {
        if !self.columns.is_empty() {
            return self.columns.clone();
        }
        let names: &[&str] = if self.wide { &WIDE } else { &NARROW };
        names.iter().filter_map(|name| Field::parse(name)).collect()
    }

    /// The order of the Sockets tab.
    fn order(&self) -> Option<Order> {
        let (column, descending) = self.orders[Tab::Sockets.index()]?;
        Some(Order { field: *self.fields().get(column)?, descending })
    }

    /// The listed row at an index.
    pub fn row_at(&self, index: usize) -> Option<Row<'_>> {
        let listed = self.listed.as_ref()?;
        listed.round.table.get(*listed.order.get(index)? as usize)
    }

    /// Returns what is to be fetched of the rows on the screen, if anything is
    /// by now.
    pub fn fetch(&mut self) -> Option<Request> {
        let request = Request {
            sockets: self.on_screen(),
            pids: self.holders_of_selected(),
            services: self.services(),
            is_held: self.pause.is_some(),
        };
        self.details.due(request, self.now_ns)
    }

    /// Takes in what was fetched.
    pub fn fetched(&mut self, fetched: Fetched) {
        self.details.take(fetched);
    }

    /// Returns the listed row with all its details, where they have come.
    pub fn detailed(&self, row: &Row<'_>) -> Option<Row<'_>> {
        self.details.of(row, self.listed.as_ref()?.round.begun_ns)
    }

    fn services(&self) -> Services {
        if self.names { Services::Names } else { Services::Numbers }
    }

    /// The round that is shown.
    pub fn shown_round(&self) -> Option<&Arc<Round>> {
        self.shown.as_ref().map(|look| &look.round)
    }

    /// The sockets whose rows are on the screen.
    fn on_screen(&self) -> Vec<Socket> {
        if self.tab != Tab::Sockets {
            return Vec::new();
        }
        let top = self.cursors[Tab::Sockets.index()].top;
        (top..top + self.page).filter_map(|index| Some(self.row_at(index)?.socket)).collect()
    }

    /// The processes that hold the selected socket, while its details are open.
    fn holders_of_selected(&self) -> Vec<u32> {
        let Some(round) = self.shown_round().filter(|_| self.detail && self.tab == Tab::Sockets)
        else {
            return Vec::new();
        };
        let row = self.row_at(self.cursors[Tab::Sockets.index()].at);
        let holders = row.map_or(&[][..], |row| round.frame.owners.of(row.socket.inode));
        holders.iter().map(|holder| holder.pid).collect()
    }

    /// How many rows the tab has.
    pub fn len(&self) -> usize {
        match self.tab {
            Tab::Overview => self.shown_round().map_or(0, |round| round.judged.firing.len()),
            Tab::Sockets => self.listed.as_ref().map_or(0, |listed| listed.order.len()),
            Tab::Events => self.entries().count(),
            Tab::Map => view::MAP_LINES,
            Tab::Listeners | Tab::Groups | Tab::Ports => {
                self.sheet.as_ref().map_or(0, |sheet| sheet.rows.len())
            }
        }
    }

    /// The point of the history that is shown.
    pub fn point(&self) -> Option<&Point> {
        self.history.back(self.back())
    }

    /// How many points back the screen is.
    pub fn back(&self) -> usize {
        self.pause.map_or(0, |pause| self.history.since(pause.at))
    }

    /// What of the log the filter lets through, newest first; while the screen
    /// is held as it was then.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.log.shown_before(self.log_end())
    }

    /// The same without the filter.
    pub fn all_entries(&self) -> impl Iterator<Item = &Entry> {
        self.log.before(self.log_end())
    }

    /// An entry of the log as it is shown.
    pub fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries().nth(index)
    }

    /// Where the log ends on the screen.
    fn log_end(&self) -> u64 {
        self.pause.map_or(self.log.end(), |pause| pause.log_end)
    }

    /// Says something for a while.
    pub fn say(&mut self, text: impl Into<String>) {
        self.message = Some((text.into(), self.now_ns + MESSAGE_NS));
    }

    /// The socket under the cursor.
    pub fn selected(&self) -> Option<RowKey> {
        if self.tab != Tab::Sockets {
            return None;
        }
        let row = self.row_at(self.cursors[self.tab.index()].at)?;
        Some(RowKey::of(&row.socket))
    }
}

/// The columns of the Sockets tab, and those of its wide form.
const NARROW: [&str; 8] = ["proto", "state", "recvq", "sendq", "local", "remote", "age", "process"];
const WIDE: [&str; 14] = [
    "proto", "state", "recvq", "sendq", "local", "remote", "age", "timer", "retrans", "rtt_us",
    "uid", "inode", "cookie", "process",
];
