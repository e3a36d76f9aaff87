//! The 100 expressions of tests/ss-cases on its synthetic socket table: the
//! rows `ss` selects, but for the differences listed here with their reasons.

use std::net::IpAddr;

use serde_json::Value;
use sockstate::testing::bytecode::{Entry, audit, run};
use sockstate::testing::filter::{
    Bytecode, Filter, PlanTarget, Resolver, TestedRow, compile, matches,
};
use sockstate::testing::kernel::inet_diag::InetMessage;
use sockstate::testing::model::facts::Facts;
use sockstate::testing::model::proto::Proto;
use sockstate::testing::model::row::Row;
use sockstate::testing::model::socket::Socket;

const DUMP: &[u8] = include_bytes!("../ss-cases/ss2.dump");
const CASES: &str = include_str!("../ss-cases/ss2_cases.json");
const EPHEMERAL: (u16, u16) = (32768, 60999);

/// Our answer where it is not the one of `ss`.
enum Ours {
    /// These rows.
    Rows(&'static [usize]),
    /// An error whose text contains this.
    Error(&'static str),
}

use Ours::{Error, Rows};

const BLIND: &str = "ss compares the first bits of an address whatever the family; live sockets \
                     it selects as we do, because there the kernel does it";
const PRECEDENCE: &str =
    "ss gives and and or the same precedence; its manual page says not, and, or";
const RANGE: &str =
    "there is no such port; ss cuts it to 16 bits in the kernel and not in its own test";
const SPACES: &str = "ss needs blanks around operators";
const BARE_V6: &str = "ss takes a prefix length inside the brackets only, and no bare IPv6 address";

/// IPv4 rows and the v4-mapped one.
const V4: &[usize] =
    &[0, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 28, 29];
/// Rows of IPv6 sockets, the v4-mapped one among them.
const V6: &[usize] = &[1, 2, 7, 8, 18, 27];
/// Rows with local address 10.0.0.1; 27 only looks so (a00:1::).
const TEN: &[usize] =
    &[4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26];

const DIFFERENCES: &[(&str, Ours, &str)] = &[
    ("src 10.0.0.1", Rows(TEN), BLIND),
    (
        "src 10.0.0.0/8",
        Rows(&[4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 29]),
        BLIND,
    ),
    (
        "src 10/8",
        Rows(&[4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 29]),
        BLIND,
    ),
    ("src [::/0]", Rows(V6), BLIND),
    ("dst 0.0.0.0", Rows(&[0, 3, 14]), BLIND),
    ("dst 0.0.0.0/0", Rows(V4), BLIND),
    ("dst [::]", Rows(&[1, 2]), BLIND),
    ("dst [::/0]", Rows(V6), BLIND),
    (
        "not dst 10.0.0.9",
        Rows(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 27, 28, 29]),
        BLIND,
    ),
    (
        "src 10.0.0.1 and not ( dport = 443 or dport = 22 )",
        Rows(&[4, 6, 8, 10, 11, 12, 13, 14, 19, 20, 21, 22, 23, 24, 25, 26]),
        BLIND,
    ),
    (
        "src inet6:[2001:db8::1] or src inet:10.0.0.1",
        Rows(&[4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26]),
        BLIND,
    ),
    ("sport = 22 or sport = 443 and dport = 51000", Rows(&[0, 1, 4, 6, 7]), PRECEDENCE),
    ("sport = 443 or sport = 22 dst 10.0.0.2", Rows(&[4, 7]), PRECEDENCE),
    ("sport = 22 || sport = 80 && dport = 1234", Rows(&[0, 1, 4, 6, 10]), PRECEDENCE),
    ("sport = 70000", Error("from 0 to 65535"), RANGE),
    ("sport < 70000", Error("from 0 to 65535"), RANGE),
    ("sport > 70000", Error("from 0 to 65535"), RANGE),
    ("src [::1]/128", Rows(&[]), BARE_V6),
    ("dst ::1", Rows(&[]), BARE_V6),
    ("sport=22", Rows(&[0, 1, 4, 6]), SPACES),
    (
        "!sport = 22",
        Rows(&[
            2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
            27, 28, 29,
        ]),
        SPACES,
    ),
    (
        "state established",
        Rows(&[4, 5, 6, 7, 8, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]),
        "ss asks the kernel for states and so has no way to apply them to a dump",
    ),
];

struct Record {
    entry: Entry,
    payload: &'static [u8],
}

impl Record {
    fn row(&self) -> Row<'static> {
        let message = InetMessage::parse(self.payload).expect("72 bytes");
        let socket = Socket::from_inet_diag(&message, Proto::Tcp);
        Row { socket, facts: Facts::Inet(message.attributes) }
    }
}

/// The rows of a dump: netlink messages one behind the other up to NLMSG_DONE.
fn sockets() -> Vec<Record> {
    const HEADER: usize = 16;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    let mut rest = DUMP;
    let mut rows = Vec::new();
    while let Some(header) = rest.first_chunk::<HEADER>() {
        let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        if u16::from_le_bytes([header[4], header[5]]) != SOCK_DIAG_BY_FAMILY {
            break;
        }
        let payload = &rest[HEADER..len];
        rest = &rest[len.next_multiple_of(4)..];
        let message = InetMessage::parse(payload).expect("72 bytes");
        let entry = Entry {
            family: message.family(),
            local: message.local(),
            remote: message.remote(),
            local_port: message.local_port(),
            remote_port: message.remote_port(),
            device: message.ifindex(),
            mark: Facts::Inet(message.attributes).mark().unwrap_or(0),
            ..Entry::default()
        };
        rows.push(Record { entry, payload });
    }
    assert_eq!(rows.len(), 30);
    rows
}

/// The names of the cases, so that no file of the machine decides the test.
struct Names;

impl Resolver for Names {
    fn host(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
        Err(format!("no host is called {name}"))
    }

    fn service(&mut self, name: &str) -> Result<Vec<u16>, String> {
        if name == "https" { Ok(vec![443]) } else { Err(format!("no service is called {name}")) }
    }

    fn user(&mut self, name: &str) -> Result<u32, String> {
        Err(format!("no user is called {name}"))
    }

    fn device(&mut self, name: &str) -> Result<u32, String> {
        if name == "lo" { Ok(1) } else { Err(format!("no device is called {name}")) }
    }

    fn cgroup(&mut self, path: &str) -> Result<u64, String> {
        Err(format!("no control group {path}"))
    }
}

/// The rows an expression selects, decided here and, as a check, with a
/// program on the model of the kernel.
fn select(expression: &str, sockets: &[Record]) -> Result<Vec<usize>, String> {
    let filter = Filter::parse(&[expression])
        .map_err(|error| error.to_string())?
        .ok_or("no expression")?
        .resolve(&mut Names)
        .map_err(|error| error.to_string())?;
    let mut selected = Vec::new();
    for (index, socket) in sockets.iter().enumerate() {
        let row = socket.row();
        let subject =
            TestedRow { ephemeral: Some(EPHEMERAL), marks_visible: true, ..TestedRow::new(&row) };
        let here = matches(&filter.expr, &subject) == Some(true);
        for bytecode in [Bytecode::None, Bytecode::Full] {
            let target = PlanTarget {
                table: row.socket.table,
                bytecode,
                net_admin: true,
                ephemeral: Some(EPHEMERAL),
            };
            let plan = compile(&filter.expr, &target);
            let port = row.socket.local().map(|local| local.port);
            let split = !plan.never
                && plan.states.contains(row.socket.state)
                && plan.local_port.is_none_or(|wanted| port == Some(wanted))
                && plan.program.as_ref().is_none_or(|program| {
                    assert_eq!(audit(program, true), Ok(()));
                    run(program, &socket.entry)
                })
                && plan.remainder.as_ref().is_none_or(|rest| matches(rest, &subject) == Some(true));
            assert_eq!(split, here, "{expression}, row {index}, {plan:?}");
        }
        if here {
            selected.push(index);
        }
    }
    Ok(selected)
}

#[test]
fn the_expressions_select_what_ss_selects_but_for_listed_differences() {
    let sockets = sockets();
    let cases: Vec<Value> = serde_json::from_str(CASES).expect("JSON");
    assert_eq!(cases.len(), 100);
    for (text, ..) in DIFFERENCES {
        assert!(cases.iter().any(|case| case["filter"] == *text), "no case {text}");
    }
    let mut wrong = Vec::new();
    for case in &cases {
        let expression = case["filter"].as_str().expect("a string");
        let rows = case["match"].as_array().expect("a list").iter();
        let rows: Vec<usize> = rows.map(|row| row.as_u64().expect("an index") as usize).collect();
        let ss_fails = case["rc"] != 0;
        let ours = select(expression, &sockets);
        let difference = DIFFERENCES.iter().find(|(text, ..)| *text == expression);
        let right = match (difference, &ours) {
            (Some((_, Rows(expected), _)), Ok(ours)) => {
                ours == expected && (ss_fails || *ours != rows)
            }
            (Some((_, Error(part), _)), Err(error)) => error.contains(part) && !ss_fails,
            (Some(_), _) => false,
            (None, Ok(ours)) => !ss_fails && *ours == rows,
            (None, Err(_)) => ss_fails,
        };
        if !right {
            wrong.push(format!("{expression}\n  ss: {rows:?}\n  we: {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
