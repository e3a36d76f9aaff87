//! The kit's only unsafe code: some system calls that neither std, socket2 nor the enabled parts
//! of rustix offer, each behind a safe function.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
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

/// Makes `socket(family, …)` fail with `errno` in the program that `command` starts, and in all it
/// starts itself.
#[expect(unsafe_code, reason = "only the forked child may lose its system calls")]
pub fn refuse_sockets(command: &mut Command, family: libc::c_int, errno: libc::c_int) {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_UNLESS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    // struct seccomp_data: the number of the call, and the lower half of its first argument.
    const NUMBER: u32 = 0;
    const FAMILY: u32 = if cfg!(target_endian = "big") { 20 } else { 16 };
    let step = |code, jf, k| libc::sock_filter { code, jt: 0, jf, k };
    let mut program = [
        step(LOAD, 0, NUMBER),
        step(JUMP_UNLESS, 3, libc::SYS_socket as u32),
        step(LOAD, 0, FAMILY),
        step(JUMP_UNLESS, 1, family as u32),
        step(RETURN, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(RETURN, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let install = move || {
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        // SAFETY: `filter` and the program it points to live for the length of the calls; the
        // kernel copies both.
        unsafe {
            // Without this only root may install a filter.
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
            check(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter))
        }
    };
    // SAFETY: between fork and exec the closure only calls prctl and allocates nothing.
    unsafe { command.pre_exec(install) };
}

/// Makes the terminal that is the stdout of `command` the controlling one of the program, as after
/// a login: it then is `/dev/tty` too.
#[expect(unsafe_code, reason = "only the forked child may leave our session")]
pub fn take_terminal(command: &mut Command) {
    let take = || {
        rustix::process::setsid()?;
        // SAFETY: takes no pointer.
        check(unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCSCTTY, 0) })
    };
    // SAFETY: between fork and exec the closure only calls setsid and ioctl.
    unsafe { command.pre_exec(take) };
}

/// Sets a socket option that socket2 does not know.
#[expect(unsafe_code, reason = "no dependency of ours sets any option there is")]
pub fn set_option(socket: &Socket, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    let len = libc::socklen_t::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: the kernel reads `len` bytes at the pointer, which are those of the slice.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.as_ptr().cast(), len) })
}

/// A new terminal: the end of the person at the keyboard, and the end of the program.
#[expect(unsafe_code, reason = "rustix is built without its pty feature")]
pub fn open_pty() -> io::Result<(OwnedFd, OwnedFd)> {
    let (mut master, mut slave) = (-1, -1);
    let null = std::ptr::null_mut();
    // SAFETY: both pointers are to integers, and null stands for what we do not ask for.
    check(unsafe { libc::openpty(&mut master, &mut slave, null, null.cast(), null.cast()) })?;
    // SAFETY: the call has just opened both, so nobody else has them.
    Ok(unsafe { (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) })
}

/// Turns the -1 of a system call into the error it stands for.
fn check(result: libc::c_int) -> io::Result<()> {
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
