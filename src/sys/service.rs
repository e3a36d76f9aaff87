//! Speaks to a service manager and its journal (sd_notify(3),
//! sd-daemon(3)). Without one nothing is said.

use std::env;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The weight of a line for the journal: the levels of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Critical.
    Critical,
    /// Warning.
    Warning,
    /// Notice.
    Notice,
    /// Informational.
    Info,
}

/// The manager that started us, where there is one.
#[derive(Debug, Default)]
pub struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// The time within which it wants a sign of life, nanoseconds.
    watchdog_ns: Option<u64>,
    last_sign_ns: u64,
    /// Tells whether standard output and standard error go to the journal.
    journal: [bool; 2],
    is_ready: bool,
}

impl Manager {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `JOURNAL_STREAM`.
    pub fn from_environment() -> Self {
        Self {
            socket: env::var_os("NOTIFY_SOCKET").and_then(|name| connect(name.as_bytes()).ok()),
            watchdog_ns: watchdog_ns(),
            last_sign_ns: 0,
            journal: env::var("JOURNAL_STREAM").map_or([false; 2], |stream| {
                [is_stream(&stream, io::stdout()), is_stream(&stream, io::stderr())]
            }),
            is_ready: false,
        }
    }

    /// Says that we look, once, and how it stands.
    pub fn ready(&mut self, status: &str) {
        let ready = if std::mem::replace(&mut self.is_ready, true) { "" } else { "READY=1\n" };
        self.say(&format!("{ready}STATUS={status}"));
    }

    /// Says that we are alive, as often as that is wanted: at half of the time
    /// after which we would be taken for dead.
    pub fn alive(&mut self, now_ns: u64) {
        let due = |every_ns: u64| now_ns.saturating_sub(self.last_sign_ns) >= every_ns / 2;
        if self.watchdog_ns.is_some_and(due) {
            self.last_sign_ns = now_ns;
            self.say("WATCHDOG=1");
        }
    }

    /// Says something; a manager that does not listen is no reason to stop.
    pub fn say(&self, what: &str) {
        if let Some((socket, address)) = &self.socket {
            drop(socket.send_to_addr(what.as_bytes(), address));
        }
    }

    /// Returns what stands before a line of this priority: nothing where no journal
    /// reads it.
    pub fn prefix(&self, priority: Priority) -> &'static str {
        if self.journal[0] { priority.prefix() } else { "" }
    }

    /// Returns the same on standard error.
    pub fn remark_prefix(&self, priority: Priority) -> &'static str {
        if self.journal[1] { priority.prefix() } else { "" }
    }
}

impl Priority {
    fn prefix(self) -> &'static str {
        match self {
            Self::Critical => "<2>",
            Self::Warning => "<4>",
            Self::Notice => "<5>",
            Self::Info => "<6>",
        }
    }
}

/// Reads `WATCHDOG_USEC` in nanoseconds.
fn watchdog_ns() -> Option<u64> {
    let us: u64 = env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    us.checked_mul(1_000)
}

fn connect(name: &[u8]) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    Ok((UnixDatagram::unbound()?, address))
}

/// Tells whether a `device:inode` is one of our outputs: a child that writes to a file
/// inherits the variable and not the journal.
fn is_stream(stream: &str, output: impl AsFd) -> bool {
    let found = rustix::fs::fstat(output);
    found.is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}
