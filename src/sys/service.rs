//! What a service manager and its journal want to hear (sd_notify(3),
//! sd-daemon(3)). Without one nothing is said.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// How important a line is to the journal: the levels of syslog.
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
    watchdog: bool,
    journal: bool,
    is_ready: bool,
}

impl Manager {
    /// By `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `JOURNAL_STREAM`.
    pub fn from_environment() -> Self {
        Self {
            socket: env::var_os("NOTIFY_SOCKET").and_then(|name| connect(name.as_bytes()).ok()),
            watchdog: env::var_os("WATCHDOG_USEC").is_some(),
            journal: env::var("JOURNAL_STREAM").is_ok_and(|stream| is_stdout(&stream)),
            is_ready: false,
        }
    }

    /// Says that we look, once, and how it stands.
    pub fn ready(&mut self, status: &str) {
        let ready = if std::mem::replace(&mut self.is_ready, true) { "" } else { "READY=1\n" };
        self.say(&format!("{ready}STATUS={status}"));
    }

    /// Says that we are alive.
    pub fn alive(&self) {
        if self.watchdog {
            self.say("WATCHDOG=1");
        }
    }

    /// Says something; a manager that does not listen is no reason to stop.
    pub fn say(&self, what: &str) {
        if let Some((socket, address)) = &self.socket {
            drop(socket.send_to_addr(what.as_bytes(), address));
        }
    }

    /// What stands before a line of this priority: nothing where no journal
    /// reads it.
    pub fn prefix(&self, priority: Priority) -> &'static str {
        match priority {
            _ if !self.journal => "",
            Priority::Critical => "<2>",
            Priority::Warning => "<4>",
            Priority::Notice => "<5>",
            Priority::Info => "<6>",
        }
    }
}

fn connect(name: &[u8]) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    Ok((UnixDatagram::unbound()?, address))
}

/// Whether a `device:inode` is standard output: a child that writes to a file
/// inherits the variable and not the journal.
fn is_stdout(stream: &str) -> bool {
    let found = rustix::fs::fstat(io::stdout());
    found.is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}
