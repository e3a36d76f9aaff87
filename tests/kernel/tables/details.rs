//! What `-i -m -o -e` tell.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use anyhow::{Context, ensure};
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};

use super::columns::every_field;
use super::{address, connection, possible, row_of, rows, text, word};
use crate::kit::run::Run;
use crate::kit::states::{self, By, Conn, Family, inode_of};
use crate::kit::tempdir::TempDir;
use crate::kit::{Check, Impossible, Result, poll, raw, udp, unix};

pub const CHECKS: &[Check] = &[
    ("tcp_info_after_retransmits", tcp_info),
    ("congestion_control", congestion),
    ("memory_is_what_the_socket_has", memory),
    ("extended", extended),
    ("type_of_service", type_of_service),
    ("timers", timers),
    ("one_line_a_socket", one_line),
    ("upper_layer", upper_layer),
    ("device_on_the_local_end_only", device),
    ("md5_keys_are_nowhere", md5_keys),
    ("unix_peers_have_path_and_process", unix_peers),
];

/// The members of `tcp_info` up to Linux 6.1, by our names.
const OF_OLD_KERNELS: [&str; 12] = [
    "ca_state",
    "options",
    "rto_ms",
    "snd_mss_bytes",
    "rtt_us",
    "snd_cwnd_segs",
    "bytes_acked",
    "delivered_segs",
    "rwnd_limited_us",
    "snd_wnd_bytes",
    "total_retrans_segs",
    "unacked_segs",
];

fn tcp_info() -> Result<()> {
    let conn = Conn::accepted(Family::V4)?;
    let server = conn.server()?;
    // An exchange first, for a round-trip time.
    conn.client()?.write_all_and(b"ask", server)?;
    server.write_all_and(b"answer", conn.client()?)?;
    conn.deafen_client()?;
    let mut to_client = server;
    to_client.write_all(&[b'x'; 100])?;
    let row = poll("two retransmits", || {
        let row = row_of(&["-t", "-i"], server)?;
        Ok((row["tcp_info"]["total_retrans_segs"].as_u64() >= Some(2)).then_some(row))
    })?;
    let info = row["tcp_info"].as_object().context("no tcp_info")?;
    for name in OF_OLD_KERNELS {
        ensure!(info.contains_key(name), "no {name}: {row}");
    }
    ensure!(info["ca_state"] == "loss", "{row}");
    ensure!(info["unacked_segs"] == 1 && info["retransmits"].as_u64() >= Some(1), "{row}");
    ensure!(info["rtt_us"].as_u64() > Some(0), "{row}");
    let options = info["options"].as_array().context("options")?;
    ensure!(options.iter().any(|name| name == "wscale"), "{row}");
    // Linux 6.7 and later.
    if let Some(total) = info.get("total_rto") {
        ensure!(total.as_u64() >= Some(1), "{row}");
        ensure!(info.contains_key("total_rto_time_ms"), "{row}");
        ensure!(info.contains_key("total_rto_recoveries"), "{row}");
    }
    ensure!(row["congestion"].is_string(), "{row}");

    let lines =
        text(&["-t", "-i", "-H", &format!("sport {}", conn.local().port()), "and dport != 0"])?;
    ensure!(lines.len() == 2 && lines[1].starts_with('\t'), "{lines:?}");
    ensure!(word(&lines, "ca_state") == Some("loss"), "{lines:?}");
    ensure!(word(&lines, "unacked_segs") == Some("1"), "{lines:?}");
    for name in ["congestion", "rto_ms", "rtt_us", "backoff", "total_retrans_segs", "options"] {
        ensure!(word(&lines, name).is_some(), "no {name}: {lines:?}");
    }
    if info.contains_key("total_rto") {
        ensure!(word(&lines, "total_rto").is_some(), "{lines:?}");
    }
    // A zero says nothing, so text leaves it out.
    ensure!(word(&lines, "dsack_dups").is_none(), "{lines:?}");
    Ok(())
}

/// A step of a conversation.
trait Talk {
    /// Sends to the peer, which reads all of it.
    fn write_all_and(&self, bytes: &[u8], peer: &Socket) -> Result<()>;
}

impl Talk for Socket {
    fn write_all_and(&self, bytes: &[u8], peer: &Socket) -> Result<()> {
        let (mut this, mut peer) = (self, peer);
        this.write_all(bytes)?;
        Ok(peer.read_exact(&mut vec![0; bytes.len()])?)
    }
}

fn congestion() -> Result<()> {
    let mut seen = Vec::new();
    for name in ["bbr", "cubic", "reno"] {
        let (_listener, client, server) = connection(Protocol::TCP)?;
        if client.set_tcp_congestion(name.as_bytes()).is_err() {
            continue;
        }
        seen.push(name);
        client.write_all_and(&[b'x'; 1000], &server)?;
        let row = row_of(&["-t", "-i"], &client)?;
        ensure!(row["congestion"] == name, "{row}");
        let port = client.local_addr()?.as_socket().context("inet")?.port();
        let lines = text(&["-t", "-i", "-H", "sport", &port.to_string()])?;
        ensure!(word(&lines, "congestion") == Some(name), "{lines:?}");
        let columns = text(&["-t", "-H", "--columns", "congestion", "sport", &port.to_string()])?;
        ensure!(columns == [name], "{columns:?}");
        if name == "bbr" {
            ensure!(row["bbr"]["min_rtt_us"].as_u64() > Some(0), "{row}");
            ensure!(word(&lines, "bbr_min_rtt_us").is_some(), "{lines:?}");
        } else {
            ensure!(row["bbr"].is_null(), "{row}");
        }
        let without = row_of(&["-t"], &client)?;
        ensure!(without["congestion"].is_null() && without["tcp_info"].is_null(), "{without}");
    }
    ensure!(!seen.is_empty(), "not even reno");
    Ok(())
}

fn memory() -> Result<()> {
    let held = udp::with_drops(Family::V4)?;
    let socket = held.subject.as_ref().context("a socket")?;
    let row = row_of(&["-u", "-a", "-m"], socket)?;
    let memory = &row["memory"];
    ensure!(memory["rcvbuf_bytes"] == socket.recv_buffer_size()?, "{row}");
    ensure!(memory["sndbuf_bytes"] == socket.send_buffer_size()?, "{row}");
    ensure!(memory["drops"].as_u64() > Some(0), "{row}");
    let drops = memory["drops"].as_u64().context("drops")?;
    let lines = text(&["-u", "-a", "-m", "-H", "drops > 0"])?;
    ensure!(lines.len() == 2, "{lines:?}");
    let rcvbuf = socket.recv_buffer_size()?;
    ensure!(lines[1].contains(&format!(",rb{rcvbuf},")), "{lines:?}");
    ensure!(lines[1].ends_with(&format!(",d{drops})")), "{lines:?}");
    ensure!(row_of(&["-u", "-a"], socket)?["memory"].is_null(), "nobody asked");
    // /proc tells drops of UDP as well, and nothing else of this.
    let by_proc = rows(&["-u", "-a", "--source", "proc", "drops > 0"])?;
    ensure!(by_proc.len() == 1, "{by_proc:?}");
    Ok(())
}

fn extended() -> Result<()> {
    let (_listener, client, server) = connection(Protocol::TCP)?;
    client.set_mark(0x2a)?;
    client.set_freebind_v4(true)?;
    client.shutdown(std::net::Shutdown::Write)?;
    let v6 = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    v6.set_only_v6(true)?;
    v6.bind(&address("[::1]:0")?)?;
    v6.listen(1)?;
    let row = row_of(&["-t", "-e"], &client)?;
    ensure!(row["mark"] == 0x2a && row["shutdown"] == "send" && row["uid"] == 0, "{row}");
    ensure!(row["cookie"] == format!("{:#x}", client.cookie()?), "{row}");
    let options = row["socket_options"].as_array().context("options")?;
    ensure!(options.iter().any(|name| name == "freebind"), "{row}");
    ensure!(row["user"].is_string(), "{row}");
    let other = row_of(&["-t", "-e"], &server)?;
    ensure!(other["mark"] == 0 && other["shutdown"] == "recv", "{other}");
    let listening = row_of(&["-t", "-l", "-e"], &v6)?;
    ensure!(listening["v6_only"] == true, "{listening}");

    let port = client.local_addr()?.as_socket().context("inet")?.port();
    let lines = text(&["-t", "-e", "sport", &port.to_string()])?;
    ensure!(lines.len() == 3, "{lines:?}");
    for title in ["TIMER", "UID", "INODE", "COOKIE"] {
        ensure!(lines[0].contains(title), "{lines:?}");
    }
    ensure!(lines[1].contains(&inode_of(&client)?.to_string()), "{lines:?}");
    ensure!(lines[1].ends_with(&format!("{:#x}", client.cookie()?)), "{lines:?}");
    ensure!(word(&lines, "mark") == Some("0x2a"), "{lines:?}");
    ensure!(word(&lines, "shutdown") == Some("send"), "{lines:?}");
    ensure!(word(&lines, "sockopt").is_some_and(|all| all.contains("freebind")), "{lines:?}");
    let lines = text(&["-t", "-l", "-e", "-H", "src", "[::1]"])?;
    ensure!(word(&lines, "v6only") == Some("1"), "{lines:?}");

    // Where the kernel tells of a cgroup, the path and its id belong together.
    if let (Some(path), Some(id)) = (row["cgroup"].as_str(), row["cgroup_id"].as_u64()) {
        let lines = text(&["-t", "--cgroup", "-H", "sport", &port.to_string()])?;
        ensure!(word(&lines, "cgroup") == Some(path), "{lines:?}");
        let by_id = rows(&["-t", "-a", "cgroup", &id.to_string()])?;
        ensure!(by_id.iter().any(|other| other["inode"] == row["inode"]), "{by_id:?}");
    }
    // Marks are for who may see them.
    let output = Run::new(["list", "-t", "-e", "--json"]).without_capabilities().run()?.ok()?;
    ensure!(!output.stdout.contains("\"mark\""), "{output}");
    Ok(())
}

fn type_of_service() -> Result<()> {
    let v4 = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    v4.set_tos_v4(0x10)?;
    v4.bind(&address("127.0.0.1:0")?)?;
    v4.listen(1)?;
    let v6 = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    v6.set_tclass_v6(0x20)?;
    v6.bind(&address("[::1]:0")?)?;
    v6.listen(1)?;
    let row = row_of(&["-t", "-l", "--tos"], &v4)?;
    ensure!(row["tos"] == 0x10 && row["class_id"].is_u64(), "{row}");
    let row = row_of(&["-t", "-l", "--tos"], &v6)?;
    ensure!(row["tclass"] == 0x20, "{row}");
    ensure!(row_of(&["-t", "-l"], &v6)?["tclass"].is_null(), "nobody asked");
    let lines = text(&["-t4", "-l", "--tos", "-H"])?;
    ensure!(word(&lines, "tos") == Some("0x10"), "{lines:?}");
    let lines = text(&["-t6", "-l", "--tos", "-H"])?;
    ensure!(word(&lines, "tclass") == Some("0x20"), "{lines:?}");
    Ok(())
}

fn timers() -> Result<()> {
    let _time_wait = states::time_wait(Family::V4, By::Close)?;
    let _syn_sent = states::syn_sent(Family::V4)?;
    let all = rows(&["-t", "-a", "-o"])?;
    let of =
        |state: &str| all.iter().find(|row| row["state"] == state).map(|row| row["timer"].clone());
    let waiting = of("TIME_WAIT").context("no TIME_WAIT")?;
    ensure!(waiting["kind"] == "timewait", "{waiting}");
    ensure!((1..=60_000).contains(&waiting["expires_ms"].as_u64().unwrap_or(0)), "{waiting}");
    ensure!(of("SYN_SENT").context("no SYN_SENT")?["kind"] == "retransmit", "{all:?}");
    let lines = text(&["-t", "-a", "-o", "-H", "timer timewait"])?;
    ensure!(lines.len() == 1 && lines[0].contains(" timewait,"), "{lines:?}");
    let lines = text(&["-t", "-a", "-o", "-H", "timer on"])?;
    ensure!(!lines.is_empty() && lines.iter().all(|l| l.contains(" retransmit,")), "{lines:?}");
    Ok(())
}

fn one_line() -> Result<()> {
    let _held = states::established(Family::V4)?;
    let count = rows(&["-t", "-a"])?.len();
    let words = ["-t", "-a", "-H", "-i", "-m", "-o", "-e", "--tos", "--cgroup"];
    let below = text(&words)?;
    ensure!(below.len() > count, "{below:?}");
    let behind = text(&[words.as_slice(), &["-O"]].concat())?;
    // BOUND has a row here and there alike.
    ensure!(behind.len() == count, "{behind:?}");
    ensure!(
        behind.iter().all(|line| !line.contains('\t') && line.contains("skmem:(")),
        "{behind:?}"
    );
    Ok(())
}

fn upper_layer() -> Result<()> {
    const TCP_ULP: i32 = 31;
    let (_listener, client, _server) = connection(Protocol::TCP)?;
    let mut tested = Vec::new();
    // Kernel TLS is a module that need not be there; subflows are below.
    if raw::set_option(&client, libc::IPPROTO_TCP, TCP_ULP, b"tls").is_ok() {
        tested.push(("tls", client));
    }
    let mptcp = connection(Protocol::MPTCP);
    if let Ok((_, client, _)) = &mptcp {
        tested.push(("mptcp", client.try_clone()?));
    }
    for (name, socket) in &tested {
        let row = row_of(&["-t", "-i"], socket)?;
        ensure!(row["ulp"]["name"] == *name, "{row}");
        let inode = inode_of(socket)?.to_string();
        let lines = text(&["-t", "-i", "-H", "inode", &inode])?;
        ensure!(word(&lines, "ulp") == Some(name), "{lines:?}");
    }
    if tested.is_empty() {
        return Err(Impossible("neither kernel TLS nor MPTCP".into()).into());
    }
    Ok(())
}

fn device() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.bind_device(Some(b"lo"))?;
    client.connect(&listener.local_addr()?.into())?;
    let lines = text(&["-t", "-H", "dev lo"])?;
    let local = client.local_addr()?.as_socket().context("inet")?;
    ensure!(lines.len() == 1, "{lines:?}");
    let cells: Vec<&str> = lines[0].split_whitespace().collect();
    let remote = listener.local_addr()?.to_string();
    ensure!(cells[3..] == [format!("127.0.0.1%lo:{}", local.port()), remote], "{lines:?}");
    let chosen = text(&["-t", "-H", "--columns", "local,remote", "dev lo"])?;
    let ends: Vec<&str> = chosen.iter().flat_map(|line| line.split_whitespace()).collect();
    ensure!(ends == cells[3..], "{chosen:?}");
    Ok(())
}

fn md5_keys() -> Result<()> {
    const KEY: &[u8] = b"a-secret-of-bgp";
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    for socket in [&listener, &client] {
        let set = raw::set_option(socket, libc::IPPROTO_TCP, libc::TCP_MD5SIG, &md5_option(KEY));
        possible("TCP_MD5SIG", set)?;
    }
    listener.bind(&address("127.0.0.1:0")?)?;
    listener.listen(1)?;
    client.connect(&listener.local_addr()?)?;
    let _server = listener.accept()?;
    // ss prints it, so the kernel sends it: the silence is ours.
    let ss = Run::program("ss", ["-t", "-i", "-H"]).run();
    ensure!(ss.as_ref().map_or(true, |ss| ss.stdout.contains("md5keys:")), "ss does not see it");
    let directory = TempDir::new()?;
    let file = directory.path().join("dump");
    let file = file.to_str().context("UTF-8")?;
    let every = every_field()?.join(",");
    for words in [
        &["-t", "-a", "-i", "-e", "-m", "-o", "--tos", "--json"][..],
        &["-t", "-a", "-i", "-e", "-m", "-o", "--tos"],
        &["-t", "-a", "-i", "-e", "-m", "-O"],
        &["-t", "-a", "--columns", &every],
        &["-t", "-a", "--csv", "--columns", &every],
        &["-t", "-a", "-i", "--dump", file],
        &["-t", "-a", "-i", "--from", file],
    ] {
        let output = Run::new(["list"].iter().chain(words)).run()?.ok()?;
        let key = std::str::from_utf8(KEY)?;
        let hex: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        for said in [&output.stdout, &output.stderr] {
            ensure!(!said.contains(key) && !said.contains(&hex), "{words:?}\n{output}");
        }
    }
    let dump = fs::read(file)?;
    ensure!(dump.len() > 600, "tcp_info is in it");
    ensure!(!dump.windows(KEY.len()).any(|bytes| bytes == KEY), "the key is in the dump");
    ss.map_err(|error| Impossible(format!("no ss to see them: {error:#}")))?;
    Ok(())
}

/// `struct tcp_md5sig` for 127.0.0.1 (include/uapi/linux/tcp.h).
fn md5_option(key: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 216];
    bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    bytes[4..8].copy_from_slice(&[127, 0, 0, 1]);
    bytes[130..132].copy_from_slice(&(key.len() as u16).to_ne_bytes());
    bytes[136..136 + key.len()].copy_from_slice(key);
    bytes
}

fn unix_peers() -> Result<()> {
    let held = unix::connected()?;
    let client = held.peers.first().context("a client")?;
    let path = held.name.to_str().context("UTF-8")?;
    let (me, fd) = (std::process::id(), client.as_raw_fd());
    let row = row_of(&["-x", "-p"], client)?;
    ensure!(row["peer_path"] == path && row["peer_inode"] == held.inode, "{row}");
    let peer_fd = held.subject.as_raw_fd();
    let holds = |list: &Value, fd: i32| {
        list.as_array().is_some_and(|all| all.iter().any(|one| one["pid"] == me && one["fd"] == fd))
    };
    ensure!(holds(&row["processes"], fd) && holds(&row["peer_processes"], peer_fd), "{row}");
    let other = row_of(&["-x", "-p"], &held.subject)?;
    ensure!(other["path"] == path && other["peer_inode"] == inode_of(client)?, "{other}");
    // The client has no name of its own.
    ensure!(other["peer_path"].is_null() && holds(&other["peer_processes"], fd), "{other}");
    let lines = text(&["-x", "-p", "-H", "dst", path])?;
    ensure!(lines.len() == 1, "{lines:?}");
    ensure!(lines[0].contains(&format!("  *  {path}  ")), "{lines:?}");
    // A child that is being started holds them too, until its exec.
    let (own, peer) = lines[0].split_once(" <-> ").context("no holders of the peer")?;
    ensure!(own.contains(&format!("[{me}]:{fd}")), "{lines:?}");
    ensure!(peer.contains(&format!("[{me}]:{peer_fd}")), "{lines:?}");
    let columns = text(&[
        "-x",
        "-H",
        "--columns",
        "peer-path,peer-inode",
        "inode",
        &inode_of(client)?.to_string(),
    ])?;
    ensure!(columns == [format!("{path}  {}", held.inode)], "{columns:?}");
    Ok(())
}
