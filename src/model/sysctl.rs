//! Kernel parameters: those this program reads, and the values they had.

use std::fmt;

use super::host::Scope;

/// The form of a parameter's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As many whole numbers, separated by blanks.
    Numbers(usize),
    /// Ports and ranges of ports, `40000-40004,50000`; nothing for none
    /// (`proc_do_large_bitmap`, kernel/sysctl.c).
    Ports,
}

/// A kernel parameter this program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sysctl {
    /// Name as sysctl(8) has it; with `/` for `.` the file below /proc/sys.
    pub name: &'static str,
    /// The form of its text.
    pub shape: Shape,
    /// The unit of its numbers.
    pub unit: &'static str,
    /// The part of the host that it governs.
    pub scope: Scope,
    /// Its effect, and what it does not do.
    pub help: &'static str,
}

pub(super) const ONE: Shape = Shape::Numbers(1);
pub(super) const TWO: Shape = Shape::Numbers(2);
pub(super) const THREE: Shape = Shape::Numbers(3);

/// The kernel parameters this program reads; the only place that lists them.
pub const SYSCTLS: &[Sysctl] = &[
    sysctl(
        "net.core.somaxconn",
        ONE,
        "connections",
        "upper bound of a listener's accept queue, applied when listen() is called: after a change the application must call listen() again",
    ),
    host_sysctl(
        "net.core.rmem_max",
        ONE,
        "bytes",
        "largest receive buffer SO_RCVBUF may ask for; TCP's automatic growth is bounded by tcp_rmem instead; one value for all namespaces",
    ),
    host_sysctl(
        "net.core.wmem_max",
        ONE,
        "bytes",
        "largest send buffer SO_SNDBUF may ask for; TCP's automatic growth is bounded by tcp_wmem instead; one value for all namespaces",
    ),
    sysctl(
        "net.ipv4.ip_local_port_range",
        TWO,
        "port",
        "first and last port the kernel picks for an outgoing connection, IPv6 too",
    ),
    sysctl(
        "net.ipv4.ip_local_reserved_ports",
        Shape::Ports,
        "port",
        "ports the kernel never picks by itself; an explicit bind() to one still works",
    ),
    sysctl(
        "net.ipv4.tcp_abort_on_overflow",
        ONE,
        "switch",
        "1: a handshake that completes into a full accept queue is reset; 0: it is left to retry; a SYN is dropped silently either way",
    ),
    sysctl(
        "net.ipv4.tcp_fin_timeout",
        ONE,
        "s",
        "how long FIN_WAIT2 lasts once the application has closed the socket; does not change TIME_WAIT, which is 60 s always",
    ),
    sysctl(
        "net.ipv4.tcp_keepalive_time",
        ONE,
        "s",
        "idle time before the first keepalive probe of a socket with SO_KEEPALIVE",
    ),
    sysctl(
        "net.ipv4.tcp_keepalive_intvl",
        ONE,
        "s",
        "time between keepalive probes that are not answered",
    ),
    sysctl(
        "net.ipv4.tcp_keepalive_probes",
        ONE,
        "probes",
        "unanswered keepalive probes after which the connection is dropped",
    ),
    host_sysctl(
        "net.ipv4.tcp_max_orphans",
        ONE,
        "sockets",
        "TCP sockets the kernel keeps without a file; the effective limit can be a half or a quarter of it; counted over the whole host, readable in the initial namespace only",
    ),
    sysctl(
        "net.ipv4.tcp_max_syn_backlog",
        ONE,
        "connections",
        "bound of half-open connections, looked at only when tcp_syncookies is 0; otherwise the listener's own backlog is the bound",
    ),
    sysctl(
        "net.ipv4.tcp_max_tw_buckets",
        ONE,
        "sockets",
        "TIME_WAIT and closed FIN_WAIT2 records kept; beyond it connections close at once and TCPTimeWaitOverflow counts",
    ),
    host_sysctl(
        "net.ipv4.tcp_mem",
        THREE,
        "pages",
        "memory of all TCP sockets: below the first no pressure, above the second pressure, the third is the limit; counted over the whole host, readable in the initial namespace only",
    ),
    sysctl(
        "net.ipv4.tcp_orphan_retries",
        ONE,
        "retries",
        "retransmissions for a socket its application has closed; 0 stands for 8",
    ),
    sysctl(
        "net.ipv4.tcp_retries2",
        ONE,
        "retries",
        "retransmissions before an established connection is given up; 15 is 924 s and more",
    ),
    sysctl("net.ipv4.tcp_rfc1337", ONE, "switch", "1: a RST does not end TIME_WAIT early"),
    sysctl(
        "net.ipv4.tcp_rmem",
        THREE,
        "bytes",
        "receive buffer of a TCP socket: least, initial, largest",
    ),
    sysctl(
        "net.ipv4.tcp_rto_max_ms",
        ONE,
        "ms",
        "longest wait between retransmissions (Linux 6.15)",
    ),
    sysctl(
        "net.ipv4.tcp_syn_linear_timeouts",
        ONE,
        "retries",
        "SYN retransmissions one second apart before the interval starts to double (Linux 6.5)",
    ),
    sysctl(
        "net.ipv4.tcp_syn_retries",
        ONE,
        "retries",
        "SYN retransmissions before connect() fails, the linear ones not counted",
    ),
    sysctl(
        "net.ipv4.tcp_synack_retries",
        ONE,
        "retries",
        "SYN-ACK retransmissions before a half-open connection is dropped; 5 is 63 s",
    ),
    sysctl(
        "net.ipv4.tcp_syncookies",
        ONE,
        "mode",
        "1: cookies when a listener's SYN queue is full; 2: always, so SYN_RECV stays empty; 0: never, so the SYN is dropped",
    ),
    sysctl(
        "net.ipv4.tcp_timestamps",
        ONE,
        "mode",
        "0 off, 1 on with a random offset, 2 on without; needed to reuse a TIME_WAIT port",
    ),
    sysctl(
        "net.ipv4.tcp_tw_reuse",
        ONE,
        "mode",
        "outgoing connections may take over a TIME_WAIT port: 0 never, 1 always when timestamps allow, 2 on loopback only; no help for a server's own TIME_WAIT",
    ),
    sysctl(
        "net.ipv4.tcp_tw_reuse_delay",
        ONE,
        "ms",
        "age a TIME_WAIT record must have before its port is reused (Linux 6.14, earlier one second)",
    ),
    sysctl(
        "net.ipv4.tcp_wmem",
        THREE,
        "bytes",
        "send buffer of a TCP socket: least, initial, largest",
    ),
];

const fn sysctl(
    name: &'static str,
    shape: Shape,
    unit: &'static str,
    help: &'static str,
) -> Sysctl {
    Sysctl { name, shape, unit, scope: Scope::Namespace, help }
}

const fn host_sysctl(
    name: &'static str,
    shape: Shape,
    unit: &'static str,
    help: &'static str,
) -> Sysctl {
    Sysctl { name, shape, unit, scope: Scope::Host, help }
}

/// The value of a kernel parameter, in its [`Shape`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SysctlValue {
    /// As many numbers as the shape says.
    Numbers(Vec<i64>),
    /// First and last port of each range, as the kernel lists them.
    Ports(Vec<(u16, u16)>),
}

impl SysctlValue {
    /// Returns the value a file's text stands for; `None` when it has another form.
    pub fn parse(shape: Shape, text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?.trim_ascii();
        match shape {
            Shape::Numbers(count) => {
                let words = text.split_ascii_whitespace();
                let numbers: Vec<i64> = words.map(|n| n.parse().ok()).collect::<Option<_>>()?;
                (numbers.len() == count).then_some(Self::Numbers(numbers))
            }
            Shape::Ports if text.is_empty() => Some(Self::Ports(Vec::new())),
            Shape::Ports => {
                Some(Self::Ports(text.split(',').map(port_range).collect::<Option<_>>()?))
            }
        }
    }
}

/// Reads `40000-40004` or `50000`.
fn port_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

/// As sysctl(8) prints it, blanks for tabs.
impl fmt::Display for SysctlValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = match self {
            Self::Numbers(numbers) => numbers.iter().map(i64::to_string).collect(),
            Self::Ports(ranges) => ranges.iter().map(|r| range_text(*r)).collect(),
        };
        let separator = if matches!(self, Self::Numbers(_)) { " " } else { "," };
        f.write_str(&words.join(separator))
    }
}

fn range_text((first, last): (u16, u16)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// The kernel parameters that could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sysctls {
    values: Vec<(&'static Sysctl, SysctlValue)>,
}

impl Sysctls {
    /// Takes the text of a parameter's file; `false` and no change where
    /// [`SYSCTLS`] does not have the name or the text has another form.
    pub fn set(&mut self, name: &str, text: &[u8]) -> bool {
        let Some(sysctl) = SYSCTLS.iter().find(|s| s.name == name) else { return false };
        let Some(value) = SysctlValue::parse(sysctl.shape, text) else { return false };
        self.values.retain(|(known, _)| known.name != name);
        self.values.push((sysctl, value));
        true
    }

    /// Returns the value of a parameter, by its full name.
    pub fn get(&self, name: &str) -> Option<&SysctlValue> {
        self.values.iter().find(|(sysctl, _)| sysctl.name == name).map(|(_, value)| value)
    }

    /// Returns the value of a parameter of one number, in its [`Sysctl::unit`];
    /// absent too where that number is negative.
    pub fn number(&self, name: &str) -> Option<u64> {
        let [number] = self.numbers(name)?;
        Some(number)
    }

    /// Returns every parameter that could be read, in the order it was.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Sysctl, &SysctlValue)> {
        self.values.iter().map(|(sysctl, value)| (*sysctl, value))
    }

    /// Tells whether no parameter could be read.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns `net.core.somaxconn`, connections.
    pub fn somaxconn(&self) -> Option<u64> {
        self.number("net.core.somaxconn")
    }

    /// Returns `net.ipv4.tcp_max_tw_buckets`, sockets.
    pub fn max_tw_buckets(&self) -> Option<u64> {
        self.number("net.ipv4.tcp_max_tw_buckets")
    }

    /// Returns `net.ipv4.tcp_max_orphans`, sockets of the whole host.
    pub fn max_orphans(&self) -> Option<u64> {
        self.number("net.ipv4.tcp_max_orphans")
    }

    /// `net.ipv4.tcp_syncookies`: 0 never, 1 when needed, 2 always.
    pub fn syncookies(&self) -> Option<u64> {
        self.number("net.ipv4.tcp_syncookies")
    }

    /// `net.ipv4.tcp_mem`: no pressure below, pressure above, limit; pages of
    /// the whole host.
    pub fn tcp_mem(&self) -> Option<[u64; 3]> {
        self.numbers("net.ipv4.tcp_mem")
    }

    /// `net.ipv4.ip_local_port_range`: first and last port, both included.
    pub fn local_port_range(&self) -> Option<(u16, u16)> {
        let [low, high] = self.numbers("net.ipv4.ip_local_port_range")?;
        Some((u16::try_from(low).ok()?, u16::try_from(high).ok()?))
    }

    /// Returns `net.ipv4.ip_local_reserved_ports`: first and last port of each range.
    pub fn reserved_ports(&self) -> Option<&[(u16, u16)]> {
        match self.get("net.ipv4.ip_local_reserved_ports")? {
            SysctlValue::Ports(ranges) => Some(ranges),
            SysctlValue::Numbers(_) => None,
        }
    }

    fn numbers<const N: usize>(&self, name: &str) -> Option<[u64; N]> {
        let SysctlValue::Numbers(numbers) = self.get(name)? else { return None };
        let numbers: [i64; N] = numbers.as_slice().try_into().ok()?;
        let mut positive = [0; N];
        for (to, from) in positive.iter_mut().zip(numbers) {
            *to = u64::try_from(from).ok()?;
        }
        Some(positive)
    }
}
