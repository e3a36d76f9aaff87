//! The first look at every row: counts of everything, and which few rows
//! deserve a second look.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::address::{Address, Endpoint};
use crate::model::age::TIME_WAIT_MS;
use crate::model::conn::Conn;
use crate::model::frame::{PortUse, StateCounts, TimeWaitRates, TimeWaits, YOUNG_MS};
use crate::model::host::ephemeral_ports;
use crate::model::queues::Queues;
use crate::model::row::Row;
use crate::model::socket::{Socket, TimerKind};
use crate::model::standing::Standing;
use crate::model::state::State;

/// Fewer unread bytes are not worth a question to the kernel.
const FEW_BYTES: u32 = 2_048;

/// More rows than this are read in one dump instead of one by one.
pub(super) const MAX_EXACT: usize = 4_096;

/// States that are rare on a healthy machine.
pub(super) const RARE: [State; 6] = [
    State::CloseWait,
    State::SynSent,
    State::FinWait1,
    State::FinWait2,
    State::LastAck,
    State::Closing,
];

/// Places with fewer young TIME_WAIT records are left out of a frame.
const FEW_TIME_WAITS: u64 = 10;

/// What one look over all TCP rows leaves behind.
#[derive(Default)]
pub(super) struct Glance {
    pub tcp: StateCounts,
    /// Rows of ESTABLISHED that need a second look, as they were at the first.
    pub suspects: Vec<(Socket, Conn)>,
    /// Rows of rare states, which all need one; some more than
    /// [`MAX_EXACT`] where there are more.
    pub rare: Vec<(Socket, Conn)>,
    young_by_port: FxHashMap<u16, u64>,
    young_by_remote: FxHashMap<Endpoint, u64>,
    ports: Option<PortTally>,
}

impl Glance {
    /// A glance that also counts the ephemeral ports of a range.
    pub fn new(range: Option<(u16, u16)>) -> Self {
        Self { ports: range.map(PortTally::new), ..Self::default() }
    }

    /// Takes in a TCP row.
    pub fn add(&mut self, row: &Row<'_>) {
        let socket = &row.socket;
        self.tcp.add(socket.state);
        if socket.state == State::TimeWait {
            self.time_wait(socket);
        }
        if is_suspicious(row) {
            self.suspects.extend(Conn::of(row).map(|conn| (*socket, conn)));
        } else if is_rare(row) && self.rare.len() <= MAX_EXACT {
            self.rare.extend(Conn::of(row).map(|conn| (*socket, conn)));
        }
        if let Some(ports) = &mut self.ports {
            ports.add(socket);
        }
    }

    fn time_wait(&mut self, socket: &Socket) {
        let expires = socket.timer.filter(|t| t.kind == TimerKind::TimeWait).map(|t| t.expires_ms);
        let young = expires.is_some_and(|ms| u64::from(ms) > TIME_WAIT_MS - YOUNG_MS);
        if let (true, Some(local), Some(remote)) = (young, socket.local(), socket.remote()) {
            *self.young_by_port.entry(local.port).or_default() += 1;
            *self.young_by_remote.entry(remote).or_default() += 1;
        }
    }

    /// Where TIME_WAIT is being made.
    pub fn time_wait_rates(&self) -> TimeWaitRates {
        TimeWaitRates {
            local_ports: many(&self.young_by_port),
            remotes: many(&self.young_by_remote),
        }
    }

    /// The fullest port budgets.
    pub fn port_use(&self, reserved: &[(u16, u16)]) -> Option<Vec<PortUse>> {
        Some(self.ports.as_ref()?.finish(reserved))
    }
}

fn many<P: Copy + Ord>(counts: &FxHashMap<P, u64>) -> Vec<TimeWaits<P>> {
    let mut list: Vec<TimeWaits<P>> = counts
        .iter()
        .filter(|(_, young)| **young >= FEW_TIME_WAITS)
        .map(|(place, young)| TimeWaits { place: *place, young: *young })
        .collect();
    list.sort_unstable_by_key(|t| (std::cmp::Reverse(t.young), t.place));
    list
}

/// Whether a row of ESTABLISHED may be stuck, as far as a plain row tells.
pub(super) fn is_suspicious(row: &Row<'_>) -> bool {
    let socket = &row.socket;
    if socket.state != State::Established {
        return false;
    }
    let repeats = socket.timer.is_some_and(|timer| match timer.kind {
        TimerKind::Retransmit => timer.retransmits > 0,
        TimerKind::Probe => true,
        _ => false,
    });
    let recv = match Queues::of(row) {
        Queues::Bytes { recv, .. } => recv.unwrap_or(0),
        Queues::Accept(_) => 0,
    };
    let unread = socket.inode != 0 && recv >= FEW_BYTES;
    repeats || unread || socket.local() == socket.remote()
}

/// Whether a row is of a rare state; what is left of a closed connection says
/// nothing more.
pub(super) fn is_rare(row: &Row<'_>) -> bool {
    RARE.contains(&row.socket.state) && Standing::of(row) != Standing::Minisocket
}

/// Ephemeral ports by source and destination.
struct PortTally {
    range: (u16, u16),
    /// Ports that connections came in by; LISTEN rows come first in a dump
    /// (`tcp_diag_dump`).
    listening: FxHashSet<u16>,
    used: FxHashMap<(Address, Endpoint), (u64, u64)>,
    /// Ports of the range that are bound without a connection, by address.
    bound: FxHashMap<Address, FxHashSet<u16>>,
}

impl PortTally {
    fn new(range: (u16, u16)) -> Self {
        Self {
            range,
            listening: FxHashSet::default(),
            used: FxHashMap::default(),
            bound: FxHashMap::default(),
        }
    }

    fn add(&mut self, socket: &Socket) {
        let (Some(local), Some(remote)) = (socket.local(), socket.remote()) else { return };
        if !(self.range.0..=self.range.1).contains(&local.port) {
            return;
        }
        match socket.state {
            State::Listen | State::Bound => {
                if socket.state == State::Listen {
                    self.listening.insert(local.port);
                }
                self.bound.entry(local.address).or_default().insert(local.port);
            }
            _ if remote.port == 0 || self.listening.contains(&local.port) => {}
            state => {
                let used = self.used.entry((local.address, remote)).or_default();
                used.0 += 1;
                used.1 += u64::from(state == State::TimeWait);
            }
        }
    }

    fn finish(&self, reserved: &[(u16, u16)]) -> Vec<PortUse> {
        let all = u64::from(ephemeral_ports(self.range, reserved));
        let used = self.used.iter().map(|((source, destination), (used, time_wait))| {
            self.budget(*source, *destination, *used, *time_wait, all)
        });
        let bound = self.bound.keys().filter(|address| !address.is_unspecified());
        let bound = bound.map(|source| self.budget(*source, Endpoint::default(), 0, 0, all));
        let mut list: Vec<PortUse> =
            used.chain(bound).filter(|p| (p.used + p.blocked) * 4 >= all).collect();
        list.sort_unstable_by_key(|p| (std::cmp::Reverse(p.used), p.source, p.destination));
        list
    }

    fn budget(
        &self,
        source: Address,
        destination: Endpoint,
        used: u64,
        time_wait: u64,
        all: u64,
    ) -> PortUse {
        let takes = |(address, _): &(&Address, &FxHashSet<u16>)| {
            **address == source || address.is_unspecified()
        };
        let ports: FxHashSet<u16> =
            self.bound.iter().filter(takes).flat_map(|(_, ports)| ports.iter().copied()).collect();
        let blocked = (ports.len() as u64).min(all);
        PortUse { source, destination, used, time_wait, capacity: all - blocked, blocked }
    }
}
