//! Characters to tokens.
//!
//! A backslash takes the meaning away from the character behind it: it is part
//! of a word, and a word with such a character in it is never a keyword.

use super::error::Span;
use super::token::{Char, Comparison, Token, TokenKind, Trouble, is_special};

/// Returns the tokens of an expression.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Trouble> {
    let mut lexer = Lexer { text, at: 0, in_set: false };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Commas separate inside `{}` only: names may contain them.
    in_set: bool,
}

/// Operators of the longest first, so that `<=` is not taken for `<`.
const OPERATORS: [(&str, TokenKind); 17] = [
    ("&&", TokenKind::And),
    ("||", TokenKind::Or),
    ("==", TokenKind::Compare(Comparison::Eq)),
    ("!=", TokenKind::Compare(Comparison::Ne)),
    ("<=", TokenKind::Compare(Comparison::Le)),
    (">=", TokenKind::Compare(Comparison::Ge)),
    ("&", TokenKind::And),
    ("|", TokenKind::Or),
    ("!", TokenKind::Not),
    ("=", TokenKind::Compare(Comparison::Eq)),
    ("<", TokenKind::Compare(Comparison::Lt)),
    (">", TokenKind::Compare(Comparison::Gt)),
    ("(", TokenKind::Open),
    (")", TokenKind::Close),
    ("{", TokenKind::OpenSet),
    ("}", TokenKind::CloseSet),
    (",", TokenKind::Comma),
];

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn token(&mut self) -> Result<Option<Token>, Trouble> {
        self.at = self.text.len() - self.rest().trim_start().len();
        if self.rest().is_empty() {
            return Ok(None);
        }
        let start = self.at;
        let kind = match self.operator() {
            Some(kind) => kind,
            None => TokenKind::Word(self.word()?),
        };
        Ok(Some(Token { kind, span: Span::new(start, self.at) }))
    }

    fn operator(&mut self) -> Option<TokenKind> {
        let (text, kind) = OPERATORS
            .iter()
            .find(|(text, kind)| self.rest().starts_with(text) && self.separates(kind))?;
        self.at += text.len();
        match kind {
            TokenKind::OpenSet => self.in_set = true,
            TokenKind::CloseSet => self.in_set = false,
            _ => {}
        }
        Some(kind.clone())
    }

    fn separates(&self, kind: &TokenKind) -> bool {
        *kind != TokenKind::Comma || self.in_set
    }

    /// Reads a word, which ends at a blank or an operator. Paths and abstract names end at
    /// a blank or parenthesis only, and the brackets of a pattern or an IPv6
    /// address may hold any operator.
    fn word(&mut self) -> Result<Vec<Char>, Trouble> {
        let is_path = is_path(self.rest());
        let mut chars: Vec<Char> = Vec::new();
        let mut in_brackets = false;
        while let Some(c) = self.rest().chars().next() {
            let start = self.at;
            if c == '\\' {
                let span = Span::new(start, start + 1);
                let expected = "a character behind the backslash, which takes its meaning away";
                let behind = self.rest().chars().nth(1).ok_or(Trouble::new(span, expected))?;
                self.at += 1 + behind.len_utf8();
                chars.push(Char { c: behind, escaped: true, span: Span::new(start, self.at) });
                continue;
            }
            let ends = match c {
                '(' | ')' if is_path => !in_brackets,
                c if is_path || in_brackets => c.is_whitespace(),
                ',' => self.in_set,
                c => c.is_whitespace() || is_special(c),
            };
            if ends {
                break;
            }
            match c {
                '[' => in_brackets = true,
                ']' => in_brackets = false,
                _ => {}
            }
            self.at += c.len_utf8();
            chars.push(Char { c, escaped: false, span: Span::new(start, self.at) });
        }
        Ok(chars)
    }
}

fn is_path(rest: &str) -> bool {
    let unix = rest.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("unix:"));
    unix || rest.starts_with(['/', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words as text, with a `'` before escaped characters; operators as they are.
    fn shown(text: &str) -> String {
        let tokens = tokens(text).expect("lexes");
        let shown = tokens.iter().map(|token| match &token.kind {
            TokenKind::Word(chars) => chars
                .iter()
                .map(|c| format!("{}{}", if c.escaped { "'" } else { "" }, c.c))
                .collect(),
            _ => text[token.span.start..token.span.end].to_owned(),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn blanks_around_operators_do_not_matter() {
        let cases = [
            ("sport=:22", "sport = :22"),
            ("(sport = :22)", "( sport = :22 )"),
            ("!sport<=22&&dport>1", "! sport <= 22 && dport > 1"),
            ("dport {80,443}", "dport { 80 , 443 }"),
            ("process a,b", "process a,b"),
            ("()", "( )"),
            ("  ", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn names_may_hold_operators() {
        assert_eq!(shown(r"process a\ b\(\\c"), r"process a' b'('\c");
        assert_eq!(shown("src unix:@bus=1,guid!x) y"), "src unix:@bus=1,guid!x ) y");
        assert_eq!(shown("process [!a-z|]* x"), "process [!a-z|]* x");
        assert_eq!(shown("(dst [::1])"), "( dst [::1] )");
    }

    #[test]
    fn a_last_backslash_is_an_error() {
        let trouble = tokens(r"process \").expect_err("nothing behind it");
        assert_eq!(trouble.span, Span::new(8, 9));
    }
}
