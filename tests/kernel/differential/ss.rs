//! What `ss` says, as rows.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use anyhow::{Context, anyhow, ensure};

use crate::kit::run::Run;
use crate::kit::{Impossible, Result};

/// An internet socket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InetRow {
    /// The kernel's name.
    pub state: String,
    /// Of a listener, the accept queue; and below, its limit.
    pub recv_q: u64,
    pub send_q: Option<u64>,
    /// IPv4 on an IPv6 socket is v4-mapped.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// Whether it is bound to `lo`.
    pub on_device: bool,
    pub uid: u64,
    pub inode: u64,
    pub cookie: Option<u64>,
}

impl InetRow {
    /// The row without what `/proc` does not tell.
    pub fn less_what_proc_hides(self) -> InetRow {
        let send_q = self.send_q.filter(|_| self.state != "LISTEN");
        InetRow { send_q, on_device: false, cookie: None, ..self }
    }
}

/// A unix socket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixRow {
    pub kind: String,
    pub state: String,
    /// The name, with an `@` for the zero byte of an abstract one.
    pub name: Option<String>,
    pub inode: u64,
    pub recv_q: Option<u64>,
    pub send_q: Option<u64>,
    pub peer_inode: Option<u64>,
}

impl UnixRow {
    /// The row without what `/proc` does not tell.
    pub fn less_what_proc_hides(self) -> UnixRow {
        UnixRow { recv_q: None, send_q: None, peer_inode: None, ..self }
    }
}

/// Runs `ss`, one line a row.
fn run(flags: &str) -> Result<String> {
    let output = Run::program("ss", [flags, "-HO"]).run();
    let output = output.map_err(|error| Impossible(format!("no ss here: {error:#}")))?;
    Ok(output.ok()?.stdout)
}

/// The internet sockets that `ss` shows with these flags.
pub fn inet(flags: &str) -> Result<Vec<InetRow>> {
    let text = run(flags)?;
    // Later versions than 6.1 show bound sockets as well; what we show of those is not compared.
    let lines = text.lines().filter(|line| !line.starts_with("BOUND"));
    lines.map(|line| inet_row(line).with_context(|| format!("ss says {line:?}"))).collect()
}

/// The unix sockets that `ss` shows.
pub fn unix() -> Result<Vec<UnixRow>> {
    let text = run("-xane")?;
    text.lines().map(|line| unix_row(line).with_context(|| format!("ss says {line:?}"))).collect()
}

fn inet_row(line: &str) -> Result<InetRow> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [state, recv_q, send_q, local, remote, details @ ..] = words.as_slice() else {
        return Err(anyhow!("too few words"));
    };
    let detail = |name: &str| details.iter().find_map(|word| word.strip_prefix(name));
    let (local, on_device) = endpoint(local)?;
    let (remote, _) = endpoint(remote)?;
    Ok(InetRow {
        state: state_name(state)?.to_owned(),
        recv_q: queue(recv_q)?,
        send_q: Some(queue(send_q)?),
        local,
        remote,
        on_device,
        // It leaves out root; of a request and of what is left of a connection it shows no user
        // either, for their 0 is none.
        uid: detail("uid:").map_or(Ok(0), str::parse)?,
        inode: detail("ino:").context("no inode")?.parse()?,
        cookie: Some(u64::from_str_radix(detail("sk:").context("no cookie")?, 16)?),
    })
}

/// `10.0.0.1:80`, `10.0.0.1%lo:80`, `[::1]:80`, `*:80` (of an IPv6 socket that takes both), `*:*`.
fn endpoint(text: &str) -> Result<(SocketAddr, bool)> {
    let (host, port) = text.rsplit_once(':').context("no port")?;
    let (host, device) = host.split_once('%').map_or((host, None), |(h, d)| (h, Some(d)));
    ensure!(device.is_none_or(|device| device == "lo"), "device {device:?}");
    let ip = match host.trim_start_matches('[').trim_end_matches(']') {
        "*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        address => address.parse()?,
    };
    let port = if port == "*" { 0 } else { port.parse()? };
    Ok((SocketAddr::new(ip, port), device.is_some()))
}

/// The kernel's name for what `ss` calls a state.
fn state_name(name: &str) -> Result<&'static str> {
    Ok(match name {
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
        _ => return Err(anyhow!("state {name}")),
    })
}

/// `u_str ESTAB 0 0 /run/socket 123 * 124 <->`
fn unix_row(line: &str) -> Result<UnixRow> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [kind, state, recv_q, send_q, name, inode, _, peer_inode, ..] = words.as_slice() else {
        return Err(anyhow!("too few words"));
    };
    let kind = match *kind {
        "u_str" => "stream",
        "u_dgr" => "dgram",
        "u_seq" => "seqpacket",
        _ => return Err(anyhow!("type {kind}")),
    };
    let peer: u64 = peer_inode.parse()?;
    Ok(UnixRow {
        kind: kind.to_owned(),
        state: state_name(state)?.to_owned(),
        name: (*name != "*").then(|| (*name).to_owned()),
        inode: inode.parse()?,
        recv_q: Some(recv_q.parse()?),
        send_q: Some(send_q.parse()?),
        peer_inode: (peer != 0).then_some(peer),
    })
}

/// The length of a queue. `ss` shows the kernel's 32 bits with a sign; a socket that connects at
/// this moment has a difference of sequence numbers there that makes no sense yet.
fn queue(text: &str) -> Result<u64> {
    let signed: i64 = text.parse()?;
    Ok(if signed < 0 { u64::from(i32::try_from(signed)? as u32) } else { signed as u64 })
}
