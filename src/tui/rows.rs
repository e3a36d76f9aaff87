//! Which sockets the table shows, and in which order: worked out beside the
//! drawing, since a million of them take a while.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::hash::KeyedSet;

use crate::engine::fields::{Field, Order, Value};
use crate::engine::{Engine, Group, Lookups, Means, Round, Selection, SystemNames};
use crate::filter::Filter;
use crate::group::Key;
use crate::model::row::Row;
use crate::model::socket::{Ends, Socket};
use crate::model::state::State;
use crate::model::want::Want;
use crate::sys::users::Users;

use super::concern::{self, OwnFilters};
use super::sieve::Sieve;

/// What a socket is known by from one round to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowKey {
    cookie: u64,
    inode: u32,
    ends: Ends,
}

impl RowKey {
    /// Of a socket. The inode is what is left where there is no cookie.
    pub fn of(socket: &Socket) -> Self {
        let inode = if socket.cookie == 0 { socket.inode } else { 0 };
        Self { cookie: socket.cookie, inode, ends: socket.ends }
    }
}

/// What is to be listed.
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
    pub own: Arc<OwnFilters>,
    /// The order, where it is not the kernel's.
    pub order: Option<Order>,
    /// Sockets that stand on top.
    pub pins: KeyedSet<RowKey>,
    /// Count by this key too.
    pub group: Option<Key>,
    /// What is shown of each.
    pub fields: Vec<Field>,
    /// Whether everything is shown of one.
    pub detail: bool,
}

/// What came of it.
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
    pub sieve: Sieve,
    /// Those of the listed sockets that listen; `None` where all do.
    pub listening: Option<KeyedSet<RowKey>>,
    /// Why the filter could not be used.
    pub error: Option<String>,
    /// Counts by the key and state.
    pub groups: Option<(Key, Vec<Group>)>,
}

/// Makes lists; keeps what is the same from one to the next.
pub struct Lister {
    engine: Engine,
    /// The filter that was resolved last, and whether it was being typed, with
    /// what came of it.
    selection: Option<(Filter, bool, Result<Arc<Selection>, String>)>,
    /// What selects the sockets that alerts are about, with its text.
    faulty: Option<(String, Arc<Selection>)>,
}

impl Lister {
    /// A lister of the engine's namespace.
    pub fn new(engine: Engine) -> Self {
        Self { engine, selection: None, faulty: None }
    }

    /// Whom it asks.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Lists.
    pub fn list(&mut self, job: &Job) -> Listed {
        let mut listed = Listed {
            round: Arc::clone(&job.round),
            filter: job.filter.clone(),
            order: Vec::new(),
            pinned: 0,
            lookups: Lookups::default(),
            sieve: Sieve::Open,
            listening: None,
            error: None,
            groups: None,
        };
        let selection = match self.selection(job) {
            Ok(selection) => selection,
            Err(error) => {
                // No rows: those of no filter would be taken for those of this one.
                listed.error = Some(error);
                listed.sieve = Sieve::Shut;
                listed.listening = Some(KeyedSet::default());
                return listed;
            }
        };
        if let Some(selection) = &selection {
            listed.sieve = Sieve::Of(Arc::clone(selection), !job.invert);
        }
        let faulty = if job.faults { self.faulty(job) } else { None };
        let takes_all = job.want == Want::all_of(job.want.tables.clone());
        listed.lookups = self.lookups(job, selection.as_deref());
        let is_faulty = |row: &Row<'_>, lookups: &Lookups| {
            faulty.as_ref().and_then(|faulty| faulty.judges(row, lookups)) == Some(true)
        };
        let wanted = |row: &Row<'_>| {
            let selected = match &selection {
                None => true,
                // What cannot be told is neither selected nor the contrary.
                Some(selection) => {
                    selection.judges(row, &listed.lookups).is_some_and(|yes| yes != job.invert)
                }
            };
            selected
                && (takes_all || job.want.takes(&row.socket))
                && (!job.faults || is_faulty(row, &listed.lookups))
        };
        let rows = (0_u32..).zip(job.round.table.iter());
        let rows: Vec<(u32, Row<'_>)> = rows.filter(|(_, row)| wanted(row)).collect();
        if selection.is_some() || job.faults {
            let sockets = rows.iter().map(|(_, row)| &row.socket);
            let listening = sockets.filter(|socket| socket.state == State::Listen);
            listed.listening = Some(listening.map(RowKey::of).collect());
        }
        if let Some(key) = job.group {
            let rows = rows.iter().map(|(_, row)| row);
            listed.groups =
                Some((key, self.engine.grouped(rows, &listed.lookups, vec![key, Key::State])));
        }
        listed.order = self.ordered(&rows, job.order, &listed.lookups);
        listed.pinned = pin_first(&mut listed.order, job);
        listed
    }

    /// The places of rows, in order.
    fn ordered(
        &self,
        rows: &[(u32, Row<'_>)],
        order: Option<Order>,
        lookups: &Lookups,
    ) -> Vec<u32> {
        let value = |row| order.and_then(|order| order.field.value(row, lookups));
        let mut keyed: Vec<(Option<Value>, u32)> =
            rows.iter().map(|(at, row)| (value(row), *at)).collect();
        if let Some(order) = order {
            keyed.sort_by(|(a, _), (b, _)| order.compare(a, b));
        }
        keyed.into_iter().map(|(_, at)| at).collect()
    }

    /// What decides the filter; names are asked for once, when it is new.
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
            SystemNames::while_typed(&self.engine)
        } else {
            SystemNames::new(&self.engine)
        };
        let resolved = filter.resolve(&mut names).map_err(|error| error.to_string())?;
        let means = Means { kernel: false, netlink: self.engine.is_live() };
        let want = Want::all_of(job.want.tables.clone());
        Ok(self.engine.select(want, resolved.expr, means))
    }

    /// What selects every socket that an alert is about, `None` where there is
    /// none.
    fn faulty(&mut self, job: &Job) -> Option<Arc<Selection>> {
        let frame = &job.round.frame;
        let alerts = job.round.alerts.iter().map(|standing| &standing.alert);
        let filters = alerts.filter_map(|alert| concern::filter_of(alert, frame, &job.own));
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
        let mut lookups = selection.map(|s| self.engine.lookups_for(s)).unwrap_or_default();
        lookups.owners = Arc::clone(&job.round.frame.owners);
        let order = job.order.map(|order| order.field);
        let any = |needs: fn(Field) -> bool| job.fields.iter().copied().chain(order).any(needs);
        let by_cgroup = matches!(job.group, Some(Key::Cgroup | Key::Unit)) || job.detail;
        if lookups.cgroups.is_none() && (by_cgroup || any(Field::needs_cgroups)) {
            lookups.cgroups = Some(self.engine.cgroups());
        }
        if any(Field::needs_users) || job.group == Some(Key::User) {
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

/// Names of unix sockets, from the rows themselves.
fn unix_names(round: &Round) -> FxHashMap<u32, crate::engine::UnixName> {
    let named = round.table.iter().filter_map(|row| {
        let name = row.facts.unix_name()?;
        Some((row.socket.inode, crate::engine::UnixName::of(name)))
    });
    named.collect()
}
