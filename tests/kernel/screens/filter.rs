//! What a filter leaves on each tab, and that it says so.

use super::{Check, EVENTS, SOCKETS, Watch, gap, tell, transition};
use crossterm::event::{KeyCode, KeyModifiers};
use sockstate::testing::live::StreamItem;
use sockstate::testing::model::address::{Address, Endpoint};
use sockstate::testing::model::state::State;
use sockstate::testing::model::transition::Transition;
use sockstate::testing::rules::Subject;

pub const CHECKS: &[Check] = &[
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
        "a_filter_is_live_and_its_mistakes_stand_below_it",
        a_filter_is_live_and_its_mistakes_stand_below_it,
    ),
    ("only_what_an_alert_is_about_is_shown", only_what_an_alert_is_about_is_shown),
];

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
    assert_eq!(watch.app.command().join(" "), "sockstate listeners -t -x 'sport = 22'");
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
    assert_eq!(watch.app.command().join(" "), "sockstate events 'state close-wait'");
    tell(&mut watch);
    assert_eq!(watch.app.len(), 3, "what comes is filtered too");
    for (filter, count) in [("state established", 4), ("sport = 8081", 2), ("pid 812", 4)] {
        watch.app.filter.set(filter);
        watch.keys("5");
        assert_eq!(watch.app.len(), 1 + count, "{filter}");
    }
    let mut change = transition(State::Established, State::CloseWait, 8082, true);
    change.identity.inode = 77;
    watch.app.events(vec![(StreamItem::Transition(Box::new(change)), "08:00:13.402".to_owned())]);
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
        (StreamItem::Transition(Box::new(change)), "08:00:14.000".to_owned())
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
