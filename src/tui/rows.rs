//! What is to be listed, and the list: types that both the drawing and the
//! thread that lists know.

use std::sync::Arc;

use crate::answer::Group;
use crate::filter::Filter;
use crate::group::GroupKey;
use crate::live::Round;
use crate::model::hash::KeyedSet;
use crate::model::socket::{Ends, Socket};
use crate::model::want::Want;
use crate::query::Lookups;
use crate::query::fields::{Field, Order};
use crate::sys::names::Names;

use super::log_filter::LogFilter;
use crate::rules::alert_filter::CustomFilters;

/// The identity of a socket from one round to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowKey {
    cookie: u64,
    inode: u32,
    ends: Ends,
}

impl RowKey {
    /// Returns that of a socket. The inode is what is left where there is no cookie.
    pub fn of(socket: &Socket) -> Self {
        let inode = if socket.cookie == 0 { socket.inode } else { 0 };
        Self { cookie: socket.cookie, inode, ends: socket.ends }
    }
}

/// A request for a list.
#[derive(Clone)]
pub struct Job {
    /// The round whose rows are listed.
    pub round: Arc<Round>,
    /// The tables, states and types that the command line asks for.
    pub want: Want,
    /// The filter as it was typed and parsed.
    pub filter: Option<Filter>,
    /// True while the filter is still being typed.
    pub typing: bool,
    /// True where the rows are listed that the filter does not select.
    pub invert: bool,
    /// Only what an alert is about.
    pub faults: bool,
    /// The filters of the custom rules.
    pub custom: Arc<CustomFilters>,
    /// The order, where it is not the kernel's.
    pub order: Option<Order>,
    /// Sockets that stand on top.
    pub pins: KeyedSet<RowKey>,
    /// Count by this key too.
    pub group: Option<GroupKey>,
    /// The fields shown of each row.
    pub fields: Vec<Field>,
    /// True where all details are shown of one row.
    pub detail: bool,
    /// Numbers or names for the ports of listeners, where those are shown.
    pub listener_names: Option<Services>,
}

/// The choice of numbers or names for ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Services {
    /// Their numbers are shown.
    #[default]
    Numbers,
    /// The names of services are.
    Names,
}

impl Services {
    /// Returns the other one.
    pub fn other(self) -> Self {
        match self {
            Self::Numbers => Self::Names,
            Self::Names => Self::Numbers,
        }
    }
}

/// A list: the sockets that a job selects, in order.
pub struct Listed {
    /// The round whose rows they are.
    pub round: Arc<Round>,
    /// The filter that was used.
    pub filter: Option<Filter>,
    /// Rows of its table, in order.
    pub order: Vec<u32>,
    /// The number of rows that stand on top because they are pinned.
    pub pinned: usize,
    /// Names and owners to show them with.
    pub lookups: Lookups,
    /// The filter of the transitions shown with it.
    pub log_filter: LogFilter,
    /// Those of the listed sockets that listen; `None` where all do.
    pub listening: Option<KeyedSet<RowKey>>,
    /// The reason why the filter could not be used.
    pub error: Option<String>,
    /// Counts by the key and state.
    pub groups: Option<(GroupKey, Vec<Group>)>,
    /// Names for the listeners, where they were asked for.
    pub names: Option<Names>,
}
