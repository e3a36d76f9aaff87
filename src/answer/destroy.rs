//! Closing sockets of others (`SOCK_DESTROY`), and recording dumps.

use std::fs::File;
use std::io;

use crate::model::gap::Gap;
use crate::model::row::Row;
use crate::model::want::Want;
use crate::source;
use crate::source::SourceError;
use crate::sys::netlink::DiagSocket;

/// The reason why a socket was not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DestroyRefusal {
    /// We may not: `CAP_NET_ADMIN` is missing.
    NotAllowed,
    /// The kernel cannot close sockets of this kind, or none at all
    /// (`CONFIG_INET_DIAG_DESTROY`).
    NotSupported,
    /// It has no cookie, as all rows of `/proc`, and another socket may be in its
    /// place by now.
    NoCookie,
    /// It was gone before.
    Gone,
    /// Another error.
    Other,
}

/// The numbers of sockets by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Destroyed {
    /// Closed by us.
    pub closed: u64,
    /// Not closed, for want of a privilege.
    pub not_allowed: u64,
    /// Not closed, because the kernel cannot.
    pub not_supported: u64,
    /// Not closed, for want of a cookie.
    pub no_cookie: u64,
    /// Gone before we came.
    pub gone: u64,
    /// Not closed for another reason.
    pub other: u64,
}

impl Destroyed {
    fn add(&mut self, result: Result<(), DestroyRefusal>) {
        *match result {
            Ok(()) => &mut self.closed,
            Err(DestroyRefusal::NotAllowed) => &mut self.not_allowed,
            Err(DestroyRefusal::NotSupported) => &mut self.not_supported,
            Err(DestroyRefusal::NoCookie) => &mut self.no_cookie,
            Err(DestroyRefusal::Gone) => &mut self.gone,
            Err(DestroyRefusal::Other) => &mut self.other,
        } += 1;
    }

    /// Tells whether every socket is closed now.
    pub fn is_complete(&self) -> bool {
        [self.not_allowed, self.not_supported, self.no_cookie, self.other] == [0; 4]
    }
}

/// Closes sockets, as an RST to both sides would.
///
/// # Errors
/// When there is no sock_diag to ask.
pub fn destroy<'r>(rows: impl Iterator<Item = Row<'r>>) -> io::Result<Destroyed> {
    let mut socket = DiagSocket::open()?;
    let mut done = Destroyed::default();
    for row in rows {
        done.add(destroy_one(&mut socket, &row));
    }
    Ok(done)
}

/// Writes the kernel's answers for the tables of `want` to a file, as
/// `ss -D` does; what is missing is returned.
///
/// # Errors
/// When no table could be read, or the file not be written.
pub fn record(want: &Want, file: File) -> Result<io::Result<Vec<Gap>>, SourceError> {
    source::record(want, file)
}

fn destroy_one(socket: &mut DiagSocket, row: &Row<'_>) -> Result<(), DestroyRefusal> {
    if row.socket.cookie == 0 {
        return Err(DestroyRefusal::NoCookie);
    }
    let id = source::inet_id(&row.socket).ok_or(DestroyRefusal::NotSupported)?;
    socket.act(&|seq| crate::kernel::request::destroy(&id, seq)).map_err(|error| {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => DestroyRefusal::NotAllowed,
            Some(libc::EOPNOTSUPP | libc::EINVAL | libc::EPROTONOSUPPORT) => {
                DestroyRefusal::NotSupported
            }
            Some(libc::ENOENT) => DestroyRefusal::Gone,
            _ => DestroyRefusal::Other,
        }
    })
}
