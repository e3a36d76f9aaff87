//! Decoding what Linux 6.18.44 (x86_64) wrote, and layouts of other kernels.
//!
//! `tcp.6.18.ring` is what `tests/kernel/trace/record.rs` recorded there.

use proptest::prelude::*;

use super::*;
use crate::kernel::perf_ring::{RingRecord, RingRecords};

const FORMATS: [(Tracepoint, &str); 5] = [
    (Tracepoint::SetState, include_str!("../testdata/inet_sock_set_state.6.18.format")),
    (Tracepoint::Destroy, include_str!("../testdata/tcp_destroy_sock.6.18.format")),
    (Tracepoint::Retransmit, include_str!("../testdata/tcp_retransmit_skb.6.18.format")),
    (Tracepoint::SendReset, include_str!("../testdata/tcp_send_reset.6.18.format")),
    (Tracepoint::ReceiveReset, include_str!("../testdata/tcp_receive_reset.6.18.format")),
];

const RECORDING: &[u8] = include_bytes!("../testdata/tcp.6.18.ring");

const LOOPBACK: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1];
const LOOPBACK6: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

fn decoders() -> Decoders {
    let mut decoders = Decoders::default();
    for (tracepoint, text) in FORMATS {
        decoders.add(tracepoint, &TraceFormat::parse(text).expect("decodable")).expect("a format");
    }
    decoders
}

/// The recording's events in the order of their times.
fn events() -> Vec<TraceEvent> {
    let decoders = decoders();
    let mut records = RingRecords::new(RECORDING);
    let mut events: Vec<TraceEvent> = records
        .by_ref()
        .map(|record| match record {
            RingRecord::Sample { at_ns, raw } => decoders.decode(at_ns, raw).expect("decodable"),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(records.rest().is_empty());
    events.sort_by_key(|event| event.at_ns);
    events
}

fn set_state(old: u8, new: u8) -> TraceKind {
    TraceKind::SetState { old, new, protocol: Some(6) }
}

#[test]
fn the_recording_is_decoded_to_the_last_byte() {
    let events = events();
    let count = |wanted: fn(&TraceKind) -> bool| events.iter().filter(|e| wanted(&e.kind)).count();
    assert_eq!(count(|k| matches!(k, TraceKind::SetState { .. })), 72);
    assert_eq!(count(|k| matches!(k, TraceKind::Destroy)), 21);
    assert_eq!(count(|k| matches!(k, TraceKind::Retransmit { .. })), 1);
    assert_eq!(count(|k| matches!(k, TraceKind::SendReset { .. })), 6);
    assert_eq!(count(|k| matches!(k, TraceKind::ReceiveReset)), 4);
    for event in events {
        let socketless = matches!(event.kind, TraceKind::SendReset { state: None, .. });
        assert_eq!(event.skaddr.is_none(), socketless, "{event:?}");
        let has_cookie = matches!(event.kind, TraceKind::Destroy | TraceKind::ReceiveReset);
        assert_eq!(event.cookie.is_some(), has_cookie, "{event:?}");
    }
}

#[test]
fn a_connection_is_told_by_both_ends() {
    let events = events();
    let of = |port| {
        let ports = move |e: &RawEnds| [e.local_port, e.remote_port].contains(&port);
        let wanted = move |event: &&TraceEvent| event.ends.as_ref().is_some_and(ports);
        events
            .iter()
            .filter(wanted)
            .map(|e| (e.ends.expect("both ends"), e.kind))
            .collect::<Vec<_>>()
    };
    let ends = RawEnds {
        family: 2,
        local: LOOPBACK,
        local_port: 36552,
        remote: LOOPBACK,
        remote_port: 58213,
    };
    let peer = RawEnds { local_port: 58213, remote_port: 36552, ..ends };
    let told = of(36552);
    assert_eq!(told[0], (ends, set_state(2, 1)));
    assert_eq!(told[1], (peer, set_state(10, 3)));
    assert_eq!(told.last(), Some(&(peer, TraceKind::Destroy)));
    assert_eq!(told.len(), 11);
    let (v6, _) = of(54424)[0];
    assert_eq!((v6.family, v6.local, v6.remote), (10, LOOPBACK6, LOOPBACK6));
    // AF_INET6 with an IPv4 peer, which is AF_INET.
    let (mapped, _) = of(57020)[0];
    assert_eq!((mapped.family, mapped.local, mapped.remote), (10, LOOPBACK, LOOPBACK));
}

#[test]
fn resets_are_told_with_their_reason() {
    let sent: Vec<TraceEvent> =
        events().into_iter().filter(|e| matches!(e.kind, TraceKind::SendReset { .. })).collect();
    // Of a close with SO_LINGER 0 (SK_RST_REASON_TCP_STATE), by the socket itself.
    assert_eq!(sent[0].kind, TraceKind::SendReset { state: Some(7), reason: Some(14) });
    // To a SYN for which there is no socket (SK_RST_REASON_NO_SOCKET).
    assert_eq!(sent[2].kind, TraceKind::SendReset { state: None, reason: Some(1) });
    let ends = sent[2].ends.expect("both ends");
    assert_eq!((ends.family, ends.local_port, ends.remote_port), (2, 58411, 45608));
    assert_eq!((ends.local, ends.remote), (LOOPBACK, LOOPBACK));
}

/// A sample laid out by `format`, all zero but for the fields given.
fn sample(format: &TraceFormat, fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut raw = vec![0; 256];
    for (name, bytes) in fields {
        let at = usize::from(format.field(name).expect("decodable").offset);
        raw[at..at + bytes.len()].copy_from_slice(bytes);
    }
    raw
}

#[test]
fn another_kernels_layout_works() {
    // As in 4.16, where the protocol was one byte, but with IPv4 addresses only.
    let format = TraceFormat::parse(
        "name: inet_sock_set_state\nID: 17\nformat:\n\
         \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
         \tfield:__u8 protocol;\toffset:8;\tsize:1;\tsigned:0;\n\
         \tfield:int newstate;\toffset:12;\tsize:4;\tsigned:1;\n\
         \tfield:int oldstate;\toffset:16;\tsize:4;\tsigned:1;\n\
         \tfield:__u16 sport;\toffset:20;\tsize:2;\tsigned:0;\n\
         \tfield:__u16 dport;\toffset:22;\tsize:2;\tsigned:0;\n\
         \tfield:const void * skaddr;\toffset:24;\tsize:8;\tsigned:0;\n\
         \tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;\n\
         \tfield:__u8 daddr[4];\toffset:36;\tsize:4;\tsigned:0;\n",
    )
    .expect("decodable");
    let raw = sample(
        &format,
        &[
            ("common_type", &17u16.to_ne_bytes()),
            ("protocol", &[6]),
            ("oldstate", &1u32.to_ne_bytes()),
            ("newstate", &8u32.to_ne_bytes()),
            ("sport", &443u16.to_ne_bytes()),
            ("dport", &50_000u16.to_ne_bytes()),
            ("skaddr", &0xffff_8888_0000_1111u64.to_ne_bytes()),
            ("saddr", &[127, 0, 0, 1]),
            ("daddr", &[127, 0, 0, 1]),
        ],
    );
    let mut decoders = Decoders::default();
    decoders.add(Tracepoint::SetState, &format).expect("decodable");
    let event = decoders.decode(5, &raw).expect("decodable");
    assert_eq!((event.at_ns, event.kind), (5, set_state(1, 8)));
    assert_eq!(event.skaddr, NonZeroU64::new(0xffff_8888_0000_1111));
    let ends = event.ends.expect("both ends");
    assert_eq!((ends.family, ends.local_port, ends.remote_port), (0, 443, 50_000));
    assert_eq!((ends.local, ends.remote), (LOOPBACK, LOOPBACK));
}

#[test]
fn a_reset_of_an_ipv6_socket_has_a_sockaddr_in6() {
    let format = TraceFormat::parse(FORMATS[3].1).expect("a format");
    let mut address = [0; 28];
    address[..2].copy_from_slice(&10u16.to_ne_bytes());
    address[2..4].copy_from_slice(&443u16.to_be_bytes());
    address[8..24].copy_from_slice(&LOOPBACK6);
    let raw = sample(&format, &[("saddr", &address), ("daddr", &address)]);
    let decoder = Decoder::new(Tracepoint::SendReset, &format).expect("decodable");
    let ends = decoder.decode(0, &raw).expect("decodable").ends.expect("both ends");
    assert_eq!((ends.family, ends.local, ends.remote_port), (10, LOOPBACK6, 443));
}

#[test]
fn what_is_indispensable_is_named_and_the_rest_may_be_absent() {
    let format = TraceFormat::parse("ID: 3\n").expect("a format");
    assert_eq!(Decoder::new(Tracepoint::SetState, &format).expect_err("no field"), "skaddr");
    let event = Decoder::new(Tracepoint::SendReset, &format)
        .expect("decodable")
        .decode(1, &[])
        .expect("decodable");
    assert_eq!((event.skaddr, event.ends), (None, None));
    assert_eq!(event.kind, TraceKind::SendReset { state: None, reason: None });
}

#[test]
fn filters_use_only_fields_the_event_has() {
    let format = |index: usize| TraceFormat::parse(FORMATS[index].1).expect("a format");
    let filter = TraceFilter { tcp_only: true, ports: vec![(80, 80)] };
    let ports = "(sport==80||dport==80||sport==0||dport==0)";
    assert_eq!(filter.expression(&format(0)), Some(format!("protocol==6&&{ports}")));
    assert_eq!(filter.expression(&format(1)).as_deref(), Some(ports));
    assert_eq!(filter.expression(&format(3)), None);
    assert_eq!(TraceFilter::default().expression(&format(0)), None);
    let many = TraceFilter { tcp_only: false, ports: (1..=17).map(|p| (p, p)).collect() };
    assert_eq!(many.expression(&format(0)), None);
    let range = TraceFilter { tcp_only: false, ports: vec![(8000, 8099)] };
    let ports = "((sport>=8000&&sport<=8099)||(dport>=8000&&dport<=8099)||sport==0||dport==0)";
    assert_eq!(range.expression(&format(0)).as_deref(), Some(ports));
}

proptest! {
    #[test]
    fn a_mutated_recording_is_survived(flips in proptest::collection::vec((0..RECORDING.len(), any::<u8>()), 1..50)) {
        let decoders = decoders();
        let mut bytes = RECORDING.to_vec();
        for (at, byte) in flips {
            bytes[at] = byte;
        }
        for record in RingRecords::new(&bytes) {
            if let RingRecord::Sample { at_ns, raw } = record {
                let _ = decoders.decode(at_ns, raw);
            }
        }
    }

    #[test]
    fn a_sample_cut_short_never_tells_what_it_lacks(len in 0usize..80) {
        let (decoders, whole) = (decoders(), events());
        for record in RingRecords::new(RECORDING).take(20) {
            if let RingRecord::Sample { at_ns, raw } = record
                && let Some(event) = decoders.decode(at_ns, &raw[..len.min(raw.len())])
            {
                let original = whole.iter().find(|e| e.at_ns == at_ns).expect("decodable");
                prop_assert!(event.ends.is_none() || event.ends == original.ends);
                prop_assert!(event.skaddr.is_none() || event.skaddr == original.skaddr);
            }
        }
    }
}
