//! Instructions for each socket, counted by callgrind: the same on every run,
//! whatever else the machine does.
//!
//! `cargo bench --bench instructions` runs itself under valgrind, each step with
//! a number of rows and with twice as many; the difference is what the rows
//! cost, without any set-up.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

#[path = "rows/made_up.rs"]
mod made_up;
#[path = "rows/recorded.rs"]
mod recorded;

use std::hint::black_box;
use std::process::{Command, ExitCode};

use sockstate::testing::track::Tracker;

use made_up::{step, tables};
use recorded::{each_row, recorded, write_json, write_text};

/// Recorded dumps and what they are.
const DUMPS: [(&str, &str); 2] = [
    ("tcp4.dump", "IPv4, nothing extra"),
    ("tcp4-details.dump", "IPv4, tcp_info and more in the row"),
];

/// How often a recording is read.
const REPEAT: usize = 200;

/// Sockets in the tracker.
const SOCKETS: usize = 20_000;

/// A step: its name, how it is run with so many rounds, and the rows of a round.
struct Step {
    name: String,
    rows: usize,
    run: Box<dyn Fn(usize)>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let steps = steps();
    if let [name, rounds] = args.as_slice() {
        // Under valgrind.
        let step = steps.iter().find(|step| step.name == *name);
        if let (Some(step), Ok(rounds)) = (step, rounds.parse()) {
            (step.run)(rounds);
        }
        return ExitCode::SUCCESS;
    }
    println!("{:<60} instructions a socket", "step");
    for step in &steps {
        match per_row(step) {
            Ok(count) => println!("{:<60} {count:>8.1}", step.name),
            Err(why) => {
                eprintln!("instructions: {why}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    for (dump, what) in DUMPS {
        let bytes = recorded(dump);
        let rows = each_row(&bytes, &mut |_| {}) as usize * REPEAT;
        let mut add = |name: &str, run: fn(&[u8], usize)| {
            let bytes = bytes.clone();
            let run = Box::new(move |rounds| run(&bytes, rounds * REPEAT));
            steps.push(Step { name: format!("{name} ({what})"), rows, run });
        };
        add("decode", |bytes, repeat| {
            for _ in 0..repeat {
                each_row(bytes, &mut |row| _ = black_box(row));
            }
        });
        add("decode, write text", write_text);
        add("decode, write JSON", write_json);
    }
    for (name, changing) in [("nothing changed", false), ("1 % changed", true)] {
        let run = Box::new(move |rounds| looks(rounds, changing));
        steps.push(Step { name: format!("tracker ({name})"), rows: SOCKETS * 2, run });
    }
    steps
}

/// Two looks a round, after a first one.
fn looks(rounds: usize, changing: bool) {
    let [before, after] = tables(SOCKETS);
    let mut tracker = Tracker::new();
    step(&mut tracker, &before, 0);
    for look in 1..=rounds as u64 * 2 {
        let rows = if changing && look % 2 == 1 { &after } else { &before };
        step(&mut tracker, rows, look * 1_000_000_000);
    }
    black_box(&tracker);
}

fn per_row(step: &Step) -> Result<f64, String> {
    let (once, twice) = (count(&step.name, 1)?, count(&step.name, 2)?);
    Ok((twice - once) as f64 / step.rows as f64)
}

/// All instructions of a run.
fn count(name: &str, rounds: usize) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([name, &rounds.to_string()])
        .output()
        .map_err(|error| format!("no valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find_map(|line| line.split_once("Collected : "));
    line.and_then(|(_, number)| number.trim().parse().ok()).ok_or_else(|| said.into_owned())
}
