//! Tokens to an expression: `or` of `and` of `not` of tests.

mod host;
mod number;
mod ports;
mod test;

#[cfg(test)]
mod tests;

use super::ast::Expr;
use super::error::{ParseError, Span};
use super::lex::tokens;
use super::token::{Char, Comparison, Token, TokenKind, Trouble};
use super::words;

/// Deeper nesting than anyone writes, and shallow enough for every stack.
const MAX_DEPTH: usize = 100;

/// The start of a test, for messages.
const TEST: &str = "a test";

/// Returns the expression in `text`; `None` where it is blank.
///
/// # Errors
/// With the place and what is allowed there.
pub fn parse(text: &str) -> Result<Option<Expr>, ParseError> {
    Parser::new(text).and_then(|mut parser| parser.whole()).map_err(|trouble| trouble.in_text(text))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// The place behind the last character.
    end: Span,
}

impl Parser {
    fn new(text: &str) -> Result<Self, Trouble> {
        let end = text.trim_end().len();
        Ok(Self { tokens: tokens(text)?, at: 0, depth: 0, end: Span::new(end, end) })
    }

    fn whole(&mut self) -> Result<Option<Expr>, Trouble> {
        if self.tokens.is_empty() {
            return Ok(None);
        }
        let expr = self.or_level()?;
        match self.peek() {
            None => Ok(Some(expr)),
            Some(TokenKind::Close) => Err(self.here("and, or, a test or the end: no ( is open")),
            Some(_) => Err(self.here("and, or, or another test")),
        }
    }

    fn or_level(&mut self) -> Result<Expr, Trouble> {
        let mut parts = vec![self.and_level()?];
        while self.accept_word_or(&TokenKind::Or, "or") {
            parts.push(self.and_level()?);
        }
        Ok(Expr::any(parts))
    }

    /// Tests joined by `and` or by nothing.
    fn and_level(&mut self) -> Result<Expr, Trouble> {
        let mut parts = self.not_level()?;
        loop {
            let joined = self.accept_word_or(&TokenKind::And, "and");
            if !joined && !self.at_operand() {
                return Ok(Expr::all(parts));
            }
            parts.extend(self.not_level()?);
        }
    }

    /// Parses one operand. `src 10.0.0.1:22` is two tests, so it gives a list.
    fn not_level(&mut self) -> Result<Vec<Expr>, Trouble> {
        let start = self.span();
        if self.accept_word_or(&TokenKind::Not, "not") {
            self.deeper(start)?;
            // `not state a state b`: the word belongs to its own state only.
            let inner = match self.state_word()? {
                Some(state) => vec![state],
                None => self.not_level()?,
            };
            self.depth -= 1;
            return Ok(vec![Expr::all(inner).negated()]);
        }
        match self.peek() {
            Some(TokenKind::Open) => self.group().map(|expr| vec![expr]),
            Some(TokenKind::Word(_)) => self.test(),
            Some(TokenKind::Compare(_)) => {
                Err(self.here(format!("{TEST} such as sport = 22: {}", tests())))
            }
            _ => Err(self.here(format!("{TEST}: {}", tests()))),
        }
    }

    fn group(&mut self) -> Result<Expr, Trouble> {
        let open = self.span();
        self.at += 1;
        self.deeper(open)?;
        let expr = self.or_level()?;
        self.depth -= 1;
        if self.accept(&TokenKind::Close) {
            return Ok(expr);
        }
        match self.peek() {
            None => Err(Trouble::new(self.end, "a closing ) for every (")),
            Some(_) => Err(self.here("and, or, another test, or a closing )")),
        }
    }

    fn deeper(&mut self, at: Span) -> Result<(), Trouble> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Trouble::new(at, format!("no more than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    /// Returns where the next token stands.
    fn span(&self) -> Span {
        self.tokens.get(self.at).map_or(self.end, |token| token.span)
    }

    fn here(&self, expected: impl Into<String>) -> Trouble {
        Trouble::new(self.span(), expected)
    }

    /// Tells whether the next token begins an operand, so that nothing between two
    /// tests means `and`.
    fn at_operand(&self) -> bool {
        match self.peek() {
            Some(TokenKind::Word(word)) => keyword(word).is_none_or(|word| word != "or"),
            Some(TokenKind::Open | TokenKind::Not) => true,
            _ => false,
        }
    }

    fn accept(&mut self, kind: &TokenKind) -> bool {
        let here = self.peek() == Some(kind);
        self.at += usize::from(here);
        here
    }

    fn accept_word_or(&mut self, kind: &TokenKind, word: &str) -> bool {
        let is_word = self.next_keyword().is_some_and(|next| next == word);
        if is_word {
            self.at += 1;
        }
        is_word || self.accept(kind)
    }

    /// Returns the next token as a keyword, in lower case.
    fn next_keyword(&self) -> Option<String> {
        match self.peek() {
            Some(TokenKind::Word(word)) => keyword(word),
            _ => None,
        }
    }

    /// Returns a comparison in symbols or letters, where there is one.
    fn comparison(&mut self) -> Option<Comparison> {
        let comparison = match self.peek() {
            Some(TokenKind::Compare(comparison)) => Some(*comparison),
            Some(TokenKind::Word(word)) => {
                keyword(word).and_then(|word| Comparison::of_word(&word))
            }
            _ => None,
        };
        self.at += usize::from(comparison.is_some());
        comparison
    }

    /// Returns the next token as a value: a word without a meaning of its own.
    fn value(&mut self, expected: &str) -> Result<Piece, Trouble> {
        let span = self.span();
        match self.peek() {
            Some(TokenKind::Word(word)) => {
                if keyword(word).is_some_and(|word| words::is_reserved(&word)) {
                    let expected = format!("{expected} (a \\ before a word makes it a name)");
                    return Err(Trouble::new(span, expected));
                }
                let piece = Piece { chars: word.clone(), span };
                self.at += 1;
                Ok(piece)
            }
            _ => Err(Trouble::new(span, expected)),
        }
    }
}

/// Returns every word that can begin a test.
fn tests() -> String {
    words::TESTS.join(", ")
}

/// Returns a word that could be a keyword, in lower case; with an escaped character it
/// never is.
fn keyword(chars: &[Char]) -> Option<String> {
    if chars.iter().any(|c| c.escaped) {
        return None;
    }
    Some(chars.iter().map(|c| c.c.to_ascii_lowercase()).collect())
}

/// A word or a part of one.
#[derive(Clone, Debug)]
struct Piece {
    chars: Vec<Char>,
    span: Span,
}

impl Piece {
    fn text(&self) -> String {
        self.chars.iter().map(|c| c.c).collect()
    }

    /// Tells whether its first character is escaped, which makes it a name.
    fn is_name(&self) -> bool {
        self.chars.first().is_some_and(|c| c.escaped)
    }

    fn trouble(&self, expected: impl Into<String>) -> Trouble {
        Trouble::new(self.span, expected)
    }

    /// Returns the characters before and behind index `at`, that one left out.
    fn cut(&self, at: usize) -> (Self, Self) {
        let before = self.chars.get(..at).unwrap_or(&self.chars);
        let behind = self.chars.get(at + 1..).unwrap_or_default();
        let start = before.last().map_or(self.span.start, |c| c.span.end);
        let next = behind.first().map_or(self.span.end, |c| c.span.start);
        (
            Self { chars: before.to_vec(), span: Span::new(self.span.start, start) },
            Self { chars: behind.to_vec(), span: Span::new(next, self.span.end) },
        )
    }

    /// Cuts at the first `c` that is not escaped.
    fn cut_first(&self, c: char) -> Option<(Self, Self)> {
        self.chars.iter().position(|x| x.c == c && !x.escaped).map(|at| self.cut(at))
    }

    /// Cuts at the last `c` that is not escaped.
    fn cut_last(&self, c: char) -> Option<(Self, Self)> {
        self.chars.iter().rposition(|x| x.c == c && !x.escaped).map(|at| self.cut(at))
    }

    /// Returns what is behind `prefix`, which may be written in any case.
    fn without(&self, prefix: &str) -> Option<Self> {
        let len = prefix.chars().count();
        let start = self.chars.get(..len)?;
        if !keyword(start)?.eq_ignore_ascii_case(prefix) {
            return None;
        }
        let chars = self.chars.get(len..).unwrap_or_default().to_vec();
        let at = chars.first().map_or(self.span.end, |c| c.span.start);
        Some(Self { chars, span: Span::new(at, self.span.end) })
    }

    /// Returns the word without its first character, where that is a plain `c`.
    fn without_char(&self, c: char) -> Option<Self> {
        self.without(c.encode_utf8(&mut [0; 4]))
    }
}
