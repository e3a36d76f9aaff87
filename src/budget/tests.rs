//! Budgets of made-up rows: 10 ports, 40000 to 40009, unless a test says otherwise.

use crate::kernel::proc_net::{InetLine, ProcAddress};
use crate::model::address::{Address, Endpoint};
use crate::model::host::Host;
use crate::model::proto::{Family, Proto, TableId};
use crate::model::socket::Socket;
use crate::model::state::State;

use super::*;

const A: [u8; 4] = [10, 0, 0, 2];
const B: [u8; 4] = [10, 0, 0, 3];
const US: [u8; 4] = [10, 0, 0, 1];

fn host(settings: &[(&str, &str)]) -> Host {
    let mut host = Host::default();
    let defaults = [
        ("net.ipv4.ip_local_port_range", "40000 40009"),
        ("net.ipv4.ip_local_reserved_ports", ""),
        ("net.ipv4.tcp_tw_reuse", "2"),
        ("net.ipv4.tcp_timestamps", "1"),
    ];
    for (name, value) in defaults.iter().chain(settings) {
        assert!(host.sysctls.set(name, value.as_bytes()), "{name}");
    }
    host
}

fn socket(state: State, local: ([u8; 4], u16), remote: ([u8; 4], u16)) -> Socket {
    let table = TableId { proto: Proto::Tcp, family: Family::Inet };
    let line = InetLine {
        local: ProcAddress::V4(local.0),
        local_port: local.1,
        remote: ProcAddress::V4(remote.0),
        remote_port: remote.1,
        state: state.number(),
        tx_queue: 0,
        rx_queue: 0,
        timer: 0,
        expires_ms: 0,
        retrans: 0,
        probes: 0,
        uid: 0,
        inode: 1,
        drops: None,
    };
    Socket::from_proc_inet(&line, table)
}

fn time_wait(port: u16, to: [u8; 4], age_ms: u32) -> Socket {
    use crate::model::socket::{Timer, TimerKind};
    let mut socket = socket(State::TimeWait, (US, port), (to, 80));
    let expires_ms = 60_000 - age_ms;
    socket.timer = Some(Timer { kind: TimerKind::TimeWait, expires_ms, retransmits: 0 });
    socket
}

fn to(destination: [u8; 4], ports: impl IntoIterator<Item = u16>) -> Vec<Socket> {
    let one = |port| socket(State::Established, (US, port), (destination, 80));
    ports.into_iter().map(one).collect()
}

fn count(host: &Host, held: &[Socket], rows: &[Socket]) -> PortUse {
    let mut budgets = Budgets::new(host).expect("the range is known");
    held.iter().for_each(|socket| budgets.hold(socket));
    rows.iter().for_each(|socket| {
        budgets.add(socket);
    });
    budgets.finish(0)
}

/// Returns (destination, taken, capacity) of every budget.
fn taken(ports: &PortUse) -> Vec<(String, u32, u32)> {
    let one = |b: &Budget| (b.destination.address.to_string(), b.taken(), b.capacity);
    ports.budgets.iter().map(one).collect()
}

#[test]
fn each_destination_has_the_whole_range() {
    let rows = [to(A, 40000..=40009), to(B, [40000, 40002])].concat();
    let ports = count(&host(&[]), &[], &rows);
    assert_eq!(taken(&ports), [("10.0.0.2".into(), 10, 10), ("10.0.0.3".into(), 2, 10)]);
    assert!((ports.budgets[0].ratio() - 1.0).abs() < 1e-9 && ports.budgets[0].left() == 0);
    let source = ports.sources[0];
    // Both parities towards A were needed, so nobody looks as if bound.
    assert_eq!((source.used, source.shared, source.likely_bound), (10, 2, 0));
}

#[test]
fn reserved_ports_and_others_outside_do_not_count() {
    let host = host(&[("net.ipv4.ip_local_reserved_ports", "1-5,40000-40004,40009")]);
    let rows = to(A, [39999, 40000, 40005, 40010]);
    let ports = count(&host, &[], &rows);
    assert_eq!((ports.range.ports(), ports.range.reserved), (4, 6));
    assert_eq!(taken(&ports), [("10.0.0.2".into(), 1, 4)]);
    let ports = |range: &str, reserved: &str| {
        let settings = [
            ("net.ipv4.ip_local_port_range", range),
            ("net.ipv4.ip_local_reserved_ports", reserved),
        ];
        count(&self::host(&settings), &[], &[]).range.ports()
    };
    assert_eq!(ports("32768 60999", "40000-40009,40005,40001-40010"), 28_221);
    assert_eq!((ports("0 65535", ""), ports("0 65535", "0-65535")), (65_536, 0));
    assert_eq!(ports("50 49", ""), 0);
}

#[test]
fn held_ports_are_taken_from_everyone_but_their_own_destination() {
    let explicit = socket(State::Established, (US, 40001), (A, 80));
    let held = [
        socket(State::Listen, ([0; 4], 40003), ([0; 4], 0)),
        socket(State::Listen, (US, 40003), ([0; 4], 0)),
        socket(State::Close, (US, 40005), ([0; 4], 0)),
        explicit,
        socket(State::Listen, ([0; 4], 80), ([0; 4], 0)),
    ];
    let rows = [to(A, [40000]), vec![explicit], to(B, [40000])].concat();
    let ports = count(&host(&[]), &held, &rows);
    assert_eq!(ports.blocked, Blocked { listening: 1, bound: 1, explicit: 1 });
    assert_eq!(taken(&ports), [("10.0.0.2".into(), 2, 8), ("10.0.0.3".into(), 1, 7)]);
}

#[test]
fn connections_of_a_listener_in_the_range_are_not_ours() {
    let held = [socket(State::Listen, ([0; 4], 40003), ([0; 4], 0))];
    let rows = [to(A, [40003]), to(B, [40004])].concat();
    let ports = count(&host(&[]), &held, &rows);
    assert_eq!(taken(&ports), [("10.0.0.3".into(), 1, 9)]);
    // A listener on another address has other connections.
    let held = [socket(State::Listen, ([10, 9, 9, 9], 40003), ([0; 4], 0))];
    assert_eq!(taken(&count(&host(&[]), &held, &rows)).len(), 2);
}

#[test]
fn time_wait_is_used_unless_it_can_be_taken_over() {
    let local = [127, 0, 0, 1];
    let rows = [time_wait(40000, A, 30_000), time_wait(40002, A, 500), {
        let mut row = time_wait(40000, local, 30_000);
        row.ends = crate::model::socket::Ends::Inet {
            local: Endpoint::new(Address::v4(local), 40000),
            remote: Endpoint::new(Address::v4(local), 80),
        };
        row
    }];
    let reusable = |settings: &[(&str, &str)]| -> Vec<u32> {
        let mut budgets = count(&host(settings), &[], &rows).budgets;
        budgets.sort_by_key(|budget| budget.destination);
        budgets.iter().map(|budget| budget.reusable).collect()
    };
    assert_eq!(reusable(&[]), [0, 1]);
    assert_eq!(reusable(&[("net.ipv4.tcp_tw_reuse", "0")]), [0, 0]);
    assert_eq!(reusable(&[("net.ipv4.tcp_tw_reuse", "1")]), [1, 1]);
    assert_eq!(
        reusable(&[("net.ipv4.tcp_tw_reuse", "1"), ("net.ipv4.tcp_timestamps", "0")]),
        [0, 0]
    );
    let soon = [("net.ipv4.tcp_tw_reuse", "1"), ("net.ipv4.tcp_tw_reuse_delay", "100")];
    assert_eq!(reusable(&soon), [2, 1]);
}

#[test]
fn the_timers_of_time_wait_tell_how_fast_it_fills() {
    let mut rows: Vec<Socket> = (40000..40004).map(|port| time_wait(port, A, 2_000)).collect();
    rows.push(time_wait(40005, A, 55_000));
    let ports = count(&host(&[]), &[], &rows);
    let budget = &ports.budgets[0];
    let growth = budget.growth.expect("there are timers");
    assert!((growth.per_second - 0.3).abs() < 1e-9 && growth.seen == GrowthSeen::Timers);
    assert_eq!(budget.exhausted_in_ms(), Some(16_666));
    assert_eq!(count(&host(&[]), &[], &to(A, [40000])).budgets[0].growth, None);
}

#[test]
fn two_looks_tell_it_too() {
    let before = count(&host(&[]), &[], &to(A, [40000, 40002]));
    let mut now = count(&host(&[]), &[], &to(A, [40000, 40002, 40004, 40006]));
    now.compare(&before, 2_000);
    let budget = &now.budgets[0];
    let growth = Growth { per_second: 1.0, seen: GrowthSeen::TwoLooks };
    assert_eq!((budget.growth, budget.exhausted_in_ms()), (Some(growth), Some(6_000)));
    let mut less = before;
    less.compare(&now, 1_000);
    assert_eq!(less.budgets[0].exhausted_in_ms(), None, "it shrinks");
}

#[test]
fn ports_of_the_other_parity_give_bind_away() {
    let rows = [to(A, [40001, 40003]), to(B, [40005, 40000])].concat();
    let source = count(&host(&[]), &[], &rows).sources[0];
    assert_eq!((source.used, source.shared, source.likely_bound), (4, 0, 3));
    assert_eq!((source.capacity, source.left(), source.binds_first()), (10, 6, true));
    let rows = [to(A, [40000, 40001, 40002]), to(B, [40000, 40002])].concat();
    let held = [socket(State::Listen, ([0; 4], 40009), ([0; 4], 0)), rows[0]];
    let source = count(&host(&[]), &held, &rows).sources[0];
    assert_eq!((source.shared, source.likely_bound, source.capacity), (2, 1, 9));
    assert!(source.binds_first(), "two of three are shared, the third looks bound");
}

/// A row that blocks a port may be listed behind the connections that it blocks
/// it for.
#[test]
fn the_order_of_rows_does_not_matter() {
    let numbered = socket(State::Established, (US, 40001), (A, 80));
    let rows = [
        to(B, [40000, 40003]),
        vec![
            numbered,
            socket(State::Listen, ([0; 4], 40003), ([0; 4], 0)),
            socket(State::Bound, (US, 40005), ([0; 4], 0)),
        ],
    ]
    .concat();
    let look = |rows: &mut dyn Iterator<Item = &Socket>| {
        let mut budgets = Budgets::new(&host(&[])).expect("the range is known");
        rows.for_each(|row| budgets.take(row));
        budgets.hold(&numbered);
        budgets.finish(0)
    };
    let ports = look(&mut rows.iter());
    assert_eq!(ports, look(&mut rows.iter().rev()));
    assert_eq!(ports.blocked, Blocked { listening: 1, bound: 1, explicit: 1 });
    assert_eq!(taken(&ports), [("10.0.0.3".into(), 1, 7), ("10.0.0.2".into(), 1, 8)]);
    assert_eq!(ports.touched, 4);
}

#[test]
fn a_quarter_of_the_ports_is_worth_a_closer_look() {
    let notable = |ports: std::ops::Range<u16>| {
        let mut budgets = Budgets::new(&host(&[])).expect("the range is known");
        // A port counts once, however many destinations have it.
        [to(A, ports.clone()), to(B, ports)].concat().iter().for_each(|row| budgets.take(row));
        budgets.touches(25)
    };
    assert!(!notable(40000..40000) && !notable(40000..40002) && notable(40000..40003));
}

#[test]
fn without_a_range_there_is_nothing_to_say() {
    assert!(Budgets::new(&Host::default()).is_none());
}
