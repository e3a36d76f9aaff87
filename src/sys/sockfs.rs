//! Asks a descriptor of a socket what it says of it, without any table.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::model::owner::Link;

use super::{procfs, rights};

/// Whether a process is in the network namespace that is looked into. Its
/// sockets nearly always are then too, though each stays where it was made.
pub fn shares_netns(proc_root: &Path, pid: u32) -> bool {
    let Some(ours) = procfs::netns(proc_root) else { return false };
    let _raised = rights::raise_for_proc(proc_root);
    let found = fs::metadata(proc_root.join(format!("{pid}/ns/net")));
    found.is_ok_and(|found| found.ino() == ours)
}

/// Tells whether a descriptor is one of a TCP socket: sockfs tells the protocol as an
/// extended attribute (`sockfs_xattr_get`, net/socket.c).
pub fn is_tcp(proc_root: &Path, link: &Link) -> bool {
    let mut name = [0; 32];
    let _raised = rights::raise_for_proc(proc_root);
    let length = rustix::fs::getxattr(file(proc_root, link), "system.sockprotoname", &mut name);
    let name = length.ok().and_then(|length| name.get(..length)).unwrap_or_default();
    matches!(name.strip_suffix(&[0]).unwrap_or(name), b"TCP" | b"TCPv6")
}

/// Tells whether the descriptor still stands for the same socket.
pub fn is_open(proc_root: &Path, link: &Link) -> bool {
    let target = format!("socket:[{}]", link.inode);
    let _raised = rights::raise_for_proc(proc_root);
    fs::read_link(file(proc_root, link)).is_ok_and(|found| found.as_os_str() == target.as_str())
}

fn file(proc_root: &Path, link: &Link) -> PathBuf {
    proc_root.join(format!("{}/fd/{}", link.holder.pid, link.holder.fd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::owner::Holder;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsRawFd;

    fn link(socket: &impl AsRawFd) -> Link {
        let fd = socket.as_raw_fd() as u32;
        let inode = fs::metadata(format!("/proc/self/fd/{fd}")).expect("our own").ino() as u32;
        Link { inode, holder: Holder { pid: std::process::id(), fd } }
    }

    #[test]
    fn protocols_are_told_apart_by_the_descriptor_alone() {
        let proc = Path::new("/proc");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        assert!(is_tcp(proc, &link(&tcp)) && is_open(proc, &link(&tcp)));
        assert!(!is_tcp(proc, &link(&udp)));
        let gone = link(&tcp);
        drop(tcp);
        assert!(!is_open(proc, &gone));
        assert!(shares_netns(proc, std::process::id()));
    }
}
