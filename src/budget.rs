//! How many ephemeral ports are left, for each source address and destination.
//!
//! A port that `connect()` picked is taken for one (source address,
//! destination address, destination port) only: `__inet_hash_connect`
//! (net/ipv4/inet_hashtables.c) looks for a free 4-tuple. A port that `bind()`
//! took, by number or with port 0 and without `IP_BIND_ADDRESS_NO_PORT`, is
//! passed over by every `connect()` (its bucket has `fastreuse` >= 0), and so is
//! a listener's. No row says whether `bind(address, 0)` chose its port; but
//! `connect()` takes ports of the parity of the range's first port while there
//! are any, and `bind()` those of the other (`inet_csk_find_open_port`), so
//! ports of the other parity give such programs away. (A socket with
//! `IP_LOCAL_PORT_RANGE` takes both parities, and may be taken for one.)
//!
//! Rows come in any order: what takes a port from everyone is often listed
//! behind the connections, or by another dump. So eight bytes of each connection
//! are kept, a destination has one record in a map, and [`Budgets::finish`]
//! decides.

mod port_set;
#[cfg(test)]
mod tests;

use crate::model::address::{Address, Endpoint};
use crate::model::hash::{KeyedMap, KeyedSet};
use crate::model::host::Host;
use crate::model::ports::{
    Blocked, Budget, Growth, GrowthSeen, PortUse, Range, Reuse, SourceBudget,
};
use crate::model::proto::Proto;
use crate::model::socket::{Socket, TimerKind};
use crate::model::state::State;

use port_set::PortSet;

/// TIME_WAIT lasts so long, always (`TCP_TIMEWAIT_LEN`).
const TIME_WAIT_MS: u32 = 60_000;

/// The first and the last part of TIME_WAIT that tell how fast records come
/// and go.
const WINDOW_MS: u32 = 10_000;

/// Age that a TIME_WAIT record needs before its port is taken over, where
/// `tcp_tw_reuse_delay` (Linux 6.14) does not say.
const REUSE_DELAY_MS: u64 = 1_000;

/// Index of the loopback device (`LOOPBACK_IFINDEX`).
const LOOPBACK_INDEX: u32 = 1;

#[derive(Clone, Copy, Debug, Default)]
struct BudgetTally {
    used: u32,
    time_wait: u32,
    reusable: u32,
    /// Of `used`, of the parity `connect()` begins with, and not blocked.
    first_parity: u32,
    /// Of `used`, of the other parity, and not blocked.
    other_parity: u32,
    /// TIME_WAIT records of the first and of the last ten seconds.
    young: u32,
    old: u32,
}

/// A connection, as far as its budget needs it.
#[derive(Clone, Copy, Debug)]
struct Opened {
    /// Its source and destination, an index.
    pair: u32,
    port: u16,
    time_wait: Option<TimeWaitPart>,
    reusable: bool,
}

/// The part of TIME_WAIT that a record is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeWaitPart {
    First,
    Middle,
    Last,
}

#[derive(Default)]
struct SourceTally {
    once: PortSet,
    again: PortSet,
}

/// Counts the ports in use.
pub struct Budgets {
    range: Range,
    /// The range less the reserved ports.
    pool: PortSet,
    blocked: PortSet,
    counts: Blocked,
    listeners: KeyedSet<(u16, Address)>,
    /// Ports that somebody listens on at every address.
    everywhere: PortSet,
    reuse: Reuse,
    reuse_delay_ms: u64,
    /// Ports of the pool that any socket has.
    touched: PortSet,
    opened: Vec<Opened>,
    pairs: KeyedMap<(Address, Endpoint), u32>,
    /// Of each pair, listeners or not.
    connections: Vec<u32>,
}

/// The connections of a [`Budgets`], counted.
struct CountedBudgets<'b> {
    budgets: &'b Budgets,
    tallies: Vec<((Address, Endpoint), BudgetTally)>,
    sources: KeyedMap<Address, SourceTally>,
}

impl Budgets {
    /// Makes an empty count; `None` when the range of ephemeral ports is not
    /// known.
    pub fn new(host: &Host) -> Option<Self> {
        let (low, high) = host.sysctls.local_port_range()?;
        let mut pool = PortSet::default();
        (low..=high).for_each(|port| pool.insert(port));
        let all = pool.len();
        for (first, last) in host.sysctls.reserved_ports().unwrap_or_default() {
            (*first..=*last).for_each(|port| pool.remove(port));
        }
        let delay = host.sysctls.number("net.ipv4.tcp_tw_reuse_delay");
        Some(Self {
            range: Range { low, high, reserved: all - pool.len() },
            pool,
            blocked: PortSet::default(),
            counts: Blocked::default(),
            listeners: KeyedSet::default(),
            everywhere: PortSet::default(),
            reuse: Reuse::of(host),
            reuse_delay_ms: delay.unwrap_or(REUSE_DELAY_MS),
            touched: PortSet::default(),
            opened: Vec::new(),
            pairs: KeyedMap::default(),
            connections: Vec::new(),
        })
    }

    /// Takes in a row of any state. Connections whose port `bind()` was told
    /// look like others, so [`Budgets::hold`] must be told of them.
    pub fn take(&mut self, socket: &Socket) {
        match socket.state {
            State::Listen | State::Bound => self.hold(socket),
            _ => {
                self.add(socket);
            }
        }
    }

    /// Takes in what holds a port against everyone: a listener, a bound
    /// socket, or a connection whose port `bind()` was told
    /// (`SOCK_BINDPORT_LOCK`), which is added as well.
    pub fn hold(&mut self, socket: &Socket) {
        let Some(local) = socket.local().filter(|_| socket.table.proto == Proto::Tcp) else {
            return;
        };
        if socket.state == State::Listen {
            if local.address.is_unspecified() {
                self.everywhere.insert(local.port);
            } else {
                self.listeners.insert((local.port, local.address));
            }
        }
        if !self.pool.contains(local.port) || self.blocked.contains(local.port) {
            return;
        }
        self.blocked.insert(local.port);
        self.touched.insert(local.port);
        match socket.state {
            State::Listen => self.counts.listening += 1,
            State::Bound | State::Close => self.counts.bound += 1,
            _ => self.counts.explicit += 1,
        }
    }

    /// Takes in a connection and says whether it counts: one that we did not
    /// open, because somebody listens on its port, and one with a port of
    /// another range are left out. A listener that comes later is known in the
    /// end.
    pub fn add(&mut self, socket: &Socket) -> bool {
        let (Some(local), Some(remote)) = (socket.local(), socket.remote()) else { return false };
        let ours = socket.table.proto == Proto::Tcp
            && socket.state.is_connected()
            && !remote.address.is_unspecified()
            && self.pool.contains(local.port)
            && !self.is_listening(local);
        // 2^32 destinations do not fit into this machine.
        let Some(next) = u32::try_from(self.pairs.len()).ok().filter(|_| ours) else {
            return false;
        };
        let age = time_wait_age(socket);
        self.touched.insert(local.port);
        let pair = *self.pairs.entry((local.address, remote)).or_insert(next);
        if pair == next {
            self.connections.push(0);
        }
        self.connections[pair as usize] += 1;
        self.opened.push(Opened {
            pair,
            port: local.port,
            time_wait: age.map(TimeWaitPart::at),
            reusable: age.is_some_and(|age| self.is_reusable(socket, age)),
        });
        true
    }

    /// Tells whether at least so many percent of the ports have some socket.
    /// Below that no budget can be as full, whatever takes them.
    pub fn touches(&self, percent: u32) -> bool {
        let [touched, pool] = [self.touched.len(), self.pool.len()].map(u64::from);
        touched > 0 && touched * 100 >= pool * u64::from(percent)
    }

    /// Returns the counts, the fullest budgets first; without those of which less
    /// than `least` percent is used.
    pub fn finish(self, least: u32) -> PortUse {
        let counted = self.counted(least);
        let is_worth =
            |used: u32, of: u32| u64::from(used) * 100 >= u64::from(of) * u64::from(least);
        let mut budgets: Vec<Budget> = counted.budgets();
        budgets.retain(|budget| is_worth(budget.taken(), budget.capacity));
        budgets.sort_by(|a, b| {
            let by_key = || (a.source, a.destination).cmp(&(b.source, b.destination));
            b.ratio().total_cmp(&a.ratio()).then(b.used.cmp(&a.used)).then_with(by_key)
        });
        let mut sources = counted.sources();
        sources.retain(|source| is_worth(source.used, source.capacity));
        sources.sort_by_key(|source| (std::cmp::Reverse(source.used), source.source));
        let (range, blocked, reuse) = (self.range, self.counts, self.reuse);
        PortUse { range, blocked, touched: self.touched.len(), reuse, budgets, sources }
    }

    /// Counts the connections of every source that may have used so much.
    fn counted(&self, least: u32) -> CountedBudgets<'_> {
        let mut of_source: KeyedMap<Address, u32> = KeyedMap::default();
        for ((source, _), index) in &self.pairs {
            *of_source.entry(*source).or_default() += self.connections[*index as usize];
        }
        let enough = u64::from(self.capacity(0)) * u64::from(least);
        let mut tallies = vec![Default::default(); self.pairs.len()];
        let mut is_worth = vec![false; self.pairs.len()];
        for (pair, index) in &self.pairs {
            tallies[*index as usize] = (*pair, BudgetTally::default());
            is_worth[*index as usize] = u64::from(of_source[&pair.0]) * 100 >= enough;
        }
        let mut counted = CountedBudgets { budgets: self, tallies, sources: KeyedMap::default() };
        let worth = self.opened.iter().filter(|opened| is_worth[opened.pair as usize]);
        worth.for_each(|opened| counted.add(opened));
        counted.tallies.retain(|(_, tally)| tally.used > 0);
        counted
    }

    /// Returns the number of ports that `connect()` could have which has some
    /// blocked ones itself.
    fn capacity(&self, own_blocked: u32) -> u32 {
        (self.pool.len() + own_blocked).saturating_sub(self.counts.total())
    }

    fn is_listening(&self, local: Endpoint) -> bool {
        if !self.blocked.contains(local.port) {
            return false;
        }
        self.everywhere.contains(local.port)
            || self.listeners.contains(&(local.port, local.address))
    }

    fn is_reusable(&self, socket: &Socket, age_ms: u32) -> bool {
        let old_enough = u64::from(age_ms) > self.reuse_delay_ms;
        old_enough
            && match self.reuse {
                Reuse::Always => true,
                Reuse::Loopback => is_loopback(socket),
                Reuse::Never | Reuse::Unknown => false,
            }
    }
}

impl CountedBudgets<'_> {
    fn add(&mut self, opened: &Opened) {
        let Opened { pair, port, time_wait, reusable } = *opened;
        let ((source, _), tally) = &mut self.tallies[pair as usize];
        // Its listener may have been listed behind it.
        if self.budgets.is_listening(Endpoint::new(*source, port)) {
            return;
        }
        tally.used += 1;
        tally.reusable += u32::from(reusable);
        tally.time_wait += u32::from(time_wait.is_some());
        tally.young += u32::from(time_wait == Some(TimeWaitPart::First));
        tally.old += u32::from(time_wait == Some(TimeWaitPart::Last));
        if !self.budgets.blocked.contains(port) {
            let first = (port ^ self.budgets.range.low) & 1 == 0;
            *(if first { &mut tally.first_parity } else { &mut tally.other_parity }) += 1;
        }
        let source = self.sources.entry(*source).or_default();
        let set = if source.once.contains(port) { &mut source.again } else { &mut source.once };
        set.insert(port);
    }

    fn budgets(&self) -> Vec<Budget> {
        self.tallies.iter().map(|(pair, tally)| self.budget(*pair, tally)).collect()
    }

    fn budget(&self, (source, destination): (Address, Endpoint), tally: &BudgetTally) -> Budget {
        // Its own connections on blocked ports are no loss for it.
        let own_blocked = tally.used - tally.first_parity - tally.other_parity;
        let capacity = self.budgets.capacity(own_blocked);
        let timers = f64::from(tally.young) - f64::from(tally.old);
        let growth = (tally.time_wait > 0).then(|| Growth {
            per_second: timers * 1000.0 / f64::from(WINDOW_MS),
            seen: GrowthSeen::Timers,
        });
        let BudgetTally { used, time_wait, reusable, .. } = *tally;
        Budget { source, destination, used, time_wait, reusable, capacity, growth }
    }

    fn sources(&self) -> Vec<SourceBudget> {
        let likely = self.likely_bound();
        let one = |(source, tally): (&Address, &SourceTally)| {
            let (used, shared) = (tally.once.len(), tally.again.len());
            let own_blocked = used - tally.once.minus(&self.budgets.blocked).len();
            let capacity = self.budgets.capacity(own_blocked);
            let likely_bound = likely.get(source).copied().unwrap_or(0);
            let (source, blocked) = (*source, own_blocked);
            SourceBudget { source, used, shared, blocked, likely_bound, capacity }
        };
        self.sources.iter().map(one).collect()
    }

    /// Returns the ports of each source that `connect()` would not have picked
    /// yet.
    fn likely_bound(&self) -> KeyedMap<Address, u32> {
        let Budgets { pool, blocked, range, .. } = self.budgets;
        let first = pool.minus(blocked).of_parity(range.low);
        let mut likely = KeyedMap::default();
        for ((source, _), tally) in &self.tallies {
            // With few of the first parity left, connect() may have gone on to
            // the other; connections that ended since leave room for a tenth.
            if u64::from(tally.first_parity) * 10 < u64::from(first) * 9 {
                *likely.entry(*source).or_default() += tally.other_parity;
            }
        }
        likely
    }
}

impl TimeWaitPart {
    fn at(age_ms: u32) -> Self {
        match age_ms {
            age if age < WINDOW_MS => Self::First,
            age if age >= TIME_WAIT_MS - WINDOW_MS => Self::Last,
            _ => Self::Middle,
        }
    }
}

/// Returns the milliseconds since the record was made, or began anew.
fn time_wait_age(socket: &Socket) -> Option<u32> {
    if socket.state != State::TimeWait {
        return None;
    }
    let timer = socket.timer.filter(|timer| timer.kind == TimerKind::TimeWait);
    Some(timer.map_or(0, |timer| TIME_WAIT_MS.saturating_sub(timer.expires_ms)))
}

fn is_loopback(socket: &Socket) -> bool {
    let ends = [socket.local(), socket.remote()];
    socket.ifindex == LOOPBACK_INDEX
        || ends.into_iter().flatten().any(|end| end.address.to_ip().is_loopback())
}
