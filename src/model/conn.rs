//! A socket as the rules see it: decoded once, no borrowed bytes.

use crate::kernel::inet_diag::MEMORY_FIELDS;
use crate::kernel::tcp_info::{
    BACKOFF, BYTES_ACKED, BYTES_RECEIVED, LAST_ACK_RECV, LAST_DATA_RECV, LAST_DATA_SENT, NOTSENT,
    RTO, RWND_LIMITED, SND_WND, TOTAL_RTO_TIME, TcpInfo,
};

use super::address::Endpoint;
use super::age::Age;
use super::proto::TableId;
use super::queues::Queues;
use super::row::Row;
use super::socket::{Timer, TimerKind};
use super::standing::Standing;
use super::state::State;

/// An internet socket that a rule looks at closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conn {
    /// The table it is of.
    pub table: TableId,
    /// The state.
    pub state: State,
    /// Our end.
    pub local: Endpoint,
    /// The peer's end.
    pub remote: Endpoint,
    /// The kernel's id, 0 where the source does not tell.
    pub cookie: u64,
    /// Inode of its descriptor; 0: none.
    pub inode: u32,
    /// Owner's user id, where known.
    pub uid: Option<u32>,
    /// The descriptor behind it, or the reason for having none.
    pub standing: Standing,
    /// The running timer.
    pub timer: Option<Timer>,
    /// Received and not read, bytes.
    pub recv_q: Option<u32>,
    /// Sent and not acknowledged or not sent yet, bytes.
    pub send_q: Option<u32>,
    /// Time in its state, where one row proves it.
    pub age: Option<Age>,
    /// The contents of `tcp_info`, where it was asked for and sent.
    pub info: Option<ConnInfo>,
    /// Buffer sizes and drops, where asked for and sent.
    pub memory: Option<ConnMemory>,
    /// Packets dropped at the socket.
    pub drops: Option<u32>,
}

/// The numbers of `tcp_info` that rules use. Times in milliseconds; a field
/// this kernel does not have is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnInfo {
    /// Doublings of the retransmission timeout.
    pub backoff: Option<u64>,
    /// Retransmission timeout in force.
    pub rto_ms: Option<u64>,
    /// Bytes never sent.
    pub notsent: Option<u64>,
    /// The peer's window, bytes.
    pub snd_wnd: Option<u64>,
    /// Time in which the peer's window was the limit, over the whole life.
    pub rwnd_limited_ms: Option<u64>,
    /// Since data was last sent.
    pub last_data_sent_ms: Option<u64>,
    /// Since data last came.
    pub last_data_recv_ms: Option<u64>,
    /// Since an ACK last came.
    pub last_ack_recv_ms: Option<u64>,
    /// Time in retransmission timeouts over the whole life.
    pub total_rto_time_ms: Option<u64>,
    /// Bytes the peer acknowledged.
    pub bytes_acked: Option<u64>,
    /// Bytes received, a FIN counts one.
    pub bytes_received: Option<u64>,
}

/// Buffers, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnMemory {
    /// Size of the receive buffer.
    pub rcvbuf: Option<u32>,
    /// Size of the send buffer.
    pub sndbuf: Option<u32>,
}

impl Conn {
    /// Makes it from a row; `None` for one that is no internet socket.
    pub fn of(row: &Row<'_>) -> Option<Self> {
        let socket = &row.socket;
        let (recv_q, send_q) = match Queues::of(row) {
            Queues::Bytes { recv, send } => (recv, send),
            Queues::Accept(_) => (None, None),
        };
        let standing = Standing::of(row);
        let info = row.info_bytes().map(|bytes| ConnInfo::of(TcpInfo::new(bytes)));
        Some(Self {
            table: socket.table,
            state: socket.state,
            local: socket.local()?,
            remote: socket.remote()?,
            cookie: socket.cookie,
            inode: socket.inode,
            uid: socket.uid,
            standing,
            timer: socket.timer,
            recv_q,
            send_q,
            age: Age::of(row).or_else(|| fin_wait2(socket.state, standing, info.as_ref())),
            info,
            memory: row.facts.memory().map(|memory| ConnMemory {
                rcvbuf: memory.get(&MEMORY_FIELDS[RCVBUF]),
                sndbuf: memory.get(&MEMORY_FIELDS[SNDBUF]),
            }),
            drops: row.facts.drops(),
        })
    }

    /// Retransmits or unanswered probes of the running timer.
    pub fn retransmits(&self) -> u64 {
        self.timer.map_or(0, |timer| timer.retransmits.into())
    }

    /// Returns how long it has been retransmitting: the time since the first timeout, or
    /// less. `tcpi_total_rto_time` does not tell it, nor the time since the last
    /// ACK: that counts every stall of the connection's life, this its idleness.
    /// But each timeout is twice the one before (`tcp_retransmit_timer`), so the
    /// present one tells how long those before it took.
    pub fn retransmitting_ms(&self) -> Option<u64> {
        retransmitting_ms(&self.info?, &self.timer?)
    }

    /// Returns for how long at least nothing of what waits could be sent because the peer
    /// offers no window. It must have been the limit so long in all, and the
    /// last data, which could still be sent, is so long ago; probes of the
    /// window carry none (`tcp_xmit_probe_skb`).
    pub fn zero_window_ms(&self) -> Option<u64> {
        let info = self.info?;
        if info.snd_wnd? > 0 || self.send_q? == 0 {
            return Some(0);
        }
        Some(info.rwnd_limited_ms?.min(info.last_data_sent_ms?))
    }
}

impl ConnInfo {
    fn of(info: TcpInfo<'_>) -> Self {
        let thousandth = |n: u64| n / 1000;
        Self {
            backoff: info.get(&BACKOFF),
            rto_ms: info.get(&RTO).map(|stored| stored / u64::from(RTO.divisor)),
            notsent: info.get(&NOTSENT),
            snd_wnd: info.get(&SND_WND),
            rwnd_limited_ms: info.get(&RWND_LIMITED).map(thousandth),
            last_data_sent_ms: info.get(&LAST_DATA_SENT),
            last_data_recv_ms: info.get(&LAST_DATA_RECV),
            last_ack_recv_ms: info.get(&LAST_ACK_RECV),
            total_rto_time_ms: info.get(&TOTAL_RTO_TIME),
            bytes_acked: info.get(&BYTES_ACKED),
            bytes_received: info.get(&BYTES_RECEIVED),
        }
    }
}

/// `TCP_RTO_MIN` and `TCP_RTO_MAX` (include/net/tcp.h).
const RTO_MIN_MS: u64 = 200;
const RTO_MAX_MS: u64 = 120_000;

fn retransmitting_ms(info: &ConnInfo, timer: &Timer) -> Option<u64> {
    if timer.kind != TimerKind::Retransmit || timer.retransmits == 0 {
        return Some(0);
    }
    let (rto, backoff) = (info.rto_ms?, info.backoff?.min(63));
    // A timeout at its limit (TCP_RTO_MAX) tells nothing but that the first was
    // not below the least (TCP_RTO_MIN).
    let first = if rto >= RTO_MAX_MS { RTO_MIN_MS } else { rto >> backoff };
    let nth = |n: u64| first.saturating_mul(1 << n).min(rto);
    let earlier: u64 = (1..backoff).map(nth).sum();
    let since = earlier.saturating_add(rto.saturating_sub(timer.expires_ms.into()));
    Some(since.min(info.total_rto_time_ms.unwrap_or(u64::MAX)))
}

/// Returns the ACK of our FIN began the state (`tcp_rcv_state_process`), and no later
/// ACK came than the last one: a lower bound, exact where the peer is silent.
fn fin_wait2(state: State, standing: Standing, info: Option<&ConnInfo>) -> Option<Age> {
    let owned = state == State::FinWait2 && standing == Standing::Descriptor;
    let min_ms = info.filter(|_| owned)?.last_ack_recv_ms?;
    Some(Age { min_ms, max_ms: None })
}

/// Places among [`MEMORY_FIELDS`].
const RCVBUF: usize = 1;
const SNDBUF: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// How long one has been retransmitting whose timeout was doubled so often.
    fn since(rto_ms: u64, backoff: u64, expires_ms: u32, total: Option<u64>) -> Option<u64> {
        let timer = Timer { kind: TimerKind::Retransmit, expires_ms, retransmits: 1 };
        let info = ConnInfo {
            rto_ms: Some(rto_ms),
            backoff: Some(backoff),
            total_rto_time_ms: total,
            ..ConnInfo::default()
        };
        retransmitting_ms(&info, &timer)
    }

    #[test]
    fn a_stall_is_as_old_as_its_doubled_timeouts() {
        // 200 ms to the first timeout, then 400 ms, 800 ms, and 600 of 1600 ms.
        assert_eq!(since(1_600, 3, 1_000, None), Some(400 + 800 + 600));
        assert_eq!(since(400, 1, 400, None), Some(0), "the first timeout is now");
        assert_eq!(since(1_600, 3, 1_000, Some(1_700)), Some(1_700), "no more than the kernel's");
        assert_eq!(since(1_600, 3, 1_000, Some(30_000)), Some(1_800), "which has earlier stalls");
        // From 200 ms up to 102.4 s, then twice the limit.
        let to_the_limit: u64 = (1..=9).map(|n| 200 << n).sum();
        assert_eq!(since(120_000, 12, 120_000, None), Some(to_the_limit + 2 * 120_000));
    }
}
