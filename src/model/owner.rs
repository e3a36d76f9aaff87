//! Owners of sockets: every (process, descriptor) that refers to an inode.

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
/// One hash sized to the data into one array of holders, grouped by inode: made
/// in time linear in the descriptors, about 20 bytes for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    /// First and last + 1 holder of an inode.
    spans: FxHashMap<u32, (u32, u32)>,
    holders: Vec<Holder>,
    names: FxHashMap<u32, Box<[u8]>>,
    /// Processes whose descriptors could not be read, nearly always for lack
    /// of permission. Processes that `hidepid` leaves out of `/proc` cannot be
    /// counted.
    pub hidden_processes: u64,
}

impl Owners {
    /// Takes all descriptors of a scan, in any order.
    pub fn from_links(links: Vec<Link>) -> Self {
        let mut spans: FxHashMap<u32, (u32, u32)> = FxHashMap::default();
        spans.reserve(links.len());
        for link in &links {
            spans.entry(link.inode).or_default().1 += 1;
        }
        let mut next = 0;
        for span in spans.values_mut() {
            let count = span.1;
            *span = (next, next);
            next += count;
        }
        let mut holders = vec![Holder { pid: 0, fd: 0 }; links.len()];
        for link in &links {
            if let Some((_, end)) = spans.get_mut(&link.inode) {
                holders[*end as usize] = link.holder;
                *end += 1;
            }
        }
        for (start, end) in spans.values() {
            holders[*start as usize..*end as usize].sort_unstable();
        }
        Self { spans, holders, ..Self::default() }
    }

    /// Adds one descriptor by building everything anew: for a handful; a scan
    /// uses [`Owners::from_links`].
    pub fn add(&mut self, inode: u32, holder: Holder) {
        let mut links: Vec<Link> = self.links().collect();
        links.push(Link { inode, holder });
        let Self { spans, holders, .. } = Self::from_links(links);
        self.spans = spans;
        self.holders = holders;
    }

    /// Records the command name (`comm`) of a process: raw bytes, which the
    /// process can choose freely.
    pub fn name_process(&mut self, pid: u32, comm: impl Into<Box<[u8]>>) {
        self.names.insert(pid, comm.into());
    }

    /// Returns every holder of `inode`, ordered by process and descriptor; empty for
    /// inode 0, which no descriptor has.
    pub fn of(&self, inode: u32) -> &[Holder] {
        let (start, end) = self.spans.get(&inode).copied().unwrap_or_default();
        &self.holders[start as usize..end as usize]
    }

    /// Tells whether anything holds `inode`.
    pub fn holds(&self, inode: u32) -> bool {
        self.spans.contains_key(&inode)
    }

    /// Returns every descriptor, in no particular order.
    pub fn links(&self) -> impl Iterator<Item = Link> {
        self.spans.keys().flat_map(|inode| {
            self.of(*inode).iter().map(|holder| Link { inode: *inode, holder: *holder })
        })
    }

    /// Returns how many socket descriptors were found.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.holders.len()
    }

    /// The command name of a process, raw; empty when it vanished before it
    /// could be read.
    pub fn comm(&self, pid: u32) -> &[u8] {
        self.names.get(&pid).map_or(&[], |name| name)
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
