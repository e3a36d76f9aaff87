//! Counts with their last minute, alerts, offenders, limits.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::live::Round;
use crate::live::history::Point;
use crate::model::human;
use crate::model::proto::Proto;
use crate::model::state::TCP_STATES;
use crate::output::alert_summary;
use crate::output::style::{Tone, severity_tone, state_tone};
use crate::rules::Severity;
use crate::rules::alert_filter;
use crate::survey::TopKind;
use crate::tui::app::{App, Hit, TabView};
use crate::tui::grid::put;
use crate::tui::sheet::end;
use crate::tui::view::wrap;

/// The time a sparkline spans.
const WINDOW_MS: u64 = 60_000;

/// Columns of the table of states: name, count, change, sparkline.
const STATES_WIDTH: u16 = 54;

/// Lines of the table of states with its head.
const STATES_HEIGHT: u16 = 12;

/// Lines below the table of states from which on the alerts stand there.
const ENOUGH: u16 = 4;

/// What stands in place of TCP's states where no flag asks for TCP, or nobody
/// could tell.
pub const NO_TCP: &str = "TCP was not read";

/// The tab.
pub struct OverviewTab;

impl TabView for OverviewTab {
    fn title(&self) -> &'static str {
        "Overview"
    }

    fn len(&self, app: &App) -> usize {
        app.looks.round().map_or(0, |round| round.judged.firing.len() + round.judged.unknown.len())
    }

    fn draw(&self, app: &mut App, buffer: &mut Buffer, area: Rect) {
        draw(app, buffer, area);
    }

    fn subject(&self, app: &App, row: usize) -> Option<String> {
        let round = app.looks.round()?;
        let alerts = round.judged.firing.iter().map(|standing| &standing.alert.rule);
        let mut rules = alerts.chain(round.judged.unknown.iter().map(|unknown| &unknown.rule));
        Some(rules.nth(row).map_or_else(|| "handshake".to_owned(), ToString::to_string))
    }

    fn filter_of(&self, app: &App, row: usize) -> Option<String> {
        let round = app.looks.round()?;
        alert_filter::filter_of(
            &round.judged.firing.get(row)?.alert,
            &round.snapshot,
            &app.fixed.custom,
        )
    }

    fn command(&self, app: &App) -> Vec<String> {
        vec![app.ours("status")]
    }
}

fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let Some(round) = app.looks.round().cloned() else { return };
    let Some(point) = app.point().cloned() else { return };
    let moment = ShownMoment { round: &round, point: &point };
    if area.height < STATES_HEIGHT + ENOUGH {
        return short(app, buffer, area, &moment);
    }
    let wide = area.width >= 2 * STATES_WIDTH;
    let states = Rect { width: area.width.min(STATES_WIDTH), height: STATES_HEIGHT, ..area };
    self::states(app, buffer, states, &moment);
    let side = Rect {
        x: area.x + STATES_WIDTH.min(area.width),
        width: area.width.saturating_sub(STATES_WIDTH),
        height: states.height,
        ..area
    };
    let used = if moment.is_past() {
        quiet(app, buffer, side, "no limits of that time");
        1
    } else {
        limits(app, buffer, side, &round)
    };
    let side = Rect { y: side.y + used, height: side.height.saturating_sub(used), ..side };
    others(app, buffer, side, &moment);
    let mut below = Rect { y: area.y + states.height, height: area.height - states.height, ..area };
    let offenders = if moment.is_past() { Vec::new() } else { offenders(&round) };
    // The alerts take what they need, but for a line an offender.
    let reserved = (offenders.len() as u16 + 1).min(below.height / 2);
    let room = Rect { height: below.height - if wide { 0 } else { reserved }, ..below };
    let used = alerts(app, buffer, room, &moment);
    below.y += used;
    below.height -= used;
    if moment.is_past() {
        quiet(app, buffer, below, "no offenders of that time");
    }
    lines(app, buffer, below, &offenders);
}

/// The moment that is shown: a round, and a point of the history, which is
/// another moment after a step back.
struct ShownMoment<'m> {
    round: &'m Round,
    point: &'m Point,
}

impl ShownMoment<'_> {
    /// Returns whether the counts are older than all else that the round has.
    /// Of looks within a second the history keeps one.
    fn is_past(&self) -> bool {
        self.round.begun_ns.abs_diff(self.point.at.0) >= 1_000_000_000
    }
}

/// Draws the worst first, then the states, where there is no room for
/// everything.
fn short(app: &mut App, buffer: &mut Buffer, area: Rect, moment: &ShownMoment<'_>) {
    let room = Rect { height: (area.height / 2).min(4), ..area };
    let used = alerts(app, buffer, room, moment).min(room.height);
    let rest = Rect { y: area.y + used, height: area.height - used, ..area };
    states(app, buffer, rest, moment);
}

fn quiet(app: &App, buffer: &mut Buffer, area: Rect, text: &str) {
    let theme = app.theme();
    let line = Rect { height: area.height.min(1), ..area };
    put(buffer, line, text, false, theme.style(Tone::Quiet), &theme);
}

/// Draws state, count, change since the round before, the last minute.
fn states(app: &App, buffer: &mut Buffer, area: Rect, moment: &ShownMoment<'_>) {
    if moment.round.counts(Proto::Tcp).is_none() {
        return quiet(app, buffer, area, NO_TCP);
    }
    let (theme, point) = (app.theme(), moment.point);
    let before = app.looks.history.back(app.back() + 1);
    let at = |x: u16, width: u16, y: u16| Rect::new(area.x + x, y, width, 1).intersection(area);
    let head = theme.style(Tone::Head);
    put(buffer, at(0, 12, area.y), "TCP", false, head, &theme);
    put(buffer, at(12, 10, area.y), "COUNT", true, head, &theme);
    put(buffer, at(23, 8, area.y), "CHANGE", true, head, &theme);
    let curve = area.width.saturating_sub(33).min(20);
    let title = if curve < 9 { "60 S" } else { "LAST 60 S" };
    put(buffer, at(33, curve, area.y), title, false, head, &theme);
    // Where not all have room, those that have sockets.
    let all = usize::from(area.height) > TCP_STATES.len();
    let states = TCP_STATES.into_iter().filter(|state| all || point.count(*state) > 0);
    for (state, y) in states.zip(area.y + 1..area.bottom()) {
        let count = point.count(state);
        let tone = if count > 0 { state_tone(state) } else { Tone::Quiet };
        put(buffer, at(0, 12, y), &state.to_string(), false, theme.style(tone), &theme);
        put(buffer, at(12, 10, y), &human::count(count.into()), true, theme.style(tone), &theme);
        let change = before.map_or(0, |before| i64::from(count) - i64::from(before.count(state)));
        if change != 0 {
            put(
                buffer,
                at(23, 8, y),
                &format!("{change:+}"),
                true,
                theme.style(Tone::Plain),
                &theme,
            );
        }
        let series = app.looks.history.series(state, app.back(), curve.into(), WINDOW_MS);
        if series.iter().flatten().any(|count| *count > 0) {
            put(buffer, at(33, curve, y), &theme.spark(&series), false, theme.style(tone), &theme);
        }
    }
}

/// Draws every number that has a limit as a gauge; returns the lines used.
fn limits(app: &App, buffer: &mut Buffer, area: Rect, round: &Round) -> u16 {
    let theme = app.theme();
    let host = &round.snapshot.host;
    let counter = |name| host.counters.get("TCP", name);
    let ports = round.snapshot.ports.as_ref().and_then(|ports| ports.budgets.first());
    let gauges = [
        // Small records, of closed FIN_WAIT2 too: not the number in TIME_WAIT.
        ("tw buckets", counter("tw"), host.sysctls.max_tw_buckets()),
        ("orphans", counter("orphan"), host.sysctls.max_orphans()),
        ("TCP memory", counter("mem"), host.sysctls.tcp_mem().map(|[_, _, max]| max)),
        ("ports", ports.map(|p| p.taken().into()), ports.map(|p| p.capacity.into())),
    ];
    let gauges =
        gauges
            .into_iter()
            .filter_map(|(name, used, limit)| Some((name.to_owned(), used?, limit?)))
            .chain(fullest(round).into_iter().take(1).map(|queue| {
                (format!("queue {}", queue.at), queue.len.into(), queue.limit.into())
            }));
    let mut y = area.y;
    for (name, used, limit) in gauges {
        if y + 1 >= area.bottom() || area.width < 24 {
            return area.height;
        }
        let line = |y: u16| Rect { y, height: 1, ..area };
        let ratio = if limit == 0 { 1.0 } else { used as f64 / limit as f64 };
        let tone = match ratio {
            r if r >= 0.95 => Tone::Bad,
            r if r >= 0.8 => Tone::Warn,
            _ => Tone::Plain,
        };
        let text = format!("{name} {} of {}", human::count(used), human::count(limit));
        put(buffer, line(y), &text, false, theme.style(tone), &theme);
        let width = usize::from(area.width.min(30));
        put(buffer, line(y + 1), &theme.bar(ratio, width), false, theme.style(tone), &theme);
        y += 2;
    }
    y - area.y
}

/// Draws how many sockets are not TCP's, of the tables that were read.
fn others(app: &App, buffer: &mut Buffer, area: Rect, moment: &ShownMoment<'_>) {
    let theme = app.theme();
    let others = [("UDP", Proto::Udp), ("raw", Proto::Raw), ("unix", Proto::Unix)];
    let others = others.into_iter().zip(moment.point.others);
    let read = others.filter(|((_, proto), _)| moment.round.counts(*proto).is_some());
    let texts = read.map(|((name, _), count)| format!("{name} {}", human::count(count.into())));
    let text = texts.collect::<Vec<String>>().join("  ");
    let line = Rect { height: area.height.min(1), ..area };
    put(buffer, line, &text, false, theme.style(Tone::Plain), &theme);
}

/// Draws the alerts, the selected one with what helps; returns the lines used.
fn alerts(app: &mut App, buffer: &mut Buffer, area: Rect, moment: &ShownMoment<'_>) -> u16 {
    let theme = app.theme();
    let round = moment.round;
    if moment.is_past() {
        return past_alerts(app, buffer, area, moment.point);
    }
    let mut y = area.y;
    if round.judged.firing.is_empty()
        && let Some((tone, text)) = without_alerts(round)
    {
        // There may be no line at all.
        let line = Rect { height: area.height.min(1), ..area };
        put(buffer, line, &text, false, theme.style(tone), &theme);
        y += line.height;
    }
    let findings = findings(round);
    if let Some(last) = findings.len().checked_sub(1) {
        let list = Rect { y, height: area.bottom() - y, ..area };
        let selected = app.cursor().at.min(last);
        y = list_of(app, buffer, list, (&findings, selected));
    }
    (y + 1 - area.y).min(area.height)
}

/// Returns what stands in place of alerts: nothing where the rules that did not
/// judge stand there.
fn without_alerts(round: &Round) -> Option<(Tone, String)> {
    let pending = match round.judged.pending.len() as u64 {
        0 => None,
        n => Some(format!("; {} not for long enough yet", human::plural(n, "condition"))),
    };
    if pending.is_none() && !round.judged.unknown.is_empty() {
        return None;
    }
    let (tone, text) = alert_summary::summary(&round.judged);
    Some((tone, text + &pending.unwrap_or_default()))
}

/// A row: what fires, or a rule that could not judge.
struct OverviewRow {
    word: &'static str,
    tone: Tone,
    /// In one line.
    text: String,
    /// In full, where the line is cut.
    full: String,
    /// The remedy.
    remedy: String,
}

/// Returns the rows, the worst first, and what was not judged after what fires.
fn findings(round: &Round) -> Vec<OverviewRow> {
    let alerts = round.judged.firing.iter().map(|standing| {
        let alert = &standing.alert;
        let since = since(round.at_ms.saturating_sub(standing.since_ms));
        OverviewRow {
            word: match alert.severity {
                Severity::Warning => "WARNING ",
                Severity::Critical => "CRITICAL",
            },
            tone: severity_tone(alert.severity),
            text: format!("{}  {since}  {}  {}", alert.rule, alert.subject.brief(2), alert.summary),
            full: alert.advice(": "),
            remedy: alert.remedy.clone(),
        }
    });
    let unknown = round.judged.unknown.iter().map(|unknown| OverviewRow {
        word: "UNKNOWN ",
        tone: Tone::Warn,
        text: format!("{}  {}", unknown.rule, unknown.why),
        full: unknown.why.clone(),
        remedy: String::new(),
    });
    alerts.chain(unknown).collect()
}

/// Draws the rows around the selected one; returns the line after them.
fn list_of(
    app: &mut App,
    buffer: &mut Buffer,
    area: Rect,
    (findings, selected): (&[OverviewRow], usize),
) -> u16 {
    let theme = app.theme();
    let rest = |line: Rect| Rect { x: line.x + 9, width: line.width.saturating_sub(9), ..line };
    let below = below(&findings[selected], rest(area).width.into());
    // The selected one takes lines of its own below its name.
    let lines = usize::from(area.height).saturating_sub(below.len().min(3)).max(1);
    let mut y = area.y;
    for index in app.cursor().window(findings.len(), lines) {
        if y >= area.bottom() {
            break;
        }
        let finding = &findings[index];
        let line = Rect { y, height: 1, ..area };
        put(buffer, line, finding.word, false, theme.style(finding.tone), &theme);
        put(buffer, rest(line), &finding.text, false, theme.style(Tone::Plain), &theme);
        app.drawn.hits.push((line, Hit::Row(index)));
        y += 1;
        if index == selected {
            buffer.set_style(line, theme.selected());
            for (text, place) in below.iter().zip(y..area.bottom()) {
                let place = rest(Rect { y: place, ..line });
                put(buffer, place, text, false, theme.style(Tone::Quiet), &theme);
                y += 1;
            }
        }
    }
    y
}

/// Returns what stands below the selected row: all of it, where its line is
/// cut.
fn below(finding: &OverviewRow, width: usize) -> Vec<String> {
    let text = if finding.text.width() > width { &finding.full } else { &finding.remedy };
    if text.is_empty() { Vec::new() } else { wrap(text, width) }
}

/// Returns `for 41m`; one of less than a second is `new`.
fn since(ms: u64) -> String {
    if ms < 1_000 {
        return "new".to_owned();
    }
    format!("for {}", human::duration(ms))
}

fn past_alerts(app: &App, buffer: &mut Buffer, area: Rect, point: &Point) -> u16 {
    let theme = app.theme();
    let none = ["no alerts then".to_owned()];
    let lines: &[String] = if point.alerts.is_empty() { &none } else { &point.alerts };
    for (text, y) in lines.iter().zip(area.y..area.bottom()) {
        put(buffer, Rect { y, height: 1, ..area }, text, false, theme.style(Tone::Plain), &theme);
    }
    (lines.len() as u16 + 1).min(area.height)
}

/// Returns who has most of what, and the fullest listeners, a line each.
fn offenders(round: &Round) -> Vec<(&'static str, String)> {
    let kinds = [
        (TopKind::ProcessCloseWait, "most CLOSE_WAIT"),
        (TopKind::RemoteTimeWait, "most TIME_WAIT"),
        (TopKind::ProcessSockets, "most sockets"),
        (TopKind::Remote, "most TCP peers"),
    ];
    let mut lines = Vec::new();
    for (kind, label) in kinds {
        let of_kind = round.top.iter().filter(|top| top.kind == kind);
        let names: Vec<String> = of_kind
            .map(|top| {
                let who = match (&top.process, &top.remote) {
                    (Some((pid, comm)), _) => format!("{comm}[{pid}]"),
                    (None, Some(address)) => address.to_string(),
                    (None, None) => String::new(),
                };
                format!("{who} {}", human::count(top.count))
            })
            .collect();
        if !names.is_empty() {
            lines.push((label, names.join("   ")));
        }
    }
    let queues = fullest(round).into_iter().take(3);
    let queues: Vec<String> = queues.map(|q| format!("{} {}/{}", q.at, q.len, q.limit)).collect();
    if !queues.is_empty() {
        lines.push(("fullest queues", queues.join("   ")));
    }
    lines
}

/// A listener with clients waiting.
struct FullestQueue {
    at: String,
    len: u32,
    limit: u32,
}

/// Returns the listeners with clients waiting, the fullest first.
fn fullest(round: &Round) -> Vec<FullestQueue> {
    let queues = round.snapshot.listeners.iter().filter_map(|listener| {
        let (len, limit) = (listener.queue.len?, listener.queue.limit?);
        (len > 0).then_some(FullestQueue { at: end(listener.socket.local()?), len, limit })
    });
    let mut queues: Vec<FullestQueue> = queues.collect();
    // A queue is full at limit + 1.
    let share = |q: &FullestQueue| u64::from(q.len) * 1_000_000 / (u64::from(q.limit) + 1);
    queues.sort_by_key(|queue| std::cmp::Reverse(share(queue)));
    queues
}

fn lines(app: &App, buffer: &mut Buffer, area: Rect, lines: &[(&str, String)]) {
    let theme = app.theme();
    for ((label, text), y) in lines.iter().zip(area.y..area.bottom()) {
        let line = Rect { y, height: 1, ..area };
        put(buffer, line, label, false, theme.style(Tone::Head), &theme);
        let rest = Rect { x: area.x + 17, width: area.width.saturating_sub(17), ..line };
        put(buffer, rest, text, false, theme.style(Tone::Plain), &theme);
    }
}
