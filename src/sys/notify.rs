//! Runs a command for each event, without ever waiting for it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::model::human;

use super::{clock, process_groups, rights};

/// The number of commands that may run at a time; an event beyond is dropped and counted.
const MOST: u64 = process_groups::MOST as u64;

/// The time between two looks after a running command.
const LOOK: Duration = Duration::from_millis(10);

/// A command that gets events on its standard input, one process for each.
#[derive(Clone)]
pub struct Notifier {
    words: Vec<OsString>,
    timeout_ms: u64,
    /// The output goes nowhere: a screen is drawn there.
    silent: bool,
    state: Arc<NotifyState>,
}

#[derive(Default)]
struct NotifyState {
    running: AtomicU64,
    /// The reasons that kept events from getting through. Errors and exit statuses are few,
    /// however long a watch lasts.
    failed: Mutex<BTreeMap<String, NotifyFailures>>,
}

/// Failures for one reason.
#[derive(Default)]
struct NotifyFailures {
    count: u64,
    /// Tells whether [`Notifier::news`] has told of them.
    told: bool,
}

impl NotifyState {
    fn fail(&self, why: String) {
        self.failed().entry(why).or_default().count += 1;
    }

    fn failed(&self) -> MutexGuard<'_, BTreeMap<String, NotifyFailures>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notifier {
    /// Takes a command line, split at blanks: there is no shell. `None` where it is
    /// empty.
    pub fn new(command: &str, timeout_ms: u64) -> Option<Self> {
        let words: Vec<OsString> = command.split_whitespace().map(OsString::from).collect();
        let state = Arc::new(NotifyState::default());
        (!words.is_empty()).then_some(Self { words, timeout_ms, silent: false, state })
    }

    /// Returns one whose complaints are not shown, where a terminal is drawn on.
    pub fn silent(self) -> Self {
        Self { silent: true, ..self }
    }

    /// Starts the command with `input` on its standard input and goes on at
    /// once; a thread feeds it, waits for it, and kills it and its children
    /// when its time is up.
    pub fn send(&self, input: Vec<u8>) {
        if self.state.running.fetch_add(1, Ordering::Relaxed) >= MOST {
            self.state.running.fetch_sub(1, Ordering::Relaxed);
            self.state.fail(format!("{MOST} of it ran already"));
            return;
        }
        let (notifier, state) = (self.clone(), Arc::clone(&self.state));
        let started = thread::Builder::new().name("notify".into()).spawn(move || {
            if let Err(why) = notifier.run(input) {
                state.fail(why);
            }
            state.running.fetch_sub(1, Ordering::Relaxed);
        });
        if let Err(error) = started {
            self.state.running.fetch_sub(1, Ordering::Relaxed);
            self.state.fail(not_started(&error));
        }
    }

    /// Returns what keeps events from getting through and was not told yet, a line for
    /// each reason.
    pub fn news(&self) -> Vec<String> {
        let command = self.command();
        let mut failed = self.state.failed();
        let line = |(why, failures): (&String, &mut NotifyFailures)| {
            let is_new = !std::mem::replace(&mut failures.told, true);
            is_new.then(|| format!("--notify {command}: an event did not get through: {why}"))
        };
        failed.iter_mut().filter_map(line).collect()
    }

    fn command(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    /// Waits for the commands that still run, which their time limits, and
    /// tells how many events did not get through, a line for each reason.
    pub fn finish(self) -> Vec<String> {
        while self.state.running.load(Ordering::Relaxed) > 0 {
            thread::sleep(LOOK);
        }
        let command = self.command();
        let failed = self.state.failed();
        let line = |(why, failures): (&String, &NotifyFailures)| {
            let events = human::plural(failures.count, "event");
            format!("--notify {command}: {events} did not get through: {why}")
        };
        failed.iter().map(line).collect()
    }

    /// Runs the command until it ends by itself, in time and with 0; else why
    /// it did not.
    fn run(&self, input: Vec<u8>) -> Result<(), String> {
        let (program, arguments) = self.words.split_first().ok_or("it is empty")?;
        // This thread does nothing else, and what it starts has what it has.
        rights::give_up().map_err(|error| {
            format!("it was not started, for its capabilities could not be taken away: {error}")
        })?;
        let spawned = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            // Our own output is a document that it must not write into.
            .stdout(Stdio::null())
            .stderr(if self.silent { Stdio::null() } else { Stdio::inherit() })
            .process_group(0)
            .spawn();
        let mut child = spawned.map_err(|error| not_started(&error))?;
        let _known = group_of(&child).map(process_groups::remember);
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read must not keep us: its input is another
            // thread's, which ends when the command does.
            let feeder = thread::Builder::new().name("notify-input".into());
            drop(feeder.spawn(move || drop(stdin.write_all(&input))));
        }
        wait(&mut child, self.timeout_ms)
    }
}

/// Returns the process group that a command leads.
fn group_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn not_started(error: &std::io::Error) -> String {
    format!("it could not be started: {error}")
}

fn wait(child: &mut Child, timeout_ms: u64) -> Result<(), String> {
    let deadline = (clock::monotonic_ns() / 1_000_000).saturating_add(timeout_ms);
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            // `exit status: 1`, `signal: 9 (SIGKILL)`
            Ok(Some(status)) => return Err(format!("it ended with {status}")),
            Ok(None) if clock::monotonic_ns() / 1_000_000 < deadline => thread::sleep(LOOK),
            _ => break,
        }
    }
    if let Some(group) = group_of(child) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    drop(child.wait());
    Err(format!("it ran for more than {} and was killed", human::duration(timeout_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(command: &str, timeout_ms: u64) -> Vec<String> {
        let notifier = Notifier::new(command, timeout_ms).expect("a command");
        notifier.send(b"{}\n".to_vec());
        notifier.finish()
    }

    #[test]
    fn a_command_reads_its_input_and_is_reaped() {
        assert!(failed("grep -q {}", 10_000).is_empty());
        let why =
            "--notify grep -q nothing: 1 event did not get through: it ended with exit status: 1";
        assert_eq!(failed("grep -q nothing", 10_000), [why]);
        // One that does not read at all.
        assert!(failed("true", 10_000).is_empty());
    }

    #[test]
    fn a_command_that_hangs_or_is_missing_fails_in_time() {
        let why = "--notify sleep 600: 1 event did not get through: it ran for more than 50ms and was killed";
        assert_eq!(failed("sleep 600", 50), [why]);
        let why = failed("/nonexistent/command", 50).join(" ");
        assert!(why.contains("could not be started: No such file"), "{why}");
        assert!(Notifier::new("  ", 1).is_none());
    }

    /// A watch of days that fails always says so in one line.
    #[test]
    fn a_reason_is_told_once_with_its_count() {
        let notifier = Notifier::new("/nonexistent/command", 50).expect("a command");
        for _ in 0..2 {
            notifier.send(Vec::new());
            notifier.clone().finish();
        }
        let news = notifier.news();
        assert!(news.len() == 1 && news[0].contains("could not be started"), "{news:?}");
        assert!(notifier.news().is_empty(), "once");
        let why = notifier.finish();
        assert_eq!(why.len(), 1);
        assert!(why[0].starts_with("--notify /nonexistent/command: 2 events did"), "{why:?}");
    }
}
