//! Counting TCP by state without reading the states that fill a table.
//!
//! The kernel keeps two sums: `Tcp.CurrEstab` is ESTABLISHED + CLOSE_WAIT
//! (`tcp_set_state`), `sockstat` `tw` is TIME_WAIT + the minisockets of closed
//! FIN_WAIT2 (`inet_twsk_alloc`), both of the namespace. What is left of a sum
//! when the rows of its smaller part are counted is the larger part. A walk
//! that leaves a socket out costs an eighth of one that sends it.

use std::ops::ControlFlow;

use crate::group::{GroupKey, GroupValue, Groups};
use crate::model::host::Host;
use crate::model::owner::Owners;
use crate::model::proto::{Proto, TableId};
use crate::model::standing::Standing;
use crate::model::state::{State, StateSet};
use crate::model::want::Want;
use crate::source::{Report, SourceError};

use crate::machine::Machine;
use crate::query::Selection;

/// Below this the whole table is read: it is quick, and every number is of
/// the same moment.
const WORTH_IT: u64 = 10_000;

/// A sum of the kernel that stands for rows not read.
struct Sum {
    state: State,
    held: u64,
}

/// Counts TCP by state from the kernel's sums and the rest of the rows;
/// `None` where that would not be exact or not be worth it.
pub fn quick_count(
    machine: &Machine,
    selection: &Selection,
    groups: &mut Groups,
) -> Result<Option<Report>, SourceError> {
    let applies = groups.keys() == [GroupKey::State] && selection.is_everything_of_tcp();
    if !applies || !machine.shortcuts().sums || !machine.sees_own_namespace() {
        return Ok(None);
    }
    let (host, _) = machine.host();
    let sums = sums(&host);
    let large: Vec<Sum> = sums.into_iter().filter(|sum| sum.held >= WORTH_IT).collect();
    if large.is_empty() {
        return Ok(None);
    }
    let mut left_out = StateSet::EMPTY;
    large.iter().for_each(|sum| left_out = left_out.union(sum.state.into()));
    let want = Want {
        states: StateSet::ALL.without(left_out),
        any_order: false,
        ..selection.want.clone()
    };
    let (mut close_wait, mut minisockets) = (0u64, 0u64);
    let nobody = Owners::default();
    let report = machine.scan(&want, &mut |row| {
        match row.socket.state {
            State::CloseWait => close_wait += 1,
            State::FinWait2 if Standing::of(row) == Standing::Minisocket => minisockets += 1,
            _ => {}
        }
        groups.add(row, &nobody);
        ControlFlow::Continue(())
    })?;
    for sum in large {
        let others = if sum.state == State::TimeWait { minisockets } else { close_wait };
        groups.add_many(vec![GroupValue::State(sum.state)], sum.held.saturating_sub(others));
    }
    Ok(Some(report))
}

fn sums(host: &Host) -> Vec<Sum> {
    let counters = [
        (State::Established, host.counters.get("Tcp", "CurrEstab")),
        (State::TimeWait, host.counters.get("TCP", "tw")),
    ];
    counters.into_iter().filter_map(|(state, held)| Some(Sum { state, held: held? })).collect()
}

impl Selection {
    /// Tells whether every TCP socket is selected, of both families and all
    /// states, and nothing else.
    fn is_everything_of_tcp(&self) -> bool {
        let tcp = TableId::ALL.into_iter().filter(|table| table.proto == Proto::Tcp);
        self.is_unfiltered()
            && self.want.tables.iter().copied().eq(tcp)
            && self.want.states == StateSet::ALL
            && !self.want.listening
    }
}
