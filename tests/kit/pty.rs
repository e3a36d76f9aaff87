//! Runs a program with its stdout on a terminal of a given size.
//!
//! Its stdin is empty and its stderr a pipe, as everywhere in the kit, so what the terminal shows
//! is stdout alone.

use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::run::{self, Output, Run};
use super::{Impossible, Result, raw};

impl Run {
    /// Runs it to its end on a terminal of that many columns and rows. In the output lines end as
    /// the program ended them: the carriage returns of the terminal are taken away.
    pub fn run_on_terminal(mut self, columns: u16, rows: u16) -> Result<Output> {
        let (master, slave) = terminal(columns, rows)?;
        self.on_terminal = true;
        raw::take_terminal(&mut self.command);
        let _alone = run::alone();
        let mut output = self.stdout(slave).start_reading(Some(master))?.finish()?;
        output.stdout = output.stdout.replace("\r\n", "\n");
        Ok(output)
    }
}

/// A new terminal: our end, and the program's.
fn terminal(columns: u16, rows: u16) -> Result<(File, File)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).map_err(|error| Impossible(format!("no terminal: {error}")))?;
    grantpt(&master).context("grantpt")?;
    unlockpt(&master).context("unlockpt")?;
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).context("setting the size")?;
    let name = ptsname(&master, Vec::new()).context("ptsname")?;
    let name = std::ffi::OsStr::from_bytes(name.as_bytes()).to_owned();
    let slave = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(&name)
        .with_context(|| format!("opening {name:?}"))?;
    Ok((File::from(master), slave))
}
