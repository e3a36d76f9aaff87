//! The layout of `list`: the columns of a row, and its details.

use crate::output::table::TableColumn as Head;

/// A column, or some that go together, in the order in which they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextColumn {
    /// The protocol.
    Proto,
    /// The state.
    State,
    /// RECV-Q and SEND-Q.
    Queues,
    /// LOCAL and REMOTE.
    Ends,
    /// The time in the state.
    Age,
    /// The running timer.
    Timer,
    /// User id, inode and cookie.
    Ids,
    /// The processes that hold the socket.
    Process,
}

impl TextColumn {
    /// Returns the heads, one for each cell of a row.
    pub(super) fn heads(self) -> &'static [Head] {
        match self {
            Self::Proto => const { &[Head::text("PROTO")] },
            Self::State => const { &[Head::text("STATE")] },
            Self::Queues => const { &[Head::number("RECV-Q"), Head::number("SEND-Q")] },
            Self::Ends => const { &[Head::text("LOCAL"), Head::text("REMOTE")] },
            Self::Age => const { &[Head::number("AGE")] },
            Self::Timer => const { &[Head::text("TIMER")] },
            Self::Ids => {
                const { &[Head::number("UID"), Head::number("INODE"), Head::text("COOKIE")] }
            }
            Self::Process => const { &[Head::text("PROCESS")] },
        }
    }
}

/// A part of the lines of details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// User name, mark, sides that are shut down.
    Identity,
    /// The socket options that are set.
    SocketOptions,
    /// The cgroup.
    Cgroup,
    /// Type of service, traffic class, priority.
    Tos,
    /// Socket memory.
    Memory,
    /// `tcp_info` and what belongs to it.
    Info,
}

impl Detail {
    /// Every detail.
    pub const ALL: [Self; 6] =
        [Self::Identity, Self::SocketOptions, Self::Cgroup, Self::Tos, Self::Memory, Self::Info];
}

/// The place of details.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DetailsPlace {
    /// On lines below their row.
    #[default]
    Below,
    /// Behind it, on the same line.
    Behind,
}

/// The parts of each row that are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The columns.
    pub columns: Vec<TextColumn>,
    /// The details, where a row has them.
    pub details: Vec<Detail>,
    /// The place of the details.
    pub place: DetailsPlace,
}

impl Default for Layout {
    fn default() -> Self {
        let columns = vec![TextColumn::State, TextColumn::Queues, TextColumn::Ends];
        Self { columns, details: Vec::new(), place: DetailsPlace::default() }
    }
}
