//! Upper-layer protocols on top of a TCP socket: TLS in the kernel, or MPTCP
//! (`INET_DIAG_ULP_INFO`, `tcp_diag_put_ulp`).

use super::netlink::{Attributes, bytes_at};

const NAME: u16 = 1;
const TLS: u16 = 2;
const MPTCP: u16 = 3;

/// The width in which an attribute's number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// Present or absent.
    Flag,
    U8,
    U16,
    U32,
    U64,
}

/// One number among nested attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UlpNumber {
    /// The kernel's name.
    pub name: &'static str,
    kind: u16,
    width: Width,
}

const fn item(name: &'static str, kind: u16, width: Width) -> UlpNumber {
    UlpNumber { name, kind, width }
}

/// Numbers of kernel TLS (`include/uapi/linux/tls.h`); secrets are not among
/// them.
pub const TLS_ITEMS: &[UlpNumber] = &[
    item("version", 1, Width::U16),
    item("cipher", 2, Width::U16),
    item("txconf", 3, Width::U16),
    item("rxconf", 4, Width::U16),
    item("zc_ro_tx", 5, Width::Flag),
    item("no_pad_rx", 6, Width::Flag),
    item("tx_max_payload_len", 7, Width::U16),
];

/// The connection's token, see [`super::mptcp_info::TOKEN`].
pub const TOKEN_LOCAL: UlpNumber = item("token_local", 2, Width::U32);

/// Numbers of an MPTCP subflow (`MPTCP_SUBFLOW_ATTR_*`).
pub const SUBFLOW_ITEMS: &[UlpNumber] = &[
    item("token_remote", 1, Width::U32),
    TOKEN_LOCAL,
    item("relwrite_seq", 3, Width::U32),
    item("map_seq", 4, Width::U64),
    item("map_sfseq", 5, Width::U32),
    item("ssn_offset", 6, Width::U32),
    item("map_datalen", 7, Width::U16),
    item("flags", 8, Width::U32),
    item("id_remote", 9, Width::U8),
    item("id_local", 10, Width::U8),
];

/// The upper layer of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ulp<'a> {
    /// `tls`, `mptcp`, ….
    pub name: &'a str,
    numbers: Attributes<'a>,
    /// The numbers it has; empty for a layer without any.
    pub items: &'static [UlpNumber],
}

impl<'a> Ulp<'a> {
    /// Makes it from the attribute's payload; `None` when it names no layer.
    pub fn new(payload: &'a [u8]) -> Option<Self> {
        let nested = Attributes::new(payload);
        let name = nested.find(NAME)?.split(|byte| *byte == 0).next()?;
        let name = std::str::from_utf8(name).ok()?;
        let (numbers, items) = match (nested.find(TLS), nested.find(MPTCP)) {
            (Some(tls), _) => (tls, TLS_ITEMS),
            (None, Some(mptcp)) => (mptcp, SUBFLOW_ITEMS),
            (None, None) => (&[][..], &[][..]),
        };
        Some(Self { name, numbers: Attributes::new(numbers), items })
    }

    /// Returns one number; `None` where it was not sent. A flag that is set is 1.
    pub fn get(&self, item: &UlpNumber) -> Option<u64> {
        let payload = self.numbers.find(item.kind)?;
        match item.width {
            Width::Flag => Some(1),
            Width::U8 => payload.first().map(|byte| u64::from(*byte)),
            Width::U16 => bytes_at(payload, 0).map(|b| u16::from_ne_bytes(b).into()),
            Width::U32 => bytes_at(payload, 0).map(|b| u32::from_ne_bytes(b).into()),
            Width::U64 => bytes_at(payload, 0).map(u64::from_ne_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut out = ((payload.len() + 4) as u16).to_ne_bytes().to_vec();
        out.extend(kind.to_ne_bytes());
        out.extend(payload);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    #[test]
    fn tls_has_its_numbers_and_a_nameless_layer_is_none() {
        let numbers = [attribute(1, &0x0304u16.to_ne_bytes()), attribute(5, &[])].concat();
        let whole = [attribute(NAME, b"tls\0"), attribute(TLS, &numbers)].concat();
        let ulp = Ulp::new(&whole).expect("it has a name");
        assert_eq!((ulp.name, ulp.get(&TLS_ITEMS[0])), ("tls", Some(0x0304)));
        assert_eq!((ulp.get(&TLS_ITEMS[4]), ulp.get(&TLS_ITEMS[1])), (Some(1), None));
        assert_eq!(Ulp::new(&numbers[4..]), None);
    }
}
