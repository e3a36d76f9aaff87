//! Which rows a command is about: tables, states, filter, and what of them is
//! left to the kernel.

use crate::filter::{
    self, Bytecode, Expr, FactNeeds, FilteredBy, Lookup, PlanTarget, TablePlan, TableReading,
    TestedRow,
};
use crate::machine::Machine;
use crate::model::facts::Facts;
use crate::model::owner::{Holder, Owners};
use crate::model::proto::TableId;
use crate::model::row::Row;
use crate::model::socket::Socket;
use crate::model::state::StateSet;
use crate::model::transition::Transition;
use crate::model::want::{Narrow, Want};
use crate::sys::capability;

use super::Lookups;

/// The rows a command is about.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The rows that are asked of the kernel.
    pub want: Want,
    expr: Option<Expr>,
    plans: Vec<(TableId, TablePlan)>,
    /// The tables that can have a row for the filter, with the states it can be in.
    reach: Vec<(TableId, StateSet)>,
    needs: FactNeeds,
    asked: FilteredBy,
    ephemeral: Option<(u16, u16)>,
    marks_visible: bool,
}

impl Selection {
    /// Selects all rows of `want`.
    pub fn all(want: Want) -> Self {
        Self {
            want,
            expr: None,
            plans: Vec::new(),
            reach: Vec::new(),
            needs: FactNeeds::default(),
            asked: FilteredBy::KernelUnfiltered,
            ephemeral: None,
            marks_visible: false,
        }
    }

    /// Selects the rows of `want` that a filter takes. Every part of it that the
    /// kernel can decide goes there; the whole is decided again here, so that a
    /// kernel that refuses a program changes nothing.
    pub fn compile(machine: &Machine, mut want: Want, expr: Expr, means: Means) -> Self {
        let (host, _) = machine.host();
        let ephemeral = host.sysctls.local_port_range();
        let marks_visible = means.netlink && capability::net_admin();
        let bytecode = if means.netlink { Bytecode::Full } else { Bytecode::None };
        let asked = match means {
            Means { netlink: false, .. } => FilteredBy::File,
            Means { kernel: false, .. } => FilteredBy::KernelUnfiltered,
            Means { kernel: true, .. } => FilteredBy::Kernel,
        };
        let reach = want.tables.iter().filter_map(|table| reach(&expr, *table)).collect();
        let plans: Vec<(TableId, TablePlan)> = want
            .tables
            .iter()
            .map(|table| {
                if !means.kernel {
                    return (*table, TablePlan::all_here(&expr));
                }
                let target =
                    PlanTarget { table: *table, bytecode, net_admin: marks_visible, ephemeral };
                (*table, filter::compile(&expr, &target))
            })
            .collect();
        if means.kernel {
            want.tables.retain(|table| !plans.iter().any(|(t, plan)| t == table && plan.never));
            want.narrow = plans.iter().map(|(table, plan)| (*table, narrow(plan))).collect();
            want.either_port = filter::either_port(&expr).unwrap_or_default();
        }
        let needs = FactNeeds::of(&expr);
        want.details |= filter::unseen_in_proc(&expr, &want.tables).is_some();
        want.extras = want.extras.union(needs.extras);
        Self { want, expr: Some(expr), plans, reach, needs, asked, ephemeral, marks_visible }
    }

    /// Tells whether there is no filter.
    pub fn is_unfiltered(&self) -> bool {
        self.expr.is_none()
    }

    /// Returns the tables that can have a selected row, with the states it can be
    /// in: the same whoever decides the filter, and whatever is read for that.
    pub fn reach(&self) -> Vec<(TableId, StateSet)> {
        let wanted = |table| self.want.states_of(table);
        match &self.expr {
            Some(_) => self.reach.iter().map(|(t, can)| (*t, can.intersect(wanted(*t)))).collect(),
            None => self.want.tables.iter().map(|table| (*table, wanted(*table))).collect(),
        }
    }

    /// Returns every state that a selected row can be in.
    pub fn states(&self) -> StateSet {
        self.reach().into_iter().fold(StateSet::EMPTY, |all, (_, states)| all.union(states))
    }

    /// Returns the facts beyond the rows that the filter needs.
    pub fn needs(&self) -> FactNeeds {
        self.needs
    }

    /// Tells whether the kernel sends more rows than the filter selects.
    pub fn is_decided_here(&self) -> bool {
        self.plans.iter().any(|(_, plan)| plan.remainder.is_some())
    }

    /// Tells whether marks are asked for that cannot be seen.
    pub fn lacks_marks(&self) -> bool {
        self.needs.net_admin && !self.marks_visible
    }

    /// Tells whether the filter selects a row; with owners not looked up yet,
    /// whether it may.
    pub fn takes(&self, row: &Row<'_>, lookups: &Lookups, owners_known: bool) -> bool {
        match self.answer(row, lookups, owners_known) {
            Some(answer) => answer,
            None => self.needs.owners && !owners_known,
        }
    }

    /// Tells whether the filter selects a row; `None` where that cannot be told.
    pub fn judges(&self, row: &Row<'_>, lookups: &Lookups) -> Option<bool> {
        self.answer(row, lookups, true)
    }

    /// Returns whether a transition is of the rows that are wanted and the filter
    /// gives this answer for it, each in the state before or in the one after.
    pub fn answers(&self, change: &Transition, answer: bool) -> bool {
        // Owners are keyed by inode, which a closed socket has no more.
        let inode = Some(change.identity.inode).filter(|inode| *inode != 0).unwrap_or(u32::MAX);
        let lookups = Lookups { owners: owners(change, inode).into(), ..Lookups::default() };
        change.from.into_iter().chain([change.to]).any(|state| {
            let mut socket = Socket::of_identity(&change.identity, state);
            socket.inode = inode;
            self.want.takes(&socket)
                && self.judges(&Row { socket, facts: Facts::None }, &lookups) == Some(answer)
        })
    }

    fn answer(&self, row: &Row<'_>, lookups: &Lookups, owners_known: bool) -> Option<bool> {
        if !self.want.takes_kind(&row.socket) {
            return Some(false);
        }
        let Some(expr) = &self.expr else { return Some(true) };
        let subject = TestedRow {
            row,
            owners: owners_known.then_some(&*lookups.owners),
            lookup: lookups,
            ephemeral: self.ephemeral,
            marks_visible: self.marks_visible,
            age: None,
        };
        filter::matches(expr, &subject)
    }

    /// Explains how the filter was read and who decides which part.
    pub fn explain(&self) -> String {
        let reading = |table: TableId, plan| {
            let kinds = self.want.kinds.iter().filter(|(proto, _)| *proto == table.proto);
            let types = kinds.map(|(_, kind)| kind.name()).collect();
            TableReading { table, states: self.want.states_of(table), types, plan }
        };
        let tables: Vec<TableReading<'_>> = match &self.expr {
            Some(_) => self.plans.iter().map(|(table, plan)| reading(*table, Some(plan))).collect(),
            None => self.want.tables.iter().map(|table| reading(*table, None)).collect(),
        };
        filter::explain(self.expr.as_ref(), &tables, self.asked)
    }
}

/// Returns the processes that hold or held the socket of a transition, which has
/// this inode.
fn owners(change: &Transition, inode: u32) -> Owners {
    let mut owners = Owners::default();
    for process in change.owner.iter().flat_map(|owner| owner.processes.iter()) {
        owners.add(inode, Holder { pid: process.pid, fd: 0 });
        owners.name_process(process.pid, process.comm.clone());
    }
    owners
}

/// The means by which a filter's rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// True where the kernel may decide parts of it.
    pub kernel: bool,
    /// True where rows come from the running kernel over netlink.
    pub netlink: bool,
}

/// Returns the states that a row of a table can be in and answer a filter, `None`
/// where none can.
fn reach(expr: &Expr, table: TableId) -> Option<(TableId, StateSet)> {
    let target = PlanTarget { table, bytecode: Bytecode::Full, net_admin: true, ephemeral: None };
    let plan = filter::compile(expr, &target);
    (!plan.never).then_some((table, plan.states))
}

fn narrow(plan: &TablePlan) -> Narrow {
    Narrow { states: plan.states, local_port: plan.local_port, program: plan.program.clone() }
}

impl Lookup for Lookups {
    fn cgroup_path(&self, id: u64) -> Option<&str> {
        self.cgroups.as_ref()?.path(id)
    }

    fn unix_name(&self, inode: u32) -> Option<&str> {
        self.unix_names.get(&inode).map(|name| name.text.as_str())
    }
}
