//! Tokens of an expression, their characters, and troubles with
//! their place.

use super::error::{ParseError, Span};

/// One character of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Char {
    pub(super) c: char,
    /// Tells whether a backslash stood before it.
    pub(super) escaped: bool,
    pub(super) span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word(Vec<Char>),
    Open,
    Close,
    OpenSet,
    CloseSet,
    Comma,
    Compare(Comparison),
    And,
    Or,
    Not,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// A comparison of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`, `==`, `eq`.
    Eq,
    /// `!=`, `ne`, `neq`.
    Ne,
    /// `<`, `lt`.
    Lt,
    /// `<=`, `le`, `leq`.
    Le,
    /// `>`, `gt`.
    Gt,
    /// `>=`, `ge`, `geq`.
    Ge,
}

impl Comparison {
    /// Returns the sign that is printed.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// Returns the comparison in letters.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Eq,
            "ne" | "neq" => Self::Ne,
            "lt" => Self::Lt,
            "le" | "leq" => Self::Le,
            "gt" => Self::Gt,
            "ge" | "geq" => Self::Ge,
            _ => return None,
        })
    }
}

/// An error and its place, without the expression around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) span: Span,
    pub(super) expected: String,
}

impl Trouble {
    pub(super) fn new(span: Span, expected: impl Into<String>) -> Self {
        Self { span, expected: expected.into() }
    }

    /// Returns the same with the expression that it is about.
    pub(super) fn in_text(self, text: &str) -> ParseError {
        ParseError {
            expression: text.to_owned(),
            span: self.span,
            found: text.get(self.span.start..self.span.end).unwrap_or_default().to_owned(),
            expected: self.expected,
        }
    }
}

/// Tells whether a character ends a word unless it is escaped.
pub(super) fn is_special(c: char) -> bool {
    matches!(c, '(' | ')' | '{' | '}' | '&' | '|' | '!' | '=' | '<' | '>')
}

/// Appends a character of a word, with a backslash where it or one of `more`
/// would have a meaning.
pub(super) fn push_char(out: &mut String, c: char, more: &str) {
    if c.is_whitespace() || c == '\\' || is_special(c) || more.contains(c) {
        out.push('\\');
    }
    out.push(c);
}
