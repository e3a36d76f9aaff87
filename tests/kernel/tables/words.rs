//! Words on the command line: states, tables, a filter from a file.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::rows;
use crate::kit::run::Run;
use crate::kit::states::{self, Family, Unread, inode_of};
use crate::kit::tempdir::TempDir;
use crate::kit::{Check, Result, procnet, udp, unix};

pub const CHECKS: &[Check] = &[
    ("states_anywhere", states_anywhere),
    ("tables_by_the_names_of_ss", tables_by_name),
    ("filter_from_a_file", filter_from_a_file),
];

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
