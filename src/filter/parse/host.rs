//! Parses places of an end: addresses, prefixes, names, with or without a port.

use std::net::Ipv6Addr;

use crate::filter::ast::{Expr, HostTest, Name, PortTest, Predicate, SocketEnd};
use crate::filter::glob::Glob;
use crate::filter::net::{Net, Version};
use crate::filter::token::{Comparison, TokenKind, Trouble};
use crate::filter::words;

use super::{Parser, Piece, number, ports};

/// The forms of a host, for messages.
const HOST: &str = "an address (10.0.0.1, 10.0.0.0/8, [2001:db8::1], [2001:db8::/32]), \
                    a host name, a unix socket (/PATH, @NAME, unix:PATTERN), or *, each but unix \
                    also with :PORT";

/// Families `ss` has and this language does not.
const OTHER_FAMILIES: [&str; 6] = ["link:", "netlink:", "vsock:", "packet:", "tipc:", "xdp:"];

impl Parser {
    /// Parses what follows `src` or `dst`: a test, or two with a port.
    pub(super) fn host(&mut self, end: SocketEnd) -> Result<Vec<Expr>, Trouble> {
        let piece = self.value(HOST)?;
        let (version, rest) = family(&piece)?;
        if let Some(pattern) = piece.without("unix:") {
            return Ok(vec![Expr::Is(Predicate::Host(end, unix(&pattern)?))]);
        }
        // No address and no name of a host begins so: `ss -x src /run/*`.
        let first = piece.chars.first().filter(|first| !first.escaped);
        if first.is_some_and(|first| matches!(first.c, '/' | '@')) {
            return Ok(vec![Expr::Is(Predicate::Host(end, unix(&piece)?))]);
        }
        let (address, port) = split_port(&rest)?;
        let ports = match port {
            // `10.0.0.1:{80,443}`
            Some(port) if port.chars.is_empty() && self.peek() == Some(&TokenKind::OpenSet) => {
                Some(self.port_set()?)
            }
            Some(port) => Some(vec![ports::one(&port)?]),
            None => None,
        };
        let host = host(&address, version)?;
        let mut parts = Vec::new();
        if host != HostTest::Any || ports.is_none() {
            parts.push(Expr::Is(Predicate::Host(end, host)));
        }
        parts.extend(ports.map(|ports| port_test(end, ports)));
        Ok(parts)
    }

    /// Reads the family before a port: `sport = inet:443`.
    pub(super) fn family_of_port(&mut self, end: SocketEnd) -> Result<Option<Expr>, Trouble> {
        let Some(TokenKind::Word(word)) = self.peek() else { return Ok(None) };
        let piece = Piece { chars: word.clone(), span: self.span() };
        let (version, rest) = family(&piece)?;
        if piece.without("unix:").is_some() {
            return Err(piece.trouble("a port; unix sockets have none"));
        }
        let Some(version) = version else { return Ok(None) };
        if let Some(token) = self.tokens.get_mut(self.at) {
            token.span = rest.span;
            token.kind = TokenKind::Word(rest.chars);
        }
        Ok(Some(Expr::Is(Predicate::Host(end, HostTest::Net(all_of(version))))))
    }
}

fn port_test(end: SocketEnd, ports: Vec<PortTest>) -> Expr {
    Expr::Is(Predicate::Port(end, Comparison::Eq, ports))
}

fn all_of(version: Version) -> Net {
    if version == Version::V4 { Net::ALL_V4 } else { Net::ALL_V6 }
}

/// Returns the family prefix, and what is behind it.
fn family(piece: &Piece) -> Result<(Option<Version>, Piece), Trouble> {
    for (prefix, version) in [("inet:", Version::V4), ("inet6:", Version::V6)] {
        if let Some(rest) = piece.without(prefix) {
            return Ok((Some(version), rest));
        }
    }
    match OTHER_FAMILIES.iter().find(|family| piece.without(family).is_some()) {
        Some(family) => {
            let expected = "one of the families inet:, inet6: and unix:";
            let span = super::Span::new(piece.span.start, piece.span.start + family.len());
            Err(Trouble::new(span, expected))
        }
        None => Ok((None, piece.clone())),
    }
}

fn unix(pattern: &Piece) -> Result<HostTest, Trouble> {
    if pattern.chars.is_empty() {
        return Err(pattern.trouble("a path or pattern, @NAME for an abstract socket, or *"));
    }
    Glob::parse(&pattern.chars).map(HostTest::Unix)
}

/// Address and port. A bare IPv6 address has no port: `::1:80` is an address.
fn split_port(piece: &Piece) -> Result<(Piece, Option<Piece>), Trouble> {
    let bracketed = piece.chars.first().is_some_and(|c| c.c == '[' && !c.escaped);
    let colons = piece.chars.iter().filter(|c| c.c == ':' && !c.escaped).count();
    if bracketed {
        let Some((inside, behind)) = piece.cut_last(']') else {
            return Err(piece.trouble("a closing ] behind the IPv6 address"));
        };
        // `[v6]/len:port` and `[v6]:port`: the port is behind the last colon.
        let Some((before, port)) = behind.cut_last(':') else { return Ok((piece.clone(), None)) };
        let len = inside.chars.len() + 1 + before.chars.len();
        return Ok((piece.cut(len).0, Some(port)));
    }
    if colons != 1 {
        return Ok((piece.clone(), None));
    }
    Ok(piece.cut_last(':').map_or((piece.clone(), None), |(host, port)| (host, Some(port))))
}

fn host(piece: &Piece, version: Option<Version>) -> Result<HostTest, Trouble> {
    let text = piece.text();
    if !piece.is_name() {
        if text.is_empty() || words::is_any(&text) {
            return Ok(version.map_or(HostTest::Any, |version| HostTest::Net(all_of(version))));
        }
        // `inet:/run/x`
        if text.starts_with(['/', '@']) {
            return Err(piece.trouble(HOST));
        }
        if text.starts_with('[') || text.contains(':') {
            return in_family(piece, v6(piece)?, version);
        }
        let address = piece.cut_first('/').map_or(text.clone(), |(address, _)| address.text());
        if words::is_address(&address) {
            return in_family(piece, v4(piece)?, version);
        }
    }
    let is_name = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if text.is_empty() || !text.chars().all(is_name) {
        return Err(piece.trouble(HOST));
    }
    Ok(HostTest::Name(Name { text, span: piece.span }, version))
}

fn in_family(piece: &Piece, net: Net, version: Option<Version>) -> Result<HostTest, Trouble> {
    match (net, version) {
        (Net::V6(..), Some(Version::V4)) => Err(piece.trouble("an IPv4 address after inet:")),
        (Net::V4(..), Some(Version::V6)) => Err(piece
            .trouble("an IPv6 address after inet6: (of an IPv4 address in it: [::ffff:10.0.0.1])")),
        _ => Ok(HostTest::Net(net)),
    }
}

/// Reads `A.B.C.D`, `A.B` (the rest is 0), with `/len` or `/netmask`.
fn v4(piece: &Piece) -> Result<Net, Trouble> {
    let (address, len) = match piece.cut_first('/') {
        Some((address, len)) => (address, Some(len)),
        None => (piece.clone(), None),
    };
    let octets = v4_octets(&address)?;
    let len = match len {
        None => 32,
        Some(mask) if mask.text().contains('.') => {
            let bits = u32::from_be_bytes(v4_octets(&mask)?);
            if bits.leading_ones() + bits.trailing_zeros() < 32 {
                return Err(mask.trouble("a netmask without gaps, such as 255.255.0.0"));
            }
            bits.leading_ones()
        }
        Some(len) => number::number(&len, 32, "a prefix length")?.try_into().unwrap_or(32),
    };
    Ok(Net::v4(octets, u8::try_from(len).unwrap_or(32)))
}

fn v4_octets(piece: &Piece) -> Result<[u8; 4], Trouble> {
    let mut octets = [0; 4];
    let mut rest = Some(piece.clone());
    let mut slots = octets.iter_mut();
    while let Some(part) = rest.take() {
        let (octet, behind) = match part.cut_first('.') {
            Some((octet, behind)) => (octet, Some(behind)),
            None => (part, None),
        };
        let Some(slot) = slots.next() else {
            return Err(piece.trouble("an IPv4 address of four numbers at most"));
        };
        let number = number::number(&octet, 255, "a part of an IPv4 address")?;
        *slot = u8::try_from(number).unwrap_or(u8::MAX);
        rest = behind;
    }
    Ok(octets)
}

/// Reads `[v6]`, `[v6/len]`, `[v6]/len`, or the same without brackets.
fn v6(piece: &Piece) -> Result<Net, Trouble> {
    let plain = match piece.without_char('[') {
        None => piece.clone(),
        Some(open) => match open.cut_last(']') {
            Some((inside, behind)) if behind.chars.is_empty() => inside,
            Some((inside, behind)) => {
                let Some(len) = behind.without_char('/') else {
                    return Err(behind.trouble("/LENGTH or :PORT behind the ]"));
                };
                return v6_net(&inside, Some(len));
            }
            None => return Err(piece.trouble("a closing ] behind the IPv6 address")),
        },
    };
    match plain.cut_first('/') {
        Some((address, len)) => v6_net(&address, Some(len)),
        None => v6_net(&plain, None),
    }
}

fn v6_net(address: &Piece, len: Option<Piece>) -> Result<Net, Trouble> {
    let ip: Ipv6Addr = address.text().parse().map_err(|_| {
        address.trouble("an IPv6 address such as 2001:db8::1 (with a port: [2001:db8::1]:443)")
    })?;
    let len = match len {
        Some(len) => number::number(&len, 128, "a prefix length")?,
        None => 128,
    };
    Ok(Net::v6(ip.octets(), u8::try_from(len).unwrap_or(128)))
}
