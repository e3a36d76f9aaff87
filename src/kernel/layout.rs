//! C structures that grow at their end: fields by name, as far as they are sent.

use super::netlink::bytes_at;

/// The form in which a field is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldEncoding {
    /// Some bits of one byte: (shift, width).
    Bits(u8, u8),
    U16,
    U32,
    U64,
}

/// One number of a structure, in host order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutField {
    /// The kernel's name without its prefix, with its unit where it has one.
    pub name: &'static str,
    /// The divisor that turns the stored number into the name's unit.
    pub divisor: u32,
    /// The meaning with its unit, in a few words; empty where only its name is shown.
    pub means: &'static str,
    offset: usize,
    layout: FieldEncoding,
}

const fn field(name: &'static str, offset: usize, layout: FieldEncoding) -> LayoutField {
    LayoutField { name, divisor: 1, means: "", offset, layout }
}

pub(super) const fn byte(name: &'static str, offset: usize) -> LayoutField {
    bits(name, offset, 0, 8)
}

pub(super) const fn bits(name: &'static str, offset: usize, shift: u8, width: u8) -> LayoutField {
    field(name, offset, FieldEncoding::Bits(shift, width))
}

pub(super) const fn half(name: &'static str, offset: usize) -> LayoutField {
    field(name, offset, FieldEncoding::U16)
}

pub(super) const fn word(name: &'static str, offset: usize) -> LayoutField {
    field(name, offset, FieldEncoding::U32)
}

pub(super) const fn long(name: &'static str, offset: usize) -> LayoutField {
    field(name, offset, FieldEncoding::U64)
}

/// Returns a word stored in units `divisor` times as small as its name says.
pub(super) const fn scaled(name: &'static str, offset: usize, divisor: u32) -> LayoutField {
    LayoutField { divisor, ..word(name, offset) }
}

impl LayoutField {
    /// Returns the same with what it is in a few words.
    pub(super) const fn means(self, means: &'static str) -> Self {
        Self { means, ..self }
    }

    /// Returns the stored number, before its divisor; `None` where what was sent ends
    /// before it.
    pub fn get(&self, sent: &[u8]) -> Option<u64> {
        match self.layout {
            FieldEncoding::Bits(shift, width) => {
                let byte = *sent.get(self.offset)?;
                Some(u64::from(byte >> shift) & ((1 << width) - 1))
            }
            FieldEncoding::U16 => bytes_at(sent, self.offset).map(|b| u16::from_ne_bytes(b).into()),
            FieldEncoding::U32 => bytes_at(sent, self.offset).map(|b| u32::from_ne_bytes(b).into()),
            FieldEncoding::U64 => bytes_at(sent, self.offset).map(u64::from_ne_bytes),
        }
    }

    /// Returns a stored number in the name's unit: whole where it is, else with its
    /// fraction.
    pub fn shown(&self, stored: u64) -> String {
        let divisor = u64::from(self.divisor);
        if stored.is_multiple_of(divisor) {
            (stored / divisor).to_string()
        } else {
            (stored as f64 / divisor as f64).to_string()
        }
    }

    /// Returns where it begins and ends; fields of bits may share a byte.
    #[cfg(test)]
    pub(super) fn span(&self) -> (usize, usize) {
        let width = match self.layout {
            FieldEncoding::Bits(..) => 0,
            FieldEncoding::U16 => 2,
            FieldEncoding::U32 => 4,
            FieldEncoding::U64 => 8,
        };
        (self.offset, self.offset + width)
    }
}
