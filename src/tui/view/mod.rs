//! The screen: a frame around what a tab draws, and what lies over it.

mod overlay;
pub mod table;
mod tiny;
mod wrap;

pub use wrap::wrap;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::model::human;
use crate::output::alert_summary;
use crate::output::style::Tone;

use super::app::{App, Hit, TimedRound};
use super::grid::put;
use super::keys::{Action, FilterAction, Leaving, RowAction, ShowAction, SortAction, TimeAction};

/// Fewer columns than this, or fewer lines, show counts only.
const LEAST: (u16, u16) = (40, 6);

/// Draws the whole screen.
pub fn draw(app: &mut App, frame: &mut Frame<'_>) {
    app.drawn.hits.clear();
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return tiny::draw(app, buffer, area);
    }
    let line = |y: u16| Rect { y: area.y + y, height: 1, ..area };
    heading(app, buffer, line(0));
    tabs(app, buffer, line(1));
    let body = Rect { y: area.y + 2, height: area.height - 4, ..area };
    let body = filter_line(app, buffer, body);
    app.drawn.page = usize::from(body.height.saturating_sub(1));
    app.tabs.shown().draw(app, buffer, body);
    remark(app, buffer, line(area.height - 2));
    hints(app, buffer, line(area.height - 1));
    overlay::draw(app, buffer, body);
}

/// Draws `2 alerts  web-07  08:00:12  1,284 sockets by netlink       every 1.0 s`:
/// what matters most is what a narrow screen keeps.
fn heading(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = app.theme();
    let style = |tone| theme.style(tone);
    let Some(TimedRound { round, time }) = &app.looks.shown else {
        let text = format!("{}  looking for the first time", app.fixed.host);
        put(buffer, area, &text, false, style(Tone::Head), &theme);
        return;
    };
    let (tone, alerts) = alert_summary::summary(&round.judged);
    put(buffer, area, &alerts, false, style(tone), &theme);
    let time = match overdue(app) {
        Some(age) => format!("{time} ({age} old)"),
        None => time.to_string(),
    };
    let sockets = human::plural(round.total(), "socket");
    let rest = format!("{}  {time}  {sockets} by {}", app.fixed.host, round.report.source_text());
    let x = (area.x + alerts.width() as u16).saturating_add(2).min(area.right());
    let place = Rect { x, width: area.right() - x, ..area };
    put(buffer, place, &rest, false, style(Tone::Head), &theme);
    let interval = app.interval;
    let slower = if interval.kept_ms > interval.wanted_ms { " by --max-cpu" } else { "" };
    let every = format!("every {}{slower}", human::duration(interval.due_ms()));
    if usize::from(place.width) >= rest.width() + 2 + every.width() {
        put(buffer, area, &every, true, style(Tone::Quiet), &theme);
    }
}

fn tabs(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let theme = app.theme();
    let mut x = area.x;
    let tabs = app.tabs.all();
    let long = |index: usize| format!(" {} {} ", index + 1, tabs[index].title());
    let all: usize = (0..tabs.len()).map(|index| long(index).width()).sum();
    for index in 0..tabs.len() {
        let is_shown = index == app.tabs.at;
        // Where not all names have room, that of the tab that is shown.
        let named = is_shown || all <= area.width.into();
        let text = if named { long(index) } else { format!(" {} ", index + 1) };
        let width = (text.width() as u16).min(area.right().saturating_sub(x));
        let place = Rect { x, width, ..area };
        let style = if is_shown { theme.selected() } else { theme.style(Tone::Plain) };
        put(buffer, place, &text, false, style, &theme);
        app.drawn.hits.push((place, Hit::Tab(index)));
        x = (x + width).min(area.right());
    }
}

/// Draws the filter above a list that it filters, and wherever it is typed;
/// returns what is left.
fn filter_line(app: &App, buffer: &mut Buffer, area: Rect) -> Rect {
    let theme = app.theme();
    let filter = &app.filter;
    let is_chosen = app.tabs.shown().is_filtered() && !filter.text.is_empty();
    let only_faults = app.tabs.shown().has_faults() && filter.faults;
    let in_force = is_chosen || only_faults;
    let idle = filter.edit.is_none() && !in_force;
    if idle || area.height < 3 {
        return area;
    }
    let line = Rect { height: 1, ..area };
    let not = if filter.invert { "not " } else { "" };
    let faults = if only_faults { "[only what an alert is about] " } else { "" };
    match &filter.edit {
        None => {
            let expression = match filter.text.as_str() {
                "" => String::new(),
                text => format!("filter: {not}{text}"),
            };
            let text = format!("{faults}{expression}");
            put(buffer, line, &text, false, theme.style(Tone::Moving), &theme);
        }
        Some(edit) => {
            put(
                buffer,
                line,
                &format!("/{}", edit.text()),
                false,
                theme.style(Tone::Plain),
                &theme,
            );
            let x = area.x + 1 + edit.before().width() as u16;
            if x < area.right() {
                buffer.set_style(Rect { x, width: 1, ..line }, theme.selected());
            }
        }
    }
    let mut used = 1;
    // The line of the expression is on the screen already; its caret and what
    // was expected stand below it.
    for text in filter.error.iter().flat_map(|error| error.lines().skip(1)) {
        if used + 2 >= area.height {
            break;
        }
        let place = Rect { y: area.y + used, x: area.x, ..line };
        put(buffer, place, &format!(" {text}"), false, theme.style(Tone::Warn), &theme);
        used += 1;
    }
    Rect { y: area.y + used, height: area.height - used, ..area }
}

/// Draws the line above the keys: what is most in need of being said.
fn remark(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = app.theme();
    let (tone, text) = if let Some(message) = &app.message {
        (Tone::Plain, message.text.clone())
    } else if let Some(pause) = &app.pause {
        let paused = human::duration(app.now_ns.saturating_sub(pause.since_ns) / 1_000_000);
        let back = app.looks.latest.as_ref().zip(app.point()).map_or(0, |(latest, point)| {
            latest.round.begun_ns.saturating_sub(point.at.0) / 1_000_000
        });
        let (missed, back) = (human::count(pause.missed), human::duration(back));
        (Tone::Warn, format!("paused {paused}, +{missed} transitions; counts of {back} ago"))
    } else if let Some(failure) = &app.looks.failure {
        (Tone::Bad, format!("the last look failed: {failure}"))
    } else if let Some(text) = slow(app) {
        (Tone::Warn, text)
    } else if let Some(gap) = app.looks.round().and_then(|round| round.report.gaps.first()) {
        let remedy = gap.remedy.as_ref().map_or(String::new(), |remedy| format!(" ({remedy})"));
        (Tone::Quiet, format!("{}: {}{remedy}", gap.what, gap.reason))
    } else {
        (Tone::Quiet, format!("events by {}", app.fixed.sources))
    };
    put(buffer, area, &text, false, theme.style(tone), &theme);
}

/// Returns that a look takes longer than its interval, or is overdue.
fn slow(app: &App) -> Option<String> {
    let round = &app.looks.latest.as_ref()?.round;
    let took_ms = round.took_ns / 1_000_000;
    let wanted_ms = app.interval.wanted_ms;
    if took_ms > wanted_ms {
        let (took, interval) = (human::duration(took_ms), human::duration(wanted_ms));
        return Some(format!("the look took {took} > interval {interval}"));
    }
    overdue(app).map(|age| format!("the last look is {age} old"))
}

/// Returns how old the newest look is, where the next one should have been
/// there.
fn overdue(app: &App) -> Option<String> {
    let round = &app.looks.latest.as_ref()?.round;
    let age_ms = app.now_ns.saturating_sub(round.begun_ns) / 1_000_000;
    (age_ms > 2 * app.interval.due_ms() + 1_000).then(|| human::duration(age_ms))
}

fn hints(app: &App, buffer: &mut Buffer, area: Rect) {
    let key = |action| app.fixed.keymap.key_of(action);
    let tab = app.tabs.shown();
    let is_sorted = app.shows_sockets() || app.sheet().is_some();
    let pause = if app.pause.is_some() { "go on" } else { "pause" };
    // A key that would do nothing here is not offered.
    let hints = [
        (Action::Show(ShowAction::Help), Some("keys")),
        (Action::Show(ShowAction::GroupBy), (tab.ways() > 1).then_some("by")),
        (Action::Filter(FilterAction::Edit), tab.is_filtered().then_some("filter")),
        (Action::Row(RowAction::Open), tab.opens()),
        (Action::Sort(SortAction::Next), is_sorted.then_some("sort")),
        (Action::Time(TimeAction::Pause), Some(pause)),
        (Action::Row(RowAction::Explain), Some("explain")),
        (Action::Filter(FilterAction::Faults), tab.has_faults().then_some("faults")),
        (Action::Leave(Leaving::Quit), Some("quit")),
    ];
    let offered = hints.into_iter().filter_map(|(action, what)| Some((key(action), what?)));
    let hints = offered.collect();
    let theme = app.theme();
    let text = fitting(hints, area.width.into());
    put(buffer, area, &text, false, theme.style(Tone::Quiet), &theme);
}

/// Returns as many keys as there is room for; the last, by which to leave,
/// always.
fn fitting(hints: Vec<(&str, &str)>, room: usize) -> String {
    const GAP: &str = "  ";
    let mut hints: Vec<String> =
        hints.into_iter().map(|(key, what)| format!("{key} {what}")).collect();
    while hints.len() > 1 && hints.join(GAP).width() > room {
        hints.remove(hints.len() - 2);
    }
    hints.join(GAP)
}
