//! Looks at the machine again and again: one reading of the tables a round
//! serves the rules, the tracker and whoever wants the rows.

use std::ops::ControlFlow;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::machine::Machine;
use crate::model::ports::PortUse;
use crate::model::proto::{Proto, TableId};
use crate::model::row::Row;
use crate::model::table::Table;
use crate::model::want::Want;
use crate::query::Selection;
use crate::rules::Config;
use crate::source::{Report, SourceError};
use crate::survey::{self, FirstLook, LookScope, Numbers, PortsView, Tally};
use crate::sys::clock::{self, ClockPair};

use super::baseline::GrowthBase;
use super::feed::Events;
use super::judge::Judge;
use super::owner_source::OwnerSource;
use super::round::{Round, Wishes};
use super::stream::{Stream, StreamItem};

/// A clock that goes astray by more than this was set.
const SET: Duration = Duration::from_secs(1);

/// The time after which it is asked again which connections are bound to a port
/// by its number.
const NUMBERS_MS: u64 = 10_000;

/// The sockets to look at, and the rules that judge them.
pub struct Watched<'e> {
    /// The source of rows.
    pub machine: &'e Machine,
    /// The tables.
    pub tables: Vec<TableId>,
    /// The rules.
    pub config: &'e Config,
    /// The selections of the custom rules, in their order.
    pub custom: &'e [Selection],
}

/// Rounds under way.
pub struct Rounds<'e> {
    watched: Watched<'e>,
    judge: Judge<'e>,
    owners: OwnerSource,
    stream: Option<Stream<'e>>,
    /// The time at which it began, by the clock that goes on while the machine
    /// sleeps, and by the wall clock.
    begun_ms: u64,
    started: Timestamp,
    earlier_ports: Option<(u64, PortUse)>,
    /// Connections bound to a number, and when they were asked for.
    numbers: Option<(u64, Numbers)>,
}

/// One reading of the tables, handed to everyone who needs the rows.
struct RoundReading<'r, 'e> {
    first: FirstLook,
    tally: Option<Tally>,
    table: Option<Table>,
    stream: Option<&'r mut Stream<'e>>,
}

impl RoundReading<'_, '_> {
    /// Reads the tables, unless nobody needs a row.
    fn read(&mut self, machine: &Machine, scope: &LookScope<'_>) -> Result<(), SourceError> {
        let wanted = scope.needs.glance
            || self.tally.is_some()
            || self.table.is_some()
            || self.stream.is_some();
        if !wanted {
            return Ok(());
        }
        if let Some(stream) = &mut self.stream {
            stream.begin();
        }
        let scanned = machine.scan(&FirstLook::want(scope), &mut |row| {
            self.row(row);
            ControlFlow::Continue(())
        });
        if let Some(stream) = &mut self.stream {
            stream.end(scanned.as_ref().ok());
        }
        self.first.end(scanned?);
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) {
        self.first.row(row);
        if let Some(stream) = &mut self.stream {
            stream.row(row);
        }
        if let Some(tally) = &mut self.tally {
            tally.add(row);
        }
        if let Some(table) = &mut self.table {
            table.push(row);
        }
    }
}

impl<'e> Rounds<'e> {
    /// Begins rounds of looks alone, each with a search for owners of its own:
    /// right for one look or a few.
    pub fn of_looks(watched: Watched<'e>, growth: GrowthBase) -> Self {
        Self::new(watched, growth, OwnerSource::Search, None)
    }

    /// Begins rounds that go on for hours, with the kernel's events between them
    /// and owners that are searched for beside. The second value says which
    /// events are used and why not better ones.
    ///
    /// # Errors
    /// When a source of events that was asked for by name cannot be used.
    pub fn with_events(watched: Watched<'e>, events: Events) -> Result<(Self, String), String> {
        let want = Want::all_of(watched.tables.clone());
        let (stream, sources) = Stream::open(watched.machine, want, events)?;
        let owners = OwnerSource::cache(watched.machine);
        Ok((Self::new(watched, GrowthBase::LastMinute, owners, Some(stream)), sources))
    }

    fn new(
        watched: Watched<'e>,
        growth: GrowthBase,
        owners: OwnerSource,
        stream: Option<Stream<'e>>,
    ) -> Self {
        Self {
            judge: Judge::new(watched.config, growth),
            watched,
            owners,
            stream,
            begun_ms: clock::boottime_ms(),
            started: clock::now(),
            earlier_ports: None,
            numbers: None,
        }
    }

    /// Waits for events, at most `timeout`. Returns whether some were lost, so
    /// that a round is due.
    ///
    /// # Errors
    /// When events can no longer be read.
    pub fn listen(&mut self, timeout: Duration) -> std::io::Result<bool> {
        match &mut self.stream {
            Some(stream) => stream.listen(timeout),
            None => {
                clock::sleep(timeout);
                Ok(false)
            }
        }
    }

    /// Returns what is to be told next.
    pub fn next_item(&mut self) -> Option<StreamItem> {
        self.stream.as_mut()?.next_item()
    }

    /// Returns the clocks by which the times of transitions are told.
    pub fn clocks(&self) -> ClockPair {
        self.stream.as_ref().map_or_else(ClockPair::now, Stream::clocks)
    }

    /// Looks once, and judges.
    ///
    /// # Errors
    /// When no table could be read; what fired goes on firing.
    pub fn round(&mut self, wishes: Wishes) -> Result<Round, SourceError> {
        let begun_ns = clock::monotonic_ns();
        let at_ms = clock::boottime_ms().saturating_sub(self.begun_ms);
        let machine = self.watched.machine;
        let scope = self.scope(wishes);
        let (first, tally, table) = self.read(&scope, wishes)?;
        self.numbers(&first, at_ms)?;
        let numbers = self.numbers.as_ref().map(|(_, numbers)| numbers);
        let second = survey::second_look(machine, &scope, first, numbers)?;
        let owned = self.owners.owned(machine, &scope, second.inodes(), begun_ns)?;
        let (mut snapshot, mut report) = second.with_owners(machine, owned);
        let ports = self.ports(wishes, begun_ns, &mut report)?;
        let (snapshot, judged) = if self.owners.knows(&mut snapshot) {
            self.judge.step(snapshot, at_ms)
        } else {
            self.judge.wait(snapshot)
        };
        let clocks = self.clocks();
        self.started = steady(self.started, clocks.wall_at(begun_ns), at_ms);
        let tally = tally.unwrap_or_default();
        Ok(Round {
            clocks,
            begun_ns,
            started: self.started,
            at_ms,
            took_ns: clock::monotonic_ns().saturating_sub(begun_ns),
            tables: scope.tables,
            top: if wishes.tally { tally.top(&snapshot) } else { Vec::new() },
            udp: tally.udp,
            raw: tally.raw,
            unix: tally.unix,
            snapshot,
            table,
            ports,
            judged,
            report,
        })
    }

    /// Returns the scope of this round's look: the needs of enabled rules, and
    /// the wishes.
    fn scope(&self, wishes: Wishes) -> LookScope<'e> {
        LookScope {
            tables: self.watched.tables.clone(),
            needs: self.watched.config.needs().union(wishes.needs),
            custom: self.watched.custom,
            extras: wishes.extras,
        }
    }

    fn read(
        &mut self,
        scope: &LookScope<'_>,
        wishes: Wishes,
    ) -> Result<(FirstLook, Option<Tally>, Table), SourceError> {
        let owners = self.owners.before();
        if let (Some(stream), Some((owners, true))) = (&mut self.stream, &owners) {
            stream.refresh_owners(owners);
        }
        let mut reading = RoundReading {
            first: FirstLook::begin(self.watched.machine, scope),
            tally: wishes.tally.then(Tally::default),
            table: wishes.rows.then(Table::default),
            stream: self.stream.as_mut(),
        };
        reading.read(self.watched.machine, scope)?;
        let RoundReading { first, tally, table, .. } = reading;
        if let (Some(stream), Some((owners, _))) = (&mut self.stream, &owners) {
            stream.set_owners(owners);
            stream.settle();
        }
        Ok((first, tally, table.unwrap_or_default()))
    }

    /// Asks for connections bound to a number, where they may matter: seldom, for
    /// it costs a walk over the kernel's table.
    fn numbers(&mut self, first: &FirstLook, at_ms: u64) -> Result<(), SourceError> {
        let old = |(asked_ms, _): &(u64, Numbers)| at_ms.saturating_sub(*asked_ms) >= NUMBERS_MS;
        if !first.wants_numbers() {
            self.numbers = None;
        } else if self.numbers.as_ref().is_none_or(old) {
            self.numbers =
                Some((at_ms, survey::bound_by_number(self.watched.machine, first.host())?));
        }
        Ok(())
    }

    fn ports(
        &mut self,
        wishes: Wishes,
        now_ns: u64,
        report: &mut Report,
    ) -> Result<Option<PortsView>, SourceError> {
        if !wishes.ports {
            // A rate since somebody last looked, an hour ago, is none.
            self.earlier_ports = None;
            return Ok(None);
        }
        let tcp = self.watched.tables.iter().copied();
        let tcp = tcp.filter(|table| table.proto == Proto::Tcp).collect();
        let selection = Selection::all(Want::all_of(tcp));
        let mut view = survey::ports(self.watched.machine, &selection, false)?;
        if let Some(now) = &mut view.ports {
            let before = now.clone();
            if let Some((then_ns, earlier)) = &self.earlier_ports {
                now.compare(earlier, now_ns.saturating_sub(*then_ns) / 1_000_000);
            }
            self.earlier_ports = Some((now_ns, before));
        }
        report.gaps.extend(view.report.gaps.iter().cloned());
        Ok(Some(view))
    }
}

/// Returns the time at which the watch began, if it is `now` so many milliseconds
/// later: the time that was said before, so that an alert has one beginning from
/// its first event to its last, unless the clock was set.
fn steady(said: Timestamp, now: Timestamp, at_ms: u64) -> Timestamp {
    let at = SignedDuration::from_millis(i64::try_from(at_ms).unwrap_or(i64::MAX));
    let began = now.saturating_sub(at).unwrap_or(said);
    if began.duration_since(said).unsigned_abs() > SET { began } else { said }
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
