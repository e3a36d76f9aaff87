//! Draws the overlays: keys, pages, choices.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::style::Tone;
use crate::query::fields::Field;
use crate::tui::app::{Act, App, Overlay};
use crate::tui::grid::{Cursor, put};

use super::wrap;

/// The content of an overlay: a title, lines, the selected one, and the number of
/// lines of the body that it covers; all of them where that is `None`.
struct OverlayPage {
    title: String,
    lines: Vec<String>,
    selected: Option<usize>,
    height: Option<u16>,
}

/// Draws what lies over the body of the screen.
pub fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let Some(mut overlay) = app.overlay.take() else { return };
    let page = page(app, &mut overlay, area);
    let area = page.height.map_or(area, |lines| small(area, lines));
    frame(app, buffer, area, &page);
    app.overlay = Some(overlay);
}

fn page(app: &App, overlay: &mut Overlay, area: Rect) -> OverlayPage {
    let room = usize::from(area.height.saturating_sub(1));
    let long = |title: &str, lines| OverlayPage {
        title: title.to_owned(),
        lines,
        selected: None,
        height: None,
    };
    let short = |title: &str, lines: &[&str]| OverlayPage {
        // The title, and a line of air.
        height: u16::try_from(lines.len() + 3).ok(),
        ..long(title, lines.iter().map(|line| (*line).to_owned()).collect())
    };
    if let Some(help) = scrolling_help(app, overlay, area) {
        *overlay = help;
    }
    match overlay {
        Overlay::Help => long(KEYS, help(app, area.width.into())),
        Overlay::Page { title, lines, top } => {
            let width = usize::from(area.width);
            let lines = folded(lines, width);
            *top = (*top).min(lines.len().saturating_sub(room));
            long(&part(title, lines.len(), *top, room), lines[*top..].to_vec())
        }
        Overlay::Columns(cursor) => columns(app, cursor, room),
        Overlay::Confirm(act) => {
            let what = match act {
                Act::Destroy(_, name) => format!("close {name}, as a reset to both sides"),
                Act::Signal(number, held) => {
                    format!("send {} to {}[{}]", signal(*number), held.comm, held.pid)
                }
            };
            short("sure?", &[&format!("{what}?"), "", "y does it, any other key does not"])
        }
        Overlay::Acts(target) => short(
            &format!("act on {}", target.name),
            &[
                "d  close the socket (SOCK_DESTROY)",
                "t  SIGTERM to the process that holds it",
                "9  SIGKILL to it",
            ],
        ),
        Overlay::Export => short(
            "write what is shown to a file here",
            &["j  JSON, as list --json", "c  CSV, the shown columns"],
        ),
    }
}

/// The title of the help.
const KEYS: &str = "keys";

/// Returns the help as a page that scrolls, where not all of it has room; made
/// anew for each frame, since the terminal may have another width by now.
fn scrolling_help(app: &App, overlay: &Overlay, area: Rect) -> Option<Overlay> {
    let top = match overlay {
        Overlay::Help => 0,
        Overlay::Page { title, top, .. } if title == KEYS => *top,
        _ => return None,
    };
    let lines = help(app, area.width.into());
    if lines.len() < usize::from(area.height) {
        return Some(Overlay::Help);
    }
    Some(Overlay::Page { title: KEYS.to_owned(), lines, top })
}

/// Returns lines that are too long in several; those of a picture are cut
/// instead.
fn folded(lines: &[String], width: usize) -> Vec<String> {
    let has_rule = |line: &str| line.contains("---");
    let has_picture = lines.iter().any(|line| has_rule(line));
    let is_picture = |line: &str| has_picture && (has_rule(line) || line.trim().contains("   "));
    let fold = |line: &String| {
        if is_picture(line) { vec![line.clone()] } else { folded_line(line, width) }
    };
    lines.iter().flat_map(fold).collect()
}

/// Returns a line in several, each indented as it is; where a word is too long
/// for a line it is broken.
fn folded_line(line: &str, width: usize) -> Vec<String> {
    let text = line.trim_start_matches(' ');
    let indent = &line[..line.len() - text.len()];
    let room = width.saturating_sub(indent.width());
    if line.width() <= width || room == 0 {
        return vec![line.to_owned()];
    }
    let words = wrap(text, room);
    let parts = words.iter().flat_map(|words| broken(words, room));
    parts.map(|part| format!("{indent}{part}")).collect()
}

/// Returns a text in parts that are at most so wide.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    for c in text.chars() {
        if !part.is_empty() && part.width() + c.width().unwrap_or(0) > width {
            parts.push(std::mem::take(&mut part));
        }
        part.push(c);
    }
    parts.push(part);
    parts
}

/// Returns the title of a page with the part of it that is on the screen.
fn part(title: &str, lines: usize, top: usize, room: usize) -> String {
    if lines <= room {
        return title.to_owned();
    }
    format!("{title}, lines {}-{} of {lines}", top + 1, top + room)
}

/// Makes the page of columns to choose from, those around the cursor.
fn columns(app: &App, cursor: &mut Cursor, room: usize) -> OverlayPage {
    let chosen = app.sockets.fields();
    let mark = |field: Field| {
        let on = chosen.iter().any(|other| other.name() == field.name());
        format!("[{}] {:<24} {}", if on { "x" } else { " " }, field.name(), field.help())
    };
    let all: Vec<String> = Field::all().map(mark).collect();
    let window = cursor.window(all.len(), room);
    OverlayPage {
        title: "columns: space chooses, esc closes".to_owned(),
        selected: Some(cursor.at - window.start),
        lines: all[window].to_vec(),
        height: None,
    }
}

fn signal(number: i32) -> &'static str {
    if number == libc::SIGKILL { "SIGKILL" } else { "SIGTERM" }
}

/// Returns a few lines at the bottom of the body.
fn small(area: Rect, lines: u16) -> Rect {
    let height = lines.min(area.height);
    Rect { y: area.bottom() - height, height, ..area }
}

/// Returns every key, in as many columns as there is room for.
fn help(app: &App, width: usize) -> Vec<String> {
    let help = app.fixed.keymap.help();
    let keys = help.iter().map(|(keys, _)| keys.width()).max().unwrap_or(0) + 1;
    let entries: Vec<String> =
        help.iter().map(|(names, what)| format!("{names:<keys$}{what}")).collect();
    let widest = entries.iter().map(|entry| entry.width()).max().unwrap_or(1) + 1;
    let columns = (width / widest).max(1);
    let lines = entries.len().div_ceil(columns);
    let line = |y: usize| {
        let cells = (0..columns).filter_map(|x| entries.get(x * lines + y));
        let padded = |entry: &String| format!("{entry}{}", " ".repeat(widest - entry.width()));
        cells.map(padded).collect::<String>().trim_end().to_owned()
    };
    (0..lines).map(line).collect()
}

fn frame(app: &App, buffer: &mut Buffer, area: Rect, page: &OverlayPage) {
    let OverlayPage { title, lines, selected, .. } = page;
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
        if *selected == Some(index) {
            buffer.set_style(line, theme.selected());
        }
    }
}
