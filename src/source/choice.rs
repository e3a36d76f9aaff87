//! The choice of source of rows, and of the short cuts to them.

/// The sources that may be used (`--source`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// sock_diag, and `/proc/net` for a table that it cannot serve.
    #[default]
    Auto,
    /// sock_diag only.
    Netlink,
    /// `/proc/net` only.
    Proc,
}

/// The short cuts that a reading may take. None of them changes an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortcuts {
    /// Both TCP tables in one walk.
    pub one_walk: bool,
    /// Both TCP tables by two threads; `None`: where it helps.
    pub two_threads: Option<bool>,
    /// Counts from the kernel's own sums.
    pub sums: bool,
    /// No walk for TCP sockets in CLOSE where the kernel's sums say that there
    /// is none.
    pub census: bool,
}

impl Default for Shortcuts {
    fn default() -> Self {
        Self { one_walk: true, two_threads: None, sums: true, census: true }
    }
}
