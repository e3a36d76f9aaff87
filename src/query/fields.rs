//! The one place that knows a field's name: what `--sort` and `--columns`
//! understand.

use std::cmp::Ordering;
use std::fmt;

use crate::filter::{AddressScope, SocketEnd};
use crate::kernel::inet_diag::{MEMORY_FIELDS, MemoryField};
use crate::kernel::layout;
use crate::kernel::tcp_info;
use crate::model::address::Address;
use crate::model::age::Age;
use crate::model::escape::escaped;
use crate::model::human;
use crate::model::owner::{Holder, Owners};
use crate::model::queues::{EndOfFile, Queues};
use crate::model::row::Row;
use crate::model::socket::Timer;
use crate::model::standing::Standing;
use crate::model::state::State;
use crate::model::unit::unit_of;
use crate::model::vocabulary;
use crate::model::want::Extras;

use super::Lookups;

/// A field's value in a row. The order of two values is that of what they
/// mean, not of their text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldValue {
    /// A number in the field's unit.
    Number(u64),
    /// A number that is shown with hexadecimal digits.
    Hex(u64),
    /// A number and what it is divided by to be in the field's unit.
    Fraction(u64, u32),
    /// An address.
    Address(Address),
    /// An address, then a port.
    Place(Address, u16),
    /// A state, in the order of a connection's life.
    State(State),
    /// A timer, shown by its kind; of a kind, the one that fires first.
    Timer(Timer),
    /// The holders of the socket, ordered by the first of them.
    Holders(Holders),
    /// Text, escaped.
    Text(String),
}

/// The processes that hold a socket.
#[derive(Clone, Debug)]
pub struct Holders {
    /// Escaped command name and id of the first.
    first: (String, u32),
    /// All of them, as text.
    all: String,
}

impl Holders {
    /// Returns the processes that hold `inode`; `None` for nobody.
    fn of(inode: u32, owners: &Owners) -> Option<Self> {
        let holders = owners.of(inode);
        let comm = |holder: &Holder| escaped(owners.comm(holder.pid));
        let one = |holder: &Holder| format!("{}[{}]:{}", comm(holder), holder.pid, holder.fd);
        let first = holders.first().map(|first| (comm(first), first.pid))?;
        let all: Vec<String> = holders.iter().map(one).collect();
        Some(Self { first, all: all.join(",") })
    }
}

impl PartialEq for Holders {
    fn eq(&self, other: &Self) -> bool {
        self.first == other.first
    }
}

impl Eq for Holders {}

impl PartialOrd for Holders {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Holders {
    /// Compares by the first process: sockets of one process are equal here, and
    /// so keep the kernel's order.
    fn cmp(&self, other: &Self) -> Ordering {
        self.first.cmp(&other.first)
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => n.fmt(f),
            Self::Hex(n) => write!(f, "{n:#x}"),
            Self::Fraction(n, by) if n.is_multiple_of((*by).into()) => (n / u64::from(*by)).fmt(f),
            Self::Fraction(n, by) => (*n as f64 / f64::from(*by)).fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::State(state) => state.fmt(f),
            Self::Timer(timer) => timer.kind.name().fmt(f),
            Self::Holders(holders) => holders.all.fmt(f),
            Self::Place(address, port) => std::net::SocketAddr::new(address.to_ip(), *port).fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// The facts that a field needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Nothing beyond the row.
    Nothing,
    TcpInfo,
    Congestion,
    Memory,
    Tos,
    Owners,
    UnixNames,
    Cgroups,
    Users,
    /// The row of sock_diag.
    Diag,
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things: segments, retransmits, connections.
    Count,
    /// Bytes.
    Bytes,
    /// Bytes in a second.
    BytesPerSecond,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

impl Unit {
    fn shown(self, n: u64) -> String {
        match self {
            // What the kernel writes for "no limit" is no number of anything.
            _ if n == u64::MAX => "-".to_owned(),
            Self::Count => human::count(n),
            Self::Bytes => human::bytes(n),
            Self::BytesPerSecond => format!("{}/s", human::bytes(n)),
            Self::Milliseconds => human::duration(n),
            Self::Microseconds => human::Microseconds(n).to_string(),
        }
    }

    /// Returns the unit that a name ends with, as those of the kernel's numbers
    /// do.
    fn of_name(name: &str) -> Self {
        let units = [
            ("_bytes_per_s", Self::BytesPerSecond),
            ("_bytes", Self::Bytes),
            ("_ms", Self::Milliseconds),
            ("_us", Self::Microseconds),
        ];
        units.iter().find(|(end, _)| name.ends_with(end)).map_or(Self::Count, |(_, unit)| *unit)
    }
}

/// The kind of a field, for those who show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldForm {
    /// The protocol.
    Proto,
    /// The state.
    State,
    /// Unread bytes; of a listener its accept queue.
    RecvQueue,
    /// Unsent bytes; of a listener the limit of its accept queue.
    SendQueue,
    /// An end of the socket: address and port, or a path.
    End(SocketEnd),
    /// The time in the state.
    Age,
    /// The processes that hold it.
    Process,
    /// A name that may be long.
    Name,
    /// A word.
    Word,
    /// A number that only tells things apart.
    Id,
    /// A number of something.
    Amount(Unit),
}

/// A field of our own making.
#[derive(Debug)]
pub struct Basic {
    name: &'static str,
    help: &'static str,
    need: Need,
    form: FieldForm,
    value: fn(&Row<'_>, &Lookups) -> Option<FieldValue>,
}

/// One field of a row.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// One of our own making.
    Basic(&'static Basic),
    /// A number of `struct tcp_info`.
    TcpInfo(&'static layout::LayoutField),
    /// A number of socket memory.
    Memory(&'static MemoryField),
}

const fn basic(
    name: &'static str,
    need: Need,
    form: FieldForm,
    help: &'static str,
    value: fn(&Row<'_>, &Lookups) -> Option<FieldValue>,
) -> Basic {
    Basic { name, help, need, form, value }
}

/// Every field of our own making, in the order in which help lists them.
const BASICS: &[Basic] = &[
    basic("proto", Need::Nothing, FieldForm::Proto, "protocol", |row, _| {
        text(row.socket.table.proto.name())
    }),
    basic("family", Need::Nothing, FieldForm::Word, "address family", |row, _| {
        text(row.socket.table.family.name())
    }),
    basic(
        "type",
        Need::Nothing,
        FieldForm::Word,
        "type of a unix, packet or vsock socket",
        |row, _| Some(FieldValue::Text(row.socket.kind()?.name())),
    ),
    basic("state", Need::Nothing, FieldForm::State, "state", |row, _| {
        Some(FieldValue::State(row.socket.state))
    }),
    basic(
        "recvq",
        Need::Nothing,
        FieldForm::RecvQueue,
        "receive queue, bytes; LISTEN: connections",
        |row, _| {
            number(match Queues::of(row) {
                Queues::Bytes { recv, .. } => recv?,
                Queues::Accept(queue) => queue.len?,
            })
        },
    ),
    basic(
        "sendq",
        Need::Nothing,
        FieldForm::SendQueue,
        "send queue, bytes; LISTEN: limit of the accept queue",
        |row, _| {
            number(match Queues::of(row) {
                Queues::Bytes { send, .. } => send?,
                Queues::Accept(queue) => queue.limit?,
            })
        },
    ),
    basic(
        "queue",
        Need::Nothing,
        FieldForm::Amount(Unit::Count),
        "LISTEN: connections that wait in the accept queue",
        |row, _| match Queues::of(row) {
            Queues::Accept(queue) => number(queue.len?),
            Queues::Bytes { .. } => None,
        },
    ),
    basic(
        "eof",
        Need::Nothing,
        FieldForm::Word,
        "CLOSE_WAIT: read, unread, data_unread",
        |row, _| text(EndOfFile::of(row)?.name()),
    ),
    basic(
        "local",
        Need::Nothing,
        FieldForm::End(SocketEnd::Local),
        "local end as in the usual columns: address, %device and port; or path",
        |row, _| match row.socket.local() {
            Some(end) => Some(FieldValue::Place(end.address, end.port)),
            None => own_name(row),
        },
    ),
    basic(
        "local-addr",
        Need::Nothing,
        FieldForm::Word,
        "local address, without device and ::ffff:",
        |row, _| Some(FieldValue::Address(row.socket.local()?.address)),
    ),
    basic("local-port", Need::Nothing, FieldForm::Id, "local port", |row, _| {
        number(row.socket.local()?.port)
    }),
    basic(
        "remote",
        Need::UnixNames,
        FieldForm::End(SocketEnd::Remote),
        "remote end, written likewise",
        |row, known| match row.socket.remote() {
            Some(end) => Some(FieldValue::Place(end.address, end.port)),
            None => peer_name(row, known),
        },
    ),
    basic(
        "remote-addr",
        Need::Nothing,
        FieldForm::Word,
        "remote address, without ::ffff:",
        |row, _| Some(FieldValue::Address(row.socket.remote()?.address)),
    ),
    basic("remote-port", Need::Nothing, FieldForm::Id, "remote port", |row, _| {
        number(row.socket.remote()?.port)
    }),
    basic(
        "scope",
        Need::Nothing,
        FieldForm::Word,
        "of the local address: loopback, private, public, any",
        |row, _| {
            let address = row.socket.local()?.address;
            text(AddressScope::of(row.socket.table.family, &address).name())
        },
    ),
    basic(
        "path",
        Need::Nothing,
        FieldForm::Name,
        "name of a unix socket, @name when abstract",
        |row, _| own_name(row),
    ),
    basic(
        "peer-inode",
        Need::Nothing,
        FieldForm::Id,
        "inode of the unix socket at the other end",
        |row, _| number(row.facts.peer_inode()?),
    ),
    basic(
        "peer-path",
        Need::UnixNames,
        FieldForm::Name,
        "name of the unix socket at the other end",
        peer_name,
    ),
    basic(
        "age",
        Need::TcpInfo,
        FieldForm::Age,
        "time in this state where one look proves it, ms",
        |row, _| Age::of(row).map(|age| FieldValue::Number(age.min_ms)),
    ),
    basic("timer", Need::Nothing, FieldForm::Word, "name of the running timer", |row, _| {
        row.socket.timer.map(FieldValue::Timer)
    }),
    basic(
        "expires",
        Need::Nothing,
        FieldForm::Amount(Unit::Milliseconds),
        "time until the timer fires, ms",
        |row, _| number(row.socket.timer?.expires_ms),
    ),
    basic(
        "retrans",
        Need::Nothing,
        FieldForm::Amount(Unit::Count),
        "retransmits or unanswered probes",
        |row, _| number(row.socket.timer?.retransmits),
    ),
    basic("uid", Need::Nothing, FieldForm::Id, "user id", |row, _| number(row.socket.uid?)),
    basic("user", Need::Users, FieldForm::Word, "user name", |row, known| {
        Some(FieldValue::Text(escaped(known.user(row)?.as_bytes())))
    }),
    basic("inode", Need::Nothing, FieldForm::Id, "inode, 0 without a descriptor", |row, _| {
        number(row.socket.inode)
    }),
    basic("cookie", Need::Diag, FieldForm::Id, "the kernel's id of the socket", |row, _| {
        let cookie = row.socket.cookie;
        (cookie != 0).then_some(FieldValue::Hex(cookie))
    }),
    basic(
        "standing",
        Need::Nothing,
        FieldForm::Word,
        "descriptor, request, unaccepted, orphan, minisocket, kernel",
        |row, _| text(Standing::of(row).name()),
    ),
    basic(
        "ifindex",
        Need::Diag,
        FieldForm::Id,
        "index of the bound device, 0 for none",
        |row, _| number(row.socket.ifindex),
    ),
    basic(
        "pid",
        Need::Owners,
        FieldForm::Id,
        "id of the first process that holds it",
        |row, known| number(known.owners.of(row.socket.inode).first()?.pid),
    ),
    basic(
        "comm",
        Need::Owners,
        FieldForm::Word,
        "name of the first process that holds it",
        |row, known| {
            let holder = known.owners.of(row.socket.inode).first()?;
            Some(FieldValue::Text(escaped(known.owners.comm(holder.pid))))
        },
    ),
    basic(
        "process",
        Need::Owners,
        FieldForm::Process,
        "every process that holds it",
        |row, known| Holders::of(row.socket.inode, &known.owners).map(FieldValue::Holders),
    ),
    basic("cgroup", Need::Cgroups, FieldForm::Name, "path of its cgroup", |row, known| {
        Some(FieldValue::Text(escaped(known.cgroup(row)?.as_bytes())))
    }),
    basic("unit", Need::Cgroups, FieldForm::Name, "systemd unit of its cgroup", |row, known| {
        Some(FieldValue::Text(escaped(unit_of(known.cgroup(row)?)?.as_bytes())))
    }),
    basic("mark", Need::Diag, FieldForm::Id, "firewall mark; needs CAP_NET_ADMIN", |row, _| {
        number(row.facts.mark()?)
    }),
    basic("tos", Need::Tos, FieldForm::Id, "type of service", |row, _| number(row.facts.tos()?)),
    basic("tclass", Need::Tos, FieldForm::Id, "traffic class", |row, _| {
        number(row.facts.traffic_class()?)
    }),
    basic(
        "congestion",
        Need::Congestion,
        FieldForm::Word,
        "name of the congestion control",
        |row, _| text(row.facts.congestion()?),
    ),
];

fn number(value: impl Into<u64>) -> Option<FieldValue> {
    Some(FieldValue::Number(value.into()))
}

fn text(value: &str) -> Option<FieldValue> {
    Some(FieldValue::Text(value.to_owned()))
}

fn own_name(row: &Row<'_>) -> Option<FieldValue> {
    let name = row.facts.unix_name()?;
    unix_name(name.is_abstract, name.bytes)
}

fn peer_name(row: &Row<'_>, known: &Lookups) -> Option<FieldValue> {
    let name = known.peer_name(row)?;
    unix_name(name.is_abstract, &name.bytes)
}

fn unix_name(is_abstract: bool, name: &[u8]) -> Option<FieldValue> {
    let mark = if is_abstract { "@" } else { "" };
    Some(FieldValue::Text(format!("{mark}{}", escaped(name))))
}

impl Field {
    /// Returns every field, in the order in which help lists them.
    pub fn all() -> impl Iterator<Item = Self> {
        let basics = BASICS.iter().map(Self::Basic);
        let info = tcp_info::FIELDS.iter().map(Self::TcpInfo);
        basics.chain(info).chain(MEMORY_FIELDS.iter().map(Self::Memory))
    }

    /// Finds the field of a name, or of the word by which the filter tests it;
    /// `-` and `_` are the same or may be left out.
    pub fn parse(name: &str) -> Option<Self> {
        let named = |name: &str| Self::all().find(|field| vocabulary::same(field.name(), name));
        named(name).or_else(|| named(vocabulary::field_of(name)?))
    }

    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic(basic) => basic.name,
            Self::TcpInfo(field) => field.name,
            Self::Memory(field) => field.name,
        }
    }

    /// Returns its help: what it is, with its unit.
    pub fn help(self) -> &'static str {
        match self {
            Self::Basic(basic) => basic.help,
            Self::TcpInfo(field) => field.means,
            Self::Memory(field) => field.means,
        }
    }

    /// Returns the word by which the filter tests it, where its own name is none.
    pub fn test_word(self) -> Option<&'static str> {
        vocabulary::test_of(self.name())
    }

    /// Returns its kind.
    pub fn form(self) -> FieldForm {
        match self {
            Self::Basic(basic) => basic.form,
            Self::TcpInfo(field) => FieldForm::Amount(Unit::of_name(field.name)),
            Self::Memory(field) => FieldForm::Amount(Unit::of_name(field.name)),
        }
    }

    /// Returns a value of it for people: with its unit, thousands set apart. Its
    /// own text ([`FieldValue`]) is the bare number, for other programs.
    pub fn shown(self, value: &FieldValue) -> String {
        let number = match value {
            FieldValue::Number(n) => Some(*n),
            FieldValue::Fraction(n, by) => Some(n / u64::from(*by)),
            _ => None,
        };
        match (self.form(), number) {
            (FieldForm::RecvQueue | FieldForm::SendQueue, Some(n)) => human::count(n),
            (FieldForm::Amount(unit), Some(n)) => unit.shown(n),
            _ => value.to_string(),
        }
    }

    fn need(self) -> Need {
        match self {
            Self::Basic(basic) => basic.need,
            Self::TcpInfo(_) => Need::TcpInfo,
            Self::Memory(_) => Need::Memory,
        }
    }

    /// Returns the facts that the source must be asked for.
    pub fn extras(self) -> Extras {
        let need = self.need();
        Extras {
            tcp_info: need == Need::TcpInfo,
            congestion: need == Need::Congestion,
            tos: need == Need::Tos,
            memory: need == Need::Memory,
        }
    }

    /// Tells whether the owners must be looked up.
    pub fn needs_owners(self) -> bool {
        self.need() == Need::Owners
    }

    /// Tells whether names of unix sockets must be looked up.
    pub fn needs_unix_names(self) -> bool {
        self.need() == Need::UnixNames
    }

    /// Tells whether cgroup paths must be looked up.
    pub fn needs_cgroups(self) -> bool {
        self.need() == Need::Cgroups
    }

    /// Tells whether no file in /proc has what it needs.
    pub fn needs_diag(self) -> bool {
        matches!(self.need(), Need::Diag | Need::Cgroups | Need::Memory | Need::Tos)
    }

    /// Tells whether user names must be looked up.
    pub fn needs_users(self) -> bool {
        self.need() == Need::Users
    }

    /// Returns the field's value in a row; `None` where the row has none.
    pub fn value(self, row: &Row<'_>, known: &Lookups) -> Option<FieldValue> {
        match self {
            Self::Basic(basic) => (basic.value)(row, known),
            // A source without socket memory may still know the drops.
            Self::Memory(field) if field.name == "drops" => number(row.facts.drops()?),
            Self::Memory(field) => number(row.facts.memory()?.get(field)?),
            Self::TcpInfo(field) => {
                let stored = row.tcp_info()?.get(field)?;
                Some(match field.divisor {
                    1 => FieldValue::Number(stored),
                    divisor => FieldValue::Fraction(stored, divisor),
                })
            }
        }
    }
}

/// An order of rows: a field and a direction.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The field to compare.
    pub field: Field,
    /// Largest first.
    pub descending: bool,
}

impl Order {
    /// Compares two values in this direction; absent ones come last.
    pub fn compare(&self, a: &Option<FieldValue>, b: &Option<FieldValue>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::TimerKind;

    #[test]
    fn names_are_unique_and_found_in_any_spelling() {
        let mut names: Vec<String> =
            Field::all().map(|field| field.name().replace(['-', '_'], "")).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for spelling in ["recvq", "recv-q", "RECV_Q"] {
            assert_eq!(Field::parse(spelling).map(Field::name), Some("recvq"));
        }
        for (spelling, name) in [("rtt-us", "rtt_us"), ("rtt", "rtt_us"), ("SPORT", "local-port")] {
            assert_eq!(Field::parse(spelling).map(Field::name), Some(name));
        }
        assert!(Field::parse("banana").is_none());
    }

    /// All but the two that are no number, name or place of a socket.
    #[test]
    fn every_word_of_the_filter_is_a_field() {
        let error = crate::filter::parse("banana").expect_err("no test");
        let (_, words) = error.expected.split_once(": ").expect("a list");
        for word in words.split(", ").filter(|word| !matches!(*word, "exclude" | "autobound")) {
            assert!(Field::parse(word).is_some(), "{word}");
        }
        for field in ["local", "remote-addr", "local_port", "mark", "rttus", "comm", "uid"] {
            assert!(Field::parse(field).is_some(), "{field}");
        }
    }

    #[test]
    fn every_field_says_in_words_of_its_own_what_it_is_with_its_unit() {
        let mut texts: Vec<&str> = Field::all().map(Field::help).collect();
        let count = texts.len();
        assert!(texts.iter().all(|text| !text.is_empty()));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), count);
        for field in Field::all() {
            let unit = match field.form() {
                FieldForm::Amount(Unit::Microseconds) => "microseconds",
                FieldForm::Amount(Unit::Milliseconds) => "ms",
                FieldForm::Amount(Unit::Bytes | Unit::BytesPerSecond) => "bytes",
                _ => continue,
            };
            let elsewhere = field.name().starts_with("max_pacing_rate");
            assert!(field.help().contains(unit) || elsewhere, "{}", field.name());
        }
    }

    #[test]
    fn a_value_is_shown_with_its_unit() {
        let shown = |name, value| Field::parse(name).expect("a field").shown(&value);
        assert_eq!(shown("recvq", FieldValue::Number(65_160)), "65,160");
        assert_eq!(shown("sport", FieldValue::Number(65_160)), "65160");
        assert_eq!(shown("rtt", FieldValue::Number(3_249)), "3.2ms");
        assert_eq!(shown("rto_ms", FieldValue::Fraction(204_000, 1000)), "204ms");
        assert_eq!(shown("sndbuf_bytes", FieldValue::Number(87_040)), "85.0 KiB");
        assert_eq!(shown("max_pacing_rate_bytes_per_s", FieldValue::Number(u64::MAX)), "-");
    }

    /// None of these is the order of the texts.
    #[test]
    fn values_are_ordered_by_what_they_mean() {
        let timer =
            |kind, expires_ms| FieldValue::Timer(Timer { kind, expires_ms, retransmits: 0 });
        let address = |octet| FieldValue::Address(Address::v4([10, 0, 0, octet]));
        let holders = |comm: &str, pid, fd| {
            let all = format!("{comm}[{pid}]:{fd}");
            FieldValue::Holders(Holders { first: (comm.to_owned(), pid), all })
        };
        let ascending = [
            vec![FieldValue::State(State::Listen), FieldValue::State(State::Established)],
            vec![FieldValue::State(State::Established), FieldValue::State(State::CloseWait)],
            vec![timer(TimerKind::Retransmit, 200), timer(TimerKind::Retransmit, 1_000)],
            vec![timer(TimerKind::Retransmit, 1_000), timer(TimerKind::Keepalive, 1)],
            vec![address(9), address(10)],
            vec![FieldValue::Hex(0x9), FieldValue::Hex(0x10)],
            vec![holders("nginx", 9, 3), holders("nginx", 10, 3), holders("sshd", 1, 3)],
        ];
        for values in ascending {
            assert!(values.is_sorted_by(|a, b| a < b), "{values:?}");
        }
        let (one, other) = (holders("nginx", 9, 11), holders("nginx", 9, 7));
        assert_eq!(one.cmp(&other), Ordering::Equal, "the kernel's order stays");
        assert_eq!(one.to_string(), "nginx[9]:11");
        assert_eq!(timer(TimerKind::TimeWait, 1).to_string(), "timewait");
    }

    #[test]
    fn absent_values_come_last_either_way() {
        let field = Field::parse("recvq").expect("a field");
        let (one, two) = (number(1u32), number(2u32));
        for descending in [false, true] {
            let order = Order { field, descending };
            assert_eq!(order.compare(&one, &None), Ordering::Less);
            assert_eq!(order.compare(&None, &one), Ordering::Greater);
            let expected = if descending { Ordering::Greater } else { Ordering::Less };
            assert_eq!(order.compare(&one, &two), expected);
        }
    }
}
