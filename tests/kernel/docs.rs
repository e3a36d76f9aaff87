//! The documents say what the program does: every member of every JSON
//! document is described, every command that is shown runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::ensure;
use serde_json::Value;
use sockstate::testing::group::KEYS;
use sockstate::testing::kernel::inet_diag::MEMORY_FIELDS;
use sockstate::testing::kernel::tcp_info::FIELDS;
use sockstate::testing::model::host::{SYSCTLS, Scope};

use crate::kit::run::Run;
use crate::kit::trial::asserting;
use crate::kit::{Impossible, Result, Trial, plain_trial};

const README: &str = include_str!("../../README.md");
const JSON: &str = include_str!("../../docs/json.md");
const PLATFORM: &str = include_str!("../../docs/platform.md");
const SCHEMA: &str = include_str!("../../docs/schema.json");
const MAN: &str = include_str!("../../man/sockstate.1");
const DOCUMENTS: [(&str, &str); 6] = [
    ("README.md", README),
    ("ARCHITECTURE.md", include_str!("../../ARCHITECTURE.md")),
    ("CONTRIBUTING.md", include_str!("../../CONTRIBUTING.md")),
    ("CHANGELOG.md", include_str!("../../CHANGELOG.md")),
    ("docs/json.md", JSON),
    ("docs/platform.md", PLATFORM),
];

const CHECKS: &[(&str, fn())] = &[
    ("the_committed_schema_is_the_generated_one", the_committed_schema_is_the_generated_one),
    ("every_member_of_every_document_is_described", every_member_of_every_document_is_described),
    ("every_name_in_a_map_is_described", every_name_in_a_map_is_described),
    ("every_kernel_parameter_is_described", every_kernel_parameter_is_described),
    ("links_lead_somewhere", links_lead_somewhere),
];

/// All trials.
pub fn trials() -> Vec<Trial> {
    let checks = CHECKS.iter().map(|(name, check)| asserting(*name, *check));
    let with_others = [
        plain_trial("every_command_that_is_shown_runs", every_command_that_is_shown_runs),
        plain_trial("groff_has_no_warnings", groff_has_no_warnings),
    ];
    checks.chain(with_others).collect()
}

/// The part of a document below a heading, up to the next heading.
fn section(document: &str, is_wanted: impl Fn(&str) -> bool) -> Option<&str> {
    let mut at = 0;
    for line in document.split_inclusive('\n') {
        at += line.len();
        if line.starts_with('#') && is_wanted(line.trim_end()) {
            let rest = &document[at..];
            return Some(&rest[..rest.find("\n#").unwrap_or(rest.len())]);
        }
    }
    None
}

/// The rows of a table whose first head is `head`, as cells without blanks.
fn table(section: &str, head: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_matches('|').replace("\\|", "\u{0}");
        line.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
    };
    let mut lines = section.lines().skip_while(|line| !line.starts_with(&format!("| {head} |")));
    lines.by_ref().take(2).for_each(drop);
    lines.take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// The first cells of a table, which stand in backticks.
fn names(rows: &[Vec<String>]) -> BTreeSet<String> {
    rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect()
}

/// What stands in backticks.
fn codes(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn set<'n>(names: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

fn the_committed_schema_is_the_generated_one() {
    assert!(
        SCHEMA == sockstate::testing::output::json::schema(),
        "renew docs/schema.json with `cargo run --release -- schema > docs/schema.json`"
    );
}

/// Members of a definition: (name, always there). A choice of shapes has those
/// of all its shapes, none of them always.
fn members(definition: &Value) -> BTreeSet<(String, bool)> {
    if let Some(shapes) = definition["oneOf"].as_array() {
        return shapes.iter().flat_map(members).map(|(name, _)| (name, false)).collect();
    }
    let required: BTreeSet<&str> =
        definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = definition["properties"].as_object().into_iter().flatten();
    properties.map(|(name, _)| (name.clone(), required.contains(name.as_str()))).collect()
}

fn every_member_of_every_document_is_described() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("docs/schema.json is JSON");
    let definitions = schema["$defs"].as_object().expect("definitions");
    for (name, definition) in definitions {
        let members = members(definition);
        if members.is_empty() {
            continue;
        }
        let section = section(JSON, |heading| heading.ends_with(&format!("`{name}`")))
            .unwrap_or_else(|| {
                panic!("docs/json.md has no section whose heading ends in `{name}`")
            });
        let described: BTreeSet<(String, bool)> = table(section, "member")
            .iter()
            .map(|row| (row[0].trim_matches('`').to_owned(), row[2] == "always"))
            .collect();
        assert_eq!(described, members, "docs/json.md, {name}: (member, always present)");
    }
    let sections = JSON.lines().filter(|line| line.starts_with('#') && line.contains(": `"));
    for heading in sections {
        let name = codes(heading).pop().unwrap_or_default().to_owned();
        assert!(
            definitions.contains_key(&name),
            "docs/json.md describes {name}, which is no shape"
        );
    }
}

fn every_name_in_a_map_is_described() {
    let below = |heading: &str| {
        section(JSON, |line| line.trim_start_matches('#').trim() == format!("`{heading}`"))
            .unwrap_or_else(|| panic!("docs/json.md has no section {heading}"))
    };
    let listed = |heading: &str| -> BTreeSet<String> {
        let paragraph = below(heading).trim().rsplit("\n\n").next().unwrap_or_default();
        codes(paragraph).into_iter().map(str::to_owned).collect()
    };
    assert_eq!(listed("tcp_info"), set(FIELDS.iter().map(|field| field.name)));
    assert_eq!(listed("memory"), set(MEMORY_FIELDS.iter().map(|field| field.name)));
    let keys = KEYS.iter().map(|(name, _)| *name).chain(["standing"]);
    assert_eq!(names(&table(below("key"), "member")), set(keys));
}

fn every_kernel_parameter_is_described() {
    let described: Vec<[String; 3]> = table(PLATFORM, "parameter")
        .into_iter()
        .map(|row| [row[0].trim_matches('`').to_owned(), row[1].clone(), row[2].clone()])
        .collect();
    let known: Vec<[String; 3]> = SYSCTLS
        .iter()
        .map(|sysctl| {
            let scope = if sysctl.scope == Scope::Host { "host" } else { "namespace" };
            [sysctl.name.to_owned(), sysctl.unit.to_owned(), scope.to_owned()]
        })
        .collect();
    assert_eq!(described, known, "docs/platform.md: parameter, unit, whose");
}

fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text) in DOCUMENTS {
        let here = root.join(name);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if !file.is_empty() {
                let path = here.parent().unwrap_or(root).join(file);
                assert!(path.exists(), "{name}: {target} does not exist");
            }
            if file.is_empty() {
                let known: Vec<String> =
                    text.lines().filter(|line| line.starts_with('#')).map(anchor_of).collect();
                assert!(known.iter().any(|known| known == anchor), "{name}: no heading {target}");
            }
        }
    }
}

/// The anchor that renderers make of a heading.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Every `sockstate …` that a text shows: in code blocks, with or without a
/// prompt, and in tables.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            found.push(line.trim_start_matches("$ ").to_owned());
        } else if line.starts_with('|') {
            found.extend(codes(line).into_iter().map(|code| code.replace("\\|", "|")));
        }
    }
    found.retain(|line| line == "sockstate" || line.starts_with("sockstate "));
    found
}

/// Those of a help text or of the man page's EXAMPLES.
fn examples(text: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| !line.starts_with("Examples:"));
    // Two blanks separate a command from what it is for.
    let command = |line: &str| line.trim().split("  ").next().unwrap_or_default().to_owned();
    lines.skip(1).map(command).filter(|line| !line.is_empty()).collect()
}

fn man_examples() -> Vec<String> {
    let from = MAN.find("\n.SH EXAMPLES").expect("there are examples");
    let section = &MAN[from + 1..];
    let section = &section[..section[1..].find("\n.SH").unwrap_or(section.len())];
    let commands = section.lines().filter_map(|line| line.strip_prefix(".B "));
    commands.map(|line| line.replace("\\-", "-").replace("\\(aq", "'")).collect()
}

/// Whether a program can be run here.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// The line before and behind a separator that does not stand in quotes.
fn split<'l>(line: &'l str, separator: &str) -> (&'l str, Option<&'l str>) {
    let mut places = line.match_indices(separator).map(|(at, _)| at);
    match places.find(|at| line[..*at].matches('\'').count().is_multiple_of(2)) {
        Some(at) => (&line[..at], Some(&line[at + separator.len()..])),
        None => (line, None),
    }
}

/// The first program behind a pipe that is not installed, and the part of the line before it.
fn missing(line: &str) -> Option<(&str, &str)> {
    let (mut runs, mut rest) = split(line, " | ");
    while let Some(part) = rest {
        let program = part.split(' ').next().unwrap_or_default();
        if !is_installed(program) {
            return Some((program, runs));
        }
        let (piped, more) = split(part, " | ");
        runs = &line[..line.len() - part.len() + piped.len()];
        rest = more;
    }
    None
}

/// The line as it can be run anywhere: nothing is closed, no other namespace
/// entered, and what is not installed or could be overwritten is left out.
fn harmless(line: &str) -> String {
    let (line, _) = split(line, " > ");
    let line = missing(line).map_or(line, |(_, runs)| runs);
    let line = match split(line, " -N ") {
        (first, Some(rest)) => format!("{first} {}", rest.split_once(' ').unwrap_or_default().1),
        _ => line.to_owned(),
    };
    briefly(&line.replace(" -K ", " -K --explain-filter "))
}

/// What goes on until someone ends it ends soon, and calls nobody.
fn briefly(line: &str) -> String {
    let streams = ["sockstate watch", "sockstate events"];
    if !streams.iter().any(|stream| line.starts_with(stream)) {
        return line.to_owned();
    }
    let (stream, rest) = line.split_once(" | ").map_or((line, None), |(a, b)| (a, Some(b)));
    let (stream, _) = stream.split_once(" --notify ").unwrap_or((stream, ""));
    let pipe = rest.map_or(String::new(), |rest| format!(" | {rest}"));
    format!("{stream} --duration 100ms{pipe}")
}

/// Runs a line as a shell would, with the built program.
fn run(line: &str) {
    let program = Path::new(env!("CARGO_BIN_EXE_sockstate"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.parent().expect("a directory").display());
    // Lines that read or write `sockets.dump` find one, and leave nothing behind.
    let here = std::env::temp_dir().join(format!("sockstate-docs-{}", std::process::id()));
    fs::create_dir_all(&here).expect("a directory");
    let dump = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/tcp4.dump");
    fs::copy(dump, here.join("sockets.dump")).expect("a dump");
    let output = Command::new("sh")
        .args(["-c", &harmless(line)])
        .current_dir(&here)
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .expect("sh runs");
    fs::remove_dir_all(&here).expect("removed");
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("not supported by this kernel") {
        return;
    }
    // The status of a check says how the machine is, and that is not ours to know.
    let is_check = line.starts_with("sockstate check") && output.stdout.starts_with(b"SOCKSTATE ");
    assert!(output.status.success() || is_check, "{line}: {}\n{said}", output.status);
    // Behind a pipe only this tells that it failed.
    assert!(!said.lines().any(|text| text.starts_with("sockstate: ")), "{line}: {said}");
}

fn every_command_that_is_shown_runs() -> Result<()> {
    let mut lines: BTreeSet<String> =
        DOCUMENTS.iter().flat_map(|(_, text)| commands(text)).collect();
    assert!(lines.len() > 15, "the documents show commands: {lines:?}");
    let shown = man_examples();
    assert!(shown.len() > 5, "the man page shows commands: {shown:?}");
    lines.extend(shown);
    for command in
        ["", "status", "list", "count", "listeners", "events", "watch", "ports", "explain"]
    {
        let help = Command::new(env!("CARGO_BIN_EXE_sockstate"))
            .args(command.split_whitespace())
            .arg("--help")
            .output()
            .expect("the program runs");
        let shown = examples(&String::from_utf8_lossy(&help.stdout));
        assert!(!shown.is_empty(), "{command} --help shows examples");
        lines.extend(shown);
    }
    for line in &lines {
        run(line);
    }
    let missing: BTreeSet<&str> =
        lines.iter().filter_map(|line| missing(line)).map(|(program, _)| program).collect();
    if !missing.is_empty() {
        let why = format!("not installed: {missing:?}; what stands before them was run");
        return Err(Impossible(why).into());
    }
    Ok(())
}

/// `man` has nothing to say against the page.
fn groff_has_no_warnings() -> Result<()> {
    if !is_installed("groff") {
        return Err(Impossible("groff is not installed".into()).into());
    }
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/man/sockstate.1");
    let output = Run::program("groff", ["-man", "-Tutf8", "-ww", "-z", page]).run()?;
    ensure!(output.stderr.is_empty(), "{output}");
    Ok(())
}
