//! Who holds a socket: every (process, descriptor) that refers to an inode.

use rustc_hash::FxHashMap;

/// One descriptor of one process that refers to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// Process id, in the PID namespace that `/proc` shows.
    pub pid: u32,
    /// Descriptor number in that process.
    pub fd: u32,
}

/// A descriptor as a scan finds it: which socket, and who holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Sockfs inode: a 32-bit number, unique on the machine while the socket
    /// lives (`sock_alloc()` in net/socket.c).
    pub inode: u32,
    /// The descriptor.
    pub holder: Holder,
}

/// All holders found in one pass over `/proc`, keyed by sockfs inode.
///
/// Two parallel arrays ordered by inode, process, descriptor: 12 bytes a
/// descriptor and nothing besides; a lookup is one binary search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    inodes: Vec<u32>,
    holders: Vec<Holder>,
    names: FxHashMap<u32, Box<[u8]>>,
    /// Processes whose descriptors could not be read, nearly always for lack
    /// of permission. Processes that `hidepid` leaves out of `/proc` cannot be
    /// counted.
    pub hidden_processes: u64,
}

impl Owners {
    /// All descriptors of a scan, in any order.
    pub fn from_links(mut links: Vec<Link>) -> Self {
        links.sort_unstable();
        Self {
            inodes: links.iter().map(|link| link.inode).collect(),
            holders: links.iter().map(|link| link.holder).collect(),
            ..Self::default()
        }
    }

    /// Adds one descriptor. It moves everything behind it: for a handful;
    /// a scan uses [`Owners::from_links`].
    pub fn add(&mut self, inode: u32, holder: Holder) {
        let start = self.inodes.partition_point(|&other| other < inode);
        let at = start + self.of(inode).partition_point(|&other| other < holder);
        self.inodes.insert(at, inode);
        self.holders.insert(at, holder);
    }

    /// Records the command name (`comm`) of a process: raw bytes, which the
    /// process can choose freely.
    pub fn name_process(&mut self, pid: u32, comm: impl Into<Box<[u8]>>) {
        self.names.insert(pid, comm.into());
    }

    /// Every holder of `inode`, ordered by process and descriptor; empty for
    /// inode 0, which no descriptor has.
    pub fn of(&self, inode: u32) -> &[Holder] {
        let start = self.inodes.partition_point(|&other| other < inode);
        let count = self.inodes[start..].iter().take_while(|&&other| other == inode).count();
        &self.holders[start..start + count]
    }

    /// Whether anything holds `inode`.
    pub fn holds(&self, inode: u32) -> bool {
        self.inodes.binary_search(&inode).is_ok()
    }

    /// The command name of a process, raw; empty when it vanished before it
    /// could be read.
    pub fn comm(&self, pid: u32) -> &[u8] {
        self.names.get(&pid).map_or(&[], |name| name)
    }

    /// How many socket descriptors were found.
    pub fn len(&self) -> usize {
        self.inodes.len()
    }

    /// Whether no socket descriptor was found.
    pub fn is_empty(&self) -> bool {
        self.inodes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: [(u32, Holder); 4] = [
        (7, Holder { pid: 20, fd: 3 }),
        (8, Holder { pid: 9, fd: 1 }),
        (7, Holder { pid: 10, fd: 4 }),
        (7, Holder { pid: 20, fd: 2 }),
    ];

    #[test]
    fn every_holder_is_kept_in_order_not_the_last_one() {
        let links = FOUND.map(|(inode, holder)| Link { inode, holder });
        let owners = Owners::from_links(links.to_vec());
        let expected =
            [Holder { pid: 10, fd: 4 }, Holder { pid: 20, fd: 2 }, Holder { pid: 20, fd: 3 }];
        assert_eq!(owners.of(7), expected);
        assert_eq!(owners.of(8), [Holder { pid: 9, fd: 1 }]);
        assert!(owners.holds(8) && !owners.holds(9));
        for absent in [0, 6, 9, u32::MAX] {
            assert!(owners.of(absent).is_empty());
        }
        assert_eq!(owners.len(), 4);
    }

    #[test]
    fn adding_one_by_one_gives_the_same() {
        let mut owners = Owners::default();
        for (inode, holder) in FOUND {
            owners.add(inode, holder);
        }
        let links = FOUND.map(|(inode, holder)| Link { inode, holder });
        assert_eq!(owners, Owners::from_links(links.to_vec()));
    }

    #[test]
    fn a_process_without_a_name_has_an_empty_one() {
        let mut owners = Owners::default();
        owners.name_process(3, *b"nginx");
        assert_eq!(owners.comm(3), b"nginx");
        assert_eq!(owners.comm(4), b"");
    }
}
