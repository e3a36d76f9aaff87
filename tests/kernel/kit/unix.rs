//! Recipes for unix sockets.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use anyhow::{Context, ensure};
use socket2::{Domain, SockAddr, Socket, Type};

use super::procnet::{self, UnixRow};
use super::states::inode_of;
use super::tempdir::TempDir;
use super::{Result, poll};

/// An abstract name as an attacker would choose it: escape codes, a newline, a bell, a zero byte.
/// The first zero byte, which makes it abstract, is part of it.
pub const NASTY_NAME: &[u8] = b"\0kit\x1b[31mred\nfake line\x07\0end";

/// A unix socket in the state that a recipe promised.
#[derive(Debug)]
pub struct UnixHeld {
    /// The recipe.
    pub what: &'static str,
    /// What it is bound to: a path, or a zero byte and an abstract name.
    pub name: OsString,
    pub inode: u64,
    /// Clients that wait to be accepted.
    pub pending: usize,
    /// The inode at the other end.
    pub peer_inode: Option<u64>,
    pub subject: Socket,
    pub peers: Vec<Socket>,
    /// Where the path leads to.
    _dir: Option<TempDir>,
}

/// A stream listener on a path, with `pending` clients waiting: `backlog` + 1 of them at the most.
pub fn listener(backlog: u32, pending: usize) -> Result<UnixHeld> {
    let mut held = on_path("unix_listener", Type::STREAM)?;
    held.subject.listen(backlog.try_into()?).context("listen")?;
    for _ in 0..pending {
        held.peers.push(client_of(&held.name)?);
    }
    held.pending = pending;
    let path = held.name.as_bytes().to_vec();
    poll("the pending clients in the table", || {
        let waiting =
            procnet::unix_rows()?.iter().filter(|row| row.name == path && row.state == 2).count();
        Ok((waiting == pending).then_some(()))
    })?;
    held.wait(|row| row.listens)?;
    Ok(held)
}

/// The accepted end of a stream connection. It has the name of its listener, which stays open as
/// the last of the peers.
pub fn connected() -> Result<UnixHeld> {
    let mut held = listener(1, 1)?;
    let (accepted, _) = held.subject.accept().context("accept")?;
    let client = held.peers.first().context("no client")?;
    held.what = "unix_connected";
    held.pending = 0;
    held.peer_inode = Some(inode_of(client)?);
    held.inode = inode_of(&accepted)?;
    let listener = std::mem::replace(&mut held.subject, accepted);
    held.peers.push(listener);
    held.wait(|row| row.state == 3)?;
    Ok(held)
}

/// A stream listener under [`NASTY_NAME`].
pub fn nasty_name() -> Result<UnixHeld> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let name = OsString::from_vec(NASTY_NAME.to_vec());
    socket.bind(&SockAddr::unix(&name)?).context("bind")?;
    socket.listen(1).context("listen")?;
    let held = UnixHeld::new("unix_nasty_name", name, socket, None)?;
    held.wait(|row| row.listens)?;
    Ok(held)
}

/// A datagram socket on a path, connected to nobody.
pub fn datagram() -> Result<UnixHeld> {
    let held = on_path("unix_datagram", Type::DGRAM)?;
    held.wait(|row| row.state == 1)?;
    Ok(held)
}

/// A socket that is bound to a path of its own.
fn on_path(what: &'static str, kind: Type) -> Result<UnixHeld> {
    let dir = TempDir::new().context("making a directory")?;
    let path = dir.path().join("socket");
    let socket = Socket::new(Domain::UNIX, kind, None)?;
    socket.bind(&SockAddr::unix(&path)?).context("bind")?;
    UnixHeld::new(what, path.into_os_string(), socket, Some(dir))
}

/// A client that waits to be accepted.
fn client_of(name: &OsStr) -> Result<Socket> {
    let client = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A blocking connect() would sleep while the queue is full; this fails, and the recipe too.
    client.set_nonblocking(true)?;
    client.connect(&SockAddr::unix(name)?).context("connect")?;
    Ok(client)
}

impl UnixHeld {
    fn new(
        what: &'static str,
        name: OsString,
        subject: Socket,
        dir: Option<TempDir>,
    ) -> Result<UnixHeld> {
        Ok(UnixHeld {
            what,
            name,
            inode: inode_of(&subject)?,
            pending: 0,
            peer_inode: None,
            subject,
            peers: Vec::new(),
            _dir: dir,
        })
    }

    /// The name as `/proc/net/unix` and `ss` print it: every zero byte is an `@`.
    pub fn shown_name(&self) -> Vec<u8> {
        let mut name = self.name.as_bytes().to_vec();
        for byte in &mut name {
            if *byte == 0 {
                *byte = b'@';
            }
        }
        name
    }

    /// Waits until the socket's row has its name and satisfies `also`.
    fn wait(&self, also: impl Fn(&UnixRow) -> bool) -> Result<UnixRow> {
        let name = self.shown_name();
        let row = poll(self.what, || {
            let rows = procnet::unix_rows()?;
            Ok(rows.into_iter().find(|row| row.inode == self.inode && also(row)))
        })?;
        ensure!(row.name == name, "the table says {:?}", row.name);
        Ok(row)
    }
}
