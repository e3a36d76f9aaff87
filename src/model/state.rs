//! The states a socket can be in, their names, and sets of them.

use std::fmt;

/// One state, numbered as in the kernel's `include/net/tcp_states.h`.
///
/// Every family shares the numbers: a unix or UDP socket uses `ESTABLISHED`,
/// `LISTEN` and `CLOSE` of the same enumeration. Ordered as a connection can
/// pass them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits for connections.
    Listen,
    /// A SYN was sent, nothing has answered.
    SynSent,
    /// A SYN was answered, the handshake's last segment is awaited.
    SynRecv,
    /// Open: data flows both ways.
    Established,
    /// The peer sent its FIN, the application has not closed.
    CloseWait,
    /// Our FIN was sent (or is queued) and not acknowledged.
    FinWait1,
    /// Our FIN was acknowledged, the peer's is awaited.
    FinWait2,
    /// Both sides sent a FIN at once; ours is not acknowledged.
    Closing,
    /// The application closed after the peer did; our FIN is not acknowledged.
    LastAck,
    /// Both sides are done; the pair of endpoints is kept for 2 MSL.
    TimeWait,
    /// Not connected (UDP and unix sockets without a peer).
    Close,
    /// Bound to a port, neither listening nor connected: the kernel's
    /// `TCP_BOUND_INACTIVE`, which exists in dump requests only (Linux 6.8).
    Bound,
    /// A number this program has no name for.
    Unknown(u8),
}

/// Kernel number of the pseudo state `TCP_BOUND_INACTIVE`.
const BOUND_NUMBER: u8 = 13;

/// The eleven states of TCP, in the order in which a connection can pass them.
pub const TCP_STATES: [State; 11] = [
    State::Listen,
    State::SynSent,
    State::SynRecv,
    State::Established,
    State::CloseWait,
    State::FinWait1,
    State::FinWait2,
    State::Closing,
    State::LastAck,
    State::TimeWait,
    State::Close,
];

/// Names besides the kernel's own that are understood on input, without
/// separators and in lower case (`ss`, RFC 9293 and netstat spellings).
const ALIASES: [(&str, State); 9] = [
    ("estab", State::Established),
    ("synrcv", State::SynRecv),
    ("synrcvd", State::SynRecv),
    ("synreceived", State::SynRecv),
    ("listening", State::Listen),
    ("closed", State::Close),
    ("unconn", State::Close),
    ("unconnected", State::Close),
    ("boundinactive", State::Bound),
];

impl State {
    /// Returns the state of a kernel number (`TCP_ESTABLISHED` = 1 and so on).
    pub fn from_kernel(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            BOUND_NUMBER => Self::Bound,
            other => Self::Unknown(other),
        }
    }

    /// Returns the kernel's number of this state.
    pub fn number(self) -> u8 {
        match self {
            Self::Established => 1,
            Self::SynSent => 2,
            Self::SynRecv => 3,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::TimeWait => 6,
            Self::Close => 7,
            Self::CloseWait => 8,
            Self::LastAck => 9,
            Self::Listen => 10,
            Self::Closing => 11,
            Self::Bound => BOUND_NUMBER,
            Self::Unknown(n) => n,
        }
    }

    /// Returns the name as the kernel and netstat print it; `None` for a state that
    /// has no name here.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
            Self::Bound => "BOUND",
            Self::Unknown(_) => return None,
        })
    }

    /// Tells whether a socket in this state has a peer: everything but LISTEN,
    /// CLOSE and BOUND.
    pub fn is_connected(self) -> bool {
        !matches!(self, Self::Listen | Self::Close | Self::Bound)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("UNKNOWN({})", self.number())),
        }
    }
}

/// A set of states: bit *n* is kernel number *n*, as in `idiag_states`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StateSet(u32);

impl StateSet {
    /// No state.
    pub const EMPTY: Self = Self(0);
    /// Every state the kernel can report, also ones added after this program.
    pub const ALL: Self = Self(u32::MAX);

    /// Returns the set of one state.
    pub const fn of(number: u8) -> Self {
        Self(1 << (number & 31))
    }

    /// Returns all states with a peer: `ALL` without LISTEN, CLOSE and BOUND.
    pub fn connected() -> Self {
        Self::ALL.without(Self::from_iter([State::Listen, State::Close, State::Bound]))
    }

    /// Returns `connected` without SYN_SENT.
    pub fn synchronized() -> Self {
        Self::connected().without(State::SynSent.into())
    }

    /// Returns the states kept as small records: SYN_RECV and TIME_WAIT.
    pub fn bucket() -> Self {
        Self::from_iter([State::SynRecv, State::TimeWait])
    }

    /// Returns the states `ss` lists unasked: connected, without SYN_RECV and TIME_WAIT.
    pub fn default_view() -> Self {
        Self::connected().without(Self::bucket())
    }

    /// Returns what `-l` means on a table without LISTEN semantics: LISTEN and CLOSE.
    pub fn listening() -> Self {
        Self::from_iter([State::Listen, State::Close])
    }

    /// Returns the mask for a dump request.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Tells whether `state` is in the set.
    pub fn contains(self, state: State) -> bool {
        self.0 & Self::from(state).0 != 0
    }

    /// Returns both sets together.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the states in both sets.
    pub fn intersect(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns this set less `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Tells whether no state is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Tells whether every state of this set is in `other`.
    pub fn is_subset(self, other: Self) -> bool {
        self.without(other).is_empty()
    }

    /// Returns the state a name stands for, or the set: any spelling, any case, with
    /// `-`, `_` or nothing between the words.
    pub fn parse(name: &str) -> Option<Self> {
        let plain: String = name
            .chars()
            .filter(|c| !matches!(c, '-' | '_'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let set = match plain.as_str() {
            "all" => Self::ALL,
            "connected" => Self::connected(),
            "synchronized" => Self::synchronized(),
            "bucket" => Self::bucket(),
            "big" => Self::ALL.without(Self::bucket()),
            _ => return parse_one(&plain).map(Self::from),
        };
        Some(set)
    }

    /// Returns every word [`StateSet::parse`] documents, for error messages.
    pub fn allowed_names() -> String {
        let mut names: Vec<String> =
            TCP_STATES.iter().map(|s| s.to_string().to_lowercase().replace('_', "-")).collect();
        names.push("bound".to_owned());
        format!(
            "{}; or one of the sets all, connected, synchronized, bucket, big",
            names.join(", ")
        )
    }
}

impl From<State> for StateSet {
    fn from(state: State) -> Self {
        Self::of(state.number())
    }
}

impl FromIterator<State> for StateSet {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> Self {
        states.into_iter().fold(Self::EMPTY, |set, s| set.union(s.into()))
    }
}

/// Finds the state of a name; `plain` is lower case and has no separators.
fn parse_one(plain: &str) -> Option<State> {
    let kernel = TCP_STATES.iter().chain([&State::Bound]);
    let by_name = kernel
        .copied()
        .find(|s| s.name().is_some_and(|n| n.replace('_', "").eq_ignore_ascii_case(plain)));
    by_name.or_else(|| ALIASES.iter().find(|(alias, _)| *alias == plain).map(|(_, s)| *s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_the_round_trip() {
        for n in 0..=255 {
            assert_eq!(State::from_kernel(n).number(), n);
        }
    }

    #[test]
    fn every_spelling_of_the_design_is_understood() {
        for (name, state) in [
            ("close-wait", State::CloseWait),
            ("CLOSE_WAIT", State::CloseWait),
            ("closewait", State::CloseWait),
            ("estab", State::Established),
            ("FIN-WAIT-1", State::FinWait1),
            ("fin_wait2", State::FinWait2),
            ("syn_rcvd", State::SynRecv),
            ("unconn", State::Close),
            ("listening", State::Listen),
            ("bound-inactive", State::Bound),
        ] {
            assert_eq!(StateSet::parse(name), Some(state.into()), "{name}");
        }
        assert_eq!(StateSet::parse("banana"), None);
        assert_eq!(StateSet::parse(""), None);
    }

    #[test]
    fn the_sets_are_those_ss_documents() {
        let connected = StateSet::parse("connected").unwrap_or(StateSet::EMPTY);
        assert!(!connected.contains(State::Listen) && !connected.contains(State::Close));
        assert!(!connected.contains(State::Bound) && connected.contains(State::SynSent));
        let big = StateSet::parse("big").unwrap_or(StateSet::EMPTY);
        assert!(!big.contains(State::SynRecv) && !big.contains(State::TimeWait));
        assert!(big.contains(State::Listen));
        assert!(!StateSet::synchronized().contains(State::SynSent));
    }

    #[test]
    fn an_unknown_state_keeps_its_number_and_is_in_all() {
        assert_eq!(State::from_kernel(12).to_string(), "UNKNOWN(12)");
        assert!(StateSet::ALL.contains(State::Unknown(12)));
    }
}
