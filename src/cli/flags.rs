//! Every flag of the program: the one definition behind parsing, `--help`, the
//! man page and the completions.

mod check;
mod completions;
mod count;
mod events;
mod explain;
mod list;
mod listeners;
mod ports;
mod repeat;
mod shared;
mod status;
mod values;
mod watch;
mod words;

use clap::{Parser, Subcommand};

pub use check::CheckFlags;
pub use completions::{CompletionsFlags, Shell};
pub use count::CountFlags;
pub use events::EventsFlags;
pub use explain::ExplainFlags;
pub use list::ListFlags;
pub use listeners::ListenersFlags;
pub use ports::PortsFlags;
pub use repeat::RepeatFlags;
pub use shared::{ColorChoice, FamilyWord, SharedFlags, SourceChoice};
pub use status::StatusFlags;
pub use watch::WatchFlags;
pub use words::WordsFlags;

const MAIN_EXAMPLES: &str = "\
Examples:
  sockstate                            what is wrong, and how many sockets in which state
  sockstate list -tan                  every TCP socket, as `ss -tan`
  sockstate list 'dport = 443 and rtt > 100ms'
  sockstate list state close-wait -p   who does not close
  sockstate count --by process         who has most
  sockstate listeners                  is an accept queue full, and who waits in it";

const MAIN_ABOUT: &str = "\
The state of every socket on this machine

sockstate asks the running kernel for its TCP, UDP, raw and unix sockets, and others that a flag \
names, in the network namespace it runs in, and says what is wrong with them: accept queues that are \
full, connections that an application never closes, TIME_WAIT close to its limit. To look needs no \
privilege, except to name the processes of other users and to see firewall marks. What it could not see it says on standard error, or in the member \"gaps\" \
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
    pub shared: SharedFlags,
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
    #[command(after_help = status::EXAMPLES)]
    Status(StatusFlags),
    /// One line a socket, as ss
    ///
    /// Without a table's flag TCP, UDP, raw and unix sockets are listed. Without -a, -l or a state the states
    /// are those `ss` shows: neither LISTEN, TIME_WAIT and SYN_RECV nor sockets without a peer; on
    /// a terminal a note says how many were left out. Rows come in the kernel's order.
    #[command(after_help = list::EXAMPLES)]
    List(ListFlags),
    /// How many sockets, by state or other keys
    ///
    /// Counts TCP sockets in all states unless flags or words say otherwise. By state alone all
    /// eleven states of TCP are shown, zeros too; by other keys the largest group comes first. A
    /// socket that several processes hold counts once in each of their groups and once in the
    /// total.
    #[command(after_help = count::EXAMPLES)]
    Count(CountFlags),
    /// Accept queue, SYN queue, drops and waiting clients of every listener
    ///
    /// TCP listeners unless -x names the unix ones. The queue is shown as length/limit; the kernel
    /// takes one connection more than the limit, and with length > limit the queue is full: clients
    /// then wait, and time out, without being told. Listeners that share a port by SO_REUSEPORT
    /// have a queue, and a row, each.
    #[command(after_help = listeners::EXAMPLES)]
    Listeners(ListenersFlags),
    /// Judge by the alert rules, once or for a while, for cron, Nagios and CI
    ///
    /// Prints a status line with performance data and ends with 0 OK, 1 WARNING, 2 CRITICAL or
    /// 3 UNKNOWN: nothing could be looked at, or a gap hides the answer of a rule. Wrong usage, a
    /// mistake in a rules file too, is 2. One look proves ages and queues; rates and growth need
    /// --for. Without it the `for` of a rule counts for nothing: what holds fires at once.
    /// docs/rules.md describes the rules.
    #[command(after_help = check::EXAMPLES)]
    Check(CheckFlags),
    /// Transitions of sockets between states, as they happen
    ///
    /// Exact where the kernel tells: with CAP_PERFMON (root) by the tracepoint
    /// sock:inet_sock_set_state, otherwise of sockets that end. Everything else is inferred from
    /// snapshots and marked so, with the bounds of its time. Which sources are used, and why not
    /// better ones, is said on standard error. `from STATE` and `to STATE` choose transitions; the
    /// filter's states match either end. SIGINT ends it with status 130.
    #[command(after_help = events::EXAMPLES)]
    Events(EventsFlags),
    /// The live terminal: counts, sockets, listeners, events, alerts
    ///
    /// Tabs for the overview, the sockets, the listeners, groups, the log of transitions, ephemeral
    /// ports and the diagram of states; `?` shows the keys. Where there is no terminal, or with
    /// --plain or --json, a line for each alert that begins or ends, and with --transitions for each
    /// transition. The filter chooses the sockets of the terminal, or the transitions of the lines.
    #[command(after_help = watch::EXAMPLES)]
    Watch(WatchFlags),
    /// Ephemeral ports: used, left, and for how long, per source and destination
    ///
    /// An outgoing connection needs a local port that is free towards its destination; when there is
    /// none, connect() fails with EADDRNOTAVAIL and no counter tells. So every (source address,
    /// destination address, destination port) has a budget of its own: the range
    /// net.ipv4.ip_local_port_range less the reserved ports, less those that listeners and explicit
    /// binds take from everyone. TIME_WAIT counts as used unless its port can be taken over. The rate
    /// comes from the timers of TIME_WAIT, or with --interval from two looks. Connections that others
    /// opened to a listener here take no ephemeral port and are left out.
    #[command(after_help = ports::EXAMPLES)]
    Ports(PortsFlags),
    /// What a state, an alert, a kernel parameter or a counter means, and what helps
    ///
    /// A page says what it is, which side it is about, who moves it on, how long the kernel lets it
    /// live, why it piles up, what helps, and which popular cure does not, with the present numbers of
    /// this machine. Without a name the pages are listed. Names are understood in any spelling.
    #[command(after_help = explain::EXAMPLES)]
    Explain(ExplainFlags),
    /// Write the completions of a shell to standard output
    ///
    /// bash loads them from ~/.local/share/bash-completion/completions/sockstate, zsh from a file
    /// _sockstate in a directory of $fpath, fish from ~/.config/fish/completions/sockstate.fish.
    Completions(CompletionsFlags),
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
