//! What every command needs: the shared flags, where to write, how to draw.

use std::io::{self, IsTerminal, Write};

use jiff::Timestamp;

use crate::machine::Machine;
use crate::model::escape::harmless_lines;
use crate::model::gap::Gap;
use crate::output::out::Out;
use crate::output::style::Style;
use crate::output::text;
use crate::source::Choice;
use crate::sys::clock;
use crate::sys::names::Names;

use super::error::Error;
use super::flags::{ColorChoice, SharedFlags, SourceChoice};

/// The things that every command needs.
pub struct Context<'w> {
    /// The flags every command shares.
    pub shared: SharedFlags,
    /// The style of the output.
    pub style: Style,
    /// The time at which the command began to look.
    pub at: Timestamp,
    /// True where standard output is a terminal.
    pub terminal: bool,
    stdout: &'w mut dyn Write,
    stderr: &'w mut dyn Write,
}

impl<'w> Context<'w> {
    /// Makes a context for these flags and outputs.
    pub fn new(shared: SharedFlags, stdout: &'w mut dyn Write, stderr: &'w mut dyn Write) -> Self {
        let terminal = io::stdout().is_terminal();
        let style = Style {
            color: wants_color(shared.color, terminal),
            width: if terminal { terminal_width() } else { None },
        };
        Self { shared, style, at: clock::now(), terminal, stdout, stderr }
    }

    /// Returns the machine that these flags ask for.
    pub fn machine(&self) -> Machine {
        Machine::new(self.choice(), &self.shared.proc_root)
    }

    /// Returns the source of rows that these flags ask for.
    pub fn choice(&self) -> Choice {
        match self.shared.source {
            SourceChoice::Auto
            | SourceChoice::Tracepoint
            | SourceChoice::Destroy
            | SourceChoice::Poll => Choice::Auto,
            SourceChoice::Netlink => Choice::Netlink,
            SourceChoice::Proc => Choice::Proc,
        }
    }

    /// Tells whether standard output may have characters beyond ASCII.
    pub fn unicode(&self) -> bool {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        locale.is_some_and(|locale| {
            let plain = locale.to_ascii_lowercase().replace('-', "");
            plain.contains("utf8")
        })
    }

    /// Returns the names that these flags ask for.
    pub fn names(&self) -> Names {
        Names::new(self.shared.resolve)
    }

    /// Tells whether a table shows its head.
    pub fn header(&self) -> bool {
        !self.shared.no_header
    }

    /// Returns standard output, and the style to draw on it.
    pub fn output(&mut self) -> (Out<'_>, &Style) {
        (Out::new(self.stdout), &self.style)
    }

    /// Writes bytes to standard output.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn print(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (mut out, _) = self.output();
        out.write(bytes);
        Ok(out.finish()?)
    }

    /// Says on standard error what could not be seen; JSON says it itself.
    pub fn footer(&mut self, gaps: &[Gap]) {
        if !self.shared.json {
            self.note(&text::gaps(gaps));
        }
    }

    /// Writes a remark to standard error, beside the result.
    pub fn note(&mut self, text: &str) {
        // A result is not worth less because nobody reads the remark.
        drop(self.stderr.write_all(harmless_lines(text).as_bytes()));
    }
}

fn wants_color(choice: ColorChoice, terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && !set("NO_COLOR") && !dumb,
    }
}

/// Returns the terminal's width; `None` when it does not tell. `window_size` asks
/// the terminal only, where `size` would start `tput`.
fn terminal_width() -> Option<usize> {
    let size = crossterm::terminal::window_size().ok()?;
    (size.columns > 0).then_some(usize::from(size.columns))
}
