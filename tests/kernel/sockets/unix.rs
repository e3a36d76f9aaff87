//! Unix sockets: their names, however nasty, their ends and their queues.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::kit::run::Run;
use crate::kit::states::inode_of;
use crate::kit::{Check, Result, Trial, ask, trial, unix};

/// [`unix::NASTY_NAME`] as it must be shown: nothing of it reaches a terminal as it is.
const NASTY_SHOWN: &str = r"@kit\x1b[31mred\x0afake line\x07\x00end";

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 7] = [
        ("listener", listener),
        ("connected", connected),
        ("unread_bytes", unread_bytes),
        ("datagram", datagram),
        ("nasty_name_in_json", nasty_name_in_json),
        ("nasty_name_in_text", nasty_name_in_text),
        ("nasty_name_by_proc", nasty_name_by_proc),
    ];
    let of_check = |(name, check)| trial(format!("unix::{name}"), check);
    checks.map(of_check).into()
}

/// The row with an inode.
fn row(args: &[&str], inode: u64) -> Result<Value> {
    let rows = ask::sockets(args)?;
    ask::only(&rows, |row| row["inode"] == inode).cloned()
}

/// Three clients in a queue for two.
fn listener() -> Result<()> {
    let held = unix::listener(2, 3)?;
    let found = row(&["-xap"], held.inode)?;
    ensure!(found["state"] == "LISTEN" && found["type"] == "stream", "{found}");
    ensure!(found["path"].as_str() == held.name.to_str(), "{found}");
    let queue = json!({"len": 3, "limit": 2, "full": true});
    ensure!(found["accept_queue"] == queue && found.get("recv_q").is_none(), "{found}");
    let own = |process: &Value| process["pid"] == std::process::id();
    ask::only(ask::array(&found, "processes")?, own)?;
    let found = row(&["-xl", "--source", "proc"], held.inode)?;
    ensure!(found["accept_queue"] == json!({}), "/proc has none of its numbers: {found}");
    ensure!(found["path"].as_str() == held.name.to_str(), "{found}");
    Ok(())
}

/// Each end says the inode of the other; only the server's has a name.
fn connected() -> Result<()> {
    let held = unix::connected()?;
    let client = held.peer_inode.context("no peer")?;
    let (server_row, client_row) = (row(&["-x"], held.inode)?, row(&["-x"], client)?);
    for (row, peer) in [(&server_row, client), (&client_row, held.inode)] {
        ensure!(row["state"] == "ESTABLISHED" && row["peer_inode"] == peer, "{row}");
        ensure!(row["recv_q"] == 0 && row["send_q"] == 0 && row["uid"] == 0, "{row}");
    }
    ensure!(server_row["path"].as_str() == held.name.to_str(), "{server_row}");
    ensure!(client_row.get("path").is_none(), "{client_row}");
    let cookie = format!("{:#x}", held.subject.cookie()?);
    ensure!(server_row["cookie"] == cookie, "{server_row}");
    for (inode, path) in [(held.inode, held.name.to_str()), (client, None)] {
        let row = row(&["-x", "--source", "proc"], inode)?;
        ensure!(row["state"] == "ESTABLISHED" && row["path"].as_str() == path, "{row}");
        for unknown in ["recv_q", "send_q", "peer_inode", "uid", "cookie"] {
            ensure!(row.get(unknown).is_none(), "/proc tells no {unknown}: {row}");
        }
    }
    Ok(())
}

/// Unread bytes stand at the reader; at the writer stands the memory they take.
fn unread_bytes() -> Result<()> {
    let held = unix::connected()?;
    held.peers.first().context("no client")?.send(b"hello")?;
    let reader = row(&["-x"], held.inode)?;
    ensure!(reader["recv_q"] == 5 && reader["send_q"] == 0, "{reader}");
    let writer = row(&["-x"], held.peer_inode.context("no peer")?)?;
    ensure!(writer["recv_q"] == 0 && writer["send_q"].as_u64() > Some(0), "{writer}");
    Ok(())
}

fn datagram() -> Result<()> {
    let held = unix::datagram()?;
    ensure!(held.inode == inode_of(&held.subject)?, "{held:?}");
    for source in ["netlink", "proc"] {
        let row = row(&["-xa", "--source", source], held.inode)?;
        ensure!(row["type"] == "dgram" && row["state"] == "CLOSE", "{row}");
        ensure!(row["path"].as_str() == held.name.to_str(), "{row}");
    }
    let rows = ask::sockets(&["-x"])?;
    ensure!(rows.is_empty(), "unconnected ones only with -a: {rows:?}");
    Ok(())
}

fn nasty_name_in_json() -> Result<()> {
    let held = unix::nasty_name()?;
    let output = Run::new(["list", "-xa", "--json"]).run()?.ok()?;
    ensure!(!output.stdout.contains(['\x1b', '\x07', '\0']), "{output}");
    let found = row(&["-xa"], held.inode)?;
    ensure!(found["path"] == NASTY_SHOWN, "{found}");
    Ok(())
}

/// One socket, one line, no escape code.
fn nasty_name_in_text() -> Result<()> {
    let _held = unix::nasty_name()?;
    let output = Run::new(["list", "-xaH"]).run()?.ok()?;
    ensure!(output.stdout.lines().count() == 1, "{output}");
    ensure!(output.stdout.contains(NASTY_SHOWN), "{output}");
    ensure!(!output.stdout.contains(['\x1b', '\x07', '\0']), "{output}");
    Ok(())
}

/// /proc prints the newline in the name as it is. What follows is lost, with a gap, and the
/// socket is not.
fn nasty_name_by_proc() -> Result<()> {
    let held = unix::nasty_name()?;
    let output = Run::new(["list", "-xa", "--source", "proc"]).run()?.ok()?;
    ensure!(!output.stdout.contains(['\x1b', '\x07', '\0']), "{output}");
    ensure!(output.stderr.contains("unix: 1 line of /proc/net/unix could not be read"), "{output}");
    let found = row(&["-xa", "--source", "proc"], held.inode)?;
    ensure!(found["path"] == r"@kit\x1b[31mred", "{found}");
    Ok(())
}
