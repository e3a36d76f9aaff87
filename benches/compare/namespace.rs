//! A network namespace with a connection table of its own.
//!
//! By default every namespace shares the host's table and pays for the others'
//! sockets (`tcp_set_hashinfo`, net/ipv4/tcp_ipv4.c).

use std::fs;
use std::process::Command;

/// Enters one; its table has a bucket for each of so many sockets.
///
/// The size is set in a namespace between, so that nothing of the host changes
/// even when we are interrupted here.
pub fn enter(sockets: u64) -> Result<(), String> {
    unshare()?;
    let buckets = sockets.next_power_of_two().clamp(65_536, 16_777_216);
    set("tcp_child_ehash_entries", &buckets.to_string())?;
    unshare()?;
    // TIME_WAIT sockets are part of the population: none may be used again.
    set("tcp_tw_reuse", "0")?;
    set("tcp_max_tw_buckets", &sockets.max(65_536).to_string())?;
    set("ip_local_port_range", "10000 65000")?;
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    match up {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("ip link set lo up: {status}")),
        Err(error) => Err(format!("no ip program: {error}")),
    }
}

fn set(name: &str, value: &str) -> Result<(), String> {
    fs::write(format!("/proc/sys/net/ipv4/{name}"), value)
        .map_err(|error| format!("net.ipv4.{name}: {error}"))
}

#[expect(unsafe_code, reason = "unshare has no safe form")]
fn unshare() -> Result<(), String> {
    // SAFETY: a namespace of the network changes no memory of ours.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0 {
        return Ok(());
    }
    Err(format!("no network namespace: {}", std::io::Error::last_os_error()))
}
