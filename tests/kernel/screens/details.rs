//! The details of a socket.

use super::pictures::assert_picture;
use super::{Check, MEANINGS, Watch, line_of, tell};
use crate::kit::fakeproc::{FakeProc, Line};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use sockstate::testing::sys::names::Names;
use sockstate::testing::tui::row_details::{Fetched, FetchedDetails};
use sockstate::testing::tui::theme::Theme;

pub const CHECKS: &[Check] = &[
    (
        "details_stand_beside_a_wide_table_and_below_a_narrow_one",
        details_stand_beside_a_wide_table_and_below_a_narrow_one,
    ),
    (
        "details_have_the_history_of_a_socket_and_who_holds_it",
        details_have_the_history_of_a_socket_and_who_holds_it,
    ),
    ("details_scroll_where_they_have_no_room", details_scroll_where_they_have_no_room),
    (
        "a_state_is_told_with_the_numbers_of_its_socket",
        a_state_is_told_with_the_numbers_of_its_socket,
    ),
];

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
    let details = Some(FetchedDetails { command_lines, ..FetchedDetails::default() });
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
