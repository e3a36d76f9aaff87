//! For what a plan is made: the table, and what its kernel can do.

use crate::model::proto::TableId;

/// The programs that the kernel takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bytecode {
    /// None: `/proc`, a file, or a kernel that refused them.
    None,
    /// All of them.
    #[default]
    Full,
}

/// For what a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanTarget {
    /// The table that will be read.
    pub table: TableId,
    /// The programs that its kernel takes.
    pub bytecode: Bytecode,
    /// Tells whether we may ask for marks (`CAP_NET_ADMIN`).
    pub net_admin: bool,
    /// `ip_local_port_range`, as [`crate::filter::TestedRow`] has it.
    pub ephemeral: Option<(u16, u16)>,
}
