//! What `--explain-filter` prints: how an expression was read, what the kernel
//! decides for each table, and what is decided here.

use std::fmt::Write;

use crate::kernel::bytecode::listing;
use crate::model::state::StateSet;
use crate::model::want::TableId;

use super::ast::Expr;
use super::compile::{Needs, Plan};
use super::print::state_words;

/// The text for an expression and the plan for each table.
pub fn explain(expr: &Expr, plans: &[(TableId, Plan)]) -> String {
    let mut out = String::from("read as\n");
    tree(&mut out, expr, 1);
    let mut rest = plans;
    while let Some((first, behind)) = rest.split_first() {
        // Tables that are read in the same way are told together.
        let same = behind.iter().take_while(|(_, plan)| *plan == first.1).count();
        let names: Vec<&str> = rest.iter().take(same + 1).map(|(table, _)| table.name()).collect();
        let _ = writeln!(out, "\n{}", names.join(", "));
        table(&mut out, &first.1);
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
        Expr::Is(predicate) => writeln!(out, "{indent}{predicate}"),
    };
    match expr {
        Expr::And(parts) | Expr::Or(parts) => {
            parts.iter().for_each(|part| tree(out, part, depth + 1));
        }
        Expr::Not(inner) => tree(out, inner, depth + 1),
        Expr::Is(_) => {}
    }
}

fn table(out: &mut String, plan: &Plan) {
    if plan.never {
        out.push_str("  not read: no row of it can match\n");
        return;
    }
    out.push_str("  asked of the kernel\n");
    let _ = writeln!(out, "    states: {}", states(plan.states));
    if let Some(port) = plan.local_port {
        let _ = writeln!(out, "    local port: {port}");
    }
    match &plan.program {
        None => out.push_str("    program: none\n"),
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

fn states(states: StateSet) -> String {
    let (keyword, names) = state_words(states);
    match keyword {
        "exclude" => format!("all but {}", names.join(", ")),
        _ => names.join(", "),
    }
}

fn needs(needs: Needs) -> Vec<&'static str> {
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
    use super::super::{Bytecode, Target, compile, parse};
    use super::*;
    use crate::model::want::Proto;

    #[test]
    fn the_whole_way_of_an_expression_is_told() {
        let expr = parse("sport=22 dst 10/8 not (state listen or process sshd)");
        let expr = expr.expect("parses").expect("not blank");
        let tables = TableId::ALL
            .into_iter()
            .filter(|table| matches!(table.proto, Proto::Tcp | Proto::Udp | Proto::Unix));
        let plans: Vec<(TableId, Plan)> = tables
            .map(|table| {
                let target =
                    Target { table, bytecode: Bytecode::Full, net_admin: false, ephemeral: None };
                (table, compile(&expr, &target))
            })
            .collect();
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
        assert_eq!(explain(&expr, &plans), expected);
    }
}
