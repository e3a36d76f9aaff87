//! What we say, as rows of the same kind.

use std::net::{IpAddr, SocketAddr};

use anyhow::Context;
use serde_json::Value;

use super::ss::{InetRow, UnixRow};
use crate::kit::{Result, ask};

/// The internet sockets that `list` shows with these flags.
pub fn inet(args: &[&str]) -> Result<Vec<InetRow>> {
    let rows = ask::sockets(args)?;
    // `ss` up to 6.1 does not ask for them.
    let compared = rows.iter().filter(|row| row["state"] != "BOUND");
    compared.map(|row| inet_row(row).with_context(|| row.to_string())).collect()
}

/// The unix sockets that `list` shows with these flags.
pub fn unix(args: &[&str]) -> Result<Vec<UnixRow>> {
    let rows = ask::sockets(args)?;
    // `/proc` also shows the ends that nobody has accepted; sock_diag does not, nor does `ss`.
    let compared = rows.iter().filter(|row| row["standing"] != "unaccepted");
    compared.map(|row| unix_row(row).with_context(|| row.to_string())).collect()
}

fn inet_row(row: &Value) -> Result<InetRow> {
    let (recv_q, send_q) = match row.get("accept_queue") {
        Some(queue) => (&queue["len"], &queue["limit"]),
        None => (&row["recv_q"], &row["send_q"]),
    };
    Ok(InetRow {
        state: text(&row["state"]).context("state")?,
        recv_q: recv_q.as_u64().context("recv_q")?,
        send_q: send_q.as_u64(),
        local: endpoint(row, "local")?,
        remote: endpoint(row, "remote")?,
        on_device: row["ifindex"] != 0,
        uid: match row["standing"].as_str() {
            Some("request" | "minisocket") => row["uid"].as_u64().unwrap_or(0),
            _ => row["uid"].as_u64().context("uid")?,
        },
        inode: row["inode"].as_u64().context("inode")?,
        cookie: cookie(row)?,
    })
}

/// In the form of the socket's own family: mapped, where an IPv6 socket talks IPv4.
fn endpoint(row: &Value, name: &str) -> Result<SocketAddr> {
    let end = ask::endpoint(&row[name]).with_context(|| name.to_owned())?;
    let ip = match end.ip() {
        IpAddr::V4(ip) if row["v4_mapped"] == true => ip.to_ipv6_mapped().into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, end.port()))
}

fn cookie(row: &Value) -> Result<Option<u64>> {
    let Some(text) = row["cookie"].as_str() else { return Ok(None) };
    let digits = text.strip_prefix("0x").context("cookie")?;
    Ok(Some(u64::from_str_radix(digits, 16)?))
}

fn unix_row(row: &Value) -> Result<UnixRow> {
    let (recv_q, send_q) = match row.get("accept_queue") {
        Some(queue) => (&queue["len"], &queue["limit"]),
        None => (&row["recv_q"], &row["send_q"]),
    };
    Ok(UnixRow {
        kind: text(&row["type"]).context("type")?,
        state: text(&row["state"]).context("state")?,
        name: text(&row["path"]),
        inode: row["inode"].as_u64().context("inode")?,
        recv_q: recv_q.as_u64(),
        send_q: send_q.as_u64(),
        peer_inode: row["peer_inode"].as_u64(),
    })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
