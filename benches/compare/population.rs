//! Sockets by the million: connected pairs over 127.0.0.0/8 in a network
//! namespace of their own, spread over processes as RLIMIT_NOFILE demands.
//!
//! Each holder is this program again; it ends when its standard input closes,
//! so that nothing is left behind however we end.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The argument that makes this program a holder.
pub const HOLD: &str = "--hold";

/// Descriptors a holder leaves free.
const SPARE: u64 = 64;
/// Connections to one address: fewer than the ephemeral range holds.
const PER_ADDRESS: u64 = 9_000;
/// Bytes of memory one loopback socket takes, measured generously.
const BYTES_A_SOCKET: u64 = 6 * 1024;

/// A living population; dropping it ends it.
pub struct Population {
    holders: Vec<Child>,
    /// Sockets made.
    pub sockets: u64,
}

/// Why this machine cannot hold so many sockets.
pub fn does_not_fit(sockets: u64) -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let free_kib: u64 = free.trim().trim_end_matches(" kB").parse().ok()?;
    let need_kib = sockets * BYTES_A_SOCKET / 1024;
    (need_kib > free_kib)
        .then(|| format!("{} MiB are needed, {} MiB are free", need_kib / 1024, free_kib / 1024))
}

impl Population {
    /// Makes about so many established sockets, and some in other states.
    pub fn make(sockets: u64) -> Result<Self, String> {
        enter_namespace(sockets)?;
        let a_holder = descriptors().saturating_sub(SPARE) / 2;
        let mut population = Self { holders: Vec::new(), sockets: 0 };
        let mut left = sockets / 2;
        let mut number = 0u32;
        while left > 0 {
            let pairs = left.min(a_holder);
            population.holders.push(spawn(number, pairs)?);
            population.sockets += pairs * 2;
            left -= pairs;
            number += 1;
        }
        for holder in &mut population.holders {
            wait_until_ready(holder)?;
        }
        Ok(population)
    }

    /// How many processes hold it.
    pub fn processes(&self) -> usize {
        self.holders.len()
    }
}

impl Drop for Population {
    fn drop(&mut self) {
        for holder in &mut self.holders {
            drop(holder.stdin.take());
        }
        for holder in &mut self.holders {
            let _ = holder.wait();
        }
    }
}

/// A namespace with a connection table of its own: by default every namespace
/// shares the host's and pays for the others' sockets.
#[expect(unsafe_code, reason = "unshare has no safe form")]
fn enter_namespace(sockets: u64) -> Result<(), String> {
    const ENTRIES: &str = "/proc/sys/net/ipv4/tcp_child_ehash_entries";
    let entries = sockets.next_power_of_two().clamp(65_536, 16_777_216);
    let before = fs::read_to_string(ENTRIES).unwrap_or_else(|_| "0".to_owned());
    let set = |value: &str| fs::write(ENTRIES, value);
    // Only the first namespace has the file; a later population keeps its size.
    let _ = set(&entries.to_string());
    // SAFETY: the program has one thread at this point.
    let entered = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    let error = std::io::Error::last_os_error();
    let _ = set(before.trim());
    if entered != 0 {
        return Err(format!("no network namespace: {error}"));
    }
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    up.ok().filter(|status| status.success()).map(|_| ()).ok_or("ip link set lo up failed".into())
}

fn descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(1 << 20);
    limit.min(1 << 20)
}

fn spawn(number: u32, pairs: u64) -> Result<Child, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    Command::new(program)
        .args([HOLD, &number.to_string(), &pairs.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("no holder: {error}"))
}

fn wait_until_ready(holder: &mut Child) -> Result<(), String> {
    let stdout = holder.stdout.take().ok_or("a holder without output")?;
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
    match (read, line.trim()) {
        (0, _) => Err("a holder ended early".into()),
        (_, "ready") => Ok(()),
        (_, other) => Err(other.to_owned()),
    }
}

/// Holds connected pairs until standard input closes.
pub fn hold(args: &[String]) -> ExitCode {
    let number: u32 = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(0);
    let pairs: u64 = args.get(1).and_then(|arg| arg.parse().ok()).unwrap_or(0);
    let limit = descriptors();
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum: Some(limit) });
    let held = make_pairs(number, pairs);
    let word = match &held {
        Ok(_) => "ready".to_owned(),
        Err(error) => format!("holder {number}: {error}"),
    };
    println!("{word}");
    let _ = std::io::stdout().flush();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

fn make_pairs(number: u32, pairs: u64) -> std::io::Result<Vec<(TcpStream, TcpStream)>> {
    let mut held = Vec::with_capacity(pairs as usize);
    for part in 0..pairs.div_ceil(PER_ADDRESS) {
        let host = 2 + number * 16 + part as u32;
        let address = Ipv4Addr::from(0x7f01_0000 + host);
        let listener = TcpListener::bind(SocketAddrV4::new(address, 7000))?;
        let to = listener.local_addr()?;
        let count = (pairs - part * PER_ADDRESS).min(PER_ADDRESS);
        for _ in 0..count {
            let client = TcpStream::connect(to)?;
            let (server, _) = listener.accept()?;
            held.push((client, server));
        }
        std::mem::forget(listener);
    }
    Ok(held)
}
