//! What a tracker step costs per socket: a whole table read again, 1 % of it
//! changed (a third opened, a third closed, a third in another state); and what
//! one event costs, the lookup by ends included.
//!
//! The floor of an order-preserving comparison over 64-byte records is 3.7 ns a
//! socket at a million sockets.

#[path = "rows/made_up.rs"]
mod made_up;

use std::cell::Cell;
use std::io::Write;

use divan::Bencher;
use divan::counter::ItemsCount;
use peak_alloc::PeakAlloc;
use sockstate::testing::model::identity::Identity;
use sockstate::testing::model::moment::Moment;
use sockstate::testing::model::socket::Socket;
use sockstate::testing::model::state::State;
use sockstate::testing::model::transition::Source;
use sockstate::testing::track::{ExactEvent, Tracker};

use made_up::{step, tables};

const SIZES: [usize; 2] = [100_000, 1_000_000];

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() {
    for size in SIZES {
        report_bytes(size);
    }
    divan::main();
}

fn report_bytes(size: usize) {
    let [before, after] = tables(size);
    let without = MEMORY.current_usage();
    let held = || MEMORY.current_usage() - without;
    let (mut tracker, mut most) = (Tracker::new(), 0);
    for round in 0..200 {
        let rows = if round % 2 == 0 { &before } else { &after };
        step(&mut tracker, rows, round * 1_000_000_000);
        most = most.max(held());
    }
    let plain = held();
    let mut close = event(&before[0], State::Established, State::CloseWait);
    tracker.apply(&close, &mut |_| ());
    close.identity.cookie = 1;
    tracker.apply(&close, &mut |_| ());
    let per = |bytes: usize| bytes as f64 / size as f64;
    let text = format!(
        "{size} sockets, 200 rounds: {:.1} bytes a socket, at most {:.1}; with both lookups {:.1}\n",
        per(plain),
        per(most),
        per(held()),
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
