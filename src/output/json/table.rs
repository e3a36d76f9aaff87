//! A table as somebody saw it on a screen. No document of the contract: its
//! values are texts, as they were shown.

use serde_json::{Map, Value};

use crate::output::out::Out;

/// Writes an array with an object for each row; its members are named by the
/// heads of the columns.
pub fn table(out: &mut Out<'_>, titles: &[String], rows: &[Vec<String>]) {
    let names: Vec<String> = titles.iter().map(|title| title.to_lowercase()).collect();
    let object = |row: &Vec<String>| {
        let members = names.iter().cloned().zip(row.iter().cloned().map(Value::String));
        members.collect::<Map<String, Value>>()
    };
    super::parts::value(out.buffer(), &rows.iter().map(object).collect::<Vec<_>>());
    out.write(b"\n");
}
