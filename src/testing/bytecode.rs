//! What the kernel does with a filter program: `inet_diag_bc_audit` and
//! `inet_diag_bc_run` of net/ipv4/inet_diag.c as a model, to try programs on.

use crate::kernel::bytecode::{OP_LEN, code};
use crate::kernel::netlink::{bytes_at, u16_at, u32_at};
use crate::kernel::request::{AF_INET, AF_INET6};

/// The part of a socket that a program can see (`struct inet_diag_entry`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// Local address, network order; IPv4 in the first four bytes.
    pub local: [u8; 16],
    /// Remote address, likewise.
    pub remote: [u8; 16],
    /// Local port.
    pub local_port: u16,
    /// Remote port.
    pub remote_port: u16,
    /// Index of the bound device.
    pub device: u32,
    /// `SOCK_BINDPORT_LOCK`: the port was chosen by `bind`; never set on a
    /// minisocket or request.
    pub bound: bool,
    /// The mark.
    pub mark: u32,
    /// The cgroup's id; 0 on a minisocket or request.
    pub cgroup: u64,
}

/// The reason why the kernel does not take a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `EINVAL`: malformed, or an operation this kernel does not know.
    Invalid,
    /// `EPERM`: it asks for the mark, which needs `CAP_NET_ADMIN`.
    NotPermitted,
}

/// Checks a program as the kernel does before it runs it.
///
/// # Errors
/// As the kernel refuses it.
pub fn audit(program: &[u8], net_admin: bool) -> Result<(), Refusal> {
    if program.len() < OP_LEN {
        return Err(Refusal::Invalid);
    }
    let mut at = 0;
    while at < program.len() {
        let rest = &program[at..];
        let (op, yes, no) = operation(rest).ok_or(Refusal::Invalid)?;
        if op == code::MARK_COND && !net_admin {
            return Err(Refusal::NotPermitted);
        }
        let min = min_len(rest).filter(|min| *min <= rest.len()).ok_or(Refusal::Invalid)?;
        let misplaced =
            |step: usize| step < min || step > rest.len() + OP_LEN || !step.is_multiple_of(4);
        if op != code::NOP
            && (misplaced(no) || (no < rest.len() && !on_chain(program, rest.len() - no)))
        {
            return Err(Refusal::Invalid);
        }
        if misplaced(yes) {
            return Err(Refusal::Invalid);
        }
        at += yes;
    }
    // A last `yes` may point 4 bytes too far.
    if at == program.len() { Ok(()) } else { Err(Refusal::Invalid) }
}

/// Returns how many bytes the operation at the start needs; `None` for an unknown one.
fn min_len(rest: &[u8]) -> Option<usize> {
    let operand = match *rest.first()? {
        code::NOP | code::JMP | code::AUTO => 0,
        code::S_GE..=code::D_LE | code::S_EQ | code::D_EQ | code::DEV_COND => 4,
        code::MARK_COND | code::CGROUP_COND => 8,
        code::S_COND | code::D_COND => {
            let address = match *rest.get(4)? {
                0 => 0,
                AF_INET => 4,
                AF_INET6 => 16,
                _ => return None,
            };
            if usize::from(*rest.get(5)?) > 8 * address {
                return None;
            }
            8 + address
        }
        _ => return None,
    };
    Some(OP_LEN + operand)
}

/// Tells whether an operation begins `left` bytes before the end (`valid_cc`).
fn on_chain(program: &[u8], left: usize) -> bool {
    let mut rest = program;
    while rest.len() > left {
        let Some((_, yes, _)) = operation(rest) else { return false };
        if yes < OP_LEN || !yes.is_multiple_of(4) {
            return false;
        }
        rest = rest.get(yes..).unwrap_or_default();
    }
    rest.len() == left
}

fn operation(rest: &[u8]) -> Option<(u8, usize, usize)> {
    Some((*rest.first()?, usize::from(*rest.get(1)?), usize::from(u16_at(rest, 2)?)))
}

/// Tells whether the program accepts a socket. A program the kernel would refuse
/// accepts none.
pub fn run(program: &[u8], entry: &Entry) -> bool {
    let mut rest = program;
    while !rest.is_empty() {
        let step = match (operation(rest), holds(rest, entry)) {
            (Some((_, yes, _)), Some(true)) => yes,
            (Some((_, _, no)), Some(false)) => no,
            _ => return false,
        };
        if step == 0 {
            return false;
        }
        match rest.get(step..) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    true
}

fn holds(rest: &[u8], entry: &Entry) -> Option<bool> {
    let port = || u16_at(rest, 6);
    Some(match *rest.first()? {
        code::NOP => true,
        code::JMP => false,
        code::S_EQ => entry.local_port == port()?,
        code::S_GE => entry.local_port >= port()?,
        code::S_LE => entry.local_port <= port()?,
        code::D_EQ => entry.remote_port == port()?,
        code::D_GE => entry.remote_port >= port()?,
        code::D_LE => entry.remote_port <= port()?,
        code::AUTO => !entry.bound,
        code::S_COND => host(rest, entry.family, &entry.local, entry.local_port)?,
        code::D_COND => host(rest, entry.family, &entry.remote, entry.remote_port)?,
        code::DEV_COND => entry.device == u32_at(rest, 4)?,
        code::MARK_COND => entry.mark & u32_at(rest, 8)? == u32_at(rest, 4)?,
        code::CGROUP_COND => entry.cgroup == u64::from_ne_bytes(bytes_at(rest, 4)?),
        _ => return None,
    })
}

fn host(rest: &[u8], family: u8, address: &[u8; 16], port: u16) -> Option<bool> {
    let (wanted_family, len) = (*rest.get(4)?, *rest.get(5)?);
    let wanted_port = u32_at(rest, 8)? as i32;
    if wanted_port != -1 && wanted_port != i32::from(port) {
        return Some(false);
    }
    let wanted = rest.get(12..)?;
    if wanted_family != 0 && wanted_family != family {
        let mapped = address.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
        let asks_mapped = family == AF_INET6 && wanted_family == AF_INET && mapped;
        return Some(asks_mapped && same_bits(&address[12..], wanted, len)?);
    }
    same_bits(address, wanted, len)
}

fn same_bits(address: &[u8], wanted: &[u8], len: u8) -> Option<bool> {
    let (whole, bits) = (usize::from(len / 8), len % 8);
    if address.get(..whole)? != wanted.get(..whole)? {
        return Some(false);
    }
    if bits == 0 {
        return Some(true);
    }
    let mask = u8::MAX << (8 - bits);
    Some((address.get(whole)? ^ wanted.get(whole)?) & mask == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_refuses_what_the_kernel_refuses() {
        let refused: [&[u8]; 8] = [
            &[],
            &[0, 4],
            &[99, 4, 4, 0],                           // unknown operation
            &[11, 4, 8, 0],                           // a port test without its operand
            &[1, 4, 3, 0],                            // not aligned
            &[1, 4, 12, 0],                           // beyond the reject
            &[7, 12, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0],  // AF_UNIX
            &[1, 4, 8, 0, 11, 8, 12, 0, 0, 0, 22, 0], // into an operand
        ];
        for program in refused {
            assert_eq!(audit(program, true), Err(Refusal::Invalid), "{program:?}");
        }
        let mark = [10, 12, 16, 0, 1, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(audit(&mark, false), Err(Refusal::NotPermitted));
        assert_eq!(audit(&mark, true), Ok(()));
    }

    #[test]
    fn an_ipv4_condition_holds_for_a_mapped_address() {
        let mut entry = Entry { family: AF_INET6, ..Entry::default() };
        entry.local[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
        let condition = |family, len, address: &[u8]| {
            let bytes = [&[7, 12 + address.len() as u8, 0, 0], &[family, len, 0, 0][..]].concat();
            [&bytes, &[0xff; 4][..], address].concat()
        };
        assert!(run(&condition(AF_INET, 32, &[10, 0, 0, 1]), &entry));
        assert!(!run(&condition(AF_INET, 31, &[10, 0, 0, 3]), &entry));
        assert!(run(&condition(AF_INET, 0, &[0; 4]), &entry));
        entry.local[11] = 0;
        assert!(!run(&condition(AF_INET, 0, &[0; 4]), &entry), "not mapped");
        assert!(run(&condition(AF_INET6, 0, &[0; 16]), &entry));
        entry.family = AF_INET;
        assert!(!run(&condition(AF_INET6, 0, &[0; 16]), &entry));
    }
}
