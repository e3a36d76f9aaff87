//! The table of `count`.

use crate::answer::{Count, Group, KeyValue};
use crate::group::GroupKey;
use crate::output::cells;
use crate::output::out::Out;
use crate::output::style::{Style, Tone, state_tone};
use crate::output::table::{Align, Cells, TableColumn, TableWriter};

/// Writes a count: a row a group, and the total below; with a count before it,
/// what changed since.
pub fn count(
    out: &mut Out<'_>,
    style: &Style,
    count: &Count,
    before: Option<&Count>,
    header: bool,
) {
    let mut columns: Vec<TableColumn> = count.keys.iter().map(|key| column(*key)).collect();
    columns.push(TableColumn::number("COUNT"));
    columns.extend(before.map(|_| TableColumn::number("CHANGE")));
    let mut table = TableWriter::new(out, style, columns, header);
    for group in &count.groups {
        let change = before.map(|before| count.change(group, before));
        table.row(|cells| group_cells(cells, group, group.count, change));
    }
    for group in before.into_iter().flat_map(|before| count.vanished(before)) {
        table.row(|cells| group_cells(cells, group, 0, Some(-(group.count as i64))));
    }
    if header {
        table.row(|cells| {
            for i in 0..count.keys.len() {
                cells.cell(Tone::Head, |out| {
                    out.extend_from_slice(if i == 0 { b"total" } else { b"-" });
                });
            }
            cells.cell(Tone::Head, |out| cells::number(out, count.total));
            if let Some(before) = before {
                change_cell(cells, count.total as i64 - before.total as i64);
            }
        });
    }
    table.finish();
}

fn group_cells(cells: &mut Cells, group: &Group, count: u64, change: Option<i64>) {
    for value in &group.values {
        key_cell(cells, value);
    }
    cells.cell(Tone::Plain, |out| cells::number(out, count));
    if let Some(change) = change {
        change_cell(cells, change);
    }
}

/// Appends `+12`, `-3`, and nothing where nothing changed.
fn change_cell(cells: &mut Cells, change: i64) {
    let tone = if change == 0 { Tone::Quiet } else { Tone::Moving };
    cells.cell(tone, |out| {
        if change > 0 {
            out.push(b'+');
        }
        if change != 0 {
            cells::number(out, change);
        }
    });
}

fn column(key: GroupKey) -> TableColumn {
    let title = match key {
        GroupKey::State => "STATE",
        GroupKey::Process => "PROCESS",
        GroupKey::User => "USER",
        GroupKey::LocalPort => "LOCAL-PORT",
        GroupKey::Remote => "REMOTE",
        GroupKey::RemotePort => "REMOTE-PORT",
        GroupKey::Cgroup => "CGROUP",
        GroupKey::Unit => "UNIT",
        GroupKey::Netns => "NETNS",
        GroupKey::Family => "FAMILY",
    };
    TableColumn { title, align: Align::Left }
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
