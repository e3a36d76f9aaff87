//! Flags of `list`.

use std::path::PathBuf;

use clap::Args;

use crate::query::fields::Field;

use super::repeat::RepeatFlags;
use super::values::limit;
use super::words::WordsFlags;

pub(super) const EXAMPLES: &str = "\
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

/// Flags of `list`.
#[derive(Args, Debug)]
pub struct ListFlags {
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
    pub repeat: RepeatFlags,
    #[command(flatten)]
    pub words: WordsFlags,
}

fn sort_help() -> String {
    let names: Vec<&str> = Field::all().map(Field::name).collect();
    format!(
        "Order by a field, descending with a minus before it: --sort -recvq; sockets without the \
         field come last. FIELD is one of {}",
        names.join(", ")
    )
}

impl ListFlags {
    /// Tells whether the columns are to be listed, and no sockets.
    pub fn asks_for_columns(&self) -> bool {
        self.columns.iter().any(|name| name == "help")
    }
}
