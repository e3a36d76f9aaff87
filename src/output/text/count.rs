//! The table of `count`.

use crate::engine::{Count, KeyValue};
use crate::group::Key;
use crate::output::cells;
use crate::output::out::Out;
use crate::output::style::{Style, Tone, state_tone};
use crate::output::table::{Align, Cells, Column, Table};

/// Writes a count: a row a group, and the total below.
pub fn count(out: &mut Out<'_>, style: &Style, count: &Count, header: bool) {
    let mut columns: Vec<Column> = count.keys.iter().map(|key| column(*key)).collect();
    columns.push(Column::number("COUNT"));
    let mut table = Table::new(out, style, columns, header);
    for group in &count.groups {
        table.row(|cells| {
            for value in &group.values {
                key_cell(cells, value);
            }
            cells.cell(Tone::Plain, |out| cells::number(out, group.count));
        });
    }
    if header {
        table.row(|cells| {
            for i in 0..count.keys.len() {
                cells.cell(Tone::Head, |out| {
                    out.extend_from_slice(if i == 0 { b"total" } else { b"-" });
                });
            }
            cells.cell(Tone::Head, |out| cells::number(out, count.total));
        });
    }
    table.finish();
}

fn column(key: Key) -> Column {
    let title = match key {
        Key::State => "STATE",
        Key::Process => "PROCESS",
        Key::User => "USER",
        Key::LocalPort => "LOCAL-PORT",
        Key::Remote => "REMOTE",
        Key::RemotePort => "REMOTE-PORT",
        Key::Cgroup => "CGROUP",
        Key::Unit => "UNIT",
        Key::Netns => "NETNS",
        Key::Family => "FAMILY",
    };
    Column { title, align: Align::Left }
}

fn key_cell(cells: &mut Cells, value: &KeyValue) {
    let tone = match value {
        KeyValue::State(state) => state_tone(*state),
        _ => Tone::Plain,
    };
    let text = match value {
        KeyValue::State(state) => state.to_string(),
        KeyValue::Process(pid, comm) => format!("{comm}[{pid}]"),
        KeyValue::HiddenProcess => "(not visible)".to_owned(),
        KeyValue::NoProcess(standing) => format!("({})", standing.name()),
        KeyValue::User(_, Some(name)) => name.clone(),
        KeyValue::User(uid, None) => uid.to_string(),
        KeyValue::Port(port) => port.to_string(),
        KeyValue::Address(address) => address.to_string(),
        KeyValue::Text(text) => text.clone(),
        KeyValue::Netns(inode) => inode.to_string(),
        KeyValue::Family(family) => family.name().to_owned(),
        KeyValue::None => String::new(),
    };
    cells.cell(tone, |out| out.extend_from_slice(text.as_bytes()));
}
