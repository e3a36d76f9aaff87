//! `list --kill`: destroys the sockets that a filter selects.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

use crate::answer::{self, Destroyed};
use crate::cli::context::Context;
use crate::cli::error::Error;
use crate::cli::flags::ListFlags;
use crate::machine::Machine;
use crate::model::human;
use crate::model::table::Table;

use super::chosen::chosen;
use super::plan::ListPlan;
use super::writer::{Writer, WriterSettings};

/// Shows the sockets, asks, closes them and tells what became of them.
pub fn run(
    context: &mut Context<'_>,
    flags: &ListFlags,
    machine: &Machine,
    plan: &ListPlan,
) -> Result<(), Error> {
    if plan.selection.is_unfiltered() {
        return Err(Error::Usage("--kill needs a filter: it would close every connection".into()));
    }
    if !flags.yes && !io::stdin().is_terminal() {
        return Err(Error::Usage(
            "--kill asks before it acts: run it on a terminal or add --yes".into(),
        ));
    }
    let mut table = Table::default();
    let mut lookups = plan.lookups(machine)?;
    let mut report = machine.scan(&plan.selection.want, &mut |row| {
        if plan.selection.takes(row, &lookups, false) {
            table.push(row);
        }
        ControlFlow::Continue(())
    })?;
    let rows = chosen(plan, machine, &table, &mut lookups, &mut report);
    let at = context.at;
    let settings = WriterSettings::new(context);
    let (mut out, style) = context.output();
    let mut writer = Writer::new(&mut out, style, plan, settings);
    rows.iter().for_each(|row| writer.row(row, &lookups));
    writer.finish(at, &report, None);
    out.finish()?;
    context.footer(&report.gaps);
    if rows.is_empty() {
        context.note("nothing to close\n");
        return Ok(());
    }
    if !flags.yes && !confirmed(context, rows.len() as u64)? {
        context.note("nothing was closed\n");
        return Ok(());
    }
    let done = answer::destroy(rows.into_iter()).map_err(|error| {
        Error::Failed(format!("nothing was closed: no sock_diag socket: {error}"))
    })?;
    context.note(&result(done));
    if done.is_complete() { Ok(()) } else { Err(Error::Told) }
}

fn confirmed(context: &mut Context<'_>, count: u64) -> Result<bool, Error> {
    context.note(&format!("close {}? [y/N] ", human::plural(count, "socket")));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Error::Failed(format!("no answer could be read: {error}")))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Returns a line like `closed 10, not allowed 2 (needs CAP_NET_ADMIN)`.
fn result(done: Destroyed) -> String {
    let parts = [
        (done.not_allowed, "not allowed", " (needs CAP_NET_ADMIN)"),
        (
            done.not_supported,
            "not supported",
            " (needs CONFIG_INET_DIAG_DESTROY; TCP, UDP and raw sockets can be closed)",
        ),
        (
            done.no_cookie,
            "not identified",
            " (rows of /proc have no cookie, and another socket may have taken their place; leave \
             out --source proc)",
        ),
        (done.gone, "gone before", ""),
        (done.other, "failed", ""),
    ];
    let mut text = format!("closed {}", human::count(done.closed));
    for (count, what, why) in parts {
        if count > 0 {
            text += &format!(", {what} {}{why}", human::count(count));
        }
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_names_what_was_not_closed_and_why() {
        assert_eq!(result(Destroyed { closed: 3, ..Destroyed::default() }), "closed 3\n");
        let refused = Destroyed { not_allowed: 2, gone: 1, ..Destroyed::default() };
        assert_eq!(
            result(refused),
            "closed 0, not allowed 2 (needs CAP_NET_ADMIN), gone before 1\n"
        );
        assert!(!refused.is_complete());
        let unknown = Destroyed { no_cookie: 1, ..Destroyed::default() };
        assert!(result(unknown).starts_with("closed 0, not identified 1 (rows of /proc have no"));
        assert!(!unknown.is_complete());
        assert!(Destroyed { gone: 1, ..Destroyed::default() }.is_complete());
    }
}
