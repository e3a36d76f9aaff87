//! Runs a command for each event, without ever waiting for it.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::model::escape::escaped;
use crate::model::gap::Gap;
use crate::model::human;

use super::{clock, process_groups, rights};

/// The word of a gap for events that did not get through.
pub const GAP: &str = "notify";

/// The number of commands that may run at a time; the events beyond wait.
const MOST: usize = process_groups::MOST;

/// The number of events that may wait; those beyond are lost, and counted.
const ROOM: usize = 1_000;

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
    queue: Mutex<NotifyQueue>,
    /// The reasons that kept events from getting through. Errors and exit statuses are few,
    /// however long a watch lasts.
    failed: Mutex<BTreeMap<String, NotifyFailures>>,
}

/// Events and the commands that take them.
#[derive(Default)]
struct NotifyQueue {
    running: usize,
    waiting: VecDeque<Vec<u8>>,
}

/// Failures for one reason.
#[derive(Default)]
struct NotifyFailures {
    count: u64,
    /// Tells whether [`Notifier::news`] has told of them.
    told: bool,
}

impl NotifyState {
    fn fail(&self, why: String, count: u64) {
        self.failed().entry(why).or_default().count += count;
    }

    fn failed(&self) -> MutexGuard<'_, BTreeMap<String, NotifyFailures>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, NotifyQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the event that has waited longest; with none one command fewer
    /// runs.
    fn next(&self) -> Option<Vec<u8>> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        queue.running -= usize::from(next.is_none());
        next
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

    /// Hands an event to the command and goes on at once. A thread feeds the
    /// command, waits for it, kills it and its children when its time is up, and
    /// goes on with what waits meanwhile.
    pub fn send(&self, input: Vec<u8>) {
        let mut queue = self.state.queue();
        if queue.running < MOST {
            queue.running += 1;
            drop(queue);
            self.start(input);
        } else if queue.waiting.len() < ROOM {
            queue.waiting.push_back(input);
        } else {
            drop(queue);
            self.state.fail(format!("{} of them waited already", human::count(ROOM as u64)), 1);
        }
    }

    fn start(&self, input: Vec<u8>) {
        let (notifier, state) = (self.clone(), Arc::clone(&self.state));
        let started = thread::Builder::new().name("notify".into()).spawn(move || {
            let mut next = Some(input);
            while let Some(input) = next {
                if let Err(why) = notifier.run(input) {
                    state.fail(why, 1);
                }
                next = state.next();
            }
        });
        if let Err(error) = started {
            self.state.queue().running -= 1;
            self.state.fail(not_started(&error), 1);
        }
    }

    /// Returns what keeps events from getting through and was not told yet, a gap
    /// for each reason.
    pub fn news(&self) -> Vec<Gap> {
        let command = self.command();
        let mut failed = self.state.failed();
        let gap = |(why, failures): (&String, &mut NotifyFailures)| {
            let is_new = !std::mem::replace(&mut failures.told, true);
            is_new
                .then(|| Gap::new(GAP, format!("an event did not get through to {command}: {why}")))
        };
        failed.iter_mut().filter_map(gap).collect()
    }

    fn command(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| escaped(word.as_bytes())).collect();
        words.join(" ")
    }

    /// Waits for the commands that still run, and for as long as one may run for
    /// what waits; returns how many events did not get through, a gap for each
    /// reason.
    pub fn finish(self) -> Vec<Gap> {
        let deadline = now_ms().saturating_add(self.timeout_ms);
        while self.state.queue().running > 0 {
            if now_ms() >= deadline {
                let waiting = std::mem::take(&mut self.state.queue().waiting);
                if !waiting.is_empty() {
                    self.state.fail("there was no time left".to_owned(), waiting.len() as u64);
                }
            }
            thread::sleep(LOOK);
        }
        let command = self.command();
        let failed = self.state.failed();
        let gap = |(why, failures): (&String, &NotifyFailures)| {
            let events = human::plural(failures.count, "event");
            let reason = format!("{events} did not get through to {command}: {why}");
            Gap::new(GAP, reason).count(failures.count)
        };
        failed.iter().map(gap).collect()
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

fn now_ms() -> u64 {
    clock::monotonic_ns() / 1_000_000
}

fn wait(child: &mut Child, timeout_ms: u64) -> Result<(), String> {
    let deadline = now_ms().saturating_add(timeout_ms);
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            // `exit status: 1`, `signal: 9 (SIGKILL)`
            Ok(Some(status)) => return Err(format!("it ended with {status}")),
            Ok(None) if now_ms() < deadline => thread::sleep(LOOK),
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
        reasons(notifier.finish())
    }

    fn reasons(gaps: Vec<Gap>) -> Vec<String> {
        gaps.into_iter().map(|gap| gap.reason).collect()
    }

    #[test]
    fn a_command_reads_its_input_and_is_reaped() {
        assert!(failed("grep -q {}", 10_000).is_empty());
        let why = "1 event did not get through to grep -q nothing: it ended with exit status: 1";
        assert_eq!(failed("grep -q nothing", 10_000), [why]);
        // One that does not read at all.
        assert!(failed("true", 10_000).is_empty());
    }

    #[test]
    fn a_command_that_hangs_or_is_missing_fails_in_time() {
        let why =
            "1 event did not get through to sleep 600: it ran for more than 50ms and was killed";
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
        let news = reasons(notifier.news());
        assert!(news.len() == 1 && news[0].contains("could not be started"), "{news:?}");
        assert!(notifier.news().is_empty(), "once");
        let why = notifier.finish();
        assert_eq!((why.len(), why[0].count), (1, Some(2)));
        assert!(
            why[0].reason.starts_with("2 events did not get through to /nonexistent"),
            "{why:?}"
        );
    }

    /// A storm of alerts waits for its turn, in order as it came.
    #[test]
    fn more_than_can_run_wait() {
        let notifier = Notifier::new("sleep 0.05", 10_000).expect("a command");
        (0..5 * MOST).for_each(|_| notifier.send(Vec::new()));
        assert_eq!(notifier.state.queue().running, MOST);
        assert!(notifier.finish().is_empty(), "all got through");
    }

    #[test]
    fn what_finds_no_room_and_no_time_is_counted() {
        let notifier = Notifier::new("sleep 600", 200).expect("a command");
        (0..MOST + ROOM + 3).for_each(|_| notifier.send(Vec::new()));
        let lost = notifier.finish();
        let count = |word: &str| {
            let of = lost.iter().filter(|gap| gap.reason.contains(word));
            of.filter_map(|gap| gap.count).sum::<u64>() as usize
        };
        assert_eq!(count("1,000 of them waited already"), 3, "{lost:?}");
        assert_eq!(count(""), MOST + ROOM + 3, "none is forgotten: {lost:?}");
        assert!(count("no time left") > 0, "{lost:?}");
    }

    #[test]
    fn a_command_is_shown_and_harmless() {
        let why = failed("/nonexistent/\u{1b}[31m\u{202e}", 50).join(" ");
        assert!(why.contains("/nonexistent/\\x1b[31m\\u{202e}: it could not"), "{why}");
    }
}
