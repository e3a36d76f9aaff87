//! A table that streams: widths come from the first rows, later rows follow at
//! once and overflow their column rather than lose a character.

use unicode_width::UnicodeWidthStr;

use super::out::Out;
use super::style::{Style, Tone};

/// Rows looked at before the widths are settled.
const SAMPLE: usize = 1000;

/// Between two columns.
const GAP: &str = "  ";

/// On which side the padding goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct TableColumn {
    /// Its head.
    pub title: &'static str,
    /// Its alignment.
    pub align: Align,
}

impl TableColumn {
    /// Returns a column of text.
    pub const fn text(title: &'static str) -> Self {
        Self { title, align: Align::Left }
    }

    /// Returns a column of numbers.
    pub const fn number(title: &'static str) -> Self {
        Self { title, align: Align::Right }
    }
}

#[derive(Clone, Copy, Debug)]
struct TableCell {
    end: usize,
    tone: Tone,
}

/// The cells of one row, written one after another into one buffer.
#[derive(Debug, Default)]
pub struct Cells {
    bytes: Vec<u8>,
    cells: Vec<TableCell>,
    /// Lines of details, one behind the other, and where each ends.
    details: Vec<u8>,
    detail_ends: Vec<usize>,
}

impl Cells {
    /// Writes the next cell. An empty cell shows as `-`, so that every row
    /// has the same number of words.
    pub fn cell(&mut self, tone: Tone, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        if self.bytes.len() == start {
            self.bytes.push(b'-');
        }
        self.cells.push(TableCell { end: self.bytes.len(), tone });
    }

    /// Writes a line of details that belongs to the row; words end in a blank
    /// each, and a line without words is no line.
    pub fn detail(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.details.len();
        write(&mut self.details);
        if self.details.len() > start {
            self.details.pop();
            self.detail_ends.push(self.details.len());
        }
    }

    /// Returns the lines of details.
    pub fn detail_lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.detail_ends.iter().copied());
        starts.zip(&self.detail_ends).map(|(start, end)| &self.details[start..*end])
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.cells.clear();
        self.details.clear();
        self.detail_ends.clear();
    }

    fn each(&self) -> impl Iterator<Item = (&[u8], Tone)> {
        let starts = std::iter::once(0).chain(self.cells.iter().map(|cell| cell.end));
        starts.zip(&self.cells).map(|(start, cell)| (&self.bytes[start..cell.end], cell.tone))
    }
}

/// Writes rows as they come.
pub struct TableWriter<'o, 'w> {
    out: &'o mut Out<'w>,
    style: &'o Style,
    columns: Vec<TableColumn>,
    widths: Vec<usize>,
    sample: Vec<Cells>,
    settled: bool,
    header: bool,
    scratch: Cells,
    inline: bool,
}

impl<'o, 'w> TableWriter<'o, 'w> {
    /// Returns a table with these columns; the head is left out without `header`.
    pub fn new(
        out: &'o mut Out<'w>,
        style: &'o Style,
        columns: Vec<TableColumn>,
        header: bool,
    ) -> Self {
        let widths = columns.iter().map(|c| if header { c.title.len() } else { 0 }).collect();
        let (sample, scratch) = (Vec::new(), Cells::default());
        let (settled, inline) = (false, false);
        Self { out, style, columns, widths, sample, settled, header, scratch, inline }
    }

    /// Tells whether details stand behind their row instead of below it.
    pub fn details_inline(&mut self, inline: bool) {
        self.inline = inline;
    }

    /// Adds one row; `fill` writes one cell for each column.
    pub fn row(&mut self, fill: impl FnOnce(&mut Cells)) {
        if self.settled {
            let mut cells = std::mem::take(&mut self.scratch);
            cells.clear();
            fill(&mut cells);
            self.emit(&cells);
            self.scratch = cells;
            return;
        }
        let mut cells = Cells::default();
        fill(&mut cells);
        for (width, (text, _)) in self.widths.iter_mut().zip(cells.each()) {
            *width = (*width).max(width_of(text));
        }
        self.sample.push(cells);
        if self.sample.len() == SAMPLE {
            self.settle();
        }
    }

    /// Tells whether writing has failed, so that more rows are in vain.
    pub fn failed(&self) -> bool {
        self.out.failed()
    }

    /// Writes what is still held back; a table without rows shows its head.
    pub fn finish(mut self) {
        if !self.settled {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.settled = true;
        if self.header {
            let mut head = Cells::default();
            for column in &self.columns {
                head.cell(Tone::Head, |out| out.extend_from_slice(column.title.as_bytes()));
            }
            self.emit(&head);
        }
        for cells in std::mem::take(&mut self.sample) {
            self.emit(&cells);
        }
    }

    fn emit(&mut self, cells: &Cells) {
        let Self { out, style, columns, widths, .. } = self;
        let buffer = out.buffer();
        let last = columns.len().saturating_sub(1);
        for (i, (text, tone)) in cells.each().enumerate() {
            if i > 0 {
                buffer.extend_from_slice(GAP.as_bytes());
            }
            let room = widths.get(i).map_or(0, |width| width.saturating_sub(width_of(text)));
            let right = columns.get(i).is_some_and(|column| column.align == Align::Right);
            if right {
                pad(buffer, room);
            }
            style.open(buffer, tone);
            buffer.extend_from_slice(text);
            style.close(buffer, tone);
            if !right && i < last {
                pad(buffer, room);
            }
        }
        for line in cells.detail_lines() {
            buffer.extend_from_slice(if self.inline { GAP.as_bytes() } else { b"\n\t" });
            buffer.extend_from_slice(line);
        }
        buffer.push(b'\n');
        out.advance();
    }
}

fn pad(out: &mut Vec<u8>, columns: usize) {
    out.resize(out.len() + columns, b' ');
}

/// Columns on a terminal; ASCII, nearly all text here, needs no table.
fn width_of(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    String::from_utf8_lossy(text).width()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [TableColumn; 3] =
        [TableColumn::text("NAME"), TableColumn::number("N"), TableColumn::text("PLACE")];

    fn draw(rows: &[[&str; 3]], header: bool) -> String {
        let mut sink = Vec::new();
        let mut out = Out::new(&mut sink);
        let style = Style { color: false, width: None };
        let mut table = TableWriter::new(&mut out, &style, COLUMNS.to_vec(), header);
        for row in rows {
            table.row(|cells| {
                for text in row {
                    cells.cell(Tone::Plain, |out| out.extend_from_slice(text.as_bytes()));
                }
            });
        }
        table.finish();
        out.finish().expect("a Vec takes everything");
        String::from_utf8(sink).expect("only text was written")
    }

    #[test]
    fn columns_line_up_and_no_line_ends_in_blanks() {
        let text = draw(&[["a", "1", "x"], ["größe", "1000", ""]], true);
        assert_eq!(text, "NAME      N  PLACE\na         1  x\ngröße  1000  -\n");
    }

    #[test]
    fn without_header_only_rows() {
        assert_eq!(draw(&[["a", "1", "x"]], false), "a  1  x\n");
        assert_eq!(draw(&[], false), "");
        assert_eq!(draw(&[], true), "NAME  N  PLACE\n");
    }

    #[test]
    fn a_row_after_the_sample_overflows_and_keeps_every_character() {
        let mut rows = vec![["a", "1", "x"]; SAMPLE];
        rows.push(["much longer", "2", "y"]);
        let text = draw(&rows, false);
        assert_eq!(text.lines().count(), SAMPLE + 1);
        assert_eq!(text.lines().last(), Some("much longer  2  y"));
    }
}
