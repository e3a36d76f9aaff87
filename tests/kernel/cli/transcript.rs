//! A transcript: commands with all they say, compared with a file.
//!
//! After `$ ` stands a command, below it its stdout as it is, its stderr after `! ` and its exit
//! status after `= `. Control characters are escaped, and a missing newline at the end is noted.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};

use crate::kit::Result;
use crate::kit::fakeproc::FakeProc;
use crate::kit::run::{Output, Run};

/// Some commands and what they said.
#[derive(Default)]
pub struct Transcript {
    text: String,
    /// Parts of the output that differ between machines, and what stands for them here.
    placeholders: Vec<(String, &'static str)>,
}

impl Transcript {
    /// Runs a command as it is.
    pub fn run(&mut self, args: &[&str]) -> Result<()> {
        let output = Run::new(args).run()?;
        self.add(args, &output)
    }

    /// Runs a command with a `/proc` of our own.
    pub fn run_with(&mut self, proc: &FakeProc, args: &[&str]) -> Result<()> {
        let root = proc.root();
        let output = Run::new(args.iter().copied().chain(on_proc(&root))).run()?;
        self.placeholders.push((root, "PROC"));
        self.add(args, &output)
    }

    /// Adds what a command said. None of them may say anything to the terminal itself.
    pub fn add(&mut self, args: &[&str], output: &Output) -> Result<()> {
        let stdout = self.readable(&output.stdout);
        let stderr = self.readable(&output.stderr);
        let status = output.code().with_context(|| format!("killed: {args:?} {output}"))?;
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text += &format!("$ sockstate {}\n{stdout}", args.join(" "));
        for line in stderr.lines() {
            self.text += &format!("! {line}\n");
        }
        self.text += &format!("= {status}\n");
        Ok(())
    }

    fn readable(&self, said: &str) -> String {
        let mut text = without_circumstances(said);
        for (from, to) in &self.placeholders {
            text = text.replace(from.as_str(), to);
        }
        let escape = |c: char| match c {
            '\n' => "\n".to_owned(),
            '\t' => "\\t".to_owned(),
            c if c.is_control() => c.escape_default().to_string(),
            c => c.to_string(),
        };
        let mut text: String = text.chars().map(escape).collect();
        if !text.is_empty() && !text.ends_with('\n') {
            text += "(no newline at the end)\n";
        }
        text
    }

    /// Compares it with `tests/expected/NAME.txt`.
    pub fn check(self, name: &str) -> Result<()> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let path = path.join("tests/expected").join(format!("{name}.txt"));
        if std::env::var_os("SOCKSTATE_BLESS").is_some() {
            return fs::write(&path, &self.text).with_context(|| path.display().to_string());
        }
        let expected = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        if expected == self.text {
            return Ok(());
        }
        ensure!(expected.lines().ne(self.text.lines()), "{name}: newlines differ");
        bail!("{name}: {}", first_difference(&expected, &self.text))
    }
}

/// The flags that make the program read a `/proc` of our own and nothing else.
fn on_proc(root: &str) -> [&str; 4] {
    ["--source", "proc", "--proc-root", root]
}

/// Puts words in place of what differs from run to run: the time and the name of the machine.
fn without_circumstances(said: &str) -> String {
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy();
    let in_json = format!("\"host\":{{\"name\":\"{host}\"");
    let text = said.replace(&in_json, "\"host\":{\"name\":\"HOST\"");
    let text =
        match text.split_once("\"taken_at\":\"").map(|(start, rest)| (start, rest.split_once('"')))
        {
            Some((start, Some((_time, rest)))) => format!("{start}\"taken_at\":\"TIME\"{rest}"),
            _ => text,
        };
    // The heading of `status`: `web-07  08:00:12  1,284 sockets by netlink`.
    let time = text.strip_prefix(&format!("{host}  ")).and_then(|rest| rest.split_once("  "));
    match time {
        Some((_time, rest)) => format!("HOST  TIME  {rest}"),
        None => text,
    }
}

/// Where two texts part, with the command in which they do.
fn first_difference(expected: &str, said: &str) -> String {
    let (expected, said): (Vec<_>, Vec<_>) = (expected.lines().collect(), said.lines().collect());
    let same = expected.iter().zip(&said).take_while(|(a, b)| a == b).count();
    let command = said[..same].iter().rfind(|line| line.starts_with("$ ")).unwrap_or(&"");
    let some =
        |lines: &[&str]| lines[same..].iter().take(8).copied().collect::<Vec<_>>().join("\n");
    format!(
        "line {}, in {command}\n--- expected\n{}\n--- said\n{}\n--- if that is right: \
         SOCKSTATE_BLESS=1 cargo test --test kernel -- cli::",
        same + 1,
        some(&expected),
        some(&said)
    )
}
