//! Destroying sockets.

use std::fs;
use std::io::{Read, Write};

use anyhow::{Context, ensure};
use socket2::Protocol;

use super::{connection, possible, row_of, rows};
use crate::kit::run::{Output, Run};
use crate::kit::states::{self, Family};
use crate::kit::{Check, Impossible, Result, raw, unix};

pub const CHECKS: &[Check] = &[
    ("needs_a_filter_and_a_yes", kill_refused),
    ("closes_and_counts", kill),
    ("asks_on_a_terminal", kill_asks),
];

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
