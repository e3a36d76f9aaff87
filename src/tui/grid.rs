//! A table of which only the rows on the screen are made: columns as wide as
//! what they show, those of low priority dropped where there is no room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use crate::output::style::Tone;

use super::theme::Theme;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub title: String,
    /// Whether it holds numbers.
    pub right: bool,
    /// 0 is always shown; higher ones go first where there is no room.
    pub priority: u8,
}

impl Column {
    /// A column of text.
    pub fn text(title: &str, priority: u8) -> Self {
        Self { title: title.to_owned(), right: false, priority }
    }

    /// A column of numbers.
    pub fn number(title: &str, priority: u8) -> Self {
        Self { title: title.to_owned(), right: true, priority }
    }
}

/// One value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// What it means.
    pub tone: Tone,
}

impl Cell {
    /// A value of a meaning.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }

    /// A value.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, text)
    }
}

/// The selected row and the first one on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The selected row.
    pub at: usize,
    /// The first row on the screen.
    pub top: usize,
}

impl Cursor {
    /// Moves by so many rows of `len`, and stops at the ends.
    pub fn go(&mut self, by: isize, len: usize) {
        self.at = self.at.saturating_add_signed(by).min(len.saturating_sub(1));
    }

    /// The rows on a screen of so many lines.
    pub fn window(&mut self, len: usize, lines: usize) -> std::ops::Range<usize> {
        self.at = self.at.min(len.saturating_sub(1));
        self.top = self.top.min(len.saturating_sub(lines)).min(self.at);
        if lines > 0 && self.at >= self.top + lines {
            self.top = self.at + 1 - lines;
        }
        self.top..(self.top + lines).min(len)
    }
}

/// What to draw.
pub struct Grid<'g> {
    /// The columns.
    pub columns: &'g [Column],
    /// The rows on the screen, a cell for each column.
    pub rows: &'g [Vec<Cell>],
    /// The selected one among them.
    pub selected: Option<usize>,
    /// The column it is sorted by, and whether the largest come first.
    pub sort: Option<(usize, bool)>,
}

/// Between two columns.
const GAP: u16 = 2;

impl Grid<'_> {
    /// Draws head and rows; returns where the head of each column is.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) -> Vec<(Rect, usize)> {
        if area.is_empty() {
            return Vec::new();
        }
        let widths = self.widths(theme);
        let shown = fit(self.columns, &widths, area.width);
        let mut heads = Vec::new();
        let mut x = area.x;
        for &index in &shown {
            let last = shown.last() == Some(&index);
            let room = area.right().saturating_sub(x);
            let width =
                if last && !self.columns[index].right { room } else { widths[index].min(room) };
            let place = Rect::new(x, area.y, width, 1);
            let title = self.title(index, theme);
            put(buffer, place, &title, self.columns[index].right, theme.style(Tone::Head), theme);
            heads.push((place, index));
            x = x.saturating_add(width + GAP).min(area.right());
        }
        for (row, y) in self.rows.iter().zip(area.y + 1..area.bottom()) {
            for (place, index) in &heads {
                let Some(cell) = row.get(*index) else { continue };
                let place = Rect { y, ..*place };
                let right = self.columns[*index].right;
                put(buffer, place, &cell.text, right, theme.style(cell.tone), theme);
            }
        }
        if let Some(selected) = self.selected.filter(|row| (*row as u16) + 1 < area.height) {
            let line = Rect::new(area.x, area.y + 1 + selected as u16, area.width, 1);
            buffer.set_style(line, theme.selected());
        }
        heads
    }

    fn title(&self, index: usize, theme: &Theme) -> String {
        let title = &self.columns[index].title;
        match self.sort {
            Some((column, true)) if column == index => format!("{title}{}", theme.pick("▼", "v")),
            Some((column, false)) if column == index => format!("{title}{}", theme.pick("▲", "^")),
            _ => title.clone(),
        }
    }

    fn widths(&self, theme: &Theme) -> Vec<u16> {
        let widest = |index: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let widest = cells.map(|cell| cell.text.width()).max().unwrap_or(0);
            u16::try_from(widest.max(self.title(index, theme).width())).unwrap_or(u16::MAX)
        };
        (0..self.columns.len()).map(widest).collect()
    }
}

/// The columns that fit: the least important ones go first, of equal ones the
/// last.
fn fit(columns: &[Column], widths: &[u16], room: u16) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let needed = |shown: &[usize]| {
        let widths = shown.iter().map(|index| u32::from(widths[*index] + GAP));
        widths.sum::<u32>().saturating_sub(GAP.into())
    };
    while needed(&shown) > room.into() {
        let least = shown.iter().map(|index| columns[*index].priority).max().unwrap_or(0);
        if least == 0 {
            break;
        }
        let Some(place) = shown.iter().rposition(|i| columns[*i].priority == least) else { break };
        shown.remove(place);
    }
    shown
}

/// Text in a place; what does not fit ends in an ellipsis.
pub fn put(buffer: &mut Buffer, place: Rect, text: &str, right: bool, style: Style, theme: &Theme) {
    let place = place.intersection(buffer.area);
    if place.is_empty() {
        return;
    }
    let (width, room) = (text.width(), usize::from(place.width));
    let indent = if right { room.saturating_sub(width) as u16 } else { 0 };
    if width <= room {
        buffer.set_stringn(place.x + indent, place.y, text, room, style);
        return;
    }
    let ellipsis = theme.pick("…", "~");
    buffer.set_stringn(place.x, place.y, text, room - 1, style);
    buffer.set_stringn(place.right() - 1, place.y, ellipsis, 1, style.add_modifier(Modifier::DIM));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_on_the_screen_and_among_the_rows() {
        let mut cursor = Cursor::default();
        cursor.go(-5, 10);
        assert_eq!(cursor.window(10, 4), 0..4);
        cursor.go(7, 10);
        assert_eq!((cursor.at, cursor.window(10, 4)), (7, 4..8));
        cursor.go(isize::MAX, 10);
        assert_eq!(cursor.window(10, 4), 6..10);
        assert_eq!(cursor.window(3, 4), 0..3, "rows went away");
        assert_eq!(cursor.at, 2);
        assert_eq!(cursor.window(0, 4), 0..0);
        assert_eq!(cursor.window(5, 0), 0..0);
    }

    #[test]
    fn columns_go_by_priority_until_the_rest_fits() {
        let columns = [
            Column::text("A", 0),
            Column::text("B", 2),
            Column::text("C", 1),
            Column::text("D", 2),
        ];
        let widths = [4, 4, 4, 4];
        assert_eq!(fit(&columns, &widths, 22), [0, 1, 2, 3]);
        assert_eq!(fit(&columns, &widths, 21), [0, 1, 2]);
        assert_eq!(fit(&columns, &widths, 12), [0, 2]);
        assert_eq!(fit(&columns, &widths, 1), [0]);
    }
}
