//! Numbers: decimal or `0x`, with or without a unit.

use crate::filter::ast::Quantity;
use crate::filter::token::Trouble;
use crate::model::units::{self, Bare};

use super::Piece;

/// Returns a number up to `max`; `what` names it in messages.
pub(super) fn number(piece: &Piece, max: u64, what: &str) -> Result<u64, Trouble> {
    let text = piece.text();
    let expected = || format!("{what}: a number from 0 to {max}");
    let (digits, radix) = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => (text.as_str(), 10),
    };
    // from_str_radix takes a sign.
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(piece.trouble(expected()));
    }
    if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
        return Err(piece.trouble(format!(
            "{what} without leading zeros (ss reads them as octal; write 0x for hexadecimal)"
        )));
    }
    match u64::from_str_radix(digits, radix) {
        Ok(number) if number <= max => Ok(number),
        _ => Err(piece.trouble(expected())),
    }
}

/// Returns a 32-bit number.
pub(super) fn number32(piece: &Piece, what: &str) -> Result<u32, Trouble> {
    number(piece, u32::MAX.into(), what).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}

/// Reads what a quantity is compared with; times come out in microseconds. `also` is
/// what else may stand there.
pub(super) fn amount(piece: &Piece, quantity: Quantity, also: &str) -> Result<u64, Trouble> {
    let text = piece.text();
    // A number alone could be meant in seconds as well as in milliseconds.
    let (read, expected) = if quantity.is_time() {
        let read = units::microseconds(&text, Bare::Refused);
        (read, "a time with its unit (us, ms, s, m, h or d), such as 5m or 1.5s")
    } else {
        (units::size(&text), "a whole number, or one with k, m or g (multiples of 1024)")
    };
    read.ok_or_else(|| piece.trouble(format!("{expected}{also}")))
}
