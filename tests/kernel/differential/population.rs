//! Some thousands of sockets of every kind.

use std::io::Write;
use std::mem::MaybeUninit;

use anyhow::{Context, ensure};
use rustix::fs::{Uid, fchown};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::kit::listeners::{FullQueue, full_accept_queue, reuseport_group};
use crate::kit::states::{self, Family, Held};
use crate::kit::tempdir::TempDir;
use crate::kit::unix::UnixHeld;
use crate::kit::{Result, many_descriptors, udp, unix};

/// Connections of each family, in half a dozen states each.
const CONNECTIONS: usize = 500;

/// Clients of each family that nobody accepts.
const UNACCEPTED: usize = 60;

/// A user other than ours, for some of the sockets.
const SOMEBODY: u32 = 54_321;

/// What must stay open.
#[derive(Default)]
pub struct Population {
    sockets: Vec<Socket>,
    held: Vec<Held>,
    full: Vec<FullQueue>,
    unix: Vec<UnixHeld>,
    dir: Option<TempDir>,
}

/// All populations together hold fewer.
const DESCRIPTORS: u64 = 8_192;

/// TCP: every recipe, full queues, a group on one port, a listener on a device, and the crowd.
pub fn tcp(may_chown: bool) -> Result<Population> {
    many_descriptors(DESCRIPTORS)?;
    let mut population = Population::default();
    for family in Family::ALL {
        for recipe in states::ALL {
            population.held.push((recipe.make)(family)?);
        }
        population.full.push(full_accept_queue(family, 3, 2)?);
        population.sockets.extend(reuseport_group(family, 3)?);
        population.crowd(family)?;
    }
    population.sockets.push(listener_on_device()?);
    if may_chown {
        population.give_some_away()?;
    }
    Ok(population)
}

impl Population {
    /// Many connections through one listener, ended in different ways.
    fn crowd(&mut self, family: Family) -> Result<()> {
        let listener = states::listening(family, 4_096)?;
        let port = states::address_of(&listener)?.port();
        for number in 0..CONNECTIONS {
            let mut client = states::connected_to(family, port)?;
            let (server, _) = listener.accept().context("accept")?;
            match number % 5 {
                0 => client.write_all(&vec![b'x'; number])?,
                1 => client.shutdown(std::net::Shutdown::Write)?,
                2 => server.shutdown(std::net::Shutdown::Write)?,
                3 => {
                    // Both go; the client's end stays behind in TIME_WAIT.
                    drop(client);
                    let count = server.recv(&mut [MaybeUninit::uninit()])?;
                    ensure!(count == 0, "{count} bytes instead of the end");
                    continue;
                }
                _ => {}
            }
            self.sockets.extend([client, server]);
        }
        for _ in 0..UNACCEPTED {
            self.sockets.push(states::connected_to(family, port)?);
        }
        self.sockets.push(listener);
        Ok(())
    }

    /// Every tenth socket to somebody else. (Not the recipes': of a request `/proc` says the
    /// listener's user, and sock_diag root.)
    fn give_some_away(&self) -> Result<()> {
        for socket in self.sockets.iter().step_by(10) {
            fchown(socket, Some(Uid::from_raw(SOMEBODY)), None).context("fchown")?;
        }
        Ok(())
    }
}

/// A listener that hears only `lo`.
fn listener_on_device() -> Result<Socket> {
    let socket = Family::V4.tcp_socket()?;
    socket.bind_device(Some(b"lo")).context("SO_BINDTODEVICE")?;
    states::bind(&socket, Family::V4.loopback(0))?;
    socket.listen(5).context("listen")?;
    Ok(socket)
}

/// UDP, read and unread, connected and not, with drops.
pub fn udp() -> Result<Population> {
    many_descriptors(DESCRIPTORS)?;
    let mut population = Population::default();
    for family in Family::ALL {
        for unread in 0..60 {
            population.held.push(udp::unconnected(family, unread % 4)?);
            population.held.push(udp::connected(family, unread % 3)?);
        }
        population.held.push(udp::with_drops(family)?);
    }
    Ok(population)
}

/// Unix sockets of every type and state, with names and without.
pub fn unix() -> Result<Population> {
    many_descriptors(DESCRIPTORS)?;
    let mut population = Population::default();
    let dir = TempDir::new()?;
    for kind in [Type::STREAM, Type::DGRAM, Type::SEQPACKET] {
        for number in 0..150_usize {
            let (one, other) = Socket::pair(Domain::UNIX, kind, None).context("socketpair")?;
            if number % 3 == 0 {
                one.send(&vec![b'x'; number + 1]).context("send")?;
            }
            population.sockets.extend([one, other]);
        }
        for number in 0..20 {
            let socket = Socket::new(Domain::UNIX, kind, None)?;
            let name = format!("{}-{number}", i32::from(kind));
            let path = dir.path().join(&name).into_os_string();
            let name = if number % 2 == 0 { path } else { format!("\0{name}").into() };
            socket.bind(&SockAddr::unix(name)?).context("bind")?;
            if kind != Type::DGRAM && number % 4 < 2 {
                socket.listen(number).context("listen")?;
            }
            population.sockets.push(socket);
        }
    }
    for (backlog, pending) in [(2, 3), (5, 2), (0, 0)] {
        population.unix.push(unix::listener(backlog, pending)?);
    }
    population.unix.push(unix::connected()?);
    population.dir = Some(dir);
    Ok(population)
}
