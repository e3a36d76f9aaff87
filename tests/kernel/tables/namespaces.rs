//! Other network namespaces.

use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, ensure};

use super::rows;
use crate::kit::holder::Holder;
use crate::kit::run::Run;
use crate::kit::{Check, Impossible, Result, netns};

pub const CHECKS: &[Check] = &[("by_pid_and_path", netns_by_pid), ("by_name", netns_by_name)];

/// A process in a network namespace of its own, which has one listener.
fn elsewhere() -> Result<(Holder, SocketAddr)> {
    netns::in_fresh_netns(|| {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let local = listener.local_addr()?;
        Ok((Holder::new(b"elsewhere", [listener])?, local))
    })
}

fn netns_by_pid() -> Result<()> {
    let (holder, there) = elsewhere()?;
    let here = TcpListener::bind("127.0.0.1:0")?;
    let pid = holder.pid().to_string();
    for target in [pid.clone(), format!("/proc/{pid}/ns/net")] {
        let all = rows(&["-t", "-a", "-p", "-N", &target])?;
        ensure!(all.len() == 1, "{all:?}");
        ensure!(all[0]["local"]["port"] == there.port(), "{all:?}");
        let holders = all[0]["processes"].as_array().context("processes")?;
        ensure!(holders.iter().any(|one| one["comm"] == "elsewhere"), "{all:?}");
        let count = Run::new(["count", "--json", "--net", &target]).run()?.ok()?.json()?;
        ensure!(count["total"] == 1, "{count}");
    }
    let own = rows(&["-t", "-a"])?;
    ensure!(own.len() == 1 && own[0]["local"]["port"] == here.local_addr()?.port(), "{own:?}");
    for (target, file) in [
        ("no-such-namespace", "/run/netns/no-such-namespace"),
        ("4194305", "/proc/4194305/ns/net"),
        ("/etc/passwd", "/etc/passwd"),
    ] {
        let output = Run::new(["list", "-N", target]).run()?.ended(1)?;
        let said = format!("sockstate: cannot enter the namespace: {file}: ");
        ensure!(output.stdout.is_empty() && output.stderr.starts_with(&said), "{output}");
        ensure!(output.stderr.lines().count() == 1, "{output}");
    }
    let output = Run::new(["list", "-N", &pid]).without_capabilities().run()?.ended(1)?;
    ensure!(output.stderr.starts_with("sockstate: cannot enter the namespace: "), "{output}");
    Ok(())
}

fn netns_by_name() -> Result<()> {
    let (holder, there) = elsewhere()?;
    // /run/netns of a mount namespace that ends with the command.
    let script = "mount -t tmpfs none /run && ip netns attach kit \"$1\" || exit 77; \
                  exec \"$2\" list -t -a --json -N kit";
    let pid = holder.pid().to_string();
    let program = env!("CARGO_BIN_EXE_sockstate");
    let output = Run::program("unshare", ["-m", "sh", "-c", script, "sh", &pid, program]).run();
    let output = output.map_err(|error| Impossible(format!("unshare: {error:#}")))?;
    if output.code() != Some(0) && !output.stderr.contains("sockstate") {
        return Err(Impossible(format!("no named namespace: {}", output.stderr.trim())).into());
    }
    let document = output.ok()?.json()?;
    let all = document["sockets"].as_array().context("sockets")?;
    ensure!(all.len() == 1 && all[0]["local"]["port"] == there.port(), "{document}");
    Ok(())
}
