//! The threads beside the drawing: one looks at the machine, one makes lists,
//! one waits for keys. All they do is send a [`Msg`].

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use crossterm::event::Event;

use crate::live::{
    self, CpuBudget, Events, Next, Round, Rounds, Schedule, Told, Watch, Watched, Wishes,
};
use crate::machine::Machine;
use crate::model::proto::TableId;
use crate::output::json;
use crate::query::Selection;
use crate::rules::Config;
use crate::source::Choice;
use crate::sys::clock::{self, ClockPair};
use crate::sys::notify::Notifier;

use super::app::{Format, LOG};
use super::outside::{self, Export, Page};
use super::rows::{Job, Listed, Lister};

/// What the threads tell.
pub enum Msg {
    /// A key, a click, a new size.
    Input(Event),
    /// There is no more input: the terminal is gone.
    InputEnded,
    /// Which events are used.
    Sources(String),
    /// There is something in the [`Tray`].
    Collected,
    /// A round failed.
    Failed(String),
    /// The collector cannot go on.
    Ended(String),
    /// A list.
    Listed(Arc<Listed>),
    /// A page to lay over the screen.
    Page(Page),
    /// A remark.
    Said(String),
}

/// What is to be done beside the drawing.
pub enum Work {
    /// A list.
    List(Box<Job>),
    /// A page of explain.
    Explain(String),
    /// A file.
    Export(Export, Format),
}

/// What the collector has for the screen, until that takes it. A terminal that
/// takes no output, over a connection that hangs, must not fill the memory.
#[derive(Default)]
pub struct Tray(Mutex<Collected>);

/// What lies in the tray.
#[derive(Default)]
pub struct Collected {
    /// The newest round, with the changes of those that were not taken, and the
    /// interval that is kept.
    pub round: Option<(Box<Round>, u64)>,
    /// What happened, with times as text.
    pub told: VecDeque<(Told, String)>,
    /// How much of it there was no room for.
    pub lost: u64,
}

impl Tray {
    /// Takes everything out.
    pub fn take(&self) -> Collected {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lays something in; says whether nothing lay there.
    fn lay(&self, lay: impl FnOnce(&mut Collected)) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = held.round.is_none() && held.told.is_empty();
        lay(&mut held);
        was_empty
    }

    fn lay_round(&self, mut round: Box<Round>, kept_ms: u64) -> bool {
        self.lay(|held| {
            if let Some((earlier, _)) = held.round.take() {
                let later = std::mem::replace(&mut round.judged.changes, earlier.judged.changes);
                round.judged.changes.extend(later);
                let surplus = round.judged.changes.len().saturating_sub(LOG);
                round.judged.changes.drain(..surplus);
            }
            held.round = Some((round, kept_ms));
        })
    }

    fn lay_told(&self, told: Vec<(Told, String)>) -> bool {
        self.lay(|held| {
            held.told.extend(told);
            let surplus = held.told.len().saturating_sub(LOG);
            if surplus > 0 {
                held.lost += surplus as u64;
                make_room(&mut held.told, surplus);
            }
        })
    }
}

/// Takes the oldest out: of what may be of other namespaces, while that has
/// more than half of the room, as in the log.
fn make_room(told: &mut VecDeque<(Told, String)>, surplus: usize) {
    let is_foreign = |told: &Told| matches!(told, Told::Transition(c) if !c.is_local());
    let foreign = told.iter().filter(|(told, _)| is_foreign(told)).count();
    let mut excess = foreign.saturating_sub(LOG / 2).min(surplus);
    let rest = surplus - excess;
    told.retain(|(told, _)| {
        let goes = excess > 0 && is_foreign(told);
        excess -= usize::from(goes);
        !goes
    });
    told.drain(..rest);
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
    /// Who is told of alerts, whether or not the terminal takes any output.
    pub notifier: Option<Notifier>,
}

/// Where the collector tells.
#[derive(Clone)]
pub struct Outlet {
    /// What is to be shown.
    pub tray: Arc<Tray>,
    /// That something is.
    pub sender: Sender<Msg>,
}

impl Outlet {
    /// Says whether anybody listens.
    fn round(&self, round: Box<Round>, kept_ms: u64) -> bool {
        !self.tray.lay_round(round, kept_ms) || self.sender.send(Msg::Collected).is_ok()
    }

    fn told(&self, told: Vec<(Told, String)>) -> bool {
        told.is_empty() || !self.tray.lay_told(told) || self.sender.send(Msg::Collected).is_ok()
    }
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
pub fn collector(what: Collecting, control: Arc<Control>, outlet: Outlet) -> io::Result<()> {
    Builder::new().name("collector".into()).spawn(move || {
        let sender = &outlet.sender;
        let _guard = Guard { what: "collector", sender: sender.clone() };
        let machine = Machine::new(what.choice, &what.proc_root);
        let Collecting { tables, config, own, events, max_cpu, notifier, .. } = what;
        let watched = Watched { machine: &machine, tables, config: &config, custom: &own };
        match Rounds::with_events(watched, events) {
            Err(why) => drop(sender.send(Msg::Ended(why))),
            Ok((rounds, sources)) => {
                drop(sender.send(Msg::Sources(sources)));
                let orders = control.get();
                let interval = Duration::from_millis(orders.interval_ms);
                let schedule =
                    Schedule::new(clock::monotonic_ns(), interval).within(CpuBudget::new(max_cpu));
                let outlet = outlet.clone();
                let (round, alive) = (None, true);
                let mut collector =
                    Collector { rounds, control, outlet, notifier, orders, round, alive };
                if let Err(error) = live::run(schedule, &mut collector) {
                    let why = format!("events can no longer be read: {error}");
                    drop(sender.send(Msg::Ended(why)));
                }
            }
        }
    })?;
    Ok(())
}

/// Looks and listens until nobody receives any more.
struct Collector<'c> {
    rounds: Rounds<'c>,
    control: Arc<Control>,
    outlet: Outlet,
    notifier: Option<Notifier>,
    /// By which the last look was made.
    orders: Orders,
    /// The last round, until it is known when the next one is due.
    round: Option<Box<Round>>,
    /// Somebody still receives.
    alive: bool,
}

impl Watch for Collector<'_> {
    type Error = io::Error;

    fn look(&mut self) -> io::Result<Next> {
        self.orders = self.control.get();
        let round = self.rounds.round(self.orders.wishes);
        panic_for_tests();
        self.alive &= tell(&mut self.rounds, &self.outlet);
        self.alive &= match round {
            Ok(round) => {
                notify(self.notifier.as_ref(), &round, &self.outlet.sender);
                self.round = Some(Box::new(round));
                true
            }
            Err(error) => self.outlet.sender.send(Msg::Failed(error.to_string())).is_ok(),
        };
        Ok(Next::Due)
    }

    fn wait(&mut self, left: Duration) -> io::Result<Next> {
        if self.control.get() != self.orders {
            return Ok(Next::Now);
        }
        let lost = self.rounds.listen(left.min(GATHER))?;
        self.alive &= tell(&mut self.rounds, &self.outlet);
        // Lost events are made good by a look.
        Ok(if lost { Next::Now } else { Next::Due })
    }

    fn kept(&mut self, kept_ms: u64) {
        if let Some(round) = self.round.take() {
            self.alive &= self.outlet.round(round, kept_ms);
        }
    }

    fn interval_ms(&self) -> Option<u64> {
        Some(self.orders.interval_ms)
    }

    fn is_over(&self) -> bool {
        !self.alive
    }
}

fn notify(notifier: Option<&Notifier>, round: &Round, sender: &Sender<Msg>) {
    let Some(notifier) = notifier else { return };
    notifier.news().into_iter().for_each(|failed| drop(sender.send(Msg::Said(failed))));
    for change in &round.judged.changes {
        notifier.send(json::alert_event(round.started, round.at_ms, change));
    }
}

/// Hands on what is to be told; says whether anybody still listens.
fn tell(rounds: &mut Rounds<'_>, outlet: &Outlet) -> bool {
    let clocks = rounds.clocks();
    let mut told = Vec::new();
    while let Some(next) = rounds.next_told() {
        let at = time_of(&next, clocks);
        told.push((next, at));
    }
    outlet.told(told)
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

/// Starts the thread for what takes a while: of the lists it is to make the
/// latest, and every page and file.
///
/// # Errors
/// When there can be no thread.
pub fn worker(machine: Machine, work: Receiver<Work>, sender: Sender<Msg>) -> io::Result<()> {
    Builder::new().name("lister".into()).spawn(move || {
        let _guard = Guard { what: "lister", sender: sender.clone() };
        let mut lister = Lister::new(machine);
        while let Ok(first) = work.recv() {
            let mut list = None;
            for work in std::iter::once(first).chain(work.try_iter()) {
                let msg = match work {
                    Work::List(job) => {
                        list = Some(job);
                        continue;
                    }
                    Work::Explain(name) => match outside::explain(lister.machine(), &name) {
                        Ok(page) => Msg::Page(page),
                        Err(why) => Msg::Said(why),
                    },
                    Work::Export(export, format) => {
                        Msg::Said(outside::export(lister.machine(), &export, format))
                    }
                };
                drop(sender.send(msg));
            }
            let listed = list.map(|job| Arc::new(lister.list(&job)));
            if listed.is_some_and(|listed| sender.send(Msg::Listed(listed)).is_err()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::gap::Gap;

    /// A terminal that hangs for an hour costs no more than one that hangs for a minute.
    #[test]
    fn a_tray_that_nobody_empties_is_bounded() {
        let tray = Tray::default();
        let told = |name: u32| vec![(Told::Gap(Gap::new("x", name.to_string())), String::new())];
        assert!(tray.lay_told(told(0)), "somebody must be told");
        let more = (1..LOG as u32 + 5).filter(|name| tray.lay_told(told(*name))).count();
        assert_eq!(more, 0, "somebody was");
        let held = tray.take();
        assert_eq!((held.told.len(), held.lost), (LOG, 5));
        let Some((Told::Gap(oldest), _)) = held.told.front() else { panic!("a gap") };
        assert_eq!(oldest.reason, "5", "the newest stay");
        assert!(tray.lay_told(told(0)), "it was emptied");
    }
}
