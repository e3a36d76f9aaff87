//! The overview: trouble first, then the counts, then who has most.

use crate::alert::ActiveAlert;
use crate::live::Round;
use crate::model::human;
use crate::model::proto::Proto;
use crate::model::snapshot::StateCounts;
use crate::model::state::{State, TCP_STATES};
use crate::output::alert_summary;
use crate::output::out::Out;
use crate::output::style::{Style, Tone, severity_tone, state_tone};
use crate::rules::{Alert, Severity, UnknownRule};
use crate::survey::{Top, TopKind};

/// On a terminal alerts are shown as far as everything fits this many lines,
/// the worst one always: a screen of 24 and the shell's prompt. The rest are
/// counted.
const SCREEN_LINES: usize = 23;

/// Owners of a listener shown by name; a server may have dozens of workers.
const OWNERS_SHOWN: usize = 2;

/// Cells of the state table side by side.
const STATES_A_LINE: usize = 3;

/// Text is wrapped at this width on wider terminals too: long lines are hard
/// to read.
const TEXT_WIDTH: usize = 100;

/// The contents of the first line.
pub struct Heading {
    /// Name of the host.
    pub host: String,
    /// Time of day of the snapshot.
    pub time: String,
}

/// Writes the round.
///
/// With an overview before it, also what changed since.
pub fn status(
    out: &mut Out<'_>,
    style: &Style,
    round: &Round,
    before: Option<&Round>,
    heading: &Heading,
) {
    let mut below = Vec::new();
    let mut text = StatusText { style, out: &mut below };
    if let Some(tcp) = round.counts(Proto::Tcp) {
        text.states(tcp);
    }
    text.other_tables(round);
    if let Some(before) = before {
        text.changes(round, before);
    }
    text.limits(round);
    text.top(&round.top);
    text.unknown(&round.judged.unknown);
    let mut text = StatusText { style, out: out.buffer() };
    text.heading(round, heading);
    let room = style
        .width
        .map_or(usize::MAX, |_| SCREEN_LINES.saturating_sub(HEADING_LINES + line_count(&below)));
    text.alerts(&round.judged.firing, room);
    out.write(&below);
}

/// The lines that [`StatusText::heading`] writes.
const HEADING_LINES: usize = 2;

fn line_count(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

struct StatusText<'t> {
    style: &'t Style,
    out: &'t mut Vec<u8>,
}

impl StatusText<'_> {
    fn paint(&mut self, tone: Tone, text: &str) {
        self.style.paint(self.out, tone, text);
    }

    fn line(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'\n');
    }

    fn heading(&mut self, round: &Round, heading: &Heading) {
        let left = format!(
            "{}  {}  {} by {}",
            heading.host,
            heading.time,
            human::plural(round.total(), "socket"),
            round.report.source_text()
        );
        self.paint(Tone::Head, &left);
        self.out.extend_from_slice(b"   ");
        let (tone, alerts) = alert_summary::summary(&round.judged);
        self.paint(tone, &alerts);
        self.out.extend_from_slice(b"\n\n");
    }

    /// Writes as many alerts as fit into `room` lines, the worst one always.
    fn alerts(&mut self, alerts: &[ActiveAlert], room: usize) {
        // An empty line ends the alerts.
        let mut room = room.saturating_sub(1);
        for (shown, ActiveAlert { alert, .. }) in alerts.iter().enumerate() {
            let mut block = Vec::new();
            StatusText { style: self.style, out: &mut block }.alert(alert);
            let left = alerts.len() - shown;
            // One line must stay for the number of those that are not shown.
            if shown > 0 && line_count(&block) + usize::from(left > 1) > room {
                let more = human::count(left as u64);
                self.line(&format!("         {more} more: sockstate status --json"));
                break;
            }
            room = room.saturating_sub(line_count(&block));
            self.out.extend_from_slice(&block);
        }
        if !alerts.is_empty() {
            self.out.push(b'\n');
        }
    }

    /// Rules that could not judge: on a terminal, where lines are scarce, their
    /// names only.
    fn unknown(&mut self, unknown: &[UnknownRule]) {
        match unknown {
            [] => {}
            [only] if self.style.width.is_some() => {
                self.line(&format!("not judged: {} (why: sockstate check)", only.rule));
            }
            all if self.style.width.is_some() => {
                let rules = human::plural(all.len() as u64, "rule");
                self.line(&format!("not judged: {rules} (which and why: sockstate check)"));
            }
            all => {
                for UnknownRule { rule, why } in all {
                    self.line(&format!("not judged: {rule}: {why}"));
                }
            }
        }
    }

    fn alert(&mut self, alert: &Alert) {
        let word = match alert.severity {
            Severity::Warning => "WARNING ",
            Severity::Critical => "CRITICAL",
        };
        self.paint(severity_tone(alert.severity), word);
        self.line(&format!(" {}  {}", alert.rule, alert.subject.brief(OWNERS_SHOWN)));
        self.wrapped(&alert.summary);
        if !alert.remedy.is_empty() {
            self.wrapped(&alert.remedy);
        }
    }

    /// Appends a text indented under the alert's word, wrapped on a terminal only.
    fn wrapped(&mut self, text: &str) {
        const INDENT: usize = 9;
        let width = self.style.width.map_or(usize::MAX, |width| width.min(TEXT_WIDTH));
        let mut column = 0;
        for word in text.split(' ') {
            let len = word.chars().count();
            if column > INDENT && column + 1 + len > width {
                self.out.push(b'\n');
                column = 0;
            }
            if column == 0 {
                self.out.extend_from_slice(&[b' '; INDENT]);
                column = INDENT;
            } else {
                self.out.push(b' ');
                column += 1;
            }
            self.out.extend_from_slice(word.as_bytes());
            column += len;
        }
        self.out.push(b'\n');
    }

    fn states(&mut self, tcp: &StateCounts) {
        let cells: Vec<(State, u64)> =
            TCP_STATES.iter().map(|state| (*state, tcp.get(*state))).chain(tcp.others()).collect();
        for (i, line) in cells.chunks(STATES_A_LINE).enumerate() {
            self.paint(Tone::Head, if i == 0 { "TCP   " } else { "      " });
            for (state, count) in line {
                let tone = if *count > 0 { state_tone(*state) } else { Tone::Quiet };
                self.paint(tone, &format!("{state:<12}"));
                self.out.extend_from_slice(format!("{:>9}   ", human::count(*count)).as_bytes());
            }
            while self.out.last() == Some(&b' ') {
                self.out.pop();
            }
            self.out.push(b'\n');
        }
    }

    /// `UDP   4, 1 connected   RAW 0   UNIX 93, 12 listening`, of what was asked
    /// for.
    fn other_tables(&mut self, round: &Round) {
        let with = |counts: &StateCounts, state, word| {
            let (total, some) = (human::count(counts.total()), human::count(counts.get(state)));
            format!("{total}, {some} {word}")
        };
        let counts = [
            ("UDP", round.counts(Proto::Udp).map(|udp| with(udp, State::Established, "connected"))),
            ("RAW", round.counts(Proto::Raw).map(|raw| human::count(raw.total()))),
            ("UNIX", round.counts(Proto::Unix).map(|unix| with(unix, State::Listen, "listening"))),
        ];
        let counts = counts.into_iter().filter_map(|(name, counts)| Some((name, counts?)));
        let mut is_first = true;
        for (name, counts) in counts {
            let label = if is_first { format!("{name:<6}") } else { format!("   {name} ") };
            self.paint(Tone::Head, &label);
            self.out.extend_from_slice(counts.as_bytes());
            is_first = false;
        }
        if !is_first {
            self.out.push(b'\n');
        }
    }

    /// Appends `ESTABLISHED +12   CLOSE_WAIT -3   UDP +1`: what changed since the round
    /// before.
    fn changes(&mut self, now: &Round, before: &Round) {
        let both = |proto| now.counts(proto).zip(before.counts(proto));
        let tcp = both(Proto::Tcp).into_iter().flat_map(|(now, before)| now.changes(before));
        let mut parts: Vec<String> =
            tcp.map(|(state, change)| format!("{state} {}", signed(change))).collect();
        for (name, proto) in [("UDP", Proto::Udp), ("RAW", Proto::Raw), ("UNIX", Proto::Unix)] {
            let Some((now, before)) = both(proto) else { continue };
            let change = now.total() as i64 - before.total() as i64;
            parts.extend((change != 0).then(|| format!("{name} {}", signed(change))));
        }
        self.paint(Tone::Head, "SINCE ");
        if parts.is_empty() {
            self.paint(Tone::Quiet, "the round before: no change");
            self.out.push(b'\n');
        } else {
            let width = self.style.width.unwrap_or(usize::MAX);
            let text = joined(&parts, "SINCE ".len(), width, "\n      ");
            self.paint(Tone::Moving, &text);
            self.out.push(b'\n');
        }
    }

    /// Every number that has a limit, with its limit.
    fn limits(&mut self, round: &Round) {
        let host = &round.snapshot.host;
        let counter = |name| host.counters.get("TCP", name);
        let limits = [
            // Small records, of closed FIN_WAIT2 too: not the number in TIME_WAIT.
            ("tw buckets", counter("tw"), host.sysctls.max_tw_buckets()),
            ("orphans", counter("orphan"), host.sysctls.max_orphans()),
            ("TCP memory pages", counter("mem"), host.sysctls.tcp_mem().map(|[_, _, max]| max)),
        ];
        let parts: Vec<String> = limits
            .into_iter()
            .filter_map(|(name, used, limit)| {
                Some(format!("{name} {} of {}", human::count(used?), human::count(limit?)))
            })
            .collect();
        if !parts.is_empty() {
            self.paint(Tone::Head, "LIMIT ");
            let width = self.style.width.unwrap_or(usize::MAX);
            self.line(&joined(&parts, "LIMIT ".len(), width, "\n      "));
        }
    }

    fn top(&mut self, top: &[Top]) {
        let kinds = [
            (TopKind::ProcessCloseWait, "most CLOSE_WAIT"),
            (TopKind::RemoteTimeWait, "most TIME_WAIT "),
            (TopKind::ProcessSockets, "most sockets   "),
            (TopKind::Remote, "most TCP peers "),
        ];
        let mut first = true;
        for (kind, label) in kinds {
            let names: Vec<String> = top.iter().filter(|t| t.kind == kind).map(offender).collect();
            if names.is_empty() {
                continue;
            }
            if std::mem::take(&mut first) {
                self.out.push(b'\n');
            }
            self.paint(Tone::Head, label);
            self.out.extend_from_slice(b"  ");
            // On a terminal the largest that fit, at least one.
            let mut room = self.style.width.map_or(usize::MAX, |w| w.saturating_sub(label.len()));
            let fits = |name: &&String| {
                let len = name.chars().count() + SEPARATOR.len();
                let fits = len <= room;
                room = room.saturating_sub(len);
                fits
            };
            let shown = names.iter().take_while(fits).count().max(1);
            self.line(&names[..shown].join(SEPARATOR));
        }
    }
}

/// `+1,200` or `-3`.
fn signed(change: i64) -> String {
    let sign = if change < 0 { '-' } else { '+' };
    format!("{sign}{}", human::count(change.unsigned_abs()))
}

/// Between two things on a line.
const SEPARATOR: &str = "   ";

/// Returns the parts on a line that `column` columns stand on already, or on several
/// with `break_line` between them where they do not fit `width`.
fn joined(parts: &[String], column: usize, width: usize, break_line: &str) -> String {
    let mut text = String::new();
    let mut at = column;
    for part in parts {
        let len = part.chars().count();
        if !text.is_empty() {
            let fits = at + SEPARATOR.len() + len <= width;
            text += if fits { SEPARATOR } else { break_line };
            at = if fits { at + SEPARATOR.len() } else { column };
        }
        text += part;
        at += len;
    }
    text
}

fn offender(top: &Top) -> String {
    let who = match (&top.process, &top.remote) {
        (Some((pid, comm)), _) => format!("{comm}[{pid}]"),
        (None, Some(address)) => address.to_string(),
        (None, None) => String::new(),
    };
    format!("{who} {}", human::count(top.count))
}
