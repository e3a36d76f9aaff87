//! `watch` without a terminal: lines for people, logs and scripts.

use std::time::Duration;

use crate::alert::Change;
use crate::engine::{Engine, Pace, Round, Selection, Told, Watched, Watcher, Wishes};
use crate::model::gap::Gap;
use crate::model::human;
use crate::model::want::TableId;
use crate::output::out::Out;
use crate::output::style::{Tone, severity_tone};
use crate::output::{json, text};
use crate::rules::{Config, Severity};
use crate::sys::clock;
use crate::sys::notify::Notifier;
use crate::sys::service::{Manager, Priority};
use crate::sys::signal::Ending;

use super::check;
use super::context::Context;
use super::error::Error;
use super::flags::WatchFlags;
use super::repeat::nanos;
use super::transitions::{self, Chosen};

/// What is watched.
pub struct Plain<'p> {
    /// The flags.
    pub flags: &'p WatchFlags,
    /// The tables.
    pub tables: Vec<TableId>,
    /// The rules.
    pub config: &'p Config,
    /// What own rules count.
    pub own: &'p [Selection],
    /// Which transitions are told.
    pub chosen: Chosen,
}

/// How long events are gathered before their lines are written.
const GATHER: Duration = Duration::from_millis(100);

/// Watches until a signal, the end of the time, or a closed pipe.
pub fn run<'p>(
    context: &mut Context<'_>,
    engine: &'p Engine,
    plain: Plain<'p>,
    notifier: Option<Notifier>,
) -> Result<(), Error> {
    let ending = Ending::watch()
        .map_err(|error| Error::Failed(format!("no signal can be caught: {error}")))?;
    let Plain { flags, tables, config, own, chosen } = plain;
    let events = transitions::events(context.shared.source);
    let watched = Watched { engine, tables, config, own, events };
    let (watcher, sources) = Watcher::open(watched).map_err(Error::Failed)?;
    let mut lines = Lines {
        flags,
        chosen,
        notifier,
        manager: Manager::from_environment(),
        gaps: Vec::new(),
        failing: false,
        slow: false,
    };
    lines.remark(context, Priority::Info, &format!("events by {sources}\n"));
    let result = lines.watch(context, watcher, &ending);
    lines.manager.say("STOPPING=1");
    check::finish(context, lines.notifier.take());
    result?;
    ending.status().map_or(Ok(()), |status| Err(Error::Signal(status)))
}

/// Writes the lines, and remembers what was said.
struct Lines<'p> {
    flags: &'p WatchFlags,
    chosen: Chosen,
    notifier: Option<Notifier>,
    manager: Manager,
    /// The gaps that were told.
    gaps: Vec<Gap>,
    /// Whether the last round failed, or took longer than its interval.
    failing: bool,
    slow: bool,
}

impl Lines<'_> {
    fn watch(
        &mut self,
        context: &mut Context<'_>,
        mut watcher: Watcher<'_>,
        ending: &Ending,
    ) -> Result<(), Error> {
        let begun_ns = clock::monotonic_ns();
        let end_ns = self.flags.duration.map(|duration| begun_ns.saturating_add(nanos(duration)));
        let interval_ms = nanos(self.flags.interval) / 1_000_000;
        let mut pace = Pace::new(self.flags.max_cpu);
        let is_over = |now_ns: u64| {
            ending.status().is_some() || end_ns.is_some_and(|end_ns| now_ns >= end_ns)
        };
        loop {
            let look_ns = clock::monotonic_ns();
            let round = watcher.round(Wishes::default());
            self.transitions(context, &mut watcher)?;
            match round {
                Ok(round) => self.round(context, &round)?,
                Err(error) => self.failed(context, &error.to_string()),
            }
            let kept_ms = pace.next(interval_ms, clock::process_cpu_ns());
            let due_ns = look_ns.saturating_add(kept_ms.saturating_mul(1_000_000));
            loop {
                let now_ns = clock::monotonic_ns();
                self.manager.alive(now_ns);
                if is_over(now_ns) {
                    return Ok(());
                }
                if now_ns >= due_ns {
                    break;
                }
                let left = Duration::from_nanos(
                    due_ns.min(end_ns.unwrap_or(u64::MAX)).saturating_sub(now_ns),
                );
                let lost = watcher.listen(left.min(GATHER)).map_err(|error| {
                    Error::Failed(format!("events can no longer be read: {error}"))
                })?;
                self.transitions(context, &mut watcher)?;
                // Lost events are made good by a look.
                if lost {
                    break;
                }
            }
        }
    }

    /// What a round brought: alerts that changed, gaps that are new.
    fn round(&mut self, context: &mut Context<'_>, round: &Round) -> Result<(), Error> {
        for change in &round.changes {
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
        for failed in self.notifier.iter().flat_map(Notifier::news).collect::<Vec<_>>() {
            self.remark(context, Priority::Warning, &format!("{failed}\n"));
        }
        let gaps = std::mem::replace(&mut self.gaps, round.report.gaps.clone());
        // Counts of a gap come and go; that there is one is told once.
        let is_new = |gap: &&Gap| !gaps.iter().any(|told| told.what == gap.what);
        let new: Vec<Gap> = round.report.gaps.iter().filter(is_new).cloned().collect();
        self.tell_gaps(context, &new)?;
        self.tell_pace(context, round);
        if std::mem::take(&mut self.failing) {
            self.remark(context, Priority::Notice, "looking again\n");
        }
        let alerts = human::plural(round.alerts.len() as u64, "alert");
        self.manager.ready(&format!("{}, {alerts}", human::plural(round.total(), "socket")));
        Ok(())
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

    /// `08:00:12  CRITICAL accept-queue-overflow  0.0.0.0:8080 node[121]: queue …; the limit …`
    fn alert(
        &self,
        context: &mut Context<'_>,
        round: &Round,
        change: &Change,
    ) -> Result<(), Error> {
        let time = clock::local_time_of_day(round.clocks.wall_at(round.begun_ns));
        let (word, tone, priority, standing) = match change {
            Change::Resolved(standing) => ("resolved", Tone::Good, Priority::Notice, standing),
            Change::Firing(standing) => {
                let tone = severity_tone(standing.alert.severity);
                match standing.alert.severity {
                    Severity::Critical => ("CRITICAL", tone, Priority::Critical, standing),
                    Severity::Warning => ("WARNING ", tone, Priority::Warning, standing),
                }
            }
        };
        let alert = &standing.alert;
        let mut rest = format!(" {}  {}", alert.rule, alert.subject);
        if matches!(change, Change::Firing(_)) {
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
        watcher: &mut Watcher<'_>,
    ) -> Result<(), Error> {
        let clocks = watcher.clocks();
        let (as_json, mut gaps) = (context.shared.json, Vec::new());
        let (mut names, unicode) = (context.names(), context.unicode());
        let prefix = self.manager.prefix(Priority::Info);
        let (mut out, style) = context.output();
        let mut pen = text::Pen { style, unicode, names: &mut names };
        while let Some(told) = watcher.next_told() {
            match told {
                Told::Gap(gap) => gaps.push(gap),
                Told::Transition(change)
                    if self.flags.transitions && self.chosen.takes(&change) =>
                {
                    if as_json {
                        json::transition(&mut out, &change, clocks);
                    } else {
                        out.write(prefix.as_bytes());
                        text::transition(&mut out, &change, clocks, &mut pen);
                    }
                }
                Told::Transition(_) => {}
            }
        }
        finish(out)?;
        self.tell_gaps(context, &gaps)
    }
}

fn finish(out: Out<'_>) -> Result<(), Error> {
    Ok(out.finish()?)
}
