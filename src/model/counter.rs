//! Counters of the kernel that this program reads, and what each one counts.

use super::host::Scope;

/// Tells whether a number only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterKind {
    /// Counts events since the namespace was made.
    Counter,
    /// States how many there are now.
    Gauge,
}

/// A counter this program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterField {
    /// Group in [`Counters`](crate::kernel::counters::Counters).
    pub group: &'static str,
    /// Field of the group.
    pub name: &'static str,
    /// Tells whether it only grows.
    pub kind: CounterKind,
    /// The part of the host that it counts.
    pub scope: Scope,
    /// The thing that is counted, and what a reader may wrongly take it for.
    pub help: &'static str,
}

const fn counter(group: &'static str, name: &'static str, help: &'static str) -> CounterField {
    CounterField { group, name, kind: CounterKind::Counter, scope: Scope::Namespace, help }
}

const fn gauge(group: &'static str, name: &'static str, help: &'static str) -> CounterField {
    CounterField { group, name, kind: CounterKind::Gauge, scope: Scope::Namespace, help }
}

const fn host_gauge(group: &'static str, name: &'static str, help: &'static str) -> CounterField {
    CounterField { group, name, kind: CounterKind::Gauge, scope: Scope::Host, help }
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
