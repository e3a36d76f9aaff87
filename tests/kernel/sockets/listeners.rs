//! Does `listeners` tell a queue that is full from one that is not, and who waits in it?

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::kit::listeners::{FullQueue, full_accept_queue, reuseport_group};
use crate::kit::netns;
use crate::kit::run::Run;
use crate::kit::states::{self, Family, address_of, inode_of};
use crate::kit::{CheckOf, Impossible, Result, Trial, ask, trial, unix};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for family in Family::ALL {
        let checks: [CheckOf<Family>; 7] = [
            ("full_queue_netlink", full_queue_by_netlink),
            ("full_queue_proc", full_queue_by_proc),
            ("full_queue_in_list", full_queue_in_list),
            ("full_queue_in_text", full_queue_in_text),
            ("reuseport_group", shared_port),
            ("syn_queue", syn_queue),
            ("not_full_at_its_limit", not_full_at_its_limit),
        ];
        for (name, check) in checks {
            let name = format!("listeners::{name}_{}", family.name());
            trials.push(trial(name, move || check(family)));
        }
    }
    trials.push(trial("listeners::most_specific_address", most_specific_address));
    trials.push(trial("listeners::limit_from_somaxconn", limit_from_somaxconn));
    trials.push(trial("listeners::unix", unix_listener));
    trials.push(trial("listeners::unix_nasty_name", unix_nasty_name));
    trials
}

/// A queue for three with four in it, and two clients in front of the door.
fn full(family: Family) -> Result<FullQueue> {
    full_accept_queue(family, 3, 2)
}

/// The row of one listener.
fn listener(args: &[&str], local: SocketAddr) -> Result<(Value, Value)> {
    let command: Vec<&str> = ["listeners"].iter().chain(args).copied().collect();
    let document = ask::json(&command)?;
    let is_it = |row: &Value| ask::endpoint(&row["local"]) == Some(local);
    let row = ask::only(ask::array(&document, "listeners")?, is_it)?.clone();
    Ok((document, row))
}

/// Where the clients in the queue come from.
fn waiting(row: &Value) -> Result<BTreeSet<SocketAddr>> {
    let end = |client| ask::endpoint(client).context("no endpoint");
    ask::array(row, "waiting")?.iter().map(end).collect()
}

fn is_right(row: &Value, full: &FullQueue) -> Result<()> {
    let expected = full.waiting.iter().map(|&client| ask::shown(client)).collect();
    ensure!(waiting(row)? == expected, "waiting: {row}");
    ensure!(row["queue"] == 4 && row["syn_queue"] == 0 && row["shared_by"] == 1, "{row}");
    ensure!(row["inode"] == inode_of(&full.listener)?, "{row}");
    let own = |process: &&Value| process["pid"] == std::process::id();
    ensure!(ask::array(row, "processes")?.iter().any(|p| own(&p)), "{row}");
    Ok(())
}

fn full_queue_by_netlink(family: Family) -> Result<()> {
    let full = full(family)?;
    let (document, row) = listener(&[], full.local)?;
    is_right(&row, &full)?;
    ensure!(row["limit"] == 3 && row["full"] == true, "{row}");
    // Each of the two was turned away at least once, and again with every repeated SYN.
    ensure!(row["drops"].as_u64() >= Some(2), "{row}");
    let ages: Vec<&Value> = ask::array(&row, "waiting")?.iter().map(|w| &w["age_ms"]).collect();
    ensure!(ages.iter().all(|age| age["min"].is_u64() && age["min"] == age["max"]), "{row}");
    ensure!(row["cookie"] == format!("{:#x}", full.listener.cookie()?), "{row}");
    if let Ok(somaxconn) = netns::read_sysctl("core/somaxconn") {
        ensure!(document["somaxconn"].as_u64() == somaxconn.parse().ok(), "{document}");
    }
    Ok(())
}

/// What /proc does not tell is absent, and not 0 or false.
fn full_queue_by_proc(family: Family) -> Result<()> {
    let full = full(family)?;
    let (document, row) = listener(&["--source", "proc"], full.local)?;
    is_right(&row, &full)?;
    for name in ["limit", "full", "drops", "cookie"] {
        ensure!(row.get(name).is_none(), "{name}: {row}");
    }
    let gaps = document["gaps"].to_string();
    ensure!(gaps.contains("no accept-queue limits"), "{gaps}");
    Ok(())
}

/// `list` shows the same queue, the clients in it and those who knock.
fn full_queue_in_list(family: Family) -> Result<()> {
    let full = full(family)?;
    let rows = ask::sockets(&["-tam"])?;
    let of = |local: SocketAddr, state: &str| -> Vec<&Value> {
        let local = Some(ask::shown(local));
        let is_it = |row: &&Value| ask::endpoint(&row["local"]) == local && row["state"] == state;
        rows.iter().filter(is_it).collect()
    };
    let [row] = of(full.local, "LISTEN")[..] else { anyhow::bail!("{rows:?}") };
    let queue = &row["accept_queue"];
    ensure!(queue["len"] == 4 && queue["limit"] == 3 && queue["full"] == true, "{row}");
    ensure!(queue["drops"].as_u64() >= Some(2) && row.get("recv_q").is_none(), "{row}");
    for blocked in &full.blocked {
        ensure!(of(*blocked, "SYN_SENT").len() == 1, "{blocked}: {rows:?}");
    }
    for client in &full.waiting {
        let is_it = |row: &Value| ask::endpoint(&row["remote"]) == Some(ask::shown(*client));
        let row = ask::only(&rows, is_it)?;
        ensure!(row["standing"] == "unaccepted" && row["state"] == "ESTABLISHED", "{row}");
    }
    Ok(())
}

fn full_queue_in_text(family: Family) -> Result<()> {
    let full = full(family)?;
    let output = Run::new(["listeners"]).run()?.ok()?;
    let port = format!(":{}", full.local.port());
    let row = output.stdout.lines().find(|l| l.contains(&port)).context("no row")?;
    let words: Vec<&str> = row.split_whitespace().collect();
    ensure!(words[0].ends_with(&port) && words[1..4] == ["4/3", "FULL", "0"], "{output}");
    ensure!(words[5].starts_with("4,"), "four wait: {output}");
    ensure!(words[6].contains(&format!("[{}]", std::process::id())), "{output}");
    Ok(())
}

/// As many as the limit are not too many: the kernel lets one more in.
fn not_full_at_its_limit(family: Family) -> Result<()> {
    let full = full_accept_queue(family, 3, 0)?;
    full.listener.accept().context("accept")?;
    let (_, row) = listener(&[], full.local)?;
    ensure!(row["queue"] == 3 && row["limit"] == 3 && row["full"] == false, "{row}");
    Ok(())
}

/// Each socket of a group has a queue of its own; who waits cannot be told apart.
fn shared_port(family: Family) -> Result<()> {
    let group = reuseport_group(family, 3)?;
    let local = address_of(&group[0])?;
    let client = states::connected_to(family, local.port())?;
    let client = SocketAddr::new(family.loopback(0).ip(), address_of(&client)?.port());
    let document = ask::json(&["listeners"])?;
    let rows = ask::array(&document, "listeners")?;
    ensure!(rows.len() == 3, "{rows:?}");
    let mut queues = Vec::new();
    for (socket, limit) in group.iter().zip(1..) {
        let inode = inode_of(socket)?;
        let row = ask::only(rows, |row| row["inode"] == inode)?;
        ensure!(ask::endpoint(&row["local"]) == Some(local), "{row}");
        ensure!(row["limit"] == limit && row["shared_by"] == 3, "{row}");
        ensure!(waiting(row)? == BTreeSet::from([ask::shown(client)]), "{row}");
        queues.push(row["queue"].as_u64().context("queue")?);
    }
    queues.sort();
    ensure!(queues == [0, 0, 1], "{queues:?}");
    Ok(())
}

fn syn_queue(family: Family) -> Result<()> {
    let held = states::syn_recv(family)?;
    let other = states::listen(family, 7)?;
    let here = SocketAddr::new(address_of(&held.keep[0])?.ip(), held.local.port());
    for source in ["netlink", "proc"] {
        let (_, row) = listener(&["--source", source], here)?;
        ensure!(row["syn_queue"] == 1 && row["queue"] == 0, "{row}");
        ensure!(row["waiting"] == json!([]), "half open is not waiting: {row}");
        let (_, row) = listener(&["--source", source], other.local)?;
        ensure!(row["syn_queue"] == 0, "{row}");
    }
    Ok(())
}

/// On one port the wildcard and an address of its own may listen. As in the kernel's lookup a client
/// belongs to the address it called.
fn most_specific_address() -> Result<()> {
    let wildcard = Family::V4.tcp_socket()?;
    let specific = Family::V4.tcp_socket()?;
    for socket in [&wildcard, &specific] {
        socket.set_reuse_port(true)?;
    }
    states::bind(&specific, Family::V4.loopback(0))?;
    let here = address_of(&specific)?;
    let anywhere = SocketAddr::from(([0, 0, 0, 0], here.port()));
    states::bind(&wildcard, anywhere)?;
    wildcard.listen(7)?;
    specific.listen(7)?;
    let client = address_of(&states::connected_to(Family::V4, here.port())?)?;
    for source in ["netlink", "proc"] {
        let (_, row) = listener(&["--source", source], here)?;
        ensure!(waiting(&row)? == BTreeSet::from([client]) && row["queue"] == 1, "{row}");
        let (_, row) = listener(&["--source", source], anywhere)?;
        ensure!(waiting(&row)?.is_empty() && row["queue"] == 0, "{row}");
        ensure!(row["shared_by"] == 1, "{row}");
    }
    Ok(())
}

/// The limit is taken when listen() is called; a somaxconn that is raised later does not help.
fn limit_from_somaxconn() -> Result<()> {
    let set = |value| {
        let denied = |error| Impossible(format!("writing net.core.somaxconn: {error}"));
        netns::sysctl("core/somaxconn", value).map_err(denied)
    };
    set("5")?;
    let held = states::listen(Family::V4, 100)?;
    set("77")?;
    let (document, row) = listener(&[], held.local)?;
    ensure!(row["limit"] == 5 && document["somaxconn"] == 77, "{document}");
    Ok(())
}

fn unix_listener() -> Result<()> {
    let held = unix::listener(2, 3)?;
    let tcp = states::listen(Family::V4, 7)?;
    let document = ask::json(&["listeners", "-x"])?;
    let row = ask::only(ask::array(&document, "listeners")?, |_| true)?;
    ensure!(row["proto"] == "unix" && row["path"].as_str() == held.name.to_str(), "{row}");
    ensure!(row["queue"] == 3 && row["limit"] == 2 && row["full"] == true, "{row}");
    ensure!(row["inode"] == held.inode && row.get("syn_queue").is_none(), "{row}");
    let both = ask::json(&["listeners", "-xt"])?;
    let both = ask::array(&both, "listeners")?;
    let is_tcp = |row: &Value| ask::endpoint(&row["local"]) == Some(tcp.local);
    ensure!(both.len() == 2 && both.iter().any(is_tcp), "{both:?}");
    let text = Run::new(["listeners", "-xH"]).run()?.ok()?;
    let words: Vec<&str> = text.stdout.split_whitespace().collect();
    ensure!(Some(words[0]) == held.name.to_str() && words[1..3] == ["3/2", "FULL"], "{text}");
    Ok(())
}

fn unix_nasty_name() -> Result<()> {
    let _held = unix::nasty_name()?;
    let text = Run::new(["listeners", "-xH"]).run()?.ok()?;
    let name = r"@kit\x1b[31mred\x0afake line\x07\x00end";
    ensure!(text.stdout.starts_with(name), "{text}");
    ensure!(text.stdout.lines().count() == 1 && !text.stdout.contains('\x1b'), "{text}");
    Ok(())
}
