//! Tab 2: every socket, of which only those on the screen are drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::engine::Lookups;
use crate::engine::fields::{Field, Form};
use crate::filter::End;
use crate::model::age::Age;
use crate::model::queues::Queues;
use crate::model::row::Row;
use crate::output::cells;
use crate::output::style::{Tone, state_tone};
use crate::output::text::accept_queue;
use crate::sys::names::Names;
use crate::tui::app::App;
use crate::tui::grid::{Cell, Column, Grid, put};
use crate::tui::rows::RowKey;

use super::{detail, hit_list};

/// From this width on details stand beside the table.
const BESIDE: u16 = 120;

/// Draws it.
pub fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let (table, details) = split(app, area);
    let lines = usize::from(table.height.saturating_sub(1));
    let len = app.len();
    let window = app.cursor().window(len, lines);
    let fields = app.fields();
    let columns: Vec<Column> = fields.iter().map(|field| column(*field)).collect();
    let mut names = if app.names { Names::of_services() } else { Names::new(false) };
    let rows: Vec<Vec<Cell>> = window
        .clone()
        .filter_map(|index| {
            let listed = app.listed.as_ref()?;
            let row = app.row_at(index)?;
            let closer = closer(app, &row);
            let pin = index < listed.pinned;
            let cell = |field: &Field| {
                cell(*field, closer.as_ref().unwrap_or(&row), &listed.lookups, &mut names)
            };
            let mut cells: Vec<Cell> = fields.iter().map(cell).collect();
            // In a column that is never dropped.
            let place = columns.iter().position(|column| column.priority == 0).unwrap_or(0);
            if let (true, Some(cell)) = (pin, cells.get_mut(place)) {
                cell.text = format!("{}{}", app.theme().pick("★", "*"), cell.text);
            }
            Some(cells)
        })
        .collect();
    let selected = app.cursor().at.checked_sub(window.start).filter(|at| *at < rows.len());
    let sort = app.orders[app.tab.index()];
    let theme = app.theme();
    let heads = Grid { columns: &columns, rows: &rows, selected, sort }.draw(buffer, table, &theme);
    hit_list(app, table, window, heads);
    if rows.is_empty() && table.height > 1 {
        let text = match (&app.listed, app.filter.text.is_empty() && !app.faults) {
            (None, _) => "reading",
            (Some(_), true) => "no sockets",
            (Some(_), false) => "nothing matches; esc clears the filter",
        };
        let line = Rect { y: table.y + 1, height: 1, ..table };
        put(buffer, line, text, false, theme.style(Tone::Quiet), &theme);
    }
    if let Some(place) = details {
        detail::draw(app, buffer, place);
    }
}

/// The table's place, and that of the details where they are open.
fn split(app: &App, area: Rect) -> (Rect, Option<Rect>) {
    if !app.detail {
        return (area, None);
    }
    if area.width >= BESIDE {
        let width = area.width / 2;
        let beside = Rect { x: area.x + width + 1, width: area.width - width - 1, ..area };
        return (Rect { width, ..area }, Some(beside));
    }
    // What few rows, their head and a line of air leave over is room for details.
    let rows = u16::try_from(app.len().max(1)).unwrap_or(u16::MAX).saturating_add(2);
    let height = (area.height / 2).max(2).min(area.height).min(rows);
    let below = Rect { y: area.y + height, height: area.height - height, ..area };
    (Rect { height, ..area }, Some(below))
}

/// The same socket with all its details, where it was asked for.
pub fn closer<'a>(app: &'a App, row: &Row<'_>) -> Option<Row<'a>> {
    let key = RowKey::of(&row.socket);
    app.closer.iter().find(|closer| RowKey::of(&closer.socket) == key)
}

fn column(field: Field) -> Column {
    let title = field.name().to_uppercase();
    match field.form() {
        Form::State => Column::text(&title, 0),
        Form::End(_) => Column::address(&title, 0),
        Form::RecvQueue => Column::number("RECV-Q", 1),
        Form::SendQueue => Column::number("SEND-Q", 2),
        Form::Process => Column::process(&title, 1),
        Form::Proto => Column::text(&title, 3),
        Form::Age => Column::number(&title, 2),
        Form::Name => Column::long(&title, 4, 8, 16),
        Form::Word | Form::Id => Column::text(&title, 4),
        Form::Amount(_) => Column::number(&title, 4),
    }
}

/// An age without its upper bound where it has two: a column of bounds leaves
/// no room for who holds the socket, and the details have both.
fn at_least(age: Age) -> Age {
    Age { max_ms: age.max_ms.filter(|max| *max == age.min_ms), ..age }
}

/// A field of a row as the table shows it.
pub fn cell(field: Field, row: &Row<'_>, lookups: &Lookups, names: &mut Names) -> Cell {
    let mut text = Vec::new();
    let mut tone = Tone::Plain;
    match (field.form(), Queues::of(row)) {
        (Form::State, _) => {
            tone = state_tone(row.socket.state);
            text.extend_from_slice(row.socket.state.to_string().as_bytes());
        }
        (Form::RecvQueue, Queues::Accept(queue)) => {
            accept_queue(&mut text, queue);
            if queue.is_full() == Some(true) {
                tone = Tone::Bad;
                text.extend_from_slice(b" FULL");
            }
        }
        (Form::SendQueue, Queues::Accept(_)) => text.push(b'-'),
        (Form::End(End::Local), _) => cells::local(&mut text, row, names),
        (Form::End(End::Remote), _) => cells::remote(&mut text, row, lookups, names),
        // The descriptor stands among the details.
        (Form::Process, _) => cells::holders(&mut text, row.socket.inode, &lookups.owners, false),
        (Form::Age, _) => {
            if let Some(age) = Age::of(row) {
                cells::age(&mut text, at_least(age));
            }
        }
        _ => {
            if let Some(value) = field.value(row, lookups) {
                text.extend_from_slice(field.shown(&value).as_bytes());
            }
        }
    }
    if text.is_empty() {
        text.push(b'-');
    }
    Cell::new(tone, String::from_utf8_lossy(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_at_least_the_lower_one() {
        let text = |min_ms, max_ms| {
            let mut text = Vec::new();
            cells::age(&mut text, at_least(Age { min_ms, max_ms }));
            String::from_utf8_lossy(&text).into_owned()
        };
        assert_eq!(text(288, Some(292)), "288ms+");
        assert_eq!(text(288, Some(288)), "288ms");
        assert_eq!(text(288, None), "288ms+");
    }
}
