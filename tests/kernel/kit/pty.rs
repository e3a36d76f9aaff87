//! Runs a program with its stdout on a terminal of a given size.
//!
//! [`Run::run_on_terminal`]: its stdin is empty and its stderr a pipe, as everywhere in the kit, so
//! what the terminal shows is stdout alone. [`Run::start_session`]: all three are the terminal, which
//! we type on and whose screen we read.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use rustix::process::{Pid, Signal};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::run::{Output, Run};
use super::{Impossible, Result, poll, raw};

impl Run {
    /// Runs it to its end on a terminal of that many columns and rows. In the output lines end as
    /// the program ended them: the carriage returns of the terminal are taken away.
    pub fn run_on_terminal(mut self, columns: u16, rows: u16) -> Result<Output> {
        let (master, slave) = terminal(columns, rows)?;
        self.on_terminal = true;
        raw::take_terminal(&mut self.command);
        let mut output = self.stdout(slave).start_reading(Some(master))?.finish()?;
        output.stdout = output.stdout.replace("\r\n", "\n");
        Ok(output)
    }
}

/// A program on a terminal of its own, and what is on the screen of that.
pub struct Session {
    child: Child,
    keyboard: File,
    /// The program's end, to ask for its modes.
    line: Option<File>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Feeds the screen, until nobody has the program's end any more.
    reader: Option<JoinHandle<()>>,
}

impl Run {
    /// Starts it on a terminal of that many columns and rows, which it reads keys from.
    pub fn start_session(mut self, columns: u16, rows: u16) -> Result<Session> {
        let (master, slave) = terminal(columns, rows)?;
        raw::take_terminal(&mut self.command);
        let is_set = |name: &str| self.command.get_envs().any(|(other, _)| other == name);
        if !is_set(TERMINAL) {
            self = self.on("xterm-256color", "C.UTF-8");
        }
        self.command.stdin(slave.try_clone()?).stdout(slave.try_clone()?);
        self.command.stderr(slave.try_clone()?);
        let child = self.command.spawn().context("starting it on a terminal")?;
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 200)));
        let (mut output, parser) = (master.try_clone()?, Arc::clone(&screen));
        let reader = thread::Builder::new().name("screen".into()).spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                parser.lock().unwrap_or_else(PoisonError::into_inner).process(&bytes[..count]);
            }
        })?;
        let (line, reader) = (Some(slave), Some(reader));
        Ok(Session { child, keyboard: master, line, screen, reader })
    }
}

impl Run {
    /// Runs it on a terminal that goes away once it shows a text, without SIGHUP telling.
    pub fn lose_terminal(self, text: &str) -> Result<ExitStatus> {
        let ignoring = self.within("sh", ["-c", "trap '' HUP; exec \"$@\"", "sh"]);
        let mut run = ignoring.on("xterm-256color", "C.UTF-8");
        let (mut master, slave) = terminal(80, 24)?;
        raw::take_terminal(&mut run.command);
        run.command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
        let mut child = run.command.spawn().context("starting it on a terminal")?;
        // Its copies of the terminal's end.
        drop(run);
        let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
        while !seen.windows(text.len()).any(|window| window == text.as_bytes()) {
            let count = master.read(&mut bytes).context("it has ended")?;
            seen.extend_from_slice(&bytes[..count]);
        }
        drop(master);
        let ended = poll("its end", || Ok(child.try_wait()?));
        if ended.is_err() {
            child.kill()?;
            child.wait()?;
        }
        ended
    }
}

/// The kind of terminal.
const TERMINAL: &str = "TERM";

impl Run {
    /// On another kind of terminal than that of most, in another locale.
    pub fn on(self, terminal: &str, locale: &str) -> Run {
        self.env(TERMINAL, terminal).env("LC_ALL", locale)
    }

    /// As the job of a shell, which takes the terminal when it is stopped, and continues it when a
    /// line comes: [`Session::foreground`].
    pub fn in_shell(self) -> Run {
        self.within("sh", ["-c", "set -m; \"$@\"; read line; fg", "sh"])
    }

    /// In a pid namespace in which no process leads the session, as `docker exec` does it, where a
    /// script of the shell runs it as `"$@"`.
    pub fn in_container(self, script: &str) -> Result<Run> {
        let new = ["--pid", "--fork", "--mount-proc"];
        let output = Run::program("unshare", new.into_iter().chain(["true"])).run();
        match output {
            Ok(output) if output.status.success() => {}
            refused => return Err(Impossible(format!("no pid namespace here: {refused:?}")).into()),
        }
        Ok(self.within("unshare", new.into_iter().chain(["sh", "-c", script, "sh"])))
    }
}

impl Session {
    /// The process id; in a shell that of its job.
    pub fn pid(&self) -> u32 {
        let shell = self.child.id();
        let jobs = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
        let job = jobs.ok().and_then(|jobs| jobs.split_whitespace().next()?.parse().ok());
        job.unwrap_or(shell)
    }

    /// Has the shell continue its job.
    pub fn foreground(&mut self) -> Result<()> {
        self.keys("\r")
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) -> Result<()> {
        self.keyboard.write_all(keys.as_bytes()).context("typing")
    }

    /// The text on the screen.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().contents()
    }

    /// Waits until the screen is as wanted.
    pub fn wait(&self, wanted: &str, is_so: impl Fn(&vt100::Screen) -> bool) -> Result<()> {
        let seen = poll(wanted, || {
            let parser = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(is_so(parser.screen()).then_some(()))
        });
        seen.with_context(|| format!("the screen is\n{}", self.text()))
    }

    /// Waits until a text is on the screen.
    pub fn wait_for(&self, text: &str) -> Result<()> {
        self.wait(&format!("{text:?} on the screen"), |screen| screen.contents().contains(text))
    }

    /// Changes the size of the terminal, as its window does.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let mut parser = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        parser.screen_mut().set_size(rows, columns);
        drop(parser);
        tcsetwinsize(&self.keyboard, size).context("setting the size")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.pid().try_into()?).context("process 0")?;
        rustix::process::kill_process(pid, signal).context("kill")
    }

    /// Waits until the terminal is as it was before the program took it: the first screen, the
    /// cursor, no reports of the mouse, lines and echo.
    pub fn wait_restored(&self) -> Result<()> {
        self.wait("the terminal given back", |screen| {
            let no_mouse = screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None;
            let modes = self.line.as_ref().and_then(|line| tcgetattr(line).ok());
            let lines = modes
                .map(|modes| modes.local_modes)
                .is_some_and(|m| m.contains(LocalModes::ICANON | LocalModes::ECHO));
            !screen.alternate_screen() && !screen.hide_cursor() && no_mouse && lines
        })
    }

    /// Waits until the program is stopped, or runs again.
    pub fn wait_stopped(&self, stopped: bool) -> Result<()> {
        poll("the program stopped or going on", || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
            let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
            Ok(((state == Some('T')) == stopped).then_some(()))
        })
    }

    /// Waits for its end; with the screen it leaves.
    pub fn finish(mut self) -> Result<(ExitStatus, String)> {
        let status = poll("its end", || Ok(self.child.try_wait()?));
        let status = status.with_context(|| format!("the screen is\n{}", self.text()))?;
        self.wait_restored()?;
        // Once nobody has the program's end any more, all that it wrote has been read.
        self.line = None;
        if let Some(reader) = self.reader.take() {
            poll("the last of its output", || Ok(reader.is_finished().then_some(())))?;
        }
        Ok((status, self.text()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
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
