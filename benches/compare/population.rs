//! Sockets by the million, spread over processes as RLIMIT_NOFILE demands.
//!
//! Established pairs over 127.0.0.0/8 make up the size; TIME_WAIT, pairs in
//! CLOSE_WAIT and FIN_WAIT2 (1 % each) and listeners come on top.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{holder, namespace};

/// Bytes of memory one loopback socket takes with its file and its share of
/// the table: 4.4 KiB were measured on Linux 6.18; a search through `/proc`
/// adds 0.7 for each.
const BYTES_A_SOCKET: u64 = 6 * 1024;

/// Descriptors a holder leaves free for its own, listeners among them.
const SPARE: u64 = 256;

/// A living population; dropping it ends it.
pub struct Population {
    holders: Vec<Holder>,
    /// Established sockets.
    pub size: u64,
    listeners: u64,
}

struct Holder {
    process: Child,
    /// `None` once it is told to end.
    say: Option<ChildStdin>,
    hear: BufReader<ChildStdout>,
    pairs: u64,
}

/// Why this machine cannot hold so many sockets.
pub fn does_not_fit(sockets: u64) -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let free_kib: Option<u64> =
        free.and_then(|kib| kib.trim().trim_end_matches(" kB").parse().ok());
    let need_kib = sockets * BYTES_A_SOCKET / 1024;
    if let Some(free_kib) = free_kib.filter(|free| need_kib > *free) {
        let (need, free) = (need_kib / 1024, free_kib / 1024);
        return Some(format!("about {need} MiB are needed, {free} MiB are free"));
    }
    let files =
        fs::read_to_string("/proc/sys/fs/file-max").ok()?.trim().parse().unwrap_or(u64::MAX);
    (sockets * 11 / 10 > files).then(|| format!("fs.file-max is {files}"))
}

impl Population {
    /// Makes so many established sockets, and some in other states.
    pub fn make(size: u64) -> Result<Self, String> {
        namespace::enter(size)?;
        let limit = holder::descriptors();
        let most = limit.saturating_sub(SPARE) / 2;
        if most == 0 {
            return Err(format!("RLIMIT_NOFILE is {limit}"));
        }
        let mut population = Self { holders: Vec::new(), size, listeners: 0 };
        // 1 % of the pairs close one side: so many more are made.
        let mut left = (size / 2) * 101 / 100;
        while left > 0 {
            let pairs = left.min(most);
            let number = population.holders.len();
            population.holders.push(Holder::start(number, pairs, pairs / 101)?);
            left -= pairs;
        }
        for holder in &mut population.holders {
            population.listeners += holder.answer()?;
        }
        population.renew_time_wait()?;
        Ok(population)
    }

    /// What it consists of.
    pub fn describe(&self) -> String {
        let holders = self.holders.len();
        format!(
            "{} sockets ESTABLISHED, {percent} each in CLOSE_WAIT, FIN_WAIT2 and TIME_WAIT, {} in \
             LISTEN, held by {holders} processes",
            self.size,
            self.listeners,
            percent = self.size / 200,
        )
    }

    /// Brings TIME_WAIT back to where it was: each lasts a minute.
    pub fn renew_time_wait(&mut self) -> Result<u64, String> {
        let held = fs::read_to_string("/proc/self/net/sockstat").unwrap_or_default();
        let now = held.split_once(" tw ").and_then(|(_, rest)| rest.split_whitespace().next());
        let now: u64 = now.and_then(|number| number.parse().ok()).unwrap_or(0);
        let missing = (self.size / 200).saturating_sub(now);
        self.all(|holder, size| format!("time-wait {}", missing * holder.pairs * 2 / size))
    }

    /// Closes and opens connections so that 1 % of the sockets change: half
    /// of them end, a quarter of these by way of TIME_WAIT, and as many open.
    /// Returns how many connections ended.
    pub fn change_one_percent(&mut self) -> Result<u64, String> {
        self.all(|holder, _| format!("change {}", holder.pairs / 200))
    }

    /// Says a line to every holder; the sum of their answers.
    fn all(&mut self, say: impl Fn(&Holder, u64) -> String) -> Result<u64, String> {
        for holder in &mut self.holders {
            let line = say(holder, self.size);
            holder.say(&line)?;
        }
        let mut sum = 0;
        for holder in &mut self.holders {
            sum += holder.answer()?;
        }
        Ok(sum)
    }
}

impl Holder {
    fn start(number: usize, pairs: u64, half_closed: u64) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut process = Command::new(program)
            .arg(holder::ARGUMENT)
            .args([number as u64, pairs, half_closed].map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("no holder: {error}"))?;
        let say = process.stdin.take();
        let hear = process.stdout.take().ok_or("a holder without output")?;
        Ok(Self { process, say, hear: BufReader::new(hear), pairs })
    }

    fn say(&mut self, line: &str) -> Result<(), String> {
        let say = self.say.as_mut().ok_or("the holder has ended")?;
        writeln!(say, "{line}").map_err(|error| format!("a holder: {error}"))
    }

    /// Waits for `done NUMBER`.
    fn answer(&mut self) -> Result<u64, String> {
        let mut line = String::new();
        let read = self.hear.read_line(&mut line).map_err(|error| error.to_string())?;
        if read == 0 {
            return Err("a holder ended early".into());
        }
        let number = line.trim().strip_prefix("done ").and_then(|text| text.parse().ok());
        number.ok_or_else(|| line.trim().to_owned())
    }
}

impl Drop for Population {
    fn drop(&mut self) {
        for holder in &mut self.holders {
            holder.say = None;
        }
        for holder in &mut self.holders {
            let _ = holder.process.wait();
        }
    }
}
