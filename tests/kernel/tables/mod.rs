//! Every table and every detail, on real sockets: the other protocols, what `-i -m -o -e` tell,
//! chosen columns, destroying, other namespaces, recorded dumps.

mod columns;
mod details;
mod dump;
mod expressions;
mod kill;
mod namespaces;
mod protocols;
mod words;

use std::net::SocketAddr;

use anyhow::Context;
use serde_json::Value;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::kit::run::Run;
use crate::kit::states::inode_of;
use crate::kit::{Check, Impossible, Result, Trial, plain_trial, trial};

/// All trials.
pub fn trials() -> Vec<Trial> {
    let live = [
        ("protocols", protocols::CHECKS),
        ("details", details::CHECKS),
        ("columns", columns::CHECKS),
        ("kill", kill::CHECKS),
        ("namespaces", namespaces::CHECKS),
        ("dump", dump::CHECKS),
        ("words", words::CHECKS),
    ];
    let named = |(module, checks): (&'static str, &'static [Check])| {
        checks.iter().map(move |(name, body)| trial(format!("{module}::{name}"), body))
    };
    let plain = expressions::CHECKS.iter();
    let plain = plain.map(|(name, body)| plain_trial(format!("expressions::{name}"), body));
    live.into_iter().flat_map(named).chain(plain).collect()
}

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
