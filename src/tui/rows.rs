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

/// What a socket is known by from one round to the next.
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
    /// Of which round.
    pub round: Arc<Round>,
    /// What the command line asks for.
    pub want: Want,
    /// The filter as it was typed and parsed.
    pub filter: Option<Filter>,
    /// Whether it is still being typed.
    pub typing: bool,
    /// What it does not select instead.
    pub invert: bool,
    /// Only what an alert is about.
    pub faults: bool,
    /// What rules of one's own count.
    pub custom: Arc<CustomFilters>,
    /// The order, where it is not the kernel's.
    pub order: Option<Order>,
    /// Sockets that stand on top.
    pub pins: KeyedSet<RowKey>,
    /// Count by this key too.
    pub group: Option<GroupKey>,
    /// What is shown of each.
    pub fields: Vec<Field>,
    /// Whether everything is shown of one.
    pub detail: bool,
    /// Which names the listeners have, where they are shown.
    pub listener_names: Option<Services>,
}

/// Whether ports have names.
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
    /// Of which round.
    pub round: Arc<Round>,
    /// By which filter.
    pub filter: Option<Filter>,
    /// Rows of its table, in order.
    pub order: Vec<u32>,
    /// How many of them stand on top because they are pinned.
    pub pinned: usize,
    /// Names and owners to show them with.
    pub lookups: Lookups,
    /// Which transitions are shown with it.
    pub log_filter: LogFilter,
    /// Those of the listed sockets that listen; `None` where all do.
    pub listening: Option<KeyedSet<RowKey>>,
    /// Why the filter could not be used.
    pub error: Option<String>,
    /// Counts by the key and state.
    pub groups: Option<(GroupKey, Vec<Group>)>,
    /// Names for the listeners, where they were asked for.
    pub names: Option<Names>,
}
