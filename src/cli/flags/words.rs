//! The filter on the command line.

use std::path::PathBuf;

use clap::Args;

/// The filter.
#[derive(Args, Debug)]
pub struct WordsFlags {
    /// Which sockets, as `state close-wait` or `dport = 443 and not src 10.0.0.0/8`
    ///
    /// Quote what the shell would take for itself. FILTER in sockstate(1) has every test with an
    /// example.
    #[arg(value_name = "FILTER")]
    pub words: Vec<String>,
    /// Read the filter from a file too, - for standard input
    ///
    /// Lines that begin with # are left out. A socket must pass it and the words of the command line.
    #[arg(short = 'F', long = "filter", value_name = "FILE", hide_short_help = true)]
    pub file: Option<PathBuf>,
}
