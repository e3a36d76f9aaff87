//! Counting sockets by one or more keys.

use crate::model::address::Address;
use crate::model::hash::KeyedMap;
use crate::model::owner::Owners;
use crate::model::proto::Family;
use crate::model::row::Row;
use crate::model::standing::Standing;
use crate::model::state::{State, StateSet, TCP_STATES};
use crate::model::vocabulary;

/// A key that sockets can be counted by (`count --by`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKey {
    /// The state.
    State,
    /// The process that holds the socket.
    Process,
    /// The user that owns the socket.
    User,
    /// The local port.
    LocalPort,
    /// The remote address.
    Remote,
    /// The remote port.
    RemotePort,
    /// The cgroup the socket was made in.
    Cgroup,
    /// The systemd unit of that cgroup.
    Unit,
    /// The network namespace.
    Netns,
    /// The address family.
    Family,
}

/// Every key with its name, in the order in which help lists them.
pub const KEYS: [(&str, GroupKey); 10] = [
    ("state", GroupKey::State),
    ("process", GroupKey::Process),
    ("user", GroupKey::User),
    ("local-port", GroupKey::LocalPort),
    ("remote", GroupKey::Remote),
    ("remote-port", GroupKey::RemotePort),
    ("cgroup", GroupKey::Cgroup),
    ("unit", GroupKey::Unit),
    ("netns", GroupKey::Netns),
    ("family", GroupKey::Family),
];

impl GroupKey {
    /// Returns the key's name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        KEYS.iter().find(|(_, key)| *key == self).map_or("", |(name, _)| name)
    }

    /// Returns the key of a name, or of the word by which the filter tests it.
    pub fn parse(name: &str) -> Option<Self> {
        let named = |name: &str| KEYS.iter().find(|(known, _)| vocabulary::same(known, name));
        let (_, key) = named(name).or_else(|| named(vocabulary::field_of(name)?))?;
        Some(*key)
    }
}

/// One value of one key, as found in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupValue {
    /// A state.
    State(State),
    /// A process that holds the socket.
    Process(u32),
    /// A descriptor exists, its process is not visible.
    HiddenProcess,
    /// No process holds the socket, for this reason.
    NoProcess(Standing),
    /// A user id.
    User(u32),
    /// A port.
    Port(u16),
    /// An address.
    Address(Address),
    /// A cgroup id.
    Cgroup(u64),
    /// The network namespace that was read.
    Netns,
    /// A family.
    Family(Family),
    /// The row has no such thing.
    None,
}

/// Counts of sockets by their keys' values.
#[derive(Debug)]
pub struct Groups {
    keys: Vec<GroupKey>,
    /// The place of each combination of values in `counts`.
    places: KeyedMap<Vec<GroupValue>, usize>,
    counts: Vec<u64>,
    /// The combination of the row that was counted last, and its place: rows that
    /// are alike come together, and a seeded hash has its price.
    last: Option<(Vec<GroupValue>, usize)>,
    scratch: Vec<GroupValue>,
    /// Sockets counted; a socket that several processes hold counts once here
    /// and once in each of their groups.
    pub total: u64,
}

impl Groups {
    /// Makes an empty count. By state alone those of TCP's eleven states that are
    /// counted are there from the start, so that a zero shows.
    pub fn new(keys: Vec<GroupKey>, counted: StateSet) -> Self {
        let (places, counts, scratch) = (KeyedMap::default(), Vec::new(), Vec::new());
        let mut groups = Self { keys, places, counts, last: None, scratch, total: 0 };
        if groups.keys == [GroupKey::State] {
            let states = TCP_STATES.into_iter().filter(|state| counted.contains(*state));
            states.for_each(|state| {
                groups.place(&[GroupValue::State(state)]);
            });
        }
        groups
    }

    /// Returns the place of a combination of values, a new one where it has none.
    fn place(&mut self, values: &[GroupValue]) -> usize {
        if let Some(place) = self.places.get(values) {
            return *place;
        }
        let place = self.counts.len();
        self.counts.push(0);
        self.places.insert(values.to_vec(), place);
        place
    }

    /// Counts one row.
    pub fn add(&mut self, row: &Row<'_>, owners: &Owners) {
        self.total += 1;
        let Some(at) = self.keys.iter().position(|key| *key == GroupKey::Process) else {
            self.count(row, None);
            return;
        };
        let mut last = None;
        for holder in owners.of(row.socket.inode) {
            if last.replace(holder.pid) != Some(holder.pid) {
                self.count(row, Some((at, GroupValue::Process(holder.pid))));
            }
        }
        if last.is_none() {
            let part = match Standing::of(row) {
                Standing::Descriptor => GroupValue::HiddenProcess,
                standing => GroupValue::NoProcess(standing),
            };
            self.count(row, Some((at, part)));
        }
    }

    fn count(&mut self, row: &Row<'_>, process: Option<(usize, GroupValue)>) {
        let mut parts = std::mem::take(&mut self.scratch);
        parts.clear();
        parts.extend(self.keys.iter().map(|key| part(*key, row)));
        if let Some((at, part)) = process {
            parts[at] = part;
        }
        match &self.last {
            Some((last, place)) if *last == parts => self.counts[*place] += 1,
            _ => {
                let place = self.place(&parts);
                self.counts[place] += 1;
                let before = self.last.replace((parts, place));
                parts = before.map(|(values, _)| values).unwrap_or_default();
            }
        }
        self.scratch = parts;
    }

    /// Counts sockets that are known by number only.
    pub fn add_many(&mut self, values: Vec<GroupValue>, count: u64) {
        self.total += count;
        let place = self.place(&values);
        self.counts[place] += count;
    }

    /// Returns the keys that were counted by.
    pub fn keys(&self) -> &[GroupKey] {
        &self.keys
    }

    /// Returns every combination of values with its count, in no particular
    /// order.
    pub fn iter(&self) -> impl Iterator<Item = (&[GroupValue], u64)> {
        self.places.iter().map(|(values, place)| (values.as_slice(), self.counts[*place]))
    }
}

fn part(key: GroupKey, row: &Row<'_>) -> GroupValue {
    let socket = &row.socket;
    match key {
        GroupKey::State => GroupValue::State(socket.state),
        GroupKey::Process => GroupValue::HiddenProcess,
        GroupKey::User => socket.uid.map_or(GroupValue::None, GroupValue::User),
        GroupKey::LocalPort => {
            socket.local().map_or(GroupValue::None, |local| GroupValue::Port(local.port))
        }
        GroupKey::Remote => {
            peer(row).map_or(GroupValue::None, |(address, _)| GroupValue::Address(address))
        }
        GroupKey::RemotePort => {
            peer(row).map_or(GroupValue::None, |(_, port)| GroupValue::Port(port))
        }
        GroupKey::Cgroup | GroupKey::Unit => {
            row.facts.cgroup_id().map_or(GroupValue::None, GroupValue::Cgroup)
        }
        GroupKey::Netns => GroupValue::Netns,
        GroupKey::Family => GroupValue::Family(socket.table.family),
    }
}

/// Returns the remote end of a socket that has one.
fn peer(row: &Row<'_>) -> Option<(Address, u16)> {
    let remote = row.socket.remote()?;
    let connected = row.socket.state.is_connected() || !remote.address.is_unspecified();
    connected.then_some((remote.address, remote.port))
}
