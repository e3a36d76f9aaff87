//! Floor 6: arguments to an exit status.

mod check;
mod completions;
mod config_files;
mod context;
mod count;
mod error;
mod events;
mod explain;
mod flags;
mod list;
mod listeners;
pub mod man;
mod ports;
mod query;
mod repeat;
mod rules;
mod safety;
mod select;
mod status;
mod transitions;
mod watch;
mod watch_plain;
mod words;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;

use crate::sys::netns;
use crate::sys::stdout::{self, Closed};

use context::Context;
use error::Error;
use flags::{Cli, Command, RepeatFlags, SourceChoice};

/// Runs the program and returns its exit status: 0 done, 1 it could not do the
/// job, 2 wrong usage. A closed pipe is an ordinary end.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> u8 {
    let mut closed = Closed;
    // /dev/null stands in its place, where an answer would be lost in silence.
    let stdout = if stdout::was_closed() { &mut closed } else { stdout };
    let args: Vec<OsString> = args.into_iter().collect();
    let result = match Cli::try_parse_from(&args) {
        Ok(cli) => dispatch(cli, stdout, stderr),
        Err(error) => Err(Error::of_arguments(&error, &args)),
    };
    match result {
        Ok(()) => 0,
        Err(error) => error.report(stdout, stderr),
    }
}

fn dispatch(cli: Cli, stdout: &mut dyn Write, stderr: &mut dyn Write) -> Result<(), Error> {
    safety::check(&cli)?;
    if let Some(target) = &cli.shared.netns {
        netns::look_into(&cli.shared.proc_root, target)
            .map_err(|error| Error::Failed(format!("cannot enter the namespace: {error}")))?;
    }
    let of_events = matches!(
        cli.shared.source,
        SourceChoice::Tracepoint | SourceChoice::Destroy | SourceChoice::Poll
    );
    if of_events && !matches!(cli.command, Some(Command::Events(_) | Command::Watch(_))) {
        return Err(Error::Usage(
            "the sources tracepoint, destroy and poll are of events and watch; use auto, netlink or proc"
                .into(),
        ));
    }
    // clap does not see a conflict of two flags on either side of a command.
    if let Some(what) = without_json(&cli).filter(|_| cli.shared.json) {
        return Err(Error::Usage(format!("{what} has no JSON: leave out --json")));
    }
    let Cli { shared, command, .. } = cli;
    let mut context = Context::new(shared, stdout, stderr);
    let result = match &command {
        None => status::run(&mut context, &RepeatFlags::default()),
        Some(Command::Status(flags)) => status::run(&mut context, &flags.repeat),
        Some(Command::List(flags)) => list::run(&mut context, flags),
        Some(Command::Count(flags)) => count::run(&mut context, flags),
        Some(Command::Listeners(flags)) => listeners::run(&mut context, flags),
        Some(Command::Check(flags)) => check::run(&mut context, flags),
        Some(Command::Watch(flags)) => watch::run(&mut context, flags),
        Some(Command::Events(flags)) => events::run(&mut context, flags),
        Some(Command::Ports(flags)) => ports::run(&mut context, flags),
        Some(Command::Explain(flags)) => explain::run(&mut context, flags),
        Some(Command::Completions(flags)) => completions::run(&mut context, flags.shell),
        Some(Command::Man) => man::run(&mut context),
        Some(Command::RulesDoc) => context.print(crate::rules::markdown().as_bytes()),
        Some(Command::Schema) => context.print(crate::output::json::schema().as_bytes()),
    };
    result.map_err(|error| match command.as_ref().and_then(Command::words) {
        Some(words) => words.without_quotes(error),
        None => error,
    })
}

/// Returns what is asked for where that is no answer that JSON could give.
fn without_json(cli: &Cli) -> Option<&'static str> {
    let explained = cli.shared.explain_filter.then_some("--explain-filter");
    explained.or(match &cli.command {
        Some(Command::Completions(_)) => Some("completions"),
        Some(Command::Man) => Some("man"),
        Some(Command::RulesDoc) => Some("rules-doc"),
        Some(Command::Check(check)) if check.print_rules => Some("--print-rules"),
        Some(Command::List(list)) if list.csv => Some("--csv"),
        Some(Command::List(list)) if list.dump.is_some() => Some("--dump"),
        Some(Command::List(list)) if list.asks_for_columns() => Some("--columns help"),
        _ => None,
    })
}
