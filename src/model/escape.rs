//! The one place where text that a stranger can choose is made safe to show.
//!
//! Command names, unix socket names and cgroup names may hold any byte: escape
//! codes that repaint a terminal, newlines that fake a row, marks that reverse
//! the reading direction.

use std::borrow::Cow;
use std::fmt::Write;

/// Appends `raw` to `out` as printable text: control and formatting characters
/// and bytes that are no UTF-8 become `\xNN` or `\u{NNNN}`, a backslash is
/// doubled so that the result can be read back.
pub fn push_escaped(out: &mut String, raw: &[u8]) {
    for chunk in raw.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                c if !is_hostile(c) => out.push(c),
                c if c.is_ascii() => push(out, format_args!("\\x{:02x}", u32::from(c))),
                c => push(out, format_args!("\\u{{{:x}}}", u32::from(c))),
            }
        }
        for byte in chunk.invalid() {
            push(out, format_args!("\\x{byte:02x}"));
        }
    }
}

/// Returns the printable form of `raw`, see [`push_escaped`].
pub fn escaped(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    push_escaped(&mut out, raw);
    out
}

/// Returns the printable form of a text in which names may be escaped already: as
/// [`escaped`], but a backslash stays as it is.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let mut bytes = [0; 4];
        match c {
            '\\' => out.push(c),
            c => push_escaped(&mut out, c.encode_utf8(&mut bytes).as_bytes()),
        }
    }
    out.into()
}

/// The same of a text of several lines, which stay lines.
pub fn harmless_lines(text: &str) -> String {
    text.split('\n').map(harmless).collect::<Vec<_>>().join("\n")
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

/// Finds control characters, and the formatting characters that hide or reorder
/// what stands around them.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_text_is_shown_and_harmless() {
        assert_eq!(escaped(b"plain name"), "plain name");
        assert_eq!(escaped("größe ✓".as_bytes()), "größe ✓");
        assert_eq!(escaped(b"\x1b[31mred\n\x00"), "\\x1b[31mred\\x0a\\x00");
        assert_eq!(escaped(b"bad \xff\xfe utf8"), "bad \\xff\\xfe utf8");
        assert_eq!(escaped("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(escaped(b"back\\slash"), "back\\\\slash");
        assert_eq!(escaped(&[0xc2, 0x9b]), "\\u{9b}"); // a C1 control: CSI
    }

    #[test]
    fn what_is_escaped_already_stays() {
        let once = escaped(b"a\x1b\\b");
        assert_eq!(harmless(&once), once);
        assert_eq!(harmless("\u{1b}[31m\u{202e}\n\\"), "\\x1b[31m\\u{202e}\\x0a\\");
        assert_eq!(harmless_lines("one\n\ttwo\n"), "one\n\\x09two\n");
    }

    proptest! {
        #[test]
        fn nothing_hostile_is_left(raw in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(!escaped(&raw).chars().any(is_hostile));
        }

        #[test]
        fn different_names_stay_different(
            a in proptest::collection::vec(any::<u8>(), 0..12),
            b in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            prop_assert_eq!(a == b, escaped(&a) == escaped(&b));
        }
    }
}
