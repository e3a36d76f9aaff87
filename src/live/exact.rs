//! From what the kernel tells of single sockets to events for the tracker.

use crate::chain::{ExactChange, ExactEnd, Transport};
use crate::kernel::destroy::{DestroyedEnds, DestroyedSocket};
use crate::kernel::request::AF_INET6;
use crate::model::address::{Address, Endpoint};
use crate::model::identity::Identity;
use crate::model::moment::Moment;
use crate::model::proto::{Family, Proto, TableId};
use crate::model::socket::Ends;
use crate::model::state::State;
use crate::model::transition::Source;
use crate::track::ExactEvent;

/// Returns a change of state by the tracepoint; `None` for a socket that is not
/// tracked (MPTCP above its subflows).
pub(super) fn change(change: &ExactChange) -> Option<ExactEvent> {
    if change.transport != Transport::Tcp {
        return None;
    }
    let cookie = change.cookie.map_or(0, std::num::NonZeroU64::get);
    Some(ExactEvent {
        at: Moment(change.at_ns),
        identity: identity(change.ends, cookie),
        from: Some(change.from),
        to: change.to,
        source: Source::Tracepoint,
    })
}

/// Returns the end of a full socket by the tracepoint.
pub(super) fn end(end: &ExactEnd) -> Option<ExactEvent> {
    let cookie = end.cookie?.get();
    Some(ExactEvent {
        at: Moment(end.at_ns),
        identity: identity(end.ends, cookie),
        from: None,
        to: State::Close,
        source: Source::Tracepoint,
    })
}

fn identity(ends: crate::chain::KnownEnds, cookie: u64) -> Identity {
    let family =
        if i32::from(ends.family) == libc::AF_INET6 { Family::Inet6 } else { Family::Inet };
    Identity {
        table: TableId { proto: Proto::Tcp, family },
        cookie,
        ends: Ends::Inet { local: ends.local, remote: ends.remote },
        ifindex: 0,
        inode: 0,
    }
}

/// Returns the end of a destroyed socket; `None` where it has nothing to be known
/// by.
pub(super) fn destroyed(socket: &DestroyedSocket, until_ns: u64) -> Option<ExactEvent> {
    let proto = match socket.protocol {
        Some(17) => Proto::Udp,
        Some(6) | None => Proto::Tcp,
        Some(_) => return None,
    };
    let family = if socket.family == AF_INET6 { Family::Inet6 } else { Family::Inet };
    let at = |octets: [u8; 16], port| Endpoint::new(Address::v6(octets), port);
    let (local, remote) = match socket.ends {
        DestroyedEnds::Both { local, remote, remote_port } => {
            (at(local, socket.local_port), at(remote, remote_port))
        }
        DestroyedEnds::Local { local } => (at(local, socket.local_port), Endpoint::default()),
        DestroyedEnds::PortOnly => {
            (Endpoint::new(Address::default(), socket.local_port), Endpoint::default())
        }
    };
    Some(ExactEvent {
        at: Moment(until_ns),
        identity: Identity {
            table: TableId { proto, family },
            cookie: socket.cookie?.get(),
            ends: Ends::Inet { local, remote },
            ifindex: socket.ifindex,
            inode: 0,
        },
        from: None,
        to: State::Close,
        source: Source::Destroy,
    })
}
