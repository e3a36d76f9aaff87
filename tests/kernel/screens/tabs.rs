//! What single tabs and pages say.

use super::{Check, SIZES, Watch, gap, line_of, transition};
use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::style::Color;
use sockstate::testing::live::StreamItem;
use sockstate::testing::model::ports::{Growth, GrowthSeen};
use sockstate::testing::model::state::State;
use sockstate::testing::model::transition::Transition;
use sockstate::testing::tui::app::Effect;
use sockstate::testing::tui::theme::Theme;

pub const CHECKS: &[Check] = &[
    (
        "e_explains_the_state_that_most_of_a_group_are_in",
        e_explains_the_state_that_most_of_a_group_are_in,
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
        "a_page_folds_what_is_too_long_and_cuts_pictures",
        a_page_folds_what_is_too_long_and_cuts_pictures,
    ),
    ("a_map_that_has_no_room_scrolls_and_says_so", a_map_that_has_no_room_scrolls_and_says_so),
    ("every_table_can_be_written_as_text", every_table_can_be_written_as_text),
];

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
    assert!(watch.draw(80, 24).contains("the look took 1.2s > interval 1.0s"));
    watch.app.interval.kept_ms = 4_000;
    assert!(watch.draw(100, 24).contains("every 4.0s by --max-cpu"), "and why not sooner");
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
    assert!(
        watch.app.command().join(" ").contains("--by state '"),
        "{}",
        watch.app.command().join(" ")
    );
    watch.enter();
    assert!(watch.app.filter.text.starts_with("state "), "{}", watch.app.filter.text);
}

fn the_map_marks_the_hottest_edge_and_what_may_be_of_elsewhere() {
    let mut watch = Watch::new();
    let close_wait = |port| transition(State::Established, State::CloseWait, port, true);
    let mut changes: Vec<Transition> = (1..=3).map(close_wait).collect();
    changes.push(transition(State::Established, State::TimeWait, 8081, false));
    changes[0].listed = false;
    let items =
        changes.into_iter().map(|c| (StreamItem::Transition(Box::new(c)), "08:00:13".to_owned()));
    watch.app.events(items.collect());
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
        budget.growth = Some(Growth { per_second: 4.0, seen: GrowthSeen::TwoLooks });
    });
    watch.keys("6");
    let picture = watch.draw(80, 24);
    let line = line_of(&picture, "10.0.0.8:443");
    assert!(line.contains("28000/28232") && line.contains(" 99% "), "{picture}");
    assert!(line.ends_with("4.0      58s"), "{picture}");
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
