//! Made-up tables that change, and what a tracker does with them.

use std::net::{Ipv4Addr, SocketAddr};

use sockstate::testing::kernel::proc_net::{InetLine, ProcAddress};
use sockstate::testing::model::facts::Facts;
use sockstate::testing::model::moment::Moment;
use sockstate::testing::model::proto::{Family, Proto, TableId};
use sockstate::testing::model::row::Row;
use sockstate::testing::model::socket::Socket;
use sockstate::testing::model::state::State;
use sockstate::testing::track::{Answer, Complete, Tracker};

/// The table of the made-up sockets.
const TCP: TableId = TableId { proto: Proto::Tcp, family: Family::Inet };

/// A made-up socket.
fn socket(number: usize, state: State, cookie: u64) -> Socket {
    let local = SocketAddr::from((Ipv4Addr::from(0x0a00_0000 + (number >> 14) as u32), 0));
    let line = InetLine {
        local: ProcAddress::V4(match local {
            SocketAddr::V4(v4) => v4.ip().octets(),
            SocketAddr::V6(_) => [0; 4],
        }),
        local_port: 40_000 + (number & 0x3fff) as u16,
        remote: ProcAddress::V4([10, 1, 0, 1]),
        remote_port: 443,
        state: state.number(),
        tx_queue: 0,
        rx_queue: 0,
        timer: 0,
        expires_ms: 0,
        retrans: 0,
        probes: 0,
        uid: 0,
        inode: number as u32,
        drops: None,
    };
    let mut socket = Socket::from_proc_inet(&line, TCP);
    socket.cookie = cookie;
    socket
}

/// The same table at two moments: 1 % of it differs.
pub fn tables(size: usize) -> [Vec<Socket>; 2] {
    let before = (0..size).map(|n| socket(n, State::Established, n as u64 + 1)).collect();
    let after = (0..size).map(|n| match n % 300 {
        // Closed here, opened there: other ends, another cookie.
        7 => socket(n + size, State::Established, (n + size) as u64 + 1),
        99 | 207 => socket(n, State::CloseWait, n as u64 + 1),
        _ => socket(n, State::Established, n as u64 + 1),
    });
    [before, after.collect()]
}

/// One snapshot, every question answered; returns how much was told.
pub fn step(tracker: &mut Tracker, rows: &[Socket], at: u64) -> usize {
    let mut told = 0;
    tracker.begin(Moment(at));
    for socket in rows {
        tracker.row(&Row { socket: *socket, facts: Facts::None });
    }
    tracker.end(Moment(at + 1), Complete::all(), &mut |_| told += 1);
    let tickets: Vec<_> = tracker.questions().map(|q| q.ticket).collect();
    for ticket in tickets {
        tracker.answer(ticket, Answer::Gone, Moment(at + 2), &mut |_| told += 1);
    }
    tracker.settle(Moment(at + 3), &mut |_| told += 1);
    told
}
