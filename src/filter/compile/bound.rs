//! Upper bounds: what the kernel can tell of a condition.

use crate::filter::ast::{
    Cgroup, Device, Expr, HostTest, PortTest, Predicate, Quantity, SocketEnd,
};
use crate::filter::net::{AddressScope, Net};
use crate::filter::token::Comparison;
use crate::kernel::bytecode::{Code, Test};
use crate::model::proto::{Family, Proto};
use crate::model::state::{State, StateSet};

use super::target::{Bytecode, PlanTarget};

/// The rows that the kernel is to accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    Always,
    Never,
    Code(Code),
}

/// A condition that holds wherever the bounded one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) kernel: Kernel,
    /// Tells whether `kernel` holds nowhere else either.
    pub(super) exact: bool,
    pub(super) states: StateSet,
}

impl Kernel {
    fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Code(code) => Self::Code(Code::Not(Box::new(code))),
        }
    }
}

impl Bound {
    /// Returns a test that is never unknown and that the kernel computes as we do.
    fn exact(kernel: Kernel, wanted: bool) -> Self {
        let kernel = if wanted { kernel } else { kernel.not() };
        Self { kernel, exact: true, states: StateSet::ALL }
    }

    /// Returns a test that is unknown for every row of the table.
    fn unknown() -> Self {
        Self { kernel: Kernel::Never, exact: true, states: StateSet::EMPTY }
    }

    /// Returns a test the kernel knows nothing of.
    fn ours(states: StateSet) -> Self {
        Self { kernel: Kernel::Always, exact: false, states }
    }
}

/// Returns a bound for `expr` being `wanted`.
pub(super) fn bound(expr: &Expr, wanted: bool, target: &PlanTarget) -> Bound {
    let of = |parts: &[Expr]| parts.iter().map(|part| bound(part, wanted, target)).collect();
    match expr {
        Expr::Is(predicate) => test(predicate, wanted, target),
        Expr::Not(inner) => bound(inner, !wanted, target),
        Expr::And(parts) if wanted => all(of(parts)),
        Expr::Or(parts) if !wanted => all(of(parts)),
        Expr::And(parts) | Expr::Or(parts) => any(of(parts)),
    }
}

fn all(bounds: Vec<Bound>) -> Bound {
    let mut result = Bound::exact(Kernel::Always, true);
    let mut codes = Vec::new();
    for bound in bounds {
        result.exact &= bound.exact;
        result.states = result.states.intersect(bound.states);
        match bound.kernel {
            Kernel::Always => {}
            Kernel::Never => return Bound::unknown(),
            Kernel::Code(code) => codes.push(code),
        }
    }
    if !codes.is_empty() {
        result.kernel = Kernel::Code(Code::And(codes));
    }
    result
}

fn any(bounds: Vec<Bound>) -> Bound {
    let mut result = Bound { exact: true, ..Bound::unknown() };
    let mut codes = Vec::new();
    let mut always = None;
    for bound in bounds.into_iter().filter(|bound| bound.kernel != Kernel::Never) {
        result.states = result.states.union(bound.states);
        match bound.kernel {
            Kernel::Never => {}
            Kernel::Always => always = Some(always.unwrap_or(false) || bound.exact),
            Kernel::Code(code) => {
                result.exact &= bound.exact;
                codes.push(code);
            }
        }
    }
    if let Some(exact) = always {
        // One exact part that always holds decides the whole.
        return Bound { kernel: Kernel::Always, exact, states: result.states };
    }
    if !codes.is_empty() {
        result.kernel = Kernel::Code(Code::Or(codes));
    }
    result
}

fn test(predicate: &Predicate, wanted: bool, target: &PlanTarget) -> Bound {
    let ours = || Bound::ours(StateSet::ALL);
    let inet = target.table.family.is_internet();
    match predicate {
        Predicate::State(states) => Bound::ours(contrary_if(*states, !wanted)),
        Predicate::Host(_, HostTest::Any) => Bound::exact(Kernel::Always, wanted),
        Predicate::Host(_, HostTest::Unix(_)) if inet => Bound::unknown(),
        Predicate::Host(_, HostTest::Unix(_)) => ours(),
        Predicate::Device(_) if target.table.proto == Proto::Packet => ours(),
        // Nothing else here is known of other families.
        Predicate::Host(..)
        | Predicate::Port(..)
        | Predicate::Device(_)
        | Predicate::Mark { .. }
        | Predicate::Cgroup(_)
        | Predicate::Unit(_)
        | Predicate::Scope(_)
            if !inet =>
        {
            Bound::unknown()
        }
        Predicate::Host(end, HostTest::Net(net)) => Bound::exact(host(*end, *net, target), wanted),
        Predicate::Host(_, HostTest::Name(..)) => Bound::unknown(),
        Predicate::Port(end, comparison, ports) => match self::ports(*end, *comparison, ports) {
            Some(kernel) => Bound::exact(kernel, wanted),
            None => ours(),
        },
        Predicate::Scope(scope) => Bound::exact(self::scope(*scope, target), wanted),
        Predicate::Autobound => match target.ephemeral.filter(|_| inet) {
            Some((low, high)) => Bound::exact(range(SocketEnd::Local, low, high), wanted),
            None => ours(),
        },
        // From here on /proc and the kernel see different things, so these are
        // exact only where the kernel runs the program.
        _ if target.bytecode == Bytecode::None => other(predicate, target),
        Predicate::Device(Device::Index(index)) => {
            Bound::exact(Kernel::Code(Code::Test(Test::Device(*index))), wanted)
        }
        Predicate::Mark { value, mask } if target.net_admin => {
            let test = Test::Mark { value: *value, mask: *mask };
            Bound::exact(Kernel::Code(Code::Test(test)), wanted)
        }
        Predicate::Cgroup(Cgroup::Id(id)) => {
            let bound = Bound::exact(Kernel::Code(Code::Test(Test::Cgroup(*id))), wanted);
            // To the kernel a minisocket is in group 0; to us it is unknown.
            Bound { exact: wanted && *id != 0, ..bound }
        }
        predicate => other(predicate, target),
    }
}

/// Tests the kernel has no operation for.
fn other(predicate: &Predicate, target: &PlanTarget) -> Bound {
    match predicate {
        Predicate::Number(Quantity::Retransmits | Quantity::RoundTrip, ..)
            if target.table.proto != Proto::Tcp =>
        {
            Bound::unknown()
        }
        Predicate::Number(quantity, ..) => Bound::ours(states_of(*quantity)),
        _ => Bound::ours(StateSet::ALL),
    }
}

fn host(end: SocketEnd, net: Net, target: &PlanTarget) -> Kernel {
    match (net, target.table.family) {
        (Net::V6(..), Family::Inet) => Kernel::Never,
        (Net::V4(_, 0), Family::Inet) | (Net::V6(_, 0), Family::Inet6) => Kernel::Always,
        (Net::V4(octets, len), _) => Kernel::Code(Code::Test(Test::NetV4(end, octets, len))),
        (Net::V6(octets, len), _) => Kernel::Code(Code::Test(Test::NetV6(end, octets, len))),
    }
}

fn scope(scope: AddressScope, target: &PlanTarget) -> Kernel {
    let one_of = |nets: &[Net]| union(nets.iter().map(|net| host(SocketEnd::Local, *net, target)));
    match scope.nets() {
        Some(nets) => one_of(nets),
        None => {
            let others = [AddressScope::Loopback, AddressScope::Private, AddressScope::Any];
            let nets: Vec<Net> =
                others.iter().filter_map(|scope| scope.nets()).flatten().copied().collect();
            one_of(&nets).not()
        }
    }
}

/// Returns the ports as code; `None` with the name of a service.
fn ports(end: SocketEnd, comparison: Comparison, ports: &[PortTest]) -> Option<Kernel> {
    let ranges: Vec<(u16, u16)> = ports
        .iter()
        .map(|ports| match ports {
            PortTest::Range(low, high) => Some((*low, *high)),
            PortTest::Service(_) => None,
        })
        .collect::<Option<_>>()?;
    let inside =
        |ranges: &[(u16, u16)]| union(ranges.iter().map(|(low, high)| range(end, *low, *high)));
    Some(match (comparison, &ranges[..]) {
        (Comparison::Eq, ranges) => inside(ranges),
        (Comparison::Ne, ranges) => inside(ranges).not(),
        (Comparison::Lt, [(port, high)]) if port == high => range(end, *port, u16::MAX).not(),
        (Comparison::Ge, [(port, high)]) if port == high => range(end, *port, u16::MAX),
        (Comparison::Le, [(port, high)]) if port == high => range(end, 0, *port),
        (Comparison::Gt, [(port, high)]) if port == high => range(end, 0, *port).not(),
        _ => return None,
    })
}

fn range(end: SocketEnd, low: u16, high: u16) -> Kernel {
    let from = || Code::Test(Test::PortFrom(end, low));
    let up_to = || Code::Test(Test::PortUpTo(end, high));
    match (low, high) {
        (low, high) if low > high => Kernel::Never,
        (0, u16::MAX) => Kernel::Always,
        (low, high) if low == high => Kernel::Code(Code::Test(Test::PortIs(end, low))),
        (0, _) => Kernel::Code(up_to()),
        (_, u16::MAX) => Kernel::Code(from()),
        _ => Kernel::Code(Code::And(vec![from(), up_to()])),
    }
}

fn union(parts: impl Iterator<Item = Kernel>) -> Kernel {
    let mut codes = Vec::new();
    for part in parts {
        match part {
            Kernel::Always => return Kernel::Always,
            Kernel::Never => {}
            Kernel::Code(code) => codes.push(code),
        }
    }
    match codes.len() {
        0 => Kernel::Never,
        1 => codes.pop().map_or(Kernel::Never, Kernel::Code),
        _ => Kernel::Code(Code::Or(codes)),
    }
}

/// Returns the states in which a quantity exists.
fn states_of(quantity: Quantity) -> StateSet {
    match quantity {
        Quantity::AcceptQueue => State::Listen.into(),
        Quantity::RecvQueue | Quantity::SendQueue => StateSet::ALL.without(State::Listen.into()),
        _ => StateSet::ALL,
    }
}

/// Returns the states themselves, or with `contrary` all others.
pub(super) fn contrary_if(states: StateSet, contrary: bool) -> StateSet {
    if contrary { StateSet::ALL.without(states) } else { states }
}
