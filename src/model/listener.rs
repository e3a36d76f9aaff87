//! A listener with what waits behind it.

use std::collections::BTreeSet;

use super::address::{Address, Endpoint};
use super::age::Age;
use super::queues::AcceptQueue;
use super::socket::Socket;

/// A connection that is complete and waits to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The end from which it came.
    pub remote: Endpoint,
    /// The time that it has waited, where the kernel told.
    pub age: Option<Age>,
}

/// Handshakes that a listener has begun and the clients have not completed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HalfOpen {
    /// Those whose SYN-ACK had to be repeated.
    pub repeated: u32,
    /// Those that wait for data, not for the ACK: `TCP_DEFER_ACCEPT`. Their
    /// timer backs off while no SYN-ACK is repeated (`reqsk_timer_handler`);
    /// only those old enough to show it are counted.
    pub deferred: u32,
    /// Client addresses.
    pub sources: BTreeSet<Address>,
}

/// One listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its row.
    pub socket: Socket,
    /// Its accept queue.
    pub queue: AcceptQueue,
    /// Raw name of a unix listener, and whether it is abstract.
    pub unix_name: Option<(bool, Vec<u8>)>,
    /// Handshakes under way (SYN_RECV); absent for unix listeners.
    pub syn_queue: Option<u32>,
    /// The state of those handshakes, as far as it is known.
    pub half_open: HalfOpen,
    /// Connections waiting to be accepted, as far as they could be listed.
    pub waiting: Vec<Waiting>,
    /// Listeners that share the endpoint (`SO_REUSEPORT`), this one included.
    /// No row says which of them a waiting connection belongs to, so
    /// `syn_queue` and `waiting` are then those of all of them together.
    pub shared_by: u32,
}
