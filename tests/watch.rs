//! `watch` without a terminal: the lines it writes, for people, scripts and service managers.

mod kit;

use std::os::unix::net::UnixDatagram;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use libtest_mimic::{Arguments, Trial};
use rustix::process::Signal;

use kit::netns::{Entered, enter_at_start};
use kit::run::Run;
use kit::states::{self, Family, Held, Unread};
use kit::tempdir::TempDir;
use kit::{Check, Result, poll, trial};

const CHECKS: &[Check] = &[
    ("a_leak_begins_and_ends", a_leak_begins_and_ends),
    ("lines_of_json", lines_of_json),
    ("transitions_when_asked_for", transitions_when_asked_for),
    ("ends_after_its_time", ends_after_its_time),
    ("signals", signals),
    ("a_closed_pipe_is_an_ordinary_end", a_closed_pipe_is_an_ordinary_end),
    ("mistakes_refuse_to_start", mistakes_refuse_to_start),
    ("a_service_manager_is_told", a_service_manager_is_told),
    ("a_command_is_told", a_command_is_told),
    ("an_ordinary_user", an_ordinary_user),
];

fn main() -> ExitCode {
    let entered = enter_at_start();
    let trials = trials(&entered);
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trials(entered: &Entered) -> Vec<Trial> {
    let checks = CHECKS.iter().map(|(name, body)| trial(*name, entered, *body));
    checks.chain([trial("soak", entered, soak).with_ignored_flag(true)]).collect()
}

/// Rules that a single socket breaks.
struct Rules {
    _directory: TempDir,
    file: String,
}

impl Rules {
    fn new() -> Result<Rules> {
        let directory = TempDir::new()?;
        let file = directory.path().join("rules.toml");
        std::fs::write(&file, "[close-wait-leak]\nmin_count = 1\nage = \"0s\"\n")?;
        let file = file.display().to_string();
        Ok(Rules { _directory: directory, file })
    }

    fn watch<'a>(&'a self, more: impl IntoIterator<Item = &'a str>) -> Run {
        let args = ["watch", "--source", "poll", "--interval", "50ms", "--max-cpu", "100"];
        Run::new(args.into_iter().chain(["--rules", &self.file]).chain(more))
    }
}

fn leak() -> Result<Held> {
    states::close_wait(Family::V4, Unread::Eof)
}

fn a_leak_begins_and_ends() -> Result<()> {
    let (rules, held) = (Rules::new()?, leak()?);
    let mut watch = rules.watch([]).start()?;
    let line = watch.line_where(|line| line.contains("close-wait-leak"))?;
    ensure!(line.contains("  WARNING  close-wait-leak  "), "{line}");
    ensure!(line.contains(&format!("[{}]", std::process::id())), "whose: {line}");
    ensure!(line.contains("1 socket in CLOSE_WAIT, oldest"), "{line}");
    drop(held);
    let line = watch.line_where(|line| line.contains("resolved"))?;
    ensure!(line.contains("  resolved close-wait-leak  "), "{line}");
    watch.signal(Signal::TERM)?;
    watch.finish()?.ended(143)?;
    Ok(())
}

/// The lines are those of the contract, one object each, at once.
fn lines_of_json() -> Result<()> {
    let (rules, held) = (Rules::new()?, leak()?);
    let mut watch = rules.watch(["--json", "--transitions"]).start()?;
    let parse = |line: String| -> Result<serde_json::Value> { Ok(serde_json::from_str(&line)?) };
    let firing = parse(watch.line_where(|line| line.contains("\"alert\""))?)?;
    ensure!(firing["schema"] == "sockstate.event/1" && firing["change"] == "firing", "{firing}");
    ensure!(firing["alert"]["rule"] == "close-wait-leak", "{firing}");
    ensure!(firing["alert"]["count"] == 1, "{firing}");
    let port = held.local.port();
    drop(held);
    let ended = parse(watch.line_where(|line| line.contains("\"transition\""))?)?;
    ensure!(ended["source"] == "poll" && ended["exact"] == false, "{ended}");
    let ports = [&ended["local"]["port"], &ended["remote"]["port"]];
    ensure!(ports.iter().any(|end| **end == port), "{ended}");
    let resolved = parse(watch.line_where(|line| line.contains("\"resolved\""))?)?;
    ensure!(resolved["alert"]["since"].is_string(), "{resolved}");
    Ok(())
}

fn transitions_when_asked_for() -> Result<()> {
    let (rules, held) = (Rules::new()?, leak()?);
    let port = held.local.port().to_string();
    let filter = ["--transitions", "to", "close", "sport", "=", &port];
    let mut watch = rules.watch(filter).start()?;
    watch.line_where(|line| line.contains("WARNING"))?;
    drop(held);
    let line = watch.line_where(|line| line.contains("gone"))?;
    ensure!(line.contains(&format!(":{port}")), "{line}");
    // Without the flag there are alerts alone.
    let held = leak()?;
    let mut watch = rules.watch([]).start()?;
    watch.line_where(|line| line.contains("WARNING"))?;
    drop(held);
    let line = watch.line()?.context("a line")?;
    ensure!(line.contains("resolved"), "{line}");
    Ok(())
}

fn ends_after_its_time() -> Result<()> {
    let rules = Rules::new()?;
    let output = rules.watch(["--duration", "200ms"]).run()?.ok()?;
    ensure!(output.stdout.is_empty(), "{output}");
    ensure!(output.stderr.contains("events by snapshots alone"), "{output}");
    Ok(())
}

fn signals() -> Result<()> {
    let rules = Rules::new()?;
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut watch = rules.watch([]).start()?;
        watch.remark()?;
        watch.signal(signal)?;
        watch.finish()?.ended(code)?;
    }
    Ok(())
}

fn a_closed_pipe_is_an_ordinary_end() -> Result<()> {
    let (rules, _held) = (Rules::new()?, leak()?);
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    let watch = rules.watch(["--json"]).stdout(writer).start()?;
    watch.finish()?.ok()?;
    Ok(())
}

fn mistakes_refuse_to_start() -> Result<()> {
    let rules = Rules::new()?;
    std::fs::write(&rules.file, "[close-wait-leak]\nmin_cuont = 1\n")?;
    let output = rules.watch([]).run()?.ended(2)?;
    ensure!(output.stderr.contains(&format!("{}:2:", rules.file)), "{output}");
    ensure!(output.stderr.contains("min_count"), "what is allowed: {output}");
    let output = Run::new(["watch", "sporty 3"]).run()?.ended(2)?;
    ensure!(output.stderr.contains("^^^^^^"), "{output}");
    let output = Run::new(["watch", "--max-cpu", "0"]).run()?.ended(2)?;
    ensure!(output.stderr.contains("'0' is no share such as 5%"), "{output}");
    Ok(())
}

fn a_service_manager_is_told() -> Result<()> {
    let (rules, _held) = (Rules::new()?, leak()?);
    let directory = TempDir::new()?;
    let name = directory.path().join("notify");
    let manager = UnixDatagram::bind(&name)?;
    manager.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (reader, writer) = std::io::pipe()?;
    let stat = rustix::fs::fstat(&writer)?;
    let watch = rules
        .watch([])
        .env("NOTIFY_SOCKET", &name)
        .env("WATCHDOG_USEC", "1000000")
        .env("JOURNAL_STREAM", format!("{}:{}", stat.st_dev, stat.st_ino))
        .stdout(writer)
        .start()?;
    let hear = || -> Result<String> {
        let mut bytes = [0; 512];
        let len = manager.recv(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes[..len]).into_owned())
    };
    let first = hear()?;
    ensure!(first.starts_with("READY=1\nSTATUS=") && first.contains("socket"), "{first}");
    poll("a sign of life", || Ok((hear()? == "WATCHDOG=1").then_some(())))?;
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(reader), &mut line)?;
    ensure!(line.starts_with("<4>") && line.contains("close-wait-leak"), "{line}");
    watch.signal(Signal::TERM)?;
    poll("its end", || Ok((hear()? == "STOPPING=1").then_some(())))?;
    watch.finish()?.ended(143)?;
    Ok(())
}

fn a_command_is_told() -> Result<()> {
    let (rules, held) = (Rules::new()?, leak()?);
    let directory = TempDir::new()?;
    let heard = directory.path().join("heard");
    let command = format!("tee -a {}", heard.display());
    let watch = rules.watch(["--notify", &command]).start()?;
    let told = |word: &'static str| {
        let heard = heard.clone();
        poll(word, move || {
            let text = std::fs::read_to_string(&heard).unwrap_or_default();
            Ok(text.contains(&format!("\"change\":\"{word}\"")).then_some(()))
        })
    };
    told("firing")?;
    drop(held);
    told("resolved")?;
    watch.signal(Signal::INT)?;
    watch.finish()?.ended(130)?;
    Ok(())
}

/// Without privileges: what is hidden is said once, the alerts are there.
fn an_ordinary_user() -> Result<()> {
    let (rules, _held) = (Rules::new()?, leak()?);
    let args = ["watch", "--interval", "50ms", "--rules", &rules.file, "--duration", "2s"];
    let output = Run::new(args).without_capabilities().run()?.ok()?;
    ensure!(output.stdout.contains("WARNING  close-wait-leak"), "{output}");
    ensure!(output.stderr.contains("exact transitions are not available"), "{output}");
    ensure!(output.stderr.matches("owners:").count() <= 1, "said once: {output}");
    Ok(())
}

/// Minutes of churn: memory and descriptors stay as they are. Run by hand:
/// `SOCKSTATE_SOAK=20 cargo test --release --test watch -- --ignored --nocapture soak`.
#[expect(clippy::print_stdout, reason = "whoever runs it by hand wants to see it go on")]
fn soak() -> Result<()> {
    let minutes: u64 = std::env::var("SOCKSTATE_SOAK").map_or(Ok(1), |text| text.parse())?;
    let churn = churn::Churn::start(2_000)?;
    let args = ["watch", "--plain", "--transitions", "--max-cpu", "50"];
    let sink = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    let timeout = Duration::from_secs(minutes * 60 + 60);
    let watch = Run::new(args).stdout(sink).timeout(timeout).start()?;
    let mut seen = Vec::new();
    for second in 0..minutes * 60 {
        std::thread::sleep(Duration::from_secs(1));
        if second % 10 == 9 {
            let usage = churn::usage(watch.pid())?;
            println!("{:>5} s  {usage}", second + 1);
            seen.push(usage);
        }
    }
    let made = churn.stop();
    println!("{made} connections, {} a second", made / (minutes * 60));
    watch.signal(Signal::INT)?;
    let output = watch.finish()?.ended(130)?;
    print!("{}", output.stderr);
    // The first minute fills what is bounded.
    let settled = &seen[(seen.len() / 3).min(6)..];
    let (least, most) =
        (settled.iter().min_by_key(|u| u.rss_kb), settled.iter().max_by_key(|u| u.rss_kb));
    let (least, most) = (least.context("samples")?.rss_kb, most.context("samples")?.rss_kb);
    ensure!(most <= least + least / 20, "memory grew from {least} to {most} KiB");
    // A search for owners has some of its own while it lasts.
    let fds: Vec<usize> = settled.iter().map(|usage| usage.fds).collect();
    let (first, last) = fds.split_at(fds.len() / 2);
    ensure!(last.iter().min() <= first.iter().min(), "descriptors: {fds:?}");
    Ok(())
}

mod churn {
    //! Connections made and closed all the time, and what a process uses meanwhile.

    use std::fmt;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::thread::{self, JoinHandle};
    use std::time::{Duration, Instant};

    use anyhow::Context;
    use socket2::SockRef;

    use crate::kit::Result;

    pub struct Churn {
        ended: Arc<AtomicBool>,
        made: Arc<AtomicU64>,
        client: JoinHandle<()>,
    }

    impl Churn {
        /// Makes so many connections a second.
        pub fn start(per_second: u64) -> Result<Churn> {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = listener.local_addr()?;
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let mut stream = stream;
                    // The client closes first; its reset leaves no TIME_WAIT to run out of ports.
                    let _ = stream.read(&mut [0; 16]);
                }
            });
            let (ended, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
            let (stop, count) = (Arc::clone(&ended), Arc::clone(&made));
            let client = thread::spawn(move || {
                let begun = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    let due = count.load(Ordering::Relaxed) * 1_000_000 / per_second;
                    let early = Duration::from_micros(due).saturating_sub(begun.elapsed());
                    thread::sleep(early);
                    if let Ok(stream) = TcpStream::connect(address) {
                        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
            Ok(Churn { ended, made, client })
        }

        pub fn stop(self) -> u64 {
            self.ended.store(true, Ordering::Relaxed);
            let _ = self.client.join();
            self.made.load(Ordering::Relaxed)
        }
    }

    pub struct Usage {
        pub rss_kb: u64,
        pub fds: usize,
        cpu_ticks: u64,
    }

    impl fmt::Display for Usage {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let cpu = self.cpu_ticks as f64 / 100.0;
            write!(f, "memory {} KiB, {} descriptors, CPU {cpu:.1} s", self.rss_kb, self.fds)
        }
    }

    pub fn usage(pid: u32) -> Result<Usage> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let rss_kb = rss.trim().trim_end_matches(" kB").parse()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().context("stat")?.split(' ').collect();
        let cpu_ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        let fds = std::fs::read_dir(format!("/proc/{pid}/fd"))?.count();
        Ok(Usage { rss_kb, fds, cpu_ticks })
    }
}
