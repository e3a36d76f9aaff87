//! The details of a socket.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use sockstate::tui::theme::Theme;

use super::pictures::assert_picture;
use super::{Check, Watch, line_of, tell};
use crate::kit::fakeproc::{FakeProc, Line};

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
    watch.app.command_lines.insert(812, "/usr/bin/api --port 8080".into());
    let picture = watch.draw(120, 40);
    let change = line_of(&picture, "ESTABLISHED →");
    assert!(change.contains(" HH:MM:SS.402  ESTABLISHED → CLOSE_WAIT after 5.0 s"), "{picture}");
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
            "timer retransmit, fires in 200 ms, 1 retransmit",
            "receive queue 0  send queue 36 bytes",
        ],
    ),
    (
        2,
        |line| Line { timer: (1, 310), retransmits: 2, ..line },
        &["no answer to our SYN yet; 2 retransmits, the next in 3.1 s"],
    ),
    (
        3,
        |line| Line { timer: (1, 100), retransmits: 1, inode: 0, ..line },
        &["not acknowledged yet; 1 timeout, the next in 1.0 s"],
    ),
    (
        4,
        |line| Line { tx_queue: 1, timer: (1, 100), inode: 0, ..line },
        &["1 byte outstanding; 0 retransmits, the next in 1.0 s", "orphan"],
    ),
    (5, |line| line, &["a process still holds it, so it may stay for any time"]),
    (5, |line| Line { timer: (3, 5_000), inode: 0, ..line }, &["the kernel ends it in 50 s"]),
    (6, |line| Line { timer: (3, 1_200), inode: 0, ..line }, &["kept for 12 s of 60 s more"]),
    (7, |line| line, &["neither connected nor listening"]),
    (8, |line| Line { rx_queue: 6, ..line }, &["5 bytes unread: close() would reset"]),
    (8, |line| line, &["has read that and must call close()", "receive queue 0"]),
    (
        9,
        |line| Line { timer: (1, 640), retransmits: 3, inode: 0, ..line },
        &["not acknowledged our end yet; 3 retransmits, the next in 6.4 s"],
    ),
    (
        11,
        |line| Line { timer: (1, 640), retransmits: 3, inode: 0, ..line },
        &["both closed at the same time", "3 retransmits, the next in 6.4 s"],
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
