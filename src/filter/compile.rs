//! The part of an expression that the kernel decides, and what stays here.
//!
//! The expression is a list of conditions that must all hold. Each gets an
//! upper bound the kernel can compute: a condition that holds whenever the
//! expression's is true. Where the bound is exact the condition need not be
//! looked at again; otherwise it stays in the remainder, and the bound only
//! saves rows. So (states and local port and program and remainder) selects
//! exactly the rows for which the expression is true.
//!
//! A bound exists for "is true" and for "is false", and a test that is unknown
//! is in neither. Negation therefore never reaches the bytecode but at a single
//! test whose contrary is known to be its complement.

mod bound;
mod target;

#[cfg(test)]
mod tests;

use crate::kernel::bytecode::{Code, assemble};
use crate::model::state::StateSet;
use crate::model::want::Extras;

use super::ast::{Cgroup, Expr, HostTest, PortTest, Predicate, Quantity, SocketEnd};
use super::token::Comparison;

pub use target::{Bytecode, PlanTarget};

use bound::{Kernel, bound, contrary_if};

/// The way to read one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePlan {
    /// No row of this table can match: it need not be read.
    pub never: bool,
    /// The states to ask for; rows of others do not match.
    pub states: StateSet,
    /// The local port to ask for (`idiag_sport`); rows of others do not match.
    pub local_port: Option<u16>,
    /// The program for `INET_DIAG_REQ_BYTECODE`.
    pub program: Option<Vec<u8>>,
    /// The rest, to be decided for each row that the kernel sends.
    pub remainder: Option<Expr>,
    /// The parts that rows must carry for that.
    pub needs: FactNeeds,
    /// Some of the program did not fit and stays in the remainder.
    pub too_large: bool,
}

/// The parts beyond the fixed one of a row that the remainder looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FactNeeds {
    /// The parts to ask the kernel for.
    pub extras: Extras,
    /// The processes that hold the sockets.
    pub owners: bool,
    /// The paths of control groups.
    pub cgroups: bool,
    /// The names of unix peers.
    pub peers: bool,
    /// Marks, which need `CAP_NET_ADMIN` wherever they are tested: without it
    /// the answer would be empty, so the caller has to refuse.
    pub net_admin: bool,
}

impl TablePlan {
    /// Plans to read a table as it is, and to decide all of `expr` here.
    pub fn all_here(expr: &Expr) -> Self {
        Self {
            never: false,
            states: StateSet::ALL,
            local_port: None,
            program: None,
            remainder: Some(expr.clone()),
            needs: FactNeeds::of(expr),
            too_large: false,
        }
    }
}

/// Plans how to read a table of which the rows matching `expr` are wanted.
pub fn compile(expr: &Expr, target: &PlanTarget) -> TablePlan {
    let mut plan = TablePlan {
        never: false,
        states: StateSet::ALL,
        local_port: None,
        program: None,
        remainder: None,
        needs: FactNeeds::default(),
        too_large: false,
    };
    let mut parts = Vec::new();
    for (expr, wanted) in conditions(expr, true) {
        if let Some(states) = states_only(expr) {
            plan.states = plan.states.intersect(contrary_if(states, !wanted));
            continue;
        }
        let port = single_local_port(expr).filter(|_| wanted && plan.local_port.is_none());
        if let Some(port) = port.filter(|_| target.table.family.is_internet()) {
            plan.local_port = Some(port);
            continue;
        }
        let bound = bound(expr, wanted, target);
        plan.states = plan.states.intersect(bound.states);
        let condition = if wanted { expr.clone() } else { expr.clone().negated() };
        match bound.kernel {
            Kernel::Never => plan.never = true,
            Kernel::Always if bound.exact => {}
            Kernel::Always => parts.push(Conjunct { condition, code: None, exact: false }),
            Kernel::Code(code) => {
                parts.push(Conjunct { condition, code: Some(code), exact: bound.exact });
            }
        }
    }
    plan.never |= plan.states.is_empty();
    if !plan.never {
        plan.split(parts, target);
        plan.needs.net_admin = target.table.family.is_internet()
            && expr.predicates().iter().any(|test| matches!(test, Predicate::Mark { .. }));
    }
    plan
}

/// One of the conditions that must hold.
struct Conjunct {
    condition: Expr,
    code: Option<Code>,
    /// Tells whether the code alone decides it.
    exact: bool,
}

impl TablePlan {
    fn split(&mut self, mut parts: Vec<Conjunct>, target: &PlanTarget) {
        if target.bytecode == Bytecode::None {
            parts.iter_mut().for_each(|part| part.code = None);
        }
        let all: Vec<Code> = parts.iter().filter_map(|part| part.code.clone()).collect();
        if !all.is_empty() {
            self.program = assemble(&Code::And(all)).ok();
            if self.program.is_none() {
                self.too_large = true;
                self.program = keep_what_fits(&mut parts);
            }
        }
        let stays = |part: Conjunct| (!part.exact || part.code.is_none()).then_some(part.condition);
        let left: Vec<Expr> = parts.into_iter().filter_map(stays).collect();
        self.remainder = (!left.is_empty()).then(|| Expr::all(left));
        self.needs = self.remainder.as_ref().map(FactNeeds::of).unwrap_or_default();
    }
}

/// Takes away the code of the parts with which the program is too large.
fn keep_what_fits(parts: &mut [Conjunct]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    let mut program = None;
    for part in parts {
        let Some(code) = part.code.clone() else { continue };
        kept.push(code);
        match assemble(&Code::And(kept.clone())) {
            Ok(longer) => program = Some(longer),
            Err(_) => {
                kept.pop();
                part.code = None;
            }
        }
    }
    program
}

impl FactNeeds {
    /// Lists what evaluating `expr` takes.
    pub fn of(expr: &Expr) -> Self {
        let mut needs = Self::default();
        for predicate in expr.predicates() {
            match predicate {
                Predicate::Number(Quantity::Age | Quantity::RoundTrip, ..) => {
                    needs.extras.tcp_info = true;
                }
                Predicate::Number(Quantity::Drops, ..) => needs.extras.memory = true,
                Predicate::Process(_) | Predicate::Pid(_) | Predicate::Unowned => {
                    needs.owners = true;
                }
                Predicate::Cgroup(Cgroup::Path(_) | Cgroup::Below(_)) | Predicate::Unit(_) => {
                    needs.cgroups = true;
                }
                Predicate::Host(SocketEnd::Remote, HostTest::Unix(_)) => needs.peers = true,
                Predicate::Mark { .. } => needs.net_admin = true,
                _ => {}
            }
        }
        needs
    }
}

/// Returns the conditions that must all hold for `expr` to be `wanted`, each with what
/// it must be.
fn conditions(expr: &Expr, wanted: bool) -> Vec<(&Expr, bool)> {
    match (expr, wanted) {
        (Expr::And(parts), true) | (Expr::Or(parts), false) => {
            parts.iter().flat_map(|part| conditions(part, wanted)).collect()
        }
        (Expr::Not(inner), _) => conditions(inner, !wanted),
        _ => vec![(expr, wanted)],
    }
}

/// Returns the states for which `expr` holds, where it is about nothing else. A state
/// is always known.
fn states_only(expr: &Expr) -> Option<StateSet> {
    match expr {
        Expr::Is(Predicate::State(states)) => Some(*states),
        Expr::Is(_) => None,
        Expr::Not(inner) => states_only(inner).map(|states| contrary_if(states, true)),
        Expr::And(parts) => parts.iter().try_fold(StateSet::ALL, |all, part| {
            states_only(part).map(|states| all.intersect(states))
        }),
        Expr::Or(parts) => parts.iter().try_fold(StateSet::EMPTY, |all, part| {
            states_only(part).map(|states| all.union(states))
        }),
    }
}

/// Returns a port that the request itself can ask for; there 0 means any.
fn single_local_port(expr: &Expr) -> Option<u16> {
    match expr {
        Expr::Is(Predicate::Port(SocketEnd::Local, Comparison::Eq, ports)) => match ports[..] {
            [PortTest::Range(low, high)] if low == high && low != 0 => Some(low),
            _ => None,
        },
        _ => None,
    }
}
