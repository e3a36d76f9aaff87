//! Some of everything, so that every member of every document appears.

use socket2::{Domain, Protocol, Socket, Type};

use crate::kit::holder::{Holder, NASTY_COMM};
use crate::kit::listeners::{FullQueue, full_accept_queue};
use crate::kit::states::{self, Family, Held};
use crate::kit::unix::UnixHeld;
use crate::kit::{Result, netns, udp, unix};

/// What must stay open.
pub struct Population {
    _held: Vec<Held>,
    _full: Vec<FullQueue>,
    _unix: Vec<UnixHeld>,
    /// Raw and packet sockets, where we may have them.
    _raw: Vec<Socket>,
    _mptcp: Vec<Socket>,
    _holder: Holder,
}

/// A listener, and a connection that its client has not sent anything on; none where the kernel has
/// no MPTCP.
fn mptcp() -> Result<Vec<Socket>> {
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP));
    let Ok(listener) = socket() else { return Ok(Vec::new()) };
    states::bind(&listener, Family::V4.loopback(0))?;
    listener.listen(5)?;
    let client = socket()?;
    client.connect(&listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    Ok(vec![listener, client, server])
}

/// Makes it. Where there may be no raw socket, there is none.
pub fn population() -> Result<Population> {
    let mut held = Vec::new();
    let mut full = Vec::new();
    // There will be nine TIME_WAIT records: an alert beside those for the queues. Where that
    // cannot be set, it does not matter.
    let _ = netns::sysctl("ipv4/tcp_max_tw_buckets", "10");
    for family in Family::ALL {
        for recipe in states::ALL {
            held.push((recipe.make)(family)?);
        }
        held.extend([udp::connected(family, 1)?, udp::with_drops(family)?]);
        full.push(full_accept_queue(family, 3, 1)?);
    }
    let mut shared = states::close_wait_unaccepted(Family::V4)?;
    Ok(Population {
        _unix: vec![unix::connected()?, unix::nasty_name()?, unix::datagram()?],
        _raw: [
            Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)),
            Socket::new(Domain::PACKET, Type::DGRAM, None),
        ]
        .into_iter()
        .flatten()
        .collect(),
        _mptcp: mptcp()?,
        _holder: Holder::new(NASTY_COMM, shared.keep.pop())?,
        _held: held,
        _full: full,
    })
}

/// Every flag, key and source.
pub const COMMANDS: &[&str] = &[
    "list",
    "list -tuwxa -p -i -m -e -o -n",
    "list -tuxa -p -i -m --source proc",
    "list -M0a --netlink -p -i -m -e --tos --cgroup",
    "list -ta --tos dport {80,443} or process cat or age > 1ms",
    "list -l --limit 3",
    "list -ta --sort -recvq -H --color always",
    "list state close-wait state time-wait state syn-sent -4",
    "count",
    "count --by process",
    "count --by user,state",
    "count --by local-port,remote,remote-port -tux",
    "count --by cgroup,unit,netns,family -tux",
    "count --by process,state --source proc",
    "listeners -tx",
    "listeners --source proc",
    "status",
    "status -6",
    "status --source proc",
];
