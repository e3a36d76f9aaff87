//! What the screen shows and how keys and rounds change it. Nothing here reads
//! or writes anything: what is to be done outside is an [`Effect`].

use std::collections::VecDeque;
use std::sync::Arc;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::Rect;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::alert::Change;
use crate::engine::fields::{Field, Order};
use crate::engine::history::{History, Point};
use crate::engine::{Round, Told, Wishes};
use crate::filter::Filter;
use crate::group::Key;
use crate::matrix::Matrix;
use crate::model::gap::Gap;
use crate::model::human;
use crate::model::moment::Moment;
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::model::table::Table;
use crate::model::transition::Transition;
use crate::model::want::{Extras, TableId};

use super::grid::Cursor;
use super::keys::{Action, Keymap};
use super::line::LineEdit;
use super::rows::{Job, Listed, RowKey};
use super::sheet::Sheet;
use super::theme::Theme;

/// Transitions kept for the Events tab and for details.
const LOG: usize = 10_000;

/// How long a message stays.
const MESSAGE_NS: u64 = 6_000_000_000;

/// The steps of + and -, milliseconds.
const INTERVALS: [u64; 11] =
    [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 300_000];

/// The screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Counts, alerts, offenders, limits.
    Overview,
    /// Every socket.
    Sockets,
    /// Accept queues.
    Listeners,
    /// Counts by a key and state.
    Groups,
    /// The log of transitions.
    Events,
    /// Budgets of ephemeral ports.
    Ports,
    /// The diagram of TCP's states.
    Map,
}

/// Every tab with its name.
pub const TABS: [(Tab, &str); 7] = [
    (Tab::Overview, "Overview"),
    (Tab::Sockets, "Sockets"),
    (Tab::Listeners, "Listeners"),
    (Tab::Groups, "Groups"),
    (Tab::Events, "Events"),
    (Tab::Ports, "Ports"),
    (Tab::Map, "Map"),
];

/// What the groups can be by, in the order of the key that changes it.
pub const GROUP_KEYS: [Key; 7] = [
    Key::Process,
    Key::Unit,
    Key::Cgroup,
    Key::Remote,
    Key::LocalPort,
    Key::RemotePort,
    Key::Netns,
];

impl Tab {
    /// Its place among [`TABS`].
    pub fn index(self) -> usize {
        TABS.iter().position(|(tab, _)| *tab == self).unwrap_or(0)
    }
}

/// What lies over the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// The keys.
    Help,
    /// A page of explain, as lines, and the first one shown.
    Page {
        /// The name of the page.
        title: String,
        /// Its lines.
        lines: Vec<String>,
        /// The first one on the screen.
        top: usize,
    },
    /// The columns to choose from, and the selected one.
    Columns(Cursor),
    /// Something to confirm.
    Confirm(Act),
    /// What to do with the socket.
    Acts,
    /// Which format to write.
    Export,
}

/// Something that is done to a socket or process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// SOCK_DESTROY.
    Destroy(RowKey),
    /// A signal: its number, the process and its name.
    Signal(i32, u32, String),
}

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The document of `list --json`.
    Json,
    /// The shown columns.
    Csv,
}

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

/// An entry of the log.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A transition; when it was, as text.
    Transition(Box<Transition>, String),
    /// Something that may have been missed.
    Gap(Gap, String),
    /// An alert that began or ended.
    Alert(Change, String),
}

/// The filter, typed and in force.
#[derive(Clone, Debug, Default)]
pub struct FilterBox {
    /// The text in force.
    pub text: String,
    /// What it means.
    pub filter: Option<Filter>,
    /// What is being typed.
    pub edit: Option<LineEdit>,
    /// What is wrong with it: text and caret line.
    pub error: Option<String>,
    /// Whether what it does not select is shown.
    pub invert: bool,
}

/// The screen is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Since when, nanoseconds.
    pub since_ns: u64,
    /// Transitions since.
    pub missed: u64,
    /// How many points back in the history.
    pub back: usize,
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

/// What does not change while it runs.
#[derive(Clone)]
pub struct Fixed {
    /// The tables of the watch.
    pub tables: Vec<TableId>,
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
}

/// Everything the screen depends on.
pub struct App {
    /// What does not change.
    pub fixed: Fixed,
    /// The newest round.
    pub latest: Option<Arc<Round>>,
    /// The one that is shown.
    pub shown: Option<Arc<Round>>,
    /// The list of sockets that is shown.
    pub listed: Option<Listed>,
    /// The rows on the screen with all their details.
    pub closer: Table,
    /// The sockets that were asked for.
    pub closer_for: Vec<RowKey>,
    /// Command lines of the processes that hold the selected socket.
    pub command_lines: FxHashMap<u32, String>,
    /// Counts of the last minutes.
    pub history: History,
    /// Transitions, the newest last.
    pub log: VecDeque<Entry>,
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
            closer: Table::default(),
            closer_for: Vec::new(),
            command_lines: FxHashMap::default(),
            history: History::default(),
            log: VecDeque::new(),
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
        Wishes { extras: fields.union(filter), rows: true, ports: self.tab == Tab::Ports }
    }

    /// What is to be listed; nothing before the first round.
    pub fn job(&self) -> Option<Job> {
        Some(Job {
            round: Arc::clone(self.shown.as_ref()?),
            tables: self.fixed.tables.clone(),
            filter: self.filter.filter.clone(),
            invert: self.filter.invert,
            faults: self.faults,
            order: self.order(),
            pins: self.pins.clone(),
            group: (self.tab == Tab::Groups).then(|| GROUP_KEYS[self.group]),
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
    pub fn row_at(&self, index: usize) -> Option<crate::model::row::Row<'_>> {
        let listed = self.listed.as_ref()?;
        listed.round.table.get(*listed.order.get(index)? as usize)
    }

    /// The sockets whose rows are on the screen.
    pub fn on_screen(&self) -> Vec<Socket> {
        if self.tab != Tab::Sockets {
            return Vec::new();
        }
        let top = self.cursors[Tab::Sockets.index()].top;
        (top..top + self.page).filter_map(|index| Some(self.row_at(index)?.socket)).collect()
    }

    /// The processes that hold the selected socket, while its details are open.
    pub fn holders_of_selected(&self) -> Vec<u32> {
        let Some(round) = self.shown.as_ref().filter(|_| self.detail && self.tab == Tab::Sockets)
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
            Tab::Overview => self.shown.as_ref().map_or(0, |round| round.alerts.len()),
            Tab::Sockets => self.listed.as_ref().map_or(0, |listed| listed.order.len()),
            Tab::Events => self.log.len(),
            Tab::Map => 0,
            Tab::Listeners | Tab::Groups | Tab::Ports => {
                self.sheet.as_ref().map_or(0, |sheet| sheet.rows.len())
            }
        }
    }

    /// Whether the tab has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The point of the history that is shown.
    pub fn point(&self) -> Option<&Point> {
        self.history.back(self.back())
    }

    /// How many points back the screen is.
    pub fn back(&self) -> usize {
        self.pause.map_or(0, |pause| pause.back)
    }

    /// Says something for a while.
    pub fn say(&mut self, text: impl Into<String>) {
        self.message = Some((text.into(), self.now_ns + MESSAGE_NS));
    }

    /// Takes in a round.
    pub fn round(&mut self, round: Arc<Round>) -> Vec<Effect> {
        self.failure = None;
        self.note_peaks(&round);
        let times = round.clocks;
        for change in &round.changes {
            let at = crate::sys::clock::local_time_of_day(times.wall_at(round.begun_ns));
            self.log.push_back(Entry::Alert(change.clone(), at));
        }
        let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let alerts = round.alerts.iter().map(|standing| {
            format!(
                "{}  {}  {}",
                standing.alert.rule, standing.alert.subject, standing.alert.summary
            )
        });
        let (flows, unknown) = std::mem::take(&mut self.flows);
        self.history.add(Point {
            at: Moment(round.begun_ns),
            tcp: Point::counts(&round.frame.tcp),
            others: [&round.udp, &round.raw, &round.unix].map(|counts| narrow(counts.total())),
            alerts: alerts.collect(),
            flows,
            unknown,
        });
        self.latest = Some(Arc::clone(&round));
        if let Some(pause) = &mut self.pause {
            // The point that is shown moves back as new ones come.
            pause.back = (pause.back + 1).min(self.history.len().saturating_sub(1));
            return Vec::new();
        }
        self.shown = Some(round);
        vec![Effect::List]
    }

    fn note_peaks(&mut self, round: &Round) {
        let elapsed_ns =
            self.latest.as_ref().map(|before| round.begun_ns.saturating_sub(before.begun_ns));
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

    /// Takes in what the collector tells between rounds.
    pub fn told(&mut self, told: Vec<(Told, String)>) {
        for (told, at) in told {
            match told {
                Told::Transition(change) => {
                    self.flows.0.add(&change);
                    self.flows.1 += u64::from(!change.is_local());
                    if let Some(pause) = &mut self.pause {
                        pause.missed += 1;
                    }
                    self.log.push_back(Entry::Transition(change, at));
                    if self.tab == Tab::Events && self.cursor().at > 0 {
                        // The newest stand first: the cursor stays on its row.
                        self.cursor().at += 1;
                        self.cursor().top += 1;
                    }
                }
                Told::Gap(gap) => self.log.push_back(Entry::Gap(gap, at)),
            }
        }
        while self.log.len() > LOG {
            self.log.pop_front();
        }
    }

    /// Takes in a list.
    pub fn list(&mut self, listed: Listed) {
        if let Some(error) = &listed.error {
            self.filter.error = Some(error.clone());
        }
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
        self.listed = Some(listed);
        self.renew_sheet();
    }

    /// Makes the sheet of the tab anew.
    pub fn renew_sheet(&mut self) {
        self.sheet = super::view::sheet(self);
        if let (Some(sheet), Some((column, down))) =
            (&mut self.sheet, self.orders[self.tab.index()])
        {
            sheet.sort(column, down);
        }
    }

    /// Time passes.
    pub fn tick(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        if self.message.as_ref().is_some_and(|(_, until)| *until <= now_ns) {
            self.message = None;
        }
    }

    /// Takes in a key, a click, a new size.
    pub fn event(&mut self, event: &Event) -> Vec<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Mouse(mouse) => self.mouse(*mouse),
            _ => Vec::new(),
        }
    }

    fn key(&mut self, key: &KeyEvent) -> Vec<Effect> {
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
            Action::Back => self.back_out(),
            Action::Filter => {
                self.filter.edit = Some(LineEdit::new(&self.filter.text));
                Vec::new()
            }
            Action::Invert => {
                self.filter.invert = !self.filter.invert && self.filter.filter.is_some();
                vec![Effect::List]
            }
            Action::Sort => self.sort_by_next(),
            Action::Reverse => self.reverse(),
            Action::Pin => self.pin(),
            Action::Follow => self.toggle_follow(),
            Action::Faults => {
                self.faults = !self.faults;
                vec![Effect::List]
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
                Vec::new()
            }
            Action::Wide => {
                self.wide = !self.wide;
                self.columns.clear();
                vec![Effect::Control]
            }
            Action::Columns => self.open(Overlay::Columns(Cursor::default())),
            Action::Command => {
                self.say(self.command());
                Vec::new()
            }
            Action::Export => self.open(Overlay::Export),
            Action::Act => self.open_acts(),
            Action::Explain => {
                self.subject().map_or_else(Vec::new, |name| vec![Effect::Explain(name)])
            }
        }
    }

    fn open(&mut self, overlay: Overlay) -> Vec<Effect> {
        self.overlay = Some(overlay);
        Vec::new()
    }

    fn go_to(&mut self, index: usize) -> Vec<Effect> {
        let Some((tab, _)) = TABS.get(index) else { return Vec::new() };
        self.tab = *tab;
        self.renew_sheet();
        vec![Effect::Control, Effect::List]
    }

    fn unfollow(&mut self) {
        if self.tab == Tab::Sockets {
            self.follow = None;
        }
    }

    /// The socket under the cursor.
    pub fn selected(&self) -> Option<RowKey> {
        if self.tab != Tab::Sockets {
            return None;
        }
        let row = self.row_at(self.cursors[self.tab.index()].at)?;
        Some(RowKey::of(&row.socket))
    }

    fn open_row(&mut self) -> Vec<Effect> {
        let at = self.cursor().at;
        let filter = match self.tab {
            Tab::Sockets => {
                self.detail = !self.detail;
                return Vec::new();
            }
            Tab::Overview => {
                let alert = self.shown.as_ref().and_then(|round| round.alerts.get(at));
                alert.and_then(|standing| super::sheet::filter_of(&standing.alert))
            }
            Tab::Events => match self.log.iter().rev().nth(at) {
                Some(Entry::Transition(change, _)) if change.identity.cookie != 0 => {
                    Some(format!("cookie {:#x}", change.identity.cookie))
                }
                _ => None,
            },
            Tab::Listeners | Tab::Groups | Tab::Ports => {
                let row = self.sheet.as_ref().and_then(|sheet| sheet.rows.get(at));
                row.and_then(|row| row.filter.clone())
            }
            Tab::Map => None,
        };
        let Some(filter) = filter else { return Vec::new() };
        self.set_filter(&filter);
        let mut effects = self.go_to(Tab::Sockets.index());
        self.cursors[Tab::Sockets.index()] = Cursor::default();
        effects.push(Effect::Control);
        effects
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

    /// Puts a filter in force; one that makes no sense says why and changes
    /// nothing.
    pub fn set_filter(&mut self, text: &str) {
        match Filter::parse(&[text]) {
            Ok(filter) => {
                self.filter.text = text.trim().to_owned();
                self.filter.filter = filter;
                self.filter.error = None;
            }
            Err(error) => self.filter.error = Some(error.to_string()),
        }
    }

    fn type_filter(&mut self, key: &KeyEvent) -> Vec<Effect> {
        let Some(edit) = &mut self.filter.edit else { return Vec::new() };
        match (key.code, key.modifiers) {
            (KeyCode::Enter, _) => {
                if self.filter.error.is_none() {
                    self.filter.edit = None;
                }
                return Vec::new();
            }
            (KeyCode::Esc, _) | (KeyCode::Char('c'), KeyModifiers::CONTROL) => {
                self.filter = FilterBox::default();
                return vec![Effect::Control, Effect::List];
            }
            _ => edit.key(key),
        }
        let text = edit.text();
        self.set_filter(&text);
        vec![Effect::Control, Effect::List]
    }

    fn sort_by_next(&mut self) -> Vec<Effect> {
        let columns = match (self.tab, &self.sheet) {
            (Tab::Sockets, _) => self.fields().len(),
            (_, Some(sheet)) => sheet.columns.len(),
            _ => return Vec::new(),
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
        if let Some((_, down)) = &mut self.orders[self.tab.index()] {
            *down = !*down;
        }
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
        if self.pause.take().is_some() {
            self.shown.clone_from(&self.latest);
            return vec![Effect::List];
        }
        self.pause = Some(Pause { since_ns: self.now_ns, missed: 0, back: 0 });
        Vec::new()
    }

    fn step(&mut self, by: isize) -> Vec<Effect> {
        let last = self.history.len().saturating_sub(1);
        match &mut self.pause {
            Some(pause) => pause.back = pause.back.saturating_add_signed(by).min(last),
            None => self.say("[ and ] step through the last 10 minutes while paused: p pauses"),
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

    fn open_acts(&mut self) -> Vec<Effect> {
        if !self.fixed.allow_actions {
            self.say("this watch only looks; start it with --allow-actions to close sockets");
        } else if self.selected().is_some() {
            self.overlay = Some(Overlay::Acts);
        } else {
            self.say("select a socket first, in Sockets");
        }
        Vec::new()
    }

    /// What e explains: the alert's rule, or the state of the socket.
    fn subject(&self) -> Option<String> {
        let at = self.cursors[self.tab.index()].at;
        let state = |state: State| state.to_string();
        Some(match self.tab {
            Tab::Overview => match self.shown.as_ref()?.alerts.get(at) {
                Some(standing) => standing.alert.rule.to_string(),
                None => "handshake".to_owned(),
            },
            Tab::Sockets => state(self.row_at(at)?.socket.state),
            Tab::Listeners => "accept-queue".to_owned(),
            Tab::Groups => "established".to_owned(),
            Tab::Events => match self.log.iter().rev().nth(at)? {
                Entry::Transition(change, _) => state(change.to),
                Entry::Alert(Change::Firing(s) | Change::Resolved(s), _) => {
                    s.alert.rule.to_string()
                }
                Entry::Gap(..) => return None,
            },
            Tab::Ports => "ports".to_owned(),
            Tab::Map => "diagram".to_owned(),
        })
    }

    /// The command line that shows the same.
    pub fn command(&self) -> String {
        let filter = match (&self.filter.filter, self.filter.invert) {
            (None, _) => String::new(),
            (Some(_), false) => format!(" '{}'", self.filter.text),
            (Some(_), true) => format!(" 'not ({})'", self.filter.text),
        };
        match self.tab {
            Tab::Overview => "sockstate status".to_owned(),
            Tab::Listeners => "sockstate listeners".to_owned(),
            Tab::Groups => {
                format!("sockstate count --by {},state{filter}", GROUP_KEYS[self.group].name())
            }
            Tab::Events => "sockstate events".to_owned(),
            Tab::Ports => "sockstate ports".to_owned(),
            Tab::Map => "sockstate explain diagram".to_owned(),
            Tab::Sockets => {
                let names: Vec<&str> = self.fields().into_iter().map(Field::name).collect();
                let sort = self.order().map(|order| {
                    let minus = if order.descending { "-" } else { "" };
                    format!(" --sort {minus}{}", order.field.name())
                });
                let columns = names.join(",");
                format!("sockstate list -a --columns {columns}{}{filter}", sort.unwrap_or_default())
            }
        }
    }

    fn overlay_key(&mut self, key: &KeyEvent) -> Vec<Effect> {
        let action = self.fixed.keymap.action(key);
        let closes =
            matches!(action, Some(Action::Back | Action::Quit | Action::Help | Action::Explain));
        let page = self.page.max(1) as isize;
        let Some(mut overlay) = self.overlay.take() else { return Vec::new() };
        if closes {
            return Vec::new();
        }
        match &mut overlay {
            Overlay::Help => {}
            Overlay::Page { top, lines, .. } => {
                let by = match action {
                    Some(Action::Up) => -1,
                    Some(Action::Down) => 1,
                    Some(Action::PageUp) => -page,
                    Some(Action::PageDown) => page,
                    Some(Action::First) => isize::MIN,
                    Some(Action::Last) => isize::MAX,
                    _ => 0,
                };
                *top = top.saturating_add_signed(by).min(lines.len().saturating_sub(1));
            }
            Overlay::Columns(cursor) => {
                let all: Vec<Field> = Field::all().collect();
                match action {
                    Some(Action::Up) => cursor.go(-1, all.len()),
                    Some(Action::Down) => cursor.go(1, all.len()),
                    Some(Action::PageUp) => cursor.go(-page, all.len()),
                    Some(Action::PageDown) => cursor.go(page, all.len()),
                    Some(Action::First) => cursor.go(isize::MIN, all.len()),
                    Some(Action::Last) => cursor.go(isize::MAX, all.len()),
                    Some(Action::Pin | Action::Open) => {
                        let chosen = all[cursor.at];
                        self.toggle_column(chosen);
                        self.overlay = Some(overlay);
                        return vec![Effect::Control, Effect::List];
                    }
                    _ => {}
                }
            }
            Overlay::Export => {
                let format = match key.code {
                    KeyCode::Char('j') => Format::Json,
                    KeyCode::Char('c') => Format::Csv,
                    _ => return Vec::new(),
                };
                return vec![Effect::Export(format)];
            }
            Overlay::Acts => return self.choose_act(key),
            Overlay::Confirm(act) => {
                let yes = key.code == KeyCode::Char('y');
                return if yes { vec![Effect::Act(act.clone())] } else { Vec::new() };
            }
        }
        self.overlay = Some(overlay);
        Vec::new()
    }

    fn toggle_column(&mut self, field: Field) {
        let mut columns = self.fields();
        match columns.iter().position(|other| other.name() == field.name()) {
            Some(place) if columns.len() > 1 => drop(columns.remove(place)),
            Some(_) => {}
            None => columns.push(field),
        }
        self.columns = columns;
        self.orders[Tab::Sockets.index()] = None;
    }

    fn choose_act(&mut self, key: &KeyEvent) -> Vec<Effect> {
        let Some(row) = self.row_at(self.cursors[Tab::Sockets.index()].at) else {
            return Vec::new();
        };
        let (row_key, inode) = (RowKey::of(&row.socket), row.socket.inode);
        let holder = self.shown.as_ref().and_then(|round| {
            let holder = round.frame.owners.of(inode).first()?;
            let comm = crate::model::escape::escaped(round.frame.owners.comm(holder.pid));
            Some((holder.pid, comm))
        });
        let act = match (key.code, holder) {
            (KeyCode::Char('d'), _) => Act::Destroy(row_key),
            (KeyCode::Char('t'), Some((pid, comm))) => Act::Signal(libc::SIGTERM, pid, comm),
            (KeyCode::Char('9'), Some((pid, comm))) => Act::Signal(libc::SIGKILL, pid, comm),
            (KeyCode::Char('t' | '9'), None) => {
                self.say("no process is known to hold this socket");
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        self.overlay = Some(Overlay::Confirm(act));
        Vec::new()
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
        if let Some(Overlay::Page { top, lines, .. }) = &mut self.overlay {
            *top = top.saturating_add_signed(by).min(lines.len().saturating_sub(1));
            return Vec::new();
        }
        let len = self.len();
        self.cursor().go(by, len);
        self.unfollow();
        Vec::new()
    }
}

/// The columns of the Sockets tab, and those of its wide form.
const NARROW: [&str; 8] = ["proto", "state", "recvq", "sendq", "local", "remote", "age", "process"];
const WIDE: [&str; 14] = [
    "proto", "state", "recvq", "sendq", "local", "remote", "age", "timer", "retrans", "rtt_us",
    "uid", "inode", "cookie", "process",
];
