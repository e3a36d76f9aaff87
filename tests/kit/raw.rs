//! The kit's only unsafe code: five system calls that neither std, socket2 nor the enabled parts
//! of rustix offer, each behind a safe function.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use socket2::{Domain, Socket, Type};

/// Moves the calling thread into new namespaces; `flags` are `libc::CLONE_NEW*`.
#[expect(unsafe_code, reason = "rustix is built without its thread feature")]
pub fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: takes no pointer. The flags that could break Rust's own assumptions about threads
    // (CLONE_FILES, CLONE_FS, CLONE_VM) are not among the CLONE_NEW* ones.
    check(unsafe { libc::unshare(flags) })
}

/// Sets the interface `lo` of the thread's network namespace up.
#[expect(unsafe_code, reason = "no dependency of ours sets interface flags")]
pub fn loopback_up() -> io::Result<()> {
    let any_socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    // SAFETY: ifreq is plain old data for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    // SAFETY: both requests read the name and read or write the flags of an ifreq, which
    // `request` is and stays for the length of the calls.
    unsafe {
        check(libc::ioctl(any_socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request))?;
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        check(libc::ioctl(any_socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request))
    }
}

/// Leaves the choice of a port to `connect()`, where `bind()` would have made it.
#[expect(unsafe_code, reason = "socket2 and rustix do not have the option")]
pub fn bind_address_no_port(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the kernel reads an int, which `on` is and stays for the length of the call.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    })
}

/// Lets the program that `command` starts inherit `fds`, under the same numbers. They stay
/// close-on-exec in this process, so that no other child gets them by accident.
#[expect(unsafe_code, reason = "only the forked child may clear close-on-exec")]
pub fn inherit(command: &mut Command, fds: Vec<RawFd>) {
    let clear = move || {
        for &fd in &fds {
            // SAFETY: takes no pointer; fails with EBADF on a number that is no descriptor.
            check(unsafe { libc::fcntl(fd, libc::F_SETFD, 0) })?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure only calls fcntl, which is async-signal-safe,
    // and allocates nothing.
    unsafe { command.pre_exec(clear) };
}

/// Takes every capability from the program that `command` starts, and leaves it its user.
#[expect(unsafe_code, reason = "only the forked child may lose its capabilities")]
pub fn without_capabilities(command: &mut Command) {
    let drop_bounding_set = || {
        for capability in 0..64_u64 {
            // SAFETY: takes no pointer.
            let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
            match check(result) {
                // Past the last capability that this kernel knows.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
                result => result?,
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure only calls prctl and allocates nothing.
    unsafe { command.pre_exec(drop_bounding_set) };
}

/// Turns the -1 of a system call into the error it stands for.
fn check(result: libc::c_int) -> io::Result<()> {
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
