//! `watch` for a long time while connections come and go: on a terminal, and as lines. Ignored
//! unless asked for; `tests/soak.sh MINUTES` runs it.

mod churn;
mod usage;

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::process::Signal;

use crate::kit::run::Run;
use crate::kit::tempdir::TempDir;
use crate::kit::{Result, Trial, trial};
use churn::Churn;
use usage::Samples;

/// New connections a second.
const CONNECTIONS: u64 = 2_000;

/// The watch looks once a second; a look that comes later than this was missed.
const MISSED: Duration = Duration::from_millis(1_900);

/// The trial, which runs only when asked for.
pub fn trials() -> Vec<Trial> {
    vec![trial("lines_and_screen", soak).by_hand()]
}

#[expect(clippy::print_stdout, reason = "whoever runs it by hand wants to see it go on")]
fn soak() -> Result<()> {
    let minutes: u64 = std::env::var("SOCKSTATE_SOAK").map_or(Ok(1), |text| text.parse())?;
    let time = Duration::from_secs(minutes * 60);
    let churn = Churn::start(CONNECTIONS)?;

    let ticks = Ticks::listen()?;
    let args = ["watch", "--plain", "--transitions", "--interval", "1s", "--max-cpu", "100"];
    let sink = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    let lines = Run::new(args).env("NOTIFY_SOCKET", ticks.name()).stdout(sink);
    let lines = lines.timeout(time + Duration::from_secs(60)).start()?;
    let screen =
        Run::new(["watch", "--interval", "1s", "--max-cpu", "100"]).start_session(120, 40)?;

    let begun = Instant::now();
    let (mut of_lines, mut of_screen) = (Samples::of(lines.pid()), Samples::of(screen.pid()));
    let mut clocks = BTreeSet::new();
    while begun.elapsed() < time {
        thread::sleep(Duration::from_millis(250));
        clocks.extend(clock(&screen.text()));
        let second = begun.elapsed().as_secs();
        if second >= 10 * (of_lines.len() as u64 + 1) {
            println!("{second:>5} s  lines: {}  screen: {}", of_lines.take()?, of_screen.take()?);
        }
    }
    let took = begun.elapsed().as_secs();
    let made = churn.stop();
    println!("{made} connections, {} a second", made / took.max(1));
    ensure!(made >= CONNECTIONS * took * 9 / 10, "there was hardly anything to see");
    screen.signal(Signal::TERM)?;
    let (status, _) = screen.finish()?;
    ensure!(status.code() == Some(143), "the screen ended with {status}");
    lines.signal(Signal::INT)?;
    let output = lines.finish()?.ended(130)?;
    print!("{}", output.stderr);

    let (looks, longest) = ticks.end()?;
    println!("lines: {looks} looks, at most {} ms apart", longest.as_millis());
    println!("screen: {} times of day in {took} s", clocks.len());
    of_lines.are_flat("lines")?;
    of_screen.are_flat("screen")?;
    // Each look begins a little later than a second after the one before.
    let most = |seconds: u64| seconds - seconds / 100 - 2;
    ensure!(longest < MISSED && looks >= most(took), "a look was missed");
    ensure!(clocks.len() as u64 >= most(took), "the screen stood still");
    Ok(())
}

/// The time of the look that the screen shows, in its first line.
fn clock(text: &str) -> Option<String> {
    let is_time = |word: &&str| word.len() == 8 && word.matches(':').count() == 2;
    text.lines().next()?.split_whitespace().find(is_time).map(str::to_owned)
}

/// Counts what a service manager would be told after every look.
struct Ticks {
    directory: TempDir,
    heard: thread::JoinHandle<(u64, Duration)>,
}

impl Ticks {
    fn listen() -> Result<Ticks> {
        let directory = TempDir::new()?;
        let socket = UnixDatagram::bind(directory.path().join("notify"))?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        let heard = thread::spawn(move || {
            let (mut looks, mut longest, mut last) = (0, Duration::ZERO, None);
            let mut bytes = [0; 512];
            while let Ok(len) = socket.recv(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..len]);
                if text.contains("STOPPING=1") {
                    break;
                }
                if text.contains("STATUS=") {
                    let now = Instant::now();
                    longest = longest.max(last.replace(now).map_or(Duration::ZERO, |t| now - t));
                    looks += 1;
                }
            }
            (looks, longest)
        });
        Ok(Ticks { directory, heard })
    }

    fn name(&self) -> std::path::PathBuf {
        self.directory.path().join("notify")
    }

    fn end(self) -> Result<(u64, Duration)> {
        self.heard.join().ok().context("the listener panicked")
    }
}
