//! Flags every command shares.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::query::Word;

/// Flags every command shares.
#[derive(Args, Debug)]
#[command(next_help_heading = "Shared options")]
pub struct SharedFlags {
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
