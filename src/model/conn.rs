//! A socket as the rules see it: decoded once, no borrowed bytes.

use crate::kernel::inet_diag::MEMORY_FIELDS;
use crate::kernel::tcp_info::{
    BACKOFF, BYTES_ACKED, BYTES_RECEIVED, LAST_ACK_RECV, LAST_DATA_RECV, LAST_DATA_SENT, NOTSENT,
    RTO, RWND_LIMITED, SND_WND, TOTAL_RTO_TIME, TcpInfo,
};

use super::address::Endpoint;
use super::age::Age;
use super::queues::Queues;
use super::row::Row;
use super::socket::Timer;
use super::standing::Standing;
use super::state::State;
use super::want::TableId;

/// An internet socket that a rule looks at closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conn {
    /// Which table it is of.
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
    /// What stands behind it.
    pub standing: Standing,
    /// The running timer.
    pub timer: Option<Timer>,
    /// Received and not read, bytes.
    pub recv_q: Option<u32>,
    /// Sent and not acknowledged or not sent yet, bytes.
    pub send_q: Option<u32>,
    /// Time in its state, where one row proves it.
    pub age: Option<Age>,
    /// What `tcp_info` said, where it was asked for and sent.
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
    /// From a row; `None` for one that is no internet socket.
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

    /// How long it has been retransmitting: the time since the first timeout
    /// (`tcp_update_rto_time`, Linux 6.7), or less.
    pub fn retransmitting_ms(&self) -> Option<u64> {
        self.info?.total_rto_time_ms
    }

    /// At least so long nothing of what waits could be sent because the peer
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

/// The ACK of our FIN began the state (`tcp_rcv_state_process`), and no later
/// ACK came than the last one: a lower bound, exact where the peer is silent.
fn fin_wait2(state: State, standing: Standing, info: Option<&ConnInfo>) -> Option<Age> {
    let owned = state == State::FinWait2 && standing == Standing::Descriptor;
    let min_ms = info.filter(|_| owned)?.last_ack_recv_ms?;
    Some(Age { min_ms, max_ms: None })
}

/// Places among [`MEMORY_FIELDS`].
const RCVBUF: usize = 1;
const SNDBUF: usize = 3;
