//! Small tables whose rows are all made: listeners, groups, budgets.

use std::cmp::Ordering;
use std::net::SocketAddr;

use crate::model::address::Endpoint;
use crate::model::state::State;

use super::grid::{GridCell, GridColumn};

/// The key by which a row is sorted.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// Nothing; comes last.
    None,
}

impl SortKey {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => (*a == Self::None).cmp(&(*b == Self::None)),
        }
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct SheetRow {
    /// A cell for each column.
    pub cells: Vec<GridCell>,
    /// The sort key of each column.
    pub keys: Vec<SortKey>,
    /// The filter that selects the sockets behind it.
    pub filter: Option<String>,
    /// The state that most of them are in, where it counts states.
    pub state: Option<State>,
}

impl SheetRow {
    /// Makes an empty row.
    pub fn new(filter: Option<String>) -> Self {
        Self { cells: Vec::new(), keys: Vec::new(), filter, state: None }
    }

    /// Adds a cell that is sorted by its text.
    pub fn text(&mut self, cell: GridCell) -> &mut Self {
        self.keys.push(SortKey::Text(cell.text.clone()));
        self.cells.push(cell);
        self
    }

    /// Adds a cell that is sorted by a number.
    pub fn number(&mut self, cell: GridCell, key: Option<f64>) -> &mut Self {
        self.keys.push(key.map_or(SortKey::None, SortKey::Number));
        self.cells.push(cell);
        self
    }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// The line above it.
    pub caption: String,
    /// The columns.
    pub columns: Vec<GridColumn>,
    /// The rows.
    pub rows: Vec<SheetRow>,
}

impl Sheet {
    /// Sorts by a column; rows without a value come last.
    pub fn sort(&mut self, column: usize, descending: bool) {
        self.rows.sort_by(|a, b| {
            let (Some(a), Some(b)) = (a.keys.get(column), b.keys.get(column)) else {
                return Ordering::Equal;
            };
            let none = a == &SortKey::None || b == &SortKey::None;
            if descending && !none { b.compare(a) } else { a.compare(b) }
        });
    }
}

/// Returns an endpoint as `address:port`.
pub fn end(end: Endpoint) -> String {
    SocketAddr::new(end.address.to_ip(), end.port).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: Option<f64>) -> SheetRow {
        let mut row = SheetRow::new(None);
        row.number(GridCell::plain(format!("{number:?}")), number);
        row
    }

    #[test]
    fn rows_without_a_value_come_last_whichever_way_it_is_sorted() {
        let numbers = |sheet: &Sheet| -> Vec<SortKey> {
            sheet.rows.iter().map(|row| row.keys[0].clone()).collect()
        };
        let rows = vec![row(Some(1.0)), row(None), row(Some(3.0)), row(Some(2.0))];
        let mut sheet = Sheet { rows, ..Sheet::default() };
        sheet.sort(0, true);
        let key = SortKey::Number;
        assert_eq!(numbers(&sheet), [key(3.0), key(2.0), key(1.0), SortKey::None]);
        sheet.sort(0, false);
        assert_eq!(numbers(&sheet), [key(1.0), key(2.0), key(3.0), SortKey::None]);
        sheet.sort(9, false);
        assert_eq!(sheet.rows.len(), 4, "a column that is not there changes nothing");
    }
}
