//! The live terminal, drawn into memory: every tab at three sizes, keys, and what they change.
//!
//! Sockets come from a `/proc` of our own making, so that the screens are the same everywhere;
//! times of day are masked. After a change that is meant, `INSTA_UPDATE=always cargo test --test
//! kernel -- screens::` writes the pictures anew.

mod details;
mod filter;
mod keys;
mod pictures;
mod tabs;

use crate::cli::population;
use crate::kit::fakeproc::{FakeProc, Line};
use crate::kit::trial::{Trial, asserting};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use sockstate::testing::live::{Events, Round, Rounds, StreamItem, Watched, Wishes};
use sockstate::testing::machine::Machine;
use sockstate::testing::model::address::{Address, Endpoint};
use sockstate::testing::model::gap::Gap;
use sockstate::testing::model::identity::Identity;
use sockstate::testing::model::moment::{Dwell, Moment, When};
use sockstate::testing::model::proto::{Proto, TableId};
use sockstate::testing::model::socket::Ends;
use sockstate::testing::model::state::State;
use sockstate::testing::model::transition::{
    Ownership, Process, Source, Transition, TransitionKind,
};
use sockstate::testing::model::want::Want;
use sockstate::testing::rules::Config;
use sockstate::testing::source::Choice;
use sockstate::testing::tui::app::{App, Effect, Fixed, TimedRound};
use sockstate::testing::tui::lister::Lister;
use sockstate::testing::tui::tabs::{TABS, usual_keys};
use sockstate::testing::tui::theme::Theme;
use sockstate::testing::tui::view;
use std::path::PathBuf;
use std::sync::Arc;

/// A trial that panics where it fails.
type Check = (&'static str, fn());

/// All trials.
pub fn trials() -> Vec<Trial> {
    let modules = [
        ("pictures", pictures::CHECKS),
        ("tabs", tabs::CHECKS),
        ("filter", filter::CHECKS),
        ("details", details::CHECKS),
        ("keys", keys::CHECKS),
    ];
    let named = |(module, checks): (&'static str, &'static [Check])| {
        checks.iter().map(move |(name, body)| asserting(format!("{module}::{name}"), *body))
    };
    modules.into_iter().flat_map(named).collect()
}

/// Places of tabs.
const SOCKETS: usize = 1;

const GROUPS: usize = 3;

const EVENTS: usize = 4;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 10)];

fn tables() -> Vec<TableId> {
    let shown = [Proto::Tcp, Proto::Udp, Proto::Raw, Proto::Unix];
    TableId::ALL.into_iter().filter(|table| shown.contains(&table.proto)).collect()
}

/// A screen with the sockets of [`population::machine`] and an alert.
struct Watch {
    app: App,
    lister: Lister,
    /// What the last keys asked for and nobody here does.
    asked: Vec<Effect>,
    _proc: FakeProc,
}

fn round(root: &str) -> Round {
    let machine = Machine::new(Choice::Proc, &PathBuf::from(root));
    let config = Config::default();
    let events = Events::Poll;
    let watched = Watched { machine: &machine, tables: tables(), config: &config, custom: &[] };
    let (mut watcher, _) = Rounds::with_events(watched, events).expect("nothing is needed");
    let wishes = Wishes { rows: true, ports: true, tally: true, ..Wishes::default() };
    let mut round = watcher.round(wishes).expect("the tables are there");
    round.took_ns = 1_000_000;
    // What /proc does not tell and the kernel does.
    for (listener, queue) in
        Arc::make_mut(&mut round.snapshot).listeners.iter_mut().zip([(2, 4), (5, 4), (0, 128)])
    {
        listener.queue.len = Some(queue.0);
        listener.queue.limit = Some(queue.1);
        listener.queue.drops = Some(3);
        listener.syn_queue = Some(1);
    }
    round
}

impl Watch {
    fn new() -> Self {
        Self::with(Theme { color: false, unicode: true })
    }

    fn with(theme: Theme) -> Self {
        Self::of(population::machine().expect("a tree of files"), theme)
    }

    /// Of a machine.
    fn of(proc: FakeProc, theme: Theme) -> Self {
        proc.write("sys/net/ipv4/tcp_max_tw_buckets", "2\n").expect("a file");
        proc.write("sys/net/ipv4/ip_local_port_range", "32768\t60999\n").expect("a file");
        let fixed = Fixed {
            want: Want::all_of(tables()),
            flags: String::new(),
            theme,
            tabs: TABS,
            keymap: usual_keys(),
            allow_actions: false,
            host: "web-07".into(),
            sources: "snapshots alone".into(),
            custom: Arc::default(),
        };
        let lister = Lister::new(Machine::new(Choice::Proc, &PathBuf::from(proc.root())));
        let mut watch =
            Self { app: App::new(fixed, 1_000), lister, asked: Vec::new(), _proc: proc };
        watch.next_round();
        watch
    }

    fn next_round(&mut self) {
        self.next_round_with(|_| {});
    }

    /// A round that is changed before it is shown.
    fn next_round_with(&mut self, change: impl FnOnce(&mut Round)) {
        let mut round = round(&self._proc.root());
        // Ages on the screen are those of this clock.
        if let Some(latest) = &self.app.looks.latest {
            round.begun_ns = latest.round.begun_ns + 1_000_000_000;
        }
        change(&mut round);
        self.app.tick(round.begun_ns);
        let look = TimedRound { round: Arc::new(round), time: "08:00:12".into() };
        let effects = self.app.round(look);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::List => {
                    let job = self.app.job().expect("there is a round");
                    let listed = self.lister.list(&job);
                    self.app.list(Arc::new(listed));
                }
                Effect::Control => {}
                other => self.asked.push(other),
            }
        }
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        let effects = self.app.event(&Event::Key(KeyEvent::new(code, modifiers)));
        self.perform(effects);
        // What a key does depends on how many lines there are.
        self.draw(80, 24);
    }

    fn keys(&mut self, text: &str) {
        text.chars().for_each(|c| self.key(KeyCode::Char(c), KeyModifiers::NONE));
    }

    fn enter(&mut self) {
        self.key(KeyCode::Enter, KeyModifiers::NONE);
    }

    fn tab(&self) -> &'static str {
        self.app.tabs.shown().title()
    }

    /// A key that leaves the screen as it was drawn last.
    fn press(&mut self, key: char) {
        let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE);
        let effects = self.app.event(&Event::Key(key));
        self.perform(effects);
    }

    fn buffer(&mut self, width: u16, height: u16) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory");
        terminal.draw(|frame| view::draw(&mut self.app, frame)).expect("memory");
        terminal.backend().buffer().clone()
    }

    /// The colour of what stands first.
    fn tone_of_corner(&mut self, width: u16, height: u16) -> Color {
        self.buffer(width, height).cell((0, 0)).expect("a cell").fg
    }

    fn draw(&mut self, width: u16, height: u16) -> String {
        let buffer = self.buffer(width, height);
        let line = |y| {
            let cells = (0..width).filter_map(|x| buffer.cell((x, y)));
            let line: String = cells.map(|cell| cell.symbol()).collect();
            masked(line.trim_end())
        };
        (0..height).map(line).collect::<Vec<String>>().join("\n")
    }
}

/// Times of day are as long and always the same.
fn masked(line: &str) -> String {
    let mut out: Vec<char> = line.chars().collect();
    let is_time = |at: &[char]| {
        at.iter().enumerate().all(|(i, c)| if i % 3 == 2 { *c == ':' } else { c.is_ascii_digit() })
    };
    for start in 0..out.len().saturating_sub(7) {
        if is_time(&out[start..start + 8]) {
            "HH:MM:SS".chars().enumerate().for_each(|(i, c)| out[start + i] = c);
        }
    }
    out.into_iter().collect()
}

fn at_ms(ms: u64) -> Moment {
    Moment(ms * 1_000_000)
}

fn transition(from: State, to: State, port: u16, exact: bool) -> Transition {
    let end = |last, port| Endpoint::new(Address::v4([10, 0, 0, last]), port);
    let at = at_ms(90_000);
    let when = if exact { When::Exact(at) } else { When::Between { min: at_ms(89_000), max: at } };
    let process = Process { pid: 812, comm: (*b"api").into() };
    Transition {
        kind: TransitionKind::Changed,
        from: Some(from),
        to,
        when,
        dwell: Some(Dwell::between(Some(at_ms(85_000)), at_ms(85_000), when)),
        identity: Identity {
            table: tables()[0],
            cookie: 7,
            ends: Ends::Inet { local: end(5, port), remote: end(7, 40_001) },
            ifindex: 0,
            inode: 0,
        },
        source: if exact { Source::Tracepoint } else { Source::Poll },
        reason: None,
        owner: Some(Ownership { processes: [process].into(), former: !exact }),
        listed: true,
    }
}

fn tell(watch: &mut Watch) {
    let changes = [
        transition(State::Established, State::CloseWait, 8080, true),
        transition(State::Established, State::TimeWait, 8081, false),
    ];
    let items =
        changes.map(|change| (StreamItem::Transition(Box::new(change)), "08:00:13.402".to_owned()));
    watch.app.events(items.into());
}

/// The line of a screen that has a text.
fn line_of<'p>(picture: &'p str, text: &str) -> &'p str {
    let line = picture.lines().find(|line| line.contains(text));
    line.unwrap_or_else(|| panic!("no line has {text}\n{picture}"))
}

/// A state, what is to be changed of its row, and what must stand among its
/// details.
type Meant = (u8, fn(Line) -> Line, &'static [&'static str]);

const MEANINGS: [Meant; 13] = [
    (
        10,
        |line| Line { rx_queue: 3, ..line },
        &["3 complete connections wait to be accepted, ? may"],
    ),
    (
        1,
        |line| Line { tx_queue: 36, timer: (1, 20), retransmits: 1, ..line },
        &[
            "0 bytes unread here, 36 bytes not acknowledged by the peer",
            "timer retransmit, fires in 200ms, 1 retransmit",
            "receive queue 0  send queue 36 bytes",
        ],
    ),
    (
        2,
        |line| Line { timer: (1, 310), retransmits: 2, ..line },
        &["no answer to our SYN yet; 2 retransmits, the next in 3.1s"],
    ),
    (
        3,
        |line| Line { timer: (1, 100), retransmits: 1, inode: 0, ..line },
        &["not acknowledged yet; 1 timeout, the next in 1.0s"],
    ),
    (
        4,
        |line| Line { tx_queue: 1, timer: (1, 100), inode: 0, ..line },
        &["1 byte outstanding; 0 retransmits, the next in 1.0s", "orphan"],
    ),
    (5, |line| line, &["a process still holds it, so it may stay for any time"]),
    (5, |line| Line { timer: (3, 5_000), inode: 0, ..line }, &["the kernel ends it in 50s"]),
    (6, |line| Line { timer: (3, 1_200), inode: 0, ..line }, &["kept for 12s of 60s more"]),
    (7, |line| line, &["neither connected nor listening"]),
    (8, |line| Line { rx_queue: 6, ..line }, &["5 bytes unread: close() would reset"]),
    (8, |line| line, &["has read that and must call close()", "receive queue 0"]),
    (
        9,
        |line| Line { timer: (1, 640), retransmits: 3, inode: 0, ..line },
        &["not acknowledged our end yet; 3 retransmits, the next in 6.4s"],
    ),
    (
        11,
        |line| Line { timer: (1, 640), retransmits: 3, inode: 0, ..line },
        &["both closed at the same time", "3 retransmits, the next in 6.4s"],
    ),
];

fn gap(what: &str) -> (StreamItem, String) {
    (StreamItem::Gap(Gap::new("events", what)), "08:00:00.000".to_owned())
}
