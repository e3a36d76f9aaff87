//! Ages: the time that a socket has been in its state, where one row proves it.

use crate::kernel::tcp_info::{
    BYTES_RECEIVED, LAST_ACK_RECV, LAST_DATA_RECV, RTO, TOTAL_RTO_TIME, TcpInfo,
};

use super::row::Row;
use super::socket::{Socket, TimerKind};
use super::standing::Standing;
use super::state::State;

/// `TCP_TIMEWAIT_LEN` (`include/net/tcp.h`): no sysctl changes it.
pub const TIME_WAIT_MS: u64 = 60_000;

/// `TCP_TIMEOUT_INIT`: the first SYN is repeated after one second.
const FIRST_SYN_TIMEOUT_MS: u64 = 1_000;

/// Bounds on a time in milliseconds; equal when it is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// At least this long.
    pub min_ms: u64,
    /// At most this long, where that is known.
    pub max_ms: Option<u64>,
}

impl Age {
    fn exact(ms: u64) -> Self {
        Self { min_ms: ms, max_ms: Some(ms) }
    }

    /// Returns the time in its present state of `row`; `None` where nothing proves it.
    pub fn of(row: &Row<'_>) -> Option<Self> {
        match row.socket.state {
            State::CloseWait => close_wait(row.tcp_info()?),
            State::SynSent => syn_sent(&row.socket, row.tcp_info()?),
            State::TimeWait => time_wait(&row.socket),
            State::Established if Standing::of(row) == Standing::Unaccepted => {
                unaccepted(row.tcp_info()?)
            }
            _ => None,
        }
    }
}

/// Proves the age by ACKs: the FIN carries one, so one was accepted no earlier than it came
/// (`tcp_ack` sets `rcv_tstamp`), and no data can follow a FIN: the state began
/// between the last data and the last ACK.
fn close_wait(info: TcpInfo<'_>) -> Option<Age> {
    let since_ack = info.get(&LAST_ACK_RECV)?;
    let since_data = info.get(&LAST_DATA_RECV)?;
    Some(Age { min_ms: since_ack.min(since_data), max_ms: Some(since_data) })
}

/// Proves the age by the timer before the first retransmit; afterwards the kernel counts
/// the time since the first timeout (`tcp_update_rto_time`, Linux 6.7).
fn syn_sent(socket: &Socket, info: TcpInfo<'_>) -> Option<Age> {
    let timer = socket.timer.filter(|t| t.kind == TimerKind::Retransmit)?;
    if timer.retransmits == 0 {
        let rto_ms = info.get(&RTO)? / u64::from(RTO.divisor);
        return Some(Age::exact(rto_ms.saturating_sub(timer.expires_ms.into())));
    }
    info.get(&TOTAL_RTO_TIME).map(|ms| Age::exact(ms.saturating_add(FIRST_SYN_TIMEOUT_MS)))
}

/// Proves the age by the timer, which runs down from 60 s and fires up to 2 s late (timer wheel
/// granularity), during which it shows 0: then only a lower bound is known.
fn time_wait(socket: &Socket) -> Option<Age> {
    let timer = socket.timer.filter(|t| t.kind == TimerKind::TimeWait)?;
    let age = TIME_WAIT_MS.saturating_sub(timer.expires_ms.into());
    Some(Age { min_ms: age, max_ms: (timer.expires_ms > 0).then_some(age) })
}

/// Proves the age by `lrcvtime`, set at establishment (`tcp_create_openreq_child`), which moves
/// with data: the connection is at least that old, exactly where none came.
fn unaccepted(info: TcpInfo<'_>) -> Option<Age> {
    let since_data = info.get(&LAST_DATA_RECV)?;
    let no_data = info.get(&BYTES_RECEIVED) == Some(0);
    Some(Age { min_ms: since_data, max_ms: no_data.then_some(since_data) })
}
