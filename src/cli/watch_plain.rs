//! `watch` without a terminal: lines for people, logs and scripts.

use std::borrow::Cow;
use std::time::Duration;

use crate::alert::AlertChange;
use crate::live::{
    self, AtEnd, CpuBudget, Next, Round, Rounds, Schedule, StreamItem, Watch, Watched, Wishes,
};
use crate::machine::Machine;
use crate::model::gap::Gap;
use crate::model::human;
use crate::model::proto::TableId;
use crate::output::out::Out;
use crate::output::style::{Tone, severity_tone};
use crate::output::{json, text};
use crate::query::Selection;
use crate::rules::{Config, Needs, Severity};
use crate::sys::clock;
use crate::sys::notify::Notifier;
use crate::sys::service::{Manager, Priority};
use crate::sys::signal::Ending;

use super::context::Context;
use super::error::Error;
use super::flags::WatchFlags;
use super::repeat::{caught, nanos};
use super::transitions::{self, Chosen};

/// The sockets to watch, and the rules that judge them.
pub struct Plain<'p> {
    /// The flags.
    pub flags: &'p WatchFlags,
    /// The tables.
    pub tables: Vec<TableId>,
    /// The rules.
    pub config: &'p Config,
    /// The selections of the custom rules.
    pub custom: &'p [Selection],
    /// The choice of transitions to tell.
    pub chosen: Chosen,
}

/// The time for which events are gathered before their lines are written.
const GATHER: Duration = Duration::from_millis(100);

/// Watches until a signal, the end of the time, or a closed pipe.
pub fn run<'p>(
    context: &mut Context<'_>,
    machine: &'p Machine,
    plain: Plain<'p>,
    notifier: Option<Notifier>,
) -> Result<(), Error> {
    let ending = caught()?;
    let Plain { flags, tables, config, custom, chosen } = plain;
    let events = transitions::events(context.shared.source);
    let watched = Watched { machine, tables, config, custom };
    let (rounds, sources) = Rounds::with_events(watched, events).map_err(Error::Failed)?;
    let lines = Lines {
        flags,
        chosen,
        notifier,
        manager: Manager::from_environment(),
        gaps: Vec::new(),
        unknown: Vec::new(),
        failing: false,
        slow: false,
        looked: false,
    };
    lines.remark(context, Priority::Info, &format!("events by {sources}\n"));
    let schedule = Schedule::new(clock::monotonic_ns(), flags.interval)
        .ending(flags.duration, AtEnd::Stop)
        .within(CpuBudget::new(flags.max_cpu));
    let mut watching = Watching { context, rounds, lines, ending };
    let result = live::run(schedule, &mut watching);
    let Watching { context, mut lines, ending, .. } = watching;
    lines.manager.say("STOPPING=1");
    let lost = lines.notifier.take().map(Notifier::finish).unwrap_or_default();
    let told = lines.tell_gaps(context, &lost);
    result.and(told)?;
    match ending.status() {
        Some(status) => Err(Error::Signal(status)),
        // Why is told: it was tried again until the end.
        None if lines.failing && !lines.looked => Err(Error::Told),
        None => Ok(()),
    }
}

/// Rounds, and the lines that they come to.
struct Watching<'p, 'w, 'c> {
    context: &'c mut Context<'w>,
    rounds: Rounds<'p>,
    lines: Lines<'p>,
    ending: Ending,
}

impl Watch for Watching<'_, '_, '_> {
    type Error = Error;

    fn look(&mut self) -> Result<Next, Error> {
        let round = self.rounds.round(WISHES);
        self.lines.transitions(self.context, &mut self.rounds)?;
        match round {
            Ok(round) => self.lines.round(self.context, &round)?,
            Err(error) => self.lines.failed(self.context, &error.to_string()),
        }
        Ok(Next::Due)
    }

    fn wait(&mut self, left: Duration) -> Result<Next, Error> {
        self.lines.manager.alive(clock::monotonic_ns());
        let lost = self
            .rounds
            .listen(left.min(GATHER))
            .map_err(|error| Error::Failed(format!("events can no longer be read: {error}")))?;
        self.lines.transitions(self.context, &mut self.rounds)?;
        // Lost events are made good by a look.
        Ok(if lost { Next::Now } else { Next::Due })
    }

    fn is_over(&self) -> bool {
        self.ending.status().is_some()
    }
}

/// The number of sockets is told to a service manager.
const WISHES: Wishes = Wishes { tally: true, needs: Needs::NONE, ..Wishes::NOTHING };

/// Writes the lines, and remembers what was said.
struct Lines<'p> {
    flags: &'p WatchFlags,
    chosen: Chosen,
    notifier: Option<Notifier>,
    manager: Manager,
    /// The gaps that were told.
    gaps: Vec<Gap>,
    /// The rules that were reported as unable to judge.
    unknown: Vec<Cow<'static, str>>,
    /// True while rounds fail.
    failing: bool,
    slow: bool,
    /// Whether any round did not fail.
    looked: bool,
}

impl Lines<'_> {
    /// Writes the news of a round: alerts that changed, gaps that are new.
    fn round(&mut self, context: &mut Context<'_>, round: &Round) -> Result<(), Error> {
        for change in &round.judged.changes {
            let line = json::alert_event(round.started, round.at_ms, change);
            if context.shared.json {
                context.print(&line)?;
            } else {
                self.alert(context, round, change)?;
            }
            if let Some(notifier) = &self.notifier {
                notifier.send(line);
            }
        }
        let lost: Vec<Gap> = self.notifier.iter().flat_map(Notifier::news).collect();
        self.tell_gaps(context, &lost)?;
        self.tell_unknown(context, round)?;
        let gaps = std::mem::replace(&mut self.gaps, round.report.gaps.clone());
        // Counts of a gap come and go; that there is one is told once.
        let is_new = |gap: &&Gap| !gaps.iter().any(|told| told.what == gap.what);
        let new: Vec<Gap> = round.report.gaps.iter().filter(is_new).cloned().collect();
        self.tell_gaps(context, &new)?;
        self.tell_pace(context, round);
        self.looked = true;
        if std::mem::take(&mut self.failing) {
            self.remark(context, Priority::Notice, "looking again\n");
        }
        let alerts = human::plural(round.judged.firing.len() as u64, "alert");
        self.manager.ready(&format!("{}, {alerts}", human::plural(round.total(), "socket")));
        Ok(())
    }

    /// Says which rules cannot judge, whenever those are others than before:
    /// silence of a rule that is blind is no all-clear.
    fn tell_unknown(&mut self, context: &mut Context<'_>, round: &Round) -> Result<(), Error> {
        let unknown = &round.judged.unknown;
        let names: Vec<_> = unknown.iter().map(|unknown| unknown.rule.clone()).collect();
        if names == self.unknown {
            return Ok(());
        }
        self.unknown = names;
        let at = round.clocks.wall_at(round.begun_ns);
        if context.shared.json {
            let (mut out, _) = context.output();
            json::unknown(&mut out, unknown, at);
            return Ok(out.finish()?);
        }
        let prefix = self.manager.prefix(Priority::Warning);
        let time = clock::local_time_of_day(at);
        let lines = text::not_judged(unknown).into_iter();
        let lines: String = lines.map(|line| format!("{prefix}{time}  {line}\n")).collect();
        context.print(lines.as_bytes())
    }

    fn tell_gaps(&self, context: &mut Context<'_>, gaps: &[Gap]) -> Result<(), Error> {
        if !context.shared.json {
            self.remark(context, Priority::Warning, &text::gaps(gaps));
            return Ok(());
        }
        let (mut out, _) = context.output();
        gaps.iter().for_each(|gap| json::gap(&mut out, gap, clock::now()));
        Ok(out.finish()?)
    }

    fn tell_pace(&mut self, context: &mut Context<'_>, round: &Round) {
        let slow = round.took_ns > nanos(self.flags.interval);
        if slow && !self.slow {
            let took = human::duration(round.took_ns / 1_000_000);
            let interval = human::duration(nanos(self.flags.interval) / 1_000_000);
            let text = format!("the look took {took} > interval {interval}\n");
            self.remark(context, Priority::Warning, &text);
        }
        self.slow = slow;
    }

    /// Says something on standard error, lines each with its priority.
    fn remark(&self, context: &mut Context<'_>, priority: Priority, text: &str) {
        let prefix = self.manager.remark_prefix(priority);
        let lines = text.split_inclusive('\n').map(|line| format!("{prefix}{line}"));
        context.note(&lines.collect::<String>());
    }

    fn failed(&mut self, context: &mut Context<'_>, why: &str) {
        if !std::mem::replace(&mut self.failing, true) {
            let text = format!("the look failed, trying again: {why}\n");
            self.remark(context, Priority::Warning, &text);
        }
    }

    /// Writes a line like `08:00:12  CRITICAL accept-queue-overflow  0.0.0.0:8080
    /// node[121]: queue …; the limit …`.
    fn alert(
        &self,
        context: &mut Context<'_>,
        round: &Round,
        change: &AlertChange,
    ) -> Result<(), Error> {
        let time = clock::local_time_of_day(round.clocks.wall_at(round.begun_ns));
        let (word, tone, priority, standing) = match change {
            AlertChange::Resolved(standing) => ("resolved", Tone::Good, Priority::Notice, standing),
            AlertChange::Firing(standing) => {
                let tone = severity_tone(standing.alert.severity);
                match standing.alert.severity {
                    Severity::Critical => ("CRITICAL", tone, Priority::Critical, standing),
                    Severity::Warning => ("WARNING ", tone, Priority::Warning, standing),
                }
            }
        };
        let alert = &standing.alert;
        let mut rest = format!(" {}  {}", alert.rule, alert.subject);
        if matches!(change, AlertChange::Firing(_)) {
            rest += &format!(": {}", alert.advice("; "));
        }
        let prefix = self.manager.prefix(priority);
        let (mut out, style) = context.output();
        out.write(format!("{prefix}{time}  ").as_bytes());
        style.paint(out.buffer(), tone, word);
        out.write(format!("{rest}\n").as_bytes());
        Ok(out.finish()?)
    }

    /// Writes what happened, where that is wanted.
    fn transitions(
        &mut self,
        context: &mut Context<'_>,
        rounds: &mut Rounds<'_>,
    ) -> Result<(), Error> {
        let clocks = rounds.clocks();
        let (as_json, mut gaps) = (context.shared.json, Vec::new());
        let (mut names, unicode) = (context.names(), context.unicode());
        let prefix = self.manager.prefix(Priority::Info);
        let (mut out, style) = context.output();
        let mut pen = text::Pen { style, unicode, names: &mut names };
        while let Some(item) = rounds.next_item() {
            match item {
                StreamItem::Gap(gap) => gaps.push(gap),
                StreamItem::Transition(change)
                    if self.flags.transitions && self.chosen.takes(&change) =>
                {
                    if as_json {
                        json::transition(&mut out, &change, clocks);
                    } else {
                        out.write(prefix.as_bytes());
                        text::transition(&mut out, &change, clocks, &mut pen);
                    }
                }
                StreamItem::Transition(_) => {}
            }
        }
        finish(out)?;
        self.tell_gaps(context, &gaps)
    }
}

fn finish(out: Out<'_>) -> Result<(), Error> {
    Ok(out.finish()?)
}
