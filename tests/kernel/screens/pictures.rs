//! Every tab at three sizes, and what has room at which.

use super::{Check, SIZES, Watch, line_of, tell, transition};
use crossterm::event::{KeyCode, KeyModifiers};
use sockstate::testing::live::{Round, StreamItem};
use sockstate::testing::model::address::{Address, Endpoint};
use sockstate::testing::model::age::Age;
use sockstate::testing::model::listener::Waiting;
use sockstate::testing::model::socket::Ends;
use sockstate::testing::model::state::State;
use sockstate::testing::tui::tabs::TABS;
use sockstate::testing::tui::theme::Theme;
use std::sync::Arc;

pub const CHECKS: &[Check] = &[
    ("every_tab_at_every_size", every_tab_at_every_size),
    (
        "what_matters_of_ordinary_sockets_has_room_on_80_columns",
        what_matters_of_ordinary_sockets_has_room_on_80_columns,
    ),
    ("what_is_inferred_is_marked_at_every_width", what_is_inferred_is_marked_at_every_width),
    ("which_socket_it_is_has_room_at_every_width", which_socket_it_is_has_room_at_every_width),
    (
        "listeners_of_one_port_stand_together_with_what_they_drop",
        listeners_of_one_port_stand_together_with_what_they_drop,
    ),
    ("ascii_only_where_the_terminal_has_no_more", ascii_only_where_the_terminal_has_no_more),
    ("no_size_is_too_small_or_too_large", no_size_is_too_small_or_too_large),
    (
        "a_small_terminal_keeps_the_alerts_and_the_way_out",
        a_small_terminal_keeps_the_alerts_and_the_way_out,
    ),
];

fn every_tab_at_every_size() {
    for (width, height) in SIZES {
        for (index, tab) in TABS.iter().enumerate() {
            let mut watch = Watch::new();
            tell(&mut watch);
            watch.next_round();
            watch.keys(&(index + 1).to_string());
            assert_eq!(watch.tab(), tab.title());
            let picture = watch.draw(width, height);
            assert_picture(&format!("{}-{width}x{height}", tab.title()), &picture);
        }
    }
}

/// Compares a picture with its file in tests/snapshots.
pub fn assert_picture(name: &str, picture: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(format!("screens__{name}"), picture));
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
        let item = (StreamItem::Transition(Box::new(change)), "08:00:13.402".to_owned());
        watch.app.events(vec![item]);
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

/// Two that share a port, one of them full, between others; drops grow by 8 in
/// a second, and a client waits.
fn siblings(round: &mut Round, drops: u32) {
    let first = round.snapshot.listeners[1].clone();
    let mut sibling = round.snapshot.listeners[0].clone();
    sibling.socket.inode = 104;
    sibling.queue.len = Some(0);
    sibling.socket.ends = first.socket.ends;
    let mut unix = round.snapshot.listeners[2].clone();
    unix.socket.inode = 305;
    unix.unix_name = Some((false, b"/run/full.sock".to_vec()));
    unix.queue.len = Some(129);
    Arc::make_mut(&mut round.snapshot).listeners.extend([sibling, unix]);
    for listener in Arc::make_mut(&mut round.snapshot)
        .listeners
        .iter_mut()
        .filter(|l| l.socket.ends == first.socket.ends)
    {
        listener.shared_by = 2;
    }
    let full = &mut Arc::make_mut(&mut round.snapshot).listeners[1];
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
