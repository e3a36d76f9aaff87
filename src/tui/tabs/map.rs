//! The diagram of TCP's states, with the sockets in each and the flow
//! on each edge.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::matrix::Matrix;
use crate::model::human;
use crate::model::lifecycle::{is_edge, via};
use crate::model::proto::Proto;
use crate::model::state::State;
use crate::output::style::{Tone, state_tone};
use crate::tui::app::{App, TabView};
use crate::tui::grid::put;
use crate::tui::keys::{Action, Move};

use super::overview::NO_TCP;

use State::{
    Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv, SynSent,
    TimeWait,
};

/// The places of the states: column and line.
const NODES: [(State, u16, u16); 11] = [
    (Close, 30, 0),
    (Listen, 2, 2),
    (SynSent, 52, 2),
    (SynRecv, 2, 5),
    (Established, 28, 7),
    (FinWait1, 2, 10),
    (CloseWait, 52, 10),
    (FinWait2, 2, 13),
    (Closing, 28, 13),
    (LastAck, 52, 13),
    (TimeWait, 2, 16),
];

/// The labels of the edges: from, to, the cause, column and line.
const EDGES: [(State, State, &str, u16, u16); 14] = [
    (Close, Listen, "listen()", 2, 1),
    (Close, SynSent, "connect()", 52, 1),
    (Listen, SynRecv, "SYN", 2, 3),
    (SynSent, SynRecv, "SYN met SYN", 28, 4),
    (SynSent, Established, "SYN-ACK", 52, 4),
    (SynRecv, Established, "ACK", 2, 6),
    (Established, FinWait1, "we close", 2, 9),
    (Established, CloseWait, "the peer closes", 52, 9),
    (FinWait1, FinWait2, "ACK", 2, 12),
    (FinWait1, Closing, "FIN met FIN", 28, 12),
    (CloseWait, LastAck, "close()", 52, 12),
    (FinWait2, TimeWait, "FIN", 2, 15),
    (Closing, TimeWait, "ACK", 28, 15),
    (LastAck, Close, "ACK, gone", 52, 15),
];

/// The end of TIME_WAIT, and every way that skips the diagram.
const REST: (u16, u16) = (2, 17);

/// Columns and lines of all of it.
const SIZE: (u16, u16) = (80, REST.1 + 1);

/// The tab.
pub struct MapTab;

impl TabView for MapTab {
    fn title(&self) -> &'static str {
        "Map"
    }

    fn len(&self, _app: &App) -> usize {
        SIZE.1.into()
    }

    fn opens(&self) -> Option<&'static str> {
        None
    }

    fn draw(&self, app: &mut App, buffer: &mut Buffer, area: Rect) {
        draw(app, buffer, area);
    }

    fn subject(&self, _app: &App, _row: usize) -> Option<String> {
        Some("diagram".to_owned())
    }

    fn command(&self, app: &App) -> Vec<String> {
        vec![app.ours("explain diagram")]
    }
}

fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let theme = app.theme();
    if app.looks.round().is_some_and(|round| round.counts(Proto::Tcp).is_none()) {
        return put(buffer, area, NO_TCP, false, theme.style(Tone::Quiet), &theme);
    }
    // What frames it takes lines as well.
    let needs = (SIZE.0, SIZE.1 + buffer.area.height.saturating_sub(area.height));
    let (area, top) = scrolled(app, buffer, area, needs);
    let Some(point) = app.point() else { return };
    let before = app.looks.history.back(app.back() + 1);
    let seconds = before.map_or(0.0, |before| point.at.since(before.at) as f64 / 1e9);
    let rates = rates(&point.flows, seconds);
    let hottest = rates.values().copied().fold(0.0, f64::max);
    let at = |x: u16, y: u16, width: u16| {
        let Some(y) = y.checked_sub(top).filter(|y| *y < area.height) else {
            return Rect::default();
        };
        Rect::new(area.x + x, area.y + y, width, 1).intersection(area)
    };
    for (state, x, y) in NODES {
        let count = point.count(state);
        let tone = if count > 0 { state_tone(state) } else { Tone::Quiet };
        let text = format!("[{state} {}]", human::count(count.into()));
        put(buffer, at(x, y, 26), &text, false, theme.style(tone), &theme);
    }
    let down = theme.pick("↓", "v");
    for (from, to, label, x, y) in EDGES {
        let rate = rates.get(&(from, to)).copied().unwrap_or(0.0);
        let arrow = match (from, to) {
            (SynSent, SynRecv) => theme.pick("←", "<-"),
            (SynRecv, Established) => theme.pick("↘", "\\>"),
            (SynSent, Established) => theme.pick("↙", "</"),
            (Closing, TimeWait) => theme.pick("↙", "</"),
            _ => down,
        };
        let hot = rate > 0.0 && rate >= hottest / 2.0;
        let tone = match (rate > 0.0, hot) {
            (true, true) => Tone::Warn,
            (true, false) => Tone::Moving,
            (false, _) => Tone::Quiet,
        };
        let mark = if hot { theme.pick(" ◀", " *") } else { "" };
        let text = format!("{arrow} {label} {}{mark}", human::rate(rate));
        put(buffer, at(x, y, 26), &text, false, theme.style(tone), &theme);
    }
    let drawn = |edge: &(State, State)| {
        EDGES.iter().any(|(from, to, ..)| (*from, *to) == *edge) || *edge == (TimeWait, Close)
    };
    let aborted = rates.iter().filter(|(edge, _)| !drawn(edge) && edge.1 == Close);
    let aborted: f64 = aborted.map(|(_, rate)| rate).sum();
    let expired = rates.get(&(TimeWait, Close)).copied().unwrap_or(0.0);
    let (x, y) = REST;
    let text = format!("{down} 60s, gone {}", human::rate(expired));
    put(buffer, at(x, y, 26), &text, false, theme.style(Tone::Quiet), &theme);
    if point.unknown > 0 && seconds > 0.0 {
        // Trace events come from every namespace; short-lived sockets that no
        // look has listed may be anybody's.
        let rate = human::rate(point.unknown as f64 / seconds);
        let text = format!("{rate} of this may be of other namespaces");
        put(buffer, at(28, 16, 60), &text, false, theme.style(Tone::Quiet), &theme);
    }
    let tone = if aborted > 0.0 { Tone::Warn } else { Tone::Quiet };
    let text = format!("reset, refused or given up, from any state {}", human::rate(aborted));
    put(buffer, at(28, y, 60), &text, false, theme.style(tone), &theme);
}

/// Returns where the map has room, and its first line there; says below it what
/// all of it needs, where it has no room.
fn scrolled(app: &mut App, buffer: &mut Buffer, area: Rect, needs: (u16, u16)) -> (Rect, u16) {
    let is_short = area.height < SIZE.1;
    if area.width >= SIZE.0 && !is_short || area.height < 2 {
        return (area, 0);
    }
    let theme = app.theme();
    let key = |to| app.fixed.keymap.key_of(Action::Move(to));
    let (up, down) = (key(Move::Up), key(Move::Down));
    let rest = if is_short { format!("; {up}, {down} scroll") } else { String::new() };
    let text = format!("all of it needs {}x{}{rest}", needs.0, needs.1);
    // Where only columns lack there may be a line to spare.
    let height = SIZE.1.min(area.height - 1);
    let line = Rect { y: area.y + height, height: 1, ..area };
    put(buffer, line, &text, false, theme.style(Tone::Quiet), &theme);
    let cursor = app.cursor();
    cursor.at = cursor.at.min(usize::from(SIZE.1 - height));
    (Rect { height, ..area }, cursor.at as u16)
}

/// Returns the transitions a second on each edge of the graph; of a change that
/// was inferred the edges that it must have passed.
fn rates(flows: &Matrix, seconds: f64) -> BTreeMap<(State, State), f64> {
    let mut rates = BTreeMap::new();
    if seconds <= 0.0 {
        return rates;
    }
    for (from, to, cell) in flows.cells() {
        let Some(from) = from else { continue };
        let mut at = from;
        for next in via(from, to).iter().chain([to]) {
            if is_edge(at, next) {
                *rates.entry((at, next)).or_default() += cell.count as f64 / seconds;
            }
            at = next;
        }
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_drawn_is_one_that_the_kernel_walks() {
        for (from, to, ..) in EDGES {
            assert!(is_edge(from, to), "{from} {to}");
        }
    }
}
