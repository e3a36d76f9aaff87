//! Runs a command for each event, without ever waiting for it.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::clock;

/// How many commands may run at a time; an event beyond is dropped and counted.
const MOST: u64 = 8;

/// How often a running command is looked after.
const LOOK: Duration = Duration::from_millis(10);

/// A command that gets events on its standard input, one process for each.
#[derive(Clone)]
pub struct Notifier {
    words: Vec<OsString>,
    timeout_ms: u64,
    /// What it says goes nowhere: a screen is drawn there.
    silent: bool,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    running: AtomicU64,
    failed: AtomicU64,
}

/// How many events did not get through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failed(pub u64);

impl Notifier {
    /// A command line, split at blanks: there is no shell. `None` where it is
    /// empty.
    pub fn new(command: &str, timeout_ms: u64) -> Option<Self> {
        let words: Vec<OsString> = command.split_whitespace().map(OsString::from).collect();
        let state = Arc::new(State::default());
        (!words.is_empty()).then_some(Self { words, timeout_ms, silent: false, state })
    }

    /// One whose complaints are not shown, where a terminal is drawn on.
    pub fn silent(self) -> Self {
        Self { silent: true, ..self }
    }

    /// Starts the command with `input` on its standard input and goes on at
    /// once; a thread feeds it, waits for it, and kills it and its children
    /// when its time is up.
    pub fn send(&self, input: Vec<u8>) {
        if self.state.running.fetch_add(1, Ordering::Relaxed) >= MOST {
            self.state.running.fetch_sub(1, Ordering::Relaxed);
            self.state.failed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (notifier, state) = (self.clone(), Arc::clone(&self.state));
        let started = thread::Builder::new().name("notify".into()).spawn(move || {
            let done = notifier.run(input);
            state.failed.fetch_add(u64::from(!done), Ordering::Relaxed);
            state.running.fetch_sub(1, Ordering::Relaxed);
        });
        if started.is_err() {
            self.state.running.fetch_sub(1, Ordering::Relaxed);
            self.state.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for the commands that still run, which their time limits, and
    /// tells how many did not do their job.
    pub fn finish(self) -> Failed {
        while self.state.running.load(Ordering::Relaxed) > 0 {
            thread::sleep(LOOK);
        }
        Failed(self.state.failed.load(Ordering::Relaxed))
    }

    /// Whether the command ended by itself, in time and with 0.
    fn run(&self, input: Vec<u8>) -> bool {
        let Some((program, arguments)) = self.words.split_first() else { return false };
        let spawned = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            // Our own output is a document that it must not write into.
            .stdout(Stdio::null())
            .stderr(if self.silent { Stdio::null() } else { Stdio::inherit() })
            .process_group(0)
            .spawn();
        let Ok(mut child) = spawned else { return false };
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read must not keep us: its input is another
            // thread's, which ends when the command does.
            let feeder = thread::Builder::new().name("notify-input".into());
            drop(feeder.spawn(move || drop(stdin.write_all(&input))));
        }
        wait(&mut child, self.timeout_ms)
    }
}

fn wait(child: &mut Child, timeout_ms: u64) -> bool {
    let deadline = clock::monotonic_ns() / 1_000_000 + timeout_ms;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if clock::monotonic_ns() / 1_000_000 < deadline => thread::sleep(LOOK),
            _ => break,
        }
    }
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    drop(child.wait());
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(command: &str, timeout_ms: u64) -> Failed {
        let notifier = Notifier::new(command, timeout_ms).expect("a command");
        notifier.send(b"{}\n".to_vec());
        notifier.finish()
    }

    #[test]
    fn a_command_reads_its_input_and_is_reaped() {
        assert_eq!(failed("grep -q {}", 10_000), Failed(0));
        assert_eq!(failed("grep -q nothing", 10_000), Failed(1));
        // One that does not read at all.
        assert_eq!(failed("true", 10_000), Failed(0));
    }

    #[test]
    fn a_command_that_hangs_or_is_missing_fails_in_time() {
        assert_eq!(failed("sleep 600", 50), Failed(1));
        assert_eq!(failed("/nonexistent/command", 50), Failed(1));
        assert!(Notifier::new("  ", 1).is_none());
    }
}
