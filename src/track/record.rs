//! One socket in 64 bytes.

use std::hash::BuildHasher;

use crate::model::address::{Address, Endpoint};
use crate::model::identity::Identity;
use crate::model::lifecycle::can_become;
use crate::model::proto::{Family, Proto, TableId};
use crate::model::socket::{Ends, Socket, SocketType, TimerKind};
use crate::model::state::State;

use super::owners::OwnerId;
use super::since::Since;
use super::tables;

/// A socket as the tracker keeps it; the order of the fields leaves no padding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) cookie: u64,
    local: [u8; 16],
    remote: [u8; 16],
    pub(super) since: Since,
    ifindex: u32,
    pub(super) inode: u32,
    local_port: u16,
    remote_port: u16,
    pub(super) owner: OwnerId,
    state: u8,
    flags: u8,
}

const _: () = assert!(size_of::<Record>() == 64);

/// The table's place in [`TableId::ALL`].
const TABLE: u8 = 0b111;

/// A bit about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Flag {
    /// A minisocket: TIME_WAIT, or FIN_WAIT2 of an orphan.
    Mini = 1 << 3,
    /// Not in the last dump.
    Unseen = 1 << 4,
    /// Not in the last complete dump of its table.
    Missed = 1 << 5,
    /// A tombstone; goes with the next dump.
    Dead = 1 << 6,
    /// A dump of this namespace has listed it.
    Listed = 1 << 7,
}

impl Record {
    /// Makes the record of a row just read; its `since` means nothing yet.
    pub(super) fn of(socket: &Socket) -> Self {
        let mut record = Self::bare(&Identity::of(socket), socket.state);
        let timewait = socket.timer.is_some_and(|t| t.kind == TimerKind::TimeWait);
        let tcp = socket.table.proto == Proto::Tcp;
        record.set(Flag::Mini, tcp && (timewait || socket.state == State::TimeWait));
        record.set(Flag::Listed, true);
        record
    }

    /// Makes the record of a socket that only an event named.
    pub(super) fn bare(identity: &Identity, state: State) -> Self {
        let (local, remote) = match identity.ends {
            Ends::Inet { local, remote } => (local, remote),
            Ends::Unix { kind } => {
                (Endpoint::new(Address::default(), kind.number().into()), Endpoint::default())
            }
            // Tables of these ends are not tracked.
            Ends::Netlink { .. } | Ends::Packet { .. } | Ends::Vsock { .. } => <_>::default(),
        };
        Self {
            cookie: identity.cookie,
            local: *local.address.octets(),
            remote: *remote.address.octets(),
            since: Since::UNKNOWN,
            ifindex: identity.ifindex,
            inode: identity.inode,
            local_port: local.port,
            remote_port: remote.port,
            owner: OwnerId::NONE,
            state: state.number(),
            flags: tables::code(identity.table).unwrap_or(TABLE),
        }
    }

    pub(super) fn identity(&self) -> Identity {
        let table = self.table();
        let ends = if table.proto == Proto::Unix {
            let kind = u8::try_from(self.local_port).unwrap_or(u8::MAX);
            Ends::Unix { kind: SocketType::from_kernel(kind) }
        } else {
            Ends::Inet {
                local: Endpoint::new(Address::v6(self.local), self.local_port),
                remote: Endpoint::new(Address::v6(self.remote), self.remote_port),
            }
        };
        let (cookie, ifindex, inode) = (self.cookie, self.ifindex, self.inode);
        Identity { table, cookie, ends, ifindex, inode }
    }

    pub(super) fn table(&self) -> TableId {
        tables::table(self.table_index())
    }

    pub(super) fn table_index(&self) -> usize {
        usize::from(self.flags & TABLE)
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.table().proto == Proto::Tcp
    }

    pub(super) fn state(&self) -> State {
        State::from_kernel(self.state)
    }

    pub(super) fn set_state(&mut self, state: State) {
        self.state = state.number();
        // FIN_WAIT2 can be either; who sees the timer decides.
        if state != State::FinWait2 {
            self.set(Flag::Mini, self.is_tcp() && state == State::TimeWait);
        }
    }

    /// Sets the state alone: what the last row said of the minisocket still
    /// holds.
    pub(super) fn set_state_only(&mut self, state: State) {
        self.state = state.number();
    }

    pub(super) fn has(&self, flag: Flag) -> bool {
        self.flags & flag as u8 != 0
    }

    pub(super) fn set(&mut self, flag: Flag, on: bool) {
        if on {
            self.flags |= flag as u8;
        } else {
            self.flags &= !(flag as u8);
        }
    }

    /// Tells whether it is out of the table of connections: bound or closed, with
    /// a descriptor. Such a row can stand beside the TIME_WAIT of its own last
    /// connection with the same cookie and ends (kernel bit
    /// `TCPF_BOUND_INACTIVE`).
    pub(super) fn is_idle(&self) -> bool {
        self.is_tcp() && matches!(self.state(), State::Close | State::Bound)
    }

    /// Tells whether it is a TCP connection, of which no two can have the same
    /// ends and device.
    pub(super) fn is_connection(&self) -> bool {
        self.is_tcp() && self.state().is_connected()
    }

    /// Tells whether it is a connect() whose local port was not known when the
    /// event was made (the kernel picks it after `inet_sk_set_state(SYN_SENT)`).
    pub(super) fn lacks_port(&self) -> bool {
        self.local_port == 0 && self.is_tcp() && self.state() == State::SynSent
    }

    /// Tells whether this can be what became of a [`Record::lacks_port`].
    pub(super) fn completes(&self, partial: &Self) -> bool {
        self.is_connection() && self.fills(partial)
    }

    /// Tells the same as [`Record::completes`], for a socket that may have ended
    /// meanwhile.
    pub(super) fn fills(&self, partial: &Self) -> bool {
        self.is_tcp()
            && self.local_port != 0
            && (self.remote, self.remote_port) == (partial.remote, partial.remote_port)
            && (self.local == partial.local || Address::v6(partial.local).is_unspecified())
    }

    /// Tells whether both have the same ends, device, and protocol.
    #[inline]
    pub(super) fn same_ends(&self, other: &Self) -> bool {
        self.local_port == other.local_port
            && self.remote_port == other.remote_port
            && self.local == other.local
            && self.remote == other.remote
            && self.ifindex == other.ifindex
            && self.flags & TABLE == other.flags & TABLE
    }

    /// Tells whether `later` is this socket, seen again by the same kind of
    /// source.
    #[inline]
    pub(super) fn is_same(&self, later: &Self) -> bool {
        self.cookie == later.cookie
            && self.same_ends(later)
            && if self.cookie == 0 {
                self.can_be_weakly(later)
            } else {
                self.is_idle() == later.is_idle()
            }
    }

    /// Tells whether `later` can be this socket where one of the two has no
    /// cookie: the ends are equal, no two inodes contradict, and the state can
    /// follow.
    pub(super) fn is_same_weakly(&self, later: &Self) -> bool {
        (self.cookie == 0 || later.cookie == 0)
            && self.same_ends(later)
            && self.can_be_weakly(later)
    }

    fn can_be_weakly(&self, later: &Self) -> bool {
        (self.inode == later.inode || self.inode == 0 || later.inode == 0)
            && (!self.is_tcp() || can_become(self.state(), later.state()))
    }

    /// Hashes what [`Record::same_ends`] compares, less device and family:
    /// tracepoints know neither device nor whether a socket is dual-stack.
    pub(super) fn hash_ends(&self, hasher: &impl BuildHasher) -> u64 {
        let table = self.table();
        let name = if table.family == Family::Unix { self.inode } else { 0 };
        let ends = (self.local, self.remote, self.local_port, self.remote_port);
        hasher.hash_one((ends, name, table.proto))
    }

    /// Hashes the far end, by which a [`Record::lacks_port`] is found.
    pub(super) fn hash_remote(&self, hasher: &impl BuildHasher) -> u64 {
        hasher.hash_one((self.remote, self.remote_port))
    }

    /// Takes over, for the record of a row just read, the history of `old`, its
    /// state too; returns whether the row showed another one.
    #[inline]
    pub(super) fn succeed(&mut self, old: &Self) -> bool {
        self.since = old.since;
        self.owner = old.owner;
        let changed = self.state != old.state;
        self.state = old.state;
        changed
    }

    /// Returns a hash of what sockets share that an event told of and that a row
    /// cannot tell apart: connect()s to one peer without a port, listeners of one
    /// group.
    pub(super) fn likeness(&self, hasher: &impl BuildHasher) -> Option<u64> {
        if self.lacks_port() {
            return Some(self.hash_remote(hasher));
        }
        let unlisted = !self.has(Flag::Listed) && self.cookie == 0;
        (unlisted && !self.has_peer()).then(|| self.hash_ends(hasher))
    }

    /// Takes the ends of another look at the same socket.
    pub(super) fn take_ends(&mut self, from: &Self) {
        (self.local, self.local_port) = (from.local, from.local_port);
        (self.remote, self.remote_port) = (from.remote, from.remote_port);
    }

    /// Tells whether both are the same ends to a source that knows neither device
    /// nor family.
    pub(super) fn same_ends_loosely(&self, other: &Self) -> bool {
        (self.local, self.local_port) == (other.local, other.local_port)
            && (self.remote, self.remote_port) == (other.remote, other.remote_port)
            && self.table().proto == other.table().proto
    }

    pub(super) fn has_peer(&self) -> bool {
        self.remote_port != 0
    }

    /// Tells whether a port is 0 that a connection must have.
    pub(super) fn is_partial(&self) -> bool {
        self.is_connection() && (self.local_port == 0 || self.remote_port == 0)
    }

    /// Tells whether nothing tells this socket from others of its kind: a unix
    /// socket without cookie and inode.
    pub(super) fn is_anonymous(&self) -> bool {
        self.cookie == 0 && self.inode == 0 && self.table().proto == Proto::Unix
    }
}
