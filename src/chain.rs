//! Trace events of one socket, joined: from the events of all sockets, mixed,
//! to changes of state with both ends.
//!
//! The only key in most events is the address of the kernel's `struct sock`,
//! which the next socket reuses at once. So it names a socket only from its
//! birth (CLOSE → SYN_SENT, CLOSE → LISTEN, or LISTEN → SYN_RECV of a child)
//! to `tcp_destroy_sock`: a chain. Which network namespace a socket belongs to
//! no event tells, and the process an event happened to interrupt is not its
//! owner.

use std::num::NonZeroU64;

use rustc_hash::FxHashMap;

use crate::kernel::tracepoint::{RawEnds, TraceEvent, TraceKind};
use crate::model::address::{Address, Endpoint};
use crate::model::state::State;

const IPPROTO_TCP: u16 = 6;
const IPPROTO_MPTCP: u16 = 262;

/// Room for more sockets than this is given back when they are gone.
const SPACIOUS: usize = 16_384;

/// The protocol of a socket that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A TCP socket; also each subflow of an MPTCP connection.
    Tcp,
    /// The MPTCP socket above its subflows, which has the same ports.
    Mptcp,
}

/// Both ends of a socket, as far as they are known.
///
/// A port of 0 is not known: yet (before connect() has chosen one) or any more
/// (after a disconnect). A listener has no remote end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownEnds {
    /// `AF_INET`, `AF_INET6`; 0 where the kernel does not tell.
    pub family: u16,
    /// The local end.
    pub local: Endpoint,
    /// The remote end.
    pub remote: Endpoint,
}

impl KnownEnds {
    /// Tells whether both ports are known.
    pub fn is_whole(&self) -> bool {
        self.local.port != 0 && self.remote.port != 0
    }

    /// Returns the ends of `self`, and of `before` where `self` knows less.
    fn or(self, before: Self) -> Self {
        let pick = |new: Endpoint, old: Endpoint| {
            if old.port == 0 {
                return new;
            }
            // A disconnect wipes the remote port and the local address (`inet_reset_saddr`).
            let wiped = new.port == old.port && new.address.is_unspecified();
            if new.port == 0 || wiped { old } else { new }
        };
        Self {
            family: if self.family == 0 { before.family } else { self.family },
            local: pick(self.local, before.local),
            remote: pick(self.remote, before.remote),
        }
    }
}

impl From<RawEnds> for KnownEnds {
    fn from(raw: RawEnds) -> Self {
        Self {
            family: raw.family,
            local: Endpoint::new(Address::v6(raw.local), raw.local_port),
            remote: Endpoint::new(Address::v6(raw.remote), raw.remote_port),
        }
    }
}

/// The outcome of a connection that the kernel calls CLOSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndsIn {
    /// It is closed.
    Closed,
    /// A stand-in in TIME_WAIT or FIN_WAIT2 has taken over, or it is closed
    /// (reset, timed out): the kernel reports both alike (`tcp_time_wait`).
    /// The next snapshot tells.
    TimeWaitOrClosed,
}

/// A change of state at its very time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExactChange {
    /// Monotonic time.
    pub at_ns: u64,
    /// Number of the chain, that is of the socket, unique within a run.
    pub chain: u64,
    /// The state before. On a birth that of a socket just made, or LISTEN of
    /// the listener that a child was cloned from.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Best-known ends.
    pub ends: KnownEnds,
    /// The socket's protocol.
    pub transport: Transport,
    /// True where this is the first change in the socket's life.
    pub birth: bool,
    /// The meaning of a change to CLOSE.
    pub ends_in: Option<EndsIn>,
    /// The cookie, where an earlier event of the chain told it.
    pub cookie: Option<NonZeroU64>,
    /// Address of the kernel's socket.
    pub skaddr: NonZeroU64,
}

/// The end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExactEnd {
    /// Monotonic time.
    pub at_ns: u64,
    /// Number of the chain that ends, where one was known.
    pub chain: Option<u64>,
    /// Best-known ends.
    pub ends: KnownEnds,
    /// The cookie, by which snapshots know the socket.
    pub cookie: Option<NonZeroU64>,
    /// Address of the kernel's socket, free for reuse now.
    pub skaddr: NonZeroU64,
}

/// Something else that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A segment was sent again.
    Retransmit,
    /// A reset was received.
    ResetReceived,
    /// A reset was sent.
    ResetSent {
        /// `enum sk_rst_reason`, where the kernel tells (6.10).
        reason: Option<u32>,
    },
}

/// A [`Remark`] on a socket, or on none: a reset may answer a packet for
/// which there is no socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExactNote {
    /// Monotonic time.
    pub at_ns: u64,
    /// Number of the socket's chain, where one is known.
    pub chain: Option<u64>,
    /// Best-known ends.
    pub ends: KnownEnds,
    /// The remark.
    pub remark: Remark,
}

/// An item that events amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exact {
    /// A change of state.
    Change(ExactChange),
    /// The end of a socket.
    End(ExactEnd),
    /// A remark.
    Note(ExactNote),
}

/// A socket between two of its events.
#[derive(Clone, Copy, Debug)]
struct Chain {
    number: u64,
    state: State,
    ends: KnownEnds,
    cookie: Option<NonZeroU64>,
    reset: bool,
    /// The place in the output of this batch where a change waits for its ends.
    unfilled: Option<BatchPlace>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BatchPlace {
    batch: u64,
    at: usize,
}

/// The sockets that live, as far as they were heard of.
#[derive(Debug, Default)]
pub struct Chains {
    // Keyed by kernel addresses, which no outsider can choose.
    live: FxHashMap<NonZeroU64, Chain>,
    batch: u64,
    last_number: u64,
}

impl Chains {
    /// Takes events in the order of their times and appends what they come to.
    ///
    /// The change CLOSE → SYN_SENT comes before the kernel has chosen a local
    /// port (as does LISTEN → SYN_RECV before the child has its ends, up to
    /// 6.12): it is filled in where the same batch has the next event.
    pub fn feed(&mut self, events: &[TraceEvent], out: &mut Vec<Exact>) {
        self.batch += 1;
        for event in events {
            match event.kind {
                TraceKind::SetState { old, new, protocol } => {
                    let (old, new) = (State::from_kernel(old), State::from_kernel(new));
                    self.set_state(event, old, new, protocol, out);
                }
                TraceKind::Destroy => self.destroy(event, out),
                TraceKind::Retransmit { .. } => self.note(event, Remark::Retransmit, out),
                TraceKind::SendReset { reason, .. } => {
                    self.note(event, Remark::ResetSent { reason }, out);
                }
                TraceKind::ReceiveReset => self.note(event, Remark::ResetReceived, out),
            }
        }
    }

    /// Forgets every chain, as events are missing: what is known may belong to
    /// sockets that are gone.
    pub fn forget(&mut self) {
        self.live = FxHashMap::default();
    }

    fn set_state(
        &mut self,
        event: &TraceEvent,
        from: State,
        to: State,
        protocol: Option<u16>,
        out: &mut Vec<Exact>,
    ) {
        let transport = match protocol {
            Some(IPPROTO_TCP) | None => Transport::Tcp,
            Some(IPPROTO_MPTCP) => Transport::Mptcp,
            // SCTP and others, whose numbers mean other states.
            Some(_) => return,
        };
        let (Some(skaddr), false) = (event.skaddr, from == to) else { return };
        let told = event.ends.map_or_else(KnownEnds::default, KnownEnds::from);
        let birth = birth(from, to);
        let (mut chain, known) = match self.live.get(&skaddr) {
            // A child is always another socket than the one before at its address.
            Some(chain) if chain.state == from && birth != Some(Birth::Child) => (*chain, true),
            _ => (self.begin(from), false),
        };
        // On a second connect() or listen() of the same socket the old ends are gone.
        chain.ends = if birth.is_some() { told } else { told.or(chain.ends) };
        chain.fill(self.batch, out);
        chain.state = to;
        let ends_in = (to == State::Close).then(|| ends_in(from, chain.reset));
        let waits = birth.is_some() && to != State::Listen && !chain.ends.is_whole();
        chain.unfilled = waits.then_some(BatchPlace { batch: self.batch, at: out.len() });
        chain.reset &= to != State::Close;
        out.push(Exact::Change(ExactChange {
            at_ns: event.at_ns,
            chain: chain.number,
            from,
            to,
            ends: chain.ends,
            transport,
            birth: birth.is_some() && !known,
            ends_in,
            cookie: chain.cookie,
            skaddr,
        }));
        if to == State::Close && transport == Transport::Mptcp {
            // No event tells the end of an MPTCP socket.
            self.live.remove(&skaddr);
        } else {
            self.live.insert(skaddr, chain);
        }
    }

    fn begin(&mut self, state: State) -> Chain {
        self.last_number += 1;
        Chain {
            number: self.last_number,
            state,
            ends: KnownEnds::default(),
            cookie: None,
            reset: false,
            unfilled: None,
        }
    }

    fn destroy(&mut self, event: &TraceEvent, out: &mut Vec<Exact>) {
        let Some(skaddr) = event.skaddr else { return };
        let told = event.ends.map_or_else(KnownEnds::default, KnownEnds::from);
        let chain = self.live.remove(&skaddr);
        if self.live.capacity() > SPACIOUS && self.live.len() < self.live.capacity() / 8 {
            // After a burst.
            self.live.shrink_to(self.live.len() * 2);
        }
        out.push(Exact::End(ExactEnd {
            at_ns: event.at_ns,
            chain: chain.map(|chain| chain.number),
            ends: chain.map_or(told, |chain| told.or(chain.ends)),
            cookie: event.cookie.or(chain.and_then(|chain| chain.cookie)),
            skaddr,
        }));
    }

    fn note(&mut self, event: &TraceEvent, remark: Remark, out: &mut Vec<Exact>) {
        let told = event.ends.map_or_else(KnownEnds::default, KnownEnds::from);
        let mut note = ExactNote { at_ns: event.at_ns, chain: None, ends: told, remark };
        if let Some(chain) = event.skaddr.and_then(|skaddr| self.live.get_mut(&skaddr)) {
            // A listener sends resets for packets that are not its own (`tcp_v4_send_reset`
            // is given the socket it found).
            if chain.state != State::Listen {
                chain.ends = told.or(chain.ends);
                note.ends = chain.ends;
            }
            chain.cookie = event.cookie.or(chain.cookie);
            chain.reset |= remark == Remark::ResetReceived;
            chain.fill(self.batch, out);
            note.chain = Some(chain.number);
        }
        out.push(Exact::Note(note));
    }
}

impl Chain {
    /// Completes the change that waits for its ends, in the same batch.
    fn fill(&mut self, batch: u64, out: &mut [Exact]) {
        let Some(place) = self.unfilled.take_if(|_| self.ends.is_whole()) else { return };
        if place.batch != batch {
            return;
        }
        if let Some(Exact::Change(change)) = out.get_mut(place.at) {
            change.ends = self.ends;
        }
    }
}

/// The way in which a socket comes into its first state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Birth {
    /// By its own connect() or listen().
    Own,
    /// Cloned from a listener (`inet_csk_clone_lock`).
    Child,
}

fn birth(from: State, to: State) -> Option<Birth> {
    match (from, to) {
        (State::Close, State::SynSent | State::Listen) => Some(Birth::Own),
        (State::Listen, State::SynRecv) => Some(Birth::Child),
        _ => None,
    }
}

/// Returns the meaning of CLOSE after `from`. Only from FIN_WAIT2 and CLOSING
/// does `tcp_rcv_state_process` hand over to a TIME_WAIT stand-in.
fn ends_in(from: State, reset: bool) -> EndsIn {
    match from {
        State::FinWait2 | State::Closing if !reset => EndsIn::TimeWaitOrClosed,
        _ => EndsIn::Closed,
    }
}

#[cfg(test)]
mod tests;
