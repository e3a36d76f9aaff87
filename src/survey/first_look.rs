//! The first look: every row of every table once, nothing extra.

use crate::budget::Budgets;
use crate::machine::Machine;
use crate::model::conn::Conn;
use crate::model::host::Host;
use crate::model::proto::Proto;
use crate::model::row::Row;
use crate::model::snapshot::Snapshot;
use crate::model::socket::Socket;
use crate::model::want::Want;
use crate::rules::LEAST_PERCENT;
use crate::source::Report;

use super::LookScope;
use super::glance::Glance;

/// Gathers what the first look sees, and the rows that deserve a second.
pub struct FirstLook {
    host: Host,
    glance: Glance,
    inodes: Vec<u32>,
    report: Report,
}

/// The findings with which the second look begins.
pub(super) struct FirstFindings {
    /// Counts and parameters; rows, owners and listeners are not known yet.
    pub snapshot: Snapshot,
    /// The sources that served it, and the gaps so far.
    pub report: Report,
    /// The inodes of all rows.
    pub inodes: Vec<u32>,
    /// Rows that deserve a second look.
    pub leads: Leads,
}

/// Rows that deserve a second look, as they were at the first: suspicious ones
/// of ESTABLISHED, and those of rare states; and the ephemeral ports, of which
/// it does not tell how they were bound.
#[derive(Default)]
pub(super) struct Leads {
    pub suspects: Vec<(Socket, Conn)>,
    pub rare: Vec<(Socket, Conn)>,
    pub ports: Option<Budgets>,
}

impl FirstLook {
    /// Begins with the parameters and counters of the host.
    pub fn begin(machine: &Machine, scope: &LookScope<'_>) -> Self {
        let (host, gaps) = machine.host();
        let mut report = Report::default();
        report.gaps.extend(gaps);
        let ports = scope.needs.ports.then(|| Budgets::new(&host)).flatten();
        Self { host, glance: Glance::new(ports), inodes: Vec::new(), report }
    }

    /// Returns the rows that it is to be given.
    pub fn want(scope: &LookScope<'_>) -> Want {
        Want { extras: scope.extras, ..Want::all_of(scope.tables.clone()) }
    }

    /// Takes in a row.
    pub fn row(&mut self, row: &Row<'_>) {
        if row.socket.table.proto == Proto::Tcp {
            self.glance.add(row);
        }
        if row.socket.inode != 0 {
            self.inodes.push(row.socket.inode);
        }
    }

    /// Takes in who served the rows.
    pub fn end(&mut self, report: Report) {
        self.report.merge(report);
    }

    /// Tells whether it may matter which connections were bound to a number.
    pub fn wants_numbers(&self) -> bool {
        self.glance.ports.as_ref().is_some_and(|ports| ports.touches(LEAST_PERCENT))
    }

    /// Returns parameters and counters.
    pub fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn finish(self) -> FirstFindings {
        let Self { host, glance, inodes, report } = self;
        let time_wait = glance.time_wait_rates();
        let Glance { tcp, suspects, rare, ports, .. } = glance;
        let snapshot = Snapshot { host, tcp, time_wait, ..Snapshot::default() };
        FirstFindings { snapshot, report, inodes, leads: Leads { suspects, rare, ports } }
    }
}
