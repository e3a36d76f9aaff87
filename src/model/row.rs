//! A row as it streams by: the socket and the facts that came with it.

use super::facts::Facts;
use super::socket::Socket;

/// One row of a table, borrowed from where it was read.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The fixed part.
    pub socket: Socket,
    /// The rest.
    pub facts: Facts<'a>,
}
