//! What lies over the screen: keys, pages, choices.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::engine::fields::Field;
use crate::output::style::Tone;
use crate::tui::app::{Act, App, Overlay};
use crate::tui::grid::put;

/// Draws what lies over the body of the screen.
pub fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let Some(overlay) = app.overlay.take() else { return };
    let shown = match overlay {
        Overlay::Help => {
            let lines = help(app, area.width.into());
            frame(app, buffer, area, "keys", &lines, None);
            Overlay::Help
        }
        Overlay::Page { title, lines, top } => {
            let top =
                top.min(lines.len().saturating_sub(usize::from(area.height.saturating_sub(1))));
            frame(app, buffer, area, &title, &lines[top..], None);
            Overlay::Page { title, lines, top }
        }
        Overlay::Columns(mut cursor) => {
            let chosen = app.fields();
            let mark = |field: Field| {
                let on = chosen.iter().any(|other| other.name() == field.name());
                format!("[{}] {:<24} {}", if on { "x" } else { " " }, field.name(), field.help())
            };
            let all: Vec<String> = Field::all().map(mark).collect();
            let window = cursor.window(all.len(), usize::from(area.height.saturating_sub(1)));
            let selected = cursor.at - window.start;
            frame(
                app,
                buffer,
                area,
                "columns: space chooses, esc closes",
                &all[window],
                Some(selected),
            );
            Overlay::Columns(cursor)
        }
        Overlay::Confirm(act) => {
            let what = match &act {
                Act::Destroy(_) => "close this socket, as a reset to both sides".to_owned(),
                Act::Signal(number, pid, comm) => {
                    format!("send {} to {comm}[{pid}]", signal(*number))
                }
            };
            let lines =
                [format!("{what}?"), String::new(), "y does it, any other key does not".into()];
            frame(app, buffer, small(area, 6), "sure?", &lines, None);
            Overlay::Confirm(act)
        }
        Overlay::Acts => {
            let lines = [
                "d  close the socket (SOCK_DESTROY)".to_owned(),
                "t  SIGTERM to the process that holds it".to_owned(),
                "9  SIGKILL to it".to_owned(),
            ];
            frame(app, buffer, small(area, 6), "act on this socket", &lines, None);
            Overlay::Acts
        }
        Overlay::Export => {
            let lines =
                ["j  JSON, as list --json".to_owned(), "c  CSV, the shown columns".to_owned()];
            frame(app, buffer, small(area, 5), "write what is shown to a file here", &lines, None);
            Overlay::Export
        }
    };
    app.overlay = Some(shown);
}

fn signal(number: i32) -> &'static str {
    if number == libc::SIGKILL { "SIGKILL" } else { "SIGTERM" }
}

/// A few lines at the bottom of the body.
fn small(area: Rect, lines: u16) -> Rect {
    let height = lines.min(area.height);
    Rect { y: area.bottom() - height, height, ..area }
}

/// Every key, in as many columns as there is room for.
fn help(app: &App, width: usize) -> Vec<String> {
    let entries: Vec<String> =
        app.fixed.keymap.help().iter().map(|(keys, what)| format!("{keys:<14}{what}")).collect();
    let widest = entries.iter().map(|entry| entry.width()).max().unwrap_or(1) + 1;
    let columns = (width / widest).max(1);
    let lines = entries.len().div_ceil(columns);
    let line = |y: usize| {
        let cells = (0..columns).filter_map(|x| entries.get(x * lines + y));
        cells.map(|entry| format!("{entry}{}", " ".repeat(widest - entry.width()))).collect()
    };
    (0..lines).map(line).collect()
}

fn frame(
    app: &App,
    buffer: &mut Buffer,
    area: Rect,
    title: &str,
    lines: &[String],
    selected: Option<usize>,
) {
    let theme = app.theme();
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
    let head = Rect { height: 1, ..area };
    let rule = theme.pick("─", "-").repeat(usize::from(area.width));
    put(buffer, head, &rule, false, theme.style(Tone::Quiet), &theme);
    let place = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..head };
    put(buffer, place, &format!(" {title} "), false, theme.style(Tone::Head), &theme);
    for ((index, text), y) in lines.iter().enumerate().zip(area.y + 1..area.bottom()) {
        let line = Rect { y, height: 1, ..area };
        put(buffer, line, text, false, theme.style(Tone::Plain), &theme);
        if selected == Some(index) {
            buffer.set_style(line, theme.selected());
        }
    }
}
