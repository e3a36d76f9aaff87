//! `watch` on a real terminal, with real sockets: what is typed, what is on the screen, and that
//! the terminal is given back on every way out.

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal};

use crate::kit::pty::Session;
use crate::kit::run::Run;
use crate::kit::states::{self, By, Family, Unread};
use crate::kit::tempdir::TempDir;
use crate::kit::{Check, Impossible, Result, Trial, listeners, poll, trial};

const CHECKS: &[Check] = &[
    ("a_session", a_session),
    ("a_leak_appears_and_resolves", a_leak_appears_and_resolves),
    ("suspend_and_resume", suspend_and_resume),
    ("stopped_from_outside", stopped_from_outside),
    ("without_a_shell", without_a_shell),
    ("suspend_in_a_container", suspend_in_a_container),
    ("resize", resize),
    ("signals_give_the_terminal_back", signals_give_the_terminal_back),
    ("a_panic_gives_the_terminal_back", a_panic_gives_the_terminal_back),
    ("a_terminal_that_goes_away", a_terminal_that_goes_away),
    ("the_last_screen_stays", the_last_screen_stays),
    ("export", export),
    ("acts_on_a_socket", acts_on_a_socket),
    ("keys_of_ones_own", keys_of_ones_own),
    ("no_colour_and_ascii", no_colour_and_ascii),
    ("a_dumb_terminal_gets_lines", a_dumb_terminal_gets_lines),
    ("ascii_where_glyphs_are_missing", ascii_where_glyphs_are_missing),
    ("it_ends_after_its_time", it_ends_after_its_time),
    ("a_filter_without_an_answer", a_filter_without_an_answer),
    ("drawing_waits_for_nothing_else", drawing_waits_for_nothing_else),
];

/// All trials.
pub fn trials() -> Vec<Trial> {
    let checks = CHECKS.iter().map(|(name, body)| trial(*name, *body));
    checks.chain([trial("make_screens", make_screens).by_hand()]).collect()
}

/// Writes docs/screens.md: the screens of a machine with some trouble. Run by hand.
fn make_screens() -> Result<()> {
    let mut held = Vec::new();
    for _ in 0..12 {
        held.push(states::close_wait(Family::V4, Unread::Nothing)?);
        held.push(states::established(Family::V4)?);
        held.push(states::time_wait(Family::V4, By::Close)?);
    }
    let _full = listeners::full_accept_queue(Family::V4, 3, 2)?;
    // Whose sockets they are is on the screens.
    std::fs::write("/proc/self/comm", "server")?;
    let args = ["watch", "--interval", "1s", "--max-cpu", "100", "--ascii", "--no-mouse"];
    let mut session = Run::new(args).start_session(80, 24)?;
    session.wait_for("accept-queue-overflow")?;
    let tabs = [
        ("Overview", "1", "most TCP peers"),
        ("Sockets", "2/state close-wait\r\r", "the application"),
        // Without the filter, which holds there too.
        ("Listeners", "/\x15\r3", "FULL"),
        ("Groups", "4", "by process"),
        ("Events", "5", "TIME_WAIT"),
        ("Ports", "6", "DESTINATION"),
        ("Map", "7", "[CLOSE"),
    ];
    let mut text = String::from(
        "# Screens\n\nOf `sockstate watch --ascii` on real sockets in a network namespace, at 80\u{d7}24.\n\
         Made by `cargo test --test kernel -- --ignored make_screens`.\n",
    );
    for (name, keys, shown) in tabs {
        session.keys(keys)?;
        if name == "Events" {
            held.push(states::established(Family::V4)?);
            held.push(states::time_wait(Family::V4, By::Close)?);
        }
        session.wait_for(shown)?;
        settled(&session)?;
        let lines: Vec<String> =
            session.text().lines().map(|line| line.trim_end().to_owned()).collect();
        text += &format!("\n## {name}\n\n```text\n{}\n```\n", lines.join("\n"));
    }
    let program = std::env::current_exe()?.display().to_string();
    let text = text.replace(&program, "/usr/bin/server");
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/screens.md");
    std::fs::write(place, text)?;
    quit(session)
}

/// Snapshots alone, so that nothing of other namespaces is on the screen; as fast as may be.
const ARGS: [&str; 7] = ["watch", "--source", "poll", "--interval", "100ms", "--max-cpu", "100%"];

fn watch<'a>(more: impl IntoIterator<Item = &'a str>) -> Run {
    Run::new(ARGS.into_iter().chain(more))
}

fn start(columns: u16, rows: u16) -> Result<Session> {
    let session = watch([]).start_session(columns, rows)?;
    session.wait_for("1 Overview")?;
    session.wait_for("LISTEN")?;
    Ok(session)
}

fn quit(mut session: Session) -> Result<()> {
    session.keys("q")?;
    let (status, screen) = session.finish()?;
    ensure!(status.success(), "{status:?}\n{screen}");
    Ok(())
}

/// Filter, sort, details, pause, help: what a person does.
fn a_session() -> Result<()> {
    let held = states::close_wait(Family::V4, Unread::Eof)?;
    let other = states::established(Family::V6)?;
    let mut session = start(120, 40)?;
    session.keys("2")?;
    session.wait_for(&other.local.to_string())?;
    session.keys("/state close-wait")?;
    session.wait("only the one that the filter selects", |screen| {
        let text = screen.contents();
        text.contains(&held.local.to_string()) && !text.contains(&other.local.to_string())
    })?;
    session.keys(" xyz")?;
    session.wait_for("expected a test")?;
    session.keys("\x15state close-wait\r")?;
    session.wait_for("filter: state close-wait")?;
    session.keys("\r")?;
    // Details: what the state means for this socket, and its tcp_info.
    session.wait_for("the application has not read that yet")?;
    session.wait_for("rto_ms")?;
    // A letter too soon behind an escape would be Alt with that letter.
    session.keys("\x1b")?;
    session.wait("details closed", |screen| !screen.contents().contains("rto_ms"))?;
    session.keys("ss")?;
    session.wait_for("STATE▲")?;
    session.keys("p")?;
    session.wait_for("paused")?;
    session.keys("p?")?;
    session.wait_for("these keys")?;
    session.keys("\x1b")?;
    session.wait("help closed", |screen| !screen.contents().contains("these keys"))?;
    session.keys("e")?;
    session.wait_for("What it is")?;
    session.keys("q")?;
    session.wait("the page closed", |screen| !screen.contents().contains("What it is"))?;
    for (key, text) in
        [("3", "listener"), ("4", "by process"), ("5", "WHAT"), ("6", "range"), ("7", "[CLOSE")]
    {
        session.keys(key)?;
        session.wait_for(text)?;
    }
    quit(session)
}

fn a_leak_appears_and_resolves() -> Result<()> {
    let rules = TempDir::new()?;
    let file = rules.path().join("rules.toml");
    std::fs::write(&file, "[close-wait-leak]\nmin_count = 1\nage = \"0s\"\n")?;
    let held = states::close_wait(Family::V4, Unread::Eof)?;
    let file = file.display().to_string();
    let session = watch(["--rules", &file]).start_session(100, 30)?;
    session.wait_for("close-wait-leak")?;
    drop(held);
    session.wait("no alert any more", |screen| {
        let text = screen.contents();
        text.contains("no alerts") && !text.contains("WARNING")
    })?;
    quit(session)
}

/// Waits until a frame is drawn to its end.
fn settled(session: &Session) -> Result<()> {
    let mut before = String::new();
    poll("a screen that stays", || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let now = session.text();
        Ok((std::mem::replace(&mut before, now.clone()) == now).then_some(()))
    })
}

/// Ctrl-Z gives the terminal back and stops; fg takes it again.
fn suspend_and_resume() -> Result<()> {
    let mut session = in_shell()?;
    session.keys("\x1a")?;
    session.wait_stopped(true)?;
    session.wait_restored()?;
    session.foreground()?;
    session.wait("the screen drawn anew", |screen| {
        screen.alternate_screen() && screen.contents().contains("1 Overview")
    })?;
    session.keys("2")?;
    session.wait_for("RECV-Q")?;
    quit(session)
}

/// With nobody to bring it back it does not stop.
fn without_a_shell() -> Result<()> {
    let mut session = start(80, 24)?;
    session.keys("\x1a")?;
    session.wait_for("there is no shell")?;
    session.wait_stopped(false)?;
    quit(session)
}

/// Where the session is led from outside the pid namespace, a shell is still known from none.
fn suspend_in_a_container() -> Result<()> {
    let mut alone = watch([]).in_container("\"$@\"; exit $?")?.start_session(80, 24)?;
    alone.wait_for("1 Overview")?;
    alone.keys("\x1a")?;
    alone.wait_for("there is no shell")?;
    quit(alone)?;

    let script = "set -m; \"$@\"; echo is stopped; read line; fg && echo is over";
    let mut job = watch([]).in_container(script)?.start_session(80, 24)?;
    job.wait_for("1 Overview")?;
    job.keys("\x1a")?;
    job.wait_for("is stopped")?;
    job.wait_restored()?;
    job.foreground()?;
    job.wait_for("1 Overview")?;
    // Not by the status: the shell fails to give the terminal back to a group outside.
    job.keys("q")?;
    job.wait_for("is over")
}

fn in_shell() -> Result<Session> {
    let session = watch([]).in_shell().start_session(80, 24)?;
    session.wait_for("1 Overview")?;
    Ok(session)
}

/// SIGTSTP of a person or a supervisor does the same.
fn stopped_from_outside() -> Result<()> {
    let mut session = in_shell()?;
    session.signal(Signal::TSTP)?;
    session.wait_stopped(true)?;
    session.wait_restored()?;
    session.foreground()?;
    session.wait("the screen drawn anew", |screen| {
        screen.alternate_screen() && screen.contents().contains("1 Overview")
    })?;
    quit(session)
}

fn resize() -> Result<()> {
    let session = start(80, 24)?;
    for (columns, rows) in [(1, 1), (500, 200), (40, 10), (10, 3)] {
        session.resize(columns, rows)?;
    }
    session.resize(132, 43)?;
    // The new width is used: the gauges stand right of the curves.
    session.wait_for("1 Overview")?;
    session.wait("as wide as the window", |screen| {
        screen.contents().lines().next().is_some_and(|line| line.len() > 120)
    })?;
    quit(session)
}

fn signals_give_the_terminal_back() -> Result<()> {
    let signals =
        [(Signal::TERM, 143), (Signal::INT, 130), (Signal::QUIT, 131), (Signal::HUP, 129)];
    for (signal, code) in signals {
        let session = start(80, 24)?;
        session.signal(signal)?;
        let (status, screen) = session.finish()?;
        ensure!(status.code() == Some(code), "{signal:?}: {status:?}\n{screen}");
    }
    Ok(())
}

fn a_panic_gives_the_terminal_back() -> Result<()> {
    let session = watch([]).env("SOCKSTATE_TEST_PANIC", "1").start_session(80, 24)?;
    let (status, screen) = session.finish()?;
    ensure!(status.code() == Some(1), "{status:?}");
    ensure!(screen.contains("a panic for a test"), "{screen}");
    ensure!(screen.contains("the collector has panicked"), "{screen}");
    Ok(())
}

/// Not even standard error is left then, and who notices first is chance.
fn a_terminal_that_goes_away() -> Result<()> {
    for _ in 0..20 {
        let status = watch([]).lose_terminal("1 Overview")?;
        ensure!(status.code() == Some(129), "{status:?}");
    }
    Ok(())
}

fn the_last_screen_stays() -> Result<()> {
    let mut session = start(80, 24)?;
    session.keys("Q")?;
    let (status, screen) = session.finish()?;
    ensure!(status.success(), "{status:?}");
    ensure!(screen.contains("1 Overview") && screen.contains("? keys"), "{screen}");
    Ok(())
}

/// x writes what is shown; the file is what `list` writes.
fn export() -> Result<()> {
    let held = states::close_wait(Family::V4, Unread::Eof)?;
    let directory = TempDir::new()?;
    let mut run = watch(["state", "close-wait"]);
    run = run.directory(directory.path());
    let mut session = run.start_session(100, 24)?;
    session.wait_for("CLOSE_WAIT")?;
    session.keys("2")?;
    session.wait_for(&held.local.to_string())?;
    session.keys("xj")?;
    session.wait_for("wrote 1 socket to sockstate-")?;
    session.keys("xc")?;
    session.wait_for(".csv")?;
    for entry in std::fs::read_dir(directory.path())? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let local = held.local.to_string();
        if path.extension().is_some_and(|ending| ending == "json") {
            let document: serde_json::Value = serde_json::from_str(&text)?;
            ensure!(document["sockets"].as_array().is_some_and(|rows| rows.len() == 1), "{text}");
            ensure!(document["sockets"][0]["local"]["port"] == held.local.port(), "{text}");
        } else {
            ensure!(text.starts_with("proto,state,") && text.contains(&local), "{text}");
        }
    }
    quit(session)
}

fn acts_on_a_socket() -> Result<()> {
    let held = states::established(Family::V4)?;
    let mut session =
        watch(["--allow-actions", "-t", "state", "established"]).start_session(100, 24)?;
    session.wait_for("1 Overview")?;
    session.keys("2")?;
    session.wait_for(&held.local.to_string())?;
    session.keys("Kd")?;
    session.wait_for("as a reset to both sides?")?;
    session.keys("n")?;
    session.keys("Kdy")?;
    // Both ends of it are here: a reset ends both.
    session.wait("closed, and gone from the list", |screen| {
        let text = screen.contents();
        text.contains("nothing matches") && !text.contains("ESTABLISHED ")
    })?;
    quit(session)
}

fn keys_of_ones_own() -> Result<()> {
    let directory = TempDir::new()?;
    let file = directory.path().join("watch.toml");
    let name = file.display().to_string();
    std::fs::write(&file, "[keys]\nquit = \"z\"\n")?;
    let mut session = watch(["--config", &name]).start_session(80, 24)?;
    session.wait_for("z quit")?;
    session.keys("q")?;
    session.wait_for("this key does nothing")?;
    session.keys("z")?;
    let (status, _) = session.finish()?;
    ensure!(status.success(), "{status:?}");
    std::fs::write(&file, "[keys]\nquit = \"p\"\n")?;
    let output = watch(["--config", &name]).run()?.ended(2)?;
    ensure!(output.stderr.contains("one key is to do both 'pause' and 'quit'"), "{output}");
    Ok(())
}

fn a_dumb_terminal_gets_lines() -> Result<()> {
    let _held = states::close_wait(Family::V4, Unread::Eof)?;
    let session = watch([]).on("dumb", "C.UTF-8").start_session(80, 24)?;
    session.wait_for("events by")?;
    session.wait("lines", |screen| !screen.alternate_screen() && !screen.hide_cursor())?;
    session.signal(Signal::INT)?;
    let (status, _) = session.finish()?;
    ensure!(status.code() == Some(130), "{status:?}");
    Ok(())
}

/// The fonts of the Linux console lack them, other locales mean other characters.
fn ascii_where_glyphs_are_missing() -> Result<()> {
    let _held = states::time_wait(Family::V4, By::Close)?;
    for (terminal, locale) in [("linux", "C.UTF-8"), ("xterm", "C")] {
        let session = watch([]).on(terminal, locale).start_session(80, 24)?;
        session.wait_for("tw buckets 1 of")?;
        ensure!(session.text().is_ascii(), "{terminal} {locale}:\n{}", session.text());
        quit(session)?;
    }
    Ok(())
}

fn it_ends_after_its_time() -> Result<()> {
    let session = watch(["--duration", "300ms"]).start_session(80, 24)?;
    let (status, _) = session.finish()?;
    ensure!(status.success(), "{status:?}");
    Ok(())
}

/// A name that nobody knows selects nothing, and no name server is asked while it is typed.
fn a_filter_without_an_answer() -> Result<()> {
    let _held = states::close_wait(Family::V4, Unread::Eof)?;
    let mut session = watch([]).start_session(80, 24)?;
    session.wait_for("1 Overview")?;
    session.keys("2")?;
    session.wait_for("CLOSE_WAIT")?;
    session.keys("/user nosuchuser")?;
    session.wait_for("no user is called 'nosuchuser'")?;
    session.wait("no rows", |screen| !screen.contents().contains("CLOSE_WAIT "))?;
    session.keys("\x1b")?;
    session.wait_for("CLOSE_WAIT ")?;
    session.keys("/dst nosuchhost.invalid")?;
    session.wait_for("is looked up when the line is finished")?;
    session.keys("\r")?;
    session.wait_for("no address of 'nosuchhost.invalid'")?;
    quit(session)
}

fn no_colour_and_ascii() -> Result<()> {
    let _held = states::time_wait(Family::V4, By::Close)?;
    let session = watch(["--ascii"]).env("NO_COLOR", "1").start_session(80, 24)?;
    session.wait_for("tw buckets 1 of")?;
    ensure!(session.text().is_ascii(), "{}", session.text());
    session.wait("no colours", |screen| {
        let cells =
            (0..24).flat_map(|row| (0..80).filter_map(move |column| screen.cell(row, column)));
        cells.into_iter().all(|cell| {
            cell.fgcolor() == vt100::Color::Default && cell.bgcolor() == vt100::Color::Default
        })
    })?;
    quit(session)
}

/// What the thread that draws may ask of the kernel: the terminal, messages, memory, signals.
const DRAWING: [&str; 16] = [
    "write",
    "futex",
    "restart_syscall",
    "clock_gettime",
    "sched_yield",
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "rt_sigreturn",
    "rt_sigprocmask",
    "close",
    "ioctl",
    "fcntl",
];

/// Rows with details and names, every tab, an act and a file: the thread that draws makes no
/// request, opens no file and asks no name for them.
fn drawing_waits_for_nothing_else() -> Result<()> {
    let mut held = Vec::new();
    for _ in 0..30 {
        held.push(states::established(Family::V4)?);
    }
    let directory = TempDir::new()?;
    let run = watch(["-r", "--allow-actions"]).directory(directory.path());
    let mut session = run.start_session(120, 40)?;
    session.wait_for("1 Overview")?;
    session.keys("2wn\r")?;
    session.wait_for("skmem")?;
    let traced = Traced::attach(&session)?;
    for keys in ["n", "jjjj", "n", "GG", "3", "n", "n", "1", "4", "5", "6", "7", "2", "xj"] {
        session.keys(keys)?;
        settle_for_a_look();
    }
    session.wait_for("wrote ")?;
    session.keys("/state established\r")?;
    session.wait("the list of these", |screen| !screen.contents().contains("LISTEN "))?;
    session.keys("gKd")?;
    session.wait_for("as a reset to both sides?")?;
    session.keys("y")?;
    session.wait_for("closed")?;
    let calls = traced.finish()?;
    let foreign = |call: &&String| {
        let name = call.split('(').next().unwrap_or_default();
        // Its size, which is asked for by the name of the terminal.
        !DRAWING.contains(&name) && !call.starts_with("openat(AT_FDCWD, \"/dev/tty\"")
    };
    ensure!(calls.iter().any(|call| call.starts_with("write(")), "it draws: {calls:?}");
    let foreign: Vec<&String> = calls.iter().filter(foreign).collect();
    ensure!(foreign.is_empty(), "{foreign:#?}");
    quit(session)
}

/// Some frames and a look or two.
fn settle_for_a_look() {
    std::thread::sleep(std::time::Duration::from_millis(250));
}

/// The calls of a program's first thread, which draws, written down by strace.
struct Traced {
    tracer: std::process::Child,
    file: std::path::PathBuf,
    _directory: TempDir,
}

impl Traced {
    fn attach(session: &Session) -> Result<Self> {
        let directory = TempDir::new()?;
        let (file, pid) = (directory.path().join("calls"), session.pid());
        let mut strace = std::process::Command::new("strace");
        strace.args(["-q", "-p", &pid.to_string(), "-o"]).arg(&file);
        let strace = strace.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let tracer =
            strace.spawn().map_err(|error| Impossible(format!("no strace to ask: {error}")))?;
        let mut traced = Self { tracer, file, _directory: directory };
        poll("strace on it", || {
            if traced.tracer.try_wait()?.is_some() {
                return Err(Impossible("strace may not follow a program here".into()).into());
            }
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
            Ok(line.is_some_and(|tracer| tracer.trim() != "0").then_some(()))
        })?;
        Ok(traced)
    }

    /// Lets the program go; returns one line a call.
    fn finish(mut self) -> Result<Vec<String>> {
        let pid = Pid::from_raw(self.tracer.id().try_into()?).context("process 0")?;
        rustix::process::kill_process(pid, Signal::INT)?;
        self.tracer.wait()?;
        let text = std::fs::read_to_string(&self.file)?;
        let is_call = |line: &&str| line.contains('(') && !line.starts_with(['-', '+', '<']);
        Ok(text.lines().filter(is_call).map(str::to_owned).collect())
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        drop(self.tracer.kill());
        drop(self.tracer.wait());
    }
}
