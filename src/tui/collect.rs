//! The threads beside the drawing: one looks at the machine, one makes lists,
//! one waits for keys. All they do is send a [`Msg`].

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use crossterm::event::Event;

use crate::engine::{Engine, Events, Pace, Round, Selection, Told, Watched, Watcher, Wishes};
use crate::model::want::TableId;
use crate::rules::Config;
use crate::source::Choice;
use crate::sys::clock::{self, ClockPair};

use super::rows::{Job, Listed, Lister};

/// What the threads tell.
pub enum Msg {
    /// A key, a click, a new size.
    Input(Event),
    /// There is no more input: the terminal is gone.
    InputEnded,
    /// Which events are used.
    Sources(String),
    /// A round, and the interval that is kept.
    Round(Box<Round>, u64),
    /// What happened between rounds, with times as text.
    Told(Vec<(Told, String)>),
    /// A round failed.
    Failed(String),
    /// The collector cannot go on.
    Ended(String),
    /// A list.
    Listed(Box<Listed>),
}

/// What the collector needs.
pub struct Collecting {
    /// Which source of rows.
    pub choice: Choice,
    /// Where procfs is.
    pub proc_root: PathBuf,
    /// The tables.
    pub tables: Vec<TableId>,
    /// The rules.
    pub config: Config,
    /// What own rules count.
    pub own: Vec<Selection>,
    /// Which events.
    pub events: Events,
    /// The share of one CPU that the whole program may take, per cent.
    pub max_cpu: f64,
}

/// What the screen tells the collector.
#[derive(Default)]
pub struct Control(Mutex<Orders>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Orders {
    wishes: Wishes,
    interval_ms: u64,
}

impl Control {
    /// Sets what rounds bring and how often they are.
    pub fn set(&self, wishes: Wishes, interval_ms: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Orders { wishes, interval_ms };
    }

    fn get(&self) -> Orders {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells that a thread has panicked: the others would wait for it for ever.
struct Guard {
    what: &'static str,
    sender: Sender<Msg>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.sender.send(Msg::Ended(format!("the {} has panicked", self.what))));
        }
    }
}

/// How long events are gathered before they are handed on.
const GATHER: Duration = Duration::from_millis(100);

/// Starts the collector.
///
/// # Errors
/// When there can be no thread.
pub fn collector(what: Collecting, control: Arc<Control>, sender: Sender<Msg>) -> io::Result<()> {
    Builder::new().name("collector".into()).spawn(move || {
        let _guard = Guard { what: "collector", sender: sender.clone() };
        let engine = Engine::new(what.choice, &what.proc_root);
        let Collecting { tables, config, own, events, max_cpu, .. } = what;
        let watched = Watched { engine: &engine, tables, config: &config, own: &own, events };
        match Watcher::open(watched) {
            Err(why) => drop(sender.send(Msg::Ended(why))),
            Ok((watcher, sources)) => {
                drop(sender.send(Msg::Sources(sources)));
                collect(watcher, &control, &sender, max_cpu);
            }
        }
    })?;
    Ok(())
}

/// Looks and listens until nobody receives any more.
fn collect(mut watcher: Watcher<'_>, control: &Control, sender: &Sender<Msg>, max_cpu: f64) {
    let mut pace = Pace::new(max_cpu);
    loop {
        let orders = control.get();
        let begun_ns = clock::monotonic_ns();
        let round = watcher.round(orders.wishes);
        panic_for_tests();
        let kept_ms = pace.next(orders.interval_ms, clock::process_cpu_ns());
        let mut alive = tell(&mut watcher, sender);
        alive &= match round {
            Ok(round) => sender.send(Msg::Round(Box::new(round), kept_ms)).is_ok(),
            Err(error) => sender.send(Msg::Failed(error.to_string())).is_ok(),
        };
        let due_ns = begun_ns + kept_ms * 1_000_000;
        while alive && clock::monotonic_ns() < due_ns && control.get() == orders {
            let left = Duration::from_nanos(due_ns.saturating_sub(clock::monotonic_ns()));
            match watcher.listen(left.min(GATHER)) {
                Ok(false) => {}
                // Lost events are made good by a look.
                Ok(true) => break,
                Err(error) => {
                    drop(sender.send(Msg::Ended(format!("events can no longer be read: {error}"))));
                    return;
                }
            }
            alive = tell(&mut watcher, sender);
        }
        if !alive {
            return;
        }
    }
}

/// Hands on what is to be told; says whether anybody still listens.
fn tell(watcher: &mut Watcher<'_>, sender: &Sender<Msg>) -> bool {
    let clocks = watcher.clocks();
    let mut told = Vec::new();
    while let Some(next) = watcher.next_told() {
        let at = time_of(&next, clocks);
        told.push((next, at));
    }
    told.is_empty() || sender.send(Msg::Told(told)).is_ok()
}

fn time_of(told: &Told, clocks: ClockPair) -> String {
    let at_ns = match told {
        Told::Transition(change) => change.when.max().0,
        Told::Gap(_) => clock::monotonic_ns(),
    };
    let mut text = clock::local_time(clocks.wall_at(at_ns));
    // Milliseconds are enough on a screen.
    text.truncate("08:00:13.402".len());
    text
}

/// Tests see what a panic leaves of the terminal.
fn panic_for_tests() {
    if cfg!(debug_assertions) && std::env::var_os("SOCKSTATE_TEST_PANIC").is_some() {
        panic!("a panic for a test");
    }
}

/// Starts the maker of lists, which makes the latest of the jobs it is given.
///
/// # Errors
/// When there can be no thread.
pub fn lister(engine: Engine, jobs: Receiver<Job>, sender: Sender<Msg>) -> io::Result<()> {
    Builder::new().name("lister".into()).spawn(move || {
        let _guard = Guard { what: "maker of lists", sender: sender.clone() };
        let mut lister = Lister::new(engine);
        while let Ok(mut job) = jobs.recv() {
            while let Ok(later) = jobs.try_recv() {
                job = later;
            }
            if sender.send(Msg::Listed(Box::new(lister.list(&job)))).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

/// Starts the thread that waits for keys.
///
/// # Errors
/// When there can be no thread.
pub fn input(sender: Sender<Msg>) -> io::Result<()> {
    Builder::new().name("input".into()).spawn(move || {
        while let Ok(event) = crossterm::event::read() {
            if sender.send(Msg::Input(event)).is_err() {
                return;
            }
        }
        drop(sender.send(Msg::InputEnded));
    })?;
    Ok(())
}
