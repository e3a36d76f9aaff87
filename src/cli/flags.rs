//! Every flag of the program: the one definition behind parsing, `--help`, the
//! man page and the completions.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const MAIN_EXAMPLES: &str = "\
Examples:
  sockstate                            what is wrong, and how many sockets in which state
  sockstate list -tan                  every TCP socket, as `ss -tan`
  sockstate list state close-wait -p   who does not close
  sockstate count --by process         who has most
  sockstate listeners                  is an accept queue full, and who waits in it";

const LIST_EXAMPLES: &str = "\
Examples:
  sockstate list -tan                       every TCP socket
  sockstate list -tlnp                      who listens where
  sockstate list state close-wait -p        connections the peer has closed and we have not
  sockstate list -t state time-wait --json  for scripts
  sockstate list -tp --sort -recvq --limit 10  the ten that are read least";

const COUNT_EXAMPLES: &str = "\
Examples:
  sockstate count                           TCP sockets per state
  sockstate count --by remote state time-wait
  sockstate count --by process,state        who has how many in which state
  sockstate count -tux --by family          all tables";

const LISTENERS_EXAMPLES: &str = "\
Examples:
  sockstate listeners                       every TCP listener and its accept queue
  sockstate listeners -x                    unix listeners
  sockstate listeners --json | jq '.listeners[] | select(.full)'";

const STATUS_EXAMPLES: &str = "\
Examples:
  sockstate                                 the same
  sockstate status --json | jq .tcp";

/// The state of every socket on this machine.
#[derive(Parser, Debug)]
#[command(
    name = "sockstate",
    version,
    about = "The state of every socket on this machine",
    after_help = MAIN_EXAMPLES,
    args_override_self = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(flatten)]
    pub shared: Shared,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// The overview: what is wrong, counts per state, who has most (the default)
    #[command(after_help = STATUS_EXAMPLES)]
    Status,
    /// One line a socket, as ss
    #[command(after_help = LIST_EXAMPLES)]
    List(List),
    /// How many sockets, by state or other keys
    #[command(after_help = COUNT_EXAMPLES)]
    Count(Count),
    /// Accept queue, SYN queue, drops and waiting clients of every listener
    #[command(after_help = LISTENERS_EXAMPLES)]
    Listeners(Listeners),
    /// Write the completions of a shell to standard output
    Completions(Completions),
    /// Write the man page to standard output
    #[command(hide = true)]
    Man,
    /// Write the JSON Schema of every --json document to standard output
    #[command(hide = true)]
    Schema,
}

/// Flags every command shares.
#[derive(Args, Debug)]
#[command(next_help_heading = "Shared options")]
pub struct Shared {
    /// JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// Numbers instead of names: the default, here for `ss` habits
    #[arg(short, long, global = true, overrides_with = "resolve")]
    pub numeric: bool,
    /// Names for addresses and ports; asks the name servers
    #[arg(short, long, global = true, overrides_with = "numeric")]
    pub resolve: bool,
    /// Where to read from; auto is netlink, and /proc for what it cannot serve
    #[arg(long, global = true, value_name = "SOURCE", default_value = "auto")]
    pub source: SourceChoice,
    /// No head line, no total
    #[arg(short = 'H', long, global = true)]
    pub no_header: bool,
    /// IPv4 sockets
    #[arg(short = '4', long, global = true)]
    pub ipv4: bool,
    /// IPv6 sockets, which includes IPv4 connections of dual-stack sockets
    #[arg(short = '6', long, global = true)]
    pub ipv6: bool,
    /// TCP sockets
    #[arg(short, long, global = true)]
    pub tcp: bool,
    /// UDP sockets
    #[arg(short, long, global = true)]
    pub udp: bool,
    /// Raw sockets
    #[arg(short = 'w', long, global = true)]
    pub raw: bool,
    /// Unix sockets
    #[arg(short = 'x', long, global = true)]
    pub unix: bool,
    /// Every state
    #[arg(short, long, global = true, overrides_with = "listening")]
    pub all: bool,
    /// Listeners only; without LISTEN semantics: sockets without a peer
    #[arg(short, long, global = true, overrides_with = "all")]
    pub listening: bool,
    /// The processes that hold each socket
    #[arg(short, long, global = true)]
    pub processes: bool,
    /// Where procfs is mounted
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/proc",
        hide_short_help = true
    )]
    pub proc_root: PathBuf,
}

/// When to colour.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where to read from.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceChoice {
    /// sock_diag, and /proc/net for a table that it cannot serve
    Auto,
    /// sock_diag only
    Netlink,
    /// /proc/net only
    Proc,
}

/// Flags of `list`.
#[derive(Args, Debug)]
pub struct List {
    /// Timers
    #[arg(short = 'o', long = "options")]
    pub timers: bool,
    /// Timers, user id, inode and cookie
    #[arg(short, long)]
    pub extended: bool,
    /// TCP internals, on a line below each socket
    #[arg(short, long)]
    pub info: bool,
    /// Socket memory and drops, on a line below each socket
    #[arg(short, long)]
    pub memory: bool,
    /// Order by a field, descending with a minus before it (--sort -recvq)
    #[arg(long, value_name = "[-]FIELD", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// At most so many sockets
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = limit)]
    pub limit: Option<usize>,
    #[command(flatten)]
    pub words: Words,
}

fn limit(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "it must be a whole number such as 10")
}

/// Flags of `count`.
#[derive(Args, Debug)]
pub struct Count {
    /// Keys to count by: state, process, user, local-port, remote, remote-port,
    /// cgroup, unit, netns, family
    #[arg(long, value_name = "KEY[,KEY]", value_delimiter = ',', default_value = "state")]
    pub by: Vec<String>,
    #[command(flatten)]
    pub words: Words,
}

/// Flags of `listeners`.
#[derive(Args, Debug)]
pub struct Listeners {}

/// The words that choose states.
#[derive(Args, Debug)]
pub struct Words {
    /// `state NAME` to show, `exclude NAME` to leave out, as often as needed;
    /// NAME is a state or one of all, connected, synchronized, bucket, big
    #[arg(value_name = "state|exclude NAME")]
    pub words: Vec<String>,
}

/// Flags of `completions`.
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// A shell with completions.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}
