//! Tells whether a row satisfies an expression: yes, no, or unknown.
//!
//! A test is unknown where the fact cannot be seen (another user's processes,
//! a mark without privilege, an age that nothing proves) and where the socket
//! has no such fact (the port of a unix socket, the queue of a socket that is
//! no listener, the cgroup of a TIME_WAIT remnant). `not` leaves it unknown
//! (Kleene's logic), and only a yes selects a row: so neither `age > 5m` nor
//! `not age > 5m` claims anything about a socket of unknown age.

use crate::model::address::Endpoint;
use crate::model::age::Age;
use crate::model::facts::{Facts, UnixName};
use crate::model::owner::Owners;
use crate::model::proto::Proto;
use crate::model::queues::Queues;
use crate::model::row::Row;
use crate::model::socket::Ends;
use crate::model::unit::unit_of;

use super::ast::{
    Amount, Cgroup, Device, Expr, HostTest, PortTest, Predicate, Quantity, SocketEnd, User,
};
use super::glob::{Case, Glob};
use super::token::Comparison;

#[cfg(test)]
mod tests;

/// Facts about a socket that lie outside its row.
pub trait Lookup {
    /// Returns the path of the control group of an id.
    fn cgroup_path(&self, id: u64) -> Option<&str>;
    /// Returns the name of the unix socket of an inode, as [`unix_text`] gives it.
    fn unix_name(&self, inode: u32) -> Option<&str>;
}

/// A row and what is known beside it.
#[derive(Clone, Copy)]
pub struct TestedRow<'a> {
    /// The row.
    pub row: &'a Row<'a>,
    /// The holders of inodes; `None` where nobody looked.
    pub owners: Option<&'a Owners>,
    /// Paths of control groups, names of peers.
    pub lookup: &'a dyn Lookup,
    /// `ip_local_port_range`; `None` where it could not be read.
    pub ephemeral: Option<(u16, u16)>,
    /// Tells whether the source shows marks (`CAP_NET_ADMIN`): then a row without one has 0.
    pub marks_visible: bool,
    /// The time in its state where more is known than the row proves.
    pub age: Option<Age>,
}

/// Whether `expr` holds; `None` where that is unknown.
pub fn matches(expr: &Expr, subject: &TestedRow<'_>) -> Option<bool> {
    match expr {
        Expr::And(parts) => combine(parts, subject, false),
        Expr::Or(parts) => combine(parts, subject, true),
        Expr::Not(inner) => matches(inner, subject).map(|holds| !holds),
        Expr::Is(predicate) => test(predicate, subject),
    }
}

/// Returns `decisive` as soon as one part is that; unknown where a part is and none is.
fn combine(parts: &[Expr], subject: &TestedRow<'_>, decisive: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match matches(part, subject) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!decisive)
}

fn test(predicate: &Predicate, subject: &TestedRow<'_>) -> Option<bool> {
    let row = subject.row;
    let socket = &row.socket;
    match predicate {
        Predicate::State(states) => Some(states.contains(socket.state)),
        Predicate::Host(end, host) => self::host(*end, host, subject),
        Predicate::Port(end, comparison, ports) => {
            self::ports(ports, *comparison, endpoint(row, *end)?.port)
        }
        Predicate::Device(Device::Index(wanted)) => Some(device(row)? == *wanted),
        Predicate::Mark { value, mask } => mark(subject, *value, *mask),
        Predicate::Cgroup(cgroup) => self::cgroup(cgroup, subject),
        Predicate::Autobound => autobound(subject),
        Predicate::Process(pattern) => {
            held_by(subject, |owners, pid| has_name(pattern, owners.comm(pid)))
        }
        Predicate::Pid(wanted) => held_by(subject, |_, pid| pid == *wanted),
        Predicate::User(User::Uid(wanted)) => Some(socket.uid? == *wanted),
        Predicate::Inode(wanted) => Some(socket.inode == *wanted),
        Predicate::Cookie(wanted) => (socket.cookie != 0).then_some(socket.cookie == *wanted),
        Predicate::Number(quantity, comparison, amount) => {
            let (low, high) = measure(*quantity, subject)?;
            compare(low, high, *comparison, limit(*amount, row)?)
        }
        Predicate::Timer(wanted) => Some(socket.timer.map(|timer| timer.kind) == *wanted),
        Predicate::Unit(pattern) => {
            let unit = unit_of(cgroup_path(subject)?);
            Some(unit.is_some_and(|unit| is_unit(pattern, unit)))
        }
        Predicate::Unowned => held_by(subject, |_, _| true).map(|held| !held),
        Predicate::Scope(scope) => {
            Some(scope.contains(socket.table.family, &socket.local()?.address))
        }
        // Names are resolved before anything is matched.
        Predicate::Device(Device::Name(_)) | Predicate::User(User::Name(_)) => None,
    }
}

fn endpoint(row: &Row<'_>, end: SocketEnd) -> Option<Endpoint> {
    match end {
        SocketEnd::Local => row.socket.local(),
        SocketEnd::Remote => row.socket.remote(),
    }
}

fn host(end: SocketEnd, host: &HostTest, subject: &TestedRow<'_>) -> Option<bool> {
    let row = subject.row;
    match host {
        HostTest::Any => Some(true),
        HostTest::Net(net) => {
            Some(net.contains(row.socket.table.family, &endpoint(row, end)?.address))
        }
        HostTest::Unix(pattern) => {
            if !matches!(row.socket.ends, Ends::Unix { .. }) {
                return None;
            }
            // ss folds case here too (FNM_CASEFOLD).
            Some(match end {
                SocketEnd::Local => {
                    let name = row.facts.unix_name().map(unix_text).unwrap_or_default();
                    pattern.matches(&name, Case::Ignored)
                }
                SocketEnd::Remote => {
                    let name = subject.lookup.unix_name(row.facts.peer_inode()?)?;
                    pattern.matches(name, Case::Ignored)
                }
            })
        }
        HostTest::Name(..) => None,
    }
}

/// Returns the name of a unix socket as patterns see it: `@` before an abstract one,
/// and in place of its NUL bytes.
pub fn unix_text(name: UnixName<'_>) -> String {
    let text = String::from_utf8_lossy(name.bytes);
    if name.is_abstract { format!("@{}", text.replace('\0', "@")) } else { text.into_owned() }
}

fn ports(ports: &[PortTest], comparison: Comparison, port: u16) -> Option<bool> {
    let inside = || {
        let mut known = true;
        for ports in ports {
            match ports {
                PortTest::Range(low, high) if (*low..=*high).contains(&port) => return Some(true),
                PortTest::Range(..) => {}
                PortTest::Service(_) => known = false,
            }
        }
        known.then_some(false)
    };
    match comparison {
        Comparison::Eq => inside(),
        Comparison::Ne => inside().map(|inside| !inside),
        _ => match ports {
            [PortTest::Range(low, high)] if low == high => {
                compare(port.into(), Some(port.into()), comparison, (*low).into())
            }
            _ => None,
        },
    }
}

/// Returns the device, where the source tells: `/proc` does not.
fn device(row: &Row<'_>) -> Option<u32> {
    let told = matches!(row.facts, Facts::Inet(_)) || row.socket.ifindex != 0;
    told.then_some(row.socket.ifindex)
}

fn mark(subject: &TestedRow<'_>, value: u32, mask: u32) -> Option<bool> {
    let facts = subject.row.facts;
    let absent = || (subject.marks_visible && matches!(facts, Facts::Inet(_))).then_some(0);
    let mark = facts.mark().or_else(absent)?;
    Some(mark & mask == value)
}

fn cgroup_path<'a>(subject: &TestedRow<'a>) -> Option<&'a str> {
    subject.lookup.cgroup_path(subject.row.facts.cgroup_id()?)
}

fn cgroup(cgroup: &Cgroup, subject: &TestedRow<'_>) -> Option<bool> {
    match cgroup {
        Cgroup::Id(wanted) => Some(subject.row.facts.cgroup_id()? == *wanted),
        Cgroup::Path(wanted) => Some(cgroup_path(subject)? == wanted.text),
        Cgroup::Below(top) => {
            let rest = cgroup_path(subject)?.strip_prefix(top.text.as_str());
            Some(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
        }
    }
}

/// Tells whether the kernel may have chosen the port. No row says so: this goes by its place in
/// the ephemeral range; for unix sockets by a name that `bind` made up
/// (`unix_autobind`: five hexadecimal digits).
fn autobound(subject: &TestedRow<'_>) -> Option<bool> {
    let row = subject.row;
    match row.socket.ends {
        Ends::Inet { local, .. } => {
            let (low, high) = subject.ephemeral?;
            Some((low..=high).contains(&local.port))
        }
        Ends::Unix { .. } => Some(row.facts.unix_name().is_none_or(|name| {
            name.is_abstract
                && name.bytes.len() == 5
                && name.bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })),
        // As in `ss`: port ids below zero, no binding at all, ports that need
        // no privilege.
        Ends::Netlink { port, .. } => Some(port > i32::MAX as u32),
        Ends::Packet { protocol, .. } => Some(protocol == 0 && row.socket.ifindex == 0),
        Ends::Vsock { local: (_, port), .. } => Some(port > 1023),
    }
}

/// Tells whether one of the holders is such. Unknown where none is visible and some
/// processes are hidden.
fn held_by(subject: &TestedRow<'_>, such: impl Fn(&Owners, u32) -> bool) -> Option<bool> {
    if subject.row.socket.inode == 0 {
        return Some(false);
    }
    let owners = subject.owners?;
    let holders = owners.of(subject.row.socket.inode);
    if holders.is_empty() && owners.hidden_processes > 0 {
        return None;
    }
    Some(holders.iter().any(|holder| such(owners, holder.pid)))
}

/// Compares a name of which the kernel keeps the first 15 bytes (`TASK_COMM_LEN`), so
/// a longer name is compared as far as it goes.
fn has_name(pattern: &Glob, comm: &[u8]) -> bool {
    const COMM_LEN: usize = 15;
    let shown = String::from_utf8_lossy(comm);
    match pattern.literal() {
        Some(name) if name.len() > COMM_LEN && comm.len() == COMM_LEN => {
            name.as_bytes().starts_with(comm)
        }
        _ => pattern.matches(&shown, Case::Sensitive),
    }
}

/// Tells whether a unit fits; `unit nginx` means `nginx.service`, as for systemctl.
fn is_unit(pattern: &Glob, unit: &str) -> bool {
    let short = unit.strip_suffix(".service");
    pattern.matches(unit, Case::Sensitive)
        || short.is_some_and(|short| pattern.matches(short, Case::Sensitive))
}

/// Bounds of a number; the upper one is `None` where nothing limits it.
fn measure(quantity: Quantity, subject: &TestedRow<'_>) -> Option<(u64, Option<u64>)> {
    let row = subject.row;
    let exact = |number: u64| Some((number, Some(number)));
    match (quantity, Queues::of(row)) {
        (Quantity::RecvQueue, Queues::Bytes { recv, .. }) => exact(recv?.into()),
        (Quantity::SendQueue, Queues::Bytes { send, .. }) => exact(send?.into()),
        (Quantity::AcceptQueue, Queues::Accept(queue)) => exact(queue.len?.into()),
        (Quantity::RecvQueue | Quantity::SendQueue | Quantity::AcceptQueue, _) => None,
        (Quantity::Drops, _) => exact(row.facts.drops()?.into()),
        (Quantity::Age, _) => {
            let age = subject.age.or_else(|| Age::of(row))?;
            let micros = |ms: u64| ms.saturating_mul(1000);
            Some((micros(age.min_ms), age.max_ms.map(micros)))
        }
        // Rows of other protocols carry neither, or another struct in its place.
        (Quantity::Retransmits | Quantity::RoundTrip, _)
            if row.socket.table.proto != Proto::Tcp =>
        {
            None
        }
        (Quantity::Retransmits, _) => {
            exact(row.socket.timer.map_or(0, |timer| timer.retransmits.into()))
        }
        (Quantity::RoundTrip, _) => {
            let rtt = row.tcp_info()?.get(&crate::kernel::tcp_info::RTT)?;
            // Nothing was measured yet.
            if rtt == 0 { None } else { exact(rtt) }
        }
    }
}

fn limit(amount: Amount, row: &Row<'_>) -> Option<u64> {
    match (amount, Queues::of(row)) {
        (Amount::Number(number), _) => Some(number),
        (Amount::Limit, Queues::Accept(queue)) => queue.limit.map(u64::from),
        (Amount::Limit, Queues::Bytes { .. }) => None,
    }
}

/// Compares a number of which only bounds are known.
fn compare(low: u64, high: Option<u64>, comparison: Comparison, with: u64) -> Option<bool> {
    let below = high.is_some_and(|high| high < with);
    let up_to = high.is_some_and(|high| high <= with);
    let (yes, no) = match comparison {
        Comparison::Lt => (below, low >= with),
        Comparison::Le => (up_to, low > with),
        Comparison::Gt => (low > with, up_to),
        Comparison::Ge => (low >= with, below),
        Comparison::Eq => (low == with && up_to, below || low > with),
        Comparison::Ne => (below || low > with, low == with && up_to),
    };
    (yes || no).then_some(yes)
}
