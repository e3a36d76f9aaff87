//! The built program, and the crate, against this machine's kernel: real sockets, terminals,
//! other programs.
//!
//! Each trial runs in a process of its own, and in a private network namespace where it makes
//! sockets, see [`kit`]. Run with root's privileges or without; `cargo test --test kernel --
//! events::` runs a part.

mod cli;
mod crowd;
mod differential;
mod docs;
mod events;
mod filter;
mod json;
mod kit;
mod ports;
mod rules;
mod screens;
mod soak;
mod sockets;
mod tables;
mod terminal;
mod trace;
mod watch;
mod weather;

use std::process::ExitCode;

use kit::Trial;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        // What some trials start beside themselves.
        Some(crowd::holder::ARGUMENT) => crowd::holder::run(&args[1..]),
        Some(trace::refused::PROBE) => trace::refused::probe(),
        Some(filter::cgroup::HOLD) => filter::cgroup::hold_a_listener(),
        _ => kit::trial::run(trials()),
    }
}

/// All trials; those that take long first, so that the others run beside them.
fn trials() -> Vec<Trial> {
    let modules = [
        ("crowd", crowd::trials()),
        ("rules", rules::trials()),
        ("docs", docs::trials()),
        ("differential", differential::trials()),
        ("filter", filter::trials()),
        ("events", events::trials()),
        ("json", json::trials()),
        ("tables", tables::trials()),
        ("watch", watch::trials()),
        ("sockets", sockets::trials()),
        ("weather", weather::trials()),
        ("trace", trace::trials()),
        ("ports", ports::trials()),
        ("terminal", terminal::trials()),
        ("screens", screens::trials()),
        ("cli", cli::trials()),
        ("kit", kit::selfcheck::trials()),
        ("soak", soak::trials()),
    ];
    let named = |(module, trials): (&'static str, Vec<Trial>)| {
        trials.into_iter().map(move |trial| trial.of(module))
    };
    modules.into_iter().flat_map(named).collect()
}
