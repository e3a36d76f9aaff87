//! The fuzz targets on their seeds, whole, cut and changed: fuzz/ needs a nightly toolchain, and
//! what nothing runs grows old.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 3] = [
    ("inet_rows", targets::inet_rows::run),
    ("unix_rows", targets::unix_rows::run),
    ("dump_file", targets::dump_file::run),
];

fn read(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn seeds() -> Vec<Vec<u8>> {
    let recorded = ["tcp4", "tcp4-details", "tcp6-details", "udp4", "unix"];
    let recorded = recorded.iter().map(|name| read(&format!("tests/recorded/{name}.dump")));
    recorded.chain([read("tests/ss-cases/ss2.dump")]).collect()
}

#[test]
fn every_target_bears_every_seed() {
    for seed in seeds() {
        for (_, target) in TARGETS {
            target(&seed);
        }
    }
}

#[test]
fn every_target_has_its_file_and_its_line() {
    let manifest = String::from_utf8(read("fuzz/Cargo.toml")).expect("text");
    for (name, _) in TARGETS.into_iter().chain([("filter_parse", (|_| ()) as Target)]) {
        let file = String::from_utf8(read(&format!("fuzz/fuzz_targets/{name}.rs"))).expect("text");
        assert!(file.contains(&format!("sockstate_fuzz::{name}::run(")), "{name}: {file}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}

#[test]
fn the_filter_bears_the_expressions_of_ss() {
    let cases: serde_json::Value =
        serde_json::from_slice(&read("tests/ss-cases/ss2_cases.json")).expect("JSON");
    let cases = cases.as_array().expect("cases");
    let texts: Vec<&str> = cases.iter().filter_map(|case| case["filter"].as_str()).collect();
    assert!(texts.len() >= 100, "{}", texts.len());
    for text in texts {
        targets::filter_parse::run(text);
    }
}

/// A part of a seed with some bytes changed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..8);
    (prop::sample::select(seeds()), any::<Index>(), changes).prop_map(|(mut seed, end, changes)| {
        seed.truncate(end.index(seed.len()).clamp(1, 4_000));
        for (at, byte) in changes {
            let at = at.index(seed.len());
            seed[at] = byte;
        }
        seed
    })
}

/// Words of the language, by chance.
fn babble() -> impl Strategy<Value = String> {
    let words = [
        "sport",
        "dport",
        "src",
        "dst",
        "state",
        "exclude",
        "not",
        "and",
        "or",
        "(",
        ")",
        "!",
        "=",
        "<",
        ">=",
        "{",
        "}",
        ",",
        "80",
        "8000-8010",
        "10/8",
        "[::1]:1",
        "*",
        "unix:/a*",
        "listen",
        "age",
        "5m",
        "process",
        "nginx",
        "cgroup",
        "/a/",
        "fwmark",
        "1/2",
        "dev",
        "lo",
        "\\",
        "é",
        "\u{1b}[31m",
        "99999",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..12).prop_map(|w| w.join(" "))
}

proptest! {
    #[test]
    fn every_target_bears_damage(bytes in damaged()) {
        for (_, target) in TARGETS {
            target(&bytes);
        }
    }

    #[test]
    fn the_filter_bears_any_words(text in babble(), any in ".{0,40}") {
        targets::filter_parse::run(&text);
        targets::filter_parse::run(&any);
    }
}
