//! Names of unix sockets.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use socket2::{Domain, Socket, Type};

use super::{state_of_ss, with_state};
use crate::kit::run::Run;
use crate::kit::{Impossible, Result, unix};

/// What `ss` selects by the name, we select.
pub fn selects() -> Result<()> {
    let listener = unix::listener(3, 2)?;
    let _connected = unix::connected()?;
    let _datagram = unix::datagram()?;
    let named = Socket::new(Domain::UNIX, Type::SEQPACKET, None)?;
    named.bind(&socket2::SockAddr::unix("\0kit-seqpacket")?)?;
    named.listen(1)?;
    let path = listener.name.to_str().context("UTF-8")?;
    let directory = Path::new(path).parent().and_then(Path::to_str).context("a directory")?;
    let theirs = |expression: &str| -> Result<Vec<(String, String, String, u64)>> {
        let words = ["-x", "-a", "-n", "-H", "-O"].into_iter();
        let output = Run::program("ss", words.chain(expression.split(' '))).run();
        let output = output.map_err(|error| Impossible(format!("ss: {error:#}")))?.ok()?;
        let mut rows = Vec::new();
        for line in output.stdout.lines() {
            let line = with_state(line, expression)?;
            let words: Vec<&str> = line.split(' ').collect();
            let &[kind, state, _, _, name, inode, ..] = words.as_slice() else { bail!("{line}") };
            let kind = match kind {
                "u_str" => "stream",
                "u_dgr" => "dgram",
                "u_seq" => "seqpacket",
                other => other,
            };
            let name = if name == "*" { "" } else { name };
            let state = state_of_ss(state)?.to_owned();
            rows.push((kind.to_owned(), state, name.to_owned(), inode.parse()?));
        }
        rows.retain(is_ours);
        rows.sort();
        Ok(rows)
    };
    let mut wrong = Vec::new();
    let mut several = 0;
    for expression in [
        format!("src {path}"),
        format!("src unix:{path}"),
        format!("src {directory}/*"),
        format!("src {directory}/soc?et"),
        format!("src {}", path.to_uppercase()),
        format!("not src {path}"),
        format!("src {path} or src @kit*"),
        "src @kit-seqpacket".to_owned(),
        "src @*".to_owned(),
        "src unix:*socket".to_owned(),
        "src *".to_owned(),
        "state listening".to_owned(),
        "state established".to_owned(),
        "state unconnected".to_owned(),
        format!("state listening src {path}"),
        "src /nowhere/*".to_owned(),
    ] {
        let expected = theirs(&expression)?;
        several += usize::from(!expected.is_empty());
        for way in [&[][..], &["--no-kernel-filter"], &["--source", "proc"]] {
            const COLUMNS: &str = "type,state,path,inode";
            let words = ["list", "-x", "-a", "-H", "--csv", "--columns", COLUMNS];
            let words = words.iter().chain(way).copied().chain([expression.as_str()]);
            let output = Run::new(words).run()?.ok()?;
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).from_reader(output.stdout.as_bytes());
            let mut ours: Vec<(String, String, String, u64)> =
                reader.deserialize().collect::<std::result::Result<_, _>>()?;
            ours.retain(is_ours);
            // In CSV an @ would begin a formula.
            for (_, _, name, _) in &mut ours {
                *name = name.replacen("'@", "@", 1);
            }
            ours.sort();
            if ours != expected {
                wrong.push(format!("{expression} {way:?}\n  ss {expected:?}\n  we {ours:?}"));
            }
        }
    }
    ensure!(several >= 12, "only {several} expressions select something");
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The names of peers ss does not know: there these never match.
    let connected = Run::new(["list", "-x", "-H", &format!("dst {directory}/*")]).run()?.ok()?;
    ensure!(connected.stdout.is_empty(), "nobody has accepted\n{connected}");
    let connected = Run::new(["list", "-x", "-H", "dst unix:*socket"]).run()?.ok()?;
    ensure!(connected.stdout.lines().count() == 1, "one client\n{connected}");
    Ok(())
}

/// Not the pair of sockets by which std tells how starting a program went, and not the sockets in
/// accept queues that `/proc` shows without an inode and sock_diag not at all.
fn is_ours((kind, _, name, inode): &(String, String, String, u64)) -> bool {
    (kind != "seqpacket" || !name.is_empty()) && *inode != 0
}
