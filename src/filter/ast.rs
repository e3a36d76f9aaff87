//! An expression as it was understood.

use crate::model::socket::TimerKind;
use crate::model::state::StateSet;

use super::error::Span;
use super::glob::Glob;
use super::net::{AddressScope, Net, Version};
use super::token::Comparison;

pub use crate::kernel::bytecode::SocketEnd;

/// A condition on a socket. Its text ([`std::fmt::Display`]) is canonical:
/// parsing it gives an equal expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// All of two or more.
    And(Vec<Expr>),
    /// One of two or more.
    Or(Vec<Expr>),
    /// The contrary.
    Not(Box<Expr>),
    /// One test.
    Is(Predicate),
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// `state`, `exclude`: the state is one of these.
    State(StateSet),
    /// `src`, `dst`: where an end is.
    Host(SocketEnd, HostTest),
    /// `sport`, `dport`: an end's port. Items are alternatives; there is more
    /// than one with `=` and `!=` only.
    Port(SocketEnd, Comparison, Vec<PortTest>),
    /// `dev`: the device the socket is bound to.
    Device(Device),
    /// `fwmark`: (mark & mask) == value.
    Mark {
        /// The wanted value; with bits outside the mask nothing matches.
        value: u32,
        /// The bits that count.
        mask: u32,
    },
    /// `cgroup`: the control group the socket was made in.
    Cgroup(Cgroup),
    /// `autobound`: the kernel may have chosen the local port.
    Autobound,
    /// `process`: a process of this name holds it.
    Process(Glob),
    /// `pid`: this process holds it.
    Pid(u32),
    /// `user`: its owner.
    User(User),
    /// `inode`: the inode of its descriptor.
    Inode(u32),
    /// `cookie`: the kernel's id of it.
    Cookie(u64),
    /// `recvq`, `sendq`, `queue`, `drops`, `age`, `retrans`, `rtt`.
    Number(Quantity, Comparison, Amount),
    /// `timer`: which timer runs; `None` for none.
    Timer(Option<TimerKind>),
    /// `unit`: the systemd unit of its control group.
    Unit(Glob),
    /// `owner none`: no process holds it.
    Unowned,
    /// `scope`: from where its local address can be reached.
    Scope(AddressScope),
}

/// A name that the system has to explain, see [`super::Resolver`].
#[derive(Clone, Debug, Eq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Its place in the expression.
    pub span: Span,
}

/// Compares the names: their place is no part of what they mean.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// A place at which an end can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostTest {
    /// Anywhere, in every family.
    Any,
    /// At one of these addresses.
    Net(Net),
    /// At an address of this name, in one family or both.
    Name(Name, Option<Version>),
    /// A unix socket of this name; abstract names begin with `@`.
    Unix(Glob),
}

/// Some ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortTest {
    /// From the first to the second; equal for a single one.
    Range(u16, u16),
    /// Those of a service, in TCP and UDP.
    Service(Name),
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// By its index; 0 for sockets bound to none.
    Index(u32),
    /// By its name.
    Name(Name),
}

/// Control groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cgroup {
    /// By the id that sockets carry.
    Id(u64),
    /// By its path from the root of the hierarchy.
    Path(Name),
    /// The group of this path and all below it; the path has no final slash.
    Below(Name),
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// By number.
    Uid(u32),
    /// By name.
    Name(Name),
}

/// A number that sockets have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Unread bytes.
    RecvQueue,
    /// Bytes not sent or not acknowledged.
    SendQueue,
    /// Connections waiting at a listener.
    AcceptQueue,
    /// Packets dropped at the socket.
    Drops,
    /// Time in its state, in microseconds.
    Age,
    /// Retransmits or unanswered probes of the running timer.
    Retransmits,
    /// Round-trip time, in microseconds.
    RoundTrip,
}

impl Quantity {
    /// Tells whether it is a time, in microseconds.
    pub(super) fn is_time(self) -> bool {
        matches!(self, Self::Age | Self::RoundTrip)
    }
}

/// The right side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A number; times are in microseconds.
    Number(u64),
    /// The limit of the accept queue.
    Limit,
}

impl Expr {
    /// Joins all of `parts`, of which there is at least one, by `and`.
    pub(super) fn all(mut parts: Vec<Self>) -> Self {
        match (parts.pop(), parts.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                parts.extend(last);
                Self::And(parts)
            }
        }
    }

    /// Joins all of `parts`, of which there is at least one, by `or`.
    pub(super) fn any(mut parts: Vec<Self>) -> Self {
        match (parts.pop(), parts.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                parts.extend(last);
                Self::Or(parts)
            }
        }
    }

    /// Returns the contrary.
    pub(super) fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Returns every test in it.
    pub fn predicates(&self) -> Vec<&Predicate> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::predicates).collect(),
            Self::Not(inner) => inner.predicates(),
            Self::Is(predicate) => vec![predicate],
        }
    }

    /// Tells whether it says anything about states: then a view's own choice of
    /// states gives way, as with `ss`.
    pub fn names_states(&self) -> bool {
        self.predicates().iter().any(|predicate| matches!(predicate, Predicate::State(_)))
    }
}
