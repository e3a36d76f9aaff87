//! Errors of an expression with their place: the expression, carets under
//! the place, and what would be right there.

use std::fmt;

use unicode_width::UnicodeWidthChar;

use crate::model::escape::is_hostile;

/// A part of an expression, as byte offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl Span {
    /// Makes one that reaches from `start` to before `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Reaches from the start of this part to the end of `other`.
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }
}

/// An expression that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The whole expression.
    pub expression: String,
    /// The place at which it goes wrong; empty at the end of the expression.
    pub span: Span,
    /// The text that stands there; empty at the end.
    pub found: String,
    /// The text that would be allowed there.
    pub expected: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        point(f, &self.expression, self.span)?;
        write!(f, "expected {}", self.expected)?;
        match self.found.as_str() {
            "" => f.write_str("; the expression ends here"),
            found => write!(f, "; found \"{}\"", one_line(found)),
        }
    }
}

impl std::error::Error for ParseError {}

/// A name that the system does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveError {
    /// The whole expression.
    pub expression: String,
    /// The place of the name.
    pub span: Span,
    /// The reason why it has no meaning, one sentence without a full stop.
    pub reason: String,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        point(f, &self.expression, self.span)?;
        f.write_str(&one_line(&self.reason))
    }
}

impl std::error::Error for ResolveError {}

/// Writes the expression, and a line of carets under `span`.
fn point(f: &mut fmt::Formatter<'_>, expression: &str, span: Span) -> fmt::Result {
    let before = width(expression.get(..span.start).unwrap_or(expression));
    let under = width(expression.get(span.start..span.end).unwrap_or_default()).max(1);
    writeln!(f, "  {}", one_line(expression))?;
    writeln!(f, "  {:before$}{:^<under$}", "", "")
}

fn width(text: &str) -> usize {
    text.chars().map(|c| if is_hostile(c) { 1 } else { c.width().unwrap_or(0) }).sum()
}

/// Blanks in place of what would move the carets away from their place, add a
/// line, or do something to the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_hostile(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(expression: &str, start: usize, end: usize) -> ParseError {
        ParseError {
            expression: expression.to_owned(),
            span: Span::new(start, end),
            found: expression[start..end].to_owned(),
            expected: "a port".to_owned(),
        }
    }

    #[test]
    fn carets_stand_under_the_token() {
        assert_eq!(
            error("sport = 70000", 8, 13).to_string(),
            "  sport = 70000\n          ^^^^^\nexpected a port; found \"70000\""
        );
    }

    #[test]
    fn the_end_of_the_expression_has_a_place_too() {
        assert_eq!(
            error("sport", 5, 5).to_string(),
            "  sport\n       ^\nexpected a port; the expression ends here"
        );
    }

    #[test]
    fn nothing_in_it_acts_on_the_terminal() {
        let text = "a\\b\x1b[31m\n\u{202e} x";
        let at = text.len() - 1;
        let shown = error(text, at, at + 1).to_string();
        let expected = "  a\\b [31m   x\n             ^\nexpected a port; found \"x\"";
        assert_eq!(shown, expected);
        let error = ResolveError {
            expression: "user \x07".to_owned(),
            span: Span::new(5, 6),
            reason: "no user is called '\x07\nx'".to_owned(),
        };
        assert_eq!(error.to_string(), "  user  \n       ^\nno user is called '  x'");
    }

    #[test]
    fn columns_count_what_the_terminal_shows() {
        let text = "process größe\tx 漢字 sport x";
        let at = text.len() - 1;
        let shown = error(text, at, at + 1).to_string();
        let mut lines = shown.lines();
        assert_eq!(lines.next(), Some("  process größe x 漢字 sport x"));
        // 2 + 7 + 1 + 5 + 1 + 1 + 1 + 4 + 1 + 5 + 1 columns stand before it.
        assert_eq!(lines.next(), Some(format!("{:29}^", "").as_str()));
    }
}
