//! The first look at every row: counts of everything, and which few rows
//! deserve a second look.

use rustc_hash::FxHashMap;

use crate::budget::Budgets;
use crate::model::address::Endpoint;
use crate::model::age::TIME_WAIT_MS;
use crate::model::conn::Conn;
use crate::model::hash::KeyedMap;
use crate::model::queues::Queues;
use crate::model::row::Row;
use crate::model::snapshot::{StateCounts, TimeWaitRates, TimeWaits, YOUNG_MS};
use crate::model::socket::{Socket, TimerKind};
use crate::model::standing::Standing;
use crate::model::state::State;

/// Fewer unread bytes are not worth a question to the kernel.
const FEW_BYTES: u32 = 2_048;

/// More rows than this are read in one dump instead of one by one.
pub const MAX_EXACT: usize = 4_096;

/// States that are rare on a healthy machine.
pub const RARE: [State; 6] = [
    State::CloseWait,
    State::SynSent,
    State::FinWait1,
    State::FinWait2,
    State::LastAck,
    State::Closing,
];

/// Places with fewer young TIME_WAIT records are left out of a snapshot.
const FEW_TIME_WAITS: u64 = 10;

/// The findings of one look over all TCP rows.
#[derive(Default)]
pub struct Glance {
    pub tcp: StateCounts,
    /// Rows of ESTABLISHED that need a second look, as they were at the first.
    pub suspects: Vec<(Socket, Conn)>,
    /// Rows of rare states, which all need one; some more than
    /// [`MAX_EXACT`] where there are more.
    pub rare: Vec<(Socket, Conn)>,
    young_by_port: FxHashMap<u16, u64>,
    young_by_remote: KeyedMap<Endpoint, u64>,
    /// The ephemeral ports, where they are counted.
    pub ports: Option<Budgets>,
}

impl Glance {
    /// Makes a glance that also counts ephemeral ports, where there are `ports`.
    pub fn new(ports: Option<Budgets>) -> Self {
        Self { ports, ..Self::default() }
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
            ports.take(socket);
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

    /// Returns the local ports and remote ends at which TIME_WAIT is being made.
    pub fn time_wait_rates(&self) -> TimeWaitRates {
        TimeWaitRates {
            local_ports: many(self.young_by_port.iter()),
            remotes: many(self.young_by_remote.iter()),
        }
    }
}

fn many<'c, P: Copy + Ord + 'c>(
    counts: impl Iterator<Item = (&'c P, &'c u64)>,
) -> Vec<TimeWaits<P>> {
    let mut list: Vec<TimeWaits<P>> = counts
        .filter(|(_, young)| **young >= FEW_TIME_WAITS)
        .map(|(place, young)| TimeWaits { place: *place, young: *young })
        .collect();
    list.sort_unstable_by_key(|t| (std::cmp::Reverse(t.young), t.place));
    list
}

/// Tells whether a row of ESTABLISHED may be stuck, as far as a plain row tells.
pub fn is_suspicious(row: &Row<'_>) -> bool {
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

/// Tells whether a row is of a rare state; what is left of a closed connection
/// says nothing more.
pub fn is_rare(row: &Row<'_>) -> bool {
    RARE.contains(&row.socket.state) && Standing::of(row) != Standing::Minisocket
}
