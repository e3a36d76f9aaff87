//! Colours and glyphs. Sixteen colours, and a word or a glyph beside each: the
//! screen says the same without colour and in ASCII.

use ratatui::style::{Color, Modifier, Style};

use crate::output::style::Tone;

/// The abilities of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// True where it has colours.
    pub color: bool,
    /// True where its character set goes beyond ASCII.
    pub unicode: bool,
}

impl Theme {
    /// Makes one for a terminal of this name (`TERM`), whose character set may
    /// go beyond ASCII.
    ///
    /// The console of Linux says UTF-8 and has 512 glyphs at most: no curves, no
    /// stars, no slanting arrows, for which it shows one and the same blot.
    pub fn of_terminal(color: bool, unicode: bool, term: Option<&str>) -> Self {
        let console = term.is_some_and(|term| term == "linux" || term.starts_with("linux-"));
        Self { color, unicode: unicode && !console }
    }

    /// Returns how text of a tone is drawn.
    pub fn style(&self, tone: Tone) -> Style {
        let style = Style::new();
        match (tone, self.color) {
            (Tone::Head, _) => style.add_modifier(Modifier::BOLD),
            (Tone::Quiet, _) => style.add_modifier(Modifier::DIM),
            (Tone::Bad, false) => style.add_modifier(Modifier::BOLD),
            (Tone::Good, true) => style.fg(Color::Green),
            (Tone::Moving, true) => style.fg(Color::Cyan),
            (Tone::Warn, true) => style.fg(Color::Yellow),
            (Tone::Bad, true) => style.fg(Color::Red).add_modifier(Modifier::BOLD),
            (Tone::Plain, _) | (_, false) => style,
        }
    }

    /// Returns how what is selected is drawn.
    pub fn selected(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Returns a gauge of so many columns; what is beyond full is full.
    pub fn bar(&self, ratio: f64, width: usize) -> String {
        let (on, off) = if self.unicode { ('█', '░') } else { ('#', '.') };
        let filled = (ratio.clamp(0.0, 1.0) * width as f64).round() as usize;
        // What is there at all shows.
        let filled = if ratio > 0.0 { filled.max(1) } else { filled }.min(width);
        (0..width).map(|column| if column < filled { on } else { off }).collect()
    }

    /// Returns a small curve: each value as a height against the highest; blank
    /// where there is none.
    pub fn spark(&self, values: &[Option<u32>]) -> String {
        const UNICODE: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        const ASCII: [char; 8] = ['_', '.', '.', '-', '-', '=', '=', '#'];
        let glyphs = if self.unicode { UNICODE } else { ASCII };
        let highest = u64::from(values.iter().flatten().copied().max().unwrap_or(0).max(1));
        let glyph = |value: &Option<u32>| match value {
            None => ' ',
            Some(value) => glyphs[(u64::from(*value) * 7 / highest) as usize],
        };
        values.iter().map(glyph).collect()
    }

    /// Returns one of two texts, by what the terminal can show.
    pub fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCII: Theme = Theme { color: false, unicode: false };

    #[test]
    fn the_console_has_ascii_alone() {
        let unicode = |term| Theme::of_terminal(true, true, term).unicode;
        assert!(!unicode(Some("linux")) && !unicode(Some("linux-16color")));
        assert!(unicode(Some("xterm-256color")) && unicode(None));
        assert!(!Theme::of_terminal(true, false, Some("xterm")).unicode);
    }

    #[test]
    fn a_bar_shows_what_there_is_and_never_overflows() {
        assert_eq!(ASCII.bar(0.0, 4), "....");
        assert_eq!(ASCII.bar(0.001, 4), "#...");
        assert_eq!(ASCII.bar(0.5, 4), "##..");
        assert_eq!(ASCII.bar(7.0, 4), "####");
        assert_eq!(ASCII.bar(1.0, 0), "");
    }

    #[test]
    fn a_curve_is_relative_and_keeps_its_holes() {
        assert_eq!(ASCII.spark(&[Some(0), None, Some(u32::MAX)]), "_ #");
        assert_eq!(ASCII.spark(&[Some(0)]), "_");
    }
}
