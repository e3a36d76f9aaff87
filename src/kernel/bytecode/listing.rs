//! A program as text, one operation a line.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::netlink::{bytes_at, u16_at, u32_at};
use super::super::request::{AF_INET, AF_INET6};
use super::{OP_LEN, code};

/// Returns one line for each operation: where it stands, what it tests, and where it
/// goes if the test fails (it goes on to the next line otherwise).
pub fn listing(program: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut at = 0;
    while let Some(rest) = program.get(at..).filter(|rest| rest.len() >= OP_LEN) {
        let text = text(rest).unwrap_or_else(|| format!("unknown operation {}", rest[0]));
        let no = at + usize::from(u16_at(rest, 2).unwrap_or(0));
        let target = match no {
            no if no == program.len() => "accept".to_owned(),
            no if no > program.len() => "reject".to_owned(),
            no => no.to_string(),
        };
        lines.push(match rest[0] {
            code::NOP => format!("{at:>5}  {text}"),
            code::JMP => format!("{at:>5}  goto {target}"),
            _ => format!("{at:>5}  {text}, else {target}"),
        });
        // Every operation has a length; a broken one ends the listing.
        at = match usize::from(rest[1]) {
            yes if yes >= OP_LEN => at + yes,
            _ => program.len(),
        };
    }
    lines
}

fn text(rest: &[u8]) -> Option<String> {
    let port = || u16_at(rest, 6);
    Some(match rest[0] {
        code::NOP => "accept".to_owned(),
        code::JMP => String::new(),
        code::S_EQ => format!("local port = {}", port()?),
        code::S_GE => format!("local port >= {}", port()?),
        code::S_LE => format!("local port <= {}", port()?),
        code::D_EQ => format!("remote port = {}", port()?),
        code::D_GE => format!("remote port >= {}", port()?),
        code::D_LE => format!("remote port <= {}", port()?),
        code::AUTO => "port not chosen by bind".to_owned(),
        code::S_COND => format!("local address in {}", net(rest)?),
        code::D_COND => format!("remote address in {}", net(rest)?),
        code::DEV_COND => format!("device index = {}", u32_at(rest, 4)?),
        code::MARK_COND => {
            format!("mark & {:#x} = {:#x}", u32_at(rest, 8)?, u32_at(rest, 4)?)
        }
        code::CGROUP_COND => {
            format!("cgroup id = {}", u64::from_ne_bytes(bytes_at(rest, 4)?))
        }
        _ => return None,
    })
}

fn net(rest: &[u8]) -> Option<String> {
    let len = rest.get(5)?;
    Some(match *rest.get(4)? {
        AF_INET => format!("{}/{len}", Ipv4Addr::from(bytes_at::<4>(rest, 12)?)),
        AF_INET6 => format!("{}/{len}", Ipv6Addr::from(bytes_at::<16>(rest, 12)?)),
        _ => "any".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Code, SocketEnd, Test, assemble};
    use super::*;

    #[test]
    fn a_listing_reads_like_the_condition() {
        let code = Code::Or(vec![
            Code::Test(Test::PortIs(SocketEnd::Local, 22)),
            Code::Not(Box::new(Code::Test(Test::NetV4(SocketEnd::Remote, [10, 0, 0, 0], 8)))),
        ]);
        let program = assemble(&code).expect("short");
        assert_eq!(
            listing(&program),
            [
                "    0  local port = 22, else 12",
                "    8  goto accept",
                "   12  remote address in 10.0.0.0/8, else accept",
                "   28  goto reject",
            ]
        );
    }
}
