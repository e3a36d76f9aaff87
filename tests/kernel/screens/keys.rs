//! Keys and clicks, and what they change.

use super::{Check, EVENTS, GROUPS, SIZES, SOCKETS, Watch, gap, line_of, tell};
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use sockstate::testing::model::state::State;
use sockstate::testing::tui::app::{Act, App, Effect, Overlay};
use std::path::PathBuf;

pub const CHECKS: &[Check] = &[
    ("help_is_the_table_of_keys", help_is_the_table_of_keys),
    ("help_scrolls_where_it_has_no_room", help_scrolls_where_it_has_no_room),
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
    ("what_draws_can_reach_nothing_that_waits", what_draws_can_reach_nothing_that_waits),
];

fn help_is_the_table_of_keys() {
    let mut watch = Watch::new();
    watch.keys("?");
    let picture = watch.draw(80, 24);
    for (keys, what) in watch.app.fixed.keymap.help() {
        assert!(picture.contains(&format!("{keys:<16}{what}")), "{keys} {what}\n{picture}");
    }
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
    assert!(watch.draw(80, 24).contains("paused 0ms"), "{}", watch.draw(80, 24));
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
    // The history has the counts of the other protocols too.
    assert!(picture.contains("UDP ") && picture.contains("unix "), "{picture}");
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
    assert!(watch.app.len() > 0);
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
    assert_eq!(watch.app.command().join(" "), expected);
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
    let picture = watch.draw(80, 24);
    // One byte a column: however many tabs there are.
    let second = picture.lines().nth(1).and_then(|tabs| tabs.find('2')).expect("a second tab");
    click(&mut watch, u16::try_from(second).expect("on the screen"), 1);
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
        Effect::Export(sockstate::testing::tui::app::FileFormat::Json),
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
        ("term.rs", "use crate::sys::signal;"),
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
