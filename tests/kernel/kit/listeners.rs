//! Recipes for listeners: full accept queues, and several sockets on one port.

use std::net::SocketAddr;

use anyhow::Context;
use socket2::Socket;

use super::Result;
use super::procnet::{self, Row};
use super::states::{Family, address_of, bind, connected_to, inode_of, listening, start_connect};

/// A listener whose accept queue is full, with the clients in front of it.
#[derive(Debug)]
pub struct FullQueue {
    pub listener: Socket,
    /// What it is bound to.
    pub local: SocketAddr,
    /// The backlog; the queue holds one more.
    pub limit: u32,
    /// The clients in the queue, as the listener's table shows them: ESTABLISHED, inode 0.
    pub waiting: Vec<SocketAddr>,
    /// The clients whose SYN was dropped, by their own address: SYN_SENT.
    pub blocked: Vec<SocketAddr>,
    /// The listener's row.
    pub row: Row,
    /// The clients' sockets.
    _clients: Vec<Socket>,
}

/// Fills the accept queue of a new listener to the brim and lets `blocked` more clients knock.
/// Each of them adds to the listener's drops, at once and with every repeated SYN.
pub fn full_accept_queue(family: Family, backlog: u32, blocked: usize) -> Result<FullQueue> {
    let listener = listening(family, backlog)?;
    let local = address_of(&listener)?;
    let mut clients = Vec::new();
    let mut waiting = Vec::new();
    let mut row = wait_for_queue(family, &listener, 0)?;
    // sk_acceptq_is_full() asks for more than the backlog, so there is room for one more.
    for length in 1..=backlog + 1 {
        let client = connected_to(family, local.port())?;
        waiting.push(family.loopback(address_of(&client)?.port()));
        clients.push(client);
        // One after the other: a client that overtook would be refused at its ACK, and the
        // queue would then be short of one.
        row = wait_for_queue(family, &listener, length)?;
    }
    let mut knocking = Vec::new();
    for _ in 0..blocked {
        let client = knock(family, local.port())?;
        knocking.push(address_of(&client)?);
        clients.push(client);
    }
    Ok(FullQueue {
        listener,
        local,
        limit: backlog,
        waiting,
        blocked: knocking,
        row,
        _clients: clients,
    })
}

/// A client of a listener that does not answer.
fn knock(family: Family, port: u16) -> Result<Socket> {
    let family = family.of_peer();
    let client = family.tcp_socket()?;
    start_connect(&client, family.loopback(port))?;
    let inode = inode_of(&client)?;
    procnet::wait(family.tcp(), "a blocked client in SYN_SENT", |row| {
        (row.state_name(), row.inode) == ("SYN_SENT", inode)
    })?;
    Ok(client)
}

/// Several listeners on one port with `SO_REUSEPORT`, with backlogs of 1, 2, 3, …
pub fn reuseport_group(family: Family, count: u32) -> Result<Vec<Socket>> {
    let mut group: Vec<Socket> = Vec::new();
    for backlog in 1..=count {
        let socket = family.tcp_socket()?;
        socket.set_reuse_port(true).context("SO_REUSEPORT")?;
        let address = match group.first() {
            Some(first) => address_of(first)?,
            None => family.server(),
        };
        bind(&socket, address)?;
        socket.listen(backlog.try_into()?).context("listen")?;
        wait_for_queue(family, &socket, 0)?;
        group.push(socket);
    }
    Ok(group)
}

/// Waits until the accept queue of a listener has that length.
fn wait_for_queue(family: Family, listener: &Socket, length: u32) -> Result<Row> {
    let inode = inode_of(listener)?;
    let wanted = format!("LISTEN inode {inode} with {length} in its queue");
    procnet::wait(family.tcp(), &wanted, |row| {
        (row.state_name(), row.inode, row.rx_queue) == ("LISTEN", inode, length)
    })
}
