//! Chosen fields: as a table, or as comma-separated values.

use std::io::Write;

use crate::filter::SocketEnd;
use crate::model::row::Row;
use crate::query::Lookups;
use crate::query::fields::{Field, FieldForm};
use crate::sys::names::Names;

use super::cells;
use super::out::Out;
use super::style::{Style, Tone};
use super::table::{Align, TableColumn, TableWriter};

/// Writes chosen fields of rows as a table.
pub struct Columns<'o, 'w> {
    table: TableWriter<'o, 'w>,
    fields: Vec<Field>,
    names: Names,
}

impl<'o, 'w> Columns<'o, 'w> {
    /// Returns a table of these fields.
    pub fn new(
        out: &'o mut Out<'w>,
        style: &'o Style,
        fields: &[Field],
        header: bool,
        names: Names,
    ) -> Self {
        let columns = fields
            .iter()
            .map(|field| TableColumn { title: field.name(), align: Align::Left })
            .collect();
        Self {
            table: TableWriter::new(out, style, columns, header),
            fields: fields.to_vec(),
            names,
        }
    }

    /// Writes one row.
    pub fn row(&mut self, row: &Row<'_>, lookups: &Lookups) {
        let Self { table, fields, names } = self;
        table.row(|cells| {
            for field in fields {
                cells.cell(Tone::Plain, |out| write_field(out, *field, row, lookups, names));
            }
        });
    }

    /// Tells whether writing has failed, so that more rows are in vain.
    pub fn failed(&self) -> bool {
        self.table.failed()
    }

    /// Writes what is still held back.
    pub fn finish(self) {
        self.table.finish();
    }
}

/// Writes chosen fields of rows as RFC 4180 has it; an absent value is empty.
pub struct Csv<'o, 'w> {
    out: &'o mut Out<'w>,
    fields: Vec<Field>,
    names: Names,
    record: csv::ByteRecord,
}

impl<'o, 'w> Csv<'o, 'w> {
    /// Writes comma-separated values of these fields, names first.
    pub fn new(out: &'o mut Out<'w>, fields: &[Field], header: bool) -> Self {
        let (fields, names) = (fields.to_vec(), Names::default());
        let mut csv = Self { out, fields, names, record: csv::ByteRecord::new() };
        if header {
            csv.record.extend(csv.fields.iter().map(|field| field.name()));
            csv.write();
        }
        csv
    }

    /// Returns the same with these names for numbers.
    pub fn names(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// Writes one row.
    pub fn row(&mut self, row: &Row<'_>, lookups: &Lookups) {
        let mut cell = Vec::new();
        for field in &self.fields {
            cell.clear();
            write_field(&mut cell, *field, row, lookups, &mut self.names);
            mark_text(&mut cell);
            self.record.push_field(&cell);
        }
        self.write();
    }

    fn write(&mut self) {
        let mut writer = csv::WriterBuilder::new().from_writer(self.out.buffer());
        // Writing to memory cannot fail.
        drop(writer.write_byte_record(&self.record));
        drop(writer);
        self.record.clear();
        self.out.advance();
    }

    /// Tells whether writing has failed, so that more rows are in vain.
    pub fn failed(&self) -> bool {
        self.out.failed()
    }
}

/// Appends a field; nothing where the row has none. The ends of a socket are
/// those of the usual columns: of any family, with the bound device.
fn write_field(
    out: &mut Vec<u8>,
    field: Field,
    row: &Row<'_>,
    lookups: &Lookups,
    names: &mut Names,
) {
    match field.form() {
        FieldForm::End(SocketEnd::Local) => cells::local(out, row, names),
        FieldForm::End(SocketEnd::Remote) => cells::remote(out, row, lookups, names),
        _ => {
            if let Some(value) = field.value(row, lookups) {
                // Writing to a Vec cannot fail.
                drop(write!(out, "{value}"));
            }
        }
    }
}

/// Puts a ' before a cell that a spreadsheet would take for a formula: a process
/// or a socket can have any name. Numbers, and the dash for nothing, are none.
fn mark_text(cell: &mut Vec<u8>) {
    let is_harmless = || {
        let text = std::str::from_utf8(cell).unwrap_or_default();
        text == "-" || text.parse::<f64>().is_ok()
    };
    if matches!(cell.first(), Some(b'=' | b'+' | b'-' | b'@')) && !is_harmless() {
        cell.insert(0, b'\'');
    }
}

/// Returns every field with its meaning, for `--columns help`.
pub fn help() -> String {
    let widest = Field::all().map(|field| field.name().len()).max().unwrap_or(0);
    let line = |field: Field| {
        let word = field.test_word().map_or(String::new(), |word| format!(" (filter: {word})"));
        format!("{:widest$}  {}{word}\n", field.name(), field.help())
    };
    Field::all().map(line).collect()
}

/// Writes a table of texts as RFC 4180 has it.
pub fn csv_table(out: &mut Out<'_>, titles: &[String], rows: &[Vec<String>]) {
    let mut writer = csv::WriterBuilder::new().from_writer(out.buffer());
    for row in std::iter::once(titles).chain(rows.iter().map(Vec::as_slice)) {
        // Memory takes everything.
        drop(writer.write_record(row.iter().map(|cell| {
            let mut cell = cell.as_bytes().to_vec();
            mark_text(&mut cell);
            cell
        })));
    }
    drop(writer.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_reckon_is_text() {
        let marked = |text: &str| {
            let mut cell = text.as_bytes().to_vec();
            mark_text(&mut cell);
            String::from_utf8(cell).expect("text")
        };
        for formula in ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)"] {
            assert_eq!(marked(formula), format!("'{formula}"));
        }
        for plain in ["", "-", "-5", "+1.5", "nginx", "a=b", "*:80"] {
            assert_eq!(marked(plain), plain);
        }
        let mut bytes = Vec::new();
        let mut out = Out::new(&mut bytes);
        csv_table(&mut out, &["name".to_owned()], &[vec!["=cmd".to_owned()]]);
        out.finish().expect("memory");
        assert_eq!(bytes, b"name\n'=cmd\n");
    }
}
