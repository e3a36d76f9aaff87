//! Filter programs for `INET_DIAG_REQ_BYTECODE`, which the kernel runs on each
//! socket before it writes the row (`inet_diag_bc_run`, net/ipv4/inet_diag.c).
//!
//! An operation is 4 bytes, `{u8 code, u8 yes, u16 no}`, and its operand. It
//! either holds, then the kernel goes `yes` bytes on, or not, then `no`. A
//! program accepts a socket when it ends exactly behind its last byte; a jump
//! to 4 bytes further rejects it. All numbers are in host order, addresses in
//! network order.
//!
//! The audit follows `yes` from operation to operation, so here `yes` is
//! always an operation's own length, and every decision is in `no`.

mod listing;

pub use listing::listing;

use super::request::{AF_INET, AF_INET6};

/// `nla_len` is a `u16` that counts the attribute's header too, and a reject
/// jumps to 4 bytes behind the program.
const MAX_LEN: usize = u16::MAX as usize - 4 - 4;

/// Bytes of an operation before its operand.
pub const OP_LEN: usize = 4;

/// Codes of the operations (`INET_DIAG_BC_*`).
pub mod code {
    /// Holds.
    pub const NOP: u8 = 0;
    /// Holds not: goes `no` bytes on.
    pub const JMP: u8 = 1;
    /// The local port is this one or higher.
    pub const S_GE: u8 = 2;
    /// The local port is this one or lower.
    pub const S_LE: u8 = 3;
    /// The remote port is this one or higher.
    pub const D_GE: u8 = 4;
    /// The remote port is this one or lower.
    pub const D_LE: u8 = 5;
    /// The port was not chosen by `bind`.
    pub const AUTO: u8 = 6;
    /// The local end is in a network, and has a port.
    pub const S_COND: u8 = 7;
    /// The remote end is in a network, and has a port.
    pub const D_COND: u8 = 8;
    /// The socket is bound to a device.
    pub const DEV_COND: u8 = 9;
    /// The mark, masked, is this one.
    pub const MARK_COND: u8 = 10;
    /// The local port is this one.
    pub const S_EQ: u8 = 11;
    /// The remote port is this one.
    pub const D_EQ: u8 = 12;
    /// The socket is in a control group.
    pub const CGROUP_COND: u8 = 13;
}

/// The end of a socket that a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SocketEnd {
    /// Our end (`S_*`).
    Local,
    /// The peer's end (`D_*`).
    Remote,
}

/// One test of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// The port is this one. Came after the two below: an older kernel refuses
    /// it with `EINVAL`.
    PortIs(SocketEnd, u16),
    /// The port is this one or higher.
    PortFrom(SocketEnd, u16),
    /// The port is this one or lower.
    PortUpTo(SocketEnd, u16),
    /// The first `len` bits of the address; holds for v4-mapped addresses too.
    NetV4(SocketEnd, [u8; 4], u8),
    /// The first `len` bits of the address of an `AF_INET6` socket.
    NetV6(SocketEnd, [u8; 16], u8),
    /// The index of the bound device.
    Device(u32),
    /// (mark & mask) == mark; needs `CAP_NET_ADMIN`.
    Mark {
        /// The wanted value.
        value: u32,
        /// The bits that count.
        mask: u32,
    },
    /// The id of the socket's cgroup; minisockets and requests have none.
    Cgroup(u64),
    /// The port was not chosen by `bind`; holds for all minisockets.
    Unbound,
}

/// A condition to be assembled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// One test.
    Test(Test),
    /// All of them; an empty list always holds.
    And(Vec<Code>),
    /// One of them; an empty list never holds.
    Or(Vec<Code>),
    /// The contrary.
    Not(Box<Code>),
}

/// The program is longer than a netlink attribute can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the program would be longer than the 65,527 bytes the kernel takes")]
pub struct TooLarge;

/// Returns the program that accepts the sockets for which `condition` holds.
///
/// # Errors
/// When it does not fit into a request.
pub fn assemble(condition: &Code) -> Result<Vec<u8>, TooLarge> {
    let mut assembler = Assembler { places: vec![None, None], ..Assembler::default() };
    assembler.emit(condition, ACCEPT, REJECT, ACCEPT);
    if assembler.bytes.is_empty() {
        // The kernel refuses an empty program.
        assembler.bytes.extend([code::NOP, OP_LEN as u8, 0, 0]);
    }
    assembler.finish()
}

/// A place in the program, known once what precedes it is written.
type Label = usize;

/// The place behind the last byte.
const ACCEPT: Label = 0;
/// The place 4 bytes further.
const REJECT: Label = 1;

#[derive(Default)]
struct Assembler {
    bytes: Vec<u8>,
    places: Vec<Option<usize>>,
    /// Operations whose `no` goes to a label.
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    /// Writes `condition` so that control goes to `yes` or `no`; `next` is the
    /// label of what will be written behind it.
    fn emit(&mut self, condition: &Code, yes: Label, no: Label, next: Label) {
        match condition {
            Code::Test(test) => {
                self.operation(test.code(), &test.operand(), no);
                self.go(yes, next);
            }
            Code::Not(inner) => self.emit(inner, no, yes, next),
            Code::And(parts) => match parts.split_last() {
                None => self.go(yes, next),
                Some((last, before)) => {
                    for part in before {
                        self.emit_then_place(part, None, Some(no));
                    }
                    self.emit(last, yes, no, next);
                }
            },
            Code::Or(parts) => match parts.split_last() {
                None => self.go(no, next),
                Some((last, before)) => {
                    for part in before {
                        self.emit_then_place(part, Some(yes), None);
                    }
                    self.emit(last, yes, no, next);
                }
            },
        }
    }

    /// Writes a part; the way that is not given leads to what follows it.
    fn emit_then_place(&mut self, part: &Code, yes: Option<Label>, no: Option<Label>) {
        let here = self.places.len();
        self.places.push(None);
        self.emit(part, yes.unwrap_or(here), no.unwrap_or(here), here);
        self.places[here] = Some(self.bytes.len());
    }

    fn go(&mut self, target: Label, next: Label) {
        if target != next {
            self.operation(code::JMP, &[], target);
        }
    }

    fn operation(&mut self, code: u8, operand: &[u8], no: Label) {
        self.jumps.push((self.bytes.len(), no));
        self.bytes.extend([code, (OP_LEN + operand.len()) as u8, 0, 0]);
        self.bytes.extend(operand);
    }

    fn finish(mut self) -> Result<Vec<u8>, TooLarge> {
        let end = self.bytes.len();
        if end > MAX_LEN {
            return Err(TooLarge);
        }
        self.places[ACCEPT] = Some(end);
        self.places[REJECT] = Some(end + OP_LEN);
        for (at, label) in &self.jumps {
            // Every label is placed behind the jumps to it.
            let target = self.places.get(*label).copied().flatten().unwrap_or(end + OP_LEN);
            let distance = u16::try_from(target - at).map_err(|_| TooLarge)?;
            self.bytes[at + 2..at + 4].copy_from_slice(&distance.to_ne_bytes());
        }
        Ok(self.bytes)
    }
}

impl Test {
    fn code(self) -> u8 {
        let of = |end, local, remote| if end == SocketEnd::Local { local } else { remote };
        match self {
            Self::PortIs(end, _) => of(end, code::S_EQ, code::D_EQ),
            Self::PortFrom(end, _) => of(end, code::S_GE, code::D_GE),
            Self::PortUpTo(end, _) => of(end, code::S_LE, code::D_LE),
            Self::NetV4(end, ..) | Self::NetV6(end, ..) => of(end, code::S_COND, code::D_COND),
            Self::Device(_) => code::DEV_COND,
            Self::Mark { .. } => code::MARK_COND,
            Self::Cgroup(_) => code::CGROUP_COND,
            Self::Unbound => code::AUTO,
        }
    }

    fn operand(self) -> Vec<u8> {
        match self {
            // A second operation of which only `no` counts.
            Self::PortIs(_, port) | Self::PortFrom(_, port) | Self::PortUpTo(_, port) => {
                [[0; 2], port.to_ne_bytes()].concat()
            }
            Self::NetV4(_, address, len) => host_condition(AF_INET, len.min(32), &address),
            Self::NetV6(_, address, len) => host_condition(AF_INET6, len.min(128), &address),
            Self::Device(index) => index.to_ne_bytes().to_vec(),
            Self::Mark { value, mask } => [value.to_ne_bytes(), mask.to_ne_bytes()].concat(),
            Self::Cgroup(id) => id.to_ne_bytes().to_vec(),
            Self::Unbound => Vec::new(),
        }
    }
}

/// Returns `struct inet_diag_hostcond` for any port (-1).
fn host_condition(family: u8, len: u8, address: &[u8]) -> Vec<u8> {
    let mut bytes = vec![family, len, 0, 0];
    bytes.extend((-1i32).to_ne_bytes());
    bytes.extend(address);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bytecode::{Entry, audit, run};
    use proptest::prelude::*;

    fn test(test: Test) -> Code {
        Code::Test(test)
    }

    /// A 16-byte program on a little-endian machine, byte by byte.
    #[test]
    #[cfg(target_endian = "little")]
    fn a_port_range_has_the_kernels_layout() {
        let range = Code::And(vec![
            test(Test::PortFrom(SocketEnd::Local, 8000)),
            test(Test::PortUpTo(SocketEnd::Local, 8099)),
        ]);
        let expected = [
            [2, 8, 20, 0], // S_GE, reject is 4 behind the 16
            [0, 0, 0x40, 0x1f],
            [3, 8, 12, 0],
            [0, 0, 0xa3, 0x1f],
        ];
        assert_eq!(assemble(&range), Ok(expected.concat()));
    }

    #[test]
    fn or_and_not_need_few_jumps() {
        let port = |port| test(Test::PortIs(SocketEnd::Local, port));
        let one = assemble(&port(22)).expect("short");
        assert_eq!(one.len(), 8);
        let not = assemble(&Code::Not(Box::new(port(22)))).expect("short");
        assert_eq!(not.len(), 12);
        let or = assemble(&Code::Or(vec![port(22), port(80)])).expect("short");
        assert_eq!(or.len(), 20);
    }

    #[test]
    fn constants_are_programs_too() {
        let entry = Entry::default();
        let always = assemble(&Code::And(vec![])).expect("short");
        let never = assemble(&Code::Or(vec![])).expect("short");
        assert_eq!((audit(&always, false), run(&always, &entry)), (Ok(()), true));
        assert_eq!((audit(&never, false), run(&never, &entry)), (Ok(()), false));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let port = |port| test(Test::PortIs(SocketEnd::Local, port));
        // 12 bytes each: the test and the jump to the end.
        let fits = Code::Or((0..5460).map(port).collect());
        let program = assemble(&fits).expect("65,516 bytes");
        assert_eq!(audit(&program, false), Ok(()));
        let entry = |local_port| Entry { local_port, ..Entry::default() };
        assert!(run(&program, &entry(0)) && run(&program, &entry(5459)));
        assert!(!run(&program, &entry(5460)));
        assert_eq!(assemble(&Code::Or((0..5470).map(port).collect())), Err(TooLarge));
    }

    fn any_end() -> impl Strategy<Value = SocketEnd> {
        prop_oneof![Just(SocketEnd::Local), Just(SocketEnd::Remote)]
    }

    fn any_test() -> impl Strategy<Value = Test> {
        let port = 0u16..4;
        prop_oneof![
            (any_end(), port.clone()).prop_map(|(end, port)| Test::PortIs(end, port)),
            (any_end(), port.clone()).prop_map(|(end, port)| Test::PortFrom(end, port)),
            (any_end(), port).prop_map(|(end, port)| Test::PortUpTo(end, port)),
            (any_end(), 0u8..4, 0u8..=32).prop_map(|(end, last, len)| Test::NetV4(
                end,
                [10, 0, 0, last],
                len
            )),
            (any_end(), 0u8..4, 0u8..=128).prop_map(|(end, last, len)| {
                let mut address = [0; 16];
                address[15] = last;
                Test::NetV6(end, address, len)
            }),
            (0u32..2).prop_map(Test::Device),
            (0u32..4, 0u32..4).prop_map(|(value, mask)| Test::Mark { value, mask }),
            (0u64..3).prop_map(Test::Cgroup),
            Just(Test::Unbound),
        ]
    }

    fn any_code() -> impl Strategy<Value = Code> {
        any_test().prop_map(Code::Test).prop_recursive(5, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Code::And),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Code::Or),
                inner.prop_map(|code| Code::Not(Box::new(code))),
            ]
        })
    }

    fn any_entry() -> impl Strategy<Value = Entry> {
        let address = || {
            let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0];
            (any::<bool>(), 0u8..4).prop_map(move |(v4, last)| {
                let mut address = if v4 { mapped } else { [0; 16] };
                address[15] = last;
                address
            })
        };
        (any::<bool>(), address(), address(), 0u16..4, 0u16..4, 0u32..2, 0u32..4, 0u64..3).prop_map(
            |(v6, mut local, mut remote, local_port, remote_port, device, mark, cgroup)| {
                if !v6 {
                    for address in [&mut local, &mut remote] {
                        address.copy_within(12.., 0);
                        address[4..].fill(0);
                    }
                }
                Entry {
                    family: if v6 { AF_INET6 } else { AF_INET },
                    local,
                    remote,
                    local_port,
                    remote_port,
                    device,
                    bound: cgroup == 1,
                    mark,
                    cgroup,
                }
            },
        )
    }

    /// The plain meaning of a condition, test by test as a program of its own.
    fn means(code: &Code, entry: &Entry) -> bool {
        match code {
            Code::Test(_) => run(&assemble(code).expect("short"), entry),
            Code::And(parts) => parts.iter().all(|part| means(part, entry)),
            Code::Or(parts) => parts.iter().any(|part| means(part, entry)),
            Code::Not(inner) => !means(inner, entry),
        }
    }

    proptest! {
        #[test]
        fn a_program_means_what_its_condition_means(code in any_code(), entry in any_entry()) {
            let program = assemble(&code).expect("40 tests are short");
            prop_assert_eq!(audit(&program, true), Ok(()));
            prop_assert_eq!(run(&program, &entry), means(&code, &entry));
        }

        #[test]
        fn machine_and_listing_survive_any_bytes(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            entry in any_entry(),
        ) {
            let _ = (audit(&bytes, true), run(&bytes, &entry), listing(&bytes));
        }
    }
}
