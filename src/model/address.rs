//! Internet addresses in one form for both families, and endpoints.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 or IPv6 address in 16 bytes; IPv4 is held as `::ffff:a.b.c.d`.
///
/// An `AF_INET6` socket with an IPv4 peer carries v4-mapped addresses while
/// the peer's own `AF_INET` row carries plain ones (`inet_diag_msg_common_fill`).
/// Holding both in the mapped form makes the two ends of one connection equal
/// without a conversion at each comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address([u8; 16]);

const MAPPED_PREFIX: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

impl Address {
    /// Makes it from an IPv4 address in network order.
    pub fn v4(octets: [u8; 4]) -> Self {
        let mut bytes = [0; 16];
        bytes[..12].copy_from_slice(&MAPPED_PREFIX);
        bytes[12..].copy_from_slice(&octets);
        Self(bytes)
    }

    /// Makes it from an IPv6 address in network order; a v4-mapped one is the same
    /// value as its IPv4 address.
    pub fn v6(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// Returns the IPv4 octets where the address is IPv4 or v4-mapped.
    pub fn as_v4(&self) -> Option<[u8; 4]> {
        let (prefix, octets) = self.0.split_at(12);
        if prefix != MAPPED_PREFIX {
            return None;
        }
        octets.try_into().ok()
    }

    /// Returns the 16 bytes, network order.
    pub fn octets(&self) -> &[u8; 16] {
        &self.0
    }

    /// Tells whether this is `0.0.0.0`, `::ffff:0.0.0.0` or `::`.
    pub fn is_unspecified(&self) -> bool {
        match self.as_v4() {
            Some(v4) => v4 == [0; 4],
            None => self.0 == [0; 16],
        }
    }

    /// Tells whether this is in `fe80::/10`, and so means something on one device only.
    pub fn is_link_local_v6(&self) -> bool {
        self.0[0] == 0xfe && self.0[1] & 0xc0 == 0x80
    }

    /// Returns it as the standard library's type; v4-mapped comes out as IPv4.
    pub fn to_ip(&self) -> IpAddr {
        match self.as_v4() {
            Some(v4) => IpAddr::V4(Ipv4Addr::from(v4)),
            None => IpAddr::V6(Ipv6Addr::from(self.0)),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self::v4(v4.octets()),
            IpAddr::V6(v6) => Self::v6(v6.octets()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ip().fmt(f)
    }
}

/// An IPv4 address as text, written without allocating.
#[derive(Clone, Copy, Debug)]
pub struct V4Text {
    /// Longer than any address, so that three digits always fit.
    bytes: [u8; 18],
    len: usize,
}

impl V4Text {
    /// Returns the text of an address in network order.
    #[inline]
    pub fn new(octets: [u8; 4]) -> Self {
        let (mut bytes, mut len) = ([0; 18], 0);
        for (i, octet) in octets.into_iter().enumerate() {
            if i > 0 {
                bytes[len] = b'.';
                len += 1;
            }
            let (digits, count) = DIGITS[usize::from(octet)];
            // Digits that do not count are written over, or lie behind the end.
            bytes[len..len + 3].copy_from_slice(&digits);
            len += usize::from(count);
        }
        Self { bytes, len }
    }

    /// Returns it as bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Returns it as text.
    #[inline]
    pub fn as_str(&self) -> &str {
        // Digits and dots: never the default.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// The digits of every octet, left in three, and how many there are.
const DIGITS: [([u8; 3], u8); 256] = {
    let mut table = [([0; 3], 0); 256];
    let mut n = 0;
    while n < 256 {
        let (hundreds, tens, ones) = (n / 100, n / 10 % 10, n % 10);
        let [a, b, c] = [b'0' + hundreds as u8, b'0' + tens as u8, b'0' + ones as u8];
        table[n] = match (hundreds, tens) {
            (0, 0) => ([c, 0, 0], 1),
            (0, _) => ([b, c, 0], 2),
            _ => ([a, b, c], 3),
        };
        n += 1;
    }
    table
};

/// An address with a port, both as numbers (the port in host order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// The port; for raw sockets the IP protocol number (`inet_num`).
    pub port: u16,
}

impl Endpoint {
    /// Returns an endpoint of an address and a port in host order.
    pub fn new(address: Address, port: u16) -> Self {
        Self { address, port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_and_plain_v4_are_the_same_value() {
        let mapped = Address::from(IpAddr::V6(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped()));
        assert_eq!(mapped, Address::v4([10, 0, 0, 1]));
        assert_eq!(mapped.to_string(), "10.0.0.1");
    }

    #[test]
    fn v4_text_is_the_standard_librarys() {
        for n in 0..=255_u8 {
            let octets = [n, n.wrapping_mul(7), 255 - n, n / 3];
            assert_eq!(V4Text::new(octets).as_str(), Ipv4Addr::from(octets).to_string());
        }
    }

    #[test]
    fn unspecified_in_all_three_forms() {
        assert!(Address::v4([0; 4]).is_unspecified());
        assert!(Address::v6([0; 16]).is_unspecified());
        assert!(!Address::v6(Ipv6Addr::LOCALHOST.octets()).is_unspecified());
    }
}
