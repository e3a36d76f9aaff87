//! Another process that holds sockets, under a name of our choice.
//!
//! The name of a process is what the last exec made of the path it was given, so the holder is a
//! symbolic link with that name to `cat`. A name set by prctl before the exec would be lost with
//! it. `cat` reads a pipe from us and therefore ends when we do, however we end.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

use super::tempdir::TempDir;
use super::{Result, poll, raw};

/// The name of a process as an attacker would choose it: an escape code, a newline, a bell, and
/// what could end the name in `/proc/PID/stat`. The kernel takes 15 bytes.
pub const NASTY_COMM: &[u8] = b"\x1b[31m)\n(R 7\x07";

/// A process that holds sockets until this is dropped.
#[derive(Debug)]
pub struct Holder {
    child: Child,
    _dir: TempDir,
}

impl Holder {
    /// Starts a process of that name which has `fds`, under their numbers; this one has them no
    /// longer. A name has up to 15 bytes, none of them a slash or zero.
    pub fn new(comm: &[u8], fds: impl IntoIterator<Item = impl Into<OwnedFd>>) -> Result<Holder> {
        let fds: Vec<OwnedFd> = fds.into_iter().map(Into::into).collect();
        let dir = TempDir::new().context("making a directory")?;
        let link = dir.path().join(OsStr::from_bytes(comm));
        symlink(find_cat()?, &link).context("symlink")?;
        let mut command = Command::new(&link);
        // The argument matters where one program is all of the system's tools.
        command.arg0("cat").stdin(Stdio::piped()).stdout(Stdio::null());
        raw::inherit(&mut command, fds.iter().map(AsRawFd::as_raw_fd).collect());
        let child = command.spawn().with_context(|| format!("starting {link:?}"))?;
        let holder = Holder { child, _dir: dir };
        // spawn() returns a moment before the kernel sets the name.
        poll("the holder has its name", || Ok((holder.comm()? == comm).then_some(())))?;
        Ok(holder)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The name that `/proc` shows.
    pub fn comm(&self) -> Result<Vec<u8>> {
        let mut bytes = fs::read(format!("/proc/{}/comm", self.pid()))?;
        ensure!(bytes.pop() == Some(b'\n'), "a name without an end");
        Ok(bytes)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where `cat` is.
fn find_cat() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    std::env::split_paths(&path)
        .map(|dir| dir.join("cat"))
        .find(|file| file.is_file())
        .context("no cat on the PATH")
}
