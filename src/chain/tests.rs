//! Chains of made-up events; real ones are followed in `tests/kernel/trace/tracer.rs`.

use proptest::prelude::*;

use super::*;

const MPTCP: Option<u16> = Some(IPPROTO_MPTCP);
const TCP: Option<u16> = Some(IPPROTO_TCP);

/// Returns 127.0.0.1 and 127.0.0.2 with these ports.
fn ends(local_port: u16, remote_port: u16) -> RawEnds {
    let address = |last| [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, last];
    RawEnds { family: 2, local: address(1), local_port, remote: address(2), remote_port }
}

fn event(skaddr: u64, (local, remote): (u16, u16), kind: TraceKind) -> TraceEvent {
    let skaddr = NonZeroU64::new(skaddr);
    TraceEvent { at_ns: 0, skaddr, cookie: None, ends: Some(ends(local, remote)), kind }
}

fn moved(skaddr: u64, ports: (u16, u16), from: State, to: State) -> TraceEvent {
    moved_by(skaddr, ports, from, to, TCP)
}

fn moved_by(
    skaddr: u64,
    ports: (u16, u16),
    from: State,
    to: State,
    protocol: Option<u16>,
) -> TraceEvent {
    event(skaddr, ports, TraceKind::SetState { old: from.number(), new: to.number(), protocol })
}

fn destroyed(skaddr: u64, ports: (u16, u16), cookie: u64) -> TraceEvent {
    TraceEvent { cookie: NonZeroU64::new(cookie), ..event(skaddr, ports, TraceKind::Destroy) }
}

fn feed(chains: &mut Chains, events: &[TraceEvent]) -> Vec<Exact> {
    let mut out = Vec::new();
    chains.feed(events, &mut out);
    out
}

fn changes(out: &[Exact]) -> Vec<ExactChange> {
    out.iter()
        .filter_map(|exact| match exact {
            Exact::Change(change) => Some(*change),
            _ => None,
        })
        .collect()
}

/// Returns chain, ports and whether it is a birth, of each change.
fn brief(out: &[Exact]) -> Vec<(u64, u16, u16, bool)> {
    changes(out).iter().map(|c| (c.chain, c.ends.local.port, c.ends.remote.port, c.birth)).collect()
}

#[test]
fn the_local_port_of_a_connect_is_filled_in_from_the_same_batch() {
    let mut chains = Chains::default();
    let out = feed(
        &mut chains,
        &[
            moved(7, (0, 80), State::Close, State::SynSent),
            moved(8, (0, 81), State::Close, State::SynSent),
            moved(7, (5000, 80), State::SynSent, State::Established),
        ],
    );
    assert_eq!(brief(&out), [(1, 5000, 80, true), (2, 0, 81, true), (1, 5000, 80, false)]);
    // The next batch does not reach back, and what it tells is not lost.
    let out = feed(&mut chains, &[moved(8, (5001, 81), State::SynSent, State::Close)]);
    assert_eq!(brief(&out), [(2, 5001, 81, false)]);
}

#[test]
fn a_child_that_is_told_before_its_ends_is_filled_in_too() {
    // Up to Linux 6.12.
    let out = feed(
        &mut Chains::default(),
        &[
            moved(7, (80, 0), State::Listen, State::SynRecv),
            moved(7, (80, 5000), State::SynRecv, State::Established),
        ],
    );
    assert_eq!(brief(&out), [(1, 80, 5000, true), (1, 80, 5000, false)]);
}

#[test]
fn a_reused_address_is_another_socket() {
    let mut chains = Chains::default();
    let out = feed(
        &mut chains,
        &[
            moved(7, (5000, 80), State::Close, State::SynSent),
            moved(7, (5000, 80), State::SynSent, State::Close),
            destroyed(7, (5000, 0), 99),
            moved(7, (5001, 80), State::Close, State::SynSent),
            // Its end was not heard of: a child is another socket in any case.
            moved(7, (80, 6000), State::Listen, State::SynRecv),
            // A state it was not left in: events in between are missing.
            moved(7, (80, 6001), State::Established, State::CloseWait),
        ],
    );
    let numbers: Vec<u64> = changes(&out).iter().map(|c| c.chain).collect();
    assert_eq!(numbers, [1, 1, 2, 3, 4]);
    let Exact::End(end) = out[2] else { panic!("{out:?}") };
    assert_eq!((end.chain, end.cookie), (Some(1), NonZeroU64::new(99)));
    assert_eq!(end.ends.remote.port, 80, "what the event lacks the chain knows");
    assert_eq!(chains.live.len(), 1);
}

#[test]
fn a_second_connect_of_the_same_socket_stays_in_its_chain() {
    let out = feed(
        &mut Chains::default(),
        &[
            moved(7, (5000, 80), State::Close, State::SynSent),
            moved(7, (5000, 80), State::SynSent, State::Close),
            moved(7, (0, 443), State::Close, State::SynSent),
            moved(7, (5001, 443), State::SynSent, State::Established),
        ],
    );
    let expected =
        [(1, 5000, 80, true), (1, 5000, 80, false), (1, 5001, 443, false), (1, 5001, 443, false)];
    assert_eq!(brief(&out), expected);
}

#[test]
fn what_a_disconnect_wipes_is_remembered() {
    let mut chains = Chains::default();
    let out = feed(&mut chains, &[moved(7, (5000, 80), State::Close, State::SynSent)]);
    let whole = changes(&out)[0].ends;
    let mut wiped = destroyed(7, (5000, 0), 1);
    wiped.ends = wiped.ends.map(|ends| RawEnds { local: ends_of_nobody(), ..ends });
    let Exact::End(end) = feed(&mut chains, &[wiped])[0] else { panic!() };
    assert_eq!(end.ends, whole);
}

#[test]
fn what_no_earlier_event_told_is_as_the_event_says() {
    let listener = RawEnds { remote: ends_of_nobody(), ..ends(80, 0) };
    let mut closed = moved(7, (80, 0), State::Listen, State::Close);
    closed.ends = Some(listener);
    let out = feed(&mut Chains::default(), &[closed]);
    assert_eq!(changes(&out)[0].ends, KnownEnds::from(listener), "not :: for 0.0.0.0");
}

fn ends_of_nobody() -> [u8; 16] {
    *Address::v4([0; 4]).octets()
}

#[test]
fn close_after_fin_wait2_and_closing_is_ambiguous_unless_reset() {
    let last = |from, reset| {
        let mut events = vec![moved(7, (5000, 80), State::FinWait1, from)];
        if reset {
            events.push(event(7, (5000, 80), TraceKind::ReceiveReset));
        }
        events.push(moved(7, (5000, 80), from, State::Close));
        changes(&feed(&mut Chains::default(), &events))[1].ends_in
    };
    assert_eq!(last(State::FinWait2, false), Some(EndsIn::TimeWaitOrClosed));
    assert_eq!(last(State::Closing, false), Some(EndsIn::TimeWaitOrClosed));
    assert_eq!(last(State::FinWait2, true), Some(EndsIn::Closed));
    assert_eq!(last(State::LastAck, false), Some(EndsIn::Closed));
}

#[test]
fn other_protocols_and_self_transitions_are_dropped_and_mptcp_is_labelled() {
    let mut chains = Chains::default();
    let out = feed(
        &mut chains,
        &[
            moved_by(6, (1, 2), State::Close, State::CloseWait, Some(132)),
            moved(7, (80, 0), State::Listen, State::Listen),
            moved_by(8, (5000, 80), State::Close, State::SynSent, MPTCP),
            moved_by(8, (5000, 80), State::SynSent, State::Close, MPTCP),
            moved_by(8, (5000, 80), State::Close, State::Close, MPTCP),
        ],
    );
    let transports: Vec<Transport> = changes(&out).iter().map(|c| c.transport).collect();
    assert_eq!(transports, [Transport::Mptcp, Transport::Mptcp]);
    assert!(chains.live.is_empty(), "nothing tells the end of an MPTCP socket");
}

#[test]
fn remarks_find_their_socket_and_may_have_none() {
    let mut chains = Chains::default();
    let mut received = event(7, (5000, 80), TraceKind::ReceiveReset);
    received.cookie = NonZeroU64::new(42);
    let sent = TraceKind::SendReset { state: None, reason: Some(1) };
    let out = feed(
        &mut chains,
        &[
            moved(7, (0, 80), State::Close, State::SynSent),
            event(7, (5000, 80), TraceKind::Retransmit { state: Some(2) }),
            TraceEvent { skaddr: None, ..event(1, (80, 5000), sent) },
            received,
            moved(7, (5000, 80), State::SynSent, State::Close),
        ],
    );
    let notes: Vec<_> = out
        .iter()
        .filter_map(|exact| match exact {
            Exact::Note(note) => Some((note.chain, note.remark)),
            _ => None,
        })
        .collect();
    let reset = Remark::ResetSent { reason: Some(1) };
    assert_eq!(
        notes,
        [(Some(1), Remark::Retransmit), (None, reset), (Some(1), Remark::ResetReceived)]
    );
    let changes = changes(&out);
    assert_eq!(changes[0].ends.local.port, 5000, "a remark tells the port as well");
    assert_eq!(changes[1].cookie, NonZeroU64::new(42));
}

#[test]
fn after_losses_nothing_old_is_joined() {
    let mut chains = Chains::default();
    feed(&mut chains, &[moved(7, (5000, 80), State::Close, State::SynSent)]);
    chains.forget();
    let out = feed(&mut chains, &[moved(7, (5000, 0), State::SynSent, State::Close)]);
    assert_eq!(brief(&out), [(2, 5000, 0, false)]);
    assert_eq!(feed(&mut chains, &[destroyed(9, (1, 2), 3)]).len(), 1, "an end of a stranger");
}

fn any_event() -> impl Strategy<Value = TraceEvent> {
    let kind = prop_oneof![
        8 => (0u8..14, 0u8..14, prop_oneof![Just(TCP), Just(MPTCP), Just(Some(132)), Just(None)])
            .prop_map(|(old, new, protocol)| TraceKind::SetState { old, new, protocol }),
        2 => Just(TraceKind::Destroy),
        1 => Just(TraceKind::Retransmit { state: None }),
        1 => Just(TraceKind::SendReset { state: None, reason: None }),
        1 => Just(TraceKind::ReceiveReset),
    ];
    (0u64..4, 0u16..3, 0u16..3, kind)
        .prop_map(|(skaddr, local, remote, kind)| event(skaddr, (local, remote), kind))
}

proptest! {
    #[test]
    fn every_chain_is_continuous_and_none_outlives_its_end(
        batches in proptest::collection::vec(proptest::collection::vec(any_event(), 0..20), 0..10)
    ) {
        let mut chains = Chains::default();
        let mut states: FxHashMap<u64, State> = FxHashMap::default();
        let mut ended = Vec::new();
        for batch in batches {
            for exact in feed(&mut chains, &batch) {
                match exact {
                    Exact::Change(change) => {
                        prop_assert!(!ended.contains(&change.chain));
                        let before = states.insert(change.chain, change.to);
                        prop_assert!(before.is_none_or(|before| before == change.from));
                        prop_assert_eq!(change.ends_in.is_some(), change.to == State::Close);
                    }
                    Exact::End(end) => ended.extend(end.chain),
                    Exact::Note(_) => {}
                }
            }
            prop_assert!(chains.live.len() <= 4);
        }
    }
}
