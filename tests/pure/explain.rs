//! Every page of `explain` as it is shown, with fixed numbers, against the files in
//! tests/expected/explain/; and the commands that pages name.
//!
//! `SOCKSTATE_RENEW=1 cargo test --test pure explain` writes the files anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sockstate::testing::explain::{self, DIAGRAM, Known, Page, PageGroup};
use sockstate::testing::model::host::{COUNTERS, Host, SYSCTLS, Shape};
use sockstate::testing::model::snapshot::StateCounts;
use sockstate::testing::model::state::TCP_STATES;
use sockstate::testing::output::out::Out;
use sockstate::testing::output::style::Style;
use sockstate::testing::output::text;

/// Parameters with values that make sense in a sentence; all others are 7.
const PARAMETERS: [(&str, &str); 10] = [
    ("net.core.somaxconn", "4096"),
    ("net.ipv4.ip_local_port_range", "32768 60999"),
    ("net.ipv4.tcp_fin_timeout", "60"),
    ("net.ipv4.tcp_max_tw_buckets", "131072"),
    ("net.ipv4.tcp_orphan_retries", "0"),
    ("net.ipv4.tcp_retries2", "15"),
    ("net.ipv4.tcp_syn_retries", "6"),
    ("net.ipv4.tcp_syn_linear_timeouts", "4"),
    ("net.ipv4.tcp_synack_retries", "5"),
    ("net.ipv4.tcp_syncookies", "1"),
];

fn host() -> Host {
    let mut host = Host::default();
    for sysctl in SYSCTLS {
        let value = match sysctl.shape {
            Shape::Numbers(n) => "7 ".repeat(n),
            Shape::Ports => "40000-40004".to_owned(),
        };
        assert!(host.sysctls.set(sysctl.name, value.as_bytes()));
    }
    for (name, value) in PARAMETERS {
        assert!(host.sysctls.set(name, value.as_bytes()), "{name}");
    }
    for counter in COUNTERS {
        let (group, name) = (counter.group, counter.name);
        let lines = format!("{group}: {name}\n{group}: 42\n");
        assert_eq!(host.counters.parse_pairs(lines.as_bytes()), 0, "{group}.{name}");
    }
    host
}

fn counts() -> StateCounts {
    let mut counts = StateCounts::default();
    for (i, state) in TCP_STATES.into_iter().enumerate() {
        (0..i * 111).for_each(|_| counts.add(state));
    }
    counts
}

fn draw(write: impl FnOnce(&mut Out<'_>, &Style)) -> String {
    let mut sink = Vec::new();
    let mut out = Out::new(&mut sink);
    write(&mut out, &Style { color: false, width: None });
    out.finish().expect("a Vec takes everything");
    String::from_utf8(sink).expect("only text was written")
}

fn shown(page: &Page, host: &Host, counts: &StateCounts) -> String {
    let picture = (page.name == DIAGRAM).then(|| explain::diagram(Some(counts)));
    let page = page.fill(&Known { counts: Some(counts), host });
    draw(|out, style| text::explain(out, style, &page, picture.as_deref()))
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected/explain")
}

#[test]
fn every_page_is_as_expected() {
    let (host, counts) = (host(), counts());
    // Pages made from tables stand together in one file.
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for page in explain::topics() {
        let name = match page.group {
            PageGroup::Sysctl | PageGroup::Counter => page.group.name(),
            _ => &page.name,
        };
        let file = pages.entry(format!("{name}.txt")).or_default();
        *file += &shown(page, &host, &counts);
    }
    let list = draw(|out, style| text::topics(out, style, explain::topics()));
    pages.insert("topics.txt".to_owned(), list);
    if std::env::var_os("SOCKSTATE_RENEW").is_some() {
        drop(fs::remove_dir_all(directory()));
        fs::create_dir_all(directory()).expect("it can be made");
        for (name, text) in &pages {
            fs::write(directory().join(name), text).expect("it can be written");
        }
    }
    for (name, text) in &pages {
        let expected = fs::read_to_string(directory().join(name)).unwrap_or_default();
        assert!(
            *text == expected,
            "{name} is not as expected; if it should be so: SOCKSTATE_RENEW=1 cargo test --test \
             pure explain\n{text}"
        );
    }
    let known: BTreeSet<&str> = pages.keys().map(String::as_str).collect();
    for entry in fs::read_dir(directory()).expect("readable") {
        let name = entry.expect("readable").file_name().into_string().expect("ASCII");
        assert!(known.contains(name.as_str()), "{name} belongs to no page");
    }
}

#[test]
fn no_page_is_wider_than_80_columns() {
    let (host, counts) = (host(), counts());
    for page in explain::topics() {
        for line in shown(page, &host, &counts).lines() {
            assert!(line.len() <= 80, "{}: {line}", page.name);
        }
    }
}

/// Runs a line as a shell would, with the built program.
fn run(line: &str) {
    let program = Path::new(env!("CARGO_BIN_EXE_sockstate"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.parent().expect("a directory").display());
    let output = Command::new("sh")
        .args(["-c", line])
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .expect("sh runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {}\n{said}", output.status);
}

#[test]
fn every_parameter_the_documents_name_has_a_page() {
    let documents = [
        include_str!("../../README.md"),
        include_str!("../../docs/json.md"),
        include_str!("../../docs/platform.md"),
        include_str!("../../man/sockstate.1"),
    ];
    for text in documents {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.')));
        for word in words.map(|word| word.trim_matches('.')) {
            if word.starts_with("net.ipv4.") || word.starts_with("net.core.") {
                assert!(explain::find(word).is_ok(), "{word} has no page");
            }
        }
    }
}

#[test]
fn the_commands_in_the_pages_work() {
    let mut commands = BTreeSet::new();
    for page in explain::topics() {
        for block in page.sections.iter().flat_map(|section| &section.blocks) {
            let codes = block.text().split('`').skip(1).step_by(2);
            commands.extend(codes.filter(|code| code.starts_with("sockstate ")));
        }
    }
    // Those that destroy, and those of which only a part is shown, are not run; nor is
    // `check`, whose status says what is wrong.
    let harmless = |line: &&str| !line.contains(" -K") && !line.starts_with("sockstate check");
    let run_here: Vec<&str> = commands.into_iter().filter(harmless).collect();
    assert!(run_here.len() > 12, "{run_here:?}");
    run_here.into_iter().for_each(run);
}

#[test]
fn an_unknown_name_is_wrong_usage_and_gets_the_nearest() {
    let output = Command::new(env!("CARGO_BIN_EXE_sockstate"))
        .args(["explain", "clsoe-wait"])
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("did you mean close-wait") && said.lines().count() == 1, "{said}");
}
