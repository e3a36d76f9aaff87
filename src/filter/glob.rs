//! Patterns for names: `*` any text, `?` any character, `[a-z]` one of these,
//! `[!a-z]` none of these; a backslash takes the meaning away.

use std::fmt;

use super::token::{Char, Trouble, push_char};

/// A pattern, or a plain name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<GlobItem>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GlobItem {
    Char(char),
    Any,
    One,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// Tells whether upper and lower case differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They do.
    Sensitive,
    /// They do not, in ASCII.
    Ignored,
}

impl Glob {
    #[cfg(test)]
    pub(super) fn from_items(items: Vec<GlobItem>) -> Self {
        Self(items)
    }

    /// Returns the pattern in the characters of a word.
    pub(super) fn parse(chars: &[Char]) -> Result<Self, Trouble> {
        let mut items = Vec::new();
        let mut rest = chars;
        while let Some((first, behind)) = rest.split_first() {
            rest = behind;
            items.push(match first.c {
                '*' if !first.escaped => GlobItem::Any,
                '?' if !first.escaped => GlobItem::One,
                '[' if !first.escaped => {
                    let end = closing(behind).ok_or(Trouble::new(
                        first.span,
                        "a closing ] for this [ (write \\[ for the bracket itself)",
                    ))?;
                    let (inside, after) = behind.split_at(end);
                    rest = after.get(1..).unwrap_or_default();
                    class(inside)
                }
                c => GlobItem::Char(c),
            });
        }
        Ok(Self(items))
    }

    /// Returns the name, where the pattern is one.
    pub fn literal(&self) -> Option<String> {
        self.0
            .iter()
            .map(|item| match item {
                GlobItem::Char(c) => Some(*c),
                _ => None,
            })
            .collect()
    }

    /// Tells whether the whole of `text` has this form.
    pub fn matches(&self, text: &str, case: Case) -> bool {
        let text: Vec<char> = text.chars().collect();
        // Where to go on when the last `*` has to take one character more.
        let mut retry: Option<(usize, usize)> = None;
        let (mut item, mut at) = (0, 0);
        while at < text.len() {
            match self.0.get(item) {
                Some(GlobItem::Any) => {
                    item += 1;
                    retry = Some((item, at));
                    continue;
                }
                Some(one) if one.takes(text[at], case) => {
                    item += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            let Some((after_star, taken)) = retry else { return false };
            retry = Some((after_star, taken + 1));
            (item, at) = (after_star, taken + 1);
        }
        self.0.get(item..).unwrap_or_default().iter().all(|item| *item == GlobItem::Any)
    }
}

impl GlobItem {
    fn takes(&self, c: char, case: Case) -> bool {
        let fold = |c: char| if case == Case::Ignored { c.to_ascii_lowercase() } else { c };
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Char(wanted) => fold(*wanted) == fold(c),
            Self::Class { negated, ranges } => {
                let inside = ranges.iter().any(|(low, high)| {
                    let range = *low..=*high;
                    let swapped = if c.is_ascii_lowercase() {
                        c.to_ascii_uppercase()
                    } else {
                        c.to_ascii_lowercase()
                    };
                    range.contains(&c) || (case == Case::Ignored && range.contains(&swapped))
                });
                inside != *negated
            }
        }
    }
}

/// Returns where the class ends; a `]` at its very start is one of its characters.
fn closing(chars: &[Char]) -> Option<usize> {
    let negated = chars.first().is_some_and(|c| !c.escaped && matches!(c.c, '!' | '^'));
    let first = usize::from(negated) + 1;
    chars.iter().skip(first).position(|c| c.c == ']' && !c.escaped).map(|at| at + first)
}

fn class(inside: &[Char]) -> GlobItem {
    let negated = inside.first().is_some_and(|c| !c.escaped && matches!(c.c, '!' | '^'));
    let mut rest = inside.get(usize::from(negated)..).unwrap_or_default();
    let mut ranges = Vec::new();
    loop {
        rest = match rest {
            [] => break,
            [low, dash, high, behind @ ..] if dash.c == '-' && !dash.escaped => {
                ranges.push((low.c, high.c));
                behind
            }
            [one, behind @ ..] => {
                ranges.push((one.c, one.c));
                behind
            }
        };
    }
    GlobItem::Class { negated, ranges }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        for item in &self.0 {
            match item {
                GlobItem::Char(c) => push_char(&mut out, *c, "*?["),
                GlobItem::Any => out.push('*'),
                GlobItem::One => out.push('?'),
                GlobItem::Class { negated, ranges } => {
                    out.push_str(if *negated { "[!" } else { "[" });
                    for (low, high) in ranges {
                        push_char(&mut out, *low, "]-!^[");
                        if low != high {
                            out.push('-');
                            push_char(&mut out, *high, "]-!^[");
                        }
                    }
                    out.push(']');
                }
            }
        }
        f.write_str(&out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::tokens;
    use super::super::token::TokenKind;
    use super::*;

    fn glob(text: &str) -> Glob {
        let tokens = tokens(text).expect("lexes");
        match &tokens[..] {
            [token] => match &token.kind {
                TokenKind::Word(chars) => Glob::parse(chars).expect("a pattern"),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        let cases = [
            ("nginx", "nginx", true),
            ("nginx", "nginx2", false),
            ("nginx*", "nginx", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("*aab", "aaaab", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]x", "]x", true),
            (r"[a\-z]", "-", true),
            (r"[a\-z]", "m", false),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("größe?", "größe1", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(glob(pattern).matches(name, Case::Sensitive), expected, "{pattern} {name}");
        }
        assert!(glob("/RUN/[A-Z]*").matches("/run/x.sock", Case::Ignored));
    }

    #[test]
    fn a_plain_name_is_known_as_one() {
        assert_eq!(glob(r"a\*").literal().as_deref(), Some("a*"));
        assert_eq!(glob("a*").literal(), None);
    }

    #[test]
    fn an_open_bracket_is_an_error() {
        let tokens = tokens("x[ab").expect("lexes");
        let TokenKind::Word(chars) = &tokens[0].kind else { panic!("no word") };
        assert!(Glob::parse(chars).expect_err("no ]").expected.contains("closing ]"));
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let pattern = "*a".repeat(200);
        assert!(!glob(&pattern).matches(&"a".repeat(199), Case::Sensitive));
    }
}
