//! Private network namespaces: one for the process of a trial, and more for what is to be elsewhere.

use std::fs;
use std::io;
use std::panic;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{Result, raw};

/// Whether the process had to take a user namespace as well.
static IN_USER_NAMESPACE: AtomicBool = AtomicBool::new(false);

/// Whether we had the privilege to make a network namespace. Otherwise we are inside a user
/// namespace of our own, in which we are uid 0 and have every capability, and so do the programs
/// we start; but over nothing that lies outside.
pub fn is_privileged() -> bool {
    !IN_USER_NAMESPACE.load(Ordering::Relaxed)
}

/// Moves the process into a network namespace of its own, with `lo` up.
///
/// Only a process with a single thread may enter a new user namespace. The error names the step
/// that failed.
pub fn enter() -> std::result::Result<(), String> {
    match raw::unshare(libc::CLONE_NEWNET) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            enter_user_namespace()?;
            IN_USER_NAMESPACE.store(true, Ordering::Relaxed);
        }
        Err(error) => return Err(format!("unshare(CLONE_NEWNET): {error}")),
    }
    raw::loopback_up().map_err(|error| format!("setting lo up: {error}"))
}

/// Enters new user and network namespaces, as uid 0 and gid 0 of the former.
fn enter_user_namespace() -> std::result::Result<(), String> {
    // Afterwards, until there is a mapping, both would read as 65534.
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    raw::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)
        .map_err(|error| format!("unshare(CLONE_NEWUSER | CLONE_NEWNET): {error}"))?;
    // Without "deny" an unprivileged process may not write its gid_map.
    write_own("setgroups", "deny")?;
    // Uid 0, and no other, keeps its capabilities over an exec: the programs under test need them.
    write_own("uid_map", &format!("0 {uid} 1"))?;
    write_own("gid_map", &format!("0 {gid} 1"))
}

/// Writes a file of `/proc/self`.
fn write_own(name: &str, text: &str) -> std::result::Result<(), String> {
    let path = format!("/proc/self/{name}");
    fs::write(&path, text).map_err(|error| format!("writing {text:?} to {path}: {error}"))
}

/// Runs `body` on a thread of its own in a fresh network namespace. A panic goes on in the caller.
pub fn in_fresh_netns<T, F>(body: F) -> Result<T>
where
    F: FnOnce() -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    let thread = thread::Builder::new().name("netns".into()).spawn(move || {
        raw::unshare(libc::CLONE_NEWNET)?;
        raw::loopback_up()?;
        body()
    })?;
    match thread.join() {
        Ok(result) => result,
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// Whether the thread's network namespace has the address `::1`.
pub fn has_ipv6() -> bool {
    fs::read_to_string("/proc/thread-self/net/if_inet6")
        .is_ok_and(|table| table.lines().any(|line| line.starts_with(&format!("{:032x} ", 1))))
}

/// Sets a sysctl of the thread's network namespace: `sysctl("ipv4/tcp_fin_timeout", "2")`.
///
/// `/proc/sys/net` shows the namespace of the thread that opens it. In a namespace that belongs
/// to a user namespace some sysctls are read-only or absent.
pub fn sysctl(name: &str, value: &str) -> io::Result<()> {
    fs::write(sysctl_path(name), value)
}

/// Reads a sysctl of the thread's network namespace, without the newline at its end.
pub fn read_sysctl(name: &str) -> io::Result<String> {
    Ok(fs::read_to_string(sysctl_path(name))?.trim_end().to_owned())
}

/// Where a sysctl lives.
fn sysctl_path(name: &str) -> PathBuf {
    PathBuf::from("/proc/sys/net").join(name)
}
