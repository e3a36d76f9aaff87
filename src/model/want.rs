//! Says what a view needs: the kernel is asked for no more, since most of the
//! time of a dump is the kernel's.

use super::socket::{Socket, SocketType};
use super::state::{State, StateSet};

pub use super::proto::{Proto, TableId};

/// The parts beyond the fixed one of a row that are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// `struct tcp_info`; costs a socket lock and triples the bytes of a row.
    pub tcp_info: bool,
    /// The congestion control: its name and what it tells of itself.
    pub congestion: bool,
    /// Type of service, traffic class, priority.
    pub tos: bool,
    /// Socket memory and drops.
    pub memory: bool,
}

impl Extras {
    /// Returns what either needs.
    pub fn union(self, other: Self) -> Self {
        Self {
            tcp_info: self.tcp_info || other.tcp_info,
            congestion: self.congestion || other.congestion,
            tos: self.tos || other.tos,
            memory: self.memory || other.memory,
        }
    }
}

/// The rows of one table that a filter leaves over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrow {
    /// Only these states.
    pub states: StateSet,
    /// Only this local port.
    pub local_port: Option<u16>,
    /// A program for `INET_DIAG_REQ_BYTECODE`; a kernel that refuses it sends
    /// every row.
    pub program: Option<Vec<u8>>,
}

/// The rows of some tables that are wanted, and how much of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The tables, in reading order.
    pub tables: Vec<TableId>,
    /// The states, on every table.
    pub states: StateSet,
    /// Tells whether nobody said which states: of tables whose sockets are in CLOSE
    /// for life that one is wanted too, or there would be nothing to show.
    pub unasked: bool,
    /// `-l`: narrows to listeners, which on tables other than TCP includes
    /// sockets without a peer (they have no LISTEN).
    pub listening: bool,
    /// The parts that each row must carry.
    pub extras: Extras,
    /// Whether what only sock_diag tells is shown or tested: cookies, devices,
    /// marks, cgroups.
    pub details: bool,
    /// Only sockets with this local port.
    pub local_port: Option<u16>,
    /// Tells whether rows may come in another order than the kernel's, so that a
    /// large table can be read by two threads.
    pub any_order: bool,
    /// The rows that a filter leaves over, by table.
    pub narrow: Vec<(TableId, Narrow)>,
    /// Ports, from the first to the second, one of which each wanted socket has on
    /// either end; empty where it may have any. For events, not for tables.
    pub either_port: Vec<(u16, u16)>,
    /// Protocols of which only sockets of these types are wanted; the kernel
    /// sends the others as well.
    pub kinds: Vec<(Proto, SocketType)>,
}

impl Want {
    /// Returns all states of some tables, nothing extra.
    pub fn all_of(tables: Vec<TableId>) -> Self {
        Self {
            tables,
            states: StateSet::ALL,
            unasked: false,
            listening: false,
            extras: Extras::default(),
            details: false,
            local_port: None,
            any_order: false,
            narrow: Vec::new(),
            either_port: Vec::new(),
            kinds: Vec::new(),
        }
    }

    /// Tells whether a socket is of a type that is wanted.
    pub fn takes_kind(&self, socket: &Socket) -> bool {
        let mut wanted = self.kinds.iter().filter(|(proto, _)| *proto == socket.table.proto);
        match wanted.next() {
            None => true,
            Some(first) => {
                let kind = socket.kind();
                std::iter::once(first).chain(wanted).any(|(_, wanted)| Some(*wanted) == kind)
            }
        }
    }

    /// Tells whether a socket is of a table, in a state and of a type that is wanted.
    pub fn takes(&self, socket: &Socket) -> bool {
        self.tables.contains(&socket.table)
            && self.states_of(socket.table).contains(socket.state)
            && self.takes_kind(socket)
    }

    /// Returns what a filter leaves over of a table.
    pub fn narrow_of(&self, table: TableId) -> Option<&Narrow> {
        self.narrow.iter().find(|(narrowed, _)| *narrowed == table).map(|(_, narrow)| narrow)
    }

    /// Returns the same without some states of one protocol's tables.
    pub fn without(&self, proto: Proto, states: StateSet) -> Self {
        let mut want = self.clone();
        for table in want.tables.iter().filter(|table| table.proto == proto) {
            let rest = self.states_of(*table).without(states);
            match want.narrow.iter_mut().find(|(narrowed, _)| narrowed == table) {
                Some((_, narrow)) => narrow.states = rest,
                None => {
                    let narrow = Narrow { states: rest, local_port: None, program: None };
                    want.narrow.push((*table, narrow));
                }
            }
        }
        want
    }

    /// Tells whether two tables are to be read in the same way.
    pub fn reads_alike(&self, a: TableId, b: TableId) -> bool {
        self.tables.contains(&a)
            && self.tables.contains(&b)
            && self.states_of(a) == self.states_of(b)
            && self.narrow_of(a) == self.narrow_of(b)
    }

    /// Returns the local port wanted of one table.
    pub fn local_port_of(&self, table: TableId) -> Option<u16> {
        self.local_port.or_else(|| self.narrow_of(table)?.local_port)
    }

    /// Returns the states wanted of one table.
    pub fn states_of(&self, table: TableId) -> StateSet {
        let states = match (self.listening, table.proto) {
            (false, Proto::Netlink | Proto::Packet) if self.unasked => {
                self.states.union(State::Close.into())
            }
            (false, _) => self.states,
            (true, proto) if proto.has_tcp_states() => State::Listen.into(),
            (true, _) => StateSet::listening(),
        };
        self.narrow_of(table).map_or(states, |narrow| states.intersect(narrow.states))
    }
}
