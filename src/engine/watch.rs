//! Looks at the machine again and again: one reading of the tables a round
//! serves the rules, the tracker and whoever wants the rows.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::alert::{Alerts, Change, Look, Standing};
use crate::model::frame::{DeadFds, Frame, Past, StateCounts};
use crate::model::row::Row;
use crate::model::table::Table;
use crate::model::want::{Extras, TableId, Want};
use crate::rules::{self, Config, Level, Unknown};
use crate::source::{Report, SourceError};
use crate::sys::clock::{self, ClockPair};

use super::feed::Events;
use super::frame::{Ask, FirstLook, Looked, Owned, known};
use super::keeper::OwnerKeeper;
use super::overview::{EVERYTHING, Tally, Top};
use super::ports::Numbers;
use super::stream::{Stream, Told};
use super::{Engine, PortsView, Selection};

/// A clock that goes astray by more than this was set.
const SET: Duration = Duration::from_secs(1);

/// Which connections are bound to a number is asked again after so long.
const NUMBERS_MS: u64 = 10_000;

/// What grew is measured against a look at least this old …
const PAST_MS: u64 = 30_000;

/// What a watch looks at, and by whose rules.
pub struct Watched<'e> {
    /// Where rows come from.
    pub engine: &'e Engine,
    /// The tables.
    pub tables: Vec<TableId>,
    /// The rules.
    pub config: &'e Config,
    /// What own rules count, in their order.
    pub own: &'e [Selection],
    /// Which events of the kernel are used.
    pub events: Events,
}

/// What a round is to bring beside what it always brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// What each row must carry.
    pub extras: Extras,
    /// Whether the rows are wanted.
    pub rows: bool,
    /// Whether the budgets of ephemeral ports are wanted.
    pub ports: bool,
}

/// One round.
pub struct Round {
    /// By which clocks its times are told.
    pub clocks: ClockPair,
    /// When it began, nanoseconds by `CLOCK_MONOTONIC`.
    pub begun_ns: u64,
    /// How long it took.
    pub took_ns: u64,
    /// When the watch began, by the wall clock: the times of alerts count from
    /// there.
    pub started: Timestamp,
    /// When the round began, in milliseconds since then, those included in which
    /// the machine slept.
    pub at_ms: u64,
    /// What the rules saw, owners among it.
    pub frame: Frame,
    /// UDP sockets per state.
    pub udp: StateCounts,
    /// Raw sockets per state.
    pub raw: StateCounts,
    /// Unix sockets per state.
    pub unix: StateCounts,
    /// The worst offenders.
    pub top: Vec<Top>,
    /// Every row, where they were wished for.
    pub table: Table,
    /// The budgets of ephemeral ports, where they were wished for.
    pub ports: Option<PortsView>,
    /// What fires, worst first.
    pub alerts: Vec<Standing>,
    /// What holds, but not long enough yet.
    pub pending: Vec<Standing>,
    /// What began or ended to fire.
    pub changes: Vec<Change>,
    /// Rules that could not judge.
    pub unknown: Vec<Unknown>,
    /// Whether rules have judged: not before it is known who holds the sockets.
    pub judged: bool,
    /// Who served it; its gaps are all gaps.
    pub report: Report,
}

impl Round {
    /// All sockets of all tables.
    pub fn total(&self) -> u64 {
        [&self.frame.tcp, &self.udp, &self.raw, &self.unix].map(StateCounts::total).iter().sum()
    }
}

/// A watch under way.
pub struct Watcher<'e> {
    watched: Watched<'e>,
    stream: Stream<'e>,
    keeper: OwnerKeeper,
    alerts: Alerts,
    /// When it began, by the clock that goes on while the machine sleeps, and by
    /// the wall clock.
    begun_ms: u64,
    started: Timestamp,
    /// A look that is old enough to measure growth by, and one that will be.
    past: Option<(u64, Arc<Frame>)>,
    next_past: Option<(u64, Arc<Frame>)>,
    dead_fds: Option<DeadFds>,
    earlier_ports: Option<(u64, crate::model::ports::PortUse)>,
    /// Connections bound to a number, and when they were asked for.
    numbers: Option<(u64, Numbers)>,
}

impl<'e> Watcher<'e> {
    /// Opens the sources. The second value says which events are used and why
    /// not better ones.
    ///
    /// # Errors
    /// When a source that was asked for by name cannot be used.
    pub fn open(watched: Watched<'e>) -> Result<(Self, String), String> {
        let want = Want::all_of(watched.tables.clone());
        let (stream, sources) = Stream::open(watched.engine, want, watched.events)?;
        let watcher = Self {
            keeper: OwnerKeeper::new(&watched.engine.proc_root),
            watched,
            stream,
            alerts: Alerts::default(),
            begun_ms: clock::boottime_ms(),
            started: clock::now(),
            past: None,
            next_past: None,
            dead_fds: None,
            earlier_ports: None,
            numbers: None,
        };
        Ok((watcher, sources))
    }

    /// Waits for events, at most `timeout`. Returns whether some were lost, so
    /// that a round is due.
    ///
    /// # Errors
    /// When events can no longer be read.
    pub fn listen(&mut self, timeout: Duration) -> std::io::Result<bool> {
        self.stream.listen(timeout)
    }

    /// What is to be told next.
    pub fn next_told(&mut self) -> Option<Told> {
        self.stream.next_told()
    }

    /// By which clocks the times of transitions are told.
    pub fn clocks(&self) -> ClockPair {
        self.stream.clocks()
    }

    /// Looks once.
    ///
    /// # Errors
    /// When no table could be read; what fired goes on firing.
    pub fn round(&mut self, wishes: Wishes) -> Result<Round, SourceError> {
        let begun_ns = clock::monotonic_ns();
        let at_ms = clock::boottime_ms().saturating_sub(self.begun_ms);
        let engine = self.watched.engine;
        let walked = self.keeper.take(Duration::ZERO);
        if walked {
            self.stream.refresh_owners(self.keeper.owners());
        }
        let ask = Ask {
            tables: self.watched.tables.clone(),
            needs: EVERYTHING,
            own: self.watched.own,
            extras: wishes.extras,
        };
        let (first, tally, table) = self.read(&ask, wishes.rows)?;
        self.numbers(&first, at_ms)?;
        let numbers = self.numbers.as_ref().map(|(_, numbers)| numbers);
        let (keeper, dead_fds) = (&mut self.keeper, &mut self.dead_fds);
        let mut own = |inodes: &[u32]| {
            let is_first = !keeper.has_walked();
            let walked = after_walk(keeper, inodes, begun_ns) || walked;
            if is_first && keeper.has_doubts() {
                // So that what is hidden is told from the first round on.
                engine.prove(&ask.tables, keeper);
            }
            if walked {
                *dead_fds = engine.dead_fds(&ask, &known(inodes), keeper.owners())?;
            }
            let (owners, gap) = (Arc::clone(keeper.owners()), keeper.gap().cloned());
            Ok(Owned { owners, gap, dead_fds: dead_fds.clone() })
        };
        let Looked { frame, mut report } = engine.second_look(&ask, first, numbers, &mut own)?;
        let ports = if wishes.ports { Some(self.ports(begun_ns)?) } else { None };
        if ports.is_none() {
            // A rate since somebody last looked, an hour ago, is none.
            self.earlier_ports = None;
        }
        if let Some(ports) = &ports {
            report.gaps.extend(ports.report.gaps.iter().cloned());
        }
        let (frame, changes, unknown) = self.judge(frame, at_ms);
        let clocks = self.stream.clocks();
        self.started = steady(self.started, clocks.wall_at(begun_ns), at_ms);
        Ok(Round {
            clocks,
            begun_ns,
            started: self.started,
            at_ms,
            took_ns: clock::monotonic_ns().saturating_sub(begun_ns),
            top: tally.top(&frame),
            udp: tally.udp,
            raw: tally.raw,
            unix: tally.unix,
            frame,
            table,
            ports,
            alerts: self.alerts.firing().into_iter().cloned().collect(),
            pending: self.alerts.pending().cloned().collect(),
            changes,
            unknown,
            judged: self.keeper.has_walked(),
            report,
        })
    }

    /// Reads the tables once, for the rules, the tracker, the tally, and who
    /// wants the rows.
    fn read(
        &mut self,
        ask: &Ask<'_>,
        rows: bool,
    ) -> Result<(FirstLook, Tally, Table), SourceError> {
        let engine = self.watched.engine;
        let (mut tally, mut table) = (Tally::default(), Table::default());
        let owners = Arc::clone(self.keeper.owners());
        let mut dump = |each: &mut dyn FnMut(&Row<'_>)| {
            engine.first_look(ask, &mut |row| {
                each(row);
                tally.add(row);
                if rows {
                    table.push(row);
                }
            })
        };
        let (first, _) = self.stream.look_by(&mut dump, Some(&owners))?;
        Ok((first, tally, table))
    }

    /// Connections bound to a number, where they may matter: seldom, for it costs
    /// a walk over the kernel's table.
    fn numbers(&mut self, first: &FirstLook, at_ms: u64) -> Result<(), SourceError> {
        let old = |(asked_ms, _): &(u64, Numbers)| at_ms.saturating_sub(*asked_ms) >= NUMBERS_MS;
        if !first.wants_numbers() {
            self.numbers = None;
        } else if self.numbers.as_ref().is_none_or(old) {
            self.numbers = Some((at_ms, self.watched.engine.bound_by_number(first.host())?));
        }
        Ok(())
    }

    fn judge(&mut self, mut frame: Frame, at_ms: u64) -> (Frame, Vec<Change>, Vec<Unknown>) {
        frame.past = self.past.as_ref().map(|(past_ms, frame)| Past {
            frame: Arc::clone(frame),
            elapsed_ms: at_ms.saturating_sub(*past_ms),
        });
        if !self.keeper.has_walked() {
            // Whose sockets they are decides what an alert is about.
            return (frame.forget_past(), Vec::new(), Vec::new());
        }
        let inodes = frame.conns.iter().map(|conn| conn.inode);
        frame.unasked = inodes.filter(|inode| !self.keeper.has_asked(*inode)).collect();
        let config = self.watched.config;
        let firing = rules::judge(&frame, config, Level::Firing);
        let clearing = rules::judge(&frame, config, Level::Clearing);
        let unknown = firing.unknown.clone();
        let changes = self.alerts.step(at_ms, Look { firing, clearing }, config);
        let frame = frame.forget_past();
        self.remember(&frame, at_ms);
        (frame, changes, unknown)
    }

    /// Two looks are kept to measure growth by: rates are those of the last
    /// minute, not of the day, and the memory is bounded.
    fn remember(&mut self, frame: &Frame, at_ms: u64) {
        let old = |past: &Option<(u64, Arc<Frame>)>| {
            past.as_ref().is_none_or(|(ms, _)| at_ms.saturating_sub(*ms) >= PAST_MS)
        };
        if self.past.is_none() {
            self.past = Some((at_ms, Arc::new(frame.clone())));
        } else if old(&self.next_past) {
            let now = Some((at_ms, Arc::new(frame.clone())));
            if let Some(ripe) = std::mem::replace(&mut self.next_past, now) {
                self.past = Some(ripe);
            }
        }
    }

    fn ports(&mut self, now_ns: u64) -> Result<PortsView, SourceError> {
        let tcp = self.watched.tables.iter().copied();
        let tcp = tcp.filter(|table| table.proto == crate::model::want::Proto::Tcp).collect();
        let mut view = self.watched.engine.ports(&Selection::all(Want::all_of(tcp)), false)?;
        if let Some(now) = &mut view.ports {
            let before = now.clone();
            if let Some((then_ns, earlier)) = &self.earlier_ports {
                now.compare(earlier, now_ns.saturating_sub(*then_ns) / 1_000_000);
            }
            self.earlier_ports = Some((now_ns, before));
        }
        Ok(view)
    }
}

/// When the watch began, if it is `now` so many milliseconds later: what was said
/// before, so that an alert has one beginning from its first event to its last,
/// unless the clock was set.
fn steady(said: Timestamp, now: Timestamp, at_ms: u64) -> Timestamp {
    let at = SignedDuration::from_millis(i64::try_from(at_ms).unwrap_or(i64::MAX));
    let began = now.saturating_sub(at).unwrap_or(said);
    if began.duration_since(said).unsigned_abs() > SET { began } else { said }
}

impl Engine {
    /// Looks whether what a walk missed is there; where that fails the next
    /// round does.
    fn prove(&self, tables: &[TableId], keeper: &mut OwnerKeeper) {
        let (mut present, began_ns) = (Vec::new(), clock::monotonic_ns());
        let looked = self.scan(&Want::all_of(tables.to_vec()), &mut |row| {
            present.push(row.socket.inode);
            ControlFlow::Continue(())
        });
        if looked.is_ok_and(|report| report.served.iter().all(|served| served.whole)) {
            keeper.prove(present, began_ns);
        }
    }
}

/// Begins a walk where one is due, and waits for it where that is short, so
/// that rounds have their owners. Says whether a walk has ended.
fn after_walk(keeper: &mut OwnerKeeper, inodes: &[u32], now_ns: u64) -> bool {
    keeper.prove(inodes.iter().copied(), now_ns);
    let patience = keeper.patience();
    // Without a thread there are no new owners, and the next round tries again.
    let begun = keeper.look_after(inodes, now_ns).is_ok();
    begun && keeper.take(patience)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_stays_until_the_clock_is_set() {
        let said = Timestamp::from_second(1_000).expect("in range");
        let at = |ms| said.saturating_add(SignedDuration::from_millis(ms)).expect("in range");
        assert_eq!(steady(said, at(60_003), 60_000), said);
        assert_eq!(steady(said, at(59_100), 60_000), said);
        assert_eq!(steady(said, at(3_660_000), 60_000), at(3_600_000));
        assert_eq!(steady(said, at(55_000), 60_000), at(-5_000));
    }
}
