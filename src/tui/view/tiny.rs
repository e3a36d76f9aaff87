//! The view of a screen that is too small for anything else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::human;
use crate::model::proto::Proto;
use crate::model::state::TCP_STATES;
use crate::output::alert_summary;
use crate::output::style::{Tone, severity_tone, state_tone};
use crate::tui::app::App;
use crate::tui::grid::put;

/// Draws it.
pub fn draw(app: &App, buffer: &mut Buffer, area: Rect) {
    let theme = app.theme();
    let Some(round) = app.looks.round() else { return };
    let blind = alert_summary::not_judged(&round.judged).map(|text| (Tone::Warn, text));
    let first = match round.judged.firing.first() {
        None if blind.is_some() => None,
        None => Some((Tone::Good, "no alerts".to_owned())),
        Some(worst) => {
            let text = format!("{} {}", round.judged.firing.len(), worst.alert.rule);
            Some((severity_tone(worst.alert.severity), text))
        }
    };
    let first = first.into_iter().chain(blind);
    let tcp = round.counts(Proto::Tcp).into_iter();
    let counts = tcp.flat_map(|tcp| TCP_STATES.iter().map(|state| (*state, tcp.get(*state))));
    let counts = counts.filter(|(_, count)| *count > 0);
    let counts =
        counts.map(|(state, n)| (state_tone(state), format!("{} {state}", human::count(n))));
    for ((tone, text), y) in first.chain(counts).zip(area.y..area.bottom()) {
        put(buffer, Rect { y, height: 1, ..area }, &text, false, theme.style(tone), &theme);
    }
}
