//! The errors that end a command early, and how they are reported.

use std::ffi::OsString;
use std::io::{self, Write};

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::model::escape::escaped;
use crate::output::out::Out;
use crate::source::SourceError;

use super::flags::Cli;

/// The reason why a command ended early.
#[derive(Debug)]
pub enum Error {
    /// The arguments make no sense: one line, exit status 2.
    Usage(String),
    /// The filter makes no sense: some lines, the first that and the others
    /// where and why, harmless as they are; exit status 2.
    Filter(String),
    /// The same of words that were typed beside a file, which it does not quote.
    FilterWords(String),
    /// The job could not be done: exit status 1.
    Failed(String),
    /// The job could not be done, and everything is said already: exit status 1.
    Told,
    /// Everything is said already; ends with this status.
    Exit(u8),
    /// A signal ended a stream: the exit status by which a shell knows it.
    Signal(u8),
    /// Help or version was asked for: standard output, exit status 0.
    Text(String),
    /// Standard output could not be written to.
    Output(io::Error),
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Returns the paragraph of clap as one line: the error, what is allowed, and
/// whose help tells more.
fn one_line(message: &str, args: &[OsString]) -> String {
    let said: Vec<&str> = message
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        // The advice to put an unknown flag behind `--` helps nobody here.
        .filter(|line| !line.is_empty() && !line.starts_with("tip: to pass"))
        .collect();
    let said = said.join(" ").trim_start_matches("error: ").replace(" tip: ", "; ");
    format!("{said}; see 'sockstate {}--help'", subcommand(args))
}

/// Returns the subcommand that the arguments name, with a blank behind it.
fn subcommand(args: &[OsString]) -> String {
    let cli = Cli::command();
    let named = args.iter().skip(1).filter_map(|arg| cli.find_subcommand(arg)).next();
    named.map(|command| format!("{} ", command.get_name())).unwrap_or_default()
}

impl Error {
    /// Makes the error from what clap says of the arguments, the program's name
    /// first.
    pub fn of_arguments(error: &clap::Error, args: &[OsString]) -> Self {
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Self::Text(error.to_string()),
            _ => Self::Usage(one_line(&error.to_string(), args)),
        }
    }

    /// Tells the user and returns the exit status.
    pub fn report(self, stdout: &mut dyn Write, stderr: &mut dyn Write) -> u8 {
        // Nothing is left to be done when standard error is gone as well.
        let mut say_as_it_is = |text: &str| drop(writeln!(stderr, "sockstate: {text}"));
        // What is quoted may hold anything, an escape code or a newline.
        let mut say = |text: &str| say_as_it_is(&escaped(text.as_bytes()));
        match self {
            Self::Filter(text) | Self::FilterWords(text) => {
                say_as_it_is(&text);
                2
            }
            Self::Usage(text) => {
                say(&text);
                2
            }
            Self::Failed(text) => {
                say(&text);
                1
            }
            Self::Told => 1,
            Self::Exit(code) => code,
            Self::Signal(status) => status,
            Self::Text(text) => {
                let mut out = Out::new(stdout);
                out.write(text.as_bytes());
                out.finish().map_or_else(|error| Self::Output(error).report(stdout, stderr), |()| 0)
            }
            // The reader had enough: `sockstate list | head`.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Output(error) => {
                say(&format!("cannot write to standard output: {error}"));
                1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str, args: &[&str]) -> String {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        one_line(message, &args)
    }

    #[test]
    fn a_paragraph_becomes_a_line() {
        let paragraph = "error: invalid value 'x' for '--source <SOURCE>'\n  \
                         [possible values: auto, netlink, proc]\n\n\
                         For more information, try '--help'.\n";
        assert_eq!(
            line(paragraph, &["sockstate", "--source", "x"]),
            "invalid value 'x' for '--source <SOURCE>' [possible values: auto, netlink, proc]; \
             see 'sockstate --help'"
        );
        let unknown = "error: unexpected argument '--foo' found\n\n  \
                       tip: to pass '--foo' as a value, use '-- --foo'\n\n\
                       Usage: sockstate list [OPTIONS] [state|exclude NAME]...\n";
        assert_eq!(
            line(unknown, &["sockstate", "-t", "list", "--foo"]),
            "unexpected argument '--foo' found; see 'sockstate list --help'"
        );
        let alike = "error: unexpected argument '--tcq' found\n\n  \
                     tip: a similar argument exists: '--tcp'\n";
        assert_eq!(
            line(alike, &["sockstate", "list", "--tcq"]),
            "unexpected argument '--tcq' found; a similar argument exists: '--tcp'; \
             see 'sockstate list --help'"
        );
    }
}
