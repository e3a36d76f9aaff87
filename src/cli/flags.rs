//! Every flag of the program: the one definition behind parsing, `--help`, the
//! man page and the completions.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engine::fields::Field;
use crate::group::KEYS;

const MAIN_EXAMPLES: &str = "\
Examples:
  sockstate                            what is wrong, and how many sockets in which state
  sockstate list -tan                  every TCP socket, as `ss -tan`
  sockstate list state close-wait -p   who does not close
  sockstate count --by process         who has most
  sockstate listeners                  is an accept queue full, and who waits in it";

const LIST_EXAMPLES: &str = "\
Examples:
  sockstate list -tan                          every TCP socket
  sockstate list -tlnp                         who listens where
  sockstate list state close-wait -p           connections the peer closed and we did not
  sockstate list -t state time-wait --json     for scripts
  sockstate list -tp --sort -recvq --limit 10  the ten with most unread bytes
  sockstate list 'dport {80,443} and rtt > 100ms'
  sockstate list state close-wait 'age > 5m' process nginx
  sockstate list --columns state,remote,age,comm --csv state close-wait
  sockstate list -K dst 192.0.2.7              close them, after asking";

const COUNT_EXAMPLES: &str = "\
Examples:
  sockstate count                              TCP sockets per state
  sockstate count --by remote state time-wait  which peers they were with
  sockstate count --by process,state           who has how many in which state
  sockstate count -tuwx --by family            every table";

const LISTENERS_EXAMPLES: &str = "\
Examples:
  sockstate listeners                          every TCP listener and its accept queue
  sockstate listeners -x                       unix listeners
  sockstate listeners --json | jq '.listeners[] | select(.full)'";

const STATUS_EXAMPLES: &str = "\
Examples:
  sockstate                                    the same
  sockstate status -t                          without UDP, raw and unix sockets
  sockstate status --json | jq .tcp";

const CHECK_EXAMPLES: &str = "\
Examples:
  sockstate check --print-rules                the rules, and where each number comes from
  sockstate check --max close-wait=10000       more than 10000 in CLOSE_WAIT is critical
  sockstate check --max close-wait=10000:5m    the same, only those older than 5 minutes
  sockstate check --rule self-connect --for 2s --json";

const MAIN_ABOUT: &str = "\
The state of every socket on this machine

sockstate asks the running kernel for its TCP, UDP, raw and unix sockets, in the network namespace \
it runs in, and says what is wrong with them: accept queues that are full, connections that an \
application never closes, TIME_WAIT close to its limit. It needs no privilege except to name the \
processes of other users. What it could not see it says on standard error, or in the member \"gaps\" \
of the JSON.";

/// The state of every socket on this machine.
#[derive(Parser, Debug)]
#[command(
    name = "sockstate",
    version,
    about = "The state of every socket on this machine",
    long_about = MAIN_ABOUT,
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
    ///
    /// Alerts stand first, worst first, each with the numbers it rests on and what helps. Then the
    /// sockets per state, the limits of the kernel, and who has most.
    #[command(after_help = STATUS_EXAMPLES)]
    Status,
    /// One line a socket, as ss
    ///
    /// Without a table's flag TCP, UDP, raw and unix sockets are listed. Without -a, -l or a state the states
    /// are those `ss` shows: neither LISTEN, TIME_WAIT and SYN_RECV nor sockets without a peer; on
    /// a terminal a note says how many were left out. Rows come in the kernel's order.
    #[command(after_help = LIST_EXAMPLES)]
    List(List),
    /// How many sockets, by state or other keys
    ///
    /// Counts TCP sockets in all states unless flags or words say otherwise. By state alone all
    /// eleven states of TCP are shown, zeros too; by other keys the largest group comes first. A
    /// socket that several processes hold counts once in each of their groups and once in the
    /// total.
    #[command(after_help = COUNT_EXAMPLES)]
    Count(Count),
    /// Accept queue, SYN queue, drops and waiting clients of every listener
    ///
    /// TCP listeners unless -x names the unix ones. The queue is shown as length/limit; the kernel
    /// takes one connection more than the limit, and with length > limit the queue is full: clients
    /// then wait, and time out, without being told. Listeners that share a port by SO_REUSEPORT
    /// have a queue, and a row, each.
    #[command(after_help = LISTENERS_EXAMPLES)]
    Listeners(Listeners),
    /// Judge by the alert rules, once or for a while, for cron, Nagios and CI
    ///
    /// Prints a status line with performance data and ends with 0 OK, 1 WARNING, 2 CRITICAL or
    /// 3 UNKNOWN: nothing could be looked at, or a gap hides the answer of a rule. Wrong usage, a
    /// mistake in a rules file too, is 2. One look proves ages and queues; rates and growth need
    /// --for. docs/rules.md describes the rules.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// Write the completions of a shell to standard output
    ///
    /// bash loads them from ~/.local/share/bash-completion/completions/sockstate, zsh from a file
    /// _sockstate in a directory of $fpath, fish from ~/.config/fish/completions/sockstate.fish.
    Completions(Completions),
    /// Write the man page to standard output
    #[command(hide = true)]
    Man,
    /// Write docs/rules.md to standard output
    #[command(hide = true)]
    RulesDoc,
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
    /// IPv6 sockets; IPv4 connections of dual-stack sockets are among them
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
    /// MPTCP connections with their subflows
    #[arg(short = 'M', long, global = true)]
    pub mptcp: bool,
    /// SCTP sockets
    #[arg(short = 'S', long, global = true, hide_short_help = true)]
    pub sctp: bool,
    /// DCCP sockets
    #[arg(long, global = true, hide_short_help = true)]
    pub dccp: bool,
    /// UDP-Lite sockets
    #[arg(long, global = true, hide_short_help = true)]
    pub udplite: bool,
    /// ICMP echo sockets
    #[arg(long, global = true, hide_short_help = true)]
    pub ping: bool,
    /// Netlink sockets
    #[arg(long, global = true, hide_short_help = true)]
    pub netlink: bool,
    /// Packet sockets
    #[arg(short = '0', long, global = true, hide_short_help = true)]
    pub packet: bool,
    /// Sockets between a host and its virtual machines
    #[arg(long, global = true, hide_short_help = true)]
    pub vsock: bool,
    /// Every state, also LISTEN, TIME_WAIT, SYN_RECV, CLOSE and BOUND
    #[arg(short, long, global = true, overrides_with = "listening")]
    pub all: bool,
    /// Sockets that listen; of UDP, raw and unix sockets also those without a peer
    #[arg(short, long, global = true, overrides_with = "all")]
    pub listening: bool,
    /// The processes that hold each socket
    #[arg(short, long, global = true)]
    pub processes: bool,
    /// Look into another network namespace: a name of `ip netns`, a path, or a
    /// process id
    #[arg(short = 'N', long = "net", global = true, value_name = "NAME|PATH|PID")]
    pub netns: Option<String>,
    /// Decide the whole filter here instead of leaving parts to the kernel
    #[arg(long, global = true, hide_short_help = true)]
    pub no_kernel_filter: bool,
    /// Show how the filter is read and who decides which part, and stop
    #[arg(long, global = true)]
    pub explain_filter: bool,
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
    /// The running timer of each socket
    #[arg(short = 'o', long = "options")]
    pub timers: bool,
    /// Timers, user, inode, cookie, mark, cgroup, shutdown, socket options
    #[arg(short, long)]
    pub extended: bool,
    /// TCP internals, on a line below each socket
    #[arg(short, long)]
    pub info: bool,
    /// Socket memory and drops, on a line below each socket
    #[arg(short, long)]
    pub memory: bool,
    /// Type of service, traffic class and priority
    #[arg(long)]
    pub tos: bool,
    /// The cgroup each socket was made in
    #[arg(long)]
    pub cgroup: bool,
    /// One line a socket, details behind it
    #[arg(short = 'O', long = "oneline")]
    pub one_line: bool,
    /// Order by a field, descending with a minus before it: --sort -recvq
    #[arg(long, value_name = "[-]FIELD", allow_hyphen_values = true, long_help = sort_help())]
    pub sort: Option<String>,
    /// Show at most so many sockets
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Only these fields; `help` lists them
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Comma-separated values, of the fields of --columns or the usual ones
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Read a recorded dump instead of the kernel (`ss -D`, --dump)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dump", "kill"])]
    pub from: Option<PathBuf>,
    /// Record the kernel's answer to a file instead of listing it
    #[arg(short = 'D', long, value_name = "FILE", conflicts_with = "kill")]
    pub dump: Option<PathBuf>,
    /// Destroy the sockets that the filter selects; asks before it does
    #[arg(short = 'K', long)]
    pub kill: bool,
    /// With --kill: do not ask
    #[arg(long, requires = "kill")]
    pub yes: bool,
    /// The overview instead, as `sockstate status`
    #[arg(short = 's', long)]
    pub summary: bool,
    #[command(flatten)]
    pub words: Words,
}

fn sort_help() -> String {
    let names: Vec<&str> = Field::all().map(Field::name).collect();
    format!(
        "Order by a field, descending with a minus before it: --sort -recvq; sockets without the \
         field come last. FIELD is one of {}",
        names.join(", ")
    )
}

/// Flags of `count`.
#[derive(Args, Debug)]
pub struct Count {
    #[arg(
        long,
        value_name = "KEY[,KEY]",
        value_delimiter = ',',
        default_value = "state",
        help = by_help()
    )]
    pub by: Vec<String>,
    #[command(flatten)]
    pub words: Words,
}

fn by_help() -> String {
    let names: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
    format!("What to count by: {}", names.join(", "))
}

/// Flags of `listeners`.
#[derive(Args, Debug)]
pub struct Listeners {
    #[command(flatten)]
    pub words: Words,
}

/// The filter.
#[derive(Args, Debug)]
pub struct Words {
    /// Which sockets: `state NAME`, `exclude NAME`, and expressions such as
    /// `dport = :443 and not src 10.0.0.0/8`; see FILTER in sockstate(1)
    #[arg(value_name = "FILTER")]
    pub words: Vec<String>,
}

/// Flags of `check`.
#[derive(Args, Debug)]
pub struct Check {
    /// At most so many TCP sockets in a state, of that age: close-wait=100:5m;
    /// then only such rules and those of --rule are judged
    #[arg(long, value_name = "STATE=N[:AGE]")]
    pub max: Vec<String>,
    /// Only the rule of this id; may be given more than once
    #[arg(long, value_name = "ID")]
    pub rule: Vec<String>,
    /// Look for so long, for growth and rates
    #[arg(long = "for", value_name = "TIME")]
    pub duration: Option<String>,
    /// With --for: time between two looks
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub interval: String,
    /// Thresholds, exceptions and own rules; without it the user's
    /// sockstate/rules.toml, else the one in /etc
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Print the rules in force and where each value came from, and stop
    #[arg(long)]
    pub print_rules: bool,
    /// Run this for every alert that begins or ends, with its JSON on standard
    /// input; split at blanks, there is no shell
    #[arg(long, value_name = "COMMAND")]
    pub notify: Option<String>,
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
