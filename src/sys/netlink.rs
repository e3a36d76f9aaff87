//! The `NETLINK_SOCK_DIAG` socket: sends a dump request and receives the rows.

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::kernel::dump_file::hide_keys;
use crate::kernel::netlink::{Datagram, Dump, Progress};

use super::netns;
use super::rights::{self, Purpose, Raised};

/// The kernel never makes a larger datagram (`netlink_dump` allocates at most
/// 32 KiB); twice that leaves room for a kernel that does.
const BUFFER_LEN: usize = 64 * 1024;

/// Longer than any dump step takes; only a lost answer runs into it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of times that a dump is asked for that was refused before its first row.
const ATTEMPTS: u32 = 3;

/// The end of a dump.
#[derive(Debug)]
pub enum DumpEnd {
    /// The kernel sent everything.
    Done,
    /// The receiver of the rows wanted no more.
    Stopped,
    /// It broke off; rows before that were handed on.
    Failed(io::Error),
}

/// A dump's course and its end.
#[derive(Debug)]
pub struct DumpOutcome {
    /// The datagrams that were received, and what went wrong on the way.
    pub dump: Dump,
    /// The end of it.
    pub end: DumpEnd,
}

/// A socket for one dump at a time: the kernel answers `EBUSY` to a second one.
pub struct DiagSocket {
    socket: Socket,
    buffer: Vec<u8>,
    seq: u32,
    copy: Option<Copy>,
}

/// The sink for a copy of everything received.
struct Copy {
    to: File,
    error: Option<io::Error>,
}

impl DiagSocket {
    /// Opens the socket in the network namespace that is looked into; it stays
    /// there for good.
    pub fn open() -> io::Result<Self> {
        let socket = netns::inside(|| {
            let _raised = raise();
            Socket::new(NETLINK_SOCK_DIAG)
        })??;
        set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER_TIMEOUT))?;
        Ok(Self { socket, buffer: vec![0; BUFFER_LEN], seq: 0, copy: None })
    }

    /// Writes from now on a copy of every datagram of the kernel to a file, but
    /// for keys.
    pub fn copy_to(&mut self, file: File) {
        self.copy = Some(Copy { to: file, error: None });
    }

    /// Leaves behind a dump that the kernel still counts as running.
    ///
    /// # Errors
    /// When there can be no new socket.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.socket = Self::open()?.socket;
        Ok(())
    }

    /// Returns the first error of writing the copy.
    pub fn copy_error(&mut self) -> Option<io::Error> {
        self.copy.as_mut()?.error.take()
    }

    /// Sends a request that changes something and waits for the kernel's word;
    /// `request` makes the message for a sequence number.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn act(&mut self, request: &dyn Fn(u32) -> Vec<u8>) -> io::Result<()> {
        let _raised = raise();
        self.seq = self.seq.wrapping_add(1);
        self.send(&request(self.seq))?;
        let mut dump = Dump::new(self.seq);
        loop {
            let (full_len, sender) = self.receive()?;
            let bytes = &self.buffer[..full_len.min(self.buffer.len())];
            let datagram = Datagram { bytes, full_len, sender };
            match dump.feed_acknowledgement(datagram) {
                None => {}
                Some(0) => return Ok(()),
                Some(errno) => return Err(io::Error::from_raw_os_error(errno)),
            }
        }
    }

    /// Asks for one row; `request` makes the message for a sequence number.
    /// Nothing is handed on when the kernel has no such socket.
    ///
    /// # Errors
    /// When the kernel refuses or does not answer.
    pub fn get(
        &mut self,
        request: &dyn Fn(u32) -> Vec<u8>,
        row: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()> {
        let _raised = raise();
        self.seq = self.seq.wrapping_add(1);
        self.send(&request(self.seq))?;
        let mut dump = Dump::new(self.seq);
        loop {
            let (full_len, sender) = self.receive()?;
            let bytes = &self.buffer[..full_len.min(self.buffer.len())];
            let datagram = Datagram { bytes, full_len, sender };
            let progress = dump.feed(datagram, &mut |payload| {
                row(payload);
                ControlFlow::Break(())
            });
            match progress {
                Progress::More => {}
                Progress::Done | Progress::Stopped => return Ok(()),
                Progress::Failed(libc::ENOENT) => return Ok(()),
                Progress::Failed(errno) => return Err(io::Error::from_raw_os_error(errno)),
            }
        }
    }

    /// Runs one dump; `request` makes the message for a sequence number.
    ///
    /// A request that fails before its first row with an error that passes by
    /// itself is repeated; later the rows are already handed on.
    pub fn dump(
        &mut self,
        request: &dyn Fn(u32) -> Vec<u8>,
        row: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> DumpOutcome {
        let mut attempt = 1;
        loop {
            let outcome = self.dump_once(request, row);
            let again = match &outcome.end {
                DumpEnd::Failed(error) => {
                    attempt < ATTEMPTS && outcome.dump.rows == 0 && passes_by_itself(error)
                }
                DumpEnd::Done | DumpEnd::Stopped => false,
            };
            if !again {
                return outcome;
            }
            attempt += 1;
        }
    }

    fn dump_once(
        &mut self,
        request: &dyn Fn(u32) -> Vec<u8>,
        row: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> DumpOutcome {
        self.exchange(request, &mut |dump, datagram| dump.feed(datagram, row))
    }

    /// Sends one dump request and hands each datagram of the answer to `feed`,
    /// until that says that it was the last.
    pub fn exchange(
        &mut self,
        request: &dyn Fn(u32) -> Vec<u8>,
        feed: &mut dyn FnMut(&mut Dump, Datagram<'_>) -> Progress,
    ) -> DumpOutcome {
        let _raised = raise();
        self.seq = self.seq.wrapping_add(1);
        let mut dump = Dump::new(self.seq);
        if let Err(error) = self.send(&request(self.seq)) {
            return DumpOutcome { dump, end: DumpEnd::Failed(error) };
        }
        loop {
            let (full_len, sender) = match self.receive() {
                Ok(received) => received,
                Err(error) => return DumpOutcome { dump, end: DumpEnd::Failed(error) },
            };
            let len = full_len.min(self.buffer.len());
            let copy = self.copy.as_mut().filter(|copy| copy.error.is_none());
            // Anybody may send to our port; the kernel's own is 0.
            if let Some(copy) = copy.filter(|_| sender == 0) {
                hide_keys(&mut self.buffer[..len]);
                copy.error = copy.to.write_all(&self.buffer[..len]).err();
            }
            let bytes = &self.buffer[..len];
            let end = match feed(&mut dump, Datagram { bytes, full_len, sender }) {
                Progress::More => {
                    self.grow_to(full_len);
                    continue;
                }
                Progress::Done => DumpEnd::Done,
                Progress::Stopped => DumpEnd::Stopped,
                Progress::Failed(errno) => DumpEnd::Failed(io::Error::from_raw_os_error(errno)),
            };
            return DumpOutcome { dump, end };
        }
    }

    fn send(&self, request: &[u8]) -> io::Result<()> {
        until_not_interrupted(|| self.socket.send(request, 0)).map(|_| ())
    }

    /// Receives one datagram into the buffer: its full length and its sender's port.
    fn receive(&mut self) -> io::Result<(usize, u32)> {
        let Self { socket, buffer, .. } = self;
        // The kernel goes on with a dump here, and judges the reader again.
        until_not_interrupted(|| {
            let mut space = buffer.as_mut_slice();
            let (len, sender) = socket.recv_from(&mut space, libc::MSG_TRUNC)?;
            Ok((len, sender.port_number()))
        })
        .map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                io::Error::new(io::ErrorKind::TimedOut, "the kernel did not answer")
            }
            _ => error,
        })
    }

    /// Gives the next datagram the room that one needed which was cut.
    fn grow_to(&mut self, len: usize) {
        if len > self.buffer.len() {
            self.buffer.resize(len.next_power_of_two(), 0);
        }
    }
}

/// Lets the kernel show marks and close sockets from a request to the end of its
/// answer. It judges who opened the socket, who asks, and at each datagram who
/// reads (`__netlink_ns_capable`); to raise it for each of those alone would
/// make a long dump a tenth slower, and it opens no file. Hold it over many
/// requests.
pub fn raise() -> Raised {
    rights::raise(Purpose::Netlink)
}

fn until_not_interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Tells whether an error says "not now" rather than "no".
fn passes_by_itself(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBUSY | libc::EAGAIN | libc::ENOBUFS | libc::EINTR))
}
