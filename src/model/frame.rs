//! One look at the machine, as the rules see it.

use rustc_hash::FxHashMap;

use super::gap::Gap;
use super::host::Host;
use super::listener::Listener;
use super::owner::Owners;
use super::state::State;
use super::table::Table;

/// How many sockets of a table are in each state, by the state's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateCounts([u64; 256]);

impl Default for StateCounts {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl StateCounts {
    /// Counts one socket.
    pub fn add(&mut self, state: State) {
        self.0[usize::from(state.number())] += 1;
    }

    /// How many are in a state.
    pub fn get(&self, state: State) -> u64 {
        self.0[usize::from(state.number())]
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The states that have sockets and no place among TCP's eleven.
    pub fn others(&self) -> impl Iterator<Item = (State, u64)> {
        (0..=255).map(State::from_kernel).filter(|s| !(1..=11).contains(&s.number())).filter_map(
            |state| {
                let count = self.get(state);
                (count > 0).then_some((state, count))
            },
        )
    }
}

/// What the rules judge.
#[derive(Debug, Default)]
pub struct Frame {
    /// TCP sockets per state.
    pub tcp: StateCounts,
    /// Every TCP listener with its queues.
    pub listeners: Vec<Listener>,
    /// The CLOSE_WAIT rows, with tcp_info where the source has it.
    pub close_wait: Table,
    /// Who holds them.
    pub owners: Owners,
    /// Soft limit on open files of the processes that hold many of them.
    pub open_file_limits: FxHashMap<u32, u64>,
    /// Parameters and counters.
    pub host: Host,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}
