//! Asks the program under test for JSON, and finds the rows that matter in it.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::Result;
use super::run::Run;

/// The document of a command; the command must succeed and say nothing on stderr.
pub fn json(args: &[&str]) -> Result<Value> {
    let output = Run::new(args.iter().chain(&["--json"])).run()?.ok()?;
    ensure!(output.stderr.is_empty(), "{args:?} {output}");
    output.json()
}

/// The rows of `list` with these arguments.
pub fn sockets(args: &[&str]) -> Result<Vec<Value>> {
    let list: Vec<&str> = ["list"].iter().chain(args).copied().collect();
    let document = json(&list)?;
    Ok(document["sockets"].as_array().context("no sockets")?.clone())
}

/// The elements of a member that is an array.
pub fn array<'v>(value: &'v Value, name: &str) -> Result<&'v [Value]> {
    Ok(value[name].as_array().with_context(|| format!("no array {name} in {value}"))?)
}

/// The only one that `is_wanted`.
pub fn only(rows: &[Value], is_wanted: impl Fn(&Value) -> bool) -> Result<&Value> {
    let found: Vec<&Value> = rows.iter().filter(|row| is_wanted(row)).collect();
    ensure!(found.len() == 1, "{} rows instead of one: {found:?} of {rows:?}", found.len());
    Ok(found[0])
}

/// The address and port that an object says.
pub fn endpoint(value: &Value) -> Option<SocketAddr> {
    let address: IpAddr = value["addr"].as_str()?.parse().ok()?;
    Some(SocketAddr::new(address, u16::try_from(value["port"].as_u64()?).ok()?))
}

/// How the program shows an address: IPv4 also where an IPv6 socket talks IPv4.
pub fn shown(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether a row is that of a socket between the two addresses.
pub fn is_between(row: &Value, local: SocketAddr, remote: SocketAddr) -> bool {
    endpoint(&row["local"]) == Some(shown(local)) && endpoint(&row["remote"]) == Some(shown(remote))
}
