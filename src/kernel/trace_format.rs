//! The `format` file of a trace event: where each field lies in a raw sample.
//!
//! The layout is the running kernel's own (`__print_fields`,
//! `kernel/trace/trace_events.c`), so a field is always looked up by name; one
//! this kernel does not have is absent.

use super::netlink::bytes_at;

/// The place and the width of a field in the raw sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceField {
    /// Bytes from the sample's beginning.
    pub offset: u16,
    /// Bytes.
    pub size: u16,
    /// Tells whether a number in it is signed.
    pub signed: bool,
}

impl TraceField {
    /// Returns the number in it, in the host's byte order, sign-extended where it is
    /// signed; `None` where the sample is too short or it is no number.
    #[inline]
    pub fn number(self, raw: &[u8]) -> Option<u64> {
        let at = usize::from(self.offset);
        let (value, unused_bits) = match self.size {
            1 => (u64::from(*raw.get(at)?), 56),
            2 => (u16::from_ne_bytes(bytes_at(raw, at)?).into(), 48),
            4 => (u32::from_ne_bytes(bytes_at(raw, at)?).into(), 32),
            8 => (u64::from_ne_bytes(bytes_at(raw, at)?), 0),
            _ => return None,
        };
        if self.signed {
            return Some(((value << unused_bits) as i64 >> unused_bits) as u64);
        }
        Some(value)
    }

    /// Returns the bytes in it, where it has `N` of them.
    #[inline]
    pub fn bytes<const N: usize>(self, raw: &[u8]) -> Option<[u8; N]> {
        if usize::from(self.size) != N {
            return None;
        }
        bytes_at(raw, self.offset.into())
    }
}

/// One event's layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceFormat {
    /// The number that `perf_event_attr.config` takes and that stands in each
    /// sample's `common_type`.
    pub id: u16,
    fields: Vec<(String, TraceField)>,
}

impl TraceFormat {
    /// Reads the file's text; `None` where it names no id. Lines it cannot
    /// read are left out, and so are the fields they describe.
    pub fn parse(text: &str) -> Option<Self> {
        let id = text.lines().find_map(|line| line.strip_prefix("ID:"))?.trim().parse().ok()?;
        Some(Self { id, fields: text.lines().filter_map(parse_field).collect() })
    }

    /// Returns the field of a name.
    pub fn field(&self, name: &str) -> Option<TraceField> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, field)| *field)
    }
}

/// Returns a line `field:__u8 saddr[4]; offset:32; size:4; signed:0;`.
fn parse_field(line: &str) -> Option<(String, TraceField)> {
    let mut parts = line.trim().split(';').map(str::trim);
    let name = field_name(parts.next()?.strip_prefix("field:")?)?;
    let (mut offset, mut size, mut signed) = (None, None, false);
    for part in parts {
        match part.split_once(':') {
            Some(("offset", number)) => offset = number.parse().ok(),
            Some(("size", number)) => size = number.parse().ok(),
            Some(("signed", number)) => signed = number == "1",
            _ => {}
        }
    }
    Some((name.to_owned(), TraceField { offset: offset?, size: size?, signed }))
}

/// Returns the name in a C declaration: the last word, without array brackets.
fn field_name(declaration: &str) -> Option<&str> {
    let is_array = declaration.ends_with(']');
    let without_length = declaration.rfind('[').filter(|_| is_array);
    let declaration = &declaration[..without_length.unwrap_or(declaration.len())];
    let name = declaration.split_whitespace().next_back()?.trim_start_matches('*');
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Linux 6.18.44 x86_64, copied from tracefs.
    const SET_STATE: &str = include_str!("testdata/inet_sock_set_state.6.18.format");

    #[test]
    fn fields_are_found_by_name() {
        let format = TraceFormat::parse(SET_STATE).expect("a format");
        assert_eq!(format.id, 2287);
        let skaddr = TraceField { offset: 8, size: 8, signed: false };
        assert_eq!(format.field("skaddr"), Some(skaddr));
        assert_eq!(
            format.field("oldstate"),
            Some(TraceField { offset: 16, size: 4, signed: true })
        );
        assert_eq!(format.field("saddr"), Some(TraceField { offset: 32, size: 4, signed: false }));
        assert_eq!(
            format.field("daddr_v6"),
            Some(TraceField { offset: 56, size: 16, signed: false })
        );
        assert_eq!(format.field("sock_cookie"), None);
    }

    #[test]
    fn declarations_of_all_shapes_have_a_name() {
        assert_eq!(field_name("const void * skaddr"), Some("skaddr"));
        assert_eq!(field_name("const void *skaddr"), Some("skaddr"));
        assert_eq!(field_name("__u8 saddr_v6[sizeof(struct in6_addr)]"), Some("saddr_v6"));
        assert_eq!(field_name("__data_loc char[] name"), Some("name"));
        assert_eq!(field_name("]"), Some("]"));
        assert_eq!(field_name("__u8 saddr[28]"), Some("saddr"));
        assert_eq!(field_name("enum sk_rst_reason reason"), Some("reason"));
        assert_eq!(field_name(""), None);
    }

    #[test]
    fn a_number_has_the_width_and_sign_of_its_field() {
        let raw = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let field = |size, signed| TraceField { offset: 0, size, signed };
        assert_eq!(field(2, false).number(&raw), Some(0xffff));
        assert_eq!(field(4, true).number(&raw), Some(u64::MAX));
        assert_eq!(field(8, false).number(&raw), Some(u64::MAX));
        assert_eq!(field(3, false).number(&raw), None);
        assert_eq!(field(8, false).number(&raw[1..]), None);
        assert_eq!(field(4, false).bytes::<16>(&raw), None);
    }

    #[test]
    fn without_an_id_it_is_no_format() {
        assert_eq!(TraceFormat::parse("name: x\nformat:\n"), None);
        assert_eq!(TraceFormat::parse("ID: 99999999\n"), None);
    }

    proptest! {
        #[test]
        fn a_mutated_file_is_survived(at in 0usize..2000, byte in any::<u8>(), raw in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut bytes = SET_STATE.as_bytes().to_vec();
            bytes[at % SET_STATE.len()] = byte;
            if let Some(format) = TraceFormat::parse(&String::from_utf8_lossy(&bytes)) {
                for (_, field) in &format.fields {
                    let _ = (field.number(&raw), field.bytes::<16>(&raw));
                }
            }
        }
    }
}
