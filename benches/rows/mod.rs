//! What the benchmarks have in common: recorded rows, tables that change, and
//! what is done with them.

#![allow(dead_code, reason = "not every benchmark uses all of it")]

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;

use sockstate::testing::kernel::inet_diag::InetMessage;
use sockstate::testing::kernel::netlink::{Datagram, Dump};
use sockstate::testing::kernel::proc_net::{InetLine, ProcAddress};
use sockstate::testing::model::facts::Facts;
use sockstate::testing::model::moment::Moment;
use sockstate::testing::model::proto::{Family, Proto, TableId};
use sockstate::testing::model::row::Row;
use sockstate::testing::model::socket::Socket;
use sockstate::testing::model::state::State;
use sockstate::testing::output::out::Out;
use sockstate::testing::output::style::Style;
use sockstate::testing::output::{json, text};
use sockstate::testing::query::Lookups;
use sockstate::testing::sys::names::Names;
use sockstate::testing::track::{Answer, Complete, Tracker};

/// The table of the made-up sockets.
pub const TCP: TableId = TableId { proto: Proto::Tcp, family: Family::Inet };

/// A recorded dump.
pub fn recorded(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/recorded/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("the recording is part of the repository")
}

/// Hands every row to `each`; how many there were.
pub fn each_row(bytes: &[u8], each: &mut dyn FnMut(&Row<'_>)) -> u64 {
    let mut dump = Dump::new(1);
    let datagram = Datagram { bytes, full_len: bytes.len(), sender: 0 };
    dump.feed(datagram, &mut |payload| {
        if let Some(message) = InetMessage::parse(payload) {
            let socket = Socket::from_inet_diag(&message, Proto::Tcp);
            each(&Row { socket, facts: Facts::Inet(message.attributes) });
        }
        ControlFlow::Continue(())
    });
    dump.rows
}

/// Decodes and writes every row `repeat` times as text.
pub fn write_text(bytes: &[u8], repeat: usize) {
    let style = Style { color: false, width: None };
    let lookups = Lookups::default();
    let mut sink = std::io::sink();
    let mut out = Out::new(&mut sink);
    let layout = text::Layout::default();
    let mut list = text::Sockets::new(&mut out, &style, layout, true, Names::new(false));
    for _ in 0..repeat {
        each_row(bytes, &mut |row| list.row(row, &lookups));
    }
    list.finish();
}

/// The same as JSON.
pub fn write_json(bytes: &[u8], repeat: usize) {
    let lookups = Lookups::default();
    let mut sink = std::io::sink();
    let mut out = Out::new(&mut sink);
    let mut list = json::Sockets::new(&mut out, json::Details::default());
    for _ in 0..repeat {
        each_row(bytes, &mut |row| list.row(row, &lookups));
    }
}

/// A made-up socket.
pub fn socket(number: usize, state: State, cookie: u64) -> Socket {
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
