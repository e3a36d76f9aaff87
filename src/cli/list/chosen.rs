//! Rows of `list` that had to wait: which are shown, and in which order.

use crate::machine::Machine;
use crate::model::row::Row;
use crate::model::table::Table;
use crate::query::Lookups;
use crate::query::fields::{FieldValue, Order};
use crate::source::Report;

use super::plan::ListPlan;

/// Returns those to show, in their order, their owners looked up.
pub fn chosen<'t>(
    plan: &ListPlan,
    machine: &Machine,
    table: &'t Table,
    lookups: &mut Lookups,
    report: &mut Report,
) -> Vec<Row<'t>> {
    let mut rows: Vec<Row<'t>> = table.iter().collect();
    let early = plan.selection.needs().owners || plan.order_needs_owners();
    if early {
        look_up(machine, &rows, lookups, report);
        rows.retain(|row| plan.selection.takes(row, lookups, true));
    }
    if let Some(order) = plan.order {
        sort(&mut rows, order, lookups);
    }
    rows.truncate(plan.limit);
    if plan.owners && !early {
        look_up(machine, &rows, lookups, report);
    }
    rows
}

fn look_up(machine: &Machine, rows: &[Row<'_>], lookups: &mut Lookups, report: &mut Report) {
    let peers = rows.iter().filter_map(|row| row.facts.peer_inode());
    let inodes = rows.iter().map(|row| row.socket.inode).chain(peers);
    let (owners, gap) = machine.owners(inodes);
    lookups.owners = owners.into();
    report.gaps.extend(gap);
}

/// Sorts the rows; equal ones keep the kernel's order.
fn sort(rows: &mut Vec<Row<'_>>, order: Order, lookups: &Lookups) {
    let mut keyed: Vec<(Option<FieldValue>, Row<'_>)> =
        rows.drain(..).map(|row| (order.field.value(&row, lookups), row)).collect();
    keyed.sort_by(|(a, _), (b, _)| order.compare(a, b));
    rows.extend(keyed.into_iter().map(|(_, row)| row));
}
