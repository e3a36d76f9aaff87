//! Rows made by hand.

use std::net::SocketAddr;

use sockstate::testing::kernel::netlink::Attributes;
use sockstate::testing::kernel::proc_net::{InetLine, ProcAddress};
use sockstate::testing::model::facts::Facts;
use sockstate::testing::model::proto::{Family, Proto, TableId};
use sockstate::testing::model::row::Row;
use sockstate::testing::model::socket::{Socket, Timer, TimerKind};
use sockstate::testing::model::state::State;

/// One row, and the `tcp_info` behind it.
#[derive(Clone, Debug)]
pub struct MadeRow {
    pub socket: Socket,
    info: Vec<u8>,
}

impl MadeRow {
    pub fn new(
        proto: Proto,
        state: State,
        local: SocketAddr,
        remote: SocketAddr,
        cookie: u64,
    ) -> Self {
        let family = if local.is_ipv6() { Family::Inet6 } else { Family::Inet };
        let line = InetLine {
            local: address(local),
            local_port: local.port(),
            remote: address(remote),
            remote_port: remote.port(),
            state: state.number(),
            tx_queue: 0,
            rx_queue: 0,
            timer: 0,
            expires_ms: 0,
            retrans: 0,
            probes: 0,
            uid: 0,
            inode: 0,
            drops: None,
        };
        let mut socket = Socket::from_proc_inet(&line, TableId { proto, family });
        socket.state = state;
        socket.cookie = cookie;
        Self { socket, info: Vec::new() }
    }

    /// A running TIME_WAIT timer.
    pub fn expiring(mut self, expires_ms: u32) -> Self {
        self.socket.timer = Some(Timer { kind: TimerKind::TimeWait, expires_ms, retransmits: 0 });
        self
    }

    /// `tcpi_last_data_recv` and `tcpi_last_ack_recv`.
    pub fn received(mut self, data_ms: u32, ack_ms: u32) -> Self {
        let mut info = vec![0; 232];
        info[52..56].copy_from_slice(&data_ms.to_ne_bytes());
        info[56..60].copy_from_slice(&ack_ms.to_ne_bytes());
        // struct nlattr: length with its own four bytes, INET_DIAG_INFO.
        self.info = [&236_u16.to_ne_bytes()[..], &2_u16.to_ne_bytes()[..], &info[..]].concat();
        self
    }

    pub fn row(&self) -> Row<'_> {
        Row { socket: self.socket, facts: Facts::Inet(Attributes::new(&self.info)) }
    }
}

fn address(at: SocketAddr) -> ProcAddress {
    match at {
        SocketAddr::V4(v4) => ProcAddress::V4(v4.ip().octets()),
        SocketAddr::V6(v6) => ProcAddress::V6(v6.ip().octets()),
    }
}
