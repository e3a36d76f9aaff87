//! Every table and every detail, on real sockets: the other protocols, what `-i -m -o -e` tell,
//! chosen columns, destroying, other namespaces, recorded dumps.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use anyhow::{Context, ensure};
use serde_json::Value;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::kit::holder::Holder;
use crate::kit::run::{Output, Run};
use crate::kit::states::{self, By, Conn, Family, Unread, inode_of};
use crate::kit::tempdir::TempDir;
use crate::kit::{
    Check, Impossible, Result, Trial, netns, plain_trial, poll, procnet, raw, trial, udp, unix,
};

const CHECKS: &[Check] = &[
    ("mptcp::a_leak_that_tcp_shows_as_established", mptcp),
    ("tables::netlink", netlink),
    ("tables::packet", packet),
    ("tables::udplite", udplite),
    ("tables::ping", ping),
    ("tables::raw", raw_sockets),
    ("tables::raw_without_a_word", raw_sockets_without_a_word),
    ("tables::columns_whoever_decides", columns_whoever_decides),
    ("tables::not_supported_is_said_once", unsupported),
    ("details::tcp_info_after_retransmits", tcp_info),
    ("details::congestion_control", congestion),
    ("details::memory_is_what_the_socket_has", memory),
    ("details::extended", extended),
    ("details::type_of_service", type_of_service),
    ("details::timers", timers),
    ("details::one_line_a_socket", one_line),
    ("details::upper_layer", upper_layer),
    ("details::device_on_the_local_end_only", device),
    ("details::md5_keys_are_nowhere", md5_keys),
    ("unix::peers_have_path_and_process", unix_peers),
    ("columns::every_field_is_accepted", columns),
    ("columns::csv_is_read_back", csv_values),
    ("kill::needs_a_filter_and_a_yes", kill_refused),
    ("kill::closes_and_counts", kill),
    ("kill::asks_on_a_terminal", kill_asks),
    ("netns::by_pid_and_path", netns_by_pid),
    ("netns::by_name", netns_by_name),
    ("dump::comes_back_and_ss_reads_it", dump),
    ("dump::damaged_at_every_offset", damaged_dump),
    ("dump::refuses_what_it_cannot_hold", dump_refusals),
    ("words::states_anywhere", states_anywhere),
    ("words::tables_by_the_names_of_ss", tables_by_name),
    ("words::filter_from_a_file", filter_from_a_file),
];

/// Those that look at no socket.
const PLAIN: &[Check] =
    &[("filter::errors_point_at_the_place", filter_errors), ("filter::explained", explained)];

/// All trials.
pub fn trials() -> Vec<Trial> {
    let live = CHECKS.iter().map(|(name, body)| trial(*name, body));
    live.chain(PLAIN.iter().map(|(name, body)| plain_trial(*name, body))).collect()
}

// ------------------------------------------------------------------------------------- helpers

/// The rows of `list --json` with these words.
fn rows(words: &[&str]) -> Result<Vec<Value>> {
    let output = Run::new(["list", "--json"].iter().chain(words)).run()?.ok()?;
    Ok(output.json()?["sockets"].as_array().context("no sockets")?.clone())
}

/// The row of one socket.
fn row_of(words: &[&str], socket: &Socket) -> Result<Value> {
    let inode = inode_of(socket)?;
    let all = rows(words)?;
    all.iter().find(|row| row["inode"] == inode).cloned().with_context(|| {
        format!(
            "no inode {inode} in {words:?}: {}",
            serde_json::to_string_pretty(&all).unwrap_or_default()
        )
    })
}

/// What `list` prints with these words, line by line.
fn text(words: &[&str]) -> Result<Vec<String>> {
    let output = Run::new(["list"].iter().chain(words)).run()?.ok()?;
    Ok(output.stdout.lines().map(str::to_owned).collect())
}

/// An error of the kernel that says "I have no such thing" as the reason to skip.
fn possible<T>(what: &str, result: std::io::Result<T>) -> Result<T> {
    result.map_err(|error| Impossible(format!("{what}: {error}")).into())
}

fn address(place: &str) -> Result<SockAddr> {
    Ok(place.parse::<SocketAddr>()?.into())
}

/// A client and a server, over IPv4.
fn connection(protocol: Protocol) -> Result<(Socket, Socket, Socket)> {
    let new = || possible("socket", Socket::new(Domain::IPV4, Type::STREAM, Some(protocol)));
    let listener = new()?;
    listener.bind(&address("127.0.0.1:0")?)?;
    listener.listen(4)?;
    let client = new()?;
    client.connect(&listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    Ok((listener, client, server))
}

/// `name:value` among the words of a line of details.
fn word<'l>(lines: &'l [String], name: &str) -> Option<&'l str> {
    let prefix = format!("{name}:");
    lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .find_map(|word| word.strip_prefix(&prefix))
}

// -------------------------------------------------------------------------------------- tables

fn mptcp() -> Result<()> {
    let (listener, client, server) = connection(Protocol::MPTCP)?;
    (&client).write_all(b"hello")?;
    (&server).read_exact(&mut [0; 5])?;
    let (near, far) = (server.local_addr()?, server.peer_addr()?);
    let (near, far) = (near.as_socket().context("inet")?, far.as_socket().context("inet")?);
    let plain = row_of(&["-M"], &server)?;
    ensure!(plain["proto"] == "mptcp" && plain["state"] == "ESTABLISHED", "{plain}");
    if plain["subflows"].is_null() {
        return Err(Impossible("the connection fell back to TCP".into()).into());
    }

    drop(client);
    let row = poll("the leak", || {
        let row = row_of(&["-M", "-i"], &server)?;
        Ok((row["state"] == "CLOSE_WAIT").then_some(row))
    })?;
    let end = |row: &Value, end: &str| {
        format!("{}:{}", row[end]["addr"].as_str().unwrap_or_default(), row[end]["port"])
    };
    let subflows = row["subflows"].as_array().context("no subflows")?;
    ensure!(subflows.len() == 1, "{row}");
    ensure!(subflows[0]["state"] == "ESTABLISHED", "TCP does not know of the end: {row}");
    ensure!(end(&subflows[0], "local") == near.to_string(), "{row}");
    ensure!(end(&subflows[0], "remote") == far.to_string(), "{row}");
    ensure!(row["mptcp_info"]["token"].as_u64() > Some(0), "{row}");
    ensure!(row["mptcp_info"]["bytes_received"] == 5, "{row}");
    // struct mptcp_info must not be read as a tcp_info.
    ensure!(row["tcp_info"].is_null() && row["age_ms"].is_null(), "{row}");
    let column =
        text(&["-M", "-H", "--columns", "rtt_us,last_ack_recv_ms", "state", "close-wait"])?;
    ensure!(column.iter().all(|line| !line.contains(|c: char| c.is_ascii_digit())), "{column:?}");

    // The TCP table shows the subflow, of the same descriptor, as if nothing had happened.
    let tcp = row_of(&["-t", "-i"], &server)?;
    ensure!(tcp["state"] == "ESTABLISHED" && tcp["ulp"]["name"] == "mptcp", "{tcp}");
    let lines = text(&["-M", "-H", "state", "close-wait"])?;
    ensure!(lines.len() == 2, "{lines:?}");
    ensure!(lines[0].starts_with("CLOSE_WAIT "), "{lines:?}");
    ensure!(lines[1] == format!("\tsubflow:ESTABLISHED {near} {far}"), "{lines:?}");
    let listening = row_of(&["-M", "-l"], &listener)?;
    ensure!(listening["accept_queue"]["limit"] == 4, "{listening}");
    Ok(())
}

fn netlink() -> Result<()> {
    const NETLINK_ROUTE: isize = 0;
    let mut socket = netlink_sys::Socket::new(NETLINK_ROUTE)?;
    // A port id below zero is as good as any, and surely nobody else's.
    let port = 0xf000_0001_u32;
    socket.bind(&netlink_sys::SocketAddr::new(port, 1))?;
    let all = rows(&["--netlink", "-a"])?;
    let row = all.iter().find(|row| row["netlink"]["port_id"] == port).context("no such row")?;
    ensure!(row["proto"] == "netlink" && row["netlink"]["protocol_name"] == "route", "{row}");
    ensure!(row["cookie"].is_string() && row["local"].is_null(), "{row}");
    let lines = text(&["--netlink", "-a", "-H"])?;
    ensure!(lines.iter().any(|line| line.contains(&format!("route:{port} "))), "{lines:?}");
    // They are in CLOSE for life: without -a they are shown as well, as ss does.
    for flags in [&["--netlink"][..], &["-f", "netlink"], &["-A", "netlink"]] {
        let unasked = rows(flags)?;
        ensure!(unasked.iter().any(|row| row["netlink"]["port_id"] == port), "{unasked:?}");
    }
    ensure!(rows(&["--netlink", "state established"])?.is_empty());
    let ss = Run::program("ss", ["-f", "netlink", "-n", "-H"]).run();
    let ss = ss.map_err(|error| Impossible(format!("ss: {error:#}")))?.ok()?;
    // It writes the number with a sign.
    ensure!(ss.stdout.contains(&port.cast_signed().to_string()), "{ss}");
    let by_proc = rows(&["--netlink", "-a", "--source", "proc"])?;
    let row = by_proc.iter().find(|row| row["netlink"]["port_id"] == port);
    ensure!(row.is_some_and(|row| row["inode"].as_u64() > Some(0)), "{by_proc:?}");
    Ok(())
}

fn packet() -> Result<()> {
    const ETH_P_IP: u16 = 0x800;
    let protocol = Some(Protocol::from(i32::from(ETH_P_IP.to_be())));
    let frames = possible("packet", Socket::new(Domain::PACKET, Type::RAW, protocol))?;
    let packets = possible("packet", Socket::new(Domain::PACKET, Type::DGRAM, protocol))?;
    for (socket, kind) in [(&frames, "raw"), (&packets, "dgram")] {
        let row = row_of(&["--packet", "-a"], socket)?;
        ensure!(row["proto"] == "packet" && row["type"] == kind, "{row}");
        ensure!(row["packet"]["protocol"] == ETH_P_IP, "{row}");
        let by_proc = row_of(&["--packet", "-a", "--source", "proc"], socket)?;
        ensure!(by_proc["packet"]["protocol"] == ETH_P_IP, "{by_proc}");
    }
    // They are in CLOSE for life: without -a there are as many, as in ss.
    let ss = Run::program("ss", ["-0", "-n", "-H"]).run();
    let ss = ss.map_err(|error| Impossible(format!("ss: {error:#}")))?.ok()?;
    ensure!(ss.stdout.lines().count() == 2, "{ss}");
    for flags in [&["-0"][..], &["--packet"], &["-f", "link"], &["-A", "packet"], &["-0", "-t"]] {
        let unasked = text(&[flags, &["-H"]].concat())?;
        ensure!(unasked.len() == 2, "{flags:?}: {unasked:?}");
    }
    let lines = text(&["-0", "-a", "-H"])?;
    ensure!(lines.len() == 2, "{lines:?}");
    ensure!(lines.iter().any(|line| line.starts_with("packet_raw ")), "{lines:?}");
    ensure!(lines.iter().all(|line| line.contains(" ip:* ")), "{lines:?}");
    Ok(())
}

fn udplite() -> Result<()> {
    let new = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDPLITE));
    let socket = possible("no UDP-Lite", new)?;
    socket.bind(&address("127.0.0.1:9000")?)?;
    for source in ["netlink", "proc"] {
        let row = row_of(&["--udplite", "-a", "--source", source], &socket)?;
        ensure!(row["proto"] == "udplite" && row["local"]["port"] == 9000, "{row}");
    }
    let lines = text(&["--udplite", "-a", "-H"])?;
    ensure!(lines.len() == 1 && lines[0].contains(" 127.0.0.1:9000 "), "{lines:?}");
    ensure!(rows(&["-u", "-a"])?.is_empty(), "it is not UDP");
    Ok(())
}

fn ping() -> Result<()> {
    possible("ping_group_range", netns::sysctl("ipv4/ping_group_range", "0 0"))?;
    let new = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::ICMPV4));
    let socket = possible("ping socket", new)?;
    socket.bind(&address("127.0.0.1:77")?)?;
    let row = row_of(&["--ping", "-a"], &socket)?;
    ensure!(row["proto"] == "ping" && row["local"]["port"] == 77, "{row}");
    let output = Run::new(["list", "--ping", "-a", "-H"]).run()?.ok()?;
    ensure!(output.stdout.contains(" 127.0.0.1:77 "), "{output}");
    ensure!(output.stderr.is_empty(), "{output}");
    let output = Run::new(["list", "--ping", "-a", "-H", "-e"]).run()?.ok()?;
    ensure!(output.stderr.starts_with("ping: read from /proc/net/icmp: "), "{output}");
    ensure!(output.stderr.lines().count() == 1, "{output}");
    Ok(())
}

/// Many a kernel has no raw_diag. The file in /proc has all that is usually shown: that other
/// things are not in it is said where they are asked for.
fn raw_sockets_without_a_word() -> Result<()> {
    let new = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4));
    let _socket = possible("raw socket", new)?;
    let said = |args: &str| -> Result<bool> {
        let output = Run::new(args.split_whitespace()).run()?.ok()?;
        Ok(output.stderr.contains("raw: "))
    };
    for args in ["list -a", "list -aw", "status", "count -w", "list -aw sport = 1"] {
        ensure!(!said(args)?, "{args}");
    }
    let document = Run::new(["status", "--json"]).run()?.ok()?.json()?;
    let by_proc = document["sources"]["raw"] == "proc";
    ensure!(document["gaps"] == serde_json::json!([]), "{document}");
    for args in ["list -awe", "list -awm", "list -aw --columns local,cookie"] {
        ensure!(said(args)? == by_proc, "{args}");
    }
    Ok(())
}

/// Columns follow from what was asked, whoever decides which rows are shown.
fn columns_whoever_decides() -> Result<()> {
    let _held = [
        states::established(Family::V4)?,
        states::close_wait(Family::V4, Unread::Eof)?,
        states::time_wait(Family::V4, By::Close)?,
    ];
    let _udp = udp::unconnected(Family::V4, 0)?;
    let head = |args: &[&str], more: &[&str]| -> Result<String> {
        let output = Run::new(["list"].iter().chain(args).chain(more)).run()?.ok()?;
        let head = output.stdout.lines().next().context("no head")?;
        Ok(head.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    for filter in ["rtt > 1us", "state close-wait", "state time-wait", "age > 0s", "sport > 0"] {
        for flags in [&["-a"][..], &["-at"], &["-a", "-e"]] {
            let args: Vec<&str> = flags.iter().copied().chain([filter]).collect();
            let (kernel, here) = (head(&args, &[])?, head(&args, &["--no-kernel-filter"])?);
            ensure!(kernel == here, "{args:?}: {kernel}, but {here}");
        }
    }
    Ok(())
}

fn raw_sockets() -> Result<()> {
    let new = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4));
    let socket = possible("raw socket", new)?;
    for source in ["auto", "proc"] {
        let row = row_of(&["-w", "-a", "--source", source], &socket)?;
        ensure!(row["proto"] == "raw" && row["uid"] == 0, "{row}");
        // The protocol stands where others have a port.
        ensure!(row["local"]["port"] == 1, "{row}");
    }
    let shown = rows(&["-a"])?.iter().any(|row| row["proto"] == "raw");
    ensure!(shown, "list without a flag leaves raw sockets out");
    Ok(())
}

fn unsupported() -> Result<()> {
    let _listener = TcpListener::bind("127.0.0.1:0")?;
    for (flag, name) in [("--sctp", "sctp"), ("--dccp", "dccp"), ("--vsock", "vsock")] {
        let alone = Run::new(["list", "-a", flag]).run()?;
        if alone.code() == Some(0) {
            ensure!(!alone.stderr.contains("not supported"), "{alone}");
            continue;
        }
        let reason = format!("{name}: not supported by this kernel (");
        let alone = alone.ended(1)?;
        ensure!(alone.stdout.is_empty(), "no empty success\n{alone}");
        ensure!(alone.stderr.matches(&reason).count() == 1, "{alone}");
        ensure!(alone.stderr.lines().count() == 1, "{alone}");
        let json = Run::new(["list", "-a", "--json", flag]).run()?.ended(1)?;
        ensure!(json.stdout.is_empty() && json.stderr.contains(&reason), "{json}");
        // Beside another table it is a gap.
        let both = Run::new(["list", "-t", "-a", "-H", flag]).run()?.ok()?;
        ensure!(both.stdout.lines().count() == 1, "{both}");
        ensure!(both.stderr.starts_with(&reason) && both.stderr.lines().count() == 1, "{both}");
        let both = Run::new(["list", "-t", "-a", "--json", flag]).run()?.ok()?.json()?;
        let gaps = both["gaps"].as_array().context("gaps")?;
        ensure!(gaps.len() == 1 && gaps[0]["what"] == name, "{both}");
    }
    Ok(())
}

// ------------------------------------------------------------------------------------- details

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
    if let Ok(ss) = Run::program("ss", ["-t", "-i", "-H"]).run() {
        ensure!(ss.stdout.contains("md5keys:"), "ss does not see it\n{ss}");
    }
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

// ------------------------------------------------------------------------------------- columns

/// Every field that `--columns help` lists.
fn every_field() -> Result<Vec<String>> {
    let output = Run::new(["list", "--columns", "help"]).run()?.ok()?;
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    output.stdout.lines().map(|line| first(line).context("an empty line")).collect()
}

fn columns() -> Result<()> {
    let _held = states::close_wait(Family::V4, Unread::Eof)?;
    let help = Run::new(["list", "--columns", "help"]).run()?.ok()?;
    for line in help.stdout.lines() {
        let (name, meaning) = line.split_once(' ').context("a name and its meaning")?;
        ensure!(meaning.trim().len() > 3, "{line}");
        // Times and sizes say their unit, in the name or beside it.
        let suffix = ["_us", "_ms", "_bytes", "_segs", "_per_s"].iter().any(|u| name.ends_with(u));
        let timed = ["age", "expires", "recvq"].contains(&name);
        ensure!(suffix || !timed || [" ms", "bytes"].iter().any(|u| meaning.contains(u)), "{line}");
    }
    let fields = every_field()?;
    ensure!(fields.len() > 90, "{fields:?}");
    for field in &fields {
        let lines = text(&["-t", "-a", "--columns", field])?;
        ensure!(lines.first().map(|line| line.trim()) == Some(field), "{field}: {lines:?}");
        ensure!(lines.len() > 3, "{field}: {lines:?}");
    }
    // All at once, in any spelling.
    let every = fields.join(",").to_uppercase().replace('_', "-");
    let lines = text(&["-t", "-a", "-x", "-u", "--columns", &every])?;
    ensure!(lines[0].split_whitespace().eq(fields.iter()), "{lines:?}");
    let wrong = Run::new(["list", "--columns", "state,banana"]).run()?.ended(2)?;
    let said = "sockstate: unknown column 'banana': 'sockstate list --columns help' lists the \
                fields\n";
    ensure!(wrong.stderr == said, "{wrong}");
    let wrong = Run::new(["list", "--sort", "banana"]).run()?.ended(2)?;
    ensure!(wrong.stderr.starts_with("sockstate: cannot sort by 'banana': "), "{wrong}");
    Ok(())
}

fn csv_values() -> Result<()> {
    let held = states::close_wait(Family::V4, Unread::Bytes(5))?;
    let nasty = unix::nasty_name()?;
    let socket = held.subject.as_ref().context("a socket")?;
    let fields = every_field()?;
    let records = |words: &[&str]| -> Result<Vec<BTreeMap<String, String>>> {
        let output = Run::new(["list", "--csv"].iter().chain(words)).run()?.ok()?;
        let mut reader = csv::Reader::from_reader(output.stdout.as_bytes());
        Ok(reader.deserialize().collect::<std::result::Result<_, _>>()?)
    };
    let all = records(&["-t", "-a", "--columns", &fields.join(",")])?;
    let inode = inode_of(socket)?.to_string();
    let row = all.iter().find(|row| row["inode"] == inode).context("no row")?;
    ensure!(row.len() == fields.len(), "{row:?}");
    for (name, value) in [
        ("proto", "tcp"),
        ("family", "inet"),
        ("state", "CLOSE_WAIT"),
        ("recvq", "6"),
        ("sendq", "0"),
        ("eof", "data_unread"),
        ("local", &held.local.to_string()),
        ("local-addr", &held.local.ip().to_string()),
        ("local-port", &held.local.port().to_string()),
        ("remote", &held.remote.to_string()),
        ("remote-port", &held.remote.port().to_string()),
        ("cookie", &format!("{:#x}", socket.cookie()?)),
        ("standing", "descriptor"),
        ("ifindex", "0"),
        ("pid", &std::process::id().to_string()),
        ("bytes_received", "6"),
        ("drops", "0"),
        ("rcvbuf_bytes", &socket.recv_buffer_size()?.to_string()),
        // What a row does not have is empty, not zero.
        ("path", ""),
        ("peer-inode", ""),
        ("tclass", ""),
    ] {
        ensure!(row[name] == value, "{name} is {:?}, not {value:?}", row[name]);
    }
    // A name that wants to break the file is one field of one record.
    let all = records(&["-x", "-a", "--columns", "path,inode"])?;
    let row = all.iter().find(|row| row["inode"] == nasty.inode.to_string()).context("no row")?;
    ensure!(!row["path"].chars().any(char::is_control), "{row:?}");
    ensure!(row["path"].starts_with("@kit\\x1b[31mred"), "{row:?}");
    // The ends of a socket of any family are those of the usual columns.
    let pair = unix::connected()?;
    let path = pair.name.to_str().context("UTF-8")?;
    let dual = Socket::from(TcpListener::bind("[::]:0")?);
    let port = dual.local_addr()?.as_socket().context("inet")?.port();
    let mapped = TcpStream::connect(("127.0.0.1", port))?;
    let all = records(&["-t", "-x", "-a"])?;
    for (inode, local, remote) in [
        (pair.inode, path, &*format!("inode:{}", inode_of(&pair.peers[0])?)),
        (inode_of(&pair.peers[0])?, "*", path),
        (inode_of(&dual)?, &format!("[::]:{port}"), "[::]:*"),
        (0, &format!("::ffff:127.0.0.1:{port}"), &format!("::ffff:{}", mapped.local_addr()?)),
    ] {
        let row = all.iter().find(|row| row["inode"] == inode.to_string() && row["local"] == local);
        ensure!(row.is_some_and(|row| row["remote"] == remote), "{local} {remote}: {all:#?}");
    }
    // Without --columns, and without a head.
    let output = Run::new(["list", "-t", "-a", "--csv", "-H"]).run()?.ok()?;
    ensure!(!output.stdout.contains("proto"), "{output}");
    let refused = Run::new(["list", "--csv", "--json"]).run()?.ended(2)?;
    ensure!(refused.stdout.is_empty(), "{refused}");
    Ok(())
}

// ---------------------------------------------------------------------------------------- kill

fn kill_refused() -> Result<()> {
    let (_listener, client, _server) = connection(Protocol::TCP)?;
    let port = client.local_addr()?.as_socket().context("inet")?.port();
    let refused = Run::new(["list", "-K", "--yes"]).run()?.ended(2)?;
    let said = "sockstate: --kill needs a filter: it would close every connection\n";
    ensure!(refused.stderr == said && refused.stdout.is_empty(), "{refused}");
    let sport = format!("sport = {port}");
    let refused = Run::new(["list", "-t", "-K", &sport]).run()?.ended(2)?;
    let said = "sockstate: --kill asks before it acts: run it on a terminal or add --yes\n";
    ensure!(refused.stderr == said && refused.stdout.is_empty(), "{refused}");
    let wrong = Run::new(["list", "-t", "-K", "--yes", "sport = x y"]).run()?.ended(2)?;
    ensure!(wrong.stderr.contains('^'), "{wrong}");
    ensure!(Run::new(["list", "--yes", "sport 1"]).run()?.code() == Some(2), "--yes alone");
    // Without the privilege every one is refused, counted, and still there.
    let output =
        Run::new(["list", "-t", "-K", "--yes", "-H", &sport]).without_capabilities().run()?;
    let output = output.ended(1)?;
    ensure!(output.stderr == "closed 0, not allowed 1 (needs CAP_NET_ADMIN)\n", "{output}");
    ensure!(output.stdout.lines().count() == 1, "{output}");
    row_of(&["-t", "state", "established"], &client)?;
    Ok(())
}

fn kill() -> Result<()> {
    let (listener, client, server) = connection(Protocol::TCP)?;
    let port = listener.local_addr()?.as_socket().context("inet")?.port();
    let _other = states::established(Family::V4)?;
    let before = rows(&["-t", "-a"])?.len();
    let dport = format!("dport = {port}");
    let output = Run::new(["list", "-t", "-K", "--yes", "-H", &dport]).run()?;
    if output.stderr.contains("not supported") {
        return Err(Impossible("no CONFIG_INET_DIAG_DESTROY".into()).into());
    }
    let output = output.ok()?;
    ensure!(output.stderr == "closed 1\n", "{output}");
    ensure!(output.stdout.lines().count() == 1, "{output}");
    ensure!(output.stdout.contains(&format!("127.0.0.1:{port}")), "{output}");
    // Both ends got a reset.
    for mut end in [&client, &server] {
        let error = end.read(&mut [0]).err().context("still alive")?;
        let number = error.raw_os_error();
        ensure!(matches!(number, Some(libc::ECONNABORTED | libc::ECONNRESET)), "{error}");
    }
    ensure!(rows(&["-t", "-a"])?.len() == before - 2, "others went with it");
    let nothing = Run::new(["list", "-t", "-K", "--yes", "-H", &dport]).run()?.ok()?;
    ensure!(nothing.stderr == "nothing to close\n" && nothing.stdout.is_empty(), "{nothing}");
    // The table on stdout, the count on stderr, also as JSON; two families in one go.
    let _v6 = states::established(Family::V6)?;
    let output =
        Run::new(["list", "-t", "-K", "--yes", "--json", "state established"]).run()?.ok()?;
    let closed = output.json()?["sockets"].as_array().context("sockets")?.len();
    ensure!(closed == 4, "{output}");
    // The reset of one end may close the other before its turn comes.
    let gone = output.stderr.strip_prefix("closed ").context("no count")?;
    let (count, rest) =
        gone.trim_end().split_once(", gone before ").unwrap_or((gone.trim_end(), "0"));
    ensure!(count.parse::<usize>()? + rest.parse::<usize>()? == closed, "{output}");
    // Of unix sockets the kernel closes none.
    let unix = unix::listener(1, 0)?;
    let path = unix.name.to_str().context("UTF-8")?;
    let output =
        Run::new(["list", "-x", "-a", "-K", "--yes", "-H", "src", path]).run()?.ended(1)?;
    ensure!(output.stderr.starts_with("closed 0, not supported 1 ("), "{output}");
    Ok(())
}

fn kill_asks() -> Result<()> {
    let (_listener, client, _server) = connection(Protocol::TCP)?;
    let port = client.local_addr()?.as_socket().context("inet")?.port();
    let sport = format!("sport = {port}");
    let answer = |line: &[u8]| -> Result<Output> {
        let (keyboard, terminal) = possible("a terminal", raw::open_pty())?;
        // Type-ahead: the terminal keeps it until somebody reads.
        fs::File::from(keyboard.try_clone()?).write_all(line)?;
        let output = Run::new(["list", "-t", "-K", "-H", &sport]).stdin(terminal).run()?;
        drop(keyboard);
        Ok(output)
    };
    for no in [&b"n\n"[..], b"\n", b"what\n", b"\x04"] {
        let output = answer(no)?.ok()?;
        ensure!(output.stderr == "close 1 socket? [y/N] nothing was closed\n", "{output}");
        ensure!(output.stdout.lines().count() == 1, "first it shows which\n{output}");
        row_of(&["-t", "state", "established"], &client)?;
    }
    let output = answer(b"Yes\n")?;
    if output.stderr.contains("not supported") {
        return Err(Impossible("no CONFIG_INET_DIAG_DESTROY".into()).into());
    }
    ensure!(output.stderr == "close 1 socket? [y/N] closed 1\n", "{output}");
    ensure!(rows(&["-t", &sport])?.is_empty(), "it is still there");
    Ok(())
}

// -------------------------------------------------------------------------------------- others

/// A process in a network namespace of its own, which has one listener.
fn elsewhere() -> Result<(Holder, SocketAddr)> {
    netns::in_fresh_netns(|| {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let local = listener.local_addr()?;
        Ok((Holder::new(b"elsewhere", [listener])?, local))
    })
}

fn netns_by_pid() -> Result<()> {
    let (holder, there) = elsewhere()?;
    let here = TcpListener::bind("127.0.0.1:0")?;
    let pid = holder.pid().to_string();
    for target in [pid.clone(), format!("/proc/{pid}/ns/net")] {
        let all = rows(&["-t", "-a", "-p", "-N", &target])?;
        ensure!(all.len() == 1, "{all:?}");
        ensure!(all[0]["local"]["port"] == there.port(), "{all:?}");
        let holders = all[0]["processes"].as_array().context("processes")?;
        ensure!(holders.iter().any(|one| one["comm"] == "elsewhere"), "{all:?}");
        let count = Run::new(["count", "--json", "--net", &target]).run()?.ok()?.json()?;
        ensure!(count["total"] == 1, "{count}");
    }
    let own = rows(&["-t", "-a"])?;
    ensure!(own.len() == 1 && own[0]["local"]["port"] == here.local_addr()?.port(), "{own:?}");
    for (target, file) in [
        ("no-such-namespace", "/run/netns/no-such-namespace"),
        ("4194305", "/proc/4194305/ns/net"),
        ("/etc/passwd", "/etc/passwd"),
    ] {
        let output = Run::new(["list", "-N", target]).run()?.ended(1)?;
        let said = format!("sockstate: cannot enter the namespace: {file}: ");
        ensure!(output.stdout.is_empty() && output.stderr.starts_with(&said), "{output}");
        ensure!(output.stderr.lines().count() == 1, "{output}");
    }
    let output = Run::new(["list", "-N", &pid]).without_capabilities().run()?.ended(1)?;
    ensure!(output.stderr.starts_with("sockstate: cannot enter the namespace: "), "{output}");
    Ok(())
}

fn netns_by_name() -> Result<()> {
    let (holder, there) = elsewhere()?;
    // /run/netns of a mount namespace that ends with the command.
    let script = "mount -t tmpfs none /run && ip netns attach kit \"$1\" || exit 77; \
                  exec \"$2\" list -t -a --json -N kit";
    let pid = holder.pid().to_string();
    let program = env!("CARGO_BIN_EXE_sockstate");
    let output = Run::program("unshare", ["-m", "sh", "-c", script, "sh", &pid, program]).run();
    let output = output.map_err(|error| Impossible(format!("unshare: {error:#}")))?;
    if output.code() != Some(0) && !output.stderr.contains("sockstate") {
        return Err(Impossible(format!("no named namespace: {}", output.stderr.trim())).into());
    }
    let document = output.ok()?.json()?;
    let all = document["sockets"].as_array().context("sockets")?;
    ensure!(all.len() == 1 && all[0]["local"]["port"] == there.port(), "{document}");
    Ok(())
}

/// Columns that are the same at any moment.
const STEADY: &str =
    "proto,family,state,recvq,sendq,local,remote,uid,inode,cookie,ifindex,mark,standing";

fn steady(words: &[&str]) -> Result<Vec<String>> {
    let mut lines = text(&[&["-H", "--csv", "--columns", STEADY], words].concat())?;
    lines.sort();
    Ok(lines)
}

fn dump() -> Result<()> {
    let mut held = Vec::new();
    for family in Family::ALL {
        held.push(states::established(family)?);
        held.push(states::close_wait(family, Unread::Bytes(3))?);
        held.push(states::time_wait(family, By::Close)?);
        held.push(states::syn_recv(family)?);
    }
    // An acknowledgement that is delayed moves them on while this looks.
    poll("no FIN_WAIT1", || Ok(steady(&["-t", "state fin-wait-1"])?.is_empty().then_some(())))?;
    let directory = TempDir::new()?;
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let (ours, theirs) = (path("ours"), path("theirs"));

    let recorded = Run::new(["list", "-t", "-a", "-i", "-m", "-D", &ours]).run()?.ok()?;
    ensure!(recorded.stdout.is_empty() && recorded.stderr.is_empty(), "{recorded}");
    let live = steady(&["-t", "-a"])?;
    ensure!(live.len() > 20, "{live:?}");
    let read = steady(&["--from", &ours])?;
    ensure!(read == live, "live {live:#?}\nread {read:#?}");
    let document = Run::new(["list", "--from", &ours, "-i", "-m", "--json"]).run()?.ok()?.json()?;
    ensure!(document["source"] == "file" && document["gaps"] == Value::Array(Vec::new()));
    let with_info = document["sockets"].as_array().context("sockets")?.iter();
    ensure!(with_info.filter(|row| row["tcp_info"].is_object()).count() >= 9, "tcp_info is kept");
    let some = steady(&["--from", &ours, "state close-wait or sport < 1"])?;
    ensure!(some.len() == 3 && some.iter().all(|line| line.contains("CLOSE_WAIT")), "{some:?}");
    ensure!(steady(&["--from", &ours, "-6"])?.len() < live.len());

    // ss stops at the end of the first of our two dumps, IPv4.
    let ss = Run::program("ss", ["-t", "-a", "-n", "-H"]).env("TCPDIAG_FILE", &ours).run();
    let ss = ss.map_err(|error| Impossible(format!("ss: {error:#}")))?.ok()?;
    let v4 = live.iter().filter(|line| line.starts_with("tcp,inet,")).count();
    ensure!(ss.stdout.lines().count() == v4, "{ss}\n{live:#?}");
    Run::program("ss", ["-t", "-a", "-n", "-D", &theirs]).run()?.ok()?;
    // ss before 6.8 does not ask for bound sockets.
    let without_bound: Vec<_> = live.into_iter().filter(|line| !line.contains(",BOUND,")).collect();
    let read = steady(&["--from", &theirs, "exclude bound"])?;
    ensure!(read == without_bound, "live {without_bound:#?}\nof ss {read:#?}");

    // What only we can decide is in the dump all the same, and that is said.
    let filtered = Run::new(["list", "-t", "-D", &ours, "process nobody"]).run()?.ok()?;
    ensure!(
        filtered.stderr
            == "the dump holds more than the filter selects: give --from the same filter\n"
    );
    let nowhere = path("missing/dump");
    let unwritable = Run::new(["list", "-t", "-D", &nowhere]).run()?.ended(1)?;
    ensure!(unwritable.stderr.starts_with(&format!("sockstate: cannot write {nowhere}: ")));
    let unreadable = Run::new(["list", "--from", &nowhere]).run()?.ended(1)?;
    ensure!(unreadable.stderr.starts_with(&format!("sockstate: cannot read {nowhere}: ")));
    Ok(())
}

fn damaged_dump() -> Result<()> {
    let _held = states::established(Family::V4)?;
    let directory = TempDir::new()?;
    let file = directory.path().join("dump");
    let name = file.to_str().context("UTF-8")?;
    Run::new(["list", "-t", "-a", "-4", "-D", name]).run()?.ok()?;
    let whole = fs::read(&file)?;
    let all = steady(&["--from", name])?;
    ensure!(all.len() >= 3 && whole.len() < 2000, "{} bytes", whole.len());
    // Where each message begins.
    let mut starts = vec![0];
    while let Some(&at) = starts.last().filter(|at| **at < whole.len()) {
        let len = u32::from_ne_bytes(whole[at..at + 4].try_into()?) as usize;
        starts.push(at + len.next_multiple_of(4));
    }
    ensure!(starts.last() == Some(&whole.len()), "{starts:?}");
    for len in 0..whole.len() {
        fs::write(&file, &whole[..len])?;
        let words = ["list", "-H", "--csv", "--columns", STEADY, "--from", name];
        let output = Run::new(words).run()?;
        // Rows that are whole are shown; the padding of the last one matters to nobody.
        let complete = starts.iter().filter(|start| **start <= len).count() - 1;
        let mut shown: Vec<&str> = output.stdout.lines().collect();
        shown.sort_unstable();
        ensure!(shown.iter().all(|line| all.iter().any(|row| row == line)), "{len}\n{output}");
        ensure!(shown.len() == complete.min(all.len()), "{len}: {complete} rows\n{output}");
        let at = starts[complete];
        let said = match len - at {
            // Whole messages, but not the one that ends the dump.
            0 => format!("dump: the file ends at offset {at}, before its dump does\n"),
            1 => format!("dump: 1 byte is lost: the file is damaged at offset {at}\n"),
            lost => format!("dump: {lost} bytes are lost: the file is damaged at offset {at}\n"),
        };
        ensure!(output.code() == Some(1) && output.stderr == said, "{len}: {said}\n{output}");
    }
    // Rubbish in the middle.
    let mut rubbish = whole.clone();
    rubbish[starts[1]..starts[1] + 4].fill(0xff);
    fs::write(&file, &rubbish)?;
    let output = Run::new(["list", "--from", name, "--json"]).run()?.ended(1)?;
    let document = output.json()?;
    ensure!(document["sockets"].as_array().context("sockets")?.len() == 1, "{output}");
    let reason = document["gaps"][0]["reason"].as_str().unwrap_or_default();
    ensure!(reason.ends_with(&format!("damaged at offset {}", starts[1])), "{output}");
    Ok(())
}

fn dump_refusals() -> Result<()> {
    let directory = TempDir::new()?;
    let file = directory.path().join("dump");
    let name = file.to_str().context("UTF-8")?;
    for flags in [&["-t", "-u"][..], &["-x"], &["-t", "-x"], &["--netlink"]] {
        let output = Run::new(["list", "-D", name].iter().chain(flags)).run()?.ended(2)?;
        ensure!(
            output.stderr.starts_with("sockstate: --dump records one internet protocol: "),
            "{output}"
        );
        ensure!(!file.exists(), "{flags:?}");
    }
    // UDP alone comes back when it is asked for.
    let held = udp::unconnected(Family::V4, 0)?;
    Run::new(["list", "-u", "-a", "-D", name]).run()?.ok()?;
    let read = rows(&["--from", name, "-u"])?;
    ensure!(
        read.iter().any(|row| row["proto"] == "udp" && row["inode"] == held.inode()),
        "{read:?}"
    );
    Ok(())
}

fn states_anywhere() -> Result<()> {
    let held = states::close_wait(Family::V4, Unread::Eof)?;
    let port = held.local.port();
    let of = |words: &[&str]| -> Result<usize> { Ok(rows(words)?.len()) };
    let sport = format!("sport = {port}");
    for words in [
        &["-t", "state", "close-wait", &sport][..],
        &["-t", &sport, "state", "close-wait"],
        &["state", "close-wait", "-t", &sport],
        &["-t", &sport, "and state CloseWait"],
        &["-t", &format!("({sport} state close_wait) or sport = 1")],
        &["-t", &sport, "exclude", "listening"],
        &["-t", &sport, "not state listen and not dport 1"],
    ] {
        ensure!(of(words)? == 1, "{words:?}");
    }
    let procfs = procnet::rows(procnet::Table::Tcp)?.len();
    ensure!(of(&["-t", "state", "all", "exclude", "bound"])? == procfs);
    let count = |words: &[&str]| -> Result<Value> {
        let output = Run::new(["count", "--json"].iter().chain(words)).run()?.ok()?;
        Ok(output.json()?["total"].clone())
    };
    ensure!(count(&[&sport, "state", "close-wait"])? == 1);
    ensure!(count(&["state", "listen", &sport])? == 1);
    let listeners = Run::new(["listeners", "--json", &sport]).run()?.ok()?.json()?;
    ensure!(listeners["listeners"].as_array().map(Vec::len) == Some(1), "{listeners}");
    Ok(())
}

/// `-A`, `-f`, `-B` and `-Q` as in `ss`.
fn tables_by_name() -> Result<()> {
    let _tcp = states::established(Family::V4)?;
    let _stream = unix::listener(2, 1)?;
    let _datagram = unix::datagram()?;
    let _udp = udp::unconnected(Family::V4, 0)?;
    let kinds = |words: &[&str]| -> Result<Vec<String>> {
        let row = |row: &Value| format!("{}/{}", row["proto"], row["type"]).replace('"', "");
        let mut kinds: Vec<String> = rows(words)?.iter().map(row).collect();
        kinds.sort();
        kinds.dedup();
        Ok(kinds)
    };
    for (words, expected) in [
        (&["-a", "-A", "tcp,u_str"][..], &["tcp/null", "unix/stream"][..]),
        (&["-a", "-A", "unix_dgram"], &["unix/dgram"]),
        (&["-a", "-A", "unix,!u_dgr,udp"], &["udp/null", "unix/stream"]),
        (&["-a", "-x", "-A", "u_str"], &["unix/dgram", "unix/stream"]),
        (&["-a", "--query=tcp", "--socket", "udp"], &["tcp/null", "udp/null"]),
        (&["-a", "-f", "unix"], &["unix/dgram", "unix/stream"]),
        (&["-a", "-A", "tcp", "-f", "inet6"], &[]),
        (&["-A", "u_dgr"], &[]),
        (&["-B"], &[]),
    ] {
        let found = kinds(words)?;
        ensure!(found == expected, "{words:?}: {found:?}");
    }
    let count = Run::new(["count", "-A", "u_str", "--by", "family", "--json"]).run()?.ok()?;
    let streams = rows(&["-a", "-A", "u_str"])?.len();
    ensure!(count.json()?["total"] == streams, "{count}");
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    bound.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    let found = rows(&["-B"])?;
    ensure!(found.len() == 1 && found[0]["inode"] == inode_of(&bound)?, "{found:?}");
    let output = Run::new(["list", "-taQH"]).run()?.ok()?;
    let words = output.stdout.lines().map(|line| line.split_whitespace().count());
    ensure!(words.clone().count() > 0 && words.into_iter().all(|n| n == 3), "{output}");
    Ok(())
}

/// `-F`: what the file and the command line say must both hold.
fn filter_from_a_file() -> Result<()> {
    let held = states::close_wait(Family::V4, Unread::Eof)?;
    let port = held.local.port();
    let directory = TempDir::new()?;
    let file = directory.path().join("filter");
    fs::write(&file, format!("# ours\nsport {port} or\ndport {port}\n"))?;
    let file = file.to_str().context("a path")?;
    let both = rows(&["-ta", "-F", file])?;
    ensure!(both.len() >= 2, "{both:?}");
    let one = rows(&["-t", "-F", file, "state", "close-wait"])?;
    ensure!(one.len() == 1 && one[0]["state"] == "CLOSE_WAIT", "{one:?}");
    let piped =
        Run::new(["list", "--json", "-ta", "-F", "-"]).stdin(fs::File::open(file)?).run()?;
    ensure!(piped.ok()?.json()?["sockets"].as_array().map(Vec::len) == Some(both.len()));
    Ok(())
}

// -------------------------------------------------------------------------------------- filter

/// Expression, carets, what stands below; every one a whole stderr.
#[rustfmt::skip]
const ERRORS: &[(&str, &str, &str)] = &[
    ("sport = 70000",
     "        ^^^^^",
     "expected a port: a number from 0 to 65535; found \"70000\""),
    ("sport = 80 or",
     "             ^",
     "expected a test: state, exclude, src, dst, sport, dport, dev, fwmark, cgroup, autobound, process, pid, user, owner, unit, inode, cookie, recvq, sendq, queue, drops, age, retrans, rtt, timer, scope; the expression ends here"),
    ("(sport = 80",
     "           ^",
     "expected a closing ) for every (; the expression ends here"),
    ("sport = 80)",
     "          ^",
     "expected and, or, a test or the end: no ( is open; found \")\""),
    ("sprot = 80",
     "^^^^^",
     "expected a test: state, exclude, src, dst, sport, dport, dev, fwmark, cgroup, autobound, process, pid, user, owner, unit, inode, cookie, recvq, sendq, queue, drops, age, retrans, rtt, timer, scope; found \"sprot\""),
    ("state banana",
     "      ^^^^^^",
     "expected a state: listen, syn-sent, syn-recv, established, close-wait, fin-wait1, fin-wait2, closing, last-ack, time-wait, close, bound; or one of the sets all, connected, synchronized, bucket, big; found \"banana\""),
    ("src 10.0.0.0/33",
     "             ^^",
     "expected a prefix length: a number from 0 to 32; found \"33\""),
    ("src [::1/129]",
     "         ^^^",
     "expected a prefix length: a number from 0 to 128; found \"129\""),
    ("src 300.1.1.1",
     "    ^^^",
     "expected a part of an IPv4 address: a number from 0 to 255; found \"300\""),
    ("dport {}",
     "       ^",
     "expected at least one port: a set such as {80,443,8000-8010}; found \"}\""),
    ("dport {80,}",
     "          ^",
     "expected a port (0 to 65535), a range such as 8000-8099, a service name, or * in this set; found \"}\""),
    ("sport 90-80",
     "      ^^^^^",
     "expected a range from the lower to the higher port; found \"90-80\""),
    ("age > 5x",
     "      ^^",
     "expected a time with its unit (us, ms, s, m, h or d), such as 5m or 1.5s; found \"5x\""),
    ("rtt 5ms",
     "    ^^^",
     "expected a comparison: <, <=, >, >=, = or !=; found \"5ms\""),
    ("queue > limits",
     "        ^^^^^^",
     "expected a whole number, or one with k, m or g (multiples of 1024), or limit; found \"limits\""),
    ("cookie zz",
     "       ^^",
     "expected a cookie such as 0x5e37: a number from 0 to 18446744073709551615; found \"zz\""),
    ("dev no-such-device",
     "    ^^^^^^^^^^^^^^",
     "no network device is called 'no-such-device'"),
    ("user no-such-user",
     "     ^^^^^^^^^^^^",
     "no user is called 'no-such-user'"),
    ("sport = no-such-service",
     "        ^^^^^^^^^^^^^^^",
     "no service is called 'no-such-service'"),
    ("fwmark > 1",
     "       ^",
     "expected = or !=, or the value at once; found \">\""),
    ("state listen exclude listen",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^",
     "expected states that leave at least one; found \"state listen exclude listen\""),
    ("timer banana",
     "      ^^^^^^",
     "expected a timer: none, retransmit, on, keepalive, timewait, probe, persist, delack, off; found \"banana\""),
    ("scope wide",
     "      ^^^^",
     "expected a scope: loopback, private, public, any; found \"wide\""),
    ("owner me",
     "      ^^",
     "expected none (with a process: process, pid or user); found \"me\""),
    ("src netlink:1",
     "    ^^^^^^^^",
     "expected one of the families inet:, inet6: and unix:; found \"netlink:\""),
    ("dst größe/8",
     "    ^^^^^^^",
     "expected an address (10.0.0.1, 10.0.0.0/8, [2001:db8::1], [2001:db8::/32]), a host name, a unix socket (/PATH, @NAME, unix:PATTERN), or *, each but unix also with :PORT; found \"größe/8\""),
    ("sport 80 80",
     "         ^^",
     "expected a test: state, exclude, src, dst, sport, dport, dev, fwmark, cgroup, autobound, process, pid, user, owner, unit, inode, cookie, recvq, sendq, queue, drops, age, retrans, rtt, timer, scope; found \"80\""),
];

fn filter_errors() -> Result<()> {
    ensure!(ERRORS.len() >= 15);
    for command in ["list", "count", "listeners"] {
        for (expression, carets, expected) in ERRORS {
            let output = Run::new([command, expression]).run()?.ended(2)?;
            let said = format!(
                "sockstate: the filter makes no sense\n  {expression}\n  {carets}\n{expected}\n"
            );
            ensure!(output.stderr == said && output.stdout.is_empty(), "{command}\n{output}");
        }
    }
    // Words of several arguments are one expression.
    let output =
        Run::new(["list", "-t", "sport", "=", "80", "and", "state", "x"]).run()?.ended(2)?;
    let said = "sockstate: the filter makes no sense\n  sport = 80 and state x\n                       ^\n";
    ensure!(output.stderr.starts_with(said), "{output}");
    Ok(())
}

/// Flag, expression, and the whole stdout.
const EXPLAINED: &[(&str, &str, &str)] = &[
    (
        "-t",
        "state close-wait and (sport {80,443} or process nginx)",
        "\
read as
  all of
    state close-wait
    one of
      sport = {80,443}
      process nginx

tcp, tcp6
  asked of the kernel
    states: close-wait
    program: none
  decided here
    one of
      sport = {80,443}
      process nginx
  which needs the processes that hold sockets
",
    ),
    (
        "-tu",
        "not (dst 10/8 or dport < 1024) exclude listen",
        "\
read as
  all of
    not
      one of
        dst 10.0.0.0/8
        dport < 1024
    exclude listen

tcp, tcp6, udp, udp6
  asked of the kernel
    states: all but listen
    program of 28 bytes:
          0  remote address in 10.0.0.0/8, else 20
         16  goto reject
         20  remote port >= 1024, else reject
  decided here: nothing
",
    ),
    (
        "-t",
        "fwmark 1 dev lo src 10.0.0.0/8:443",
        "\
read as
  all of
    fwmark 0x1
    dev 1
    src 10.0.0.0/8
    sport = 443

tcp, tcp6
  asked of the kernel
    states: all
    local port: 443
    program of 36 bytes:
          0  mark & 0xffffffff = 0x1, else reject
         12  device index = 1, else reject
         20  local address in 10.0.0.0/8, else reject
  decided here: nothing
  which needs CAP_NET_ADMIN, to see marks
",
    ),
    (
        "-tx",
        "queue >= limit",
        "\
read as
  queue >= limit

tcp, tcp6, unix
  asked of the kernel
    states: listen
    program: none
  decided here
    queue >= limit
",
    ),
    (
        "-x",
        "src /run/* dst unix:x",
        "\
read as
  all of
    src unix:/run/*
    dst unix:x

unix
  asked of the kernel
    states: all
    program: none
  decided here
    all of
      src unix:/run/*
      dst unix:x
  which needs the names of unix peers
",
    ),
    (
        "-t",
        "sport = 80 or sport = 443 and not rtt > 100ms",
        "\
read as
  one of
    sport = 80
    all of
      sport = 443
      not
        rtt > 100ms

tcp, tcp6
  asked of the kernel
    states: all
    program of 20 bytes:
          0  local port = 80, else 12
          8  goto accept
         12  local port = 443, else reject
  decided here
    one of
      sport = 80
      all of
        sport = 443
        not
          rtt > 100ms
  which needs tcp_info of every row
",
    ),
    (
        "-tx",
        "sport 22",
        "\
read as
  sport = 22

tcp, tcp6
  asked of the kernel
    states: all
    local port: 22
    program: none
  decided here: nothing

unix
  not read: no row of it can match
",
    ),
];

fn explained() -> Result<()> {
    for (flag, expression, expected) in EXPLAINED {
        let output = Run::new(["list", "-a", flag, "--explain-filter", expression]).run()?.ok()?;
        ensure!(output.stdout == *expected && output.stderr.is_empty(), "{expression}\n{output}");
    }
    // A port is taken by a connection, whatever else is shown.
    let ports = Run::new(["ports", "-a", "--explain-filter", "dport = 443"]).run()?.ok()?;
    ensure!(ports.stdout.contains("states: all but listen, close, bound\n"), "{ports}");
    // Without -a the states are those that are shown unasked.
    const UNASKED: &str = "all but listen, syn-recv, time-wait, close, bound";
    const NONE: &str = "no filter: every row in these states is shown\n\n";
    const ASKED: &str = "read as\n  sport > 80\n\ntcp, tcp6\n  asked of the kernel";
    const HERE: &str = "  decided here\n    sport > 80\n";
    for (words, expected) in [
        ("-t", format!("{NONE}tcp, tcp6\n  states: {UNASKED}\n")),
        ("-ta", format!("{NONE}tcp, tcp6\n  states: all\n")),
        (
            "-tul",
            format!("{NONE}tcp, tcp6\n  states: listen\n\nudp, udp6\n  states: listen, close\n"),
        ),
        (
            "-A p_raw",
            format!(
                "{NONE}packet\n  states: all but listen, syn-recv, time-wait, bound\n  only of type raw\n"
            ),
        ),
        (
            "-t --no-kernel-filter sport>80",
            format!("{ASKED}, nothing of the filter\n    states: {UNASKED}\n{HERE}"),
        ),
        (
            "-t --source proc sport>80",
            format!(
                "read as\n  sport > 80\n\ntcp, tcp6\n  read, the kernel is not asked\n    states: {UNASKED}\n{HERE}"
            ),
        ),
        (
            "-t sport=22",
            format!(
                "read as\n  sport = 22\n\ntcp, tcp6\n  asked of the kernel\n    states: {UNASKED}\n    local port: 22\n    program: none\n  decided here: nothing\n"
            ),
        ),
    ] {
        let args = ["list", "--explain-filter"].into_iter().chain(words.split(' '));
        let output = Run::new(args).run()?.ok()?;
        ensure!(output.stdout == expected, "{words}: {expected}\n{output}");
    }
    // What -a would show is not: that is why nothing is.
    let output = Run::new(["list", "-t", "--explain-filter", "queue >= limit"]).run()?.ok()?;
    ensure!(output.stdout.contains("    states: none, so that no row is shown\n"), "{output}");
    Run::new(["list", "-t", "--explain-filter", "--json", "sport > 80"]).run()?.ended(2)?;
    Ok(())
}
