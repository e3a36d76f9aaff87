//! Tables by keys that a stranger can choose: addresses, names, paths.
//!
//! Whoever knows the function can choose keys that all fall into one place, and
//! a table of them takes the square of their number. These are hashed with a
//! seed that differs from one run to the next. Numbers that the kernel gives
//! (inodes, process ids, cookies, ports) need none, and have the faster
//! `FxHashMap`.

use std::collections::{HashMap, HashSet};

use hashbrown::DefaultHashBuilder;

/// A map by keys that a stranger can choose.
pub type KeyedMap<K, V> = HashMap<K, V, DefaultHashBuilder>;

/// A set of keys that a stranger can choose.
pub type KeyedSet<K> = HashSet<K, DefaultHashBuilder>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::Address;
    use std::ffi::OsStr;
    use std::fs;
    use std::hash::BuildHasher;
    use std::path::Path;

    /// Addresses of one /64, which `FxHash` takes for one: its first eight bytes
    /// are the constant with which they are mixed, and their product is 0.
    fn colliding(count: u64) -> impl Iterator<Item = Address> {
        const SEED1: u64 = 0x243f_6a88_85a3_08d3;
        (0..count).map(|host| {
            let mut octets = [0; 16];
            octets[..8].copy_from_slice(&SEED1.to_le_bytes());
            octets[8..].copy_from_slice(&host.to_be_bytes());
            Address::v6(octets)
        })
    }

    /// How many different hashes keys have.
    fn hashes(by: &impl BuildHasher, keys: impl Iterator<Item = Address>) -> usize {
        keys.map(|key| by.hash_one(key)).collect::<HashSet<u64>>().len()
    }

    #[test]
    fn keys_that_were_chosen_to_collide_do_not() {
        assert_eq!(hashes(&rustc_hash::FxBuildHasher, colliding(10_000)), 1, "they are chosen");
        let seeded = KeyedMap::<Address, u64>::default();
        assert!(hashes(seeded.hasher(), colliding(10_000)) > 9_990);
        let another = KeyedMap::<Address, u64>::default();
        let of = |map: &KeyedMap<Address, u64>| {
            colliding(4).map(|key| map.hasher().hash_one(key)).collect::<Vec<_>>()
        };
        assert_ne!(of(&seeded), of(&another), "each has its seed");
    }

    /// What the kernel gives, as a key of the faster tables.
    const NUMBERS: &[&str] = &["u8", "u16", "u32", "u64", "NonZeroU64", "_"];

    #[test]
    fn fast_tables_have_numbers_of_the_kernel_for_keys() {
        let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut seen = 0;
        while let Some(path) = files.pop() {
            if path.is_dir() {
                let entries = fs::read_dir(&path).expect("readable");
                files.extend(entries.map(|entry| entry.expect("readable").path()));
                continue;
            }
            if path.extension() != Some(OsStr::new("rs")) {
                continue;
            }
            let text = fs::read_to_string(&path).expect("readable");
            for table in ["FxHashMap<", "FxHashSet<"] {
                for behind in text.split(table).skip(1) {
                    let key = behind.split([',', '>', '"']).next().unwrap_or_default();
                    let is_example = path.ends_with("model/hash.rs");
                    assert!(
                        is_example || NUMBERS.contains(&key),
                        "{}: {table}{key}",
                        path.display()
                    );
                    seen += 1;
                }
            }
        }
        assert!(seen > 20, "the sources were found");
    }
}
