//! Trials, each in a process of its own.
//!
//! What a trial does to its process (namespaces, limits, the environment, signals) is nobody
//! else's, and no other trial's child has its sockets, not even between fork and exec. So many
//! can run at a time: most of them wait. The process is this program again, told which trial.

use std::collections::BTreeSet;
use std::env;
use std::io::{self, Write};
use std::num::NonZero;
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use libtest_mimic::{Arguments, Completion, Failed};

use super::{Disturbed, Impossible, Result, netns};

/// The argument that makes this program run one trial, whose name follows, and the first of the
/// ports that it has for itself.
const ONE: &str = "--one-trial";

/// The exit status of a trial that is impossible here, as Automake's tests have it.
const SKIPPED: u8 = 77;

/// The exit status of a trial that is worth another try: `EX_TEMPFAIL` of sysexits.h.
const AGAIN: u8 = 75;

/// How often a trial is tried that was disturbed, and how long others get to become quiet.
const TRIES: usize = 20;
const QUIET_AFTER: Duration = Duration::from_secs(3);

/// Trials at a time for each CPU.
const AT_A_TIME: usize = 4;

/// Something to be tried, under a name.
pub struct Trial {
    name: String,
    scene: Scene,
    events: Events,
    by_hand: bool,
    body: Box<dyn FnOnce() -> Result<()> + Send>,
}

/// Where a trial runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scene {
    /// In a network namespace of its own.
    Namespace,
    /// Wherever we are.
    Here,
}

/// What a trial has to do with the events of the whole machine, which tracepoints tell.
#[derive(Clone, Copy)]
enum Events {
    /// Nothing in particular.
    Few,
    /// It listens to them, and they must not drown what it listens for.
    Heard,
    /// It makes so many that whoever listens hears nothing else.
    Flood,
}

/// Keeps those that flood the machine with events apart from those that listen.
static LISTENING: RwLock<()> = RwLock::new(());

/// Makes a trial that runs `body` in a fresh network namespace.
pub fn trial<F>(name: impl Into<String>, body: F) -> Trial
where
    F: FnOnce() -> Result<()> + Send + 'static,
{
    Trial {
        name: name.into(),
        scene: Scene::Namespace,
        events: Events::Few,
        by_hand: false,
        body: Box::new(body),
    }
}

/// Makes a trial that needs no network namespace.
pub fn plain_trial<F>(name: impl Into<String>, body: F) -> Trial
where
    F: FnOnce() -> Result<()> + Send + 'static,
{
    Trial { scene: Scene::Here, ..trial(name, body) }
}

/// Makes a trial that needs no network namespace and panics where it fails.
pub fn asserting(name: impl Into<String>, body: fn()) -> Trial {
    plain_trial(name, move || {
        body();
        Ok(())
    })
}

impl Trial {
    /// Runs it only when it is asked for, with `--ignored`.
    pub fn by_hand(self) -> Trial {
        Trial { by_hand: true, ..self }
    }

    /// Runs it while no other trial floods the machine with events.
    pub fn that_listens(self) -> Trial {
        Trial { events: Events::Heard, ..self }
    }

    /// Runs it while no other trial listens to the events of the machine.
    pub fn that_floods(self) -> Trial {
        Trial { events: Events::Flood, ..self }
    }

    /// Puts the name of a module in front of its own.
    pub fn of(self, module: &str) -> Trial {
        Trial { name: format!("{module}::{}", self.name), ..self }
    }

    /// Sets the scene and does it, in the process that is for it alone.
    fn perform(self, first_port: Option<u16>) -> Result<()> {
        if self.scene == Scene::Namespace {
            netns::enter()
                .map_err(|reason| Impossible(format!("no network namespace: {reason}")))?;
        }
        if let Some(first) = first_port {
            let range = format!("{first} {}", first + PORTS - 1);
            netns::sysctl("ipv4/ip_local_port_range", &range)?;
        }
        (self.body)()
    }

    /// The same for the harness: it starts the process and waits for it.
    fn for_harness(self) -> libtest_mimic::Trial {
        let (name, events) = (self.name.clone(), self.events);
        let run = move || {
            let share = Share::take(events);
            start(&name, &share).unwrap_or_else(|error| Err(format!("{error:#}").into()))
        };
        libtest_mimic::Trial::ignorable_test(self.name, run).with_ignored_flag(self.by_hand)
    }
}

/// What a trial has for itself while it runs.
struct Share {
    _apart: Option<Apart>,
    ports: Option<Ports>,
}

/// Held by a trial that listens to events, or floods.
enum Apart {
    Heard(#[expect(unused, reason = "held")] RwLockReadGuard<'static, ()>),
    Flood(#[expect(unused, reason = "held")] RwLockWriteGuard<'static, ()>),
}

impl Share {
    fn take(events: Events) -> Share {
        let (apart, ports) = match events {
            Events::Few => (None, None),
            Events::Heard => (LISTENING.read().ok().map(Apart::Heard), Ports::take()),
            Events::Flood => (LISTENING.write().ok().map(Apart::Flood), None),
        };
        Share { _apart: apart, ports }
    }
}

/// Ephemeral ports that no other trial uses, by the first of them: who hears of all namespaces
/// knows its own sockets by their ports.
struct Ports(u16);

/// How many ports such a trial has.
const PORTS: u16 = 1_000;

/// The first ports of all shares, below the range that the kernel has for others.
static FREE_PORTS: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

impl Ports {
    fn take() -> Option<Ports> {
        free_ports().pop_first().map(Ports)
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        free_ports().insert(self.0);
    }
}

fn free_ports() -> MutexGuard<'static, BTreeSet<u16>> {
    FREE_PORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what the arguments of this program ask for: all trials, some, or this one.
pub fn run(trials: Vec<Trial>) -> ExitCode {
    let mut args = env::args().skip(1);
    if args.next().as_deref() == Some(ONE) {
        let (name, first_port) = (args.next(), args.next().and_then(|port| port.parse().ok()));
        return run_one(trials, &name.unwrap_or_default(), first_port);
    }
    free_ports().extend((10..30).map(|thousand| thousand * PORTS));
    let mut arguments = Arguments::from_args();
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    arguments.test_threads.get_or_insert(AT_A_TIME * cpus);
    let trials = trials.into_iter().map(Trial::for_harness).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Runs one trial in this process. What there is to say goes to stderr.
fn run_one(trials: Vec<Trial>, name: &str, first_port: Option<u16>) -> ExitCode {
    let found = trials.into_iter().find(|trial| trial.name == name).context("no such trial");
    let Err(error) = found.and_then(|trial| trial.perform(first_port)) else {
        return ExitCode::SUCCESS;
    };
    let _ = writeln!(io::stderr(), "{error:#}");
    match error {
        error if error.is::<Impossible>() => ExitCode::from(SKIPPED),
        error if error.is::<Disturbed>() => ExitCode::from(AGAIN),
        _ => ExitCode::FAILURE,
    }
}

/// Starts the process of a trial, again where it was disturbed, and says how it went.
fn start(name: &str, share: &Share) -> Result<std::result::Result<Completion, Failed>> {
    let mut output = run_process(name, share)?;
    for _ in 1..TRIES {
        if output.status.code() != Some(AGAIN.into()) {
            break;
        }
        thread::sleep(QUIET_AFTER);
        output = run_process(name, share)?;
    }
    let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    Ok(match output.status.code() {
        Some(0) => Ok(Completion::Completed),
        Some(code) if code == i32::from(SKIPPED) && !must_run() => {
            Ok(Completion::ignored_with(said))
        }
        Some(_) => Err(said.into()),
        None => Err(format!("{}\n{said}", output.status).into()),
    })
}

/// Runs the process of a trial to its end.
fn run_process(name: &str, share: &Share) -> Result<Output> {
    Command::new(env::current_exe()?)
        .args([ONE, name])
        .args(share.ports.as_ref().map(|ports| ports.0.to_string()))
        .stdin(Stdio::null())
        // A trial run by hand may want to be seen going on.
        .stdout(Stdio::inherit())
        .stderr(Stdio::piped())
        .output()
        .context("starting a process for the trial")
}

/// Whether the environment asks for all trials, so that one which cannot run has failed.
fn must_run() -> bool {
    env::var_os("SOCKSTATE_REQUIRE_KERNEL").is_some()
}
