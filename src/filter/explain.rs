//! Prints what `--explain-filter` shows: how an expression was read, what the kernel
//! decides for each table, and what is decided here.

use std::fmt::Write;

use crate::kernel::bytecode::listing;
use crate::model::escape::harmless;
use crate::model::proto::TableId;
use crate::model::state::StateSet;

use super::ast::Expr;
use super::compile::{FactNeeds, TablePlan};
use super::print::state_words;

/// A party that narrows down what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilteredBy {
    /// The kernel, by its part of the filter.
    Kernel,
    /// The kernel, but of the filter it is told nothing.
    KernelUnfiltered,
    /// We, of what a file holds.
    File,
}

/// The way in which one table is read.
#[derive(Clone, Debug)]
pub struct TableReading<'a> {
    /// The table.
    pub table: TableId,
    /// The states that are wanted of it, those of flags among them.
    pub states: StateSet,
    /// The types of socket that are wanted of it; empty for all.
    pub types: Vec<String>,
    /// The plan of the filter; `None` without one.
    pub plan: Option<&'a TablePlan>,
}

impl TableReading<'_> {
    fn is_like(&self, other: &Self) -> bool {
        // The states of a table that is not read are not told.
        let never = |plan: Option<&TablePlan>| plan.is_some_and(|plan| plan.never);
        let alike = self.states == other.states && self.types == other.types;
        self.plan == other.plan && (never(self.plan) || alike)
    }
}

/// Returns the text for an expression and how each table is read.
pub fn explain(expr: Option<&Expr>, tables: &[TableReading<'_>], asked: FilteredBy) -> String {
    let mut out = match expr {
        Some(_) => String::from("read as\n"),
        None => String::from("no filter: every row in these states is shown\n"),
    };
    if let Some(expr) = expr {
        tree(&mut out, expr, 1);
    }
    let mut rest = tables;
    while let Some((first, behind)) = rest.split_first() {
        // Tables that are read in the same way are told together.
        let same = behind.iter().take_while(|table| table.is_like(first)).count();
        let names: Vec<&str> = rest.iter().take(same + 1).map(|one| one.table.name()).collect();
        let _ = writeln!(out, "\n{}", names.join(", "));
        match first.plan {
            Some(plan) if plan.never => out.push_str("  not read: no row of it can match\n"),
            Some(plan) => table(&mut out, first, plan, asked),
            None => {
                let _ = writeln!(out, "  states: {}", states_told(first.states));
            }
        }
        if !first.types.is_empty() {
            let _ = writeln!(out, "  only of type {}", first.types.join(", "));
        }
        rest = behind.get(same..).unwrap_or_default();
    }
    out
}

fn tree(out: &mut String, expr: &Expr, depth: usize) {
    let indent = "  ".repeat(depth);
    // Writing to a String cannot fail.
    let _ = match expr {
        Expr::And(_) => writeln!(out, "{indent}all of"),
        Expr::Or(_) => writeln!(out, "{indent}one of"),
        Expr::Not(_) => writeln!(out, "{indent}not"),
        Expr::Is(predicate) => writeln!(out, "{indent}{}", harmless(&predicate.to_string())),
    };
    match expr {
        Expr::And(parts) | Expr::Or(parts) => {
            parts.iter().for_each(|part| tree(out, part, depth + 1));
        }
        Expr::Not(inner) => tree(out, inner, depth + 1),
        Expr::Is(_) => {}
    }
}

fn table(out: &mut String, reading: &TableReading<'_>, plan: &TablePlan, asked: FilteredBy) {
    out.push_str(match asked {
        FilteredBy::Kernel => "  asked of the kernel\n",
        FilteredBy::KernelUnfiltered => "  asked of the kernel, nothing of the filter\n",
        FilteredBy::File => "  read, the kernel is not asked\n",
    });
    let _ = writeln!(out, "    states: {}", states_told(reading.states));
    if let Some(port) = plan.local_port {
        let _ = writeln!(out, "    local port: {port}");
    }
    match &plan.program {
        None if asked == FilteredBy::Kernel => out.push_str("    program: none\n"),
        None => {}
        Some(program) => {
            let _ = writeln!(out, "    program of {} bytes:", program.len());
            for line in listing(program) {
                let _ = writeln!(out, "      {line}");
            }
        }
    }
    if plan.too_large {
        out.push_str("    (a part of it is larger than the kernel takes)\n");
    }
    match &plan.remainder {
        None => out.push_str("  decided here: nothing\n"),
        Some(expr) => {
            out.push_str("  decided here\n");
            tree(out, expr, 2);
        }
    }
    let needs = needs(plan.needs);
    if !needs.is_empty() {
        let _ = writeln!(out, "  which needs {}", needs.join(", "));
    }
}

fn states_told(states: StateSet) -> String {
    let (keyword, names) = state_words(states);
    match keyword {
        // What the filter selects may be left out by what is shown unasked.
        _ if states.is_empty() => "none, so that no row is shown".to_owned(),
        "exclude" => format!("all but {}", names.join(", ")),
        _ => names.join(", "),
    }
}

fn needs(needs: FactNeeds) -> Vec<&'static str> {
    let all = [
        (needs.extras.tcp_info, "tcp_info of every row"),
        (needs.extras.memory, "socket memory of every row"),
        (needs.owners, "the processes that hold sockets"),
        (needs.cgroups, "the paths of control groups"),
        (needs.peers, "the names of unix peers"),
        (needs.net_admin, "CAP_NET_ADMIN, to see marks"),
    ];
    all.iter().filter(|(needed, _)| *needed).map(|(_, what)| *what).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Bytecode, PlanTarget, compile, parse};
    use super::*;
    use crate::model::proto::Proto;

    #[test]
    fn the_whole_way_of_an_expression_is_told() {
        let expr = parse("sport=22 dst 10/8 not (state listen or process sshd)");
        let expr = expr.expect("parses").expect("not blank");
        let tables = TableId::ALL
            .into_iter()
            .filter(|table| matches!(table.proto, Proto::Tcp | Proto::Udp | Proto::Unix));
        let plans: Vec<(TableId, TablePlan)> = tables
            .map(|table| {
                let target = PlanTarget {
                    table,
                    bytecode: Bytecode::Full,
                    net_admin: false,
                    ephemeral: None,
                };
                (table, compile(&expr, &target))
            })
            .collect();
        let tables: Vec<TableReading<'_>> = plans.iter().map(TableReading::of).collect();
        let expected = "\
read as
  all of
    sport = 22
    dst 10.0.0.0/8
    not
      one of
        state listen
        process sshd

tcp, tcp6, udp, udp6
  asked of the kernel
    states: all but listen
    local port: 22
    program of 16 bytes:
          0  remote address in 10.0.0.0/8, else reject
  decided here
    not
      process sshd
  which needs the processes that hold sockets

unix
  not read: no row of it can match
";
        assert_eq!(explain(Some(&expr), &tables, FilteredBy::Kernel), expected);
    }
}
