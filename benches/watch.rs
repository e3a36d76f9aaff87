//! What a frame of the live terminal costs with a million sockets, and what
//! making their list costs beside it.
//!
//! ```sh
//! cargo bench --bench watch
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use divan::Bencher;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use sockstate::testing::live::{Events, Round, Rounds, Watched, Wishes};
use sockstate::testing::machine::Machine;
use sockstate::testing::model::proto::{Proto, TableId};
use sockstate::testing::model::want::Want;
use sockstate::testing::rules::Config;
use sockstate::testing::source::Choice;
use sockstate::testing::tui::app::{App, Fixed, TimedRound};
use sockstate::testing::tui::lister::Lister;
use sockstate::testing::tui::tabs::{self, TABS};
use sockstate::testing::tui::theme::Theme;
use sockstate::testing::tui::view;

const ROWS: u32 = 1_000_000;

fn main() {
    divan::main();
}

/// A `/proc` with a table of a million connections.
static PROC: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = std::env::temp_dir().join(format!("sockstate-bench-{}", std::process::id()));
    std::fs::create_dir_all(root.join("net")).expect("a directory");
    let mut text = String::from("  sl  local_address rem_address   st\n");
    for n in 0..ROWS {
        let (state, port) = ([1, 6, 8, 1][n as usize % 4], 1024 + n % 60_000);
        let _ = writeln!(
            text,
            "   0: 0100007F:1F90 {:08X}:{port:04X} {state:02X} 00000000:00000000 00:00000000 \
             00000000     0        0 {n} 1 0000000000000000 20 4 30 10 -1",
            0x0100_000A + (n / 60_000)
        );
    }
    std::fs::write(root.join("net/tcp"), text).expect("a file");
    std::fs::write(root.join("net/tcp6"), "  sl\n").expect("a file");
    root
});

fn tables() -> Vec<TableId> {
    TableId::ALL.into_iter().filter(|table| table.proto == Proto::Tcp).collect()
}

fn machine() -> Machine {
    Machine::new(Choice::Proc, Path::new(&*PROC))
}

static ROUND: LazyLock<Arc<Round>> = LazyLock::new(|| {
    let (machine, config) = (machine(), Config::default());
    let events = Events::Poll;
    let watched = Watched { machine: &machine, tables: tables(), config: &config, custom: &[] };
    let (mut watcher, _) = Rounds::with_events(watched, events).expect("nothing is needed");
    let round =
        watcher.round(Wishes { rows: true, tally: true, ..Wishes::default() }).expect("a table");
    assert_eq!(round.table.len(), ROWS as usize);
    Arc::new(round)
});

fn app() -> (App, Lister) {
    let fixed = Fixed {
        want: Want::all_of(tables()),
        flags: String::new(),
        theme: Theme { color: true, unicode: true },
        tabs: TABS,
        keymap: tabs::usual_keys(),
        allow_actions: false,
        host: "bench".into(),
        sources: String::new(),
        custom: Arc::default(),
    };
    let (mut app, mut lister) = (App::new(fixed, 1_000), Lister::new(machine()));
    app.round(TimedRound { round: Arc::clone(&ROUND), time: "08:00:12".into() });
    app.event(&Event::Key(KeyEvent::new(KeyCode::Char('2'), KeyModifiers::NONE)));
    let listed = lister.list(&app.job().expect("there is a round"));
    app.list(Arc::new(listed));
    (app, lister)
}

/// One frame of the Sockets tab in the midst of a million rows.
#[divan::bench(sample_count = 100)]
fn frame(bencher: Bencher<'_, '_>) {
    let (mut app, _) = app();
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).expect("memory");
    bencher.bench_local(|| {
        app.cursor().go(997, ROWS as usize);
        terminal.draw(|frame| view::draw(&mut app, frame)).map(|done| done.count)
    });
}

/// The list without filter and order; it is made beside the drawing.
#[divan::bench(sample_count = 5)]
fn list(bencher: Bencher<'_, '_>) {
    let (app, mut lister) = app();
    let job = app.job().expect("there is a round");
    bencher.bench_local(|| lister.list(&job).order.len());
}

/// The same by a filter and in the order of a field.
#[divan::bench(sample_count = 5)]
fn list_filtered_and_sorted(bencher: Bencher<'_, '_>) {
    let (mut app, mut lister) = app();
    app.filter.set("state established and dport > 30000");
    app.tabs.states[1].order = Some((5, false));
    let job = app.job().expect("there is a round");
    bencher.bench_local(|| lister.list(&job).order.len());
}
