//! Transitions as they happen: snapshots and the kernel's own events together.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::machine::{Machine, OwnerCache};
use crate::model::gap::Gap;
use crate::model::moment::Moment;
use crate::model::owner::Owners;
use crate::model::row::Row;
use crate::model::transition::Transition;
use crate::model::want::Want;
use crate::source::{self, ExactAnswer, Report, SourceError};
use crate::sys::clock::{self, ClockPair};
use crate::sys::netlink::DiagSocket;
use crate::sys::perf::SETTLE;
use crate::track::{Answer, Applied, Ask, Complete, ExactEvent, Question, Tracker};

use super::exact;
use super::feed::{Events, Feed, Heard};
use super::naming::Naming;

/// An item of the stream, told in order.
#[derive(Debug)]
pub enum StreamItem {
    /// A change of a socket's state.
    Transition(Box<Transition>),
    /// Something that may have been missed.
    Gap(Gap),
}

/// A stream of transitions of one network namespace.
pub struct Stream<'e> {
    machine: &'e Machine,
    want: Want,
    feed: Feed,
    tracker: Tracker,
    asking: Option<DiagSocket>,
    naming: Naming,
    clocks: ClockPair,
    /// The time at which the last look began.
    began_ns: u64,
    items: VecDeque<StreamItem>,
    /// The gaps told so far: once is enough for each.
    missing: Vec<Gap>,
}

/// Longest wait for events: a signal or the next snapshot may be due.
const PATIENCE: Duration = Duration::from_millis(100);

/// Drains after a look; three are enough unless a CPU is stopped for long.
const MOST_CATCHING_UP: usize = 10;

impl<'e> Stream<'e> {
    /// Opens the sources. The second value says which events are used and, with
    /// [`Events::Auto`], why not better ones.
    ///
    /// # Errors
    /// When a source that was asked for by name cannot be used.
    pub fn open(
        machine: &'e Machine,
        want: Want,
        events: Events,
    ) -> Result<(Self, String), String> {
        let (feed, note) = Feed::open(events, &want.either_port)?;
        let stream = Self {
            machine,
            // States match either end of a transition, so all are looked at.
            want: Want { narrow: Vec::new(), ..want },
            feed,
            tracker: Tracker::new(),
            asking: DiagSocket::open().ok(),
            naming: Naming::new(OwnerCache::eager(machine.proc_root())),
            clocks: ClockPair::now(),
            began_ns: 0,
            items: VecDeque::new(),
            missing: Vec::new(),
        };
        Ok((stream, note))
    }

    /// Returns the clocks by which times are told.
    pub fn clocks(&self) -> ClockPair {
        self.clocks
    }

    /// Returns the next item to be told.
    pub fn next_item(&mut self) -> Option<StreamItem> {
        self.items.pop_front()
    }

    /// Looks at every socket and searches for the owners of new ones. Returns
    /// whether events were lost meanwhile, so that another look is due.
    ///
    /// # Errors
    /// When no table can be read.
    pub fn look(&mut self) -> Result<bool, SourceError> {
        self.read()?;
        self.name_owners();
        Ok(self.settle())
    }

    fn read(&mut self) -> Result<(), SourceError> {
        let (machine, want) = (self.machine, self.want.clone());
        self.begin();
        let scanned = machine.scan(&want, &mut |row| {
            self.row(row);
            ControlFlow::Continue(())
        });
        self.end(scanned.as_ref().ok());
        scanned?.gaps.into_iter().for_each(|gap| self.tell_once(gap));
        Ok(())
    }

    /// Begins a look whose rows somebody else reads and hands on.
    pub fn begin(&mut self) {
        self.clocks = ClockPair::now();
        self.began_ns = clock::monotonic_ns();
        self.tracker.begin(Moment(self.began_ns));
    }

    /// Takes in a row of the look.
    pub fn row(&mut self, row: &Row<'_>) {
        self.tracker.row(row);
    }

    /// Ends the reading of the rows, by the report of who served them; without
    /// one nothing is known of rows that did not come.
    pub fn end(&mut self, report: Option<&Report>) {
        let complete = report.map_or(Complete::NONE, complete);
        self.tracker.end(Moment(clock::monotonic_ns()), complete, &mut into_items(&mut self.items));
    }

    /// Notes who holds sockets that are new.
    pub fn set_owners(&mut self, owners: &Owners) {
        self.tracker.set_owners(owners);
    }

    /// Decides what the look showed. Returns whether events were lost, so that
    /// another look is due.
    pub fn settle(&mut self) -> bool {
        let began = Moment(self.began_ns);
        let lost = self.catch_up();
        self.confirm();
        self.stop_waiting(began);
        self.tracker.settle(Moment(clock::monotonic_ns()), &mut into_items(&mut self.items));
        self.tell_untracked();
        if lost {
            // What was lost may be younger than what this look saw.
            let _ = self.tracker.resync(0);
        }
        lost
    }

    /// Tells that there are sockets which cannot be followed.
    fn tell_untracked(&mut self) {
        if self.tracker.totals().untracked > 0 {
            let reason = "unix sockets that wait to be accepted are not followed: \
                          /proc/net/unix does not tell them apart";
            self.tell_once(Gap::new("unix", reason).remedy("leave out --source proc"));
        }
    }

    /// Tells what is missing, unless the same was told before.
    fn tell_once(&mut self, gap: Gap) {
        let is_same = |known: &Gap| known.what == gap.what && known.reason == gap.reason;
        if !self.missing.iter().any(is_same) {
            self.missing.push(gap.clone());
            self.items.push_back(StreamItem::Gap(gap));
        }
    }

    /// Notes who holds every socket anew.
    pub fn refresh_owners(&mut self, owners: &Owners) {
        self.tracker.refresh_owners(owners);
    }

    /// Takes in what happened before now: an event explains what the look
    /// found better than the look itself, and must not come after it. Returns
    /// whether events were lost.
    fn catch_up(&mut self) -> bool {
        if matches!(self.feed, Feed::None) {
            return false;
        }
        let now = clock::monotonic_ns();
        let mut lost = false;
        for _ in 0..MOST_CATCHING_UP {
            // A source that fails here fails again, and is reported, in `listen`.
            let Ok(lost_here) = self.listen(SETTLE) else { break };
            lost |= lost_here;
            let complete = match &self.feed {
                Feed::Trace(trace) => trace.tracer.complete_ns(),
                Feed::Destroy(_, drained) => drained.until_ns,
                Feed::None => now,
            };
            if complete >= now {
                break;
            }
        }
        lost
    }

    fn name_owners(&mut self) {
        let gaps = self.naming.name(&mut self.tracker, self.began_ns, clock::monotonic_ns());
        self.items.extend(gaps.map(StreamItem::Gap));
    }

    /// Asks the kernel for the rows that a dump lacks: that proves nothing.
    fn confirm(&mut self) {
        let questions: Vec<Question> =
            self.tracker.questions().filter(|question| question.ask == Ask::Get).collect();
        for question in questions {
            self.ask(&question, false);
        }
    }

    /// Asks the kernel a question: `by_ends` for whatever has the ends, whatever
    /// its cookie.
    fn ask(&mut self, question: &Question, by_ends: bool) {
        let Self { asking, tracker, items, .. } = self;
        let Some(socket) = asking.as_mut() else { return };
        let mut out = into_items(items);
        let mut answer = |found: ExactAnswer<'_>| {
            let answer = match found {
                ExactAnswer::Row(row) => Answer::Present(Some(row)),
                ExactAnswer::Nothing => Answer::Gone,
                ExactAnswer::NotAsked => Answer::Unknown,
            };
            tracker.answer(question.ticket, answer, Moment(clock::monotonic_ns()), &mut out);
        };
        if by_ends {
            source::by_ends(socket, &question.identity, &mut answer);
        } else {
            source::exact(socket, &question.identity, &mut answer);
        }
    }

    /// Waits for events, at most `timeout`, and takes them in. Returns whether
    /// events were lost, so that another look is due.
    ///
    /// # Errors
    /// When the events can no longer be read.
    pub fn listen(&mut self, timeout: Duration) -> std::io::Result<bool> {
        let timeout = timeout.min(PATIENCE);
        let mut events = Vec::new();
        let (mut lost, mut gaps) = (None, Vec::new());
        match &mut self.feed {
            Feed::None => clock::sleep(timeout),
            Feed::Destroy(listener, drained) => {
                listener.drain(timeout, drained)?;
                lost = (drained.lost > 0).then_some(drained.lost);
                let until = drained.until_ns;
                let destroyed = drained.sockets.iter().filter_map(|s| exact::destroyed(s, until));
                events.extend(destroyed.map(|event| Heard { event, chain: None }));
            }
            Feed::Trace(trace) => {
                trace.tracer.drain(timeout, &mut trace.drained)?;
                trace.events(&mut events);
                if !trace.drained.gaps.is_empty() {
                    lost = Some(trace.drained.lost);
                    trace.chains.forget();
                    gaps.extend(trace.drained.gaps.iter().map(|gap| gap.to_gap()));
                }
            }
        }
        events.iter().for_each(|heard| self.take(heard));
        self.items.extend(gaps.into_iter().map(StreamItem::Gap));
        if let Some(lost) = lost {
            let gap = self.tracker.resync(lost);
            match &mut self.feed {
                Feed::Destroy(..) => self.items.push_back(StreamItem::Gap(gap)),
                // Their ends come without a chain.
                Feed::Trace(trace) => trace.forget_closed(),
                Feed::None => {}
            }
        }
        Ok(lost.is_some())
    }

    fn take(&mut self, heard: &Heard) {
        // The kernel tells of every table, whichever are looked at.
        if !self.want.tables.contains(&heard.event.identity.table) {
            return;
        }
        let due = match &mut self.feed {
            Feed::Trace(trace) => trace.due(heard),
            Feed::Destroy(..) | Feed::None => [Some(heard.event), None],
        };
        for event in due.iter().flatten() {
            let applied = self.apply(event);
            if let Feed::Trace(trace) = &mut self.feed
                && heard.event.from.is_some()
            {
                trace.note(heard.chain, event, applied);
            }
        }
    }

    /// Ends the sockets that were closed and are not shown any more, though no
    /// end came: a listener that was shut down has no port where it chose none.
    fn stop_waiting(&mut self, began: Moment) {
        let Feed::Trace(trace) = &mut self.feed else { return };
        for (chain, close) in trace.stop_waiting(began) {
            if !self.tracker.lacks(&close) {
                continue;
            }
            let applied = self.apply(&close);
            if let Feed::Trace(trace) = &mut self.feed {
                trace.note(Some(chain), &close, applied);
            }
        }
    }

    fn apply(&mut self, event: &ExactEvent) -> Applied {
        let applied = self.tracker.apply(event, &mut into_items(&mut self.items));
        if let Applied::Asks(ticket) = applied
            && let Some(question) = self.tracker.question(ticket)
        {
            // The tracepoint knows no cookie; TIME_WAIT has the same ends.
            self.ask(&question, question.identity.cookie == 0);
        }
        applied
    }
}

/// Returns the tables that a reading has all rows of.
fn complete(report: &Report) -> Complete {
    let tables = report.served.iter().filter(|served| served.whole);
    tables.fold(Complete::NONE, |all, served| all.with(served.table))
}

/// Returns a sink that puts a tracker's transitions among the items.
fn into_items(items: &mut VecDeque<StreamItem>) -> impl FnMut(Transition) {
    |transition| items.push_back(StreamItem::Transition(Box::new(transition)))
}
