//! sockstate against `ss` on the same sockets in the same run.
//!
//! `cargo bench --bench compare -- [SOCKETS …]` (default 10000 100000; 1000000
//! needs about 10 GiB) builds a population in a network namespace of its own,
//! runs each work of the table alternately with both programs, and prints
//! medians, ratio, bar, and whether it was met. Needs root (a namespace and its
//! own connection table). `--rounds N` (default 5), `--only TEXT` picks works.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

mod measure;
mod population;
mod works;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if args.first().is_some_and(|arg| arg == population::HOLD) {
        return population::hold(&args[1..]);
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
}

fn options(args: &[String]) -> Result<Options, String> {
    let mut options = Options { sizes: Vec::new(), rounds: 5, only: None };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--rounds" => {
                options.rounds = value()?.parse().map_err(|_| "--rounds needs a number")?;
            }
            "--only" => options.only = Some(value()?.clone()),
            size => {
                options.sizes.push(size.parse().map_err(|_| format!("no number: {size}"))?);
            }
        }
    }
    if options.sizes.is_empty() {
        options.sizes = vec![10_000, 100_000];
    }
    Ok(options)
}

fn run(args: &[String]) -> Result<(), String> {
    let options = options(args)?;
    // SAFETY-free check: only root may make the namespace's own table.
    if !rustix::process::geteuid().is_root() {
        return Err("needs root: a network namespace with a connection table of its own".into());
    }
    for size in options.sizes {
        if let Some(why) = population::does_not_fit(size) {
            println!("{size} sockets: skipped, {why}\n");
            continue;
        }
        let population = population::Population::make(size)?;
        println!("{} sockets in {} processes", population.sockets, population.processes());
        println!(
            "{:<44} {:>9} {:>9} {:>7} {:>6}  met",
            "work", "sockstate", "peer", "ratio", "bar"
        );
        for work in works::WORKS {
            let skipped = options.only.as_ref().is_some_and(|text| !work.name.contains(text));
            if skipped || size < work.from || size > work.to {
                continue;
            }
            let result = measure::compare(work, options.rounds)?;
            println!("{}", result.line(work));
        }
        println!();
        drop(population);
    }
    Ok(())
}
