//! What a row's own bytes do not tell: owners, unix peers, cgroup paths,
//! MPTCP subflows.

use std::ops::ControlFlow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::filter::{FactNeeds, unix_text};
use crate::kernel::mptcp_info;
use crate::kernel::ulp::TOKEN_LOCAL;
use crate::machine::Machine;
use crate::model::facts;
use crate::model::owner::Owners;
use crate::model::proto::{Proto, TableId};
use crate::model::row::Row;
use crate::model::state::StateSet;
use crate::model::table::Table;
use crate::model::want::{Extras, Want};
use crate::source::{Report, SourceError};
use crate::sys::cgroups::Cgroups;
use crate::sys::users::Users;

/// The name of a unix socket.
pub struct UnixPattern {
    /// True where it lives outside the file system.
    pub is_abstract: bool,
    /// Its bytes.
    pub bytes: Box<[u8]>,
    /// As patterns see it.
    pub text: String,
}

impl UnixPattern {
    /// Makes the pattern of a row's name.
    pub fn of(name: facts::UnixName<'_>) -> Self {
        let text = unix_text(name);
        Self { is_abstract: name.is_abstract, bytes: name.bytes.into(), text }
    }
}

/// The facts that a row's own bytes do not tell. Empty parts were not asked for.
#[derive(Default)]
pub struct Lookups {
    /// The holders of each socket.
    pub owners: Arc<Owners>,
    /// Names of unix sockets by inode.
    pub unix_names: FxHashMap<u32, UnixPattern>,
    /// Paths of cgroups.
    pub cgroups: Option<Cgroups>,
    /// Names of users.
    pub users: Option<Users>,
    /// Subflows of MPTCP connections.
    pub subflows: Subflows,
}

impl Lookups {
    /// Reads what deciding a filter takes beyond the rows, but for the owners.
    pub fn of(machine: &Machine, needs: FactNeeds) -> Self {
        Self {
            unix_names: if needs.peers { unix_names(machine) } else { FxHashMap::default() },
            cgroups: needs.cgroups.then(|| machine.cgroups()),
            ..Self::default()
        }
    }

    /// Returns the path of the cgroup a socket was made in.
    pub fn cgroup(&self, row: &Row<'_>) -> Option<&str> {
        self.cgroups.as_ref()?.path(row.facts.cgroup_id()?)
    }

    /// Returns the name of the socket's owner.
    pub fn user(&self, row: &Row<'_>) -> Option<String> {
        self.users.as_ref()?.name(row.socket.uid?)
    }

    /// Returns the name of the unix socket at the other end.
    pub fn peer_name(&self, row: &Row<'_>) -> Option<&UnixPattern> {
        self.unix_names.get(&row.facts.peer_inode()?)
    }
}

/// The TCP sockets that carry MPTCP connections, by connection.
#[derive(Default)]
pub struct Subflows {
    table: Table,
    by_token: FxHashMap<u32, Vec<usize>>,
}

impl Subflows {
    /// Reads the subflows of every MPTCP connection.
    ///
    /// # Errors
    /// When the TCP tables cannot be read.
    pub fn read(machine: &Machine) -> Result<(Self, Report), SourceError> {
        let tcp = TableId::ALL.into_iter().filter(|t| t.proto == Proto::Tcp).collect();
        let mut subflows = Self::default();
        let want = Want {
            states: StateSet::connected(),
            // The upper layer is sent along with tcp_info (tcp_diag_get_aux).
            extras: Extras { tcp_info: true, ..Extras::default() },
            ..Want::all_of(tcp)
        };
        let report = machine.scan(&want, &mut |row| {
            subflows.add(row);
            ControlFlow::Continue(())
        })?;
        Ok((subflows, report))
    }

    fn add(&mut self, row: &Row<'_>) {
        let token = row.facts.ulp().filter(|ulp| ulp.name == "mptcp");
        if let Some(token) = token.and_then(|ulp| ulp.get(&TOKEN_LOCAL)) {
            self.by_token.entry(token as u32).or_default().push(self.table.len());
            self.table.push(row);
        }
    }

    /// Returns the subflows of an MPTCP connection's row; none for other rows.
    pub fn of(&self, row: &Row<'_>) -> impl Iterator<Item = Row<'_>> {
        let mptcp = row.socket.table.proto == Proto::Mptcp;
        let info = row.facts.info_bytes().filter(|_| mptcp);
        let token = info.and_then(|bytes| mptcp_info::TOKEN.get(bytes));
        let found = token.and_then(|token| self.by_token.get(&(token as u32)));
        found.into_iter().flatten().filter_map(|index| self.table.get(*index))
    }
}

/// Reads the names of all unix sockets that have one, so that a peer can be
/// named; none when their table cannot be read, which the scan of it tells.
pub fn unix_names(machine: &Machine) -> FxHashMap<u32, UnixPattern> {
    let unix = TableId::ALL.into_iter().filter(|t| t.proto == Proto::Unix).collect();
    let mut names = FxHashMap::default();
    let scan = machine.scan(&Want::all_of(unix), &mut |row| {
        if let Some(name) = row.facts.unix_name() {
            names.insert(row.socket.inode, UnixPattern::of(name));
        }
        ControlFlow::Continue(())
    });
    // A table that fails here fails in the scan that shows it as well.
    drop(scan);
    names
}
