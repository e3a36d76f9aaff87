//! What the host says beside its sockets: kernel parameters, counters, names. All of it may be absent.
//!
//! Everything belongs to the network namespace it was read in, except what is
//! marked [`Scope::Host`] here.

use std::fmt;

use crate::kernel::counters::Counters;

/// What one look at the host found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// snmp, snmp6, netstat, sockstat and sockstat6 by name; [`COUNTERS`]
    /// describes those this program uses.
    pub counters: Counters,
    /// The kernel parameters of [`SYSCTLS`].
    pub sysctls: Sysctls,
    /// `uname -n`; text a person chose, escape it before printing.
    pub hostname: Option<String>,
    /// Kernel release, major and minor.
    pub kernel: Option<(u32, u32)>,
}

/// Whom a number speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One network namespace.
    Namespace,
    /// The whole host, also when read inside a container.
    Host,
}

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
    /// What a number of it counts.
    pub unit: &'static str,
    /// Whom it governs.
    pub scope: Scope,
    /// What it does, and what it does not.
    pub help: &'static str,
}

const ONE: Shape = Shape::Numbers(1);
const TWO: Shape = Shape::Numbers(2);
const THREE: Shape = Shape::Numbers(3);

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
pub enum Value {
    /// As many numbers as the shape says.
    Numbers(Vec<i64>),
    /// First and last port of each range, as the kernel lists them.
    Ports(Vec<(u16, u16)>),
}

impl Value {
    /// The value a file's text stands for; `None` when it has another form.
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

/// `40000-40004` or `50000`.
fn port_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

/// As sysctl(8) prints it, blanks for tabs.
impl fmt::Display for Value {
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
    values: Vec<(&'static Sysctl, Value)>,
}

impl Sysctls {
    /// Takes the text of a parameter's file; `false` and no change where
    /// [`SYSCTLS`] does not have the name or the text has another form.
    pub fn set(&mut self, name: &str, text: &[u8]) -> bool {
        let Some(sysctl) = SYSCTLS.iter().find(|s| s.name == name) else { return false };
        let Some(value) = Value::parse(sysctl.shape, text) else { return false };
        self.values.retain(|(known, _)| known.name != name);
        self.values.push((sysctl, value));
        true
    }

    /// The value of a parameter, by its full name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(sysctl, _)| sysctl.name == name).map(|(_, value)| value)
    }

    /// The value of a parameter of one number, in its [`Sysctl::unit`];
    /// absent too where that number is negative.
    pub fn number(&self, name: &str) -> Option<u64> {
        let [number] = self.numbers(name)?;
        Some(number)
    }

    /// Every parameter that could be read, in the order it was.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Sysctl, &Value)> {
        self.values.iter().map(|(sysctl, value)| (*sysctl, value))
    }

    /// Whether no parameter could be read.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// `net.core.somaxconn`, connections.
    pub fn somaxconn(&self) -> Option<u64> {
        self.number("net.core.somaxconn")
    }

    /// `net.ipv4.tcp_max_tw_buckets`, sockets.
    pub fn max_tw_buckets(&self) -> Option<u64> {
        self.number("net.ipv4.tcp_max_tw_buckets")
    }

    /// `net.ipv4.tcp_max_orphans`, sockets of the whole host.
    pub fn max_orphans(&self) -> Option<u64> {
        self.number("net.ipv4.tcp_max_orphans")
    }

    /// `net.ipv4.tcp_fin_timeout`, seconds.
    pub fn fin_timeout(&self) -> Option<u64> {
        self.number("net.ipv4.tcp_fin_timeout")
    }

    /// `net.ipv4.tcp_syncookies`: 0 never, 1 when needed, 2 always.
    pub fn syncookies(&self) -> Option<u64> {
        self.number("net.ipv4.tcp_syncookies")
    }

    /// `net.ipv4.tcp_max_syn_backlog`, connections.
    pub fn max_syn_backlog(&self) -> Option<u64> {
        self.number("net.ipv4.tcp_max_syn_backlog")
    }

    /// `net.ipv4.tcp_abort_on_overflow`.
    pub fn abort_on_overflow(&self) -> Option<bool> {
        Some(self.number("net.ipv4.tcp_abort_on_overflow")? != 0)
    }

    /// `net.ipv4.tcp_mem`: no pressure below, pressure above, limit; pages of
    /// the whole host.
    pub fn tcp_mem(&self) -> Option<[u64; 3]> {
        self.numbers("net.ipv4.tcp_mem")
    }

    /// `net.ipv4.tcp_rmem`: least, initial and largest receive buffer, bytes.
    pub fn tcp_rmem(&self) -> Option<[u64; 3]> {
        self.numbers("net.ipv4.tcp_rmem")
    }

    /// `net.ipv4.tcp_wmem`: least, initial and largest send buffer, bytes.
    pub fn tcp_wmem(&self) -> Option<[u64; 3]> {
        self.numbers("net.ipv4.tcp_wmem")
    }

    /// `net.ipv4.ip_local_port_range`: first and last port, both included.
    pub fn local_port_range(&self) -> Option<(u16, u16)> {
        let [low, high] = self.numbers("net.ipv4.ip_local_port_range")?;
        Some((u16::try_from(low).ok()?, u16::try_from(high).ok()?))
    }

    /// `net.ipv4.ip_local_reserved_ports`: first and last port of each range.
    pub fn reserved_ports(&self) -> Option<&[(u16, u16)]> {
        match self.get("net.ipv4.ip_local_reserved_ports")? {
            Value::Ports(ranges) => Some(ranges),
            Value::Numbers(_) => None,
        }
    }

    /// How many ports the kernel can pick from, see [`ephemeral_ports`]; an
    /// unknown set of reserved ports counts as empty.
    pub fn ephemeral_ports(&self) -> Option<u32> {
        let reserved = self.reserved_ports().unwrap_or_default();
        Some(ephemeral_ports(self.local_port_range()?, reserved))
    }

    fn numbers<const N: usize>(&self, name: &str) -> Option<[u64; N]> {
        let Value::Numbers(numbers) = self.get(name)? else { return None };
        let numbers: [i64; N] = numbers.as_slice().try_into().ok()?;
        let mut positive = [0; N];
        for (to, from) in positive.iter_mut().zip(numbers) {
            *to = u64::try_from(from).ok()?;
        }
        Some(positive)
    }
}

/// How many ports of `range` (first and last, included) the kernel may pick
/// for one source address and one destination: the reserved ones inside it do
/// not count (`__inet_hash_connect`, net/ipv4/inet_hashtables.c). Ports in use
/// are the caller's to subtract. `reserved` may overlap and be in any order; a
/// range whose last port is below its first is empty.
pub fn ephemeral_ports(range: (u16, u16), reserved: &[(u16, u16)]) -> u32 {
    let (low, high) = (u32::from(range.0), u32::from(range.1));
    let mut reserved: Vec<_> = reserved.iter().filter(|r| r.0 <= r.1).copied().collect();
    reserved.sort_unstable();
    let (mut free, mut next) = (0, low);
    for (first, last) in reserved {
        let first = u32::from(first).min(high + 1);
        free += first.saturating_sub(next);
        next = next.max(u32::from(last) + 1);
    }
    free + (high + 1).saturating_sub(next)
}

/// Major and minor of a kernel release such as `6.18.44-fc` or `6.1-rc3`.
pub fn kernel_release(release: &[u8]) -> Option<(u32, u32)> {
    let (major, rest) = leading_number(release)?;
    let (minor, _) = leading_number(rest.strip_prefix(b".")?)?;
    Some((major, minor))
}

fn leading_number(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

/// Whether a number only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Counts events since the namespace was made.
    Counter,
    /// States how many there are now.
    Gauge,
}

/// A counter this program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterField {
    /// Group in [`Counters`].
    pub group: &'static str,
    /// Field of the group.
    pub name: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// Whom it counts.
    pub scope: Scope,
    /// What is counted, and what a reader may wrongly take it for.
    pub help: &'static str,
}

const fn counter(group: &'static str, name: &'static str, help: &'static str) -> CounterField {
    CounterField { group, name, kind: Kind::Counter, scope: Scope::Namespace, help }
}

const fn gauge(group: &'static str, name: &'static str, help: &'static str) -> CounterField {
    CounterField { group, name, kind: Kind::Gauge, scope: Scope::Namespace, help }
}

const fn host_gauge(group: &'static str, name: &'static str, help: &'static str) -> CounterField {
    CounterField { group, name, kind: Kind::Gauge, scope: Scope::Host, help }
}

/// The counters this program uses. Which state or alert each one serves is
/// told where that is decided.
pub const COUNTERS: &[CounterField] = &[
    gauge("Tcp", "CurrEstab", "connections in ESTABLISHED or CLOSE_WAIT"),
    counter("Tcp", "ActiveOpens", "calls of connect()"),
    counter("Tcp", "PassiveOpens", "connections put into an accept queue"),
    counter(
        "Tcp",
        "AttemptFails",
        "handshakes that ended without a connection: refused, timed out, reset",
    ),
    counter(
        "Tcp",
        "EstabResets",
        "connections that went from ESTABLISHED or CLOSE_WAIT to CLOSE at once: a RST sent or received, a timeout",
    ),
    counter("Tcp", "InSegs", "segments received"),
    counter("Tcp", "OutSegs", "segments sent, retransmissions not counted"),
    counter("Tcp", "RetransSegs", "segments sent again"),
    counter("Tcp", "InErrs", "segments received that were broken"),
    counter("Tcp", "OutRsts", "resets sent: closed ports, aborted connections"),
    counter(
        "TcpExt",
        "ListenOverflows",
        "SYNs and final ACKs dropped at a full accept queue; packets, not clients: a client repeats",
    ),
    counter(
        "TcpExt",
        "ListenDrops",
        "SYNs and ACKs dropped at a listener for any reason, overflows included; 0 during a SYN flood answered with cookies",
    ),
    counter("TcpExt", "SyncookiesSent", "SYNs answered with a cookie"),
    counter(
        "TcpExt",
        "SyncookiesRecv",
        "cookies that came back valid; few against the sent ones means spoofed senders, about as many means real clients",
    ),
    counter("TcpExt", "SyncookiesFailed", "ACKs with an invalid cookie"),
    counter(
        "TcpExt",
        "TCPReqQFullDoCookies",
        "SYNs that met a full SYN queue and were answered with a cookie; with tcp_syncookies 2 every SYN",
    ),
    counter(
        "TcpExt",
        "TCPReqQFullDrop",
        "SYNs dropped at a full SYN queue because cookies are off",
    ),
    counter(
        "TcpExt",
        "EmbryonicRsts",
        "half-open connections ended by a RST, also by tcp_abort_on_overflow",
    ),
    counter(
        "TcpExt",
        "TCPDeferAcceptDrop",
        "bare ACKs ignored under TCP_DEFER_ACCEPT, which is normal",
    ),
    counter("TcpExt", "TW", "entries into TIME_WAIT, and into FIN_WAIT2 after close()"),
    counter("TcpExt", "TWRecycled", "TIME_WAIT records taken over by an outgoing connection"),
    counter("TcpExt", "TWKilled", "entries into TIME_WAIT of four seconds and less"),
    counter(
        "TcpExt",
        "TCPTimeWaitOverflow",
        "connections closed without TIME_WAIT because tcp_max_tw_buckets was reached",
    ),
    counter("TcpExt", "TCPTimeouts", "retransmission timers that fired"),
    counter("TcpExt", "TCPSynRetrans", "SYNs and SYN-ACKs sent again: unanswered connects"),
    counter("TcpExt", "TCPLostRetransmit", "retransmissions that were lost too"),
    counter("TcpExt", "TCPRetransFail", "retransmissions the local system refused to send"),
    counter("TcpExt", "TCPKeepAlive", "keepalive probes sent"),
    counter("TcpExt", "TCPWinProbe", "probes of a peer's zero window sent"),
    counter(
        "TcpExt",
        "TCPAbortOnData",
        "connections reset on close with SO_LINGER 0, by disconnecting, or by data after close",
    ),
    counter(
        "TcpExt",
        "TCPAbortOnClose",
        "connections reset because the application closed with data unread",
    ),
    counter(
        "TcpExt",
        "TCPAbortOnMemory",
        "connections reset for too many orphans or too little memory",
    ),
    counter(
        "TcpExt",
        "TCPAbortOnTimeout",
        "connections given up after all retransmissions or keepalive probes",
    ),
    counter("TcpExt", "TCPAbortOnLinger", "connections reset on close with a negative TCP_LINGER2"),
    counter("TcpExt", "TCPAbortFailed", "resets that could not be sent"),
    counter("TcpExt", "TCPMemoryPressures", "times TCP came under memory pressure"),
    counter("TcpExt", "TCPMemoryPressuresChrono", "milliseconds spent under memory pressure"),
    counter("TcpExt", "PruneCalled", "times a full receive buffer was compacted"),
    counter("TcpExt", "RcvPruned", "segments dropped from a receive queue for lack of buffer"),
    counter("TcpExt", "OfoPruned", "out-of-order queues dropped for lack of buffer"),
    counter("TcpExt", "TCPRcvQDrop", "segments dropped because the receive queue could not grow"),
    counter("TcpExt", "TCPOFODrop", "out-of-order segments dropped for lack of buffer"),
    counter(
        "TcpExt",
        "TCPBacklogDrop",
        "segments dropped because the socket's backlog was full while it was locked",
    ),
    counter("TcpExt", "TCPZeroWindowDrop", "segments dropped because our window was zero"),
    counter(
        "TcpExt",
        "TCPToZeroWindowAdv",
        "times we closed our window: a local application reads too slowly",
    ),
    counter("TcpExt", "TCPFromZeroWindowAdv", "times we opened it again"),
    counter("TcpExt", "TCPWantZeroWindowAdv", "times our window should have been zero"),
    counter(
        "TcpExt",
        "TCPChallengeACK",
        "challenge ACKs sent: segments that did not fit their connection",
    ),
    counter("TcpExt", "TCPSYNChallenge", "challenge ACKs sent for a SYN on a live connection"),
    counter("TcpExt", "PAWSEstab", "segments refused for an old timestamp"),
    counter("TcpExt", "PAWSTimewait", "segments refused for an old timestamp in TIME_WAIT"),
    counter("TcpExt", "OutOfWindowIcmps", "ICMP errors that did not fit their connection"),
    counter("TcpExt", "TCPFastOpenListenOverflow", "fast open requests over the listener's limit"),
    counter(
        "TcpExt",
        "TCPMigrateReqSuccess",
        "requests moved to another listener of a SO_REUSEPORT group",
    ),
    counter("TcpExt", "TCPMigrateReqFailure", "requests that could not be moved"),
    counter("IpExt", "InNoRoutes", "packets received without a route"),
    counter("Udp", "InDatagrams", "IPv4 datagrams delivered"),
    counter("Udp", "NoPorts", "IPv4 datagrams for a port nobody has"),
    counter("Udp", "InErrors", "IPv4 datagrams not delivered, RcvbufErrors included"),
    counter("Udp", "RcvbufErrors", "IPv4 datagrams dropped at a full receive buffer"),
    counter("Udp", "SndbufErrors", "IPv4 datagrams not sent for lack of buffer"),
    counter("Udp", "MemErrors", "IPv4 datagrams dropped at the memory limit of all UDP sockets"),
    counter("Udp6", "InDatagrams", "IPv6 datagrams delivered"),
    counter("Udp6", "NoPorts", "IPv6 datagrams for a port nobody has"),
    counter("Udp6", "InErrors", "IPv6 datagrams not delivered, RcvbufErrors included"),
    counter("Udp6", "RcvbufErrors", "IPv6 datagrams dropped at a full receive buffer"),
    counter("Udp6", "SndbufErrors", "IPv6 datagrams not sent for lack of buffer"),
    counter("Udp6", "MemErrors", "IPv6 datagrams dropped at the memory limit of all UDP sockets"),
    gauge("sockets", "used", "sockets of every family"),
    gauge("TCP", "inuse", "IPv4 TCP sockets, TIME_WAIT, closed FIN_WAIT2 and SYN_RECV not counted"),
    gauge("TCP", "tw", "TIME_WAIT, and FIN_WAIT2 after close(), both families"),
    host_gauge(
        "TCP",
        "orphan",
        "TCP sockets without a file; the whole host's, also inside a container",
    ),
    host_gauge("TCP", "alloc", "TCP sockets in memory; the whole host's, also inside a container"),
    host_gauge(
        "TCP",
        "mem",
        "pages of memory TCP holds; the whole host's, also inside a container",
    ),
    gauge("UDP", "inuse", "IPv4 UDP sockets with a port"),
    host_gauge(
        "UDP",
        "mem",
        "pages of memory UDP holds; the whole host's, also inside a container",
    ),
    gauge("RAW", "inuse", "IPv4 raw sockets"),
    gauge(
        "TCP6",
        "inuse",
        "IPv6 TCP sockets, TIME_WAIT, closed FIN_WAIT2 and SYN_RECV not counted",
    ),
    gauge("UDP6", "inuse", "IPv6 UDP sockets with a port"),
    gauge("RAW6", "inuse", "IPv6 raw sockets"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn the_tables_name_nothing_twice() {
        let names: HashSet<_> = SYSCTLS.iter().map(|s| s.name).collect();
        assert_eq!(names.len(), SYSCTLS.len());
        let names: HashSet<_> = COUNTERS.iter().map(|c| (c.group, c.name)).collect();
        assert_eq!(names.len(), COUNTERS.len());
    }

    /// Every parameter set to 1, 2, …: an accessor that misspells its name
    /// or takes another number of values finds nothing.
    #[test]
    fn every_accessor_finds_its_parameter() {
        let mut sysctls = Sysctls::default();
        for sysctl in SYSCTLS {
            let text: &[u8] = match sysctl.shape {
                Shape::Numbers(1) => b"1\n",
                Shape::Numbers(2) => b"1\t2\n",
                Shape::Numbers(_) => b"1\t2\t3\n",
                Shape::Ports => b"1-2,3\n",
            };
            assert!(sysctls.set(sysctl.name, text), "{}", sysctl.name);
        }
        for number in [
            sysctls.somaxconn(),
            sysctls.max_tw_buckets(),
            sysctls.max_orphans(),
            sysctls.fin_timeout(),
            sysctls.syncookies(),
            sysctls.max_syn_backlog(),
        ] {
            assert_eq!(number, Some(1));
        }
        for three in [sysctls.tcp_mem(), sysctls.tcp_rmem(), sysctls.tcp_wmem()] {
            assert_eq!(three, Some([1, 2, 3]));
        }
        assert_eq!(sysctls.abort_on_overflow(), Some(true));
        assert_eq!(sysctls.local_port_range(), Some((1, 2)));
        assert_eq!(sysctls.reserved_ports(), Some(&[(1, 2), (3, 3)][..]));
        assert_eq!(sysctls.iter().count(), SYSCTLS.len());
    }

    #[test]
    fn text_of_another_form_changes_nothing() {
        let mut sysctls = Sysctls::default();
        assert!(sysctls.set("net.core.somaxconn", b"4096\n"));
        assert!(!sysctls.set("net.core.somaxconn", b"many\n"));
        assert!(!sysctls.set("net.core.somaxconn", b"1 2\n"));
        assert!(!sysctls.set("net.core.somaxconn", b"\xff"));
        assert!(!sysctls.set("net.core.nonsense", b"1\n"));
        assert!(!sysctls.set("net.ipv4.ip_local_reserved_ports", b"5-4\n"));
        assert_eq!(sysctls.somaxconn(), Some(4096));
        assert_eq!(sysctls.iter().count(), 1);
    }

    #[test]
    fn an_unset_or_negative_number_is_absent() {
        let mut sysctls = Sysctls::default();
        assert_eq!((sysctls.somaxconn(), sysctls.ephemeral_ports()), (None, None));
        assert!(sysctls.set("net.ipv4.tcp_fin_timeout", b"-1\n"));
        assert_eq!(sysctls.fin_timeout(), None);
        assert_eq!(sysctls.get("net.ipv4.tcp_fin_timeout"), Some(&Value::Numbers(vec![-1])));
    }

    #[test]
    fn values_print_as_sysctl_does() {
        for (shape, text, printed) in [
            (THREE, "287901\t383868\t575802\n", "287901 383868 575802"),
            (Shape::Ports, "40000-40004,50000\n", "40000-40004,50000"),
            (Shape::Ports, "\n", ""),
        ] {
            let value = Value::parse(shape, text.as_bytes());
            assert_eq!(value.map(|v| v.to_string()).as_deref(), Some(printed));
        }
    }

    #[test]
    fn capacity_is_the_range_less_the_reserved_ports_in_it() {
        let range = (32768, 60999);
        assert_eq!(ephemeral_ports(range, &[]), 28232);
        assert_eq!(ephemeral_ports(range, &[(40000, 40004), (80, 80)]), 28227);
        assert_eq!(ephemeral_ports(range, &[(60000, 65535), (1, 32768)]), 27231);
        assert_eq!(
            ephemeral_ports(range, &[(40000, 40009), (40005, 40005), (40001, 40010)]),
            28221
        );
        assert_eq!(ephemeral_ports((0, 65535), &[]), 65536);
        assert_eq!(ephemeral_ports((0, 65535), &[(0, 65535)]), 0);
        assert_eq!(ephemeral_ports((50, 49), &[]), 0);
        assert_eq!(ephemeral_ports((0, 5659), &[(5660, 0)]), 5660);
    }

    #[test]
    fn releases_have_many_forms() {
        assert_eq!(kernel_release(b"6.18.44-fc-v657"), Some((6, 18)));
        assert_eq!(kernel_release(b"6.1-rc3"), Some((6, 1)));
        assert_eq!(kernel_release(b"5.10"), Some((5, 10)));
        for wrong in [&b"6"[..], b"", b"six.one", b"6.", b".1", b"99999999999.1", b"\xff.1"] {
            assert_eq!(kernel_release(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = kernel_release(&text);
            for sysctl in SYSCTLS {
                let _ = Value::parse(sysctl.shape, &text).map(|v| v.to_string());
            }
        }

        #[test]
        fn capacity_agrees_with_counting(
            range in any::<(u16, u16)>(),
            reserved in proptest::collection::vec(any::<(u16, u16)>(), 0..6),
        ) {
            let free = (range.0..=range.1)
                .filter(|p| !reserved.iter().any(|r| (r.0..=r.1).contains(p)))
                .count();
            prop_assert_eq!(ephemeral_ports(range, &reserved) as usize, free);
        }
    }
}
