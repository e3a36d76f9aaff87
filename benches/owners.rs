//! What the owner scan costs per descriptor, on the real `/proc`: this process
//! holds the sockets. The floor of `getdents64` + `readlinkat` is 2.8 µs with a
//! warm dentry cache.

use divan::Bencher;
use divan::counter::ItemsCount;
use rustc_hash::FxHashSet;
use rustix::fs::fstat;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sockstate::testing::sys::owners::scan;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

fn main() {
    divan::main();
}

/// As many sockets as asked, or as many as the hard limit lets us have.
fn sockets(count: usize) -> Vec<UnixDatagram> {
    let limit = getrlimit(Resource::Nofile);
    // A refusal leaves the soft limit in force, which ends the loop below.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    (0..count).map_while(|_| UnixDatagram::unbound().ok()).collect()
}

#[divan::bench(args = [1_000, 18_000], sample_count = 20, sample_size = 1)]
fn every_socket(bencher: Bencher, count: usize) {
    let held = sockets(count);
    bencher
        .counter(ItemsCount::new(held.len()))
        .bench(|| scan(Path::new("/proc"), None).expect("a readable /proc"));
}

#[divan::bench(args = [18_000], sample_count = 20, sample_size = 1)]
fn one_wanted_socket(bencher: Bencher, count: usize) {
    let held = sockets(count);
    let wanted = FxHashSet::from_iter([1]);
    bencher
        .counter(ItemsCount::new(held.len()))
        .bench(|| scan(Path::new("/proc"), Some(&wanted)).expect("a readable /proc"));
}

#[divan::bench(args = [18_000])]
fn look_up(bencher: Bencher, count: usize) {
    let held = sockets(count);
    let owners = scan(Path::new("/proc"), None).expect("a readable /proc");
    let inodes: Vec<u32> = held
        .iter()
        .filter_map(|socket| fstat(socket).ok())
        .map(|stat| stat.st_ino as u32)
        .collect();
    bencher
        .counter(ItemsCount::new(inodes.len()))
        .bench(|| inodes.iter().map(|&inode| owners.of(inode).len()).sum::<usize>());
}
