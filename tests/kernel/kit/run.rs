//! Runs the built program, or another one, and collects what it says.
//!
//! The program gets an environment of its own instead of ours, so that no `NO_COLOR`, `LANG` or
//! configuration file of the person at the keyboard decides a test. It inherits the network
//! namespace of the calling thread. One that does not end in time is killed, with its children.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Signal};

use super::{PATIENCE, Result, poll, raw};

/// The variables that are handed down: where programs are, and where coverage data goes.
const INHERITED: [&str; 2] = ["PATH", "LLVM_PROFILE_FILE"];

/// A program about to be run.
#[derive(Debug)]
pub struct Run {
    pub(super) command: Command,
    timeout: Duration,
    /// Whether stdout is a terminal: then it becomes the leader of a session of its own.
    pub(super) on_terminal: bool,
}

impl Run {
    /// The program under test.
    pub fn new<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
        Run::program(env!("CARGO_BIN_EXE_sockstate"), args)
    }

    /// Any other program.
    pub fn program<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Run {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .envs(INHERITED.iter().filter_map(|&name| Some((name, std::env::var_os(name)?))))
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            // No directory, and none can be made below it: fish would, as root.
            .env("HOME", "/dev/null")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        heed_signals();
        Run { command, timeout: 2 * PATIENCE, on_terminal: false }
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    /// Runs it in a directory.
    pub fn directory(mut self, directory: &std::path::Path) -> Run {
        self.command.current_dir(directory);
        self
    }

    /// As the last arguments of another program.
    pub fn within<'a>(self, outer: &str, args: impl IntoIterator<Item = &'a str>) -> Run {
        let mut run = Run::program(outer, args);
        run.command.arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => run.command.env(name, value),
                None => run.command.env_remove(name),
            };
        }
        run
    }

    /// Sends its stdout elsewhere; the output then has none.
    pub fn stdout(mut self, to: impl Into<Stdio>) -> Run {
        self.command.stdout(to);
        self
    }

    /// Gives it something to read, or a terminal, instead of nothing.
    pub fn stdin(mut self, from: impl Into<Stdio>) -> Run {
        self.command.stdin(from);
        self
    }

    /// Sets how long it may take, instead of twice our patience.
    pub fn timeout(mut self, timeout: Duration) -> Run {
        self.timeout = timeout;
        self
    }

    /// Runs it as another user, with no group but the one of that number.
    pub fn user(mut self, id: u32) -> Run {
        self.command.uid(id).gid(id);
        self
    }

    /// Takes all capabilities from it. It keeps its user, which is enough to see what is public
    /// and not enough to see whose sockets this process holds.
    pub fn without_capabilities(mut self) -> Run {
        raw::without_capabilities(&mut self.command);
        self
    }

    /// Makes netlink fail for it with this error number, as a container's seccomp profile may.
    pub fn without_netlink(mut self, errno: i32) -> Run {
        raw::refuse_sockets(&mut self.command, libc::AF_NETLINK, errno);
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Result<Output> {
        self.start_reading(None)?.finish()
    }

    /// Starts it, to read what it says line by line.
    pub fn start(self) -> Result<Running> {
        self.start_reading(None)
    }

    /// Starts it; what it writes to `terminal`, if it has one, is its stdout.
    pub(super) fn start_reading(mut self, terminal: Option<File>) -> Result<Running> {
        if !self.on_terminal {
            // So that its children can be killed with it.
            self.command.process_group(0);
        }
        let name = format!("{:?}", self.command.get_program());
        let mut child = self.command.spawn().with_context(|| format!("starting {name}"))?;
        let stdout = match (terminal, child.stdout.take()) {
            (Some(terminal), _) => lines_of(terminal)?,
            (None, Some(pipe)) => lines_of(pipe)?,
            (None, None) => lines_of(std::io::empty())?,
        };
        let stderr = lines_of(child.stderr.take().context("no stderr")?)?;
        Ok(Running {
            name,
            child,
            stdout,
            stderr,
            seen: Vec::new(),
            remarks: Vec::new(),
            deadline: Instant::now() + self.timeout,
        })
    }
}

/// Has programs heed the signals that a shell makes its background jobs ignore, and nohup: or a
/// test would depend on who started it. What we catch, exec(2) sets back to its default.
fn heed_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT};
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = procfs::process::Process::myself().and_then(|own| own.status());
        let ignored = status.map_or(0, |status| status.sigign);
        for signal in [SIGHUP, SIGINT, SIGQUIT] {
            if ignored & 1 << (signal - 1) != 0 {
                drop(signal_hook::flag::register(signal, Arc::default()));
            }
        }
    });
}

/// A program that runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    /// What was taken from `stdout` so far.
    seen: Vec<u8>,
    /// What was taken from `stderr` so far.
    remarks: Vec<u8>,
    deadline: Instant,
}

impl Running {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its stdout, without the newline; `None` once it has closed that.
    pub fn line(&mut self) -> Result<Option<String>> {
        let Some(line) = next(&self.stdout, self.deadline)
            .with_context(|| format!("{} says nothing more", self.name))?
        else {
            return Ok(None);
        };
        self.seen.extend_from_slice(&line);
        let text = String::from_utf8(line).context("not UTF-8")?;
        Ok(Some(text.strip_suffix('\n').unwrap_or(&text).to_owned()))
    }

    /// The same, or `None` where it says nothing for so long.
    pub fn line_within(&mut self, patience: Duration) -> Result<Option<String>> {
        let deadline = self.deadline;
        self.deadline = deadline.min(Instant::now() + patience);
        let line = self.line();
        self.deadline = deadline;
        match line {
            Ok(Some(line)) => Ok(Some(line)),
            Ok(None) => bail!("{} has ended", self.name),
            Err(_) => Ok(None),
        }
    }

    /// The next line of its stderr, without the newline; `None` once it has closed that.
    pub fn remark(&mut self) -> Result<Option<String>> {
        let Some(line) = next(&self.stderr, self.deadline)
            .with_context(|| format!("{} remarks nothing more", self.name))?
        else {
            return Ok(None);
        };
        self.remarks.extend_from_slice(&line);
        let text = String::from_utf8(line).context("not UTF-8")?;
        Ok(Some(text.strip_suffix('\n').unwrap_or(&text).to_owned()))
    }

    /// The first line from here on for which `is_wanted` holds.
    pub fn line_where(&mut self, is_wanted: impl Fn(&str) -> bool) -> Result<String> {
        while let Some(line) = self.line()? {
            if is_wanted(&line) {
                return Ok(line);
            }
        }
        bail!("{} ended without the line", self.name)
    }

    /// Gives it so much time from now on.
    pub fn give(&mut self, time: Duration) {
        self.deadline = Instant::now() + time;
    }

    /// Does something again and again while it runs, ten times a second.
    pub fn meanwhile(&mut self, mut act: impl FnMut() -> Result<()>) -> Result<()> {
        while self.child.try_wait()?.is_none() {
            act()?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Waits until it waits itself for something to happen: its first thread is found in `poll()`
    /// again and again, for a second.
    pub fn wait_idle(&self) -> Result<()> {
        let path = format!("/proc/{}/syscall", self.pid());
        let in_poll = format!("{} ", libc::SYS_ppoll);
        let mut found = 0;
        poll("the program waits", || {
            let call = std::fs::read_to_string(&path).with_context(|| path.clone())?;
            found = if call.starts_with(&in_poll) { found + 1 } else { 0 };
            thread::sleep(Duration::from_millis(50));
            Ok((found == 20).then_some(()))
        })
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.pid().try_into()?).context("process 0")?;
        rustix::process::kill_process(pid, signal).context("kill")
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Result<Output> {
        let mut stdout = std::mem::take(&mut self.seen);
        let mut stderr = std::mem::take(&mut self.remarks);
        let late = || format!("{} did not end in time and was killed", self.name);
        while let Some(line) = next(&self.stdout, self.deadline).with_context(late)? {
            stdout.extend(line);
        }
        while let Some(line) = next(&self.stderr, self.deadline).with_context(late)? {
            stderr.extend(line);
        }
        // With both pipes closed it is as good as over.
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > self.deadline {
                return Err(anyhow!(late()));
            }
            thread::sleep(Duration::from_millis(1));
        };
        Ok(Output {
            status,
            stdout: String::from_utf8(stdout).context("stdout is not UTF-8")?,
            stderr: String::from_utf8(stderr).context("stderr is not UTF-8")?,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only while it has not been waited for is the number surely its own.
        if let Ok(None) = self.child.try_wait() {
            if let Some(group) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
            let _ = self.child.wait();
        }
    }
}

/// What a program said and how it ended.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The exit code; `None` if a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The output, if the program ended with 0.
    pub fn ok(self) -> Result<Output> {
        self.ended(0)
    }

    /// The output, if the program ended with `code`.
    pub fn ended(self, code: i32) -> Result<Output> {
        if self.code() != Some(code) {
            bail!("wanted exit code {code}\n{self}");
        }
        Ok(self)
    }

    /// The JSON document that stdout is.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("not JSON\n{self}"))
    }

    /// The JSON objects of stdout, one a line.
    pub fn json_lines(&self) -> Result<Vec<serde_json::Value>> {
        let parse = |line| serde_json::from_str(line).with_context(|| format!("not JSON\n{self}"));
        self.stdout.lines().map(parse).collect()
    }
}

impl fmt::Display for Output {
    /// Shows everything, for the message of a failed test.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = self.status.signal().map_or(String::new(), |n| format!(" by signal {n}"));
        writeln!(f, "ended with {:?}{signal}", self.code())?;
        writeln!(f, "--- stdout\n{}", self.stdout)?;
        write!(f, "--- stderr\n{}", self.stderr)
    }
}

/// Reads a pipe on a thread of its own, which ends when the pipe does. A thread for each pipe, for
/// else the program could block on the one while we wait for the other.
fn lines_of(pipe: impl Read + Send + 'static) -> Result<Receiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("pipe".into()).spawn(move || {
        let mut pipe = BufReader::new(pipe);
        loop {
            let mut line = Vec::new();
            // A terminal ends with EIO, which may come after a line without an end.
            let ended = pipe.read_until(b'\n', &mut line).is_err();
            if line.is_empty() || sender.send(line).is_err() || ended {
                break;
            }
        }
    })?;
    Ok(receiver)
}

/// The next line of a pipe; `None` at its end.
fn next(pipe: &Receiver<Vec<u8>>, deadline: Instant) -> Result<Option<Vec<u8>>> {
    let rest = deadline.saturating_duration_since(Instant::now());
    match pipe.recv_timeout(rest) {
        Ok(line) => Ok(Some(line)),
        Err(RecvTimeoutError::Disconnected) => Ok(None),
        Err(RecvTimeoutError::Timeout) => bail!("timed out"),
    }
}
