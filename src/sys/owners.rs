//! One pass over `/proc/PID/fd`: which process holds which socket.
//!
//! Links are read relative to the open directory (`readlinkat`) into one
//! buffer; no descriptor is opened and nothing is allocated for one. The cost
//! is the kernel's dentry cache, so buffers and batching change little; a
//! second thread does once there is much to read.

use crate::model::owner::{Holder, Link, Owners};
use rustc_hash::FxHashSet;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, openat, readlinkat_raw, statat};
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::rights::{self, Purpose, Raised};

/// Descriptors after which a second thread helps: some 10 ms of work, against
/// 0.1 ms for the thread.
const HELP_AFTER: usize = 4096;

/// The number of descriptors of each process that [`scan_first`] reads, and that when
/// that was not enough.
const FIRST: [usize; 2] = [32, 256];

/// The processes could not be listed at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot list the processes in {}: {cause}", path.display())]
pub struct ScanError {
    /// The directory that was to be listed.
    pub path: PathBuf,
    /// Said in the message, so not offered as its source a second time.
    cause: io::Error,
}

/// Finds who holds the sockets in `wanted`, or every socket when it is absent.
///
/// Needs no privilege for one's own processes; for those of others
/// `CAP_DAC_READ_SEARCH` (to list) and `CAP_SYS_PTRACE` (to read the links,
/// `proc_fd_access_allowed()` in fs/proc/base.c). Processes it may not look
/// into are counted in [`Owners::hidden_processes`]; processes and descriptors
/// that vanish meanwhile are passed over.
pub fn scan(proc_root: &Path, wanted: Option<&FxHashSet<u32>>) -> Result<Owners, ScanError> {
    scan_with(proc_root, wanted, HELP_AFTER, usize::MAX).map(|(owners, _)| owners)
}

/// Finds who holds the sockets in `wanted` among the first descriptors of each
/// process, lowest first: what a server opens at its start is there, and what
/// it passes on by `fork` has the same number in its children. The second value
/// says how many processes have more descriptors than were read; it is 0 when
/// everything was read.
///
/// More of each process is read, and at last all, until every wanted socket
/// has a holder.
///
/// # Errors
/// As [`scan`].
pub fn scan_first(proc_root: &Path, wanted: &FxHashSet<u32>) -> Result<(Owners, u64), ScanError> {
    for first in FIRST {
        let (owners, cut) = scan_with(proc_root, Some(wanted), HELP_AFTER, first)?;
        if cut == 0 || wanted.iter().all(|inode| owners.holds(*inode)) {
            return Ok((owners, cut));
        }
    }
    scan(proc_root, Some(wanted)).map(|owners| (owners, 0))
}

fn scan_with(
    proc_root: &Path,
    wanted: Option<&FxHashSet<u32>>,
    help_after: usize,
    first: usize,
) -> Result<(Owners, u64), ScanError> {
    let error = |cause| ScanError { path: proc_root.to_owned(), cause };
    let proc = open_directory(CWD, proc_root).map_err(|errno| error(errno.into()))?;
    let mut directory = Vec::with_capacity(DIRECTORY_BUFFER);
    let is_real = rights::is_proc(&proc);
    let pids = {
        // With hidepid others are not even listed.
        let _raised = is_real.then(|| rights::raise(Purpose::Owners));
        numbers(&proc, &mut directory).map_err(|errno| error(errno.into()))?
    };
    if pids.is_empty() {
        return Err(error(io::Error::other("it lists none; is a proc file system mounted there?")));
    }

    let next = AtomicUsize::new(0);
    let pass = Pass { proc: proc.as_fd(), is_real, pids, next, wanted, help_after, first };
    let found = thread::scope(|scope| {
        let mut helper = None;
        let mut found = pass.run(&mut || {
            if thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1) {
                // Without a thread the pass is only slower.
                helper = thread::Builder::new().spawn_scoped(scope, || pass.run(&mut || ())).ok();
            }
        });
        if let Some(helper) = helper {
            found.join(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        found
    });

    let mut owners = Owners::from_links(found.links);
    owners.hidden_processes = found.hidden_processes;
    for (pid, comm) in found.names {
        owners.name_process(pid, comm);
    }
    Ok((owners, found.cut))
}

/// The state that the threads of one scan share: each takes the next process.
struct Pass<'a> {
    proc: BorrowedFd<'a>,
    /// True where that is the kernel's own, where rights may be used.
    is_real: bool,
    pids: Vec<u32>,
    next: AtomicUsize,
    wanted: Option<&'a FxHashSet<u32>>,
    help_after: usize,
    /// The number of descriptors of each process that are read.
    first: usize,
}

impl Pass<'_> {
    /// Reads processes until none is left; calls `help` once, after
    /// `help_after` descriptors.
    fn run(&self, help: &mut dyn FnMut()) -> ScanFindings {
        let _raised: Option<Raised> = self.is_real.then(|| rights::raise(Purpose::Owners));
        let mut found = ScanFindings::default();
        // The kernel looks up every entry that it lists.
        let entries = self.first.saturating_add(ENTRIES_ASIDE).saturating_mul(ENTRY_LEN);
        let mut directory = Vec::with_capacity(entries.min(DIRECTORY_BUFFER));
        while let Some(&pid) = self.pids.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            match self.process(pid, &mut found, &mut directory, help) {
                Ok(()) | Err(Errno::NOENT | Errno::SRCH) => {}
                // Not only EACCES and EPERM: whatever kept us out, it shows.
                Err(_) => found.hidden_processes += u64::from(!self.hides_nothing(pid)),
            }
        }
        found
    }

    fn process(
        &self,
        pid: u32,
        found: &mut ScanFindings,
        directory: &mut Vec<u8>,
        help: &mut dyn FnMut(),
    ) -> Result<(), Errno> {
        let fds = open_directory(self.proc, &*format!("{pid}/fd"))?;
        let before = found.links.len();
        let result = self.descriptors(&fds, pid, found, directory, help).and_then(|listed| {
            if listed > 0 { Ok(()) } else { self.threads(pid, found, directory, help) }
        });
        if found.links.len() > before
            // Relative to the open directory, so never another process' name.
            && let Ok(comm) = comm(&fds)
        {
            found.names.push((pid, comm));
        }
        result
    }

    /// Reads one descriptor directory; returns how many it lists.
    fn descriptors(
        &self,
        fds: &OwnedFd,
        pid: u32,
        found: &mut ScanFindings,
        directory: &mut Vec<u8>,
        help: &mut dyn FnMut(),
    ) -> Result<usize, Errno> {
        let mut listed = 0;
        // `socket:[18446744073709551615]` fits; longer links are no sockets.
        let mut link = [0; 32];
        let mut entries = RawDir::new(fds, directory.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(fd) = number(entry.file_name().to_bytes()) else { continue };
            if listed == self.first {
                found.cut += 1;
                break;
            }
            listed += 1;
            found.seen += 1;
            if found.seen == self.help_after {
                help();
            }
            let length = match readlinkat_raw(fds, entry.file_name(), &mut link) {
                Err(Errno::NOENT | Errno::SRCH) => continue,
                result => result?,
            };
            if let Some(inode) = socket_inode(&link[..length])
                && self.wanted.is_none_or(|wanted| wanted.contains(&inode))
            {
                found.links.push(Link { inode, holder: Holder { pid, fd } });
            }
        }
        Ok(listed)
    }

    /// Reads the descriptors of a process whose main thread ended before the
    /// others: the kernel then lists none under `PID/fd` (it asks the main
    /// thread's own table, `proc_readfd_common()` in fs/proc/fd.c) though the
    /// sockets are open. Any surviving thread shows the shared table.
    fn threads(
        &self,
        pid: u32,
        found: &mut ScanFindings,
        directory: &mut Vec<u8>,
        help: &mut dyn FnMut(),
    ) -> Result<(), Errno> {
        if self.is_single_threaded(pid) {
            return Ok(());
        }
        let tasks = open_directory(self.proc, &*format!("{pid}/task"))?;
        for thread in numbers(&tasks, directory)? {
            let listed = open_directory(&tasks, &*format!("{thread}/fd"))
                .and_then(|fds| self.descriptors(&fds, pid, found, directory, help));
            match listed {
                Ok(0) | Err(Errno::NOENT | Errno::SRCH) => {}
                Ok(_) => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Tells whether a process that kept us out has no descriptor anyway. It is gone:
    /// where it ends under the eyes of `readlink` that says EACCES
    /// (`proc_pid_readlink()` in fs/proc/base.c), which is no lack of
    /// permission. Or it is a kernel thread or a zombie: neither has memory, and
    /// `statm`, which everyone may read, then starts with a 0.
    fn hides_nothing(&self, pid: u32) -> bool {
        let process = statat(self.proc, &*pid.to_string(), AtFlags::empty());
        if matches!(process, Err(Errno::NOENT | Errno::SRCH)) {
            return true;
        }
        let mut size = [0; 2];
        self.is_single_threaded(pid)
            && openat(self.proc, &*format!("{pid}/statm"), READ, Mode::empty())
                .and_then(|file| rustix::io::read(file, &mut size))
                .is_ok()
            && &size == b"0 "
    }

    /// Tells whether `PID/task` has one entry; its link count tells without listing
    /// it (`proc_task_getattr()` in fs/proc/base.c).
    fn is_single_threaded(&self, pid: u32) -> bool {
        statat(self.proc, &*format!("{pid}/task"), AtFlags::empty())
            .is_ok_and(|tasks| tasks.st_nlink == 3)
    }
}

/// The findings of one thread of a scan.
#[derive(Default)]
struct ScanFindings {
    links: Vec<Link>,
    names: Vec<(u32, Box<[u8]>)>,
    hidden_processes: u64,
    /// Processes with more descriptors than were read.
    cut: u64,
    /// Descriptors of any kind.
    seen: usize,
}

impl ScanFindings {
    fn join(&mut self, other: Self) {
        self.links.extend(other.links);
        self.names.extend(other.names);
        self.hidden_processes += other.hidden_processes;
        self.cut += other.cut;
    }
}

/// 2,730 directory entries at a time.
const DIRECTORY_BUFFER: usize = 64 * 1024;

/// A directory entry with a short name, and how many beside descriptors there
/// are: `.`, `..`, and the one that shows that there are more.
const ENTRY_LEN: usize = 24;
const ENTRIES_ASIDE: usize = 3;

const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

fn open_directory<P: rustix::path::Arg>(at: impl AsFd, path: P) -> Result<OwnedFd, Errno> {
    openat(at, path, READ | OFlags::DIRECTORY, Mode::empty())
}

/// Returns the entries of a directory that are numbers: processes, or threads.
fn numbers(directory: &OwnedFd, buffer: &mut Vec<u8>) -> Result<Vec<u32>, Errno> {
    let mut found = Vec::new();
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        found.extend(number(entry?.file_name().to_bytes()));
    }
    Ok(found)
}

/// Returns the command name, without the newline the kernel adds. The name itself may
/// end in one too: a process can choose any bytes (`PR_SET_NAME`).
fn comm(fds: &OwnedFd) -> Result<Box<[u8]>, Errno> {
    // `proc_task_name()` in fs/proc/array.c writes at most 64 bytes.
    let mut buffer = [0; 128];
    let file = openat(fds, c"../comm", READ, Mode::empty())?;
    let length = rustix::io::read(file, &mut buffer)?;
    let name = &buffer[..length];
    Ok(name.strip_suffix(b"\n").unwrap_or(name).into())
}

/// Returns the inode in `socket:[N]` (`sockfs_dname()` in net/socket.c); `None` for
/// other links and for numbers no socket can have.
fn socket_inode(link: &[u8]) -> Option<u32> {
    number(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

/// Returns an unsigned decimal number, digits only.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixDatagram;

    /// A directory that looks like `/proc`, removed at the end.
    struct Proc(PathBuf);

    impl Proc {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir()
                .join(format!("sockstate-owners-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).expect("temp dir");
            Self(path)
        }

        /// Makes a process (or, by its longer path, a thread) and its
        /// descriptors.
        fn process(&self, pid: &str, comm: &[u8], fds: &[(&str, &str)]) -> PathBuf {
            let process = self.0.join(pid);
            fs::create_dir_all(process.join("fd")).expect("fd directory");
            fs::write(process.join("comm"), comm).expect("comm");
            for (fd, target) in fds {
                symlink(target, process.join("fd").join(fd)).expect("link");
            }
            process.join("fd")
        }

        fn scan(&self) -> Owners {
            scan(&self.0, None).expect("scan")
        }
    }

    impl Drop for Proc {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn holder(pid: u32, fd: u32) -> Holder {
        Holder { pid, fd }
    }

    #[test]
    fn finds_every_holder_of_a_socket() {
        let proc = Proc::new("holders");
        proc.process("30", b"worker\n", &[("4", "socket:[123]"), ("3", "socket:[123]")]);
        proc.process("7", b"master\n", &[("0", "/dev/null"), ("9", "socket:[123]")]);
        proc.process("8", b"other\n", &[("1", "pipe:[123]"), ("5", "socket:[4]")]);
        let owners = proc.scan();
        assert_eq!(owners.of(123), [holder(7, 9), holder(30, 3), holder(30, 4)]);
        assert_eq!(owners.of(4), [holder(8, 5)]);
        assert_eq!(owners.len(), 4);
        assert_eq!(owners.comm(7), b"master");
        assert_eq!(owners.hidden_processes, 0);
    }

    #[test]
    fn records_only_what_is_wanted() {
        let proc = Proc::new("wanted");
        proc.process("7", b"a\n", &[("3", "socket:[1]"), ("4", "socket:[2]")]);
        proc.process("8", b"b\n", &[("3", "socket:[1]")]);
        let owners = scan(&proc.0, Some(&FxHashSet::from_iter([2, 99]))).expect("scan");
        assert_eq!(owners.of(2), [holder(7, 4)]);
        assert_eq!(owners.len(), 1);
        assert_eq!(owners.comm(7), b"a");
        assert_eq!(owners.comm(8), b"", "no name is read for nothing");
    }

    #[test]
    fn names_are_raw_and_lose_one_newline() {
        let proc = Proc::new("comm");
        proc.process("1", b"a\n\x1b[31mb\n\n", &[("3", "socket:[1]")]);
        proc.process("2", b"\xff\xfe", &[("3", "socket:[2]")]);
        let owners = proc.scan();
        assert_eq!(owners.comm(1), b"a\n\x1b[31mb\n");
        assert_eq!(owners.comm(2), b"\xff\xfe");
    }

    #[test]
    fn passes_over_what_is_no_process_or_no_socket() {
        let proc = Proc::new("other");
        let kept = proc.process("5", b"x\n", &[("3", "socket:[1]"), ("255", "socket:[0123")]);
        symlink("socket:[9]", kept.join("+6")).expect("link");
        symlink("socket:[4294967296]", kept.join("7")).expect("link");
        symlink("socket:[4294967295]", kept.join("8")).expect("link");
        for name in ["self", "5x", "-1", "4294967296"] {
            proc.process(name, b"x\n", &[("3", "socket:[2]")]);
        }
        fs::create_dir(proc.0.join("6")).expect("a process that ended meanwhile");
        let owners = proc.scan();
        assert_eq!(owners.of(u32::MAX), [holder(5, 8)]);
        assert_eq!(owners.of(1), [holder(5, 3)]);
        assert_eq!(owners.len(), 2);
        assert_eq!(owners.hidden_processes, 0);
    }

    #[test]
    fn a_process_without_a_main_thread_still_holds_its_sockets() {
        let proc = Proc::new("threads");
        proc.process("5", b"java\n", &[]);
        proc.process("5/task/5", b"java\n", &[]);
        proc.process("5/task/6", b"gone\n", &[]);
        proc.process("5/task/7", b"pool-1\n", &[("3", "socket:[1]")]);
        proc.process("5/task/8", b"pool-2\n", &[("3", "socket:[1]")]);
        let owners = proc.scan();
        assert_eq!(owners.of(1), [holder(5, 3)]);
        assert_eq!(owners.comm(5), b"java");
    }

    #[test]
    fn counts_processes_it_may_not_read() {
        let proc = Proc::new("hidden");
        proc.process("1", b"mine\n", &[("3", "socket:[1]")]);
        for (pid, statm) in [("2", "0 0 0 0 0 0 0\n"), ("3", "811 1 1 1 0 1 0\n")] {
            let fds = proc.process(pid, b"theirs\n", &[("3", "socket:[1]"), ("4", "socket:[5]")]);
            fs::create_dir_all(proc.0.join(pid).join("task").join(pid)).expect("task");
            fs::write(proc.0.join(pid).join("statm"), statm).expect("statm");
            fs::set_permissions(&fds, fs::Permissions::from_mode(0o000)).expect("chmod");
        }
        if fs::read_dir(proc.0.join("3/fd")).is_ok() {
            return; // root reads everything: nothing to see here
        }
        let owners = proc.scan();
        assert_eq!(owners.of(1), [holder(1, 3)]);
        // Some file systems do not count subdirectories as links, /proc does.
        let links = statat(CWD, proc.0.join("2/task"), AtFlags::empty()).expect("stat").st_nlink;
        let hidden = if links == 3 { 1 } else { 2 };
        assert_eq!(owners.hidden_processes, hidden, "a kernel thread hides nothing");
    }

    #[test]
    fn a_process_that_ends_while_it_is_read_is_not_hidden() {
        let proc = Proc::new("ends");
        // No link, so reading it is an error that is neither of those of what is gone.
        let fds = proc.process("7", b"short\n", &[]);
        fs::write(fds.join("3"), "").expect("a descriptor");
        assert_eq!(proc.scan().hidden_processes, 1);
        let directory = open_directory(CWD, &proc.0).expect("the directory");
        let pass = Pass {
            proc: directory.as_fd(),
            is_real: false,
            pids: vec![7],
            next: AtomicUsize::new(0),
            wanted: None,
            help_after: 1,
            first: usize::MAX,
        };
        let ends = || fs::rename(proc.0.join("7"), proc.0.join("gone")).expect("it ends");
        assert_eq!(pass.run(&mut { ends }).hidden_processes, 0);
    }

    #[test]
    fn two_threads_find_what_one_finds() {
        let proc = Proc::new("two");
        for pid in 1..40 {
            let links: Vec<_> =
                (0..20).map(|fd| (fd.to_string(), format!("socket:[{}]", fd * pid % 97))).collect();
            let fds: Vec<_> = links.iter().map(|(fd, to)| (fd.as_str(), to.as_str())).collect();
            proc.process(&pid.to_string(), format!("p{pid}\n").as_bytes(), &fds);
        }
        let scan = |help_after| {
            scan_with(&proc.0, None, help_after, usize::MAX).expect("a readable directory")
        };
        let alone = scan(usize::MAX);
        assert_eq!((alone.0.len(), alone.1), (39 * 20, 0));
        for help_after in [1, 7, 100] {
            assert_eq!(scan(help_after), alone);
        }
    }

    #[test]
    fn the_first_descriptors_are_enough_until_a_socket_lacks_a_holder() {
        let proc = Proc::new("first");
        let names: Vec<String> = (3..600).map(|fd: u32| fd.to_string()).collect();
        let links: Vec<String> = (3..600).map(|fd| format!("socket:[{}]", fd + 1000)).collect();
        let fds: Vec<_> =
            names.iter().zip(&links).map(|(fd, link)| (fd.as_str(), link.as_str())).collect();
        proc.process("5", b"server\n", &fds);
        proc.process("6", b"client\n", &[("3", "socket:[7]")]);
        let found = |wanted: &[u32]| {
            let wanted: FxHashSet<u32> = wanted.iter().copied().collect();
            let (owners, cut) = scan_first(&proc.0, &wanted).expect("scan");
            assert!(wanted.iter().all(|inode| owners.holds(*inode)), "{wanted:?}");
            assert_eq!(owners, scan(&proc.0, Some(&wanted)).expect("scan"));
            cut
        };
        // A directory on disk has an order of its own, so which are the first
        // is not known here; all of them are found in any case.
        assert_eq!(found(&[7]), 1);
        for fd in 3..600 {
            found(&[7, fd + 1000]);
        }
        let absent = FxHashSet::from_iter([99]);
        let (owners, cut) = scan_first(&proc.0, &absent).expect("scan");
        assert_eq!((owners.len(), cut), (0, 0), "before nobody is said, all is read");
    }

    #[test]
    fn a_proc_that_cannot_be_listed_is_an_error_with_its_path() {
        let error = scan(Path::new("/nonexistent/proc"), None).expect_err("no such directory");
        assert!(error.to_string().contains("/nonexistent/proc"), "{error}");
        let proc = Proc::new("empty");
        let error = scan(&proc.0, None).expect_err("nothing in it");
        assert!(error.to_string().contains("it lists none"), "{error}");
    }

    #[test]
    fn finds_our_own_socket_in_the_real_proc() {
        let socket = UnixDatagram::unbound().expect("socket");
        let fd = socket.as_raw_fd() as u32;
        let link = fs::read_link(format!("/proc/self/fd/{fd}")).expect("link");
        let inode = socket_inode(link.as_os_str().as_encoded_bytes()).expect("a socket");
        let owners = scan(Path::new("/proc"), Some(&FxHashSet::from_iter([inode]))).expect("scan");
        let pid = std::process::id();
        assert_eq!(owners.of(inode), [holder(pid, fd)]);
        let comm = fs::read("/proc/self/comm").expect("comm");
        assert_eq!(owners.comm(pid), comm.strip_suffix(b"\n").expect("newline"));
    }
}
