//! Ports: numbers, ranges, services, sets of them.

use crate::filter::ast::{Name, PortTest};
use crate::filter::token::{Comparison, TokenKind, Trouble};

use super::{Parser, Piece, number};

/// The forms of a port, for messages.
pub(super) const PORT: &str =
    "a port (0 to 65535), a range such as 8000-8099, a service name, or *";
const SET: &str = "a set such as {80,443,8000-8010}";

impl Parser {
    /// Parses what follows `sport`, `dport` and the comparison.
    pub(super) fn ports(&mut self, comparison: Comparison) -> Result<Vec<PortTest>, Trouble> {
        let several = matches!(comparison, Comparison::Eq | Comparison::Ne);
        let start = self.span();
        if self.peek() == Some(&TokenKind::OpenSet) {
            let set = self.port_set()?;
            if !several {
                let span = start.to(self.tokens.get(self.at - 1).map_or(start, |t| t.span));
                return Err(Trouble::new(span, "one port after <, <=, > or >="));
            }
            return Ok(set);
        }
        let piece = self.value(&format!("{PORT}, or {SET}"))?;
        let piece = piece.without_char(':').unwrap_or(piece);
        let ports = one(&piece)?;
        match ports {
            PortTest::Range(low, high) if low != high && !several => {
                Err(piece.trouble("one port after <, <=, > or >="))
            }
            ports => Ok(vec![ports]),
        }
    }

    /// Parses the set that begins here.
    pub(super) fn port_set(&mut self) -> Result<Vec<PortTest>, Trouble> {
        self.at += 1;
        let mut set = Vec::new();
        loop {
            if set.is_empty() && self.peek() == Some(&TokenKind::CloseSet) {
                return Err(self.here(format!("at least one port: {SET}")));
            }
            let piece = self.value(&format!("{PORT} in this set"))?;
            set.push(one(&piece.without_char(':').unwrap_or(piece))?);
            if self.accept(&TokenKind::CloseSet) {
                return Ok(set);
            }
            if !self.accept(&TokenKind::Comma) {
                return Err(self.here("a comma or a closing }"));
            }
        }
    }
}

/// Returns a single port, range or service.
pub(super) fn one(piece: &Piece) -> Result<PortTest, Trouble> {
    let text = piece.text();
    if !piece.is_name() {
        if text == "*" {
            return Ok(PortTest::Range(0, u16::MAX));
        }
        if is_number(&text) {
            let port = port(piece)?;
            return Ok(PortTest::Range(port, port));
        }
        if let Some((low, high)) = piece.cut_first('-')
            && is_number(&low.text())
            && is_number(&high.text())
        {
            let range = (port(&low)?, port(&high)?);
            if range.0 > range.1 {
                return Err(piece.trouble("a range from the lower to the higher port"));
            }
            return Ok(PortTest::Range(range.0, range.1));
        }
    }
    let is_service = |c: char| c.is_ascii_alphanumeric() || "+._-/".contains(c);
    let plausible = text.chars().all(is_service)
        && text.contains(|c: char| c.is_ascii_alphabetic())
        && !text.starts_with('-')
        && !text.ends_with('-');
    if plausible || (piece.is_name() && text.chars().all(is_service)) {
        return Ok(PortTest::Service(Name { text, span: piece.span }));
    }
    Err(piece.trouble(PORT))
}

fn port(piece: &Piece) -> Result<u16, Trouble> {
    let number = number::number(piece, u16::MAX.into(), "a port")?;
    Ok(u16::try_from(number).unwrap_or(u16::MAX))
}

fn is_number(text: &str) -> bool {
    let hex = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    let digits = hex.unwrap_or(text);
    !digits.is_empty()
        && digits
            .chars()
            .all(|c| if hex.is_some() { c.is_ascii_hexdigit() } else { c.is_ascii_digit() })
}
