//! Random expressions for property tests.

use proptest::prelude::*;

use crate::model::socket::TimerKind;
use crate::model::state::{State, StateSet, TCP_STATES};

use super::ast::*;
use super::error::Span;
use super::glob::{Glob, GlobItem};
use super::net::{AddressScope, Net, Version};
use super::token::Comparison;

fn name(text: &str) -> Name {
    Name { text: text.to_owned(), span: Span::default() }
}

fn end() -> impl Strategy<Value = SocketEnd> {
    prop_oneof![Just(SocketEnd::Local), Just(SocketEnd::Remote)]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::*;
    prop_oneof![Just(Eq), Just(Ne), Just(Lt), Just(Le), Just(Gt), Just(Ge)]
}

/// Few values, so that tests and sockets meet.
pub(super) fn port() -> impl Strategy<Value = u16> {
    prop_oneof![Just(0), Just(1), Just(22), Just(443), Just(40000), Just(u16::MAX)]
}

pub(super) fn v4() -> impl Strategy<Value = [u8; 4]> {
    prop_oneof![
        Just([0; 4]),
        Just([127, 0, 0, 1]),
        Just([10, 0, 0, 1]),
        Just([10, 0, 0, 2]),
        Just([203, 0, 113, 5]),
    ]
}

pub(super) fn v6() -> impl Strategy<Value = [u8; 16]> {
    let of = |text: &str| text.parse::<std::net::Ipv6Addr>().expect("an address").octets();
    prop_oneof![
        Just(of("::")),
        Just(of("::1")),
        Just(of("fe80::1")),
        Just(of("2001:db8::1")),
        Just(of("::ffff:10.0.0.1")),
        Just(of("::ffff:0.0.0.0")),
    ]
}

fn net() -> impl Strategy<Value = Net> {
    let v4_len = prop_oneof![Just(0u8), Just(8), Just(31), Just(32)];
    let v6_len = prop_oneof![Just(0u8), Just(10), Just(96), Just(128)];
    prop_oneof![
        (v4(), v4_len).prop_map(|(octets, len)| Net::v4(octets, len)),
        (v6(), v6_len).prop_map(|(octets, len)| Net::v6(octets, len)),
    ]
}

/// Text full of characters with a meaning.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("state".to_owned()),
        Just("AND".to_owned()),
        Just("any".to_owned()),
        Just("none".to_owned()),
        Just("443".to_owned()),
        Just("unix:x".to_owned()),
    ];
    prop_oneof![4 => "[a-c /@:,{}()\\[\\]\\\\!^=<>&|*?.ä-]{1,6}", 1 => word]
}

fn glob() -> impl Strategy<Value = Glob> {
    let char = || prop_oneof![any::<char>(), "[a-c *?\\[\\]!^\\\\=()/@-]".prop_map(first)];
    let ranges = prop::collection::vec((char(), char()), 1..3);
    let item = prop_oneof![
        4 => char().prop_map(GlobItem::Char),
        1 => Just(GlobItem::Any),
        1 => Just(GlobItem::One),
        1 => (any::<bool>(), ranges)
            .prop_map(|(negated, ranges)| GlobItem::Class { negated, ranges }),
    ];
    prop::collection::vec(item, 1..6).prop_map(Glob::from_items)
}

fn first(text: String) -> char {
    text.chars().next().unwrap_or('x')
}

fn ports() -> impl Strategy<Value = PortTest> {
    prop_oneof![
        3 => port().prop_map(|port| PortTest::Range(port, port)),
        1 => (port(), port()).prop_map(|(a, b)| PortTest::Range(a.min(b), a.max(b))),
    ]
}

fn port_test() -> impl Strategy<Value = Predicate> {
    prop_oneof![
        (end(), any::<bool>(), prop::collection::vec(ports(), 1..4)).prop_map(
            |(end, equal, ports)| {
                let comparison = if equal { Comparison::Eq } else { Comparison::Ne };
                Predicate::Port(end, comparison, ports)
            }
        ),
        (end(), comparison(), port()).prop_map(|(end, comparison, port)| {
            Predicate::Port(end, comparison, vec![PortTest::Range(port, port)])
        }),
    ]
}

fn states() -> impl Strategy<Value = StateSet> {
    let all: Vec<State> = TCP_STATES.into_iter().chain([State::Bound]).collect();
    let some = prop::sample::subsequence(all, 1..4).prop_map(StateSet::from_iter);
    (some, any::<bool>())
        .prop_map(|(set, without)| if without { StateSet::ALL.without(set) } else { set })
}

fn number_test() -> impl Strategy<Value = Predicate> {
    let quantity = prop_oneof![
        Just((Quantity::RecvQueue, 1)),
        Just((Quantity::SendQueue, 1)),
        Just((Quantity::AcceptQueue, 1)),
        Just((Quantity::Drops, 1)),
        Just((Quantity::Age, 1000)),
        Just((Quantity::Retransmits, 1)),
        Just((Quantity::RoundTrip, 1)),
    ];
    let number = prop_oneof![0u64..5, Just(59_000u64), Just(1 << 20)];
    prop_oneof![
        6 => (quantity, comparison(), number).prop_map(|((quantity, factor), comparison, n)| {
            Predicate::Number(quantity, comparison, Amount::Number(n * factor))
        }),
        1 => comparison()
            .prop_map(|c| Predicate::Number(Quantity::AcceptQueue, c, Amount::Limit)),
    ]
}

/// Tests that need no resolver.
fn plain_test() -> impl Strategy<Value = Predicate> {
    let timer = prop_oneof![
        Just(None),
        Just(Some(TimerKind::Retransmit)),
        Just(Some(TimerKind::TimeWait)),
        Just(Some(TimerKind::DelayedAck)),
    ];
    let scope = prop::sample::select(AddressScope::NAMES.map(|(_, scope)| scope).to_vec());
    prop_oneof![
        3 => states().prop_map(Predicate::State),
        3 => (end(), net()).prop_map(|(end, net)| Predicate::Host(end, HostTest::Net(net))),
        1 => end().prop_map(|end| Predicate::Host(end, HostTest::Any)),
        1 => (end(), glob()).prop_map(|(end, glob)| Predicate::Host(end, HostTest::Unix(glob))),
        4 => port_test(),
        1 => (0u32..3).prop_map(|index| Predicate::Device(Device::Index(index))),
        1 => (0u32..4, prop_oneof![Just(u32::MAX), 0u32..4])
            .prop_map(|(value, mask)| Predicate::Mark { value, mask }),
        1 => (0u64..3).prop_map(|id| Predicate::Cgroup(Cgroup::Id(id))),
        1 => Just(Predicate::Cgroup(Cgroup::Below(name("/a")))),
        1 => Just(Predicate::Cgroup(Cgroup::Path(name("/a/b.service")))),
        1 => Just(Predicate::Autobound),
        1 => glob().prop_map(Predicate::Process),
        1 => (0u32..3).prop_map(Predicate::Pid),
        1 => (0u32..3).prop_map(|uid| Predicate::User(User::Uid(uid))),
        1 => (0u32..3).prop_map(Predicate::Inode),
        1 => (0u64..3).prop_map(Predicate::Cookie),
        3 => number_test(),
        1 => timer.prop_map(Predicate::Timer),
        1 => glob().prop_map(Predicate::Unit),
        1 => Just(Predicate::Unowned),
        1 => scope.prop_map(Predicate::Scope),
    ]
}

/// Tests with names.
fn named_test() -> impl Strategy<Value = Predicate> {
    let version = prop_oneof![Just(None), Just(Some(Version::V4)), Just(Some(Version::V6))];
    let host = prop_oneof![Just("web-1.example"), Just("any"), Just("10.1"), Just("sport")];
    let service = prop_oneof![Just("http"), Just("3com-tsmux"), Just("gt"), Just("9pfs")];
    prop_oneof![
        (end(), host, version).prop_map(|(end, host, version)| {
            Predicate::Host(end, HostTest::Name(name(host), version))
        }),
        (
            end(),
            prop::collection::vec(
                prop_oneof![service.prop_map(|s| PortTest::Service(name(s))), ports()],
                1..3
            )
        )
            .prop_map(|(end, ports)| Predicate::Port(end, Comparison::Eq, ports)),
        text().prop_map(|text| Predicate::Device(Device::Name(name(&text)))),
        text().prop_map(|text| Predicate::User(User::Name(name(&text)))),
        "[a-c =(*\\\\]{1,5}".prop_map(|t| Predicate::Cgroup(Cgroup::Path(name(&format!("/{t}"))))),
    ]
}

fn expr_of(test: BoxedStrategy<Predicate>) -> BoxedStrategy<Expr> {
    test.prop_map(Expr::Is)
        .prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
                inner.prop_map(Expr::negated),
            ]
        })
        .boxed()
}

/// Any expression.
pub(super) fn expr() -> BoxedStrategy<Expr> {
    expr_of(prop_oneof![3 => plain_test(), 1 => named_test()].boxed())
}

/// An expression without names.
pub(super) fn resolved_expr() -> BoxedStrategy<Expr> {
    expr_of(plain_test().boxed())
}
