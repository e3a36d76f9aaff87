//! `check`: the rules once, or for a while, with a plugin's exit status.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::convert::Infallible;
use std::time::Duration;

use crate::live::{
    self, AtEnd, CheckStatus, Checked, CustomCount, GrowthBase, Next, Round, Rounds, Schedule,
    Watch, Watched, Wishes,
};
use crate::model::proto::Proto;
use crate::output::{json, text};
use crate::rules::Config;
use crate::sys::clock;
use crate::sys::notify::Notifier;
use crate::sys::signal::Ending;

use super::context::Context;
use super::error::Error;
use super::flags::CheckFlags;
use super::repeat::{caught, pause};
use super::{rules, select};

const TABLES: [Proto; 4] = [Proto::Tcp, Proto::Udp, Proto::Raw, Proto::Unix];

/// The longest time that a command of --notify may run, milliseconds.
const NOTIFY_TIMEOUT_MS: u64 = 10_000;

/// Judges and ends with 0, 1, 2 or 3, as monitoring plugins do.
pub fn run(context: &mut Context<'_>, flags: &CheckFlags) -> Result<(), Error> {
    let (mut config, file) = rules::load_with_path(flags.rules.as_deref())?;
    if !flags.print_rules {
        rules::remark(context, &config);
    }
    rules::restrict(&mut config, &flags.rule, &flags.max)?;
    if flags.print_rules {
        return rules::print(context, &config, file.as_deref());
    }
    let duration = flags.duration.map_or(0, milliseconds);
    // Less would be a loop that never rests.
    let interval = milliseconds(flags.interval).max(10);
    let notifier = notifier(flags.notify.as_deref())?;
    let machine = context.machine();
    let custom = rules::counting(&config, &context.shared, &machine)?;
    if duration == 0 {
        config.hold_nothing();
    }
    let tables = select::tables(&context.shared, &TABLES);
    let watched = Watched { machine: &machine, tables, config: &config, custom: &custom };
    let rounds = Rounds::of_looks(watched, GrowthBase::SinceFirst);
    // One look is over soon enough.
    let ending = if duration == 0 { Ending::default() } else { caught()? };
    let looks = CheckLooks::new(rounds, notifier.as_ref(), ending.clone());
    let checked = looks.watch(&config, duration, interval);
    let undelivered = notifier.map(Notifier::finish).unwrap_or_default();
    let early = ending.status();
    let checked = match checked {
        Ok(checked) if early.is_none() => Checked { undelivered, ..checked },
        checked => {
            context.note(&text::gaps(&undelivered));
            // What was not looked at for as long as was asked is not judged.
            return match (early, checked) {
                (None, Err(why)) => unable(context, &why),
                (status, _) => Err(Error::Signal(status.unwrap_or_default())),
            };
        }
    };
    if let Err(error) = show(context, &checked) {
        return unseen(context, error);
    }
    match checked.status() {
        CheckStatus::Ok => Ok(()),
        status => Err(Error::Exit(status.code())),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the notifier that runs a command at alerts.
///
/// # Errors
/// When there is none in the text.
pub fn notifier(command: Option<&str>) -> Result<Option<Notifier>, Error> {
    let Some(command) = command else { return Ok(None) };
    let notifier = Notifier::new(command, NOTIFY_TIMEOUT_MS);
    notifier.map(Some).ok_or_else(|| Error::Usage("--notify: expected a command".into()))
}

/// The looks of a check; one that fails beside others is left out.
struct CheckLooks<'c> {
    rounds: Rounds<'c>,
    notifier: Option<&'c Notifier>,
    ending: Ending,
    looks: u64,
    first_ms: Option<u64>,
    last: Option<Round>,
    failure: String,
}

impl<'c> CheckLooks<'c> {
    fn new(rounds: Rounds<'c>, notifier: Option<&'c Notifier>, ending: Ending) -> Self {
        let failure = "nothing could be looked at".to_owned();
        Self { rounds, notifier, ending, looks: 0, first_ms: None, last: None, failure }
    }

    /// Looks until the time is over, and then once more.
    fn watch(
        mut self,
        config: &Config,
        duration_ms: u64,
        interval_ms: u64,
    ) -> Result<Checked, String> {
        let duration = Some(Duration::from_millis(duration_ms));
        let schedule = Schedule::new(clock::monotonic_ns(), Duration::from_millis(interval_ms))
            .ending(duration, AtEnd::Look);
        let Ok(()) = live::run(schedule, &mut self);
        let Some(round) = self.last else { return Err(self.failure) };
        let window_ms = round.at_ms.saturating_sub(self.first_ms.unwrap_or(round.at_ms));
        let counted = CustomCount::all(config, &round);
        Ok(Checked { round, counted, looks: self.looks, window_ms, undelivered: Vec::new() })
    }

    fn take(&mut self, round: Round) {
        for change in &round.judged.changes {
            if let Some(notifier) = self.notifier {
                notifier.send(json::alert_event(round.started, round.at_ms, change));
            }
        }
        self.looks = self.looks.saturating_add(1);
        self.first_ms.get_or_insert(round.at_ms);
        self.last = Some(round);
    }
}

impl Watch for CheckLooks<'_> {
    type Error = Infallible;

    fn look(&mut self) -> Result<Next, Infallible> {
        if self.is_over() {
            return Ok(Next::Due);
        }
        match self.rounds.round(Wishes::default()) {
            Ok(round) => self.take(round),
            Err(error) => self.failure = error.to_string(),
        }
        Ok(Next::Due)
    }

    fn wait(&mut self, left: Duration) -> Result<Next, Infallible> {
        pause(left);
        Ok(Next::Due)
    }

    fn is_over(&self) -> bool {
        self.ending.status().is_some()
    }
}

/// Reports that nothing could be looked at: that is UNKNOWN, not a failure of a
/// plugin.
fn unable(context: &mut Context<'_>, why: &str) -> Result<(), Error> {
    if !context.shared.json {
        context.print(format!("SOCKSTATE UNKNOWN - {}\n", why.replace('|', "/")).as_bytes())?;
    }
    context.note(&format!("sockstate: {why}\n"));
    Err(Error::Exit(CheckStatus::Unknown.code()))
}

/// Reports a result that could not be written as UNKNOWN; 1 would mean WARNING.
fn unseen(context: &mut Context<'_>, error: Error) -> Result<(), Error> {
    match error {
        Error::Output(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            context.note(&format!("sockstate: cannot write the result: {error}\n"));
            Err(Error::Exit(CheckStatus::Unknown.code()))
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
    context.footer(&checked.gaps());
    Ok(())
}
