//! The live terminal, drawn into memory: every tab at three sizes, keys, and what they change.
//!
//! Sockets come from a `/proc` of our own making, so that the screens are the same everywhere;
//! times of day are masked. After a change that is meant, `INSTA_UPDATE=always cargo test --test
//! kernel screens::` writes the pictures anew.

use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use crate::cli::population;
use crate::kit::fakeproc::{FakeProc, Line};
use crate::kit::trial::{Trial, asserting};
use sockstate::testing::live::{Events, Round, Rounds, Told, Watched, Wishes};
use sockstate::testing::machine::Machine;
use sockstate::testing::model::address::{Address, Endpoint};
use sockstate::testing::model::age::Age;
use sockstate::testing::model::gap::Gap;
use sockstate::testing::model::identity::Identity;
use sockstate::testing::model::listener::Waiting;
use sockstate::testing::model::moment::{Dwell, Moment, When};
use sockstate::testing::model::ports::{Growth, Seen};
use sockstate::testing::model::proto::{Proto, TableId};
use sockstate::testing::model::socket::Ends;
use sockstate::testing::model::state::State;
use sockstate::testing::model::transition::{Kind, Ownership, Process, Source, Transition};
use sockstate::testing::model::want::Want;
use sockstate::testing::rules::{Config, Subject};
use sockstate::testing::source::Choice;
use sockstate::testing::sys::names::Names;
use sockstate::testing::tui::app::{Act, App, Effect, Fixed, Look, Overlay};
use sockstate::testing::tui::lister::Lister;
use sockstate::testing::tui::row_details::{Details, Fetched};
use sockstate::testing::tui::tabs::{self, TABS};
use sockstate::testing::tui::theme::Theme;
use sockstate::testing::tui::view;

const CHECKS: &[(&str, fn())] = &[
    ("every_tab_at_every_size", every_tab_at_every_size),
    (
        "what_matters_of_ordinary_sockets_has_room_on_80_columns",
        what_matters_of_ordinary_sockets_has_room_on_80_columns,
    ),
    ("what_is_inferred_is_marked_at_every_width", what_is_inferred_is_marked_at_every_width),
    ("which_socket_it_is_has_room_at_every_width", which_socket_it_is_has_room_at_every_width),
    (
        "e_explains_the_state_that_most_of_a_group_are_in",
        e_explains_the_state_that_most_of_a_group_are_in,
    ),
    (
        "listeners_of_one_port_stand_together_with_what_they_drop",
        listeners_of_one_port_stand_together_with_what_they_drop,
    ),
    ("ascii_only_where_the_terminal_has_no_more", ascii_only_where_the_terminal_has_no_more),
    ("no_size_is_too_small_or_too_large", no_size_is_too_small_or_too_large),
    ("help_is_the_table_of_keys", help_is_the_table_of_keys),
    (
        "a_small_terminal_keeps_the_alerts_and_the_way_out",
        a_small_terminal_keeps_the_alerts_and_the_way_out,
    ),
    ("help_scrolls_where_it_has_no_room", help_scrolls_where_it_has_no_room),
    ("a_filter_is_told_of_only_where_it_filters", a_filter_is_told_of_only_where_it_filters),
    ("a_key_that_filters_leads_to_what_it_filters", a_key_that_filters_leads_to_what_it_filters),
    ("listeners_are_those_that_the_filter_selects", listeners_are_those_that_the_filter_selects),
    (
        "events_are_those_that_the_filter_selects_at_either_end",
        events_are_those_that_the_filter_selects_at_either_end,
    ),
    (
        "what_happens_elsewhere_does_not_push_out_what_happened_here",
        what_happens_elsewhere_does_not_push_out_what_happened_here,
    ),
    (
        "an_alert_says_since_when_and_nothing_is_written_outside_the_body",
        an_alert_says_since_when_and_nothing_is_written_outside_the_body,
    ),
    (
        "a_rule_that_could_not_judge_is_never_taken_for_one_that_did",
        a_rule_that_could_not_judge_is_never_taken_for_one_that_did,
    ),
    ("a_slow_look_and_an_old_one_say_so", a_slow_look_and_an_old_one_say_so),
    ("groups_by_every_key", groups_by_every_key),
    (
        "the_map_marks_the_hottest_edge_and_what_may_be_of_elsewhere",
        the_map_marks_the_hottest_edge_and_what_may_be_of_elsewhere,
    ),
    ("ports_say_when_they_are_used_up", ports_say_when_they_are_used_up),
    (
        "a_filter_is_live_and_its_mistakes_stand_below_it",
        a_filter_is_live_and_its_mistakes_stand_below_it,
    ),
    (
        "sorting_pinning_and_following_keep_hold_of_a_socket",
        sorting_pinning_and_following_keep_hold_of_a_socket,
    ),
    (
        "a_pause_holds_the_screen_while_collecting_goes_on",
        a_pause_holds_the_screen_while_collecting_goes_on,
    ),
    ("enter_leads_to_the_sockets_behind_a_row", enter_leads_to_the_sockets_behind_a_row),
    (
        "a_page_folds_what_is_too_long_and_cuts_pictures",
        a_page_folds_what_is_too_long_and_cuts_pictures,
    ),
    ("only_what_an_alert_is_about_is_shown", only_what_an_alert_is_about_is_shown),
    (
        "details_stand_beside_a_wide_table_and_below_a_narrow_one",
        details_stand_beside_a_wide_table_and_below_a_narrow_one,
    ),
    (
        "details_have_the_history_of_a_socket_and_who_holds_it",
        details_have_the_history_of_a_socket_and_who_holds_it,
    ),
    ("details_scroll_where_they_have_no_room", details_scroll_where_they_have_no_room),
    ("a_map_that_has_no_room_scrolls_and_says_so", a_map_that_has_no_room_scrolls_and_says_so),
    (
        "a_state_is_told_with_the_numbers_of_its_socket",
        a_state_is_told_with_the_numbers_of_its_socket,
    ),
    (
        "nothing_is_acted_on_unless_that_was_allowed_and_confirmed",
        nothing_is_acted_on_unless_that_was_allowed_and_confirmed,
    ),
    ("the_same_as_a_command_line", the_same_as_a_command_line),
    ("clicks_choose_tabs_rows_and_columns", clicks_choose_tabs_rows_and_columns),
    (
        "the_interval_changes_in_steps_and_keys_ask_for_what_is_outside",
        the_interval_changes_in_steps_and_keys_ask_for_what_is_outside,
    ),
    (
        "a_pause_holds_the_log_and_the_point_whatever_comes",
        a_pause_holds_the_log_and_the_point_whatever_comes,
    ),
    (
        "an_order_is_one_of_a_column_and_not_of_a_place",
        an_order_is_one_of_a_column_and_not_of_a_place,
    ),
    ("what_cannot_be_done_says_so", what_cannot_be_done_says_so),
    ("every_table_can_be_written_as_text", every_table_can_be_written_as_text),
    ("what_draws_can_reach_nothing_that_waits", what_draws_can_reach_nothing_that_waits),
];

/// All trials.
pub fn trials() -> Vec<Trial> {
    CHECKS.iter().map(|(name, check)| asserting(*name, *check)).collect()
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
        Arc::make_mut(&mut round.frame).listeners.iter_mut().zip([(2, 4), (5, 4), (0, 128)])
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
            keymap: tabs::usual_keys(),
            allow_actions: false,
            host: "web-07".into(),
            sources: "snapshots alone".into(),
            own: Arc::default(),
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
        let look = Look { round: Arc::new(round), time: "08:00:12".into() };
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

fn transition(from: State, to: State, port: u16, exact: bool) -> Transition {
    let end = |last, port| Endpoint::new(Address::v4([10, 0, 0, last]), port);
    let at = Moment::from_ms(90_000);
    let when = if exact {
        When::Exact(at)
    } else {
        When::Between { min: Moment::from_ms(89_000), max: at }
    };
    let process = Process { pid: 812, comm: (*b"api").into() };
    Transition {
        kind: Kind::Changed,
        from: Some(from),
        to,
        when,
        dwell: Some(Dwell::between(Some(Moment::from_ms(85_000)), Moment::from_ms(85_000), when)),
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
    let told = [
        transition(State::Established, State::CloseWait, 8080, true),
        transition(State::Established, State::TimeWait, 8081, false),
    ];
    let told = told.map(|change| (Told::Transition(Box::new(change)), "08:00:13.402".to_owned()));
    watch.app.events(told.into());
}

fn every_tab_at_every_size() {
    for (width, height) in SIZES {
        for (index, tab) in TABS.iter().enumerate() {
            let mut watch = Watch::new();
            tell(&mut watch);
            watch.next_round();
            watch.keys(&(index + 1).to_string());
            assert_eq!(watch.tab(), tab.title());
            let picture = watch.draw(width, height);
            insta::assert_snapshot!(format!("{}-{width}x{height}", tab.title()), picture);
        }
    }
}

/// Compares a picture with its file in tests/snapshots.
fn assert_picture(name: &str, picture: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(format!("screens__{name}"), picture));
}

/// The line of a screen that has a text.
fn line_of<'p>(picture: &'p str, text: &str) -> &'p str {
    let line = picture.lines().find(|line| line.contains(text));
    line.unwrap_or_else(|| panic!("no line has {text}\n{picture}"))
}

fn what_matters_of_ordinary_sockets_has_room_on_80_columns() {
    let mut watch = Watch::new();
    watch.keys("2/dst 10.0.0.0/8 and not state listen");
    watch.enter();
    let picture = watch.draw(80, 24);
    let head = line_of(&picture, "STATE");
    for title in ["RECV-Q", "SEND-Q", "LOCAL", "REMOTE", "AGE", "PROCESS"] {
        assert!(head.contains(title), "{title}\n{picture}");
    }
    assert!(line_of(&picture, "10.0.0.9:51234").ends_with("sshd[640]"), "{picture}");
    let closed = line_of(&picture, "10.0.0.7:40001");
    assert!(closed.contains("CLOSE_WAIT") && closed.contains("10.0.0.5:8080"), "{picture}");
    assert!(!closed.contains("10.0.0.7:40001…"), "{picture}");
}

fn what_is_inferred_is_marked_at_every_width() {
    let mut watch = Watch::new();
    tell(&mut watch);
    watch.keys("5");
    for (width, height) in SIZES {
        let picture = watch.draw(width, height);
        assert!(picture.contains("~inferred"), "{picture}");
        assert!(line_of(&picture, "TIME_WAIT").starts_with('~'), "{picture}");
        assert!(line_of(&picture, "CLOSE_WAIT").starts_with(' '), "{picture}");
    }
    let wide = watch.draw(120, 40);
    assert!(line_of(&wide, "TIME_WAIT").contains(" FIN_WAIT1"), "what it passed\n{wide}");
}

fn which_socket_it_is_has_room_at_every_width() {
    let mut watch = Watch::new();
    tell(&mut watch);
    watch.keys("5");
    let narrow = watch.draw(40, 10);
    assert!(line_of(&narrow, "CLOSE_WAIT").ends_with("→ CLOSE_WAIT 10.0.0.5:8080"), "{narrow}");
    let picture = watch.draw(80, 24);
    let line = line_of(&picture, "CLOSE_WAIT");
    for text in ["ESTABLISHED → CLOSE_WAIT", "10.0.0.5:8080", "10.0.0.7:40001", "api[812]"] {
        assert!(line.contains(text), "{text}\n{picture}");
    }
    for number in 0..2 {
        let end = Endpoint::new(Address::v4([127, 0, 0, 1]), 49_724 + number);
        let mut change = transition(State::Established, State::CloseWait, 8080, true);
        change.identity.ends = Ends::Inet { local: end, remote: end };
        let told = (Told::Transition(Box::new(change)), "08:00:13.402".to_owned());
        watch.app.events(vec![told]);
    }
    let picture = watch.draw(80, 24);
    let line = line_of(&picture, "49724");
    assert_eq!(line.matches("127.0.0.1:49724").count(), 2, "none is cut\n{picture}");
    assert!(line.ends_with("api[812]"), "{picture}");
    watch.keys("2/state close-wait");
    watch.enter();
    let narrow = watch.draw(40, 10);
    let line = line_of(&narrow, "10.0.0.5:8080");
    assert!(line.starts_with("CLOSE_WAIT") && line.contains("10.0.0.7:40001"), "{narrow}");
}

fn e_explains_the_state_that_most_of_a_group_are_in() {
    let mut watch = Watch::new();
    watch.keys("4bbbbbb");
    let picture = watch.draw(80, 24);
    assert!(picture.contains("by state"), "{picture}");
    let states: Vec<String> = (0..watch.app.len())
        .map(|_| {
            watch.keys("ej");
            let Some(Effect::Explain(name)) = watch.asked.pop() else { panic!("a page") };
            name
        })
        .collect();
    let rows = watch.app.sheet().expect("a sheet").rows.iter();
    let expected: Vec<String> = rows.map(|row| row.cells[0].text.clone()).collect();
    assert_eq!(states, expected);
    assert!(states.contains(&"LISTEN".to_owned()), "{states:?}");
    watch.app.filter.set("dst 10.0.0.7 and state close-wait");
    watch.keys("bbge");
    assert_eq!(watch.asked.pop(), Some(Effect::Explain("CLOSE_WAIT".into())), "by process");
    watch.app.filter.set("dst 10.99.0.7");
    watch.keys("4e");
    assert_eq!(watch.asked.pop(), None, "there is no group");
    assert!(watch.draw(80, 24).contains("nothing here to explain"), "{}", watch.draw(80, 24));
}

/// Two that share a port, one of them full, between others; drops grow by 8 in
/// a second, and a client waits.
fn siblings(round: &mut Round, drops: u32) {
    let first = round.frame.listeners[1].clone();
    let mut sibling = round.frame.listeners[0].clone();
    sibling.socket.inode = 104;
    sibling.queue.len = Some(0);
    sibling.socket.ends = first.socket.ends;
    let mut unix = round.frame.listeners[2].clone();
    unix.socket.inode = 305;
    unix.unix_name = Some((false, b"/run/full.sock".to_vec()));
    unix.queue.len = Some(129);
    Arc::make_mut(&mut round.frame).listeners.extend([sibling, unix]);
    for listener in Arc::make_mut(&mut round.frame)
        .listeners
        .iter_mut()
        .filter(|l| l.socket.ends == first.socket.ends)
    {
        listener.shared_by = 2;
    }
    let full = &mut Arc::make_mut(&mut round.frame).listeners[1];
    full.queue.drops = Some(drops);
    full.waiting.push(Waiting {
        remote: Endpoint::new(Address::v4([10, 0, 0, 7]), 40_009),
        age: Some(Age { min_ms: 3_200, max_ms: None }),
    });
}

fn listeners_of_one_port_stand_together_with_what_they_drop() {
    let mut watch = Watch::new();
    watch.next_round_with(|round| siblings(round, 3));
    watch.next_round_with(|round| siblings(round, 11));
    watch.keys("3");
    let picture = watch.draw(80, 24);
    assert_picture("siblings-80x24", &picture);
    assert_picture("siblings-120x40", &watch.draw(120, 40));
    let places: Vec<&str> = picture.lines().skip(4).filter_map(|l| l.split(' ').next()).collect();
    // The one full unix listener lifts no other unix listener.
    let expected = ["[::]:8080", "[::]:8080", "/run/full.sock", "0.0.0.0:22", "/run/app.sock"];
    assert_eq!(places[..5], expected, "{picture}");
}

fn ascii_only_where_the_terminal_has_no_more() {
    let mut watch = Watch::with(Theme { color: false, unicode: false });
    tell(&mut watch);
    watch.next_round();
    for tab in 1..=7 {
        watch.keys(&tab.to_string());
        let picture = watch.draw(80, 24);
        assert!(picture.is_ascii(), "{picture}");
    }
}

fn no_size_is_too_small_or_too_large() {
    let mut watch = Watch::new();
    tell(&mut watch);
    watch.keys("2");
    watch.enter();
    for tab in ["1", "2", "3", "4", "5", "6", "7"] {
        watch.keys(tab);
        for width in [1, 2, 7, 39, 40, 41, 79, 120, 500] {
            for height in [1, 2, 5, 6, 7, 24, 200] {
                watch.draw(width, height);
            }
        }
    }
    for overlay in ["?", "c", "x"] {
        watch.keys(overlay);
        for (width, height) in [(1, 1), (40, 6), (500, 200)] {
            watch.draw(width, height);
        }
        watch.key(KeyCode::Esc, KeyModifiers::NONE);
    }
}

fn help_is_the_table_of_keys() {
    let mut watch = Watch::new();
    watch.keys("?");
    let picture = watch.draw(80, 24);
    for (keys, what) in watch.app.fixed.keymap.help() {
        assert!(picture.contains(&format!("{keys:<16}{what}")), "{keys} {what}\n{picture}");
    }
}

fn a_small_terminal_keeps_the_alerts_and_the_way_out() {
    let mut watch = Watch::new();
    for tab in ["1", "2", "3", "4", "5", "6", "7"] {
        watch.keys(tab);
        let picture = watch.draw(40, 10);
        assert!(picture.starts_with("1 alert; 3 rules not judged "), "{picture}");
        assert!(picture.ends_with("q quit"), "{picture}");
    }
    watch.keys("1");
    assert!(watch.draw(40, 10).contains("CRITICAL time-wait-flood"));
    watch.keys("4");
    assert!(watch.draw(80, 24).ends_with("q quit"), "which has one key more");
}

fn help_scrolls_where_it_has_no_room() {
    let mut watch = Watch::new();
    watch.draw(40, 10);
    watch.press('?');
    let mut seen = String::new();
    for _ in 0..watch.app.fixed.keymap.help().len() {
        seen += &watch.draw(40, 10);
        watch.press('j');
    }
    for (keys, what) in watch.app.fixed.keymap.help() {
        assert!(seen.contains(&keys) && seen.contains(what), "{keys} {what}\n{seen}");
    }
    assert!(seen.contains("keys, lines 1-5 of "), "{seen}");
    let entry = |picture: &str| picture.contains("quit, keep the screen");
    assert!(entry(&watch.draw(80, 24)), "all of it where it has room");
    watch.press('q');
    assert!(watch.app.overlay.is_none() && watch.asked.is_empty(), "q closes it alone");
}

fn a_filter_is_told_of_only_where_it_filters() {
    let mut watch = Watch::new();
    watch.keys("2/state close-wait");
    watch.enter();
    watch.keys("f");
    let filtered = |watch: &mut Watch, tab| {
        watch.keys(tab);
        let picture = watch.draw(80, 24);
        (picture.contains("filter: state close-wait"), picture.contains("[only what an alert"))
    };
    for tab in ["2", "3", "4"] {
        assert_eq!(filtered(&mut watch, tab), (true, true), "{tab}");
    }
    assert_eq!(filtered(&mut watch, "5"), (true, false), "an event is no fault");
    for tab in ["1", "6", "7"] {
        assert_eq!(filtered(&mut watch, tab), (false, false), "{tab}");
    }
}

fn a_key_that_filters_leads_to_what_it_filters() {
    for (tab, key) in [("1", "/"), ("6", "/"), ("7", "/"), ("1", "!"), ("5", "f"), ("7", "f")] {
        let mut watch = Watch::new();
        watch.app.filter.set("state close-wait");
        watch.keys(tab);
        let hints = watch.draw(80, 24);
        let hints = hints.lines().last().expect("a line");
        assert!(!hints.contains("faults") && hints.contains("filter") == (tab == "5"), "{hints}");
        watch.keys(key);
        assert_eq!(watch.tab(), "Sockets", "{tab}{key}");
        assert_eq!(watch.app.filter.edit.is_some(), key == "/", "{tab}{key}");
    }
    for tab in ["2", "3", "4", "5"] {
        let mut watch = Watch::new();
        watch.keys(tab);
        let before = watch.tab();
        let picture = watch.draw(80, 24);
        assert!(picture.contains("/ filter"), "{picture}");
        watch.keys("/");
        assert_eq!(watch.tab(), before);
    }
}

fn listeners_are_those_that_the_filter_selects() {
    let mut watch = Watch::new();
    watch.keys("3");
    let all = watch.app.len();
    assert_eq!(all, 3);
    watch.keys("/sport = 22");
    let picture = watch.draw(80, 24);
    assert!(picture.contains("0.0.0.0:22 ") && !picture.contains(":8080"), "{picture}");
    assert!(picture.contains("1 listener, "), "{picture}");
    watch.enter();
    assert_eq!(watch.app.command(), "sockstate listeners -t -x 'sport = 22'");
    watch.keys("!");
    assert_eq!(watch.app.len(), 1, "a unix listener has no port: neither this one nor another");
    watch.next_round();
    assert_eq!(watch.app.len(), 1, "of the next round too");
    watch.key(KeyCode::Esc, KeyModifiers::NONE);
    assert_eq!(watch.app.len(), all);
}

fn events_are_those_that_the_filter_selects_at_either_end() {
    let mut watch = Watch::new();
    tell(&mut watch);
    watch.app.events(vec![gap("lost")]);
    watch.next_round();
    watch.keys("5/state close-wait");
    let picture = watch.draw(80, 24);
    assert!(picture.contains("→ CLOSE_WAIT") && !picture.contains("→ TIME_WAIT"), "{picture}");
    assert!(picture.contains("events: lost"), "what was missed may be it\n{picture}");
    assert!(!picture.contains("firing"), "an alert is of no one socket\n{picture}");
    watch.enter();
    assert_eq!(watch.app.command(), "sockstate events 'state close-wait'");
    tell(&mut watch);
    assert_eq!(watch.app.len(), 3, "what comes is filtered too");
    for (filter, count) in [("state established", 4), ("sport = 8081", 2), ("pid 812", 4)] {
        watch.app.filter.set(filter);
        watch.keys("5");
        assert_eq!(watch.app.len(), 1 + count, "{filter}");
    }
    let mut change = transition(State::Established, State::CloseWait, 8082, true);
    change.identity.inode = 77;
    watch.app.events(vec![(Told::Transition(Box::new(change)), "08:00:13.402".to_owned())]);
    watch.app.filter.set("inode 77 and pid 812");
    watch.keys("5");
    assert_eq!(watch.app.len(), 1 + 1, "its own inode");
    watch.app.filter.set("pid 813");
    watch.keys("5j");
    let before = watch.app.tabs.states[EVENTS].cursor;
    tell(&mut watch);
    assert_eq!(watch.app.tabs.states[EVENTS].cursor, before, "what is hidden moves nothing");
    watch.keys("2");
    watch.app.tabs.states[SOCKETS].cursor.at = 0;
    watch.key(KeyCode::Esc, KeyModifiers::NONE);
    watch.keys("5");
    assert!(watch.app.len() > 5, "all of it is kept: {}", watch.app.len());
}

fn what_happens_elsewhere_does_not_push_out_what_happened_here() {
    let mut watch = Watch::new();
    tell(&mut watch);
    let one = |port, listed| {
        let change = transition(State::SynSent, State::Established, port, true);
        let change = Transition { listed, ..change };
        (Told::Transition(Box::new(change)), "08:00:14.000".to_owned())
    };
    for port in 0..12_000 {
        watch.app.events(vec![one(port, false)]);
    }
    watch.keys("5");
    assert_eq!(watch.app.len(), 10_000, "and no more");
    watch.app.events(vec![one(1, true)]);
    let count = |watch: &mut Watch, text: &str| {
        watch.app.filter.set(text);
        watch.keys("5");
        watch.app.len()
    };
    assert_eq!(count(&mut watch, "state close-wait"), 1, "the oldest of here");
    assert_eq!(count(&mut watch, "sport = 1"), 1, "the oldest of there are gone");
    for port in 0..12_000 {
        watch.app.events(vec![one(port, true)]);
    }
    assert_eq!(count(&mut watch, "sport = 11999"), 2, "the newest of both are kept");
}

fn an_alert_says_since_when_and_nothing_is_written_outside_the_body() {
    let mut watch = Watch::new();
    assert!(watch.draw(80, 24).contains("time-wait-flood  new  "));
    watch.next_round_with(|round| {
        round.begun_ns += (41 * 60 + 30) * 1_000_000_000;
        round.at_ms += (41 * 60 + 30) * 1_000;
    });
    assert!(watch.draw(80, 24).contains("time-wait-flood  for 41m  "), "{}", watch.draw(80, 24));
    watch.next_round_with(|round| round.judged.pending = std::mem::take(&mut round.judged.firing));
    for width in [40, 80, 120] {
        for height in 6..30 {
            let picture = watch.draw(width, height);
            let below: Vec<&str> = picture.lines().skip(usize::from(height) - 2).collect();
            assert!(below[0].starts_with("tcp: read from"), "{width}x{height}\n{picture}");
            assert!(below[1].starts_with("? keys"), "{width}x{height}\n{picture}");
        }
    }
    let picture = watch.draw(80, 24);
    let text = "no alerts; 3 rules not judged; 1 condition not for long enough yet";
    assert!(picture.contains(text), "{picture}");
}

/// That no rule fires is good news only where all have judged.
fn a_rule_that_could_not_judge_is_never_taken_for_one_that_did() {
    let rules = ["accept-queue-overflow", "udp-drops", "unix-queue-full"];
    let mut watch = Watch::with(Theme { color: true, unicode: true });
    watch.next_round_with(|round| round.judged.firing.clear());
    for (width, height) in SIZES {
        let picture = watch.draw(width, height);
        assert!(picture.starts_with("no alerts; 3 rules not judged "), "{picture}");
        assert_eq!(watch.tone_of_corner(width, height), Color::Yellow);
        let shown = rules.iter().filter(|rule| picture.contains(&format!("UNKNOWN  {rule}")));
        assert!(shown.count() == rules.len() || height == 10, "{picture}");
        assert!(picture.contains("UNKNOWN  accept-queue-overflow"), "{picture}");
        let claims = picture.matches("no alerts").count();
        assert_eq!(claims, picture.matches("no alerts; 3 rules not judged").count(), "{picture}");
    }
    for rule in rules {
        watch.keys("e");
        assert_eq!(watch.asked.pop(), Some(Effect::Explain(rule.into())));
        for (width, height) in SIZES {
            let picture = watch.draw(width, height);
            assert!(picture.contains(&format!("UNKNOWN  {rule}")), "{picture}");
        }
        watch.keys("j");
    }
    watch.enter();
    assert!(watch.draw(80, 24).contains("no sockets to show for this"));
    watch.key(KeyCode::Up, KeyModifiers::NONE);
    watch.key(KeyCode::Up, KeyModifiers::NONE);
    // The reason is there in full where its line is cut.
    let narrow = watch.draw(40, 10);
    assert!(narrow.contains("/proc does not tell"), "{narrow}");
    assert!(watch.draw(30, 5).starts_with("3 rules not judged\n"), "{}", watch.draw(30, 5));

    watch.next_round_with(|round| {
        round.judged.firing.clear();
        round.judged.unknown.clear();
        round.judged.waits = true;
    });
    let picture = watch.draw(80, 24);
    assert!(picture.starts_with("not judged yet  web-07"), "{picture}");
    assert!(!picture.contains("no alerts"), "{picture}");
    assert_eq!(watch.tone_of_corner(80, 24), Color::Yellow);

    watch.next_round_with(|round| {
        round.judged.firing.clear();
        round.judged.unknown.clear();
    });
    assert!(watch.draw(80, 24).starts_with("no alerts  web-07"), "all have judged");
    assert_eq!(watch.tone_of_corner(80, 24), Color::Green);
    // Nor is it after a step back.
    watch.keys("p[[");
    let picture = watch.draw(80, 24);
    assert!(picture.contains("\nnot judged: udp-drops"), "{picture}");
    assert!(!picture.contains("no alerts then"), "{picture}");
}

fn a_slow_look_and_an_old_one_say_so() {
    let mut watch = Watch::new();
    watch.next_round_with(|round| round.took_ns = 1_200_000_000);
    assert!(watch.draw(80, 24).contains("the look took 1.2 s > interval 1.0 s"));
    watch.app.interval.kept_ms = 4_000;
    assert!(watch.draw(100, 24).contains("every 4.0 s by --max-cpu"), "and why not sooner");
    watch.app.interval.kept_ms = 1_000;
    watch.next_round();
    assert!(!watch.draw(80, 24).contains("s old"));
    watch.app.tick(watch.app.now_ns + 7_000_000_000);
    let picture = watch.draw(80, 24);
    assert!(line_of(&picture, "web-07").contains("HH:MM:SS (7.0s old)"), "{picture}");
    assert!(picture.contains("the last look is 7.0s old"), "{picture}");
}

fn groups_by_every_key() {
    let expected = [
        ("8 groups by process", "sshd[640]"),
        ("by unit", "-"),
        ("by cgroup", "-"),
        ("by remote", "10.0.0.7"),
        ("by local-port", "8080"),
        ("by remote-port", "40001"),
        ("by state", "CLOSE_WAIT"),
        ("by netns", ""),
    ];
    let mut watch = Watch::new();
    watch.keys("4");
    for (caption, name) in expected {
        let picture = watch.draw(80, 24);
        let body: String = picture.lines().skip(2).collect::<Vec<&str>>().join("\n");
        assert!(body.contains(caption), "{caption}\n{picture}");
        assert!(body.lines().skip(2).any(|line| line.starts_with(name)), "{name}\n{picture}");
        watch.keys("b");
    }
    assert!(watch.draw(80, 24).contains("by process"), "the keys go round");
    watch.keys("bbbb");
    watch.enter();
    assert_eq!(watch.app.filter.text, "sport = 8080", "the largest group");
    watch.keys("4bb");
    assert!(watch.app.command().contains("--by state '"), "{}", watch.app.command());
    watch.enter();
    assert!(watch.app.filter.text.starts_with("state "), "{}", watch.app.filter.text);
}

fn the_map_marks_the_hottest_edge_and_what_may_be_of_elsewhere() {
    let mut watch = Watch::new();
    let close_wait = |port| transition(State::Established, State::CloseWait, port, true);
    let mut changes: Vec<Transition> = (1..=3).map(close_wait).collect();
    changes.push(transition(State::Established, State::TimeWait, 8081, false));
    changes[0].listed = false;
    let told = changes.into_iter().map(|c| (Told::Transition(Box::new(c)), "08:00:13".to_owned()));
    watch.app.events(told.collect());
    watch.next_round();
    watch.keys("7");
    let picture = watch.draw(80, 24);
    let line = line_of(&picture, "we close");
    assert!(line.contains("we close 1.0/s ") && !line.contains("we close 1.0/s ◀"), "{picture}");
    assert!(line.contains("the peer closes 3.0/s ◀"), "{picture}");
    assert!(picture.contains("1.0/s of this may be of other namespaces"), "{picture}");
}

fn ports_say_when_they_are_used_up() {
    let mut watch = Watch::new();
    watch.next_round_with(|round| {
        let ports = round.ports.as_mut().and_then(|view| view.ports.as_mut());
        let budget = &mut ports.expect("the range is known").budgets[0];
        budget.used = 28_000;
        budget.growth = Some(Growth { per_second: 4.0, seen: Seen::TwoLooks });
    });
    watch.keys("6");
    let picture = watch.draw(80, 24);
    let line = line_of(&picture, "10.0.0.8:443");
    assert!(line.contains("28000/28232") && line.contains(" 99% "), "{picture}");
    assert!(line.ends_with("4.0      58s"), "{picture}");
}

fn a_filter_is_live_and_its_mistakes_stand_below_it() {
    let mut watch = Watch::new();
    watch.keys("2/state close-wait");
    assert_eq!(watch.app.len(), 3, "{}", watch.draw(80, 24));
    watch.keys(" banana");
    let picture = watch.draw(80, 24);
    assert!(picture.contains("^^^^^^") && picture.contains("expected a test"), "{picture}");
    assert_eq!(watch.app.len(), 3, "the last one that made sense is in force");
    watch.enter();
    assert!(watch.app.filter.edit.is_some(), "what makes no sense is not taken");
    (0.." banana".len()).for_each(|_| watch.key(KeyCode::Backspace, KeyModifiers::NONE));
    watch.enter();
    assert!(watch.app.filter.edit.is_none());
    watch.keys("!");
    assert_eq!(watch.app.len(), 19 - 3, "{}", watch.draw(80, 24));
    assert!(watch.draw(80, 24).contains("filter: not state close-wait"));
    watch.key(KeyCode::Esc, KeyModifiers::NONE);
    assert_eq!(watch.app.len(), 19);
}

fn sorting_pinning_and_following_keep_hold_of_a_socket() {
    let mut watch = Watch::new();
    watch.keys("2ss");
    let states: Vec<State> =
        (0..watch.app.len()).filter_map(|i| Some(watch.app.row_at(i)?.socket.state)).collect();
    assert!(states.is_sorted(), "by state: {states:?}");
    watch.keys("S");
    let first = watch.app.row_at(0).expect("a row").socket.state;
    assert_eq!(Some(&first), states.iter().max());
    watch.keys("jjj");
    let key = watch.app.selected().expect("a socket");
    watch.keys("F");
    watch.keys("S");
    assert_eq!(watch.app.selected(), Some(key), "the cursor went with it");
    watch.keys(" ");
    assert_eq!(watch.app.selected(), Some(key));
    assert_eq!(watch.app.tabs.states[SOCKETS].cursor.at, 0, "it stands on top");
    assert!(watch.draw(80, 24).contains('★'));
}

fn a_pause_holds_the_screen_while_collecting_goes_on() {
    let mut watch = Watch::new();
    watch.keys("2!");
    assert!(watch.draw(80, 24).contains("no filter to invert"));
    watch.keys("p1");
    assert!(watch.draw(80, 24).contains("paused 0s"), "{}", watch.draw(80, 24));
    let before = watch.app.looks.shown.clone().expect("a round").round.begun_ns;
    tell(&mut watch);
    watch.next_round();
    watch.next_round();
    assert_eq!(watch.app.looks.round().map(|round| round.begun_ns), Some(before));
    let picture = watch.draw(80, 24);
    assert!(picture.contains("paused 2.0s, +2 transitions"), "{picture}");
    assert!(picture.contains("orphans 1 of") && picture.contains("most TIME_WAIT"), "{picture}");
    assert!(picture.contains("CRITICAL time-wait-flood"), "the held round\n{picture}");
    watch.keys("]");
    let picture = watch.draw(80, 24);
    assert!(picture.contains("counts of 1.0s ago"), "{picture}");
    // What the held round alone has does not stand beside other counts.
    assert!(!picture.contains("orphans 1 of") && !picture.contains("most TIME_WAIT"), "{picture}");
    assert!(picture.contains("no limits of that time"), "{picture}");
    watch.keys("[[");
    assert!(watch.draw(80, 24).contains("counts of 2.0s ago"), "the history has three points");
    watch.keys("p");
    assert_ne!(watch.app.looks.round().map(|round| round.begun_ns), Some(before));
}

fn enter_leads_to_the_sockets_behind_a_row() {
    let mut watch = Watch::new();
    watch.keys("3");
    watch.enter();
    assert_eq!((watch.tab(), watch.app.filter.text.as_str()), ("Sockets", "sport = 8080"));
    assert!(!watch.app.is_empty());
    watch.key(KeyCode::Esc, KeyModifiers::NONE);
    watch.keys("4");
    watch.enter();
    assert_eq!(watch.tab(), "Sockets");
    watch.key(KeyCode::Esc, KeyModifiers::NONE);
    watch.keys("1");
    watch.enter();
    assert_eq!(watch.app.filter.text, "state time-wait", "of the alert");
    assert_eq!(watch.app.len(), 2);
}

fn a_page_folds_what_is_too_long_and_cuts_pictures() {
    let mut watch = Watch::new();
    let lines = [
        "+---------------------------------------------+",
        "a word and another one, and more of them",
    ];
    watch.app.show("x".to_owned(), lines.map(str::to_owned).to_vec());
    let picture = watch.draw(40, 12);
    assert!(!line_of(&picture, "+---").contains("--+"), "{picture}");
    assert!(picture.contains("\n+--") && !picture.contains("\n--"), "{picture}");
    watch
        .app
        .show("x".to_owned(), vec!["  a word and another one, and more of them, too".to_owned()]);
    let picture = watch.draw(40, 12);
    assert!(picture.contains("\n  a word") && picture.contains("\n  them, too"), "{picture}");
}

/// What fires and whom it concerns decide what is faulty, not the process alone.
fn only_what_an_alert_is_about_is_shown() {
    let mut watch = Watch::new();
    let fires = |watch: &mut Watch, rule: &'static str, subject: Subject| {
        watch.next_round_with(|round| {
            round.judged.firing.truncate(1);
            round.judged.firing[0].alert.rule = rule.into();
            round.judged.firing[0].alert.subject = subject;
        });
        watch.app.tabs.at = 0;
        watch.app.filter.faults = false;
        watch.key(KeyCode::Esc, KeyModifiers::NONE);
        watch.keys("f");
        let rows = (0..watch.app.len()).filter_map(|index| watch.app.row_at(index));
        let found: Vec<State> = rows.map(|row| row.socket.state).collect();
        // Enter shows the same.
        watch.keys("f1");
        watch.enter();
        let filtered = if watch.app.filter.text.is_empty() { 0 } else { watch.app.len() };
        assert_eq!(filtered, found.len(), "{rule}: {}", watch.app.filter.text);
        found
    };
    let api = || Subject::Process { pid: 812, comm: "api".into() };
    let listener = |octets, port| Subject::Listener {
        local: Endpoint::new(Address::v4(octets), port),
        inode: 0,
        owners: Vec::new(),
    };
    let (listen, established) = (State::Listen, State::Established);
    assert_eq!(fires(&mut watch, "close-wait-leak", api()), [State::CloseWait; 2]);
    assert_eq!(fires(&mut watch, "self-connect", api()), [], "{:?}", watch.app.filter.text);
    assert_eq!(fires(&mut watch, "dead-fd-leak", api()), []);
    assert_eq!(fires(&mut watch, "syn-queue-full", listener([0; 4], 22)), [listen, State::SynRecv]);
    let of_address = fires(&mut watch, "send-queue-stuck", listener([10, 0, 0, 5], 22));
    assert_eq!(of_address, [established]);
    assert_eq!(fires(&mut watch, "send-queue-stuck", listener([10, 0, 0, 6], 22)), []);
}

fn details_stand_beside_a_wide_table_and_below_a_narrow_one() {
    let mut watch = Watch::new();
    watch.keys("2/state close-wait");
    watch.enter();
    watch.enter();
    assert_picture("detail-80x24", &watch.draw(80, 24));
    assert_picture("detail-120x40", &watch.draw(120, 40));
}

fn details_have_the_history_of_a_socket_and_who_holds_it() {
    let mut watch = Watch::new();
    tell(&mut watch);
    watch.next_round();
    watch.keys("2/state close-wait");
    watch.enter();
    watch.enter();
    assert!(!watch.draw(120, 40).contains("/usr/bin/api"), "not before it has come");
    let command_lines = [(812, "/usr/bin/api --port 8080".to_owned())].into_iter().collect();
    let details = Some(Details { command_lines, ..Details::default() });
    watch.app.fetched(Fetched { details, names: Names::default() });
    let picture = watch.draw(120, 40);
    let change = line_of(&picture, "ESTABLISHED →");
    assert!(change.contains(" HH:MM:SS.402  ESTABLISHED → CLOSE_WAIT after 5.0s"), "{picture}");
    assert!(line_of(&picture, "fd 7,9").ends_with("/usr/bin/api --port 8080"), "{picture}");
    assert!(picture.contains("uid 4242421"), "{picture}");
}

fn details_scroll_where_they_have_no_room() {
    let mut watch = Watch::new();
    tell(&mut watch);
    watch.next_round();
    watch.keys("2/state close-wait");
    watch.enter();
    watch.key(KeyCode::Char('d'), KeyModifiers::CONTROL);
    assert!(watch.draw(80, 24).contains("no details are open: enter opens"));
    watch.enter();
    let scroll = |watch: &mut Watch, key| {
        let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
        watch.app.event(&Event::Key(key));
        watch.draw(80, 13)
    };
    // Eight lines and room for four.
    let first = watch.draw(80, 13);
    assert!(line_of(&first, "more line").starts_with("5 more lines: ctrl-d"), "{first}");
    assert!(first.contains("→ 10.0.0.7:40001") && !first.contains("uid 4242421"), "{first}");
    let mut seen = first.clone();
    for _ in 0..3 {
        seen += &scroll(&mut watch, 'd');
    }
    assert!(seen.contains("uid 4242421") && seen.contains("ESTABLISHED → CLOSE_WAIT"), "{seen}");
    let last = watch.draw(80, 13);
    assert!(last.contains("the last of 8 lines: ctrl-u"), "{last}");
    for _ in 0..3 {
        scroll(&mut watch, 'u');
    }
    assert_eq!(watch.draw(80, 13), first);
    scroll(&mut watch, 'd');
    watch.press('j');
    assert!(watch.draw(80, 13).contains("→ 10.0.0.7:40002"), "another one from its top");
    let wide = watch.draw(80, 40);
    assert!(!wide.contains("ctrl-"), "where all of it has room nothing is to scroll\n{wide}");
}

fn a_map_that_has_no_room_scrolls_and_says_so() {
    let mut watch = Watch::new();
    watch.keys("7");
    let mut seen = watch.draw(40, 10);
    assert!(seen.contains("all of it needs 80x22; up, down scroll"), "{seen}");
    for _ in 0..20 {
        watch.press('j');
        seen += &watch.draw(40, 10);
    }
    assert!(seen.contains("[TIME_WAIT 2]") && seen.contains("60s, gone"), "{seen}");
    let wide = watch.draw(80, 22);
    assert!(!wide.contains("all of it") && wide.contains("[CLOSE "), "{wide}");
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

fn a_state_is_told_with_the_numbers_of_its_socket() {
    for (state, change, texts) in MEANINGS {
        let proc = FakeProc::new().expect("a tree of files");
        let line = Line::new("10.0.0.5:8080", "10.0.0.7:40001", state, 102).expect("it is right");
        proc.table("tcp", &[change(line)]).expect("a file");
        let mut watch = Watch::of(proc, Theme { color: false, unicode: true });
        watch.keys("2");
        watch.enter();
        // Wide enough for a sentence in one line.
        let picture = watch.draw(300, 30);
        for text in texts {
            assert!(picture.contains(text), "{state}: {text}\n{picture}");
        }
    }
}

fn nothing_is_acted_on_unless_that_was_allowed_and_confirmed() {
    let mut watch = Watch::new();
    watch.keys("2K");
    assert!(watch.draw(80, 24).contains("--allow-actions"));
    watch.app.fixed.allow_actions = true;
    watch.keys("Kdn");
    assert_eq!(watch.asked, []);
    watch.keys("Kd");
    assert!(watch.draw(80, 24).contains("as a reset to both sides?"));
    watch.keys("y");
    assert!(matches!(watch.asked.as_slice(), [Effect::Act(_)]), "{:?}", watch.asked);
    // Rows may move between two keys: what the first one chose is acted on.
    watch.keys("K");
    let Some(Overlay::Acts(target)) = watch.app.overlay.clone() else { panic!("a choice") };
    watch.next_round();
    watch.app.tabs.states[SOCKETS].cursor.at += 1;
    watch.keys("dy");
    assert_eq!(watch.asked.last(), Some(&Effect::Act(Act::Destroy(target.key, target.name))));
}

fn the_same_as_a_command_line() {
    let mut watch = Watch::new();
    watch.keys("2/state close-wait");
    watch.enter();
    watch.keys("sssSy");
    let expected = "sockstate list -a -t -u -w -x --columns proto,state,recvq,sendq,local,remote,age,process \
                    --sort -recvq 'state close-wait'";
    assert_eq!(watch.app.command(), expected);
    let screen = watch.draw(80, 24);
    assert!(screen.contains("    'state close-wait'"), "all of it can be read: {screen}");
    watch
        .app
        .filter
        .set("state close-wait and dst 10.0.0.0/8 and not sport = 22 and not sport = 23");
    watch.keys("q2y");
    for (width, height) in SIZES {
        let mut text = String::new();
        for _ in 0..20 {
            text += &watch.draw(width, height);
            watch.press('j');
        }
        let text: String = text.split_whitespace().collect();
        for part in ["proto,state,recvq,sendq,local,remote,age,process\\", "notsport=23'"] {
            // At 40 columns the lines of a part are seen one screen after the other.
            let head: String = part.chars().take(30).collect();
            assert!(text.contains(&head), "{width}: {part}");
            assert!(text.contains(&part[part.len() - 9..]), "{width}: {part}");
        }
        watch.keys("qy");
    }
}

fn clicks_choose_tabs_rows_and_columns() {
    let mut watch = Watch::new();
    let click = |watch: &mut Watch, column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        let modifiers = KeyModifiers::NONE;
        let effects = watch.app.event(&Event::Mouse(MouseEvent { kind, column, row, modifiers }));
        watch.perform(effects);
        watch.draw(80, 24);
    };
    watch.draw(80, 24);
    click(&mut watch, 15, 1);
    assert_eq!(watch.tab(), "Sockets");
    click(&mut watch, 3, 6);
    assert_eq!(watch.app.tabs.states[SOCKETS].cursor.at, 3);
    click(&mut watch, 2, 2);
    assert!(watch.app.tabs.states[SOCKETS].order.is_some());
    click(&mut watch, 3, 6);
    assert!(watch.app.sockets.detail, "a click on the selected row opens it");
}

fn the_interval_changes_in_steps_and_keys_ask_for_what_is_outside() {
    let mut watch = Watch::new();
    watch.keys("+");
    assert_eq!(watch.app.interval.wanted_ms, 500);
    watch.keys("----");
    assert_eq!(watch.app.interval.wanted_ms, 10_000);
    watch.keys("1exjq");
    let expected = [
        Effect::Explain("time-wait-flood".into()),
        Effect::Export(sockstate::testing::tui::app::Format::Json),
        Effect::Quit(false),
    ];
    assert_eq!(watch.asked, expected);
    watch.key(KeyCode::Char('z'), KeyModifiers::CONTROL);
    assert_eq!(watch.asked.last(), Some(&Effect::Suspend));
    watch.keys("c");
    assert!(matches!(watch.app.overlay, Some(Overlay::Columns(_))));
    watch.key(KeyCode::Char('z'), KeyModifiers::CONTROL);
    assert_eq!(watch.asked.len(), 5, "over a page too: {:?}", watch.asked);
}

fn a_pause_holds_the_log_and_the_point_whatever_comes() {
    let mut watch = Watch::new();
    watch.next_round();
    watch.app.events(vec![gap("before")]);
    watch.keys("5p");
    let (held, at) = (watch.draw(80, 24), watch.app.point().expect("a point").at);
    for number in 0..40 {
        watch.next_round_with(|round| round.begun_ns -= 900_000_000);
        watch.app.events(vec![gap(&format!("during {number}"))]);
    }
    assert_eq!(watch.app.point().expect("a point").at, at, "ten looks a second");
    let body = |picture: &str| picture.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let now = watch.draw(80, 24);
    assert!(now.contains("before") && !now.contains("during"), "{now}");
    assert_eq!(body(&held)[1..4], body(&now)[1..4]);
    let shown = watch.app.len();
    watch.app.tabs.states[EVENTS].cursor.at = 1;
    watch.keys("p");
    let newer = watch.app.len() - shown;
    let at = watch.app.tabs.states[EVENTS].cursor.at;
    assert_eq!(at, 1 + newer, "on the row where it was");
    watch.keys("g");
    assert!(watch.draw(80, 24).contains("during 39"));
    watch.app.lost(7, "08:00:09".to_owned());
    assert!(watch.draw(80, 24).contains("log: 7 entries are missing: the terminal took no output"));
}

fn gap(what: &str) -> (Told, String) {
    (Told::Gap(Gap::new("events", what)), "08:00:00.000".to_owned())
}

fn an_order_is_one_of_a_column_and_not_of_a_place() {
    let mut watch = Watch::new();
    watch.keys("2ss");
    assert!(watch.app.tabs.states[SOCKETS].order.is_some());
    watch.keys("w");
    assert_eq!(watch.app.tabs.states[SOCKETS].order, None, "other columns");
    let picture = watch.draw(300, 24);
    let heads = line_of(&picture, "STATE");
    assert!(heads.contains("UID") && heads.contains("RTT_US"), "{picture}");
    assert!(!heads.contains(char::is_lowercase), "as the others\n{picture}");
    watch.keys("4ss");
    let title = |app: &App| {
        let (column, _) = app.tabs.states[GROUPS].order?;
        Some(app.sheet()?.columns.get(column)?.title.clone())
    };
    let before = title(&watch.app).expect("an order");
    let sheet = watch.app.tabs.state_mut().sheet.as_mut().expect("a sheet");
    sheet.columns.insert(0, sheet.columns[0].clone());
    sheet.columns[0].title = "ONE MORE".to_owned();
    watch.app.tabs.states[GROUPS].order.as_mut().expect("an order").0 += 1;
    watch.app.renew_sheet();
    assert_eq!(title(&watch.app), Some(before));
}

fn what_cannot_be_done_says_so() {
    let mut watch = Watch::new();
    for (keys, text) in [
        ("1s", "nothing to sort"),
        ("2S", "no order to turn round"),
        ("2!", "no filter to invert"),
        ("2K", "only looks"),
    ] {
        watch.keys(keys);
        assert!(watch.draw(80, 24).contains(text), "{keys}: {}", watch.draw(80, 24));
    }
}

fn every_table_can_be_written_as_text() {
    let mut watch = Watch::new();
    watch.app.events(vec![gap("lost")]);
    let titles = |watch: &mut Watch, tab: &str| {
        watch.keys(tab);
        let texts = watch.app.tabs.shown().texts(&watch.app)?;
        assert!(!texts.rows.is_empty(), "{tab}");
        assert!(texts.rows.iter().all(|row| row.len() == texts.titles.len()), "{texts:?}");
        Some(texts.titles.join(" "))
    };
    assert_eq!(
        titles(&mut watch, "3").as_deref(),
        Some("LOCAL QUEUE PEAK SYN DROPS DROPS/S WAITING OWNER")
    );
    assert!(titles(&mut watch, "4").is_some_and(|titles| titles.starts_with("PROCESS ALL LISTEN")));
    assert!(titles(&mut watch, "5").is_some_and(|titles| titles.starts_with("TIME WHAT AFTER")));
    assert_eq!(titles(&mut watch, "1"), None);
    assert_eq!(titles(&mut watch, "7"), None);
}

/// What the drawing thread runs names nothing that reads, asks or waits: see also
/// `drawing_waits_for_nothing_else` in tests/terminal.rs.
fn what_draws_can_reach_nothing_that_waits() {
    // They run on threads of their own.
    let beside = ["collect.rs", "worker.rs", "lister.rs", "name_cache.rs"];
    let outside = [
        "Machine",
        "Rounds",
        "Users::",
        "Names::",
        "clock::local",
        "std::fs",
        "std::process",
        "std::net::Tcp",
        "dns_lookup",
        "crate::source",
        "crate::sys::",
    ];
    // Those that wait for messages and for the terminal, and what has no names to ask for.
    let allowed = [
        ("mod.rs", "use crate::sys::clock;"),
        ("mod.rs", "use crate::sys::signal::{self, Ending, JobControl};"),
        ("term.rs", "use crate::sys::{memory, signal};"),
        ("row_details.rs", "let names = Names::default().known();"),
    ];
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/tui");
    let mut files = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    assert!(files.len() > 30, "they were found");
    for path in files {
        let name = path.strip_prefix(&root).expect("below it").display().to_string();
        if beside.contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        for line in code.filter(|line| *line != "use crate::sys::names::Names;") {
            let found = outside.iter().find(|name| line.contains(**name));
            let is_allowed = allowed.contains(&(name.as_str(), line));
            assert!(found.is_none() || is_allowed, "{name} names {found:?}: {line}");
        }
    }
}
