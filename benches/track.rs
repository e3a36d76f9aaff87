//! What a tracker step costs per socket: a whole table read again, 1 % of it
//! changed (a third opened, a third closed, a third in another state); and what
//! one event costs, the lookup by ends included.
//!
//! The floor of an order-preserving comparison over 64-byte records is 3.7 ns a
//! socket at a million sockets.

use std::cell::Cell;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

use divan::Bencher;
use divan::counter::ItemsCount;
use sockstate::kernel::proc_net::{InetLine, ProcAddress};
use sockstate::model::facts::Facts;
use sockstate::model::identity::Identity;
use sockstate::model::moment::Moment;
use sockstate::model::row::Row;
use sockstate::model::socket::Socket;
use sockstate::model::state::State;
use sockstate::model::transition::Source;
use sockstate::model::want::{Family, Proto, TableId};
use sockstate::track::{Answer, Complete, ExactEvent, Tracker};

const SIZES: [usize; 2] = [100_000, 1_000_000];
const TCP: TableId = TableId { proto: Proto::Tcp, family: Family::Inet };

fn main() {
    for size in SIZES {
        report_bytes(size);
    }
    divan::main();
}

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
fn tables(size: usize) -> [Vec<Socket>; 2] {
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
fn step(tracker: &mut Tracker, rows: &[Socket], at: u64) -> usize {
    let mut told = 0;
    tracker.begin(Moment(at));
    for socket in rows {
        tracker.row(&Row { socket: *socket, facts: Facts::None });
    }
    tracker.end(Moment(at + 1), Complete::ALL, &mut |_| told += 1);
    let tickets: Vec<_> = tracker.questions().map(|q| q.ticket).collect();
    for ticket in tickets {
        tracker.answer(ticket, Answer::Gone, Moment(at + 2), &mut |_| told += 1);
    }
    tracker.settle(Moment(at + 3), &mut |_| told += 1);
    told
}

fn report_bytes(size: usize) {
    let [before, after] = tables(size);
    let (mut tracker, mut most) = (Tracker::new(), 0);
    for round in 0..200 {
        let rows = if round % 2 == 0 { &before } else { &after };
        step(&mut tracker, rows, round * 1_000_000_000);
        most = most.max(tracker.bytes());
    }
    let plain = tracker.bytes();
    let mut close = event(&before[0], State::Established, State::CloseWait);
    tracker.apply(&close, &mut |_| ());
    close.identity.cookie = 1;
    tracker.apply(&close, &mut |_| ());
    let per = |bytes: usize| bytes as f64 / size as f64;
    let text = format!(
        "{size} sockets, 200 rounds: {:.1} bytes a socket, at most {:.1}; with both lookups {:.1}\n",
        per(plain),
        per(most),
        per(tracker.bytes()),
    );
    let _ = std::io::stdout().write_all(text.as_bytes());
}

#[divan::bench(args = SIZES, sample_size = 1, sample_count = 15)]
fn one_percent_changed(bencher: Bencher, size: usize) {
    let [before, after] = tables(size);
    let mut tracker = Tracker::new();
    step(&mut tracker, &before, 0);
    let round = Cell::new(1_u64);
    bencher.counter(ItemsCount::new(size)).bench_local(|| {
        let rows = if round.get().is_multiple_of(2) { &before } else { &after };
        round.set(round.get() + 1);
        step(&mut tracker, rows, round.get() * 1_000_000_000)
    });
}

#[divan::bench(args = SIZES, sample_size = 1, sample_count = 15)]
fn nothing_changed(bencher: Bencher, size: usize) {
    let [rows, _] = tables(size);
    let mut tracker = Tracker::new();
    step(&mut tracker, &rows, 0);
    let round = Cell::new(1_u64);
    bencher.counter(ItemsCount::new(size)).bench_local(|| {
        round.set(round.get() + 1);
        step(&mut tracker, &rows, round.get() * 1_000_000_000)
    });
}

#[divan::bench(args = SIZES, sample_size = 1, sample_count = 5)]
fn first_look(bencher: Bencher, size: usize) {
    let [rows, _] = tables(size);
    bencher.counter(ItemsCount::new(size)).bench_local(|| {
        let mut tracker = Tracker::new();
        step(&mut tracker, &rows, 1);
        tracker
    });
}

/// The order is lost: every row has to be found by its cookie.
#[divan::bench(args = SIZES, sample_size = 1, sample_count = 5)]
fn order_reversed(bencher: Bencher, size: usize) {
    let [rows, mut reversed] = tables(size);
    reversed.reverse();
    let mut tracker = Tracker::new();
    step(&mut tracker, &rows, 0);
    let round = Cell::new(1_u64);
    bencher.counter(ItemsCount::new(size)).bench_local(|| {
        let rows = if round.get().is_multiple_of(2) { &rows } else { &reversed };
        round.set(round.get() + 1);
        step(&mut tracker, rows, round.get() * 1_000_000_000)
    });
}

fn event(socket: &Socket, from: State, to: State) -> ExactEvent {
    let mut identity = Identity::of(socket);
    identity.cookie = 0;
    let (at, source) = (Moment(4_000_000_000_000), Source::Tracepoint);
    ExactEvent { at, identity, from: Some(from), to, source }
}

/// Events of 10,000 sockets spread over the table, two each; the index is made.
#[divan::bench(args = SIZES, sample_size = 1, sample_count = 5)]
fn events(bencher: Bencher, size: usize) {
    const EVENTS: usize = 10_000;
    let [rows, _] = tables(size);
    let chosen: Vec<&Socket> = rows.iter().step_by(size / EVENTS).collect();
    let steps = [(State::Established, State::FinWait1), (State::FinWait1, State::FinWait2)];
    let changes: Vec<ExactEvent> = steps
        .iter()
        .flat_map(|(from, to)| chosen.iter().map(|socket| event(socket, *from, *to)))
        .collect();
    bencher
        .counter(ItemsCount::new(changes.len()))
        .with_inputs(|| {
            let mut tracker = Tracker::new();
            step(&mut tracker, &rows, 1);
            tracker.apply(&event(&rows[1], State::Established, State::CloseWait), &mut |_| ());
            tracker
        })
        .bench_local_values(|mut tracker| {
            for change in &changes {
                tracker.apply(change, &mut |transition| _ = divan::black_box(transition));
            }
            tracker
        });
}

/// What making the lookup by ends costs: once after every snapshot, if events
/// come at all.
#[divan::bench(args = SIZES, sample_size = 1, sample_count = 5)]
fn making_the_lookup(bencher: Bencher, size: usize) {
    let [rows, _] = tables(size);
    let one = event(&rows[0], State::Established, State::CloseWait);
    bencher
        .counter(ItemsCount::new(size))
        .with_inputs(|| {
            let mut tracker = Tracker::new();
            step(&mut tracker, &rows, 1);
            tracker
        })
        .bench_local_values(|mut tracker| {
            tracker.apply(&one, &mut |_| ());
            tracker
        });
}
