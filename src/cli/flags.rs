//! Every flag of the program: the one definition behind parsing, `--help`, the
//! man page and the completions.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engine::fields::Field;
use crate::group::KEYS;

use super::query::Word;
use super::repeat::Repeat;

const MAIN_EXAMPLES: &str = "\
Examples:
  sockstate                            what is wrong, and how many sockets in which state
  sockstate list -tan                  every TCP socket, as `ss -tan`
  sockstate list 'dport = 443 and rtt > 100ms'
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

const EVENTS_EXAMPLES: &str = "\
Examples:
  sockstate events                             every transition of TCP sockets
  sockstate events to close-wait               who is hung up on
  sockstate events from syn-sent to close --duration 1m
  sockstate events --summary --duration 10s    how often, and how long states last
  sockstate events --json sport = :443         for scripts, an object a line";

const WATCH_EXAMPLES: &str = "\
Examples:
  sockstate watch                              the live terminal; ? shows the keys
  sockstate watch state close-wait             with a filter on the sockets
  sockstate watch --plain --transitions        lines, for a log
  sockstate watch --json | jq .alert.summary   alerts as they begin and end
  sockstate watch --notify /usr/local/bin/page";

const PORTS_EXAMPLES: &str = "\
Examples:
  sockstate ports                              how full every budget is
  sockstate ports dport 443                    towards port 443
  sockstate ports -p                           who opened the connections
  sockstate ports --interval 1s                how fast it fills, by two looks
  sockstate ports --json | jq '.budgets[] | select(.used_ratio >= 0.8)'";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  sockstate explain                            what there is to explain
  sockstate explain close-wait                 a state
  sockstate explain accept-queue-overflow      an alert rule
  sockstate explain tcp_fin_timeout            a kernel parameter
  sockstate explain ListenOverflows            a counter
  sockstate explain diagram                    all states in a picture";

const STATUS_EXAMPLES: &str = "\
Examples:
  sockstate                                    the same
  sockstate status -t                          without UDP, raw and unix sockets
  sockstate status --json | jq .tcp
  sockstate status --interval 5s --count 2     twice, with what changed in between";

const CHECK_EXAMPLES: &str = "\
Examples:
  sockstate check --print-rules                the rules, and where each number comes from
  sockstate check --max close-wait=10000       more than 10000 in CLOSE_WAIT is critical
  sockstate check --max close-wait=10000:5m    the same, only those older than 5 minutes
  sockstate check --rule self-connect --for 2s --json";

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
    Status(Status),
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
    /// --for. Without it the `for` of a rule counts for nothing: what holds fires at once.
    /// docs/rules.md describes the rules.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// Transitions of sockets between states, as they happen
    ///
    /// Exact where the kernel tells: with CAP_PERFMON (root) by the tracepoint
    /// sock:inet_sock_set_state, otherwise of sockets that end. Everything else is inferred from
    /// snapshots and marked so, with the bounds of its time. Which sources are used, and why not
    /// better ones, is said on standard error. `from STATE` and `to STATE` choose transitions; the
    /// filter's states match either end. SIGINT ends it with status 130.
    #[command(after_help = EVENTS_EXAMPLES)]
    Events(EventsFlags),
    /// The live terminal: counts, sockets, listeners, events, alerts
    ///
    /// Tabs for the overview, the sockets, the listeners, groups, the log of transitions, ephemeral
    /// ports and the diagram of states; `?` shows the keys. Where there is no terminal, or with
    /// --plain or --json, a line for each alert that begins or ends, and with --transitions for each
    /// transition. The filter chooses the sockets of the terminal, or the transitions of the lines.
    #[command(after_help = WATCH_EXAMPLES)]
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
    #[command(after_help = PORTS_EXAMPLES)]
    Ports(Ports),
    /// What a state, an alert, a kernel parameter or a counter means, and what helps
    ///
    /// A page says what it is, which side it is about, who moves it on, how long the kernel lets it
    /// live, why it piles up, what helps, and which popular cure does not, with the present numbers of
    /// this machine. Without a name the pages are listed. Names are understood in any spelling.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(Explain),
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
    /// Tables without head line and total
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
    /// MPTCP connections; with `list -i` their subflows too
    #[arg(short = 'M', long, global = true)]
    pub mptcp: bool,
    /// SCTP sockets
    #[arg(short = 'S', long, global = true, hide_short_help = true)]
    pub sctp: bool,
    /// DCCP sockets
    #[arg(short = 'd', long, global = true, hide_short_help = true)]
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
    /// Tables by the words of `ss`: all, inet, tcp, unix_dgram and so on
    ///
    /// With ! before it a word takes away what it names. Types of unix, packet and vsock sockets are for list,
    /// count and listeners.
    #[arg(
        short = 'A',
        long,
        global = true,
        alias = "socket",
        value_name = "TABLE[,TABLE]",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub query: Vec<Word>,
    /// A family by the word of `ss`: inet is -4, inet6 -6, unix -x, link -0
    #[arg(
        short = 'f',
        long = "family",
        global = true,
        value_name = "FAMILY",
        hide_short_help = true
    )]
    pub families: Vec<FamilyWord>,
    /// Every state, also LISTEN, TIME_WAIT, SYN_RECV, CLOSE and BOUND
    #[arg(short, long, global = true, overrides_with = "listening")]
    pub all: bool,
    /// Sockets that listen; of UDP, raw and unix sockets also those without a peer
    #[arg(short, long, global = true, overrides_with = "all")]
    pub listening: bool,
    /// The processes that hold each socket
    #[arg(short, long, global = true)]
    pub processes: bool,
    /// Look into another network namespace
    ///
    /// By a name of `ip netns`, a path, or the id of a process in it. Needs CAP_SYS_ADMIN.
    #[arg(short = 'N', long = "net", global = true, value_name = "NAME|PATH|PID")]
    pub netns: Option<String>,
    /// Decide the whole filter here, not in the kernel
    ///
    /// The kernel then sends every row. The result is the same.
    #[arg(long, global = true, hide_short_help = true)]
    pub no_kernel_filter: bool,
    /// Show how the filter was understood, and list nothing
    ///
    /// For each table: what the kernel is asked to decide, and what is decided here. The states are
    /// those of this very command line, with or without -a.
    #[arg(long, global = true)]
    pub explain_filter: bool,
    /// Where procfs is mounted
    ///
    /// Nothing is closed or signalled by what another one than /proc shows, and a program with rights that its
    /// caller has not refuses it.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/proc",
        hide_short_help = true
    )]
    pub proc_root: PathBuf,
}

/// A family, by the word of `ss`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyWord {
    /// IPv4
    Inet,
    /// IPv6
    Inet6,
    /// Unix sockets
    Unix,
    /// Packet sockets
    Link,
    /// Netlink sockets
    Netlink,
    /// Sockets between a host and its virtual machines
    Vsock,
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
    /// events, watch: the tracepoint sock:inet_sock_set_state, and snapshots
    Tracepoint,
    /// events, watch: the kernel's word of sockets that end, and snapshots
    Destroy,
    /// events, watch: snapshots alone
    Poll,
}

/// Flags of `list`.
#[derive(Args, Debug)]
pub struct List {
    /// The running timer of each socket
    #[arg(short = 'o', long = "options")]
    pub timers: bool,
    /// More about each socket: timer, user, inode, cookie, cgroup
    ///
    /// Columns for timer, user id, inode and cookie; on a line below the name of the user, firewall mark,
    /// sides that are shut down, socket options and cgroup.
    #[arg(short, long)]
    pub extended: bool,
    /// TCP internals, on a line below each socket
    ///
    /// The kernel's struct tcp_info, what the congestion control tells of itself, and what runs on top of the
    /// socket, such as kernel TLS; for MPTCP struct mptcp_info and the subflows.
    #[arg(short, long)]
    pub info: bool,
    /// Socket memory and drops, on a line below each socket
    #[arg(short, long)]
    pub memory: bool,
    /// Type of service, traffic class, priority, on a line below
    #[arg(long)]
    pub tos: bool,
    /// The cgroup the socket was made in, on a line below
    #[arg(long)]
    pub cgroup: bool,
    /// The socket options that are set, on a line below
    #[arg(long = "inet-sockopt", hide_short_help = true)]
    pub socket_options: bool,
    /// Without the columns RECV-Q and SEND-Q
    #[arg(short = 'Q', long, hide_short_help = true)]
    pub no_queues: bool,
    /// Sockets that have a port and are neither listening nor connected
    #[arg(short = 'B', long = "bound-inactive", hide_short_help = true)]
    pub bound: bool,
    /// One line a socket: details stand behind it, not below
    #[arg(short = 'O', long = "oneline")]
    pub one_line: bool,
    /// Order by a field, descending with a minus before it: --sort -recvq
    #[arg(long, value_name = "[-]FIELD", allow_hyphen_values = true, long_help = sort_help())]
    pub sort: Option<String>,
    /// At most so many sockets, after --sort
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = limit)]
    pub limit: Option<usize>,
    /// Exactly these fields, see `--columns help`
    ///
    /// They stand in the order in which they are named; FIELDS in sockstate(1) has them too.
    #[arg(long, value_name = "FIELD[,FIELD]", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Comma-separated values
    ///
    /// As RFC 4180 has it, names first. Without --columns the fields are proto, state, recvq, sendq, local,
    /// remote, uid, inode, cookie. A text that a spreadsheet would take for a formula has a ' before it.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Read a dump that --dump or `ss -D` recorded, - for standard input
    ///
    /// Nothing is asked of the kernel. Rows of a dump do not tell their protocol: they are taken for TCP, with
    /// another table's flag for that. All states are shown unless flags or the filter say otherwise.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dump", "kill"])]
    pub from: Option<PathBuf>,
    /// Record the kernel's answer to a file, - for standard output, for --from
    ///
    /// It is written beside and renamed when it is whole, readable by its owner alone. Nothing is listed. TCP is recorded unless another table is named, in the states that would be listed: -a
    /// for all.
    #[arg(short = 'D', long, value_name = "FILE", conflicts_with = "kill")]
    pub dump: Option<PathBuf>,
    /// Close the sockets that the filter selects, after asking
    ///
    /// They are listed first; --yes leaves the question out. Needs CAP_NET_ADMIN. The exit status is 1 when a
    /// socket that was still there could not be closed.
    #[arg(short = 'K', long)]
    pub kill: bool,
    /// Do not ask before --kill closes
    #[arg(long, requires = "kill")]
    pub yes: bool,
    /// The overview instead, as `sockstate status`
    #[arg(short = 's', long)]
    pub summary: bool,
    #[command(flatten)]
    pub repeat: Repeat,
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

fn limit(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "it must be a whole number such as 10")
}

/// Flags of `status`.
#[derive(Args, Debug, Default)]
pub struct Status {
    #[command(flatten)]
    pub repeat: Repeat,
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
    pub repeat: Repeat,
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

/// Flags of `events`.
#[derive(Args, Debug)]
pub struct EventsFlags {
    /// Time between two snapshots
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub interval: Duration,
    /// End after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Instead of each transition how many of each there were and how long states lasted: at the
    /// end, or every TIME
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = duration)]
    pub summary: Option<Option<Duration>>,
    #[command(flatten)]
    pub words: Words,
}

/// Flags of `watch`.
#[derive(Args, Debug)]
pub struct WatchFlags {
    /// Time between two looks
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub interval: Duration,
    /// Look less often where more than this share of one CPU would be used
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    pub max_cpu: f64,
    /// Lines instead of the live terminal
    #[arg(long)]
    pub plain: bool,
    /// With --plain or --json: a line for each transition too
    #[arg(long)]
    pub transitions: bool,
    /// With --plain or --json: end after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Thresholds, exceptions and own rules; without it the user's
    /// sockstate/rules.toml, else the one in /etc
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Run this for every alert that begins or ends, with its JSON on standard
    /// input; split at blanks, there is no shell
    #[arg(long, value_name = "COMMAND")]
    pub notify: Option<String>,
    /// Let the key K close sockets and signal processes, after asking
    #[arg(long)]
    pub allow_actions: bool,
    /// Draw with ASCII only
    #[arg(long)]
    pub ascii: bool,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
    /// Keys of your own; without it the user's sockstate/watch.toml, else the
    /// one in /etc
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub words: Words,
}

/// A share such as `5%` or `5`.
fn percent(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim_end_matches('%').parse().ok();
    number
        .filter(|share| share.is_finite() && *share > 0.0)
        .ok_or_else(|| format!("'{text}' is no share such as 5%"))
}

/// Flags of `ports`.
#[derive(Args, Debug)]
pub struct Ports {
    /// Look twice, so long apart, and tell how fast each budget is used up: 5s, 500ms, 1m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,
    /// Show at most so many budgets
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    #[command(flatten)]
    pub words: Words,
}

/// A time such as `500ms`, `2s`, `5m`, `1h`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("'{text}' is no time such as 500ms, 2s, 5m or 1h");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| bad())?;
    let scale = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(bad()),
    };
    let seconds = Some(number * scale).filter(|s| s.is_finite() && *s > 0.0 && *s < 1e9);
    // What is less than a nanosecond is nothing as well.
    seconds.map(Duration::from_secs_f64).filter(|time| !time.is_zero()).ok_or_else(bad)
}

/// Flags of `explain`.
#[derive(Args, Debug)]
pub struct Explain {
    /// A state, alert rule, kernel parameter, counter or topic
    #[arg(value_name = "NAME")]
    pub name: Vec<String>,
}

/// The filter.
#[derive(Args, Debug)]
pub struct Words {
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
