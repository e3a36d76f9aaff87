//! Address prefixes, and the kinds of places an address can be in.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::address::Address;
use crate::model::proto::Family;

/// An address family as a pattern can ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `inet:`.
    V4,
    /// `inet6:`.
    V6,
}

/// All addresses that begin with the same bits.
///
/// An IPv4 prefix holds for v4-mapped addresses too, as in the kernel: they
/// are IPv4 connections of an IPv6 socket. An IPv6 prefix holds for rows of
/// the IPv6 tables only, so `[::/0]` and `[::ffff:0:0/96]` select the mapped
/// rows but not those of the IPv4 tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// IPv4 bits, and how many of them count.
    V4([u8; 4], u8),
    /// IPv6 bits, and how many of them count.
    V6([u8; 16], u8),
}

impl Net {
    /// Every IPv4 address.
    pub const ALL_V4: Self = Self::V4([0; 4], 0);
    /// Every address of an IPv6 socket.
    pub const ALL_V6: Self = Self::V6([0; 16], 0);

    /// Returns the first `len` bits of an IPv4 address, 32 at most.
    pub fn v4(octets: [u8; 4], len: u8) -> Self {
        let len = len.min(32);
        let mask = u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0);
        Self::V4((u32::from_be_bytes(octets) & mask).to_be_bytes(), len)
    }

    /// Returns the first `len` bits of an IPv6 address, 128 at most.
    pub fn v6(octets: [u8; 16], len: u8) -> Self {
        let len = len.min(128);
        let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
        Self::V6((u128::from_be_bytes(octets) & mask).to_be_bytes(), len)
    }

    /// Returns the one address `ip`.
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip.octets(), 32),
            IpAddr::V6(ip) => Self::V6(ip.octets(), 128),
        }
    }

    /// Tells whether an address in a row of `family` has these bits.
    pub fn contains(&self, family: Family, address: &Address) -> bool {
        match *self {
            Self::V4(_, len) => address.as_v4().is_some_and(|v4| Self::v4(v4, len) == *self),
            Self::V6(_, len) => {
                family == Family::Inet6 && Self::v6(*address.octets(), len) == *self
            }
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4(octets, 32) => write!(f, "{}", Ipv4Addr::from(octets)),
            Self::V4(octets, len) => write!(f, "{}/{len}", Ipv4Addr::from(octets)),
            Self::V6(octets, 128) => write!(f, "[{}]", Ipv6Addr::from(octets)),
            Self::V6(octets, len) => write!(f, "[{}/{len}]", Ipv6Addr::from(octets)),
        }
    }
}

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressScope {
    /// This machine only.
    Loopback,
    /// A network that the internet does not route to.
    Private,
    /// Everywhere.
    Public,
    /// No address: every address of the machine (a wildcard listener).
    Any,
}

const fn v6_start(first: u16) -> [u8; 16] {
    let [a, b] = first.to_be_bytes();
    [a, b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

const LOOPBACK: [Net; 2] = [Net::V4([127, 0, 0, 0], 8), {
    let mut one = [0; 16];
    one[15] = 1;
    Net::V6(one, 128)
}];

/// RFC 1918, RFC 6598 (carrier networks), RFC 3927 and RFC 4291 (link-local),
/// RFC 4193 (unique local).
const PRIVATE: [Net; 7] = [
    Net::V4([10, 0, 0, 0], 8),
    Net::V4([172, 16, 0, 0], 12),
    Net::V4([192, 168, 0, 0], 16),
    Net::V4([100, 64, 0, 0], 10),
    Net::V4([169, 254, 0, 0], 16),
    Net::V6(v6_start(0xfc00), 7),
    Net::V6(v6_start(0xfe80), 10),
];

const UNSPECIFIED: [Net; 2] = [Net::V4([0; 4], 32), Net::V6([0; 16], 128)];

impl AddressScope {
    /// Every scope with its name.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("loopback", Self::Loopback),
        ("private", Self::Private),
        ("public", Self::Public),
        ("any", Self::Any),
    ];

    /// Returns the one that an address is of.
    pub fn of(family: Family, address: &Address) -> Self {
        let is = |(_, scope): &&(_, Self)| scope.contains(family, address);
        Self::NAMES.iter().find(is).map_or(Self::Public, |(_, scope)| *scope)
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, scope)| *scope == self).map_or("", |(name, _)| name)
    }

    /// Returns the prefixes it is made of; `None` for public, which is every address
    /// that is in no other scope.
    pub fn nets(self) -> Option<&'static [Net]> {
        match self {
            Self::Loopback => Some(&LOOPBACK),
            Self::Private => Some(&PRIVATE),
            Self::Any => Some(&UNSPECIFIED),
            Self::Public => None,
        }
    }

    /// Tells whether an address in a row of `family` is in this scope.
    pub fn contains(self, family: Family, address: &Address) -> bool {
        match self.nets() {
            Some(nets) => nets.iter().any(|net| net.contains(family, address)),
            None => [Self::Loopback, Self::Private, Self::Any]
                .iter()
                .all(|other| !other.contains(family, address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse::<IpAddr>().expect("an address").into()
    }

    #[test]
    fn families_are_kept_apart_but_for_mapped_addresses() {
        let ten = Net::v4([10, 1, 2, 3], 8);
        assert_eq!(ten.to_string(), "10.0.0.0/8");
        assert!(ten.contains(Family::Inet, &address("10.9.9.9")));
        assert!(ten.contains(Family::Inet6, &address("::ffff:10.9.9.9")));
        // ss compares the first 32 bits whatever the family.
        assert!(!ten.contains(Family::Inet6, &address("a00:1::")));
        assert!(!Net::ALL_V4.contains(Family::Inet6, &address("::")));
        assert!(!Net::ALL_V6.contains(Family::Inet, &address("0.0.0.0")));
        assert!(Net::ALL_V6.contains(Family::Inet6, &address("::ffff:10.9.9.9")));
        let mapped = Net::of("::ffff:10.9.8.7".parse().expect("an address"));
        assert!(mapped.contains(Family::Inet6, &address("10.9.8.7")));
        assert!(!mapped.contains(Family::Inet, &address("10.9.8.7")));
    }

    #[test]
    fn every_address_has_one_scope() {
        let cases = [
            ("127.0.0.53", Family::Inet, AddressScope::Loopback),
            ("::1", Family::Inet6, AddressScope::Loopback),
            ("::ffff:127.0.0.1", Family::Inet6, AddressScope::Loopback),
            ("172.31.0.1", Family::Inet, AddressScope::Private),
            ("172.32.0.1", Family::Inet, AddressScope::Public),
            ("fe80::1", Family::Inet6, AddressScope::Private),
            ("fd00::1", Family::Inet6, AddressScope::Private),
            ("2001:db8::1", Family::Inet6, AddressScope::Public),
            ("0.0.0.0", Family::Inet, AddressScope::Any),
            ("::", Family::Inet6, AddressScope::Any),
        ];
        for (text, family, expected) in cases {
            for (name, scope) in AddressScope::NAMES {
                let here = scope.contains(family, &address(text));
                assert_eq!(here, scope == expected, "{text} {name}");
            }
        }
    }
}
