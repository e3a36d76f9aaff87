//! Values as JSON text without a blank.
//!
//! The same bytes as `serde_json::to_writer`, in half of the time: the keys of
//! our shapes are plain words that need no look for characters to escape, and
//! everything is appended to memory, which cannot fail.

use std::fmt::{Display, Error, Write};

use serde::Serialize;
use serde::ser::{self, Serializer};

/// Appends `value`; every key of its maps must be a string.
pub(super) fn append(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Error> {
    value.serialize(Compact { out })
}

/// Appends to memory.
struct Compact<'o> {
    out: &'o mut Vec<u8>,
}

impl Compact<'_> {
    fn number(self, n: impl itoa::Integer) -> Result<(), Error> {
        self.out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
        Ok(())
    }

    fn word(self, word: &[u8]) -> Result<(), Error> {
        self.out.extend_from_slice(word);
        Ok(())
    }
}

/// Text appended to memory.
struct CompactText<'o>(&'o mut Vec<u8>);

impl Write for CompactText<'_> {
    fn write_str(&mut self, text: &str) -> Result<(), Error> {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Writes what is rare, by `serde_json`.
fn by_serde_json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    serde_json::to_writer(out, value).map_err(|_| Error)
}

/// Appends `"key":` of a struct's field or an enum's variant.
fn key(out: &mut Vec<u8>, key: &'static str) {
    debug_assert!(is_plain(key), "a name in the source with characters to escape");
    out.reserve(key.len() + 3);
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Tells whether a string stands in JSON as it is.
fn is_plain(text: &str) -> bool {
    // Without a way out in the middle several bytes are looked at at once.
    text.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\'))
}

macro_rules! numbers {
    ($($method:ident $number:ty),*) => {$(
        fn $method(self, n: $number) -> Result<(), Error> {
            self.number(n)
        }
    )*};
}

impl<'o> Serializer for Compact<'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'o>;
    type SerializeTuple = Items<'o>;
    type SerializeTupleStruct = Items<'o>;
    type SerializeTupleVariant = Items<'o>;
    type SerializeMap = Items<'o>;
    type SerializeStruct = Items<'o>;
    type SerializeStructVariant = Items<'o>;

    numbers!(
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64
    );

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.word(if value { b"true" } else { b"false" })
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        by_serde_json(self.out, &value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        by_serde_json(self.out, &value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        if !is_plain(text) {
            return by_serde_json(self.out, text);
        }
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        // Written where it belongs; only what has to be escaped is written anew.
        let start = self.out.len();
        self.out.push(b'"');
        CompactText(&mut *self.out).write_fmt(format_args!("{value}"))?;
        let text = String::from_utf8_lossy(self.out.get(start + 1..).unwrap_or_default());
        if is_plain(&text) {
            drop(text);
            return Compact { out: self.out }.word(b"\"");
        }
        let text = text.into_owned();
        self.out.truncate(start);
        by_serde_json(self.out, &text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        by_serde_json(self.out, bytes)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.word(b"null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.word(b"null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.word(b"null")
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.out.push(b'{');
        key(self.out, variant);
        value.serialize(Compact { out: self.out })?;
        self.word(b"}")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'o>, Error> {
        Ok(Items::new(self.out, b'[', b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'o>, Error> {
        Ok(Items::new(self.out, b'[', b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'o>, Error> {
        Ok(Items::new(self.out, b'[', b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'o>, Error> {
        self.out.push(b'{');
        key(self.out, variant);
        Ok(Items::new(self.out, b'[', b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Items<'o>, Error> {
        Ok(Items::new(self.out, b'{', b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Items<'o>, Error> {
        Ok(Items::new(self.out, b'{', b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'o>, Error> {
        self.out.push(b'{');
        key(self.out, variant);
        Ok(Items::new(self.out, b'{', b"}}"))
    }
}

/// The items between brackets.
struct Items<'o> {
    out: &'o mut Vec<u8>,
    close: &'static [u8],
    first: bool,
}

impl<'o> Items<'o> {
    fn new(out: &'o mut Vec<u8>, open: u8, close: &'static [u8]) -> Self {
        out.push(open);
        Self { out, close, first: true }
    }

    /// Appends a comma before every item but the first.
    fn next(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.next();
        value.serialize(Compact { out: self.out })
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.next();
        key(self.out, name);
        value.serialize(Compact { out: self.out })
    }

    fn close(self) -> Result<(), Error> {
        self.out.extend_from_slice(self.close);
        Ok(())
    }
}

macro_rules! lists {
    ($($which:ident $method:ident),*) => {$(
        impl ser::$which for Items<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.item(value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

lists!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

macro_rules! structs {
    ($($which:ident),*) => {$(
        impl ser::$which for Items<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

structs!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.item(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        value.serialize(Compact { out: self.out })
    }

    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Serialize, Default)]
    struct Everything {
        numbers: (i8, i16, i32, i64, u8, u16, u32, u64),
        ratio: f64,
        half: Option<f32>,
        letter: char,
        truth: bool,
        nothing: (),
        #[serde(skip_serializing_if = "Vec::is_empty")]
        bytes: Vec<u8>,
        map: BTreeMap<String, Option<String>>,
        kinds: Vec<Kind>,
        #[serde(flatten)]
        more: More,
    }

    #[derive(Serialize)]
    enum Kind {
        Unit,
        Newtype(u8),
        Tuple(u8, String),
        Struct { name: String },
    }

    #[derive(Serialize, Default)]
    struct More {
        wrapped: Wrapped,
        empty: Empty,
    }

    #[derive(Serialize, Default)]
    struct Wrapped(String);

    #[derive(Serialize, Default)]
    struct Empty;

    fn check(value: &impl Serialize) {
        let mut ours = b"x".to_vec();
        append(&mut ours, value).expect("memory takes everything");
        let theirs = serde_json::to_string(value).expect("a value of JSON");
        assert_eq!(String::from_utf8_lossy(&ours), format!("x{theirs}"));
    }

    proptest! {
        #[test]
        fn any_value_is_written_as_serde_json_writes_it(
            (ratio, half) in (any::<f64>(), any::<Option<f32>>()),
            (letter, truth) in (any::<char>(), any::<bool>()),
            numbers in any::<(i8, i16, i32, i64, u8, u16, u32, u64)>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..3),
            texts in proptest::collection::btree_map(any::<String>(), any::<Option<String>>(), 0..4),
            text in "[ -~\\n\\x00\"\\\\é✓]{0,9}",
        ) {
            let kinds = vec![
                Kind::Unit,
                Kind::Newtype(numbers.4),
                Kind::Tuple(numbers.4, text.clone()),
                Kind::Struct { name: text.clone() },
            ];
            let more = More { wrapped: Wrapped(text), empty: Empty };
            let map = texts;
            check(&Everything {
                numbers, ratio, half, letter, truth, nothing: (), bytes, map, kinds, more,
            });
        }
    }

    #[test]
    fn empty_and_unusual_values() {
        check(&Everything::default());
        for ratio in [f64::NAN, f64::INFINITY, 1e300, -0.0] {
            check(&Everything { ratio, ..Everything::default() });
        }
    }
}
