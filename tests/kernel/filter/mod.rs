//! The filter on live sockets: the rows that the installed `ss` selects, however it is evaluated.
//!
//! Every expression is decided three ways: with the help of the kernel, by us alone
//! (`--no-kernel-filter`), and on the rows of `/proc/net` where those tell enough. What we mean
//! otherwise than `ss` is in [`DIFFERENCES`], with the words in which `ss` means the same.

pub mod cgroup;
mod expressions;
mod unix_names;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, bail, ensure};
use expressions::Ours::{As, Error};
use expressions::{DIFFERENCES, Difference, SAME};
use socket2::{Domain, Protocol, Socket, Type};

use crate::kit::run::Run;
use crate::kit::states::{self, Family};
use crate::kit::{Check, Impossible, Result, Trial, netns, trial, udp};

const CHECKS: &[Check] = &[
    ("inet::selects_what_ss_selects", inet),
    ("inet::differs_from_ss_where_it_says_so", differences),
    ("inet::flags_of_families_and_states_as_ss", flags),
    ("unix::selects_what_ss_selects", unix_names::selects),
    ("cgroup::selects_what_ss_selects", cgroup::selects),
    ("fwmark::without_privilege_is_an_error", unprivileged_mark),
    ("proc::what_it_does_not_tell_is_an_error", unseen_in_proc),
];

/// All trials.
pub fn trials() -> Vec<Trial> {
    CHECKS.iter().map(|(name, body)| trial(*name, body)).collect()
}

/// Sockets to choose from.
#[derive(Default)]
struct Population {
    sockets: Vec<Socket>,
    held: Vec<states::Held>,
    /// Whether there is a device d0.
    dummy: bool,
}

impl Population {
    /// Every state in every family, some well-known ports, several addresses, devices and marks.
    fn new() -> Result<Population> {
        let mut all = Population { dummy: addresses()?, ..Population::default() };
        // In the ephemeral range by choice, which for ss is not autobound. First, or a
        // connection may have the port.
        all.bound("127.0.0.1:40000", Type::STREAM, None)?.listen(1)?;
        for family in Family::ALL {
            for recipe in states::ALL {
                all.held.push((recipe.make)(family)?);
            }
            all.held.push(udp::unconnected(family, 1)?);
            all.held.push(udp::connected(family, 0)?);
        }
        for place in [
            "127.0.0.1:80",
            "127.0.0.2:80",
            "127.0.0.1:443",
            "127.0.0.2:443",
            "127.0.0.1:8000",
            "127.0.0.1:8001",
            "10.1.2.3:8002",
            "[::1]:80",
            "[fd00::1]:443",
            "[fd00::2:1]:8001",
        ] {
            all.connection(place, |_| Ok(()))?;
        }
        for mark in [7, 0x10, 0x17, 0xff00] {
            all.connection("127.0.0.1:80", |socket| Ok(socket.set_mark(mark)?))?;
        }
        all.connection("127.0.0.1:80", |socket| Ok(socket.bind_device(Some(b"lo"))?))?;
        all.connection("[::1]:80", |socket| Ok(socket.bind_device(Some(b"lo"))?))?;
        all.bound("127.0.0.1:8003", Type::STREAM, Some(b"lo"))?.listen(1)?;
        all.bound("127.0.0.1:5353", Type::DGRAM, None)?;
        all.bound("0.0.0.0:5354", Type::DGRAM, Some(b"lo"))?.set_mark(7)?;
        if all.dummy {
            all.bound("0.0.0.0:8004", Type::STREAM, Some(b"d0"))?.listen(1)?;
            all.bound("[::]:8005", Type::DGRAM, Some(b"d0"))?;
        }
        Ok(all)
    }

    /// A socket bound to an address and perhaps a device.
    fn bound(&mut self, place: &str, kind: Type, device: Option<&[u8]>) -> Result<&Socket> {
        let address: SocketAddr = place.parse()?;
        let socket = Socket::new(Domain::for_address(address), kind, None)?;
        socket.set_reuse_address(true)?;
        socket.bind_device(device)?;
        socket.bind(&address.into()).with_context(|| format!("bind to {place}"))?;
        self.sockets.push(socket);
        self.sockets.last().context("just pushed")
    }

    /// A client and a server at an address, where a listener is made when there is none yet.
    fn connection(&mut self, place: &str, prepare: impl Fn(&Socket) -> Result<()>) -> Result<()> {
        let address: SocketAddr = place.parse()?;
        let listens = |socket: &Socket| {
            socket.local_addr().is_ok_and(|local| local.as_socket() == Some(address))
                && socket.is_listener().unwrap_or(false)
        };
        let listener = match self.sockets.iter().position(listens) {
            Some(index) => index,
            None => {
                self.bound(place, Type::STREAM, None)?.listen(9)?;
                self.sockets.len() - 1
            }
        };
        let client = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        prepare(&client)?;
        client.connect(&address.into()).with_context(|| format!("connecting to {place}"))?;
        let (server, _) = self.sockets[listener].accept()?;
        self.sockets.extend([client, server]);
        Ok(())
    }
}

/// Gives the namespace more addresses and, where that can be, a device `d0`; whether it can.
fn addresses() -> Result<bool> {
    ip("addr add 10.1.2.3/32 dev lo")?;
    ip("addr add fd00::1/128 dev lo nodad")?;
    ip("addr add fd00::2:1/128 dev lo nodad")?;
    Ok(ip("link add d0 type dummy").and_then(|()| ip("link set d0 up")).is_ok())
}

fn ip(words: &str) -> Result<()> {
    let output = Run::program("ip", words.split(' ')).run();
    let output = output.map_err(|error| Impossible(format!("ip: {error:#}")))?;
    ensure!(output.code() == Some(0), "ip {words}: {}", output.stderr);
    Ok(())
}

/// One row, whoever printed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    proto: String,
    ipv6: bool,
    state: String,
    local: SocketAddr,
    remote: SocketAddr,
    inode: u64,
    /// Absent in `/proc`.
    cookie: Option<u64>,
}

/// Several rows in `/proc` can look alike, so this is no set.
type Rows = Vec<Row>;

/// The rows of `ss`; the error is what it said.
fn rows_of_ss(flags: &[&str], expression: &str) -> Result<std::result::Result<Rows, String>> {
    let words = flags.iter().copied().chain(["-n", "-H", "-O", "-e"]);
    let output = Run::program("ss", words.chain(expression.split_whitespace())).run();
    let output = output.map_err(|error| Impossible(format!("ss: {error:#}")))?;
    if output.code() != Some(0) {
        return Ok(Err(output.stderr));
    }
    let mut rows: Rows = output
        .stdout
        .lines()
        .map(|line| row_of_ss(&with_state(line, expression)?))
        .collect::<Result<_>>()?;
    rows.sort();
    Ok(Ok(rows))
}

/// `ss` leaves the state out where the words ask for a single one.
fn with_state(line: &str, expression: &str) -> Result<String> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if words.get(1).is_some_and(|word| word.parse::<u32>().is_ok()) {
        let asked: Vec<&str> = expression.split_whitespace().collect();
        let asked = asked.windows(2).find(|pair| pair[0] == "state").context("no state")?;
        let state = match asked[1] {
            "established" => "ESTAB",
            "close" | "unconnected" => "UNCONN",
            "listening" => "LISTEN",
            other => other,
        };
        words.insert(1, state);
    }
    Ok(words.join(" "))
}

fn row_of_ss(line: &str) -> Result<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[proto, state, _, _, local, remote, ..] = words.as_slice() else { bail!("{line:?}") };
    let named = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    Ok(Row {
        proto: proto.to_owned(),
        ipv6: local.starts_with(['[', '*']),
        state: state_of_ss(state)?.to_owned(),
        local: end_of(local)?,
        remote: end_of(remote)?,
        // Only where it has one.
        inode: named("ino:").map_or(Ok(0), str::parse)?,
        cookie: Some(u64::from_str_radix(named("sk:").context("no sk:")?, 16)?),
    })
}

fn state_of_ss(state: &str) -> Result<&'static str> {
    Ok(match state.to_ascii_uppercase().as_str() {
        "ESTAB" => "ESTABLISHED",
        "SYN-SENT" => "SYN_SENT",
        "SYN-RECV" => "SYN_RECV",
        "FIN-WAIT-1" => "FIN_WAIT1",
        "FIN-WAIT-2" => "FIN_WAIT2",
        "TIME-WAIT" => "TIME_WAIT",
        "UNCONN" => "CLOSE",
        "CLOSE-WAIT" => "CLOSE_WAIT",
        "LAST-ACK" => "LAST_ACK",
        "LISTEN" => "LISTEN",
        "CLOSING" => "CLOSING",
        other => bail!("state {other}"),
    })
}

/// `127.0.0.1%lo:80`, `[::1]:80`, `::ffff:127.0.0.1:80`, `*:80` (which is `::`), `0.0.0.0:*`.
fn end_of(text: &str) -> Result<SocketAddr> {
    let (host, port) = text.rsplit_once(':').context("no port")?;
    let host = host.trim_matches(['[', ']']).split('%').next().unwrap_or_default();
    let ip: IpAddr =
        if host == "*" { "::".parse()? } else { host.trim_end_matches(']').parse()? };
    let port = if port == "*" { 0 } else { port.parse()? };
    Ok(SocketAddr::new(ip.to_canonical(), port))
}

/// Our rows, without those that no other tool shows; the error is what we said.
fn rows_of_ours(flags: &[&str], expression: &str) -> Result<std::result::Result<Rows, String>> {
    const COLUMNS: &str = "proto,family,state,local,remote,inode,cookie";
    let words = ["list", "-H", "--csv", "--columns", COLUMNS].into_iter();
    let output = Run::new(words.chain(flags.iter().copied()).chain([expression])).run()?;
    if output.code() != Some(0) {
        ensure!(output.stdout.is_empty(), "an error and rows\n{output}");
        return Ok(Err(output.stderr));
    }
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).from_reader(output.stdout.as_bytes());
    let mut rows = Rows::new();
    for record in reader.deserialize() {
        let (proto, family, state, local, remote, inode, cookie): (
            String,
            String,
            String,
            String,
            String,
            u64,
            Option<String>,
        ) = record.with_context(|| format!("not the columns\n{output}"))?;
        // ss before 6.8 does not ask for them, and later ones call them UNCONN.
        if state == "BOUND" {
            continue;
        }
        let hex = cookie.as_deref().map(|hex| hex.trim_start_matches("0x"));
        let cookie = hex.map(|hex| u64::from_str_radix(hex, 16)).transpose()?;
        let (local, remote) = (end_of(&local)?, end_of(&remote)?);
        rows.push(Row { proto, ipv6: family == "inet6", state, local, remote, inode, cookie });
    }
    rows.sort();
    Ok(Ok(rows))
}

fn without_cookies(rows: &Rows) -> Rows {
    let mut rows: Rows = rows.iter().map(|row| Row { cookie: None, ..row.clone() }).collect();
    rows.sort();
    rows
}

/// Where we select otherwise than `ss`, twice in the same way: no socket that ended between two
/// looks decides the test, nor one that `/proc` missed because its table changed while it was read.
fn compare(flags: &[&str], expression: &str, in_words_of_ss: &str) -> Result<Vec<String>> {
    let mut before = Vec::new();
    for _ in 0..20 {
        let mut wrong = Vec::new();
        let theirs = rows_of_ss(flags, in_words_of_ss)?;
        let Ok(theirs) = theirs else { bail!("ss {in_words_of_ss}: {theirs:?}") };
        for way in [&[][..], &["--no-kernel-filter"], &["--source", "proc"]] {
            let by_proc = way.contains(&"proc");
            if by_proc && ["dev", "fwmark"].iter().any(|word| expression.contains(word)) {
                continue;
            }
            let all: Vec<&str> = flags.iter().chain(way).copied().collect();
            let ours = rows_of_ours(&all, expression)?;
            let expected = if by_proc { without_cookies(&theirs) } else { theirs.clone() };
            if ours.as_ref() != Ok(&expected) {
                wrong.push(difference(&all, expression, &ours, &expected));
            }
        }
        if wrong.is_empty() || wrong == before {
            return Ok(wrong);
        }
        before = wrong;
    }
    Ok(before)
}

fn difference(
    flags: &[&str],
    expression: &str,
    ours: &std::result::Result<Rows, String>,
    theirs: &Rows,
) -> String {
    let mut text = format!("{} {expression}\n", flags.join(" "));
    match ours {
        Err(error) => text += error,
        Ok(ours) => {
            for (who, some, others) in [("only we", ours, theirs), ("only ss", theirs, ours)] {
                let others: BTreeSet<&Row> = others.iter().collect();
                let rest: Vec<&Row> = some.iter().filter(|row| !others.contains(row)).collect();
                text += &format!("  {who}: {} rows, such as\n", rest.len());
                for row in rest.iter().take(3) {
                    text += &format!("    {row:?}\n");
                }
            }
        }
    }
    text
}

const ALL: [&str; 3] = ["-t", "-u", "-a"];

fn inet() -> Result<()> {
    let all = Population::new()?;
    let everything = rows_of_ours(&ALL, "")?.unwrap_or_default();
    ensure!(everything.len() > 150, "only {} rows", everything.len());
    let (mut wrong, mut asked, mut blind) = (Vec::new(), 0, Vec::new());
    for expression in SAME.iter().filter(|text| all.dummy || !text.contains("d0")) {
        wrong.extend(compare(&ALL, expression, expression)?);
        asked += 1;
        // A question to which everything or nothing is the answer proves little.
        let count = rows_of_ours(&ALL, expression)?.map_or(0, |rows| rows.len());
        let is_all = || -> Result<bool> {
            // Counted anew: what waits in TIME_WAIT ends by itself.
            Ok(count > 150 && count >= rows_of_ours(&ALL, "")?.unwrap_or_default().len())
        };
        if count == 0 || is_all()? {
            blind.push(*expression);
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(asked > 60, "only {asked} expressions");
    let expected = [
        "state all",
        "dport = :*",
        "src *",
        "src any",
        "src 127.0.0.1 and src [::1]",
        "fwmark = 0x20/0x10",
    ];
    ensure!(blind == expected, "all or nothing: {blind:?}");
    Ok(())
}

fn differences() -> Result<()> {
    let _all = Population::new()?;
    let range = netns::read_sysctl("ipv4/ip_local_port_range")?;
    let (low, high) = range.split_once('\t').context("two numbers")?;
    let mut wrong = Vec::new();
    for Difference { expression, ours, why } in DIFFERENCES {
        let theirs = rows_of_ss(&ALL, expression)?;
        match ours {
            As(words) => {
                let words = words.replace("LOW", low).replace("HIGH", high);
                wrong.extend(compare(&ALL, expression, &words)?);
                if rows_of_ours(&ALL, expression)? == theirs {
                    wrong.push(format!("{expression}: no difference ({why})"));
                }
            }
            Error(part) => match rows_of_ours(&ALL, expression)? {
                Err(error) if error.contains(part) => {}
                other => wrong.push(format!("{expression}: {other:?}")),
            },
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn flags() -> Result<()> {
    let _all = Population::new()?;
    let mut wrong = Vec::new();
    for flags in ["-t -u", "-t -u -l", "-t -u -a -4", "-t -u -a -6", "-t -u -l -4", "-t -u -6"] {
        let flags: Vec<&str> = flags.split(' ').collect();
        for expression in ["", "sport = 80", "not dport = 80", "state time-wait"] {
            wrong.extend(compare(&flags, expression, expression)?);
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn unprivileged_mark() -> Result<()> {
    let mut all = Population::default();
    all.connection("127.0.0.1:80", |socket| Ok(socket.set_mark(7)?))?;
    let found = Run::new(["list", "-t", "-H", "fwmark = 7"]).run()?.ok()?;
    ensure!(found.stdout.lines().count() == 1, "{found}");
    for command in [
        &["list", "-t", "fwmark = 7"][..],
        &["list", "-t", "fwmark != 7"],
        &["list", "-t", "sport = 80 or not fwmark = 7"],
        &["list", "-t", "--no-kernel-filter", "fwmark = 7"],
        &["list", "-t", "--json", "fwmark = 7"],
        &["list", "-t", "--source", "netlink", "fwmark = 7"],
        &["count", "fwmark = 7"],
        &["listeners", "fwmark = 7"],
    ] {
        let output = Run::new(command).without_capabilities().run()?.ended(1)?;
        let said = "sockstate: a filter by fwmark needs CAP_NET_ADMIN and netlink: marks cannot be \
                    seen without\n";
        ensure!(output.stdout.is_empty() && output.stderr == said, "{command:?}\n{output}");
    }
    // Where no row can have a mark there is nothing to hide.
    let output = Run::new(["list", "-x", "-a", "-H", "fwmark = 7"]).without_capabilities().run()?;
    ensure!(output.stdout.is_empty(), "{output}");
    Ok(())
}

fn unseen_in_proc() -> Result<()> {
    let mut all = Population::default();
    all.connection("127.0.0.1:80", |socket| Ok(socket.bind_device(Some(b"lo"))?))?;
    for (flag, test) in [
        ("-t", "dev lo"),
        ("-t", "cookie 0x1"),
        ("-t", "rtt > 1us"),
        ("-t", "queue >= limit"),
        ("-t", "drops > 0"),
        ("-t", "fwmark 7"),
        ("-x", "user 0"),
        ("-x", "dst unix:*"),
    ] {
        let output = Run::new(["list", flag, "--source", "proc", test]).run()?.ended(1)?;
        ensure!(output.stdout.is_empty(), "{test}\n{output}");
        ensure!(output.stderr.contains("/proc does not tell what '"), "{test}\n{output}");
        ensure!(output.stderr.lines().count() == 1, "{test}\n{output}");
    }
    Ok(())
}
