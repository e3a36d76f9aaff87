//! Text that the outside can choose, with an escape code, a line break and a mark that reverses the
//! reading direction in every part of it: none of the three comes out of any output.

use std::fs;

use anyhow::ensure;

use crate::kit::fakeproc::{FakeProc, Line};
use crate::kit::run::{Output, Run};
use crate::kit::tempdir::TempDir;
use crate::kit::{Result, Trial, plain_trial, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        plain_trial("hostile::every_output", every_output),
        plain_trial("hostile::the_live_terminal", the_live_terminal),
        trial("hostile::real_sockets", real_sockets),
    ]
}

/// What stands in every text; after the break a line of ours could be faked.
const EVIL: &str = "a\u{1b}[31m\nFAKE\u{202e}b\\c";

/// The same as a string of TOML may have it.
const IN_TOML: &str = "a\\u001B[31m\\nFAKE\u{202e}b\\\\c";

struct World {
    proc: FakeProc,
    dir: TempDir,
}

impl World {
    fn new() -> Result<World> {
        let (proc, dir) = (FakeProc::new()?, TempDir::new()?);
        proc.table("tcp", &[Line::new("127.0.0.1:80", "0.0.0.0:0", 10, 7)?])?;
        // A line break in a name would end the line of the table.
        proc.unix(&[(0x10000, 1, 1, 8, "/run/a\u{1b}[31m\u{202e}b")])?;
        proc.process(1, EVIL.replace('\n', "").as_bytes(), &[(3, 7), (4, 8)])?;
        let rules = format!(
            "[[rule]]\nid = \"own\"\nwhen = \"count(process a\u{202e}b or state listen) > 0\"\n\
             summary = \"{IN_TOML}\"\nremedy = \"{IN_TOML}\"\n\n[[override]]\nrule = \"syn-sent-stuck\"\n\
             process = \"a\u{202e}b\"\nmin_count = 5\n"
        );
        fs::write(dir.path().join(EVIL), rules)?;
        Ok(World { proc, dir })
    }

    fn file(&self) -> String {
        self.dir.path().join(EVIL).display().to_string()
    }

    /// A directory without a single table, whose name is in the gaps.
    fn nowhere(&self) -> Result<String> {
        let place = self.dir.path().join(format!("proc{EVIL}"));
        fs::create_dir_all(&place)?;
        Ok(place.display().to_string())
    }
}

fn is_harmless(args: &[&str], text: &str) -> Result<()> {
    let evil = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    ensure!(!text.contains(evil), "{args:?}: {text:?}");
    let faked = text.lines().any(|line| line.trim_start().starts_with("FAKE"));
    ensure!(!faked, "{args:?}: {text}");
    Ok(())
}

fn is_harmless_output(args: &[&str], output: &Output) -> Result<()> {
    is_harmless(args, &output.stdout)?;
    is_harmless(args, &output.stderr)
}

fn every_output() -> Result<()> {
    let world = World::new()?;
    let (root, file, nowhere) = (world.proc.root(), world.file(), world.nowhere()?);
    let notify = format!("/nonexistent/{}", EVIL.replace('\n', ""));
    let filter = format!("process a or user {EVIL}");
    let quoted = "process a\u{1b}[31m\\\nFAKE\u{202e}b";
    let place = ["--source", "proc", "--proc-root", &root];
    let there: [&[&str]; 12] = [
        &["status"],
        &["status", "--json"],
        &["list", "-axtp"],
        &["list", "-axtp", "--json"],
        &["list", "-axt", "--csv", "--columns", "local,comm,process,path"],
        &["list", "-a", quoted],
        &["list", "-a", "--explain-filter", quoted],
        &["count", "-axt", "--by", "process"],
        &["count", "-axt", "--by", "process", "--json"],
        &["listeners", "-tx"],
        &["listeners", "-tx", "--json"],
        &["list", "-a", &filter],
    ];
    let with_rules: [&[&str]; 6] = [
        &["check", "--notify", &notify],
        &["check", "--json", "--notify", &notify],
        &["check", "--print-rules"],
        &["watch", "--plain", "--duration", "300ms", "--interval", "50ms", "--notify", &notify],
        &["watch", "--json", "--duration", "300ms", "--interval", "50ms", "--notify", &notify],
        &["check", "--for", "200ms", "--interval", "50ms"],
    ];
    for args in there {
        let args: Vec<&str> = args.iter().copied().chain(place).collect();
        is_harmless_output(&args, &Run::new(&args).run()?)?;
    }
    let mut fired = 0;
    for args in with_rules {
        let args: Vec<&str> = args.iter().copied().chain(place).chain(["--rules", &file]).collect();
        let output = Run::new(&args).run()?;
        is_harmless_output(&args, &output)?;
        fired += usize::from(output.stdout.contains("own"));
    }
    ensure!(fired == with_rules.len(), "the rule must have fired");
    let elsewhere: [&[&str]; 12] = [
        &["status"],
        &["list", "-a"],
        &["list", "-a", "--json"],
        &["list", "-xap"],
        &["count", "--json"],
        &["check"],
        &["check", "--json"],
        &["listeners"],
        &["ports"],
        &["watch", "--plain", "--duration", "200ms"],
        &["events", "--duration", "100ms"],
        &["explain", "TIME_WAIT"],
    ];
    for args in elsewhere {
        for source in ["auto", "proc"] {
            let more = ["--source", source, "--proc-root", &nowhere];
            let args: Vec<&str> = args.iter().copied().chain(more).collect();
            is_harmless_output(&args, &Run::new(&args).run()?)?;
        }
    }
    let wrong: [&[&str]; 11] = [
        &["list", "--from", &file],
        &["list", "-N", EVIL],
        &["explain", EVIL],
        &["check", "--rules", &nowhere],
        &["check", "--rule", EVIL],
        &["check", "--max", EVIL],
        &["watch", "--config", &file],
        &["list", "--columns", EVIL],
        &["list", "--sort", EVIL],
        &["count", "--by", EVIL],
        &[EVIL],
    ];
    for args in wrong {
        is_harmless_output(args, &Run::new(args).run()?)?;
    }
    Ok(())
}

/// A real notify command, a real hostname and the kernel's own sources are in these.
fn real_sockets() -> Result<()> {
    let dir = TempDir::new()?;
    let path = dir.path().join(EVIL.replace('/', ""));
    let _listener = std::os::unix::net::UnixListener::bind(&path)?;
    let all: [&[&str]; 4] =
        [&["list", "-xlp"], &["list", "-xlp", "--json"], &["listeners", "-x"], &["status"]];
    for args in all {
        is_harmless_output(args, &Run::new(args).run()?.ok()?)?;
    }
    Ok(())
}

fn the_live_terminal() -> Result<()> {
    let world = World::new()?;
    let (root, file) = (world.proc.root(), world.file());
    let filter = "process a\u{202e}b or state listen";
    let args = ["watch", "--source", "proc", "--proc-root", &root, "--rules", &file, filter];
    let mut session = Run::new(args).start_session(140, 40)?;
    session.wait_for("own")?;
    for key in ["1", "2", "3", "4", "5", "?"] {
        session.keys(key)?;
        std::thread::sleep(std::time::Duration::from_millis(300));
        is_harmless(&args, &session.text())?;
    }
    session.keys("q")?;
    session.keys("q")?;
    session.finish()?;
    Ok(())
}
