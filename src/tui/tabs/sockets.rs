//! Every socket, of which only those on the screen are drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::filter::SocketEnd;
use crate::model::age::Age;
use crate::model::queues::Queues;
use crate::model::row::Row;
use crate::output::cells;
use crate::output::style::{Tone, state_tone};
use crate::output::text::accept_queue;
use crate::query::Lookups;
use crate::query::fields::{Field, FieldForm};
use crate::sys::names::Names;
use crate::tui::app::{App, TabRows, TabView};
use crate::tui::grid::{Grid, GridCell, GridColumn, put};
use crate::tui::view::table;

use super::detail;

/// From this width on details stand beside the table.
const BESIDE: u16 = 120;

/// The tab.
pub struct SocketsTab;

impl TabView for SocketsTab {
    fn title(&self) -> &'static str {
        "Sockets"
    }

    fn rows(&self) -> TabRows {
        TabRows::Sockets
    }

    fn len(&self, app: &App) -> usize {
        app.listed.as_ref().map_or(0, |listed| listed.order.len())
    }

    fn is_filtered(&self) -> bool {
        true
    }

    fn has_faults(&self) -> bool {
        true
    }

    fn opens(&self) -> Option<&'static str> {
        Some("details")
    }

    fn draw(&self, app: &mut App, buffer: &mut Buffer, area: Rect) {
        draw(app, buffer, area);
    }

    fn subject(&self, app: &App, row: usize) -> Option<String> {
        Some(app.row_at(row)?.socket.state.to_string())
    }

    fn command(&self, app: &App) -> Vec<String> {
        let names: Vec<&str> = app.sockets.fields().into_iter().map(Field::name).collect();
        let columns = format!("--columns {}", names.join(","));
        let sort = app.order().map(|order| {
            let minus = if order.descending { "-" } else { "" };
            format!("--sort {minus}{}", order.field.name())
        });
        let list = app.ours("list -a") + &app.table_flags(|_| true);
        [list, columns].into_iter().chain(sort).chain(app.filter_word()).collect()
    }
}

fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let (place, details) = split(app, area);
    let lines = usize::from(place.height.saturating_sub(1));
    let len = app.len();
    let window = app.cursor().window(len, lines);
    let fields = app.sockets.fields();
    let columns: Vec<GridColumn> = fields.iter().map(|field| column(*field)).collect();
    // Apart from the rest while rows are made by them.
    let mut names = std::mem::take(&mut app.details.names);
    let rows: Vec<Vec<GridCell>> = window
        .clone()
        .filter_map(|index| {
            let listed = app.listed.as_ref()?;
            let row = app.row_at(index)?;
            let detailed = app.detailed(&row);
            let pin = index < listed.pinned;
            let cell = |field: &Field| {
                cell(*field, detailed.as_ref().unwrap_or(&row), &listed.lookups, &mut names)
            };
            let mut cells: Vec<GridCell> = fields.iter().map(cell).collect();
            // In a column that is never dropped.
            let place = columns.iter().position(|column| column.priority == 0).unwrap_or(0);
            if let (true, Some(cell)) = (pin, cells.get_mut(place)) {
                cell.text = format!("{}{}", app.theme().pick("★", "*"), cell.text);
            }
            Some(cells)
        })
        .collect();
    let selected = app.cursor().at.checked_sub(window.start).filter(|at| *at < rows.len());
    let sort = app.tabs.state().order;
    let theme = app.theme();
    let heads = Grid { columns: &columns, rows: &rows, selected, sort }.draw(buffer, place, &theme);
    table::note_hits(app, place, window, heads);
    if rows.is_empty() && place.height > 1 {
        let text = match (&app.listed, app.filter.text.is_empty() && !app.filter.faults) {
            (None, _) => "reading",
            (Some(_), true) => "no sockets",
            (Some(_), false) => "nothing matches; esc clears the filter",
        };
        let line = Rect { y: place.y + 1, height: 1, ..place };
        put(buffer, line, text, false, theme.style(Tone::Quiet), &theme);
    }
    if let Some(place) = details {
        detail::draw(app, &mut names, buffer, place);
    }
    app.details.names = names;
}

/// Returns the table's place, and that of the details where they are open.
fn split(app: &App, area: Rect) -> (Rect, Option<Rect>) {
    if !app.sockets.detail {
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

fn column(field: Field) -> GridColumn {
    let title = field.name().to_uppercase();
    match field.form() {
        FieldForm::State => GridColumn::text(&title, 0),
        FieldForm::End(_) => GridColumn::address(&title, 0),
        FieldForm::RecvQueue => GridColumn::number("RECV-Q", 1),
        FieldForm::SendQueue => GridColumn::number("SEND-Q", 2),
        FieldForm::Process => GridColumn::process(&title, 1),
        FieldForm::Proto => GridColumn::text(&title, 3),
        FieldForm::Age => GridColumn::number(&title, 2),
        FieldForm::Name => GridColumn::long(&title, 4, 8, 16),
        FieldForm::Word | FieldForm::Id => GridColumn::text(&title, 4),
        FieldForm::Amount(_) => GridColumn::number(&title, 4),
    }
}

/// Returns an age without its upper bound where it has two: a column of bounds
/// leaves no room for who holds the socket, and the details have both.
fn at_least(age: Age) -> Age {
    Age { max_ms: age.max_ms.filter(|max| *max == age.min_ms), ..age }
}

/// Returns a field of a row as the table shows it.
pub fn cell(field: Field, row: &Row<'_>, lookups: &Lookups, names: &mut Names) -> GridCell {
    let mut text = Vec::new();
    let mut tone = Tone::Plain;
    match (field.form(), Queues::of(row)) {
        (FieldForm::State, _) => {
            tone = state_tone(row.socket.state);
            text.extend_from_slice(row.socket.state.to_string().as_bytes());
        }
        (FieldForm::RecvQueue, Queues::Accept(queue)) => {
            accept_queue(&mut text, queue);
            if queue.is_full() == Some(true) {
                tone = Tone::Bad;
                text.extend_from_slice(b" FULL");
            }
        }
        (FieldForm::SendQueue, Queues::Accept(_)) => text.push(b'-'),
        (FieldForm::End(SocketEnd::Local), _) => cells::local(&mut text, row, names),
        (FieldForm::End(SocketEnd::Remote), _) => cells::remote(&mut text, row, lookups, names),
        // The descriptor stands among the details.
        (FieldForm::Process, _) => {
            cells::holders(&mut text, row.socket.inode, &lookups.owners, false)
        }
        (FieldForm::Age, _) => {
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
    GridCell::new(tone, String::from_utf8_lossy(&text))
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
