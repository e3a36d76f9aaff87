//! The budgets of ephemeral ports.

use std::ops::ControlFlow;

use crate::budget::{Budgets, PortUse};
use crate::kernel::bytecode::{Code, End, Test, assemble};
use crate::model::host::Host;
use crate::model::socket::Socket;
use crate::model::state::{State, StateSet};
use crate::model::table::Table;
use crate::model::want::{Narrow, Proto, TableId, Want};
use crate::source::{Report, Served, SourceError};

use super::{Engine, Selection};

/// The budgets, and what they rest on.
pub struct PortsView {
    /// The budgets; `None` when the range of ephemeral ports could not be read.
    pub ports: Option<PortUse>,
    /// Whether connections that were bound to a port by its number are among
    /// what blocks ports; only sock_diag can tell.
    pub explicit_known: bool,
    /// Who served it, what is missing.
    pub report: Report,
}

impl Engine {
    /// Counts the ephemeral ports in use by the connections that are selected,
    /// against what all sockets leave of the range.
    ///
    /// # Errors
    /// When no table could be read.
    pub fn ports(&self, selection: &Selection) -> Result<PortsView, SourceError> {
        let (host, gaps) = self.host();
        let mut report = Report::default();
        report.gaps.extend(gaps);
        let Some(mut budgets) = Budgets::new(&host) else {
            return Ok(PortsView { ports: None, explicit_known: false, report });
        };
        report.merge(self.held(&mut budgets)?);
        let (explicit, explicit_known) = self.bound_by_number(&host)?;
        explicit.iter().for_each(|socket| budgets.hold(socket));
        let found = self.outgoing(selection, &host, &mut |socket| budgets.add(socket))?;
        report.merge(found);
        Ok(PortsView { ports: Some(budgets.finish()), explicit_known, report })
    }

    /// Listeners and sockets that are only bound: neither is among the
    /// connections, so the kernel leaves its large table out.
    fn held(&self, budgets: &mut Budgets) -> Result<Report, SourceError> {
        let states = StateSet::from_iter([State::Listen, State::Bound]);
        let want = Want { states, ..Want::all_of(tcp_tables()) };
        self.scan(&want, &mut |row| {
            budgets.hold(&row.socket);
            ControlFlow::Continue(())
        })
    }

    /// Connections whose port was given to `bind()`, and whether every table
    /// could tell: the kernel's test is asked for in a program.
    fn bound_by_number(&self, host: &Host) -> Result<(Vec<Socket>, bool), SourceError> {
        let bound = Code::Not(Box::new(Code::Test(Test::Unbound)));
        let Some(want) = in_range(host, Some(bound)) else { return Ok((Vec::new(), false)) };
        let mut found = Vec::new();
        let report = self.scan(&want, &mut |row| {
            // Minisockets and requests do not tell, whatever was asked.
            if !StateSet::bucket().contains(row.socket.state) {
                found.push(row.socket);
            }
            ControlFlow::Continue(())
        })?;
        let told =
            |table| report.served.iter().all(|s| s.table != table || s.by == Served::Netlink);
        found.retain(|socket| told(socket.table));
        let known = report.served.iter().all(|served| served.by == Served::Netlink);
        Ok((found, known))
    }

    fn outgoing(
        &self,
        selection: &Selection,
        host: &Host,
        each: &mut dyn FnMut(&Socket),
    ) -> Result<Report, SourceError> {
        let mut want = selection.want.clone();
        want.states = want.states.intersect(StateSet::connected());
        if let Some(all) = in_range(host, None).filter(|_| want.narrow.is_empty()) {
            want.narrow = all.narrow;
        }
        let mut lookups = self.lookups_for(selection)?;
        if !selection.needs().owners {
            return self.scan(&want, &mut |row| {
                if selection.takes(row, &lookups, true) {
                    each(&row.socket);
                }
                ControlFlow::Continue(())
            });
        }
        // Owners are looked up for the inodes that matter, so the rows wait.
        let mut table = Table::default();
        let mut report = self.scan(&want, &mut |row| {
            if selection.takes(row, &lookups, false) {
                table.push(row);
            }
            ControlFlow::Continue(())
        })?;
        let (owners, gap) = self.owners(table.iter().map(|row| row.socket.inode));
        report.gaps.extend(gap);
        lookups.owners = owners;
        for row in table.iter().filter(|row| selection.takes(row, &lookups, true)) {
            each(&row.socket);
        }
        Ok(report)
    }
}

fn tcp_tables() -> Vec<TableId> {
    TableId::ALL.into_iter().filter(|table| table.proto == Proto::Tcp).collect()
}

/// The connections with a port of the range, and `also`; `None` when the range
/// is not known.
fn in_range(host: &Host, also: Option<Code>) -> Option<Want> {
    let (low, high) = host.sysctls.local_port_range()?;
    let from = Code::Test(Test::PortFrom(End::Local, low));
    let to = Code::Test(Test::PortUpTo(End::Local, high));
    let tests = [Some(from), Some(to), also].into_iter().flatten().collect();
    let program = assemble(&Code::And(tests)).ok()?;
    let states = StateSet::connected();
    let narrow = Narrow { states, local_port: None, program: Some(program) };
    let tables = tcp_tables();
    let narrow = tables.iter().map(|table| (*table, narrow.clone())).collect();
    Some(Want { states, narrow, ..Want::all_of(tables) })
}
