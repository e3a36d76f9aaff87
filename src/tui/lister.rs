//! Makes lists: which sockets the table shows, and in which order. Beside the
//! drawing, since a million of them take a while.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::answer;
use crate::filter::Filter;
use crate::group::GroupKey;
use crate::live::Round;
use crate::machine::Machine;
use crate::model::hash::KeyedSet;
use crate::model::row::Row;
use crate::model::state::State;
use crate::model::want::Want;
use crate::query::fields::{Field, FieldValue, Order};
use crate::query::{Lookups, Means, Selection, SystemNames, UnixPattern};
use crate::rules::alert_filter;
use crate::sys::clock;
use crate::sys::users::Users;

use super::log_filter::LogFilter;
use super::name_cache::NameCache;
use super::row_details::{Fetched, FetchedDetails, Request};
use super::rows::{Job, Listed, RowKey};

/// Makes lists; keeps what is the same from one to the next.
pub struct Lister {
    machine: Machine,
    /// The filter that was resolved last, whether it was being typed, and the
    /// result.
    selection: Option<(Filter, bool, Result<Arc<Selection>, String>)>,
    /// The selection of the sockets that alerts are about, with its text.
    faulty: Option<(String, Arc<Selection>)>,
    names: NameCache,
}

impl Lister {
    /// Makes a lister of the machine's namespace.
    pub fn new(machine: Machine) -> Self {
        Self { machine, selection: None, faulty: None, names: NameCache::default() }
    }

    /// Returns what it asks.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Fetches what is asked of the rows on the screen.
    pub fn fetch(&mut self, request: &Request) -> Fetched {
        let details = (!request.is_held).then(|| self.details(request));
        let names = self.names.of(request.sockets.iter(), request.services);
        Fetched { details, names }
    }

    fn details(&self, request: &Request) -> FetchedDetails {
        let line = |pid: &u32| (*pid, answer::command_line(&self.machine, *pid));
        FetchedDetails {
            asked_ns: clock::monotonic_ns(),
            rows: answer::row_details(&request.sockets),
            command_lines: request.pids.iter().map(line).collect(),
        }
    }

    /// Makes a list.
    pub fn list(&mut self, job: &Job) -> Listed {
        let mut listed = Listed {
            round: Arc::clone(&job.round),
            filter: job.filter.clone(),
            order: Vec::new(),
            pinned: 0,
            lookups: Lookups::default(),
            log_filter: LogFilter::All,
            listening: None,
            error: None,
            groups: None,
            names: None,
        };
        if let Some(services) = job.listener_names {
            let sockets = job.round.snapshot.listeners.iter().map(|listener| &listener.socket);
            listed.names = Some(self.names.of(sockets, services));
        }
        let selection = match self.selection(job) {
            Ok(selection) => selection,
            Err(error) => {
                // No rows: those of no filter would be taken for those of this one.
                listed.error = Some(error);
                listed.log_filter = LogFilter::Nothing;
                listed.listening = Some(KeyedSet::default());
                return listed;
            }
        };
        if let Some(selection) = &selection {
            listed.log_filter = LogFilter::By(Arc::clone(selection), !job.invert);
        }
        listed.lookups = self.lookups(job, selection.as_deref());
        let rows = self.rows(job, selection.as_deref(), &listed.lookups);
        if let Some(users) = &listed.lookups.users {
            // What is drawn from them later asks nobody.
            let uids: FxHashSet<u32> = rows.iter().filter_map(|(_, row)| row.socket.uid).collect();
            uids.into_iter().for_each(|uid| drop(users.name(uid)));
        }
        if selection.is_some() || job.faults {
            let sockets = rows.iter().map(|(_, row)| &row.socket);
            let listening = sockets.filter(|socket| socket.state == State::Listen);
            listed.listening = Some(listening.map(RowKey::of).collect());
        }
        if let Some(key) = job.group {
            let rows = rows.iter().map(|(_, row)| row);
            listed.groups = Some((
                key,
                answer::grouped(&self.machine, rows, &listed.lookups, vec![key, GroupKey::State]),
            ));
        }
        listed.order = self.ordered(&rows, job.order, &listed.lookups);
        listed.pinned = pin_first(&mut listed.order, job);
        listed
    }

    /// Returns the rows that a job selects, with their places in the table.
    fn rows<'j>(
        &mut self,
        job: &'j Job,
        selection: Option<&Selection>,
        lookups: &Lookups,
    ) -> Vec<(u32, Row<'j>)> {
        let faulty = if job.faults { self.faulty(job) } else { None };
        let is_faulty = |row: &Row<'_>| {
            faulty.as_ref().and_then(|faulty| faulty.judges(row, lookups)) == Some(true)
        };
        // What cannot be told is neither selected nor the contrary.
        let is_selected = |row: &Row<'_>| {
            selection.is_none_or(|selection| {
                selection.judges(row, lookups).is_some_and(|yes| yes != job.invert)
            })
        };
        let takes_all = job.want == Want::all_of(job.want.tables.clone());
        let is_wanted = |row: &Row<'_>| {
            is_selected(row)
                && (takes_all || job.want.takes(&row.socket))
                && (!job.faults || is_faulty(row))
        };
        let rows = (0_u32..).zip(job.round.table.iter());
        rows.filter(|(_, row)| is_wanted(row)).collect()
    }

    /// Returns the places of rows, in order.
    fn ordered(
        &self,
        rows: &[(u32, Row<'_>)],
        order: Option<Order>,
        lookups: &Lookups,
    ) -> Vec<u32> {
        let value = |row| order.and_then(|order| order.field.value(row, lookups));
        let mut keyed: Vec<(Option<FieldValue>, u32)> =
            rows.iter().map(|(at, row)| (value(row), *at)).collect();
        if let Some(order) = order {
            keyed.sort_by(|(a, _), (b, _)| order.compare(a, b));
        }
        keyed.into_iter().map(|(_, at)| at).collect()
    }

    /// Returns what decides the filter; names are asked for once, when it is
    /// new.
    fn selection(&mut self, job: &Job) -> Result<Option<Arc<Selection>>, String> {
        let Some(filter) = &job.filter else { return Ok(None) };
        if let Some((known, typing, result)) = &self.selection
            && known == filter
            // What could not be found is looked for again when the line is finished.
            && (result.is_ok() || *typing == job.typing)
        {
            return result.clone().map(Some);
        }
        let result = self.resolved(filter, job).map(Arc::new);
        self.selection = Some((filter.clone(), job.typing, result.clone()));
        result.map(Some)
    }

    fn resolved(&self, filter: &Filter, job: &Job) -> Result<Selection, String> {
        let mut names = if job.typing {
            SystemNames::while_typed(&self.machine)
        } else {
            SystemNames::new(&self.machine)
        };
        let resolved = filter.resolve(&mut names).map_err(|error| error.to_string())?;
        let means = Means { kernel: false, netlink: self.machine.is_live() };
        let want = Want::all_of(job.want.tables.clone());
        Ok(Selection::compile(&self.machine, want, resolved.expr, means))
    }

    /// Returns what selects every socket that an alert is about, `None` where
    /// there is none.
    fn faulty(&mut self, job: &Job) -> Option<Arc<Selection>> {
        let snapshot = &job.round.snapshot;
        let alerts = job.round.judged.firing.iter().map(|standing| &standing.alert);
        let filters =
            alerts.filter_map(|alert| alert_filter::filter_of(alert, snapshot, &job.custom));
        let each: Vec<String> = filters.map(|filter| format!("({filter})")).collect();
        let text = each.join(" or ");
        if self.faulty.as_ref().is_none_or(|(known, _)| *known != text) {
            let filter = Filter::parse(&[&text]).ok()??;
            let selection = self.resolved(&filter, job).ok()?;
            self.faulty = Some((text, Arc::new(selection)));
        }
        self.faulty.as_ref().map(|(_, selection)| Arc::clone(selection))
    }

    fn lookups(&self, job: &Job, selection: Option<&Selection>) -> Lookups {
        let mut lookups =
            selection.map(|s| Lookups::of(&self.machine, s.needs())).unwrap_or_default();
        lookups.owners = Arc::clone(&job.round.snapshot.owners);
        let order = job.order.map(|order| order.field);
        let any = |needs: fn(Field) -> bool| job.fields.iter().copied().chain(order).any(needs);
        let by_cgroup = matches!(job.group, Some(GroupKey::Cgroup | GroupKey::Unit)) || job.detail;
        if lookups.cgroups.is_none() && (by_cgroup || any(Field::needs_cgroups)) {
            lookups.cgroups = Some(self.machine.cgroups());
        }
        if any(Field::needs_users) || job.group == Some(GroupKey::User) {
            lookups.users = Some(Users::new());
        }
        if lookups.unix_names.is_empty() {
            lookups.unix_names = unix_names(&job.round);
        }
        lookups
    }
}

/// Puts those that are pinned on top, and says how many that are.
fn pin_first(order: &mut [u32], job: &Job) -> usize {
    if job.pins.is_empty() {
        return 0;
    }
    let is_pinned = |at: &u32| {
        let row = job.round.table.get(*at as usize);
        row.is_some_and(|row| job.pins.contains(&RowKey::of(&row.socket)))
    };
    let pinned: FxHashSet<u32> = order.iter().copied().filter(is_pinned).collect();
    // A stable sort leaves each half as it is.
    order.sort_by_key(|at| !pinned.contains(at));
    pinned.len()
}

/// Returns the names of unix sockets, from the rows themselves.
fn unix_names(round: &Round) -> FxHashMap<u32, UnixPattern> {
    let named = round.table.iter().filter_map(|row| {
        let name = row.facts.unix_name()?;
        Some((row.socket.inode, UnixPattern::of(name)))
    });
    named.collect()
}
