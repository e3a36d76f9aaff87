//! Sockets counted by keys, with the keys' values made readable.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::group::{GroupKey, GroupValue, Groups};
use crate::model::address::Address;
use crate::model::escape::escaped;
use crate::model::gap::Gap;
use crate::model::owner::Owners;
use crate::model::proto::Family;
use crate::model::row::Row;
use crate::model::standing::Standing;
use crate::model::state::{State, StateSet};
use crate::model::table::Table;
use crate::model::unit::unit_of;
use crate::source::{Report, SourceError};
use crate::sys::cgroups::Cgroups;
use crate::sys::procfs;
use crate::sys::users::Users;

use crate::machine::Machine;
use crate::query::{Lookups, Selection};

use super::quick_count::quick_count;

/// The value of one key, ready to show.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyValue {
    /// A state.
    State(State),
    /// A process: id and escaped command name.
    Process(u32, String),
    /// A descriptor exists, its process is not visible.
    HiddenProcess,
    /// Nobody holds the socket.
    NoProcess(Standing),
    /// A user: id, and name where there is one.
    User(u32, Option<String>),
    /// A port.
    Port(u16),
    /// An address.
    Address(Address),
    /// A path or name.
    Text(String),
    /// A number that identifies a namespace.
    Netns(u64),
    /// A family.
    Family(Family),
    /// The socket has no such thing.
    None,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// A value for each key, in the order of the keys.
    pub values: Vec<KeyValue>,
    /// Sockets in it.
    pub count: u64,
}

impl Count {
    /// Returns the number by which a group has grown since `before`; one that was
    /// not there was empty.
    pub fn change(&self, group: &Group, before: &Self) -> i64 {
        let was = before.groups.iter().find(|other| other.values == group.values);
        group.count as i64 - was.map_or(0, |was| was.count as i64)
    }

    /// Returns the groups that were there before and are empty now, with what
    /// they lost.
    pub fn vanished<'b>(&'b self, before: &'b Self) -> impl Iterator<Item = &'b Group> {
        let here = |group: &&Group| self.groups.iter().any(|other| other.values == group.values);
        before.groups.iter().filter(move |group| group.count > 0 && !here(group))
    }
}

/// A finished count.
pub struct Count {
    /// The keys that it was counted by.
    pub keys: Vec<GroupKey>,
    /// By state alone in the order of a connection's life; otherwise largest
    /// first.
    pub groups: Vec<Group>,
    /// Sockets counted.
    pub total: u64,
    /// The sources that served it, and the gaps.
    pub report: Report,
}

/// Counts rows that are there already.
pub fn grouped<'r>(
    machine: &Machine,
    rows: impl Iterator<Item = &'r Row<'r>>,
    lookups: &Lookups,
    keys: Vec<GroupKey>,
) -> Vec<Group> {
    let mut groups = Groups::new(keys, StateSet::ALL);
    rows.for_each(|row| groups.add(row, &lookups.owners));
    KeyNames::for_keys(machine, groups.keys(), &lookups.owners).finish(&groups)
}

/// Counts the sockets that are selected.
///
/// # Errors
/// When no table could be read.
pub fn count(
    machine: &Machine,
    selection: &Selection,
    keys: Vec<GroupKey>,
) -> Result<Count, SourceError> {
    let mut groups = Groups::new(keys, selection.states());
    let mut lookups = Lookups::of(machine, selection.needs());
    let mut report;
    if let Some(quick) = quick_count(machine, selection, &mut groups)? {
        report = quick;
    } else if groups.keys().contains(&GroupKey::Process) || selection.needs().owners {
        // Owners are looked up for the inodes that matter, so the rows wait.
        let mut table = Table::default();
        report = machine.scan(&selection.want, &mut |row| {
            if selection.takes(row, &lookups, false) {
                table.push(row);
            }
            ControlFlow::Continue(())
        })?;
        let (found, gap) = machine.owners(table.iter().map(|row| row.socket.inode));
        report.gaps.extend(gap);
        lookups.owners = found.into();
        for row in table.iter().filter(|row| selection.takes(row, &lookups, true)) {
            groups.add(&row, &lookups.owners);
        }
    } else {
        report = machine.scan(&selection.want, &mut |row: &Row<'_>| {
            if selection.takes(row, &lookups, true) {
                groups.add(row, &lookups.owners);
            }
            ControlFlow::Continue(())
        })?;
    }
    let names = KeyNames::for_keys(machine, groups.keys(), &lookups.owners);
    let finished = names.finish(&groups);
    report.gaps.extend(names.gap(&groups));
    Ok(Count { keys: groups.keys().to_vec(), groups: finished, total: groups.total, report })
}

/// Turns ids into names; asks only for what the keys need.
struct KeyNames<'o> {
    owners: &'o Owners,
    users: Users,
    cgroups: Option<Cgroups>,
    netns: Option<u64>,
}

impl<'o> KeyNames<'o> {
    fn for_keys(machine: &Machine, keys: &[GroupKey], owners: &'o Owners) -> Self {
        let cgroups = keys.iter().any(|key| matches!(key, GroupKey::Cgroup | GroupKey::Unit));
        let netns = keys.contains(&GroupKey::Netns);
        Self {
            owners,
            users: Users::new(),
            cgroups: cgroups.then(|| Cgroups::load(machine.proc_root())),
            netns: if netns { procfs::netns(machine.proc_root()) } else { None },
        }
    }

    /// Groups with equal readable values become one (two cgroups, one unit).
    fn finish(&self, groups: &Groups) -> Vec<Group> {
        let mut merged: BTreeMap<Vec<KeyValue>, u64> = BTreeMap::new();
        for (parts, count) in groups.iter() {
            let keys = groups.keys().iter();
            let values = keys.zip(parts).map(|(key, part)| self.value(*key, *part)).collect();
            *merged.entry(values).or_default() += count;
        }
        let mut list: Vec<Group> =
            merged.into_iter().map(|(values, count)| Group { values, count }).collect();
        if groups.keys() != [GroupKey::State] {
            list.sort_by_key(|group| std::cmp::Reverse(group.count));
        }
        list
    }

    fn value(&self, key: GroupKey, part: GroupValue) -> KeyValue {
        match part {
            GroupValue::State(state) => KeyValue::State(state),
            GroupValue::Process(pid) => KeyValue::Process(pid, escaped(self.owners.comm(pid))),
            GroupValue::HiddenProcess => KeyValue::HiddenProcess,
            GroupValue::NoProcess(standing) => KeyValue::NoProcess(standing),
            GroupValue::User(uid) => KeyValue::User(uid, self.users.name(uid)),
            GroupValue::Port(port) => KeyValue::Port(port),
            GroupValue::Address(address) => KeyValue::Address(address),
            GroupValue::Cgroup(id) => self.cgroup(key, id),
            GroupValue::Netns => self.netns.map_or(KeyValue::None, KeyValue::Netns),
            GroupValue::Family(family) => KeyValue::Family(family),
            GroupValue::None => KeyValue::None,
        }
    }

    fn cgroup(&self, key: GroupKey, id: u64) -> KeyValue {
        let Some(path) = self.cgroups.as_ref().and_then(|cgroups| cgroups.path(id)) else {
            return KeyValue::Text(format!("cgroup id {id}"));
        };
        let name = if key == GroupKey::Unit { unit_of(path) } else { Some(path) };
        name.map_or(KeyValue::None, |name| KeyValue::Text(escaped(name.as_bytes())))
    }

    /// Returns the gap of cgroups that could not be turned into paths.
    fn gap(&self, groups: &Groups) -> Option<Gap> {
        let cgroups = self.cgroups.as_ref()?;
        let unnamed: u64 = groups
            .iter()
            .filter(|(parts, _)| {
                parts
                    .iter()
                    .any(|p| matches!(p, GroupValue::Cgroup(id) if cgroups.path(*id).is_none()))
            })
            .map(|(_, count)| count)
            .sum();
        let why = match cgroups.mount() {
            Ok(_) => "their cgroup is gone or lies outside our cgroup namespace",
            Err(why) => why,
        };
        (unnamed > 0).then(|| {
            Gap::new("cgroups", format!("{unnamed} sockets are shown by cgroup id: {why}"))
                .count(unnamed)
        })
    }
}
