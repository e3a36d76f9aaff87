//! Tables: the one of a sheet, and where rows and heads of any can be clicked.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::output::style::Tone;
use crate::tui::app::{App, Hit};
use crate::tui::grid::{Grid, put};

/// Draws the sheet of the tab with its caption.
pub fn draw_sheet(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let theme = app.theme();
    let Some(sheet) = app.tabs.state_mut().sheet.take() else { return };
    put(
        buffer,
        Rect { height: 1, ..area },
        &sheet.caption,
        false,
        theme.style(Tone::Quiet),
        &theme,
    );
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let lines = usize::from(area.height.saturating_sub(1));
    let window = app.cursor().window(sheet.rows.len(), lines);
    let rows: Vec<_> = sheet.rows[window.clone()].iter().map(|row| row.cells.clone()).collect();
    let selected = app.cursor().at.checked_sub(window.start).filter(|at| *at < rows.len());
    let sort = app.tabs.state().order;
    let grid = Grid { columns: &sheet.columns, rows: &rows, selected, sort };
    let heads = grid.draw(buffer, area, &theme);
    note_hits(app, area, window, heads);
    app.tabs.state_mut().sheet = Some(sheet);
}

/// Notes where rows and heads can be clicked.
pub fn note_hits(app: &mut App, area: Rect, window: Range<usize>, heads: Vec<(Rect, usize)>) {
    app.drawn.hits.extend(heads.into_iter().map(|(place, column)| (place, Hit::Head(column))));
    let rows = window.zip(area.y + 1..area.bottom());
    app.drawn.hits.extend(rows.map(|(index, y)| (Rect { y, height: 1, ..area }, Hit::Row(index))));
}
