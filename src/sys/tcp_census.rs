//! Tells whether there can be a TCP socket that no table holds.
//!
//! `sockstat` tells how many TCP sockets the host has allocated (`alloc`: counted
//! by `tcp_init_sock` and `sk_clone`, discounted by `tcp_v4_destroy_sock`) and how
//! many of a namespace are in its tables (`inuse`: `inet_hash`, `inet_unhash`).
//! Where the sums agree no socket is in CLOSE, whether bound or not, in any
//! namespace. That spares the walk over all bound sockets by which alone
//! sock_diag finds those: an eighth of a whole dump.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use crate::kernel::counters::Counters;

use super::{netns, procfs, rights};

/// Below this the walk costs no more than the question.
const WORTH_IT: u64 = 10_000;

/// While connections open between two readings they prove nothing.
const ATTEMPTS: usize = 3;

/// One process is looked into for so many sockets: it costs some 4 µs, and to
/// walk past a bound socket 0.12 µs.
const SOCKETS_A_PROCESS: u64 = 100;

/// Tells whether every TCP socket of the host is in the tables of a namespace that
/// can be looked into. `false` where that is not known, or not worth knowing.
pub fn all_in_tables(proc_root: &Path) -> bool {
    netns::inside(|| count_all(proc_root)).unwrap_or(false)
}

fn count_all(proc_root: &Path) -> bool {
    let Some(ours) = procfs::own_netns(proc_root) else { return false };
    let mut places = vec![NetDirectory { net: proc_root.join("thread-self/net"), namespace: None }];
    let Some(first) = census(&places).filter(|first| first.in_tables >= WORTH_IT) else {
        return false;
    };
    if first.is_complete() {
        return true;
    }
    let _raised = rights::raise_for_proc(proc_root);
    places.extend(others(proc_root, ours, first.in_tables / SOCKETS_A_PROCESS));
    (0..ATTEMPTS).filter_map(|_| census(&places)).any(|found| found.is_complete())
}

/// The net directory of a process.
#[derive(Clone, Debug)]
struct NetDirectory {
    net: PathBuf,
    /// Another process' directory, and the namespace that it must be of: the
    /// process can have moved to one that is counted already.
    namespace: Option<(PathBuf, u64)>,
}

impl NetDirectory {
    fn sockstat(&self) -> Counters {
        procfs::sockstat(&|name| self.net.join(name))
    }

    fn has_moved(&self) -> bool {
        let is_there = |(link, inode): &(PathBuf, u64)| {
            fs::metadata(link).is_ok_and(|found| found.ino() == *inode)
        };
        self.namespace.as_ref().is_some_and(|namespace| !is_there(namespace))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Census {
    /// Before the tables were counted, and after.
    allocated: [u64; 2],
    in_tables: u64,
    /// No connection opened meanwhile. One that did, or a new listener, is in a
    /// table and not among those allocated before, and would make up for a
    /// socket that is in no table.
    still: bool,
}

impl Census {
    fn is_complete(&self) -> bool {
        self.still && self.allocated == [self.in_tables; 2]
    }
}

/// Counts by the counters of some namespaces, ours first; `None` where one of
/// them cannot be read.
fn census(places: &[NetDirectory]) -> Option<Census> {
    let before = opened(places)?;
    // `alloc` is read before any `inuse`, as the kernel does within the file,
    // and once more after all of them.
    let mut allocated = None;
    let mut in_tables = 0;
    for place in places {
        let counters = place.sockstat();
        allocated = allocated.or(counters.get("TCP", "alloc"));
        in_tables = procfs::tcp_in_tables(&counters)?.saturating_add(in_tables);
    }
    let after = places.first()?.sockstat().get("TCP", "alloc")?;
    let still = opened(places)? == before && !places.iter().any(NetDirectory::has_moved);
    Some(Census { allocated: [allocated?, after], in_tables, still })
}

/// Returns the connections that were opened in these namespaces since each began.
fn opened(places: &[NetDirectory]) -> Option<u64> {
    let mut sum = 0_u64;
    for place in places {
        let mut counters = Counters::default();
        counters.parse_pairs(&fs::read(place.net.join("snmp")).ok()?);
        for name in ["ActiveOpens", "PassiveOpens"] {
            sum = sum.saturating_add(counters.get("Tcp", name)?);
        }
    }
    Some(sum)
}

/// Returns one process of each other network namespace that has one and lets us look;
/// none where there are more than `most` processes.
fn others(proc_root: &Path, ours: u64, most: u64) -> Vec<NetDirectory> {
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let mut found = FxHashMap::default();
    let Ok(entries) = fs::read_dir(proc_root) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    for (count, pid) in (0..).zip(names.filter(|name| is_number(name))) {
        if count >= most {
            return Vec::new();
        }
        let process = proc_root.join(pid);
        let link = process.join("ns/net");
        if let Ok(namespace) = fs::metadata(&link).map(|found| found.ino()) {
            let place =
                NetDirectory { net: process.join("net"), namespace: Some((link, namespace)) };
            found.entry(namespace).or_insert(place);
        }
    }
    found.remove(&ours);
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with the counters of one namespace.
    struct Fake(PathBuf);

    impl Fake {
        fn new(name: &str, [opens, alloc, inuse, inuse6]: [u64; 4]) -> Self {
            let path = std::env::temp_dir().join(format!("census-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a directory");
            let files = [
                ("snmp", format!("Tcp: ActiveOpens PassiveOpens\nTcp: {opens} 7\n")),
                ("sockstat", format!("TCP: inuse {inuse} orphan 0 tw 9 alloc {alloc} mem 1\n")),
                ("sockstat6", format!("TCP6: inuse {inuse6}\n")),
            ];
            for (name, text) in files {
                fs::write(path.join(name), text).expect("a file");
            }
            Self(path)
        }

        fn place(&self) -> NetDirectory {
            NetDirectory { net: self.0.clone(), namespace: None }
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_tables_of_all_namespaces_together_hold_what_is_allocated() {
        let ours = Fake::new("ours", [1, 12, 4, 3]);
        let theirs = Fake::new("theirs", [1, 12, 5, 0]);
        let alone = census(&[ours.place()]).expect("readable");
        assert!(!alone.is_complete(), "{alone:?}");
        let both = census(&[ours.place(), theirs.place()]).expect("readable");
        assert_eq!(both, Census { allocated: [12; 2], in_tables: 12, still: true });
        assert!(both.is_complete());
        assert!(!Census { still: false, ..both }.is_complete(), "one that opened hides another");
        assert!(!Census { allocated: [12, 13], ..both }.is_complete(), "so does a new listener");
    }

    #[test]
    fn a_process_that_went_to_another_namespace_is_not_counted() {
        let ours = Fake::new("moved", [1, 4, 4, 0]);
        let here = fs::metadata(&ours.0).expect("a directory").ino();
        let of = |inode| NetDirectory { namespace: Some((ours.0.clone(), inode)), ..ours.place() };
        assert!(census(&[of(here)]).expect("readable").is_complete());
        assert!(!census(&[of(here + 1)]).expect("readable").is_complete());
    }

    #[test]
    fn what_cannot_be_read_proves_nothing() {
        let ours = Fake::new("unreadable", [1, 4, 4, 0]);
        fs::remove_file(ours.0.join("sockstat6")).expect("no IPv6");
        assert!(census(&[ours.place()]).expect("readable").is_complete());
        let gone = NetDirectory { net: ours.0.join("gone"), namespace: None };
        assert_eq!(census(&[ours.place(), gone]), None);
        fs::write(ours.0.join("sockstat"), "TCP: inuse 4\n").expect("a file");
        assert_eq!(census(&[ours.place()]), None, "a kernel that does not tell");
    }

    #[test]
    fn a_small_table_is_not_asked_about() {
        assert!(!all_in_tables(Path::new("/nowhere")));
    }
}
