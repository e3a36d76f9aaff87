//! The tracepoints of TCP: raw samples to plain records.
//!
//! `include/trace/events/sock.h` and `include/trace/events/tcp.h`. Addresses
//! come out in one form for both families, IPv4 as `::ffff:a.b.c.d`, which is
//! how the kernel itself fills `saddr_v6` of an IPv4 socket.

use std::num::NonZeroU64;

use super::netlink::bytes_at;
use super::request::{AF_INET, AF_INET6};
use super::trace_format::{TraceField, TraceFormat};

/// `struct sockaddr_in6`, in which `tcp_send_reset` keeps addresses (6.9).
const SOCKADDR_LEN: u16 = 28;

/// More ports than this and the kernel gets no port filter: it evaluates the
/// terms one after the other, for every event.
const MOST_PORTS: usize = 16;

/// The tracepoints that are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tracepoint {
    /// `sock:inet_sock_set_state` (Linux 4.16).
    SetState,
    /// `tcp:tcp_destroy_sock` (4.16).
    Destroy,
    /// `tcp:tcp_retransmit_skb` (4.15).
    Retransmit,
    /// `tcp:tcp_send_reset` (4.16).
    SendReset,
    /// `tcp:tcp_receive_reset` (4.16).
    ReceiveReset,
}

impl Tracepoint {
    /// All of them, the indispensable one first.
    pub const ALL: [Self; 5] =
        [Self::SetState, Self::Destroy, Self::Retransmit, Self::SendReset, Self::ReceiveReset];

    /// Tells whether it only explains changes that others report.
    pub fn is_annotation(self) -> bool {
        match self {
            Self::SetState | Self::Destroy => false,
            Self::Retransmit | Self::SendReset | Self::ReceiveReset => true,
        }
    }

    /// Returns group and name, as the directories of tracefs are called.
    pub fn path(self) -> (&'static str, &'static str) {
        match self {
            Self::SetState => ("sock", "inet_sock_set_state"),
            Self::Destroy => ("tcp", "tcp_destroy_sock"),
            Self::Retransmit => ("tcp", "tcp_retransmit_skb"),
            Self::SendReset => ("tcp", "tcp_send_reset"),
            Self::ReceiveReset => ("tcp", "tcp_receive_reset"),
        }
    }

    /// Returns the name people use: `sock:inet_sock_set_state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SetState => "sock:inet_sock_set_state",
            Self::Destroy => "tcp:tcp_destroy_sock",
            Self::Retransmit => "tcp:tcp_retransmit_skb",
            Self::SendReset => "tcp:tcp_send_reset",
            Self::ReceiveReset => "tcp:tcp_receive_reset",
        }
    }
}

/// Both ends as the event tells them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawEnds {
    /// `AF_INET`, `AF_INET6`; 0 where the format does not tell.
    pub family: u16,
    /// Local address; IPv4 in mapped form.
    pub local: [u8; 16],
    /// Local port, host order; 0 before the socket has one.
    pub local_port: u16,
    /// Remote address; IPv4 in mapped form.
    pub remote: [u8; 16],
    /// Remote port, host order; 0 where there is no peer, or none any more.
    pub remote_port: u16,
}

/// The event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceKind {
    /// The state changed, or was set to what it was.
    SetState {
        /// Kernel number of the state before.
        old: u8,
        /// Kernel number of the state after.
        new: u8,
        /// `IPPROTO_TCP`, `IPPROTO_MPTCP`, `IPPROTO_SCTP`, …
        protocol: Option<u16>,
    },
    /// The socket ended (`tcp_v4_destroy_sock`); its address may be reused
    /// from now on.
    Destroy,
    /// A segment was sent again.
    Retransmit {
        /// Kernel number of the state.
        state: Option<u8>,
    },
    /// A reset was sent; without a socket where none was there.
    SendReset {
        /// Kernel number of the state; absent where there is no socket.
        state: Option<u8>,
        /// `enum sk_rst_reason` (6.10).
        reason: Option<u32>,
    },
    /// A reset was received.
    ReceiveReset,
}

/// One event of one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// The time, by the clock the ring was opened with.
    pub at_ns: u64,
    /// Address of the kernel's `struct sock`: a key only while the socket
    /// lives, reused at once afterwards. Absent where no socket was involved.
    pub skaddr: Option<NonZeroU64>,
    /// The socket's cookie, where the event carries one.
    pub cookie: Option<NonZeroU64>,
    /// Addresses and ports, where the event carries them.
    pub ends: Option<RawEnds>,
    /// The event.
    pub kind: TraceKind,
}

/// Decodes samples of one tracepoint by its format.
#[derive(Clone, Debug)]
pub struct Decoder {
    tracepoint: Tracepoint,
    skaddr: Option<TraceField>,
    cookie: Option<TraceField>,
    old: Option<TraceField>,
    new: Option<TraceField>,
    protocol: Option<TraceField>,
    state: Option<TraceField>,
    reason: Option<TraceField>,
    family: Option<TraceField>,
    local_port: Option<TraceField>,
    remote_port: Option<TraceField>,
    local: AddressField,
    remote: AddressField,
}

/// In which of three ways a format tells an address.
#[derive(Clone, Copy, Debug)]
enum AddressField {
    /// `saddr_v6[16]`, mapped for IPv4.
    V6(TraceField),
    /// `saddr[4]` only.
    V4(TraceField),
    /// A `struct sockaddr_in` or `sockaddr_in6`, with the port.
    Sockaddr(TraceField),
    /// Not at all.
    Absent,
}

impl Decoder {
    /// Returns a decoder for samples laid out by `format`; the error is the name of a
    /// field without which the tracepoint says nothing.
    pub fn new(tracepoint: Tracepoint, format: &TraceFormat) -> Result<Self, &'static str> {
        let needed: &[&'static str] = match tracepoint {
            Tracepoint::SetState => &["skaddr", "oldstate", "newstate"],
            Tracepoint::SendReset => &[],
            _ => &["skaddr"],
        };
        if let Some(missing) = needed.iter().find(|name| format.field(name).is_none()) {
            return Err(missing);
        }
        Ok(Self {
            tracepoint,
            skaddr: format.field("skaddr"),
            cookie: format.field("sock_cookie"),
            old: format.field("oldstate"),
            new: format.field("newstate"),
            protocol: format.field("protocol"),
            state: format.field("state"),
            reason: format.field("reason"),
            family: format.field("family"),
            local_port: format.field("sport"),
            remote_port: format.field("dport"),
            local: AddressField::find(format, "saddr", "saddr_v6"),
            remote: AddressField::find(format, "daddr", "daddr_v6"),
        })
    }

    /// Decodes one sample; `None` where it is too short for what it must tell.
    #[inline]
    pub fn decode(&self, at_ns: u64, raw: &[u8]) -> Option<TraceEvent> {
        let kind = match self.tracepoint {
            Tracepoint::SetState => TraceKind::SetState {
                old: number(self.old, raw)?,
                new: number(self.new, raw)?,
                protocol: number(self.protocol, raw),
            },
            Tracepoint::Destroy => TraceKind::Destroy,
            Tracepoint::Retransmit => TraceKind::Retransmit { state: self.state(raw) },
            Tracepoint::SendReset => {
                TraceKind::SendReset { state: self.state(raw), reason: number(self.reason, raw) }
            }
            Tracepoint::ReceiveReset => TraceKind::ReceiveReset,
        };
        let nonzero = |field: Option<TraceField>| field?.number(raw).and_then(NonZeroU64::new);
        Some(TraceEvent {
            at_ns,
            skaddr: nonzero(self.skaddr),
            cookie: nonzero(self.cookie),
            ends: self.ends(raw),
            kind,
        })
    }

    /// Returns the state, of which 0 means that there was no socket.
    fn state(&self, raw: &[u8]) -> Option<u8> {
        number(self.state, raw).filter(|&state| state != 0)
    }

    #[inline]
    fn ends(&self, raw: &[u8]) -> Option<RawEnds> {
        let (local, remote) = (self.local.read(raw)?, self.remote.read(raw)?);
        Some(RawEnds {
            family: number(self.family, raw).or(local.family).unwrap_or(0),
            local: local.address,
            local_port: number(self.local_port, raw).or(local.port)?,
            remote: remote.address,
            remote_port: number(self.remote_port, raw).or(remote.port)?,
        })
    }
}

/// Returns a field's number where there is one and it fits.
#[inline]
fn number<T: TryFrom<u64>>(field: Option<TraceField>, raw: &[u8]) -> Option<T> {
    T::try_from(field?.number(raw)?).ok()
}

/// The contents of an [`AddressField`].
struct AddressValue {
    address: [u8; 16],
    port: Option<u16>,
    family: Option<u16>,
}

impl AddressValue {
    fn address(address: [u8; 16]) -> Self {
        Self { address, port: None, family: None }
    }
}

impl AddressField {
    fn find(format: &TraceFormat, plain: &str, v6: &str) -> Self {
        match (format.field(v6), format.field(plain)) {
            (Some(field), _) => Self::V6(field),
            (None, Some(field)) if field.size == SOCKADDR_LEN => Self::Sockaddr(field),
            (None, Some(field)) => Self::V4(field),
            (None, None) => Self::Absent,
        }
    }

    #[inline]
    fn read(self, raw: &[u8]) -> Option<AddressValue> {
        match self {
            Self::V6(field) => field.bytes(raw).map(AddressValue::address),
            Self::V4(field) => field.bytes(raw).map(mapped).map(AddressValue::address),
            Self::Sockaddr(field) => sockaddr(&field.bytes(raw)?),
            Self::Absent => None,
        }
    }
}

/// Returns `::ffff:a.b.c.d` (`ipv6_addr_set_v4mapped`).
fn mapped(v4: [u8; 4]) -> [u8; 16] {
    let mut address = [0; 16];
    address[10..12].fill(0xff);
    address[12..].copy_from_slice(&v4);
    address
}

/// Reads the family in host order, port in network order, then the address.
fn sockaddr(bytes: &[u8; SOCKADDR_LEN as usize]) -> Option<AddressValue> {
    let family = u16::from_ne_bytes(bytes_at(bytes, 0)?);
    let port = Some(u16::from_be_bytes(bytes_at(bytes, 2)?));
    let address = if family == u16::from(AF_INET6) {
        bytes_at(bytes, 8)?
    } else if family == u16::from(AF_INET) {
        mapped(bytes_at(bytes, 4)?)
    } else {
        return None;
    };
    Some(AddressValue { address, port, family: Some(family) })
}

/// The decoders of the tracepoints that share a ring.
#[derive(Clone, Debug, Default)]
pub struct Decoders(Vec<(u16, Decoder)>);

impl Decoders {
    /// Adds one; samples are told apart by `format.id`.
    pub fn add(
        &mut self,
        tracepoint: Tracepoint,
        format: &TraceFormat,
    ) -> Result<(), &'static str> {
        self.0.push((format.id, Decoder::new(tracepoint, format)?));
        Ok(())
    }

    /// Decodes one sample; `None` where no decoder knows it.
    #[inline]
    pub fn decode(&self, at_ns: u64, raw: &[u8]) -> Option<TraceEvent> {
        // `common_type` is the first field of every event (trace_event.c).
        let id = u16::from_ne_bytes(bytes_at(raw, 0)?);
        self.0.iter().find(|(known, _)| *known == id)?.1.decode(at_ns, raw)
    }
}

/// The events that the kernel may leave out before it writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceFilter {
    /// Only protocol 6: neither SCTP nor the MPTCP sockets above subflows.
    pub tcp_only: bool,
    /// Only sockets with a port from the first to the second of one of these, on
    /// either end; empty is all.
    pub ports: Vec<(u16, u16)>,
}

impl TraceFilter {
    /// Returns the filter in the kernel's language, for an event of this format
    /// (`kernel/trace/trace_events_filter.c`); `None` lets everything through.
    ///
    /// It never drops what is wanted and may let through what is not: a port
    /// of 0 is one that the socket does not have yet (before it is bound) or
    /// has no more (after a disconnect).
    pub fn expression(&self, format: &TraceFormat) -> Option<String> {
        let mut terms = Vec::new();
        if self.tcp_only && format.field("protocol").is_some() {
            terms.push("protocol==6".to_owned());
        }
        let has_ports = format.field("sport").is_some() && format.field("dport").is_some();
        if has_ports && (1..=MOST_PORTS).contains(&self.ports.len()) {
            let within = |field: &str, first: u16, last: u16| match first == last {
                true => format!("{field}=={first}"),
                false => format!("({field}>={first}&&{field}<={last})"),
            };
            let either = |(first, last): &(u16, u16)| {
                format!("{}||{}", within("sport", *first, *last), within("dport", *first, *last))
            };
            let ports: Vec<String> = self.ports.iter().chain([&(0, 0)]).map(either).collect();
            terms.push(format!("({})", ports.join("||")));
        }
        (!terms.is_empty()).then(|| terms.join("&&"))
    }
}

#[cfg(test)]
mod tests;
