//! A directory that looks like `/proc` to the program: tables and processes of our own making.
//!
//! With `--source proc --proc-root` all that the program says comes from such a tree, the same on
//! every machine. The lines have the kernel's form (`get_tcp4_sock`, `udp4_format_sock`,
//! `unix_seq_show`); what is in them is invented.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::Result;
use super::tempdir::TempDir;

/// The first line of a table of internet sockets.
const INET_HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/// The first line of the table of unix sockets.
const UNIX_HEAD: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n";

/// The tree; removed on drop.
#[derive(Debug)]
pub struct FakeProc(TempDir);

impl FakeProc {
    /// A tree without anything but the directory of the tables.
    pub fn new() -> io::Result<FakeProc> {
        let dir = TempDir::new()?;
        fs::create_dir(dir.path().join("net"))?;
        Ok(FakeProc(dir))
    }

    /// Where it is.
    pub fn root(&self) -> String {
        self.0.path().display().to_string()
    }

    /// A file below it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, with the directories it takes.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let path = self.path(name);
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::write(path, bytes)
    }

    /// Writes a table of internet sockets: `tcp`, `tcp6`, `udp` or `udp6`.
    pub fn table(&self, name: &str, rows: &[Line]) -> io::Result<()> {
        let rows: String = rows.iter().map(Line::text).collect();
        self.write(&format!("net/{name}"), format!("{INET_HEAD}{rows}"))
    }

    /// Writes the table of unix sockets: flags, type, state, inode and name of each.
    pub fn unix(&self, rows: &[(u32, u16, u8, u64, &str)]) -> io::Result<()> {
        let mut text = UNIX_HEAD.to_owned();
        for (flags, kind, state, inode, name) in rows {
            let start = format!("00000000daf40882: 00000002 00000000 {flags:08X} {kind:04X}");
            let name = if name.is_empty() { String::new() } else { format!(" {name}") };
            text += &format!("{start} {state:02X} {inode:5}{name}\n");
        }
        self.write("net/unix", text)
    }

    /// Makes a process with sockets: the number of a descriptor and an inode for each.
    pub fn process(&self, pid: u32, comm: &[u8], sockets: &[(u32, u64)]) -> Result<()> {
        self.write(&format!("{pid}/comm"), [comm, b"\n"].concat())?;
        let fds = self.path(&format!("{pid}/fd"));
        fs::create_dir_all(&fds)?;
        symlink("/dev/null", fds.join("0"))?;
        for (fd, inode) in sockets {
            symlink(format!("socket:[{inode}]"), fds.join(fd.to_string()))?;
        }
        Ok(())
    }
}

/// A line of a table of internet sockets.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The kernel's number.
    pub state: u8,
    pub tx_queue: u32,
    pub rx_queue: u32,
    /// Which timer, and when it fires in hundredths of a second.
    pub timer: (u8, u32),
    pub retransmits: u32,
    pub uid: u32,
    pub inode: u64,
    /// UDP only.
    pub drops: Option<u32>,
}

impl Line {
    /// An idle socket of root.
    pub fn new(local: &str, remote: &str, state: u8, inode: u64) -> Result<Line> {
        Ok(Line {
            local: local.parse()?,
            remote: remote.parse()?,
            state,
            tx_queue: 0,
            rx_queue: 0,
            timer: (0, 0),
            retransmits: 0,
            uid: 0,
            inode,
            drops: None,
        })
    }

    /// As the kernel prints it.
    pub fn text(&self) -> String {
        let Line { state, tx_queue, rx_queue, timer, retransmits, uid, inode, .. } = self;
        let (local, remote) = (endpoint(self.local), endpoint(self.remote));
        let queues = format!("{tx_queue:08X}:{rx_queue:08X}");
        let timer = format!("{:02X}:{:08X} {retransmits:08X}", timer.0, timer.1);
        let end = match self.drops {
            Some(drops) => format!("2 0000000000000000 {drops}"),
            None => "1 0000000000000000 20 4 30 10 -1".to_owned(),
        };
        format!(
            "   0: {local} {remote} {state:02X} {queues} {timer} {uid:5}        0 {inode} {end}\n"
        )
    }
}

/// Each 32 bits of an address, which lie in network order, as one number of this machine.
fn endpoint(end: SocketAddr) -> String {
    let octets = match end.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = octets.chunks_exact(4).map(|word| {
        let word = [word[0], word[1], word[2], word[3]];
        format!("{:08X}", u32::from_ne_bytes(word))
    });
    format!("{}:{:04X}", words.collect::<String>(), end.port())
}
