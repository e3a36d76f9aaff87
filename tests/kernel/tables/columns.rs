//! Chosen columns.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};

use anyhow::{Context, ensure};
use socket2::Socket;

use super::text;
use crate::kit::run::Run;
use crate::kit::states::{self, By, Family, Unread, inode_of};
use crate::kit::{Check, Result, udp, unix};

pub const CHECKS: &[Check] = &[
    ("every_field_is_accepted", columns),
    ("whoever_decides", columns_whoever_decides),
    ("csv_is_read_back", csv_values),
];

/// Every field that `--columns help` lists.
pub fn every_field() -> Result<Vec<String>> {
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
    // Nor is it a formula, which an @ would make it.
    ensure!(row["path"].starts_with("'@kit\\x1b[31mred"), "{row:?}");
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
