//! What a table costs by keys that were chosen to collide, beside the same number
//! of ordinary ones: the two must be alike. With `FxHash` the first are 38,000
//! addresses in one place, and counting them takes seconds.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use sockstate::testing::model::address::Address;
use sockstate::testing::model::hash::KeyedMap;

const COUNT: u64 = 38_000;

fn main() {
    divan::main();
}

/// Addresses of one /64; that of the colliding ones is the constant with which
/// `FxHash` mixes the first eight bytes.
fn addresses(prefix: u64) -> Vec<Address> {
    let of = |host: u64| {
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&prefix.to_le_bytes());
        octets[8..].copy_from_slice(&host.to_be_bytes());
        Address::v6(octets)
    };
    (0..COUNT).map(of).collect()
}

fn count(bencher: Bencher, prefix: u64) {
    let addresses = addresses(prefix);
    bencher.counter(ItemsCount::new(COUNT)).bench(|| {
        let mut counts = KeyedMap::default();
        addresses.iter().for_each(|address| *counts.entry(*address).or_insert(0_u64) += 1);
        black_box(counts.len())
    });
}

#[divan::bench]
fn colliding(bencher: Bencher) {
    count(bencher, 0x243f_6a88_85a3_08d3);
}

#[divan::bench]
fn ordinary(bencher: Bencher) {
    count(bencher, 0x0100_0db8_b80d_0120);
}
