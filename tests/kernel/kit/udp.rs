//! Recipes for UDP sockets.
//!
//! The receive queue of UDP counts the memory that the datagrams take, with all overhead, so a
//! recipe promises no more about it than whether there is something.

use std::net::SocketAddr;

use anyhow::Context;
use socket2::{Protocol, Socket, Type};

use super::Result;
use super::procnet::{self, Row};
use super::states::{Family, Held, address_of, bind, inode_of};

/// An unconnected socket, with that many datagrams nobody has read.
pub fn unconnected(family: Family, unread: usize) -> Result<Held> {
    let socket = bound(family)?;
    let sender = sender_to(family, &socket)?;
    send(&sender, unread)?;
    let row = wait(family, &socket, |row| (row.rx_queue > 0) == (unread > 0))?;
    held("udp_unconnected", "CLOSE", family, row, socket, sender)
}

/// A socket that is connected to its peer, with that many datagrams nobody has read.
pub fn connected(family: Family, unread: usize) -> Result<Held> {
    let socket = bound(family)?;
    let sender = sender_to(family, &socket)?;
    let peer = family.loopback(address_of(&sender)?.port());
    socket.connect(&peer.into()).context("connect")?;
    send(&sender, unread)?;
    let row = wait(family, &socket, |row| (row.rx_queue > 0) == (unread > 0))?;
    held("udp_connected", "ESTABLISHED", family, row, socket, sender)
}

/// An unconnected socket whose buffer is full and which has dropped datagrams.
pub fn with_drops(family: Family) -> Result<Held> {
    let socket = bound(family)?;
    // The kernel makes that the smallest size it allows, some 2 KiB.
    socket.set_recv_buffer_size(1).context("SO_RCVBUF")?;
    let sender = sender_to(family, &socket)?;
    send(&sender, 64)?;
    let row = wait(family, &socket, |row| row.drops > Some(0))?;
    held("udp_with_drops", "CLOSE", family, row, socket, sender)
}

/// The socket under test, bound as a server would.
fn bound(family: Family) -> Result<Socket> {
    let socket = family.socket(Type::DGRAM, Protocol::UDP)?;
    bind(&socket, family.server())?;
    Ok(socket)
}

/// A socket that is connected to `receiver`.
fn sender_to(family: Family, receiver: &Socket) -> Result<Socket> {
    let peer_family = family.of_peer();
    let socket = peer_family.socket(Type::DGRAM, Protocol::UDP)?;
    let target: SocketAddr = peer_family.loopback(address_of(receiver)?.port());
    socket.connect(&target.into()).context("connect")?;
    Ok(socket)
}

/// Sends that many datagrams of 200 bytes.
fn send(sender: &Socket, count: usize) -> Result<()> {
    for _ in 0..count {
        sender.send(&[b'x'; 200]).context("send")?;
    }
    Ok(())
}

/// Waits until the socket's row satisfies `also`.
fn wait(family: Family, socket: &Socket, also: impl Fn(&Row) -> bool) -> Result<Row> {
    let inode = inode_of(socket)?;
    procnet::wait(family.udp(), &format!("inode {inode}"), |row| row.inode == inode && also(row))
}

/// Finishes a recipe.
fn held(
    what: &'static str,
    state: &'static str,
    family: Family,
    row: Row,
    socket: Socket,
    sender: Socket,
) -> Result<Held> {
    anyhow::ensure!(row.state_name() == state, "{what} is {row}");
    Ok(Held {
        what,
        family,
        state,
        local: row.local,
        remote: row.remote,
        row: Some(row),
        subject: Some(socket),
        peer: Some(sender),
        keep: Vec::new(),
    })
}
