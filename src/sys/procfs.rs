//! Reads the host's numbers and the socket tables from a mounted procfs.
//!
//! A file that does not exist is a fact the kernel does not tell; a file that
//! exists and cannot be read is a [`Gap`]. What is read says nothing about
//! owners: process directories are not this module's.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::kernel::counters::Counters;
use crate::model::gap::Gap;
use crate::model::host::{Host, SYSCTLS, Sysctls, kernel_release};

use super::netns;

/// Buffer of [`lines`] and longest line it gives whole, bytes. The kernel's
/// own rows are below 300.
pub const LONGEST_LINE: usize = 64 * 1024;

/// Adds a file's bytes to the counters; returns the malformed groups.
type Parse = fn(&mut Counters, &[u8]) -> usize;

/// The files of the counters.
const COUNTER_FILES: [(&str, Parse); 5] = [
    ("snmp", Counters::parse_pairs),
    ("netstat", Counters::parse_pairs),
    ("snmp6", Counters::parse_snmp6),
    ("sockstat", Counters::parse_sockstat),
    ("sockstat6", Counters::parse_sockstat),
];

/// Returns everything the host says, in the network namespace that is looked into, and
/// what could not be read. `proc_root` is where procfs is mounted.
pub fn host(proc_root: &Path) -> (Host, Vec<Gap>) {
    netns::inside(|| host_of_this_thread(proc_root)).unwrap_or_else(|error| {
        let gap = Gap::new("host", format!("cannot enter its namespace: {error}"));
        (Host::default(), vec![gap])
    })
}

fn host_of_this_thread(proc_root: &Path) -> (Host, Vec<Gap>) {
    let mut gaps = Vec::new();
    let counters = counters(proc_root, &mut gaps);
    let sysctls = sysctls(proc_root, &mut gaps);
    if counters.is_empty() && sysctls.is_empty() && gaps.is_empty() {
        gaps.push(no_procfs(proc_root));
    }
    let uname = rustix::system::uname();
    let hostname = Some(uname.nodename().to_string_lossy().into_owned());
    let kernel = kernel_release(uname.release().to_bytes());
    (Host { counters, sysctls, hostname, kernel }, gaps)
}

/// Returns where a file of the net directory is for the calling thread.
///
/// `net` is a link to `self/net`, the directory of the *main* thread: after
/// setns() in a thread only `thread-self/net` (Linux 3.17) is its own
/// (`proc_thread_self_get_link`, fs/proc/thread_self.c).
pub fn net_file(proc_root: &Path, name: &str) -> PathBuf {
    let of_thread = proc_root.join("thread-self/net").join(name);
    if of_thread.exists() { of_thread } else { proc_root.join("net").join(name) }
}

/// TCP sockets of a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInUse {
    /// Those in the tables, of both families.
    pub full: u64,
    /// The remnants of closed ones.
    pub time_wait: u64,
}

/// Returns TCP sockets of the namespace that is looked into by the kernel's own
/// counters; `None` when they cannot be read.
pub fn tcp_in_use(proc_root: &Path) -> Option<TcpInUse> {
    let read = || sockstat(&|name| net_file(proc_root, name));
    let counters = netns::inside(read).ok()?;
    Some(TcpInUse { full: tcp_in_tables(&counters)?, time_wait: counters.get("TCP", "tw")? })
}

/// Reads what sockstat and sockstat6 say, wherever `file` has them. Without IPv6 there
/// is no second file, and nothing to count.
pub fn sockstat(file: &dyn Fn(&str) -> PathBuf) -> Counters {
    let mut counters = Counters::default();
    for name in ["sockstat", "sockstat6"] {
        counters.parse_sockstat(&fs::read(file(name)).unwrap_or_default());
    }
    counters
}

/// Returns TCP sockets in the tables of a namespace, of both families.
pub fn tcp_in_tables(counters: &Counters) -> Option<u64> {
    let v6 = counters.get("TCP6", "inuse").unwrap_or(0);
    Some(counters.get("TCP", "inuse")?.saturating_add(v6))
}

/// Returns the threads of the whole machine that run or could (the fourth field
/// of `loadavg`); `None` when that cannot be read.
pub fn running(proc_root: &Path) -> Option<u64> {
    let text = fs::read_to_string(proc_root.join("loadavg")).ok()?;
    text.split_ascii_whitespace().nth(3)?.split('/').next()?.parse().ok()
}

/// Returns open files of the whole machine (`fs.file-nr`); `None` when that cannot be
/// read.
pub fn open_files(proc_root: &Path) -> Option<u64> {
    let text = fs::read_to_string(proc_root.join("sys/fs/file-nr")).ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// Returns the network namespace that is looked into: the inode of its nsfs file.
pub fn netns(proc_root: &Path) -> Option<u64> {
    netns::inside(|| own_netns(proc_root)).ok()?
}

/// Returns the calling thread's network namespace.
pub(super) fn own_netns(proc_root: &Path) -> Option<u64> {
    let file = proc_root.join("thread-self/ns/net");
    fs::metadata(file).ok().map(|found| found.ino())
}

/// Opens a file of the net directory in the namespace that is looked into: it
/// goes on telling of that one.
///
/// # Errors
/// When it is not there, or the namespace cannot be entered.
pub fn open_net(proc_root: &Path, name: &str) -> io::Result<File> {
    netns::inside(|| File::open(net_file(proc_root, name)))?
}

/// Tells whether the net directory of that namespace has a file.
pub fn has_net(proc_root: &Path, name: &str) -> bool {
    netns::inside(|| net_file(proc_root, name).exists()).unwrap_or(false)
}

/// Gives each line of a file to `each`, without its newline, until that
/// breaks. A line longer than [`LONGEST_LINE`] is given cut to that length.
///
/// The kernel makes the table while it is read, about one page a call
/// (`seq_read_iter`), so a slow `each` stretches the snapshot.
pub fn lines(file: &mut File, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
    split_lines(file, each)
}

fn split_lines(
    file: &mut dyn Read,
    each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<()> {
    let mut splitter = Splitter { buffer: vec![0; LONGEST_LINE], filled: 0, skipping: false };
    loop {
        let more = splitter.read(file)?;
        let flow = if more { splitter.give_lines(each) } else { splitter.give_rest(each) };
        if !more || flow.is_break() {
            return Ok(());
        }
    }
}

/// A buffer that starts at the beginning of a line.
struct Splitter {
    buffer: Vec<u8>,
    /// Bytes of the buffer in use; below its size between calls.
    filled: usize,
    /// The rest of a line that was given cut is still to come.
    skipping: bool,
}

impl Splitter {
    /// Tells whether anything came.
    fn read(&mut self, file: &mut dyn Read) -> io::Result<bool> {
        let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let count = loop {
            match file.read(free) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.filled += count;
        Ok(count > 0)
    }

    /// Gives the whole lines and moves what is left to the front.
    fn give_lines(&mut self, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut rest = self.buffer.get(..self.filled).unwrap_or_default();
        while let Some((line, after)) = split_newline(rest) {
            rest = after;
            if !std::mem::take(&mut self.skipping) {
                each(line)?;
            }
        }
        if rest.len() == self.buffer.len() {
            if !std::mem::replace(&mut self.skipping, true) {
                each(rest)?;
            }
            rest = &[];
        }
        let left = rest.len();
        self.buffer.copy_within(self.filled - left..self.filled, 0);
        self.filled = left;
        ControlFlow::Continue(())
    }

    /// Gives the last line where no newline ends it.
    fn give_rest(&mut self, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> ControlFlow<()> {
        match self.buffer.get(..self.filled) {
            Some(line) if !line.is_empty() && !self.skipping => each(line),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn split_newline(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let newline = bytes.iter().position(|b| *b == b'\n')?;
    Some((bytes.get(..newline)?, bytes.get(newline + 1..)?))
}

fn counters(proc_root: &Path, gaps: &mut Vec<Gap>) -> Counters {
    let mut counters = Counters::default();
    let mut failures = Failures::default();
    for (name, parse) in COUNTER_FILES {
        let path = net_file(proc_root, name);
        let Some(text) = failures.read(&path) else { continue };
        for _ in 0..parse(&mut counters, &text) {
            failures.note(&path, "a group is malformed");
        }
    }
    gaps.extend(failures.gap("counters"));
    counters
}

fn sysctls(proc_root: &Path, gaps: &mut Vec<Gap>) -> Sysctls {
    let mut sysctls = Sysctls::default();
    let mut failures = Failures::default();
    for sysctl in SYSCTLS {
        let path = proc_root.join("sys").join(sysctl.name.replace('.', "/"));
        let Some(text) = failures.read(&path) else { continue };
        if !sysctls.set(sysctl.name, &text) {
            failures.note(&path, "not of the form this program knows");
        }
    }
    gaps.extend(failures.gap("sysctls"));
    sysctls
}

/// The errors in one set of files: the first in words, the rest counted,
/// because one cause usually fails them all.
#[derive(Default)]
struct Failures {
    first: Option<String>,
    count: u64,
}

impl Failures {
    /// Returns the bytes of a file; absent where it does not exist or cannot be read.
    fn read(&mut self, path: &Path) -> Option<Vec<u8>> {
        match std::fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(e) if is_absent(&e) => None,
            Err(e) => {
                self.note(path, &e.to_string());
                None
            }
        }
    }

    fn note(&mut self, path: &Path, problem: &str) {
        self.first.get_or_insert_with(|| format!("{}: {problem}", path.display()));
        self.count += 1;
    }

    fn gap(self, what: &'static str) -> Option<Gap> {
        let first = self.first?;
        let reason = match self.count {
            1 => first,
            n => format!("{first}, and {} more", n - 1),
        };
        Some(Gap::new(what, reason).count(self.count))
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn no_procfs(proc_root: &Path) -> Gap {
    let root = proc_root.display();
    Gap::new("host", format!("{root} has no network files, procfs is not mounted there"))
        .remedy(format!("mount -t proc proc {root}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc_net::{inet_line, is_header, unix_line};
    use crate::model::host::{COUNTERS, Scope};
    use std::os::fd::AsRawFd;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A directory that looks like procfs, removed at the end.
    struct FakeProc(PathBuf);

    impl FakeProc {
        fn new(files: &[(&str, &[u8])]) -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("sockstate-procfs-{}-{number}", std::process::id());
            let fake = Self(std::env::temp_dir().join(name));
            std::fs::create_dir_all(&fake.0).expect("temporary directory");
            for (path, bytes) in files {
                let path = fake.0.join(path);
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("directory");
                std::fs::write(path, bytes).expect("file");
            }
            fake
        }
    }

    impl Drop for FakeProc {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// Hands out its bytes in pieces of `step`.
    struct Slow<'a> {
        rest: &'a [u8],
        step: usize,
    }

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let step = self.step.min(buffer.len());
            self.rest.read(buffer.get_mut(..step).unwrap_or_default())
        }
    }

    fn collect(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let result = split_lines(&mut Slow { rest: bytes, step }, &mut |line| {
            found.push(line.to_vec());
            ControlFlow::Continue(())
        });
        assert!(result.is_ok());
        found
    }

    #[test]
    fn lines_are_whole_however_the_reads_fall() {
        let file = b"one\n\n\xff\xfe two\nlast without newline";
        let expected: [&[u8]; 4] = [b"one", b"", b"\xff\xfe two", b"last without newline"];
        for step in [1, 2, 3, 7, 4096] {
            assert_eq!(collect(file, step), expected);
        }
        assert!(collect(b"", 10).is_empty());
        assert_eq!(collect(b"\n", 10), [b""]);
    }

    #[test]
    fn a_line_beyond_the_buffer_is_cut_and_the_next_is_whole() {
        for extra in [0, 1, 70_000, 200_000] {
            let mut file = vec![b'x'; LONGEST_LINE + extra];
            file.extend_from_slice(b"\nnext\n");
            for step in [1000, 4096, 1 << 20] {
                let found = collect(&file, step);
                assert_eq!(found.len(), 2, "{extra} {step}");
                assert_eq!((found[0].len(), &found[1][..]), (LONGEST_LINE, &b"next"[..]));
            }
        }
        assert_eq!(collect(&vec![b'x'; LONGEST_LINE + 5], 4096).len(), 1);
    }

    #[test]
    fn a_break_ends_the_reading() {
        let mut count = 0;
        let result = split_lines(&mut &b"a\nb\nc\n"[..], &mut |_| {
            count += 1;
            if count == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(result.is_ok());
        assert_eq!(count, 2);
    }

    #[test]
    fn the_thread_s_own_net_directory_comes_first() {
        let files: [(&str, &[u8]); 3] = [
            ("thread-self/net/sockstat", b"TCP: inuse 1\n"),
            ("net/sockstat", b"TCP: inuse 2\n"),
            ("net/snmp", b"Tcp: CurrEstab\nTcp: 3\n"),
        ];
        let fake = FakeProc::new(&files);
        let (host, gaps) = host(&fake.0);
        assert_eq!(gaps, []);
        assert_eq!(host.counters.get("TCP", "inuse"), Some(1));
        assert_eq!(host.counters.get("Tcp", "CurrEstab"), Some(3));
    }

    #[test]
    fn what_is_missing_is_absent_and_no_gap() {
        let fake = FakeProc::new(&[("sys/net/core/somaxconn", b"7\n")]);
        let (host, gaps) = host(&fake.0);
        assert_eq!(gaps, []);
        assert_eq!(host.sysctls.somaxconn(), Some(7));
        assert_eq!((host.sysctls.max_orphans(), host.counters.is_empty()), (None, true));
    }

    #[test]
    fn a_procfs_without_anything_is_a_gap() {
        let fake = FakeProc::new(&[]);
        let (_, gaps) = host(&fake.0);
        assert_eq!(gaps.iter().map(|g| g.what).collect::<Vec<_>>(), ["host"]);
    }

    #[test]
    fn what_cannot_be_read_or_understood_is_a_gap() {
        // A directory in place of a file fails for root too, unlike a mode.
        let fake = FakeProc::new(&[
            ("sys/net/core/somaxconn/x", b""),
            ("sys/net/ipv4/tcp_fin_timeout", b"soon\n"),
            ("sys/net/ipv4/tcp_retries2", b"15\n"),
            ("net/netstat", b"TcpExt: A B\nTcpExt: 1\nIpExt: C\nIpExt: 2\n"),
        ]);
        let (host, gaps) = host(&fake.0);
        assert_eq!(host.sysctls.number("net.ipv4.tcp_retries2"), Some(15));
        assert_eq!(host.counters.get("IpExt", "C"), Some(2));
        let root = fake.0.display();
        let counters = Gap::new("counters", format!("{root}/net/netstat: a group is malformed"));
        let first =
            format!("{root}/sys/net/core/somaxconn: Is a directory (os error 21), and 1 more");
        assert_eq!(gaps, [counters.count(1), Gap::new("sysctls", first).count(2)]);
    }

    #[test]
    fn this_machine_has_what_the_tables_name() {
        let (host, gaps) = host(Path::new("/proc"));
        assert_eq!(gaps, []);
        assert!(host.hostname.is_some());
        // Older kernels lack some names, and rightly so; likewise without IPv6.
        if host.kernel < Some((6, 18)) {
            return;
        }
        let ipv6 = net_file(Path::new("/proc"), "snmp6").exists();
        for field in COUNTERS.iter().filter(|f| ipv6 || !f.group.ends_with('6')) {
            let found = host.counters.get(field.group, field.name);
            assert!(found.is_some(), "{} {}", field.group, field.name);
        }
        // Parameters of the host have no file in a namespace of its own.
        for sysctl in SYSCTLS.iter().filter(|s| s.scope == Scope::Namespace) {
            assert!(host.sysctls.get(sysctl.name).is_some(), "{}", sysctl.name);
        }
    }

    /// Returns the inode of a socket of this process, as fstat has it.
    fn inode(socket: &impl AsRawFd) -> u32 {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd()));
        let text = link.expect("own fd").to_string_lossy().into_owned();
        let digits = text.trim_start_matches("socket:[").trim_end_matches(']');
        digits.parse().expect("an inode")
    }

    /// Returns the rows of a file of this machine that `is` accepts; no row may
    /// be malformed.
    fn rows<T>(name: &str, parse: fn(&[u8]) -> Option<T>, is: impl Fn(&T) -> bool) -> Vec<T> {
        let mut found = Vec::new();
        let result = lines(&mut open_net(Path::new("/proc"), name).expect("there"), &mut |line| {
            if !is_header(line) {
                let row = parse(line);
                let row = row.unwrap_or_else(|| panic!("{name}: {}", line.escape_ascii()));
                found.extend(Some(row).filter(|row| is(row)));
            }
            ControlFlow::Continue(())
        });
        assert!(result.is_ok(), "{name}: {result:?}");
        found
    }

    #[test]
    fn our_own_sockets_are_found_in_the_tables() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("tcp");
        let port = listener.local_addr().expect("address").port();
        let found = rows("tcp", inet_line, |row| row.inode == inode(&listener));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].local_port, found[0].state, found[0].drops), (port, 10, None));
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("udp");
        let found = rows("udp", inet_line, |row| row.inode == inode(&udp));
        assert_eq!((found.len(), found[0].state, found[0].drops), (1, 7, Some(0)));
    }

    /// Not `rows`: another process' socket name may have a newline in it.
    #[test]
    fn our_own_unix_sockets_are_found() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().expect("pair");
        let (wanted, mut found) = (inode(&one), Vec::new());
        let result =
            lines(&mut open_net(Path::new("/proc"), "unix").expect("there"), &mut |line| {
                let row = unix_line(line).filter(|row| row.inode == wanted);
                found.extend(row.map(|row| (row.kind, row.state, row.path.is_some())));
                ControlFlow::Continue(())
            });
        assert!(result.is_ok());
        assert_eq!(found, [(1, 1, false)]);
    }
}
