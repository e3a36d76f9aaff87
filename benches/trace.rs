//! What an event costs in our own code, on what Linux 6.18.44 recorded: records
//! walked and decoded, put in order, joined to their sockets, and counted. The
//! goal is 200 ns.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rustc_hash::FxHashMap;
use sockstate::testing::chain::{Chains, Exact};
use sockstate::testing::kernel::perf_ring::{RingRecord, RingRecords};
use sockstate::testing::kernel::trace_format::TraceFormat;
use sockstate::testing::kernel::tracepoint::{Decoders, TraceEvent, Tracepoint};
use sockstate::testing::model::state::State;

const RECORDING: &[u8] = include_bytes!("../src/kernel/testdata/tcp.6.18.ring");

const FORMATS: [(Tracepoint, &str); 5] = [
    (Tracepoint::SetState, include_str!("../src/kernel/testdata/inet_sock_set_state.6.18.format")),
    (Tracepoint::Destroy, include_str!("../src/kernel/testdata/tcp_destroy_sock.6.18.format")),
    (Tracepoint::Retransmit, include_str!("../src/kernel/testdata/tcp_retransmit_skb.6.18.format")),
    (Tracepoint::SendReset, include_str!("../src/kernel/testdata/tcp_send_reset.6.18.format")),
    (
        Tracepoint::ReceiveReset,
        include_str!("../src/kernel/testdata/tcp_receive_reset.6.18.format"),
    ),
];

/// How often the recording is repeated: one drain of a busy host, 10,000 events.
const REPEATS: usize = 100;

fn main() {
    divan::main();
}

fn decoders() -> Decoders {
    let mut decoders = Decoders::default();
    for (tracepoint, text) in FORMATS {
        let format = TraceFormat::parse(text).expect("a format file");
        decoders.add(tracepoint, &format).expect("all fields");
    }
    decoders
}

fn decode(decoders: &Decoders, bytes: &[u8], into: &mut Vec<TraceEvent>) {
    for record in RingRecords::new(bytes) {
        if let RingRecord::Sample { at_ns, raw } = record {
            into.extend(decoders.decode(at_ns, raw));
        }
    }
}

/// As many events as a drain gives, decoded.
fn events() -> Vec<TraceEvent> {
    let mut events = Vec::new();
    decode(&decoders(), &RECORDING.repeat(REPEATS), &mut events);
    events
}

#[divan::bench]
fn decode_only(bencher: Bencher) {
    let (decoders, bytes) = (decoders(), RECORDING.repeat(REPEATS));
    let mut into = Vec::new();
    bencher.counter(ItemsCount::new(events().len())).bench_local(|| {
        into.clear();
        decode(&decoders, black_box(&bytes), &mut into);
        into.len()
    });
}

#[divan::bench]
fn chain_only(bencher: Bencher) {
    let events = events();
    let (mut chains, mut out) = (Chains::default(), Vec::new());
    bencher.counter(ItemsCount::new(events.len())).bench_local(|| {
        out.clear();
        chains.feed(black_box(&events), &mut out);
        out.len()
    });
}

/// Decoded, sorted by time, joined and counted by transition.
#[divan::bench]
fn decode_and_account(bencher: Bencher) {
    let (decoders, bytes) = (decoders(), RECORDING.repeat(REPEATS));
    let (mut pending, mut chains, mut out) = (Vec::new(), Chains::default(), Vec::new());
    let mut matrix: FxHashMap<(State, State), u64> = FxHashMap::default();
    bencher.counter(ItemsCount::new(events().len())).bench_local(|| {
        pending.clear();
        out.clear();
        // Two rings, each in order by itself.
        for half in black_box(&bytes).chunks(RECORDING.len()) {
            decode(&decoders, half, &mut pending);
        }
        pending.sort_by_key(|event| event.at_ns);
        chains.feed(&pending, &mut out);
        for exact in &out {
            if let Exact::Change(change) = exact {
                *matrix.entry((change.from, change.to)).or_default() += 1;
            }
        }
        matrix.len()
    });
}
