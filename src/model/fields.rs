//! The one place that knows a field's name: what `--sort` understands.

use std::cmp::Ordering;

use super::address::Address;
use super::age::Age;
use super::owner::Owners;
use super::queues::Queues;
use super::row::Row;
use super::want::Extras;

/// A value to order rows by. Rows that lack it come last either way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A number, in the field's unit.
    Number(u64),
    /// An address, then a port.
    Place(Address, u16),
    /// Bytes of a name.
    Text(Vec<u8>),
}

/// One field of a row.
#[derive(Debug)]
pub struct Field {
    /// The name on the command line.
    pub name: &'static str,
    /// What it is, with its unit.
    pub help: &'static str,
    /// What the source must be asked for.
    pub needs: Extras,
    /// Whether the owners must be looked up.
    pub needs_owners: bool,
    value: fn(&Row<'_>, &Owners) -> Option<Value>,
}

const NOTHING: Extras =
    Extras { tcp_info: false, congestion: false, memory: false, unix_waiting: false };

const fn field(
    name: &'static str,
    help: &'static str,
    value: fn(&Row<'_>, &Owners) -> Option<Value>,
) -> Field {
    Field { name, help, needs: NOTHING, needs_owners: false, value }
}

/// Every field, in the order in which help lists them.
pub const FIELDS: &[Field] = &[
    field("proto", "protocol", |row, _| number(row.socket.table.proto as u64)),
    field("family", "address family", |row, _| number(row.socket.table.family as u64)),
    field("state", "state, by the kernel's number", |row, _| number(row.socket.state.number())),
    field("recvq", "receive queue in bytes; LISTEN: accept queue in connections", |row, _| {
        number(match Queues::of(row) {
            Queues::Bytes { recv, .. } => recv?,
            Queues::Accept(queue) => queue.len?,
        })
    }),
    field("sendq", "send queue in bytes; LISTEN: limit of the accept queue", |row, _| {
        number(match Queues::of(row) {
            Queues::Bytes { send, .. } => send?,
            Queues::Accept(queue) => queue.limit?,
        })
    }),
    field("local", "local address, then port", |row, _| {
        row.socket.local().map(|end| Value::Place(end.address, end.port))
    }),
    field("local-port", "local port", |row, _| number(row.socket.local()?.port)),
    field("remote", "remote address, then port", |row, _| {
        row.socket.remote().map(|end| Value::Place(end.address, end.port))
    }),
    field("remote-port", "remote port", |row, _| number(row.socket.remote()?.port)),
    field("uid", "user id", |row, _| number(row.socket.uid?)),
    field("inode", "inode", |row, _| number(row.socket.inode)),
    field("cookie", "socket cookie", |row, _| number(row.socket.cookie)),
    field("ifindex", "index of the bound device", |row, _| number(row.socket.ifindex)),
    field("timer", "time until the timer fires, in ms", |row, _| {
        number(row.socket.timer?.expires_ms)
    }),
    field("retrans", "retransmits or unanswered probes", |row, _| {
        number(row.socket.timer?.retransmits)
    }),
    Field {
        needs: Extras { tcp_info: true, ..NOTHING },
        ..field("age", "time in this state where it is known, in ms", |row, _| {
            Age::of(row).map(|age| Value::Number(age.min_ms))
        })
    },
    Field {
        needs: Extras { memory: true, ..NOTHING },
        ..field("drops", "packets dropped at the socket", |row, _| number(row.facts.drops()?))
    },
    Field {
        needs_owners: true,
        ..field("process", "name of the first process that holds it, then its id", |row, owners| {
            let holder = owners.of(row.socket.inode).first()?;
            let mut text = owners.comm(holder.pid).to_vec();
            text.extend(holder.pid.to_be_bytes());
            Some(Value::Text(text))
        })
    },
    field("path", "name of a unix socket", |row, _| {
        row.facts.unix_name().map(|name| Value::Text(name.bytes.to_vec()))
    }),
];

fn number(value: impl Into<u64>) -> Option<Value> {
    Some(Value::Number(value.into()))
}

impl Field {
    /// The field of a name; `-` and `_` are the same or may be left out.
    pub fn parse(name: &str) -> Option<&'static Self> {
        let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
        FIELDS.iter().find(|field| plain(field.name) == plain(name))
    }

    /// The field's value in a row; `None` where the row has none.
    pub fn value(&self, row: &Row<'_>, owners: &Owners) -> Option<Value> {
        (self.value)(row, owners)
    }
}

/// An order of rows: a field and a direction.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// What to compare.
    pub field: &'static Field,
    /// Largest first.
    pub descending: bool,
}

impl Order {
    /// Compares two values in this direction; absent ones come last.
    pub fn compare(&self, a: &Option<Value>, b: &Option<Value>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}
