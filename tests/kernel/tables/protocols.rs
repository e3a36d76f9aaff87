//! The other protocols, and tables that this kernel does not have.

use std::io::{Read, Write};
use std::net::TcpListener;

use anyhow::{Context, ensure};
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};

use super::{address, connection, possible, row_of, rows, text};
use crate::kit::run::Run;
use crate::kit::{Check, Impossible, Result, netns, poll};

pub const CHECKS: &[Check] = &[
    ("mptcp_a_leak_that_tcp_shows_as_established", mptcp),
    ("netlink", netlink),
    ("packet", packet),
    ("udplite", udplite),
    ("ping", ping),
    ("raw", raw_sockets),
    ("raw_without_a_word", raw_sockets_without_a_word),
    ("not_supported_is_said_once", unsupported),
];

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
