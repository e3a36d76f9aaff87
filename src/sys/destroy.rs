//! The ends of sockets as the kernel reports them, without any privilege.
//!
//! Listens to the destroy multicast of `NETLINK_SOCK_DIAG` in the network
//! namespace that is looked into. The kernel tells no time; it sends
//! the message from a work queue soon after the end.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};

use crate::kernel::destroy::{DestroyedSocket, GROUPS};
use crate::kernel::netlink::{Datagram, Dump};

use super::clock::monotonic_ns;
use super::netns;
use super::rights::{self, Purpose};

/// A message takes about 1 KiB of it: some 16,000 sockets between two drains.
const RECEIVE_BUFFER: usize = 16 << 20;

/// Far more than any message (380 bytes on 6.18).
const DATAGRAM_LEN: usize = 16 * 1024;

/// Datagrams per drain; more wait for the next one, so that a caller that can
/// not keep up still gets to do something else.
const MOST_AT_ONCE: usize = 10_000;

/// The multicast carries no request's number (`nlmsg_put(skb, 0, 0, …)`).
const SEQUENCE: u32 = 0;

/// The yield of one drain. Reuse it: its memory is kept.
#[derive(Clone, Debug, Default)]
pub struct DestroyedBatch {
    /// In the order in which the kernel reported them.
    pub sockets: Vec<DestroyedSocket>,
    /// All of them had ended by this monotonic time.
    pub until_ns: u64,
    /// Reports that were dropped because nobody took them in time, or that
    /// could not be read.
    pub lost: u64,
}

/// The subscription; it ends when dropped.
pub struct DestroyListener {
    socket: Socket,
    buffer: Vec<u8>,
    dump: Dump,
    /// Messages that found the queue full, by the kernel's count at the last drain.
    drops: u32,
    /// Messages that could not be read, reported so far.
    unread: u64,
}

impl DestroyListener {
    /// Subscribes to TCP and UDP of both families.
    ///
    /// While anybody listens the kernel ends every socket of the namespace
    /// through a work queue.
    pub fn open() -> io::Result<Self> {
        Self::with_buffer(RECEIVE_BUFFER)
    }

    /// Opens it with a receive buffer of another size, bytes; without the privilege to
    /// exceed it no larger than `net.core.rmem_max`.
    pub fn with_buffer(bytes: usize) -> io::Result<Self> {
        let mut socket = netns::inside(|| Socket::new(NETLINK_SOCK_DIAG))??;
        if force_receive_buffer(&socket, bytes).is_err() {
            set_socket_recv_buffer_size(&socket, bytes)?;
        }
        socket.set_non_blocking(true)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        let (buffer, dump) = (vec![0; DATAGRAM_LEN], Dump::new(SEQUENCE));
        Ok(Self { socket, buffer, dump, drops: 0, unread: 0 })
    }

    /// Waits for a report, at most for `timeout`, and takes all there are. A
    /// signal ends the wait early.
    pub fn drain(&mut self, timeout: Duration, into: &mut DestroyedBatch) -> io::Result<()> {
        into.sockets.clear();
        into.lost = 0;
        self.wait(timeout)?;
        for _ in 0..MOST_AT_ONCE {
            match self.receive(into) {
                Ok(()) => {}
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => break,
                    // Said once; the count below tells how many.
                    Some(libc::ENOBUFS | libc::EINTR) => {}
                    _ => return Err(error),
                },
            }
        }
        into.until_ns = monotonic_ns();
        into.lost = self.new_losses();
        Ok(())
    }

    fn wait(&self, timeout: Duration) -> io::Result<()> {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        let timeout = Timespec::try_from(timeout).ok();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes one datagram.
    fn receive(&mut self, into: &mut DestroyedBatch) -> io::Result<()> {
        let mut space = self.buffer.as_mut_slice();
        let (full_len, sender) = self.socket.recv_from(&mut space, libc::MSG_TRUNC)?;
        let bytes = &self.buffer[..full_len.min(self.buffer.len())];
        // Anybody may send to our port; `feed` takes the kernel's messages only.
        let datagram = Datagram { bytes, full_len, sender: sender.port_number() };
        self.dump.feed(datagram, &mut |payload| {
            into.sockets.extend(DestroyedSocket::parse(payload));
            ControlFlow::Continue(())
        });
        Ok(())
    }

    /// Returns the losses since the last call.
    fn new_losses(&mut self) -> u64 {
        let drops = drops(&self.socket).unwrap_or(self.drops);
        let dropped = since(&mut self.drops, drops);
        let unread = self.dump.malformed.saturating_add(self.dump.truncated);
        let new = unread.saturating_sub(std::mem::replace(&mut self.unread, unread));
        new.saturating_add(dropped)
    }
}

/// Returns by how much a counter of the kernel has grown, which goes on with 0 behind
/// 2³² - 1 (`sk_drops`).
fn since(before: &mut u32, now: u32) -> u64 {
    now.wrapping_sub(std::mem::replace(before, now)).into()
}

fn force_receive_buffer(socket: &Socket, bytes: usize) -> io::Result<()> {
    let _raised = rights::raise(Purpose::Netlink);
    Ok(set_socket_recv_buffer_size_force(socket, bytes)?)
}

/// Returns how many messages found the socket's queue full (`netlink_overrun`), by
/// `SO_MEMINFO` (Linux 4.12), which fills `SK_MEMINFO_VARS` numbers.
#[expect(unsafe_code, reason = "no dependency of ours knows this socket option")]
fn drops(socket: impl AsFd) -> Option<u32> {
    const SK_MEMINFO_DROPS: usize = 8;
    let mut numbers = [0u32; SK_MEMINFO_DROPS + 1];
    let mut len = size_of_val(&numbers) as libc::socklen_t;
    // SAFETY: the kernel writes no more than `len` bytes to the array, of which it is the
    // length, and any bytes are numbers.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            numbers.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    (result == 0).then_some(numbers[SK_MEMINFO_DROPS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_on_where_the_kernel_s_count_begins_anew() {
        let mut before = 0;
        assert_eq!(since(&mut before, u32::MAX - 1), u64::from(u32::MAX) - 1);
        assert_eq!(since(&mut before, 3), 5);
        assert_eq!(since(&mut before, 3), 0);
    }
}
