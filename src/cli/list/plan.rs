//! The plan of a list: the meaning of its flags.

use crate::cli::context::Context;
use crate::cli::error::Error;
use crate::cli::flags::ListFlags;
use crate::cli::select;
use crate::machine::Machine;
use crate::model::proto::Proto;
use crate::model::row::Row;
use crate::model::state::{State, StateSet};
use crate::model::want::Extras;
use crate::output::json;
use crate::output::text::{Detail, DetailsPlace, Layout, TextColumn};
use crate::query::fields::{Field, FieldForm, Order};
use crate::query::{Lookups, Selection, Subflows, unix_names};
use crate::sys::users::Users;

/// The meaning of the flags of `list`.
pub struct ListPlan {
    /// The rows.
    pub selection: Selection,
    /// The columns and details of a row in text.
    pub layout: Layout,
    /// The details of a row in JSON.
    pub details: json::DetailsJson,
    /// The fields of `--columns`, or of `--csv`.
    pub columns: Vec<Field>,
    /// `--csv`.
    pub csv: bool,
    /// The order, when it is not the kernel's.
    pub order: Option<Order>,
    /// At most so many rows.
    pub limit: usize,
    /// True where owners are shown.
    pub owners: bool,
    /// True where nobody named states, so that some are left out.
    pub unasked_states: bool,
    unix_names: bool,
    cgroups: bool,
    users: bool,
    subflows: bool,
}

/// The columns of `--csv` without `--columns`.
const CSV_COLUMNS: [&str; 9] =
    ["proto", "state", "recvq", "sendq", "local", "remote", "uid", "inode", "cookie"];

impl ListPlan {
    /// Reads the flags; `machine` knows names.
    ///
    /// # Errors
    /// When they make no sense.
    pub fn new(context: &Context<'_>, flags: &ListFlags, machine: &Machine) -> Result<Self, Error> {
        let shared = &context.shared;
        let mut selection =
            select::selection(shared, &flags.words.all()?, list_defaults(flags), machine)?;
        let order = flags.sort.as_deref().map(order).transpose()?;
        let columns = columns(flags, shared.json)?;
        let fields: Vec<Field> =
            columns.iter().copied().chain(order.map(|order| order.field)).collect();
        let extended = flags.extended;
        let age = shows_age(flags, &selection, &fields);
        let asked = Extras {
            // The subflows of an MPTCP connection are found by a token in there.
            tcp_info: age || flags.info || shows_subflows(&selection, &columns),
            congestion: flags.info,
            tos: flags.tos,
            memory: flags.memory,
        };
        let extras = fields.iter().map(|field| field.extras()).fold(asked, Extras::union);
        selection.want.extras = selection.want.extras.union(extras);
        selection.want.any_order = true;
        selection.want.details |= extended
            || flags.cgroup
            || flags.socket_options
            || flags.tos
            || shared.json
            || fields.iter().any(|field| field.needs_diag());

        let tables = selection.reach();
        let has = |proto| tables.iter().any(|(table, _)| table.proto == proto);
        let one_proto = tables.windows(2).all(|pair| pair[0].0.proto == pair[1].0.proto);
        let typed = has(Proto::Unix) || has(Proto::Packet) || has(Proto::Vsock);
        let unix_names = has(Proto::Unix)
            && (columns.is_empty() || fields.iter().any(|field| field.needs_unix_names()));
        let subflows = shows_subflows(&selection, &columns);
        Ok(Self {
            layout: layout(flags, shared.processes, !one_proto || typed, age),
            details: json::DetailsJson {
                processes: shared.processes,
                info: flags.info,
                memory: flags.memory,
                extended,
            },
            owners: shared.processes || fields.iter().any(|field| field.needs_owners()),
            unasked_states: selection.want.unasked,
            unix_names: unix_names || selection.needs().peers,
            cgroups: extended
                || flags.cgroup
                || shared.json
                || selection.needs().cgroups
                || fields.iter().any(|field| field.needs_cgroups()),
            users: extended || fields.iter().any(|field| field.needs_users()),
            limit: flags.limit.unwrap_or(usize::MAX),
            csv: flags.csv,
            subflows,
            selection,
            columns,
            order,
        })
    }

    /// Tells whether rows must wait until all are there.
    pub fn must_keep(&self) -> bool {
        self.owners || self.order.is_some() || self.selection.needs().owners
    }

    /// Tells whether the order cannot be told without owners.
    pub fn order_needs_owners(&self) -> bool {
        self.order.is_some_and(|order| order.field.needs_owners())
    }

    /// Tells whether a row is in one of the states to show.
    pub fn shows(&self, row: &Row<'_>) -> bool {
        self.selection.want.states_of(row.socket.table).contains(row.socket.state)
    }

    /// Looks up what rows need, before the first of them.
    ///
    /// # Errors
    /// When a table that it takes cannot be read.
    pub fn lookups(&self, machine: &Machine) -> Result<Lookups, Error> {
        let live = machine.is_live();
        Ok(Lookups {
            unix_names: if self.unix_names && live { unix_names(machine) } else { <_>::default() },
            cgroups: self.cgroups.then(|| machine.cgroups()),
            users: self.users.then(Users::new),
            subflows: if self.subflows && live {
                Subflows::read(machine)?.0
            } else {
                <_>::default()
            },
            ..Lookups::default()
        })
    }
}

/// Returns the columns and details that the flags ask for in text.
fn layout(flags: &ListFlags, processes: bool, proto: bool, age: bool) -> Layout {
    let extended = flags.extended;
    let columns = [
        (proto, TextColumn::Proto),
        (true, TextColumn::State),
        (!flags.no_queues, TextColumn::Queues),
        (true, TextColumn::Ends),
        (age, TextColumn::Age),
        (flags.timers || extended, TextColumn::Timer),
        (extended, TextColumn::Ids),
        (processes, TextColumn::Process),
    ];
    let details = [
        (extended, Detail::Identity),
        (extended || flags.socket_options, Detail::SocketOptions),
        (extended || flags.cgroup, Detail::Cgroup),
        (flags.tos, Detail::Tos),
        (flags.memory, Detail::Memory),
        (flags.info, Detail::Info),
    ];
    Layout { columns: chosen(columns), details: chosen(details), place: place(flags) }
}

fn place(flags: &ListFlags) -> DetailsPlace {
    if flags.one_line { DetailsPlace::Behind } else { DetailsPlace::Below }
}

fn chosen<T, const N: usize>(parts: [(bool, T); N]) -> Vec<T> {
    parts.into_iter().filter_map(|(shown, part)| shown.then_some(part)).collect()
}

fn shows_subflows(selection: &Selection, columns: &[Field]) -> bool {
    let mptcp = selection.reach().iter().any(|(table, _)| table.proto == Proto::Mptcp);
    mptcp && columns.is_empty()
}

/// The protocols `list` shows unasked.
const PROTOS: [Proto; 4] = [Proto::Tcp, Proto::Udp, Proto::Raw, Proto::Unix];

/// Returns the protocols and states that `list` shows unasked.
fn defaults() -> select::Defaults<'static> {
    select::Defaults { protos: &PROTOS, states: StateSet::default_view() }
}

/// Returns the defaults of these flags: a recorded dump and a recording are of
/// TCP unless the flags say otherwise.
fn list_defaults(flags: &ListFlags) -> select::Defaults<'static> {
    let mut unasked = defaults();
    if flags.from.is_some() || flags.dump.is_some() {
        unasked.protos = &[Proto::Tcp];
    }
    if flags.from.is_some() {
        unasked.states = StateSet::ALL;
    }
    if flags.bound {
        unasked.states = State::Bound.into();
    }
    unasked
}

/// Tells whether ages are shown: where every row may have one it is worth asking
/// for.
fn shows_age(flags: &ListFlags, selection: &Selection, fields: &[Field]) -> bool {
    let aged = StateSet::from_iter([State::CloseWait, State::SynSent, State::TimeWait]);
    let reach = selection.reach();
    let all_aged = reach.iter().all(|(_, states)| states.is_subset(aged));
    flags.info
        || (all_aged && !selection.want.listening && !reach.is_empty())
        || fields.iter().any(|field| field.form() == FieldForm::Age)
}

fn columns(flags: &ListFlags, json: bool) -> Result<Vec<Field>, Error> {
    if json && !flags.columns.is_empty() {
        return Err(Error::Usage(
            "--columns chooses fields of text and --csv, not of --json".into(),
        ));
    }
    if flags.csv && flags.columns.is_empty() {
        return CSV_COLUMNS.iter().map(|name| field(name, "unknown column")).collect();
    }
    flags.columns.iter().map(|name| field(name, "unknown column")).collect()
}

fn order(text: &str) -> Result<Order, Error> {
    let (name, descending) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    Ok(Order { field: field(name, "cannot sort by")?, descending })
}

/// Finds the field of a name on the command line.
fn field(name: &str, what: &str) -> Result<Field, Error> {
    Field::parse(name).ok_or_else(|| {
        Error::Usage(format!("{what} '{name}': 'sockstate list --columns help' lists the fields"))
    })
}
