//! The graph of states: that of RFC 9293 with Linux's own edges.
//!
//! An edge means that the kernel sets the second state directly after the
//! first. From this table alone follows what must have happened between two
//! looks at a socket ([`via`]) and whether two rows can be one connection
//! ([`can_become`]).

use std::sync::LazyLock;

use super::state::{State, StateSet};

use State::{
    Bound, Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv,
    SynSent, TimeWait,
};

/// Every edge, with the function that walks it (net/ipv4 of Linux 6.18).
///
/// Not here, because Linux does not have them: SYN_RECV back to LISTEN, and
/// FIN_WAIT1 straight to TIME_WAIT (`tcp_rcv_state_process` sets FIN_WAIT2
/// before it looks at the FIN of the same segment).
pub const EDGES: [(State, State); 30] = [
    // bind, __inet_bind; a bound socket can be seen since Linux 6.8.
    (Close, Bound),
    (Bound, Close),
    // listen, inet_csk_listen_start; shutdown or disconnect of a listener.
    (Close, Listen),
    (Bound, Listen),
    (Listen, Close),
    // connect, tcp_v4_connect.
    (Close, SynSent),
    (Bound, SynSent),
    // A request is a row of its own (inet_csk_reqsk_queue_hash_add); the child
    // made of it is cloned from the listener (inet_csk_clone_lock).
    (Close, SynRecv),
    CHILD,
    // tcp_finish_connect; a SYN meets our SYN, tcp_rcv_synsent_state_process;
    // refused or given up, tcp_reset and tcp_write_err.
    (SynSent, Established),
    (SynSent, SynRecv),
    (SynSent, Close),
    // tcp_rcv_state_process; close() before the handshake is over, new_state[];
    // a fast-open SYN that carries a FIN, tcp_fastopen_add_skb; reset.
    (SynRecv, Established),
    (SynRecv, FinWait1),
    FAST_OPEN_FIN,
    (SynRecv, Close),
    // close() or shutdown(), tcp_close_state; the peer's FIN, tcp_fin; reset.
    (Established, FinWait1),
    (Established, CloseWait),
    (Established, Close),
    // Our FIN acknowledged; FINs cross, tcp_fin; reset.
    (FinWait1, FinWait2),
    (FinWait1, Closing),
    (FinWait1, Close),
    // The peer's FIN, tcp_time_wait (the minisocket takes over); reset,
    // tcp_fin_timeout, or too many TIME_WAIT (tcp_max_tw_buckets).
    (FinWait2, TimeWait),
    (FinWait2, Close),
    (Closing, TimeWait),
    (Closing, Close),
    // close(), tcp_close_state; reset.
    (CloseWait, LastAck),
    (CloseWait, Close),
    // Our FIN acknowledged, tcp_rcv_state_process.
    (LastAck, Close),
    // inet_twsk_kill: expired, reset or its tuple reused.
    (TimeWait, Close),
];

/// Only a child born in SYN_RECV can take this edge: one that came there from
/// SYN_SENT was acknowledged first and is ESTABLISHED when its FIN is read.
const FAST_OPEN_FIN: (State, State) = (SynRecv, CloseWait);

/// The child is a new socket: no listener gets further on this edge.
const CHILD: (State, State) = (Listen, SynRecv);

/// Kernel numbers that can be a place in the graph: 1 to 13.
const NUMBERS: std::ops::RangeInclusive<u8> = 1..=13;

/// States in the order in which a connection passes them; at most five can be
/// forced between two others.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Via {
    numbers: [u8; 5],
    len: u8,
}

impl Via {
    /// Nothing in between.
    pub const NONE: Self = Self { numbers: [0; 5], len: 0 };

    /// Returns the states, first passed first.
    pub fn iter(&self) -> impl Iterator<Item = State> + '_ {
        self.numbers.iter().take(self.len.into()).map(|number| State::from_kernel(*number))
    }

    fn push(&mut self, number: u8) {
        if let Some(place) = self.numbers.get_mut(usize::from(self.len)) {
            *place = number;
            self.len += 1;
        }
    }
}

impl std::fmt::Debug for Via {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Returns the states that a TCP socket must have passed between `from` and `to`.
///
/// A state is in the answer when it lies on **every** path from `from` to `to`
/// that does not pass through CLOSE: what is only likely is left out.
/// ESTABLISHED to TIME_WAIT gives FIN_WAIT1 alone, since the second step is
/// FIN_WAIT2 or, where the two FINs crossed, CLOSING. CLOSE_WAIT to TIME_WAIT
/// has no such path: the socket was CLOSE and began anew, and CLOSE is the
/// answer.
pub fn via(from: State, to: State) -> Via {
    match (place(from), place(to)) {
        (Some(from), Some(to)) if from != to => GRAPH.forced[from][to],
        _ => Via::NONE,
    }
}

/// Tells whether a socket, or a connection of it, begins with this change.
pub fn begins(from: State, to: State) -> bool {
    match from {
        State::Close | State::Bound => true,
        State::Listen => to == State::SynRecv,
        _ => false,
    }
}

/// Tells whether a TCP socket in `from` can be found in `to` later without having
/// been CLOSE in between: whether both can be one connection.
pub fn can_become(from: State, to: State) -> bool {
    match (place(from), place(to)) {
        (Some(from), Some(to)) => from == to || GRAPH.reach[from] & (1 << to) != 0,
        // A state of a kernel after this program is not judged.
        _ => true,
    }
}

/// Tells whether the end of a full socket in `from` may be the hand-over to a
/// minisocket (`tcp_time_wait`): the connection goes on as TIME_WAIT, or as an
/// orphan's FIN_WAIT2.
pub fn may_hand_over(from: State) -> bool {
    !matches!(from, TimeWait | Close | Bound | Listen) && can_become(from, TimeWait)
}

/// Tells whether the kernel can set `to` directly after `from`.
pub fn is_edge(from: State, to: State) -> bool {
    EDGES.contains(&(from, to))
}

fn place(state: State) -> Option<usize> {
    NUMBERS.contains(&state.number()).then_some(state.number().into())
}

/// The consequences of [`EDGES`], worked out once.
struct Graph {
    /// Bit *t* of entry *f*: a path without CLOSE leads from *f* to *t*.
    reach: [u32; 14],
    forced: [[Via; 14]; 14],
}

static GRAPH: LazyLock<Graph> = LazyLock::new(|| {
    let mut graph = Graph { reach: [0; 14], forced: [[Via::NONE; 14]; 14] };
    for from in NUMBERS {
        graph.reach[usize::from(from)] = reach(from, 0);
        for to in NUMBERS.filter(|to| *to != from) {
            graph.forced[usize::from(from)][usize::from(to)] = forced(from, to);
        }
    }
    graph
});

/// Finds the states on every path: without such a one there is no path.
fn forced(from: u8, to: u8) -> Via {
    let mut via = Via::NONE;
    if reach(from, 0) & (1 << to) == 0 {
        via.push(Close.number());
        return via;
    }
    let cuts = |state: &u8, end: u8| {
        *state != from && *state != end && reach(from, 1 << *state) & (1 << end) == 0
    };
    let mut states: Vec<u8> = NUMBERS.filter(|state| cuts(state, to)).collect();
    // They form a chain: what is forced before one is forced before the next.
    states.sort_by_key(|state| NUMBERS.filter(|before| cuts(before, *state)).count());
    states.into_iter().for_each(|state| via.push(state));
    via
}

/// Returns the states that a path from `from` reaches which passes neither CLOSE nor a
/// state in `avoid`; CLOSE and those of `avoid` are reached, never left.
fn reach(from: u8, avoid: u32) -> u32 {
    let stop = avoid | StateSet::from(Close).bits();
    let from_connect = from == SynSent.number() || from == Bound.number();
    let open = |edge: (State, State)| match edge {
        FAST_OPEN_FIN => !from_connect,
        CHILD => from == Listen.number(),
        _ => true,
    };
    let mut seen = 0;
    let mut todo = vec![State::from_kernel(from)];
    while let Some(at) = todo.pop() {
        for (_, to) in EDGES.iter().filter(|edge| edge.0 == at && open(**edge)) {
            let bit = StateSet::from(*to).bits();
            if seen & bit == 0 && stop & bit == 0 {
                todo.push(*to);
            }
            seen |= bit;
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::state::TCP_STATES;

    fn names(from: State, to: State) -> String {
        via(from, to).iter().map(|s| s.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_what_is_forced_is_named() {
        let cases = [
            (Established, CloseWait, ""),
            (Established, LastAck, "CLOSE_WAIT"),
            (Established, FinWait2, "FIN_WAIT1"),
            // FIN_WAIT2 or CLOSING: either, so neither.
            (Established, TimeWait, "FIN_WAIT1"),
            (FinWait1, TimeWait, ""),
            (Established, Close, ""),
            // The handshake is over before a FIN is read …
            (SynSent, CloseWait, "ESTABLISHED"),
            (SynSent, LastAck, "ESTABLISHED CLOSE_WAIT"),
            // … but close() can come in the middle of it,
            (SynSent, TimeWait, "FIN_WAIT1"),
            // and a fast-open SYN can carry a FIN.
            (SynRecv, LastAck, "CLOSE_WAIT"),
            (Listen, CloseWait, "SYN_RECV"),
            (Bound, LastAck, "SYN_SENT ESTABLISHED CLOSE_WAIT"),
            (Close, Established, ""),
            (Close, CloseWait, ""),
            (Close, TimeWait, "FIN_WAIT1"),
        ];
        for (from, to, expected) in cases {
            assert_eq!(names(from, to), expected, "{from} to {to}");
        }
    }

    #[test]
    fn what_cannot_follow_has_been_closed() {
        for (from, to) in [
            (TimeWait, Established),
            (TimeWait, SynRecv),
            (CloseWait, TimeWait),
            (CloseWait, FinWait1),
            (Established, SynSent),
            (Established, SynRecv),
            (Listen, SynSent),
            (FinWait2, Established),
        ] {
            assert!(!can_become(from, to), "{from} to {to}");
            assert_eq!(names(from, to), "CLOSE", "{from} to {to}");
        }
    }

    #[test]
    fn every_state_is_reached_from_close_and_leads_back() {
        for state in TCP_STATES.into_iter().filter(|s| *s != Close) {
            assert!(can_become(Close, state) && can_become(state, Close), "{state}");
        }
    }

    #[test]
    fn an_edge_has_nothing_in_between_and_no_state_follows_itself() {
        for (from, to) in EDGES {
            assert!(via(from, to) == Via::NONE && from != to, "{from} to {to}");
        }
    }

    /// The definition itself, by walking every simple path.
    #[test]
    fn forced_is_the_intersection_over_all_simple_paths() {
        fn walk(path: &mut Vec<State>, to: State, common: &mut Option<StateSet>) {
            let at = *path.last().expect("a path has a start");
            if at == to {
                let inner = path[1..path.len() - 1].iter().copied().collect::<StateSet>();
                *common = Some(common.map_or(inner, |c| c.intersect(inner)));
                return;
            }
            if at == Close && path.len() > 1 {
                return;
            }
            for (from, next) in EDGES {
                let denied = match (from, next) {
                    FAST_OPEN_FIN => path.contains(&SynSent) || path.contains(&Bound),
                    CHILD => path.len() > 1,
                    _ => false,
                };
                if from == at && !path.contains(&next) && !denied {
                    path.push(next);
                    walk(path, to, common);
                    path.pop();
                }
            }
        }
        for from in NUMBERS.map(State::from_kernel) {
            for to in NUMBERS.map(State::from_kernel).filter(|to| *to != from) {
                let mut common = None;
                walk(&mut vec![from], to, &mut common);
                let expected = common.unwrap_or_else(|| StateSet::from(Close));
                assert_eq!(via(from, to).iter().collect::<StateSet>(), expected, "{from} to {to}");
            }
        }
    }

    #[test]
    fn hand_over_is_possible_until_the_peer_closed_first() {
        let may: Vec<State> = TCP_STATES.into_iter().filter(|s| may_hand_over(*s)).collect();
        assert_eq!(may, [SynSent, SynRecv, Established, FinWait1, FinWait2, Closing]);
    }
}
