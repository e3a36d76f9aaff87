//! `check`: the rules once, or for a while, with a plugin's exit status.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::thread;
use std::time::Duration;

use crate::engine::{Checked, Checker, Status};
use crate::model::want::Proto;
use crate::output::{json, text};
use crate::rules::settings::parse_time;
use crate::sys::clock;
use crate::sys::notify::Notifier;

use super::context::Context;
use super::error::Error;
use super::flags::Check;
use super::{rules, select};

const TABLES: [Proto; 4] = [Proto::Tcp, Proto::Udp, Proto::Raw, Proto::Unix];

/// How long a command of --notify may run.
const NOTIFY_TIMEOUT_MS: u64 = 10_000;

/// Judges and ends with 0, 1, 2 or 3, as monitoring plugins do.
pub fn run(context: &mut Context<'_>, flags: &Check) -> Result<(), Error> {
    let (mut config, file) = rules::load_with_path(flags.rules.as_deref())?;
    if !flags.print_rules {
        rules::remark(context, &config);
    }
    rules::restrict(&mut config, &flags.rule, &flags.max)?;
    if flags.print_rules {
        return rules::print(context, &config, file.as_deref());
    }
    let duration = flags.duration.as_deref().map_or(Ok(0), |text| time("--for", text))?;
    let interval = match time("--interval", &flags.interval)? {
        // That would be a loop that never rests.
        0 => return Err(no_time("--interval", &flags.interval)),
        interval => interval.max(10),
    };
    let notifier = notifier(flags.notify.as_deref())?;
    let engine = context.engine();
    let own = rules::counting(&config, &context.shared, &engine)?;
    if duration == 0 {
        // One look is all there is to say of how long something holds.
        config.rules.iter_mut().for_each(|rule| rule.hold_ms.value = 0);
        config.own.iter_mut().for_each(|rule| rule.hold_ms = 0);
    }
    let tables = select::tables(&context.shared, &TABLES);
    let checker = Checker::new(&engine, tables, &config, &own);
    let checked = watch(context, checker, duration, interval, notifier.as_ref());
    finish(context, notifier);
    let checked = match checked {
        Ok(checked) => checked,
        Err(why) => return unable(context, &why),
    };
    if let Err(error) = show(context, &checked) {
        return unseen(context, error);
    }
    match checked.status {
        Status::Ok => Ok(()),
        status => Err(Error::Exit(status.code())),
    }
}

/// Waits for the commands that still run, and says how many events did not get
/// through, and why.
pub(super) fn finish(context: &mut Context<'_>, notifier: Option<Notifier>) {
    for failed in notifier.map(Notifier::finish).unwrap_or_default() {
        context.note(&format!("sockstate: {failed}\n"));
    }
}

fn time(flag: &str, text: &str) -> Result<u64, Error> {
    parse_time(text).ok_or_else(|| no_time(flag, text))
}

fn no_time(flag: &str, text: &str) -> Error {
    Error::Usage(format!("{flag} {text}: expected a time, as in 500ms, 30s, 5m or 1h"))
}

/// The command that is told of alerts.
///
/// # Errors
/// When there is none in the text.
pub fn notifier(command: Option<&str>) -> Result<Option<Notifier>, Error> {
    let Some(command) = command else { return Ok(None) };
    let notifier = Notifier::new(command, NOTIFY_TIMEOUT_MS);
    notifier.map(Some).ok_or_else(|| Error::Usage("--notify: expected a command".into()))
}

/// Looks until the time is over; a look that fails beside others is left out.
fn watch(
    context: &Context<'_>,
    mut checker: Checker<'_>,
    duration_ms: u64,
    interval_ms: u64,
    notifier: Option<&Notifier>,
) -> Result<Checked, String> {
    let start = clock::monotonic_ns();
    let mut failure = "nothing could be looked at".to_owned();
    loop {
        let at_ms = elapsed_ms(start);
        match checker.look(at_ms) {
            Ok(changes) => {
                let events = changes.iter().map(|c| json::alert_event(context.at, at_ms, c));
                events.for_each(|event| {
                    if let Some(notifier) = notifier {
                        notifier.send(event);
                    }
                });
            }
            Err(error) => failure = error.to_string(),
        }
        if at_ms >= duration_ms {
            return checker.finish().ok_or(failure);
        }
        let next_ms = at_ms.saturating_add(interval_ms).min(duration_ms);
        thread::sleep(Duration::from_millis(next_ms.saturating_sub(elapsed_ms(start))));
    }
}

fn elapsed_ms(since_ns: u64) -> u64 {
    clock::monotonic_ns().saturating_sub(since_ns) / 1_000_000
}

/// Nothing could be looked at: that is UNKNOWN, not a failure of a plugin.
fn unable(context: &mut Context<'_>, why: &str) -> Result<(), Error> {
    if !context.shared.json {
        context.print(format!("SOCKSTATE UNKNOWN - {}\n", why.replace('|', "/")).as_bytes())?;
    }
    context.note(&format!("sockstate: {why}\n"));
    Err(Error::Exit(Status::Unknown.code()))
}

/// A result that nobody could read is UNKNOWN; 1 would mean WARNING.
fn unseen(context: &mut Context<'_>, error: Error) -> Result<(), Error> {
    match error {
        Error::Output(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            context.note(&format!("sockstate: cannot write the result: {error}\n"));
            Err(Error::Exit(Status::Unknown.code()))
        }
        other => Err(other),
    }
}

fn show(context: &mut Context<'_>, checked: &Checked) -> Result<(), Error> {
    let at = context.at;
    let as_json = context.shared.json;
    let (mut out, style) = context.output();
    if as_json {
        json::check(&mut out, at, checked);
    } else {
        text::check(&mut out, style, checked);
    }
    out.finish()?;
    context.footer(&checked.report.gaps);
    Ok(())
}
