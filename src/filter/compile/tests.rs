//! The split is sound: kernel part and remainder together select what the
//! expression selects.

use proptest::prelude::*;

use crate::filter::arbitrary::{port, resolved_expr, v4, v6};
use crate::filter::{
    Bytecode, Expr, Lookup, PlanTarget, TablePlan, TestedRow, compile, matches, parse,
};
use crate::kernel::inet_diag::{InetMessage, MESSAGE_LEN, attribute};
use crate::kernel::request::{AF_INET, AF_INET6};
use crate::kernel::unix_diag::UnixMessage;
use crate::model::facts::Facts;
use crate::model::owner::{Holder, Owners};
use crate::model::proto::{Family, Proto, TableId};
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::testing::bytecode::{Entry, audit, run};

/// What the kernel has of a socket, and the row it would send.
#[derive(Clone, Debug)]
struct Sample {
    entry: Entry,
    proto: Proto,
    payload: Vec<u8>,
}

impl Sample {
    fn row(&self) -> Row<'_> {
        if self.proto == Proto::Unix {
            let message = UnixMessage::parse(&self.payload).expect("long enough");
            let facts = Facts::Unix(message.attributes);
            return Row { socket: Socket::from_unix_diag(&message), facts };
        }
        let message = InetMessage::parse(&self.payload).expect("long enough");
        let facts = Facts::Inet(message.attributes);
        Row { socket: Socket::from_inet_diag(&message, self.proto), facts }
    }
}

fn push_attribute(payload: &mut Vec<u8>, kind: u16, bytes: &[u8]) {
    payload.extend((4 + bytes.len() as u16).to_ne_bytes());
    payload.extend(kind.to_ne_bytes());
    payload.extend(bytes);
    payload.resize(payload.len().next_multiple_of(4), 0);
}

/// The numbers of a row that no program sees.
#[derive(Clone, Debug)]
struct Rest {
    state: u8,
    timer: u8,
    retransmits: u8,
    queues: [u32; 2],
    ids: [u32; 3],
    info: Option<[u32; 3]>,
    drops: Option<u32>,
}

fn rest() -> impl Strategy<Value = Rest> {
    let number = || prop_oneof![0u32..4, Just(59_000u32)];
    (
        prop_oneof![1u8..=11, Just(10), Just(12)],
        0u8..6,
        0u8..4,
        [number(), number()],
        [0u32..3, 0u32..3, 0u32..3],
        prop::option::of([number(), number(), number()]),
        prop::option::of(number()),
    )
        .prop_map(|(state, timer, retransmits, queues, ids, info, drops)| Rest {
            state,
            timer,
            retransmits,
            queues,
            ids,
            info,
            drops,
        })
}

fn v4_bytes(octets: [u8; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&octets);
    bytes
}

fn entry() -> impl Strategy<Value = Entry> {
    let ends = prop_oneof![
        (v4(), v4()).prop_map(|(a, b)| (AF_INET, v4_bytes(a), v4_bytes(b))),
        (v6(), v6()).prop_map(|(a, b)| (AF_INET6, a, b)),
    ];
    (ends, port(), port(), 0u32..3, 0u32..4, 0u64..3, any::<bool>()).prop_map(
        |((family, local, remote), local_port, remote_port, device, mark, cgroup, bound)| Entry {
            family,
            local,
            remote,
            local_port,
            remote_port,
            device,
            bound,
            mark,
            cgroup,
        },
    )
}

/// An inet row, laid out as `inet_sk_diag_fill` and its like lay it out.
fn inet_sample() -> impl Strategy<Value = Sample> {
    let proto = prop_oneof![4 => Just(Proto::Tcp), 1 => Just(Proto::Udp), 1 => Just(Proto::Raw)];
    (proto, entry(), rest(), any::<bool>()).prop_map(|(proto, mut entry, rest, full)| {
        let full = full || proto != Proto::Tcp;
        if !full {
            entry.cgroup = 0;
            entry.bound = false;
        }
        let mut payload = vec![entry.family, rest.state, rest.timer, rest.retransmits];
        payload.extend(entry.local_port.to_be_bytes());
        payload.extend(entry.remote_port.to_be_bytes());
        payload.extend(entry.local);
        payload.extend(entry.remote);
        let [uid, inode, cookie] = rest.ids;
        let words =
            [entry.device, cookie, 0, rest.queues[1], rest.queues[0], rest.queues[1], uid, inode];
        payload.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        assert_eq!(payload.len(), MESSAGE_LEN);
        push_attribute(&mut payload, attribute::MARK, &entry.mark.to_ne_bytes());
        if full {
            push_attribute(&mut payload, attribute::SHUTDOWN, &[0]);
            push_attribute(&mut payload, attribute::CGROUP_ID, &entry.cgroup.to_ne_bytes());
            if let Some(info) = rest.info {
                let mut bytes = [0; 232];
                for (at, number) in [52, 56, 68].into_iter().zip(info) {
                    bytes[at..at + 4].copy_from_slice(&number.to_ne_bytes());
                }
                push_attribute(&mut payload, attribute::INFO, &bytes);
            }
            if let Some(drops) = rest.drops {
                let mut bytes = vec![0; 32];
                bytes.extend(drops.to_ne_bytes());
                push_attribute(&mut payload, attribute::SKMEMINFO, &bytes);
            }
        }
        Sample { entry, proto, payload }
    })
}

fn unix_sample() -> impl Strategy<Value = Sample> {
    let name = prop_oneof![
        Just(None),
        Just(Some(b"/run/a*".to_vec())),
        Just(Some(b"\x00ab0f1".to_vec())),
        Just(Some(vec![b'a'])),
    ];
    (prop_oneof![Just(1u8), Just(7), Just(10)], 0u32..3, name, 0u32..3).prop_map(
        |(state, inode, name, queue)| {
            let mut payload = vec![1, 1, state, 0];
            payload.extend(inode.to_ne_bytes());
            payload.extend([0; 8]);
            if let Some(name) = name {
                push_attribute(&mut payload, 0, &name);
            }
            push_attribute(&mut payload, 2, &inode.to_ne_bytes());
            push_attribute(&mut payload, 4, &[queue.to_ne_bytes(), 1u32.to_ne_bytes()].concat());
            Sample { entry: Entry::default(), proto: Proto::Unix, payload }
        },
    )
}

struct World;

impl Lookup for World {
    fn cgroup_path(&self, id: u64) -> Option<&str> {
        match id {
            0 => Some("/"),
            1 => Some("/a/b.service"),
            _ => None,
        }
    }

    fn unix_name(&self, inode: u32) -> Option<&str> {
        (inode == 1).then_some("/run/a*")
    }
}

fn owners(hidden: bool) -> Owners {
    let mut owners = Owners::default();
    owners.hidden_processes = u64::from(hidden);
    owners.add(1, Holder { pid: 1, fd: 3 });
    owners.add(1, Holder { pid: 2, fd: 3 });
    owners.name_process(1, *b"a");
    owners
}

/// Whether a row gets through everything the plan says.
fn selected(
    plan: &TablePlan,
    target: &PlanTarget,
    sample: &Sample,
    subject: &TestedRow<'_>,
) -> bool {
    let socket = &subject.row.socket;
    let port = socket.local().map(|local| local.port);
    let program = plan.program.as_ref().is_none_or(|program| {
        assert_eq!(audit(program, target.net_admin), Ok(()));
        run(program, &sample.entry)
    });
    !plan.never
        && plan.states.contains(socket.state)
        && plan.local_port.is_none_or(|wanted| port == Some(wanted))
        && program
        && plan.remainder.as_ref().is_none_or(|rest| matches(rest, subject) == Some(true))
}

fn bytecode() -> impl Strategy<Value = Bytecode> {
    prop_oneof![Just(Bytecode::None), Just(Bytecode::Full)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn kernel_part_and_remainder_select_what_the_expression_selects(
        expr in resolved_expr(),
        samples in prop::collection::vec(prop_oneof![4 => inet_sample(), 1 => unix_sample()], 1..12),
        bytecode in bytecode(),
        net_admin in any::<bool>(),
        range_known in any::<bool>(),
        hidden in any::<bool>(),
    ) {
        let owners = owners(hidden);
        for sample in &samples {
            let row = sample.row();
            let ephemeral = range_known.then_some((32768, 60999));
            let target = PlanTarget { table: row.socket.table, bytecode, net_admin, ephemeral };
            let subject = TestedRow {
                owners: Some(&owners),
                lookup: &World,
                ephemeral,
                marks_visible: net_admin,
                ..TestedRow::new(&row)
            };
            let plan = compile(&expr, &target);
            let here = matches(&expr, &subject) == Some(true);
            let split = selected(&plan, &target, sample, &subject);
            prop_assert_eq!(split, here, "{}\n{:?}\n{:?}", expr, plan, row);
        }
    }
}

fn plan_of(text: &str, table: TableId) -> TablePlan {
    let expr = parse(text).expect("parses").expect("not blank");
    let target = PlanTarget {
        table,
        bytecode: Bytecode::Full,
        net_admin: true,
        ephemeral: Some((32768, 60999)),
    };
    compile(&expr, &target)
}

const TCP: TableId = TableId { proto: Proto::Tcp, family: Family::Inet };
const TCP6: TableId = TableId { proto: Proto::Tcp, family: Family::Inet6 };
const UNIX: TableId = TableId { proto: Proto::Unix, family: Family::Unix };

fn remainder(plan: &TablePlan) -> String {
    plan.remainder.as_ref().map(Expr::to_string).unwrap_or_default()
}

#[test]
fn the_kernel_gets_all_it_can_decide() {
    // The expression, the local port, how many bytes of program, the remainder.
    let cases = [
        ("sport = 22", Some(22), 0, ""),
        ("sport = 0", None, 8, ""),
        ("sport = 22 dport 443", Some(22), 8, ""),
        ("sport 8000-8099", None, 16, ""),
        ("dst 10/8 or not dst 192.168/16", None, 40, ""),
        ("dst 10/8 and process x", None, 16, "process x"),
        ("dst 10/8 or process x", None, 0, "dst 10.0.0.0/8 or process x"),
        ("(dport 1 and process x) or dport 2", None, 20, "dport = 1 and process x or dport = 2"),
        ("not (dport 1 or process x)", None, 12, "not process x"),
        ("dev 3 fwmark 1/1 cgroup 5", None, 8 + 12 + 12, ""),
        ("not cgroup 5", None, 16, "not cgroup 5"),
        ("autobound", None, 16, ""),
        ("dst 0.0.0.0/0", None, 0, ""),
        ("src *", None, 0, ""),
    ];
    for (text, port, program, rest) in cases {
        let plan = plan_of(text, TCP);
        assert!(!plan.never, "{text}");
        assert_eq!(plan.local_port, port, "{text}");
        assert_eq!(plan.program.as_ref().map_or(0, Vec::len), program, "{text}");
        assert_eq!(remainder(&plan), rest, "{text}");
    }
}

#[test]
fn states_become_a_mask() {
    let listen = plan_of("state listen and queue >= limit", TCP);
    assert_eq!(listen.states, State::Listen.into());
    assert_eq!(remainder(&listen), "queue >= limit");
    // Only a listener has such a queue.
    assert_eq!(plan_of("queue > 3", TCP).states, State::Listen.into());
    let mixed = plan_of("state listen and sport 1 or state close-wait and sport 2", TCP);
    assert_eq!(mixed.states, [State::Listen, State::CloseWait].into_iter().collect());
    assert!(mixed.program.is_some() && mixed.remainder.is_some());
    let not = plan_of("not (state listen or state close)", TCP);
    assert!(!not.states.contains(State::Listen) && not.remainder.is_none());
}

#[test]
fn a_table_in_which_nothing_can_match_is_not_read() {
    for (text, tcp, tcp6, unix) in [
        ("src [::1]", true, false, true),
        ("src [::1] and src 127.0.0.1", true, false, true),
        ("sport 22", false, false, true),
        ("not sport 22", false, false, true),
        ("src unix:*", true, true, false),
        ("src unix:* or sport 22", false, false, false),
        ("state listen and state close", true, true, true),
        ("sport > 65535", true, true, true),
    ] {
        assert_eq!(plan_of(text, TCP).never, tcp, "{text} tcp");
        assert_eq!(plan_of(text, TCP6).never, tcp6, "{text} tcp6");
        assert_eq!(plan_of(text, UNIX).never, unix, "{text} unix");
    }
}

#[test]
fn a_program_that_is_too_large_loses_a_part_not_its_meaning() {
    let ports = (0..6000).map(|port| format!("dport {port}")).collect::<Vec<_>>().join(" or ");
    let plan = plan_of(&format!("({ports}) and dst 10/8"), TCP);
    assert!(plan.too_large);
    assert_eq!(plan.program.as_ref().map(Vec::len), Some(16));
    assert!(remainder(&plan).starts_with("dport = 0 or dport = 1 or"));
}

#[test]
fn marks_need_privilege_wherever_they_stand() {
    assert!(plan_of("fwmark 1", TCP).needs.net_admin);
    assert!(plan_of("fwmark 1 or process x", TCP).needs.net_admin);
    let plan = plan_of("age > 5m drops > 0 owner none unit x", TCP);
    let needs = plan.needs;
    assert!(needs.extras.tcp_info && needs.extras.memory && needs.owners && needs.cgroups);
    assert!(!needs.net_admin);
}
