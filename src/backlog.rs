//! Which listener a half-open or unaccepted connection belongs to.
//!
//! No field of a row names its listener. As in the kernel's lookup
//! (`compute_score`, net/ipv4/inet_hashtables.c) the port must match, and the
//! most specific of address and device wins.

use rustc_hash::FxHashMap;

use crate::model::address::Endpoint;
use crate::model::age::Age;
use crate::model::listener::{HalfOpen, Listener, Waiting};
use crate::model::proto::TableId;
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::standing::Standing;
use crate::model::state::State;

/// Listeners by local port, ready to take in the connections behind them.
pub struct Backlog<'l> {
    listeners: &'l mut [Listener],
    by_port: FxHashMap<u16, Vec<usize>>,
}

impl<'l> Backlog<'l> {
    /// Prepares TCP `listeners`: counts who shares an endpoint.
    pub fn new(listeners: &'l mut [Listener]) -> Self {
        let mut by_port: FxHashMap<u16, Vec<usize>> = FxHashMap::default();
        for (index, listener) in listeners.iter().enumerate() {
            if let Some(local) = listener.socket.local() {
                by_port.entry(local.port).or_default().push(index);
            }
        }
        for group in by_port.values() {
            for &index in group {
                let here = place(&listeners[index].socket);
                let same = group.iter().filter(|&&i| place(&listeners[i].socket) == here).count();
                listeners[index].shared_by = same as u32;
            }
        }
        Self { listeners, by_port }
    }

    /// Takes in one connection; one that no listener explains is left out.
    pub fn add(&mut self, row: &Row<'_>) {
        let standing = Standing::of(row);
        if !matches!(standing, Standing::Request | Standing::Unaccepted) {
            return;
        }
        for index in self.best(&row.socket) {
            let listener = &mut self.listeners[index];
            if row.socket.state == State::SynRecv {
                *listener.syn_queue.get_or_insert(0) += 1;
                half_open(&mut listener.half_open, &row.socket);
            } else if let Some(remote) = row.socket.remote() {
                listener.waiting.push(Waiting { remote, age: Age::of(row) });
            }
        }
    }

    /// Returns the most specific listeners for a connection's local end: one, or
    /// all that share the endpoint.
    fn best(&self, connection: &Socket) -> Vec<usize> {
        let Some(local) = connection.local() else { return Vec::new() };
        let candidates = self.by_port.get(&local.port).map_or(&[][..], Vec::as_slice);
        let scored: Vec<(u8, usize)> = candidates
            .iter()
            .filter_map(|&i| Some((score(&self.listeners[i].socket, connection)?, i)))
            .collect();
        let best = scored.iter().map(|(score, _)| *score).max();
        scored.into_iter().filter(|(score, _)| Some(*score) == best).map(|(_, i)| i).collect()
    }
}

/// A SYN-ACK is repeated for the first time after one second
/// (`TCP_TIMEOUT_INIT`); a longer timer without a repetition has expired
/// without being used to repeat it. The rest is for the timer's granularity.
const FIRST_TIMEOUT_MS: u32 = 1_100;

fn half_open(half_open: &mut HalfOpen, request: &Socket) {
    half_open.sources.extend(request.remote().map(|remote| remote.address));
    match request.timer {
        Some(timer) if timer.retransmits > 0 => half_open.repeated += 1,
        Some(timer) if timer.expires_ms > FIRST_TIMEOUT_MS => half_open.deferred += 1,
        _ => {}
    }
}

/// Returns the key by which two listeners share their connections.
fn place(socket: &Socket) -> (Option<Endpoint>, u32, TableId) {
    (socket.local(), socket.ifindex, socket.table)
}

/// Returns a rank for how specifically `listener` takes `connection`; `None` when
/// it does not.
fn score(listener: &Socket, connection: &Socket) -> Option<u8> {
    let (bound, local) = (listener.local()?, connection.local()?);
    // A v4 connection of a dual-stack listener is an AF_INET6 row as well.
    if listener.table != connection.table {
        return None;
    }
    let exact = bound.address == local.address;
    if !exact && !bound.address.is_unspecified() {
        return None;
    }
    if listener.ifindex != 0 && listener.ifindex != connection.ifindex {
        return None;
    }
    Some(u8::from(exact) * 2 + u8::from(listener.ifindex != 0))
}
