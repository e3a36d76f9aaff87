//! The threads that bring what happens: one looks at the machine and hears its
//! events, one waits for keys. All they do is send a [`Msg`].

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use crate::live::{
    self, CpuBudget, Events, Next, Round, Rounds, Schedule, StreamItem, Watch, Watched, Wishes,
};
use crate::machine::Machine;
use crate::model::gap::Gap;
use crate::output::json;
use crate::query::Selection;
use crate::rules::Config;
use crate::source::Choice;
use crate::sys::clock::{self, ClockPair};
use crate::sys::notify::Notifier;

use super::app::LOG;
use super::messages::Msg;

/// Holds the collector's results until the screen takes them. A terminal that
/// takes no output, over a connection that hangs, must not fill the memory.
#[derive(Default)]
pub struct Mailbox(Mutex<Collected>);

/// The content of the mailbox.
#[derive(Default)]
pub struct Collected {
    /// The newest round, with the changes of those that were not taken.
    pub round: Option<Box<Round>>,
    /// The time of day at which it began.
    pub time: String,
    /// The interval that is kept, milliseconds.
    pub kept_ms: u64,
    /// Transitions and gaps, with their times as text.
    pub events: VecDeque<(StreamItem, String)>,
    /// The number of items for which there was no room.
    pub lost: u64,
}

impl Mailbox {
    /// Takes everything out.
    pub fn take(&self) -> Collected {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts something in; returns whether nothing lay there.
    fn put(&self, put: impl FnOnce(&mut Collected)) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = held.round.is_none() && held.events.is_empty();
        put(&mut held);
        was_empty
    }

    fn put_round(&self, mut round: Box<Round>, kept_ms: u64) -> bool {
        // Here, since the time zone is in a file.
        let time = clock::local_time_of_day(round.clocks.wall_at(round.begun_ns));
        self.put(|held| {
            if let Some(earlier) = held.round.take() {
                let later = std::mem::replace(&mut round.judged.changes, earlier.judged.changes);
                round.judged.changes.extend(later);
                let surplus = round.judged.changes.len().saturating_sub(LOG);
                round.judged.changes.drain(..surplus);
            }
            held.round = Some(round);
            held.time = time;
            held.kept_ms = kept_ms;
        })
    }

    fn put_events(&self, events: Vec<(StreamItem, String)>) -> bool {
        self.put(|held| {
            held.events.extend(events);
            let surplus = held.events.len().saturating_sub(LOG);
            if surplus > 0 {
                held.lost += surplus as u64;
                make_room(&mut held.events, surplus);
            }
        })
    }
}

/// Takes the oldest out: of what may be of other namespaces, while that has
/// more than half of the room, as in the log.
fn make_room(events: &mut VecDeque<(StreamItem, String)>, surplus: usize) {
    let is_foreign =
        |event: &StreamItem| matches!(event, StreamItem::Transition(c) if !c.is_local());
    let foreign = events.iter().filter(|(event, _)| is_foreign(event)).count();
    let mut excess = foreign.saturating_sub(LOG / 2).min(surplus);
    let rest = surplus - excess;
    events.retain(|(event, _)| {
        let goes = excess > 0 && is_foreign(event);
        excess -= usize::from(goes);
        !goes
    });
    events.drain(..rest);
}

/// The settings of the collector.
pub struct Collecting {
    /// The source of rows.
    pub choice: Choice,
    /// The directory where procfs is mounted.
    pub proc_root: PathBuf,
    /// The rows that flags ask for, and with them their transitions.
    pub asked: Selection,
    /// The rules.
    pub config: Config,
    /// The selections of the custom rules.
    pub custom: Vec<Selection>,
    /// The source of events.
    pub events: Events,
    /// The share of one CPU that the whole program may take, per cent.
    pub max_cpu: f64,
    /// The notifier of alerts, which runs whether or not the terminal takes any
    /// output.
    pub notifier: Option<Notifier>,
}

/// The collector's way to the screen.
#[derive(Clone)]
pub struct Publisher {
    /// The results to be shown.
    pub mailbox: Arc<Mailbox>,
    /// The channel that announces them.
    pub sender: Sender<Msg>,
}

impl Publisher {
    /// Publishes a round; returns whether anybody listens.
    fn round(&self, round: Box<Round>, kept_ms: u64) -> bool {
        !self.mailbox.put_round(round, kept_ms) || self.sender.send(Msg::Collected).is_ok()
    }

    fn events(&self, events: Vec<(StreamItem, String)>) -> bool {
        events.is_empty()
            || !self.mailbox.put_events(events)
            || self.sender.send(Msg::Collected).is_ok()
    }
}

/// The screen's orders to the collector.
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
pub struct Guard {
    what: &'static str,
    sender: Sender<Msg>,
}

impl Guard {
    /// Guards the thread that keeps it.
    pub fn new(what: &'static str, sender: &Sender<Msg>) -> Self {
        Self { what, sender: sender.clone() }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.sender.send(Msg::Ended(format!("the {} has panicked", self.what))));
        }
    }
}

/// The time for which events are gathered before they are handed on.
const GATHER: Duration = Duration::from_millis(100);

/// Starts the collector.
///
/// # Errors
/// When there can be no thread.
pub fn collector(what: Collecting, control: Arc<Control>, publisher: Publisher) -> io::Result<()> {
    Builder::new().name("collector".into()).spawn(move || {
        let sender = &publisher.sender;
        let _guard = Guard::new("collector", sender);
        let machine = Machine::new(what.choice, &what.proc_root);
        let Collecting { asked, config, custom, events, max_cpu, notifier, .. } = what;
        let tables = asked.want.tables.clone();
        let watched = Watched { machine: &machine, tables, config: &config, custom: &custom };
        match Rounds::with_events(watched, events) {
            Err(why) => drop(sender.send(Msg::Ended(why))),
            Ok((rounds, sources)) => {
                drop(sender.send(Msg::Sources(sources)));
                let orders = control.get();
                let interval = Duration::from_millis(orders.interval_ms);
                let schedule =
                    Schedule::new(clock::monotonic_ns(), interval).within(CpuBudget::new(max_cpu));
                let publisher = publisher.clone();
                let (round, alive) = (None, true);
                let mut collector =
                    Collector { rounds, asked, control, publisher, notifier, orders, round, alive };
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
    asked: Selection,
    control: Arc<Control>,
    publisher: Publisher,
    notifier: Option<Notifier>,
    /// The orders by which the last look was made.
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
        self.alive &= hand_on(&mut self.rounds, &self.asked, &self.publisher);
        match round {
            Ok(round) => {
                self.alive &= notify(self.notifier.as_ref(), &round, &self.publisher);
                self.round = Some(Box::new(round));
            }
            Err(error) => {
                self.alive &= self.publisher.sender.send(Msg::Failed(error.to_string())).is_ok();
            }
        }
        Ok(Next::Due)
    }

    fn wait(&mut self, left: Duration) -> io::Result<Next> {
        if self.control.get() != self.orders {
            return Ok(Next::Now);
        }
        let lost = self.rounds.listen(left.min(GATHER))?;
        self.alive &= hand_on(&mut self.rounds, &self.asked, &self.publisher);
        // Lost events are made good by a look.
        Ok(if lost { Next::Now } else { Next::Due })
    }

    fn kept(&mut self, kept_ms: u64) {
        if let Some(round) = self.round.take() {
            self.alive &= self.publisher.round(round, kept_ms);
        }
    }

    fn interval_ms(&self) -> Option<u64> {
        Some(self.orders.interval_ms)
    }

    fn is_over(&self) -> bool {
        !self.alive
    }
}

/// Tells the command of alerts, and the log what did not get through; returns
/// whether anybody still listens.
fn notify(notifier: Option<&Notifier>, round: &Round, publisher: &Publisher) -> bool {
    let Some(notifier) = notifier else { return true };
    for change in &round.judged.changes {
        notifier.send(json::alert_event(round.started, round.at_ms, change));
    }
    let lost = notifier.news();
    let say = |gap: &Gap| publisher.sender.send(Msg::Said(gap.reason.clone())).is_ok();
    let is_heard = lost.iter().all(say);
    let time = clock::local_time(clock::now());
    let events = lost.into_iter().map(|gap| (StreamItem::Gap(gap), millis(time.clone())));
    publisher.events(events.collect()) && is_heard
}

/// Hands on what happened to the rows that are asked for; returns whether
/// anybody still listens.
fn hand_on(rounds: &mut Rounds<'_>, asked: &Selection, publisher: &Publisher) -> bool {
    let clocks = rounds.clocks();
    let mut events = Vec::new();
    while let Some(next) = rounds.next_item() {
        if matches!(&next, StreamItem::Transition(change) if !asked.answers(change, true)) {
            continue;
        }
        let at = time_of(&next, clocks);
        events.push((next, at));
    }
    publisher.events(events)
}

fn time_of(event: &StreamItem, clocks: ClockPair) -> String {
    let at_ns = match event {
        StreamItem::Transition(change) => change.when.max().0,
        StreamItem::Gap(_) => clock::monotonic_ns(),
    };
    millis(clock::local_time(clocks.wall_at(at_ns)))
}

/// Cuts a time of day behind its milliseconds, which are enough on a screen.
fn millis(mut time: String) -> String {
    time.truncate("08:00:13.402".len());
    time
}

/// Tests see what a panic leaves of the terminal.
fn panic_for_tests() {
    if cfg!(debug_assertions) && std::env::var_os("SOCKSTATE_TEST_PANIC").is_some() {
        panic!("a panic for a test");
    }
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

    /// A terminal that hangs for an hour costs no more than one that hangs for a minute.
    #[test]
    fn a_mailbox_that_nobody_empties_is_bounded() {
        let mailbox = Mailbox::default();
        let event =
            |name: u32| vec![(StreamItem::Gap(Gap::new("x", name.to_string())), String::new())];
        assert!(mailbox.put_events(event(0)), "somebody must be told");
        let more = (1..LOG as u32 + 5).filter(|name| mailbox.put_events(event(*name))).count();
        assert_eq!(more, 0, "somebody was");
        let held = mailbox.take();
        assert_eq!((held.events.len(), held.lost), (LOG, 5));
        let Some((StreamItem::Gap(oldest), _)) = held.events.front() else { panic!("a gap") };
        assert_eq!(oldest.reason, "5", "the newest stay");
        assert!(mailbox.put_events(event(0)), "it was emptied");
    }
}
