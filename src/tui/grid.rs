//! A table of which only the rows on the screen are made: columns as wide as
//! what they show; where there is no room long texts are cut, and only then
//! columns of low priority are dropped.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use crate::model::escape::harmless;
use crate::output::style::Tone;

use super::theme::Theme;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridColumn {
    /// Its head.
    pub title: String,
    /// True where it holds numbers, which are aligned on the right.
    pub right: bool,
    /// 0 is always shown; higher ones go first where there is no room.
    pub priority: u8,
    /// The limit to which it may be cut.
    pub cut: Cut,
}

/// The way in which a column gives way where there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// It is never narrower than this, nor than its widest value.
    pub least: u16,
    /// So many are enough for what is usual: no column that matters little is
    /// shown at the price of less.
    pub good: u16,
    /// The part of a cut text that stays.
    pub keep: Keep,
}

/// The part of a cut text that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Its beginning.
    Start,
    /// Both ends: the network of an address and its port.
    Ends,
    /// The beginning of a name and the process id after it.
    Id,
}

/// Half a number says something else than the number.
const WHOLE: Cut = Cut { least: u16::MAX, good: u16::MAX, keep: Keep::Start };

/// An IPv4 address with its port, the longest there is.
const IPV4: u16 = 21;

impl GridColumn {
    /// Makes a column of text that is never cut.
    pub fn text(title: &str, priority: u8) -> Self {
        Self { title: title.to_owned(), right: false, priority, cut: WHOLE }
    }

    /// Makes a column of numbers.
    pub fn number(title: &str, priority: u8) -> Self {
        Self { right: true, ..Self::text(title, priority) }
    }

    /// Makes a column of addresses with ports: of a long one the network and
    /// the port stay.
    pub fn address(title: &str, priority: u8) -> Self {
        let cut = Cut { least: 15, good: IPV4, keep: Keep::Ends };
        Self { cut, ..Self::text(title, priority) }
    }

    /// Makes a column of processes.
    pub fn process(title: &str, priority: u8) -> Self {
        let cut = Cut { least: 9, good: 16, keep: Keep::Id };
        Self { cut, ..Self::text(title, priority) }
    }

    /// Makes a column of text whose beginning says the most: how short it may
    /// be, and which length is enough.
    pub fn long(title: &str, priority: u8, least: u16, good: u16) -> Self {
        Self { cut: Cut { least, good, keep: Keep::Start }, ..Self::text(title, priority) }
    }
}

/// One value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GridCell {
    /// Its text.
    pub text: String,
    /// Its meaning, which decides its colour.
    pub tone: Tone,
}

/// A table as text, for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// The heads of its columns.
    pub titles: Vec<String>,
    /// Its rows, each with a text for each head.
    pub rows: Vec<Vec<String>>,
}

impl Texts {
    /// Makes one of columns and cells; pictures, which have no head, are left
    /// out.
    pub fn of(columns: &[GridColumn], rows: impl Iterator<Item = Vec<GridCell>>) -> Self {
        let named = |index: &usize| !columns[*index].title.is_empty();
        let shown: Vec<usize> = (0..columns.len()).filter(named).collect();
        let title = |index: &usize| columns[*index].title.clone();
        let text = |cells: &[GridCell], index: usize| {
            cells.get(index).map(|cell| cell.text.trim().to_owned()).unwrap_or_default()
        };
        let row = |cells: Vec<GridCell>| shown.iter().map(|index| text(&cells, *index)).collect();
        Self { titles: shown.iter().map(title).collect(), rows: rows.map(row).collect() }
    }
}

impl GridCell {
    /// Makes a value of a meaning.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }

    /// Makes a value.
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

    /// Returns the rows on a screen of so many lines.
    pub fn window(&mut self, len: usize, lines: usize) -> std::ops::Range<usize> {
        self.at = self.at.min(len.saturating_sub(1));
        self.top = self.top.min(len.saturating_sub(lines)).min(self.at);
        if lines > 0 && self.at >= self.top + lines {
            self.top = self.at + 1 - lines;
        }
        self.top..(self.top + lines).min(len)
    }
}

/// A table to draw.
pub struct Grid<'g> {
    /// The columns.
    pub columns: &'g [GridColumn],
    /// The rows on the screen, a cell for each column; the last cell of a row
    /// that has fewer goes on to the right edge.
    pub rows: &'g [Vec<GridCell>],
    /// The selected one among them.
    pub selected: Option<usize>,
    /// The column it is sorted by, and whether the largest come first.
    pub sort: Option<(usize, bool)>,
}

/// Between two columns, and where not all have room.
const GAPS: [u16; 2] = [2, 1];

/// Columns up to this priority are shown even where that cuts others short.
const MATTERS: u8 = 2;

impl Grid<'_> {
    /// Draws head and rows; returns where the head of each column is.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) -> Vec<(Rect, usize)> {
        if area.is_empty() {
            return Vec::new();
        }
        let (shown, gap) = fit(self.columns, &self.widths(theme), area.width);
        let mut heads = Vec::new();
        let mut x = area.x;
        for (place, &(index, width)) in shown.iter().enumerate() {
            let column = &self.columns[index];
            let room = area.right().saturating_sub(x);
            let last = place + 1 == shown.len();
            let width = if last && !column.right { room } else { width.min(room) };
            let place = Rect::new(x, area.y, width, 1);
            let title = self.title(index, theme);
            put(buffer, place, &title, column.right, theme.style(Tone::Head), theme);
            heads.push((place, index));
            x = x.saturating_add(width + gap).min(area.right());
        }
        for (row, y) in self.rows.iter().zip(area.y + 1..area.bottom()) {
            self.row(buffer, &heads, row, (y, area.right()), theme);
        }
        if let Some(selected) = self.selected.filter(|row| (*row as u16) + 1 < area.height) {
            let line = Rect::new(area.x, area.y + 1 + selected as u16, area.width, 1);
            buffer.set_style(line, theme.selected());
        }
        heads
    }

    /// Draws a row in a line that ends at a column.
    fn row(
        &self,
        buffer: &mut Buffer,
        heads: &[(Rect, usize)],
        row: &[GridCell],
        (y, end): (u16, u16),
        theme: &Theme,
    ) {
        for (place, index) in heads {
            let Some(cell) = row.get(*index) else { continue };
            let mut place = Rect { y, ..*place };
            if self.goes_on(row, *index) {
                place.width = end.saturating_sub(place.x);
            }
            let column = &self.columns[*index];
            let style = theme.style(cell.tone);
            let text = shortened(&cell.text, column.cut.keep, place.width.into(), theme);
            put(buffer, place, &text, column.right, style, theme);
        }
    }

    /// Returns whether a cell has the rest of its line.
    fn goes_on(&self, row: &[GridCell], index: usize) -> bool {
        row.len() < self.columns.len() && index + 1 == row.len()
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
            let rows = self.rows.iter().filter(|row| !self.goes_on(row, index));
            let cells = rows.filter_map(|row| row.get(index));
            let widest = cells.map(|cell| cell.text.width()).max().unwrap_or(0);
            u16::try_from(widest.max(self.title(index, theme).width())).unwrap_or(u16::MAX)
        };
        (0..self.columns.len()).map(widest).collect()
    }
}

/// Returns the columns that fit with their widths, and what stands between
/// them.
fn fit(columns: &[GridColumn], widths: &[u16], room: u16) -> (Vec<(usize, u16)>, u16) {
    let [wide, narrow] = GAPS;
    let everything: Vec<(usize, u16)> = widths.iter().copied().enumerate().collect();
    if needed(&everything, wide) <= room.into() {
        return (everything, wide);
    }
    let at_most = |index: usize, most: u16| (index, widths[index].min(most));
    let least = |index: usize| at_most(index, columns[index].cut.least);
    let good = |index: usize| at_most(index, columns[index].cut.good);
    let mut by_priority: Vec<usize> = (0..columns.len()).collect();
    by_priority.sort_by_key(|index| columns[*index].priority);
    let mut shown: Vec<usize> = Vec::new();
    for index in by_priority {
        let priority = columns[index].priority;
        let all = shown.iter().copied().chain([index]);
        let all: Vec<(usize, u16)> =
            if priority <= MATTERS { all.map(least).collect() } else { all.map(good).collect() };
        // One that is too wide leaves its place to narrower ones after it.
        if priority == 0 || needed(&all, narrow) <= room.into() {
            shown.push(index);
        }
    }
    shown.sort_unstable();
    let mut fitted: Vec<(usize, u16)> = shown.iter().copied().map(least).collect();
    let mut left = u32::from(room).saturating_sub(needed(&fitted, narrow));
    grow(&mut fitted, &mut left, |index| good(index).1);
    grow(&mut fitted, &mut left, |index| widths[index]);
    (fitted, narrow)
}

/// Hands out what room is left, in turn, up to a width of each.
fn grow(columns: &mut [(usize, u16)], left: &mut u32, most: impl Fn(usize) -> u16) {
    loop {
        let mut grew = false;
        for (index, width) in columns.iter_mut() {
            if *left > 0 && *width < most(*index) {
                *width += 1;
                *left -= 1;
                grew = true;
            }
        }
        if !grew {
            return;
        }
    }
}

/// Returns how many columns of the screen these take.
fn needed(columns: &[(usize, u16)], gap: u16) -> u32 {
    let widths: u32 = columns.iter().map(|(_, width)| u32::from(*width)).sum();
    widths + u32::from(gap) * (columns.len() as u32).saturating_sub(1)
}

/// The prefix of an IPv4-mapped address, which an `AF_INET6` socket may have.
const MAPPED: &str = "::ffff:";

/// Returns a text that is too long for so many columns without its middle; of
/// an IPv4 address with a mark all but the mark, where that is enough.
fn shortened<'t>(text: &'t str, keep: Keep, room: usize, theme: &Theme) -> Cow<'t, str> {
    let ellipsis = theme.pick("…", "~");
    let length = text.chars().count();
    // Where a character is not one column there is no telling what fits.
    if text.width() <= room || text.width() != length {
        return text.into();
    }
    let tail = match keep {
        Keep::Start => None,
        Keep::Ends => match text.strip_prefix(MAPPED).filter(|rest| rest.width() < room) {
            Some(rest) => return format!("{ellipsis}{rest}").into(),
            // The larger part, where one is: ":50001" must not lose its colon.
            None => Some(room / 2),
        },
        // Of several processes the last id would seem to be that of the first.
        Keep::Id if text.contains(',') => None,
        Keep::Id => text.rfind('[').map(|at| text[at..].chars().count()),
    };
    let Some(tail) = tail.filter(|tail| tail + 3 <= room) else { return text.into() };
    let head = text.chars().take(room - 1 - tail);
    let tail = text.chars().skip(length - tail);
    head.chain(ellipsis.chars()).chain(tail).collect::<String>().into()
}

/// Writes text in a place; what does not fit ends in an ellipsis.
pub fn put(buffer: &mut Buffer, place: Rect, text: &str, right: bool, style: Style, theme: &Theme) {
    let place = place.intersection(buffer.area);
    if place.is_empty() {
        return;
    }
    let text = &*harmless(text);
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

    fn titles(columns: &[GridColumn], widths: &[u16], room: u16) -> String {
        let (shown, _) = fit(columns, widths, room);
        shown.iter().map(|(index, _)| columns[*index].title.as_str()).collect()
    }

    #[test]
    fn columns_go_by_priority_until_the_rest_fits() {
        let columns = [("A", 0), ("B", 2), ("C", 1), ("D", 2)];
        let columns = columns.map(|(title, priority)| GridColumn::text(title, priority));
        let widths = [4, 4, 4, 4];
        assert_eq!(fit(&columns, &widths, 22), (vec![(0, 4), (1, 4), (2, 4), (3, 4)], 2));
        assert_eq!(titles(&columns, &widths, 19), "ABCD", "closer together");
        assert_eq!(titles(&columns, &widths, 18), "ABC");
        assert_eq!(titles(&columns, &widths, 12), "AC");
        assert_eq!(titles(&columns, &widths, 1), "A");
        assert_eq!(titles(&columns, &[4, 9, 4, 4], 15), "ACD", "what fits is put back");
    }

    #[test]
    fn long_texts_are_cut_before_a_column_goes() {
        let columns =
            [GridColumn::text("A", 0), GridColumn::long("B", 1, 5, 8), GridColumn::address("C", 1)];
        let widths = [4, 60, 39];
        assert_eq!(fit(&columns, &widths, 120).0, [(0, 4), (1, 60), (2, 39)]);
        assert_eq!(fit(&columns, &widths, 60).0, [(0, 4), (1, 21), (2, 33)], "both get some");
        assert_eq!(fit(&columns, &widths, 35).0, [(0, 4), (1, 8), (2, 21)], "enough for IPv4");
        assert_eq!(fit(&columns, &widths, 26).0, [(0, 4), (1, 5), (2, 15)]);
        assert_eq!(titles(&columns, &widths, 25), "AB");
    }

    #[test]
    fn what_matters_little_is_not_shown_at_the_price_of_what_matters() {
        let columns =
            [GridColumn::address("A", 0), GridColumn::text("B", 2), GridColumn::text("C", 3)];
        assert_eq!(titles(&columns, &[40, 4, 4], 20), "AB");
        assert_eq!(titles(&columns, &[40, 4, 4], 30), "AB");
        assert_eq!(titles(&columns, &[40, 4, 4], 31), "ABC");
    }

    #[test]
    fn what_is_cut_keeps_what_tells_it_from_others() {
        let theme = Theme { color: false, unicode: true };
        let ends = |text: &str, room| shortened(text, Keep::Ends, room, &theme).into_owned();
        let long = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:50001";
        assert_eq!(ends(long, 21), "[2001:db8:…fff]:50001");
        assert_eq!(ends("127.0.0.1:50001", 12), "127.0…:50001");
        assert_eq!(ends("10.0.0.1:80", 21), "10.0.0.1:80");
        assert_eq!(ends("::ffff:10.0.0.9:50000", 20), "…10.0.0.9:50000");
        let id = |text: &str, room| shortened(text, Keep::Id, room, &theme).into_owned();
        assert_eq!(id("tmux: server[24938]", 14), "tmux: …[24938]");
        assert_eq!(id("a[1],b[2],c[3]", 9), "a[1],b[2],c[3]", "several are cut at their end");
        assert_eq!(id("tmux: server[24938]", 9), "tmux: server[24938]", "no room for both");
    }
}
