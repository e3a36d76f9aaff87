//! What the screen shows and how keys and rounds change it. Nothing here reads
//! or writes anything: what is to be done outside is an [`Effect`]. What a tab
//! has of its own it says itself: [`TabView`].

mod command;
mod filter_box;
mod input;
mod log;
mod looks;
mod order;
mod overlay;
mod sockets;
mod tab;
mod time;
mod updates;

pub use filter_box::FilterBox;
pub use log::{LOG, Log, LogEntry};
pub use looks::{Looks, TimedRound};
pub use overlay::{Act, FileFormat, Held, Overlay};
pub use sockets::{Scroll, SocketsView};
pub use tab::{All, TabRows, TabView, Tabs};
pub use time::{Interval, Pause};

use std::sync::Arc;

use ratatui::layout::Rect;

use crate::live::Wishes;
use crate::model::want::{Extras, Want};
use crate::query::fields::Field;
use crate::rules::Needs;
use crate::rules::alert_filter::CustomFilters;

use super::grid::Cursor;
use super::keys::Keymap;
use super::row_details::RowDetails;
use super::rows::{Job, Listed, Services};
use super::theme::Theme;

/// The time for which a message stays.
const MESSAGE_NS: u64 = 6_000_000_000;

/// Something to be done outside of the state of the screen.
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
    Export(FileFormat),
    /// Acts.
    Act(Act),
}

/// A thing on the screen that can be clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A tab.
    Tab(usize),
    /// The head of a column.
    Head(usize),
    /// A row of the list: its index.
    Row(usize),
}

/// The settings that do not change while the program runs.
#[derive(Clone)]
pub struct Fixed {
    /// The tables, states and types that the command line asks for.
    pub want: Want,
    /// Flags of the command line that other commands take as well, each with a
    /// blank before it.
    pub flags: String,
    /// Colours and glyphs.
    pub theme: Theme,
    /// The tabs.
    pub tabs: All,
    /// The actions of the keys.
    pub keymap: Keymap,
    /// True where K may act.
    pub allow_actions: bool,
    /// Name of the machine.
    pub host: String,
    /// The name of the event source in use.
    pub sources: String,
    /// The filters of the custom rules.
    pub custom: Arc<CustomFilters>,
}

/// A remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusMessage {
    /// Its text.
    pub text: String,
    /// The time at which it goes, nanoseconds.
    pub until_ns: u64,
}

/// The geometry of the last drawing.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The areas that can be clicked.
    pub hits: Vec<(Rect, Hit)>,
    /// Lines of the list on the screen.
    pub page: usize,
}

/// Everything the screen depends on.
pub struct App {
    /// The settings that do not change.
    pub fixed: Fixed,
    /// The rounds so far.
    pub looks: Looks,
    /// The list of sockets that is shown.
    pub listed: Option<Arc<Listed>>,
    /// The details fetched for the rows on the screen.
    pub details: RowDetails,
    /// The transitions and gaps so far.
    pub log: Log,
    /// The tabs.
    pub tabs: Tabs,
    /// The filter.
    pub filter: FilterBox,
    /// The view of the socket list.
    pub sockets: SocketsView,
    /// Numbers or names for ports.
    pub services: Services,
    /// The screen is held.
    pub pause: Option<Pause>,
    /// The overlay, where one covers the screen.
    pub overlay: Option<Overlay>,
    /// A remark.
    pub message: Option<StatusMessage>,
    /// Time between two rounds.
    pub interval: Interval,
    /// The geometry of the last drawing.
    pub drawn: Drawn,
    /// Now, nanoseconds by `CLOCK_MONOTONIC`.
    pub now_ns: u64,
}

impl App {
    /// Makes an empty screen.
    pub fn new(fixed: Fixed, interval_ms: u64) -> Self {
        Self {
            tabs: Tabs::new(fixed.tabs),
            fixed,
            looks: Looks::default(),
            listed: None,
            details: RowDetails::default(),
            log: Log::default(),
            filter: FilterBox::default(),
            sockets: SocketsView::default(),
            services: Services::default(),
            pause: None,
            overlay: None,
            message: None,
            interval: Interval { wanted_ms: interval_ms, kept_ms: interval_ms },
            drawn: Drawn { hits: Vec::new(), page: 10 },
            now_ns: 0,
        }
    }

    /// Returns the colours.
    pub fn theme(&self) -> Theme {
        self.fixed.theme
    }

    /// Returns the cursor of the tab.
    pub fn cursor(&mut self) -> &mut Cursor {
        &mut self.tabs.state_mut().cursor
    }

    /// Returns how many rows the tab has.
    pub fn len(&self) -> usize {
        self.tabs.shown().len(self)
    }

    /// Returns what the collector is to bring.
    pub fn wishes(&self) -> Wishes {
        let chosen = self.sockets.chosen().iter().copied();
        let fields = chosen.chain(self.order().map(|order| order.field));
        let fields = fields.map(Field::extras).fold(Extras::default(), Extras::union);
        let filter = self.filter.filter.as_ref();
        let filter =
            filter.map(|f| crate::filter::FactNeeds::of(&f.expr).extras).unwrap_or_default();
        let mut wishes = Wishes {
            extras: fields.union(filter),
            needs: Needs { glance: true, listeners: true, unix: true, ..Needs::NONE },
            tally: true,
            rows: true,
            ports: false,
        };
        self.tabs.shown().wish(&mut wishes);
        wishes
    }

    /// Returns what is to be listed; nothing before the first round.
    pub fn job(&self) -> Option<Job> {
        let mut job = Job {
            round: Arc::clone(self.looks.round()?),
            want: self.fixed.want.clone(),
            filter: self.filter.filter.clone(),
            typing: self.filter.edit.is_some(),
            invert: self.filter.invert,
            faults: self.filter.faults,
            custom: Arc::clone(&self.fixed.custom),
            order: self.order(),
            pins: self.sockets.pins.clone(),
            group: None,
            fields: self.sockets.fields(),
            detail: self.sockets.detail,
            listener_names: None,
        };
        self.tabs.shown().adjust(self, &mut job);
        Some(job)
    }

    /// Says something for a while.
    pub fn say(&mut self, text: impl Into<String>) {
        let until_ns = self.now_ns + MESSAGE_NS;
        self.message = Some(StatusMessage { text: text.into(), until_ns });
    }

    fn only_say(&mut self, text: impl Into<String>) -> Vec<Effect> {
        self.say(text);
        Vec::new()
    }
}
