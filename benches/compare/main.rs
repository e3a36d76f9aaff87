//! sockstate against `ss` on the same sockets in the same run.
//!
//! `cargo bench --bench compare -- [SOCKETS …]` (default 10000 100000 500000
//! 1000000) builds a population in a network namespace of its own, runs each
//! work of the table alternately with both programs, and prints medians,
//! ratio, bar, and whether it was met. Needs root (a namespace and its own
//! connection table). `--rounds N` (default 5), `--only TEXT` picks works,
//! `--hold` keeps the population until standard input ends instead.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

mod holder;
mod measure;
mod namespace;
mod population;
mod tick;
mod works;

use std::io::Read;
use std::process::{Command, ExitCode};

use peak_alloc::PeakAlloc;
use population::Population;

/// Counts what is allocated, to tell what the tracker holds.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if args.first().is_some_and(|arg| arg == holder::ARGUMENT) {
        return holder::run(&args[1..]);
    }
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("compare: {why}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    sizes: Vec<u64>,
    rounds: usize,
    only: Option<String>,
    hold: bool,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self { sizes: Vec::new(), rounds: 5, only: None, hold: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--rounds" => {
                    options.rounds = value()?.parse().map_err(|_| "--rounds needs a number")?;
                }
                "--only" => options.only = Some(value()?.clone()),
                "--hold" => options.hold = true,
                size => {
                    options.sizes.push(size.parse().map_err(|_| format!("no number: {size}"))?);
                }
            }
        }
        if options.sizes.is_empty() {
            options.sizes = vec![10_000, 100_000, 500_000, 1_000_000];
        }
        Ok(options)
    }

    fn picks(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|text| name.contains(text))
    }
}

fn run(args: &[String]) -> Result<(), String> {
    let options = Options::parse(args)?;
    // Only root may make a connection table for the namespace.
    if !rustix::process::geteuid().is_root() {
        return Err("needs root: a network namespace with a connection table of its own".into());
    }
    // Both programs run ahead of what else the machine does.
    let _ = rustix::process::setpriority_process(None, -10);
    if options.sizes.len() > 1 {
        return each_alone(&options);
    }
    for size in &options.sizes {
        if let Some(why) = population::does_not_fit(*size) {
            println!("{size} sockets: skipped, {why}\n");
            continue;
        }
        match Population::make(*size) {
            Ok(population) => with(population, &options)?,
            // The kernel knows limits that no file tells.
            Err(why) => println!("{size} sockets: skipped, they could not be made: {why}\n"),
        }
    }
    Ok(())
}

/// Runs each size in a process of its own: what the one before needed in memory
/// would be counted as everybody's after it.
fn each_alone(options: &Options) -> Result<(), String> {
    for size in &options.sizes {
        let mut command = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
        command.args([size.to_string(), "--rounds".into(), options.rounds.to_string()]);
        command.args(options.only.iter().flat_map(|text| ["--only", text.as_str()]));
        command.args(options.hold.then_some("--hold"));
        let status = measure::ending_with_us(&mut command).status();
        match status.map_err(|error| error.to_string())? {
            status if status.success() => {}
            status => return Err(format!("{size} sockets: {status}")),
        }
    }
    Ok(())
}

fn with(mut population: Population, options: &Options) -> Result<(), String> {
    println!("{}", population.describe());
    if options.hold {
        println!("held until standard input ends; process {}", std::process::id());
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        return Ok(());
    }
    println!("{}", measure::HEAD);
    for work in works::WORKS {
        if options.picks(work.name) && work.is_for(population.size) {
            // What was in TIME_WAIT a minute ago is gone.
            population.renew_time_wait()?;
            let outcome = measure::compare(work, work.rounds(population.size, options.rounds))?;
            println!("{}", outcome.line(work, population.size));
        }
    }
    if options.picks(tick::NAME) {
        println!("{}", tick::measure(&mut population, options.rounds)?);
    }
    println!();
    Ok(())
}
