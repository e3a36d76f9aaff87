//! Colours by meaning. Colour is never the only carrier: every tone stands on
//! a word that says the same.

use crossterm::Command;
use crossterm::style::{Attribute, Color, ResetColor, SetAttribute, SetForegroundColor};

use crate::model::state::State;
use crate::rules::Severity;

/// The meaning of a piece of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Column heads and other furniture.
    Head,
    /// In order.
    Good,
    /// Of passing interest.
    Quiet,
    /// On its way from one thing to another.
    Moving,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
}

/// The way to draw: with or without colour, how wide.
#[derive(Clone, Debug)]
pub struct Style {
    /// Tells whether to colour.
    pub color: bool,
    /// Columns of the terminal; `None` when the output is none.
    pub width: Option<usize>,
}

impl Style {
    /// Appends `text` in a tone.
    pub fn paint(&self, out: &mut Vec<u8>, tone: Tone, text: &str) {
        self.open(out, tone);
        out.extend_from_slice(text.as_bytes());
        self.close(out, tone);
    }

    /// Appends what turns a tone on.
    pub fn open(&self, out: &mut Vec<u8>, tone: Tone) {
        if !self.color {
            return;
        }
        match tone {
            Tone::Plain => {}
            Tone::Head => push(out, &SetAttribute(Attribute::Bold)),
            Tone::Good => push(out, &SetForegroundColor(Color::DarkGreen)),
            Tone::Quiet => push(out, &SetAttribute(Attribute::Dim)),
            Tone::Moving => push(out, &SetForegroundColor(Color::DarkCyan)),
            Tone::Warn => push(out, &SetForegroundColor(Color::DarkYellow)),
            Tone::Bad => {
                push(out, &SetForegroundColor(Color::DarkRed));
                push(out, &SetAttribute(Attribute::Bold));
            }
        }
    }

    /// Appends what turns a tone off.
    pub fn close(&self, out: &mut Vec<u8>, tone: Tone) {
        if self.color && tone != Tone::Plain {
            push(out, &SetAttribute(Attribute::Reset));
            push(out, &ResetColor);
        }
    }
}

fn push(out: &mut Vec<u8>, command: &impl Command) {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = command.write_ansi(&mut text);
    out.extend_from_slice(text.as_bytes());
}

/// Returns the tone of a state.
pub fn state_tone(state: State) -> Tone {
    match state {
        State::Established | State::Listen => Tone::Good,
        State::CloseWait => Tone::Bad,
        State::SynSent | State::SynRecv => Tone::Warn,
        State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck => Tone::Moving,
        State::TimeWait | State::Close | State::Bound => Tone::Quiet,
        State::Unknown(_) => Tone::Warn,
    }
}

/// Returns the tone of an alert.
pub fn severity_tone(severity: Severity) -> Tone {
    match severity {
        Severity::Warning => Tone::Warn,
        Severity::Critical => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_there_is_text_only() {
        let mut out = Vec::new();
        Style { color: false, width: None }.paint(&mut out, Tone::Bad, "FULL");
        assert_eq!(out, b"FULL");
    }

    #[test]
    fn with_colour_every_tone_is_turned_off_again() {
        for tone in [Tone::Head, Tone::Good, Tone::Quiet, Tone::Moving, Tone::Warn, Tone::Bad] {
            let mut out = Vec::new();
            Style { color: true, width: None }.paint(&mut out, tone, "x");
            let text = String::from_utf8(out).expect("escape codes are ASCII");
            assert!(text.starts_with("\x1b[") && text.contains("\x1b[0m"), "{tone:?}: {text:?}");
        }
    }
}
