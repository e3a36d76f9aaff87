//! A small reader of `/proc/thread-self/net`, for second opinions.
//!
//! Deliberately independent of the crate under test, and of netlink: what this says and what the
//! program says come from different kernel code by different parsers. It reads what the recipes
//! and the tests assert on and skips the rest; on a line it cannot read it fails.
//!
//! `thread-self` matters: `/proc/self/net` is the namespace of the process' first thread.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, anyhow, ensure};

use super::{Result, poll};

/// The kernel's names of the TCP states, by number (`include/net/tcp_states.h`). A request
/// socket, which is in state 12 inside, appears in the tables as SYN_RECV.
const STATES: [&str; 12] = [
    "(0)",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];

/// A table of internet sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Tcp,
    Tcp6,
    Udp,
    Udp6,
}

impl Table {
    /// The name of its file.
    fn name(self) -> &'static str {
        match self {
            Table::Tcp => "tcp",
            Table::Tcp6 => "tcp6",
            Table::Udp => "udp",
            Table::Udp6 => "udp6",
        }
    }
}

/// A socket, as a row of a table shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub state: u8,
    pub tx_queue: u32,
    pub rx_queue: u32,
    /// Which timer runs: 0 none, 1 retransmission, 2 keepalive, 3 TIME_WAIT, 4 zero window probe.
    pub timer: u8,
    pub retransmits: u32,
    pub uid: u32,
    pub inode: u64,
    /// Only UDP has this column.
    pub drops: Option<u64>,
}

impl Row {
    /// The kernel's name of the state.
    pub fn state_name(&self) -> &'static str {
        STATES.get(usize::from(self.state)).copied().unwrap_or("?")
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { local, remote, rx_queue, inode, .. } = self;
        let state = self.state_name();
        write!(f, "{local} {remote} {state} rx {rx_queue} inode {inode}")
    }
}

/// Reads a whole table.
pub fn rows(table: Table) -> Result<Vec<Row>> {
    let path = format!("/proc/thread-self/net/{}", table.name());
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    text.lines()
        .skip(1)
        .map(|line| {
            row(table, line).ok_or_else(|| anyhow!("{path}: cannot read the line {line:?}"))
        })
        .collect()
}

/// Waits until a row of the table is what `wanted` describes and `is_wanted` decides.
pub fn wait(table: Table, wanted: &str, is_wanted: impl Fn(&Row) -> bool) -> Result<Row> {
    let found = poll(wanted, || Ok(rows(table)?.into_iter().find(&is_wanted)));
    found.with_context(|| match rows(table) {
        Ok(rows) => {
            let rows: Vec<String> = rows.iter().map(Row::to_string).collect();
            format!("{} holds [{}]", table.name(), rows.join(", "))
        }
        Err(error) => format!("{error:#}"),
    })
}

/// Reads one line of a table.
fn row(table: Table, line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (tx_queue, rx_queue) = fields.get(4)?.split_once(':')?;
    let (timer, _expires) = fields.get(5)?.split_once(':')?;
    Some(Row {
        local: endpoint(fields.get(1)?)?,
        remote: endpoint(fields.get(2)?)?,
        state: u8::from_str_radix(fields.get(3)?, 16).ok()?,
        tx_queue: u32::from_str_radix(tx_queue, 16).ok()?,
        rx_queue: u32::from_str_radix(rx_queue, 16).ok()?,
        timer: u8::from_str_radix(timer, 16).ok()?,
        retransmits: u32::from_str_radix(fields.get(6)?, 16).ok()?,
        uid: fields.get(7)?.parse().ok()?,
        inode: fields.get(9)?.parse().ok()?,
        drops: match table {
            // Here TCP has its retransmission timeout.
            Table::Tcp | Table::Tcp6 => None,
            Table::Udp | Table::Udp6 => Some(fields.get(12)?.parse().ok()?),
        },
    })
}

/// Reads an address and a port.
fn endpoint(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    // The kernel prints each 32 bits of the address, which lie in network order, as one number of
    // the machine's own order.
    let words = address.as_bytes().chunks(8).map(|word| {
        let number = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        Some(number.to_ne_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    let address = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// A unix socket, as `/proc/net/unix` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixRow {
    /// 1 stream, 2 datagram, 5 packets in sequence.
    pub kind: u16,
    pub listens: bool,
    /// 1 not connected, 2 waits to be accepted, 3 connected.
    pub state: u8,
    pub inode: u64,
    /// As printed: an abstract name begins with `@`. Empty when the socket has no name.
    pub name: Vec<u8>,
}

/// Reads the table of unix sockets.
pub fn unix_rows() -> Result<Vec<UnixRow>> {
    let path = "/proc/thread-self/net/unix";
    let bytes = fs::read(path).context(path)?;
    let mut rows: Vec<UnixRow> = Vec::new();
    for line in bytes.strip_suffix(b"\n").unwrap_or(&bytes).split(|&b| b == b'\n').skip(1) {
        match (unix_row(line), rows.last_mut()) {
            (Some(row), _) => rows.push(row),
            // The kernel prints a newline in a name as it is, so this is the rest of a name.
            (None, Some(last)) => {
                last.name.push(b'\n');
                last.name.extend_from_slice(line);
            }
            (None, None) => ensure!(false, "{path}: cannot read the first line"),
        }
    }
    Ok(rows)
}

/// Reads one line of the table of unix sockets.
fn unix_row(line: &[u8]) -> Option<UnixRow> {
    // Seven columns before the name, of which only the first can vary in width. A name may hold
    // spaces, so this must not split behind the column of the inode.
    let mut rest = line;
    let mut fields = Vec::new();
    for _ in 0..7 {
        let start = rest.iter().position(|&b| b != b' ')?;
        rest = &rest[start..];
        let end = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
        fields.push(std::str::from_utf8(&rest[..end]).ok()?);
        rest = &rest[end..];
    }
    if !fields[0].ends_with(':') {
        return None;
    }
    Some(UnixRow {
        kind: u16::from_str_radix(fields[4], 16).ok()?,
        // __SO_ACCEPTCON of include/uapi/linux/net.h, the only flag there is.
        listens: u32::from_str_radix(fields[3], 16).ok()? & 0x1_0000 != 0,
        state: u8::from_str_radix(fields[5], 16).ok()?,
        inode: fields[6].parse().ok()?,
        name: rest.strip_prefix(b" ").unwrap_or(rest).to_vec(),
    })
}
