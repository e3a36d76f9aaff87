//! A row as it streams by: the socket and the facts that came with it.

use crate::kernel::tcp_info::TcpInfo;

use super::facts::Facts;
use super::proto::Proto;
use super::socket::Socket;
use super::state::State;

/// One row of a table, borrowed from where it was read.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The fixed part.
    pub socket: Socket,
    /// The rest.
    pub facts: Facts<'a>,
}

impl<'a> Row<'a> {
    /// Returns the protocol's own structure, `tcp_info` or `mptcp_info`, where it means
    /// what its fields say: a listener's holds the accept queue in two of them
    /// (`tcp_get_info`).
    pub fn info_bytes(&self) -> Option<&'a [u8]> {
        self.facts.info_bytes().filter(|_| self.socket.state != State::Listen)
    }

    /// Returns `tcp_info`; an MPTCP row has another structure in its place.
    pub fn tcp_info(&self) -> Option<TcpInfo<'a>> {
        let tcp = self.socket.table.proto == Proto::Tcp;
        self.info_bytes().filter(|_| tcp).map(TcpInfo::new)
    }
}
