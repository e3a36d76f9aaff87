//! A hundred thousand sockets, while some of them come and go: every way to read them gives the
//! same rows, and `ss` has them too.
//!
//! The population is the one of `benches/compare`. It needs root, for a connection table of its
//! own; `SOCKSTATE_CROWD=10000` makes it smaller.

#![expect(clippy::print_stdout, reason = "a holder answers on its standard output")]

#[path = "crowd/answers.rs"]
mod answers;
#[path = "../benches/compare/holder.rs"]
mod holder;
mod kit;
#[path = "../benches/compare/namespace.rs"]
mod namespace;
#[path = "../benches/compare/population.rs"]
#[allow(dead_code, reason = "the benchmark uses more of it")]
mod population;
#[path = "differential/ss.rs"]
#[allow(dead_code, reason = "no unix sockets here")]
mod ss;
#[path = "crowd/trials.rs"]
mod trials;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == holder::ARGUMENT) {
        return holder::run(&args[1..]);
    }
    libtest_mimic::run(&Arguments::from_args(), vec![trials::crowd()]).exit_code()
}
