//! Sockets by a key, a column for each state.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::answer::{Group, KeyValue};
use crate::group::GroupKey;
use crate::live::Round;
use crate::model::human;
use crate::model::state::{State, TCP_STATES};
use crate::output::style::{Tone, state_tone};
use crate::tui::app::{App, TabView};
use crate::tui::grid::{Cut, GridCell, GridColumn};
use crate::tui::rows::Job;
use crate::tui::sheet::{Sheet, SheetRow};
use crate::tui::view::table;

/// The keys to group by, in the order in which they follow one another.
const KEYS: [GroupKey; 8] = [
    GroupKey::Process,
    GroupKey::Unit,
    GroupKey::Cgroup,
    GroupKey::Remote,
    GroupKey::LocalPort,
    GroupKey::RemotePort,
    GroupKey::State,
    GroupKey::Netns,
];

/// The tab.
pub struct GroupsTab;

impl TabView for GroupsTab {
    fn title(&self) -> &'static str {
        "Groups"
    }

    fn is_filtered(&self) -> bool {
        true
    }

    fn has_faults(&self) -> bool {
        true
    }

    fn ways(&self) -> usize {
        KEYS.len()
    }

    fn adjust(&self, app: &App, job: &mut Job) {
        job.group = Some(key(app));
    }

    fn sheet(&self, app: &App, _round: &Round) -> Option<Sheet> {
        Some(sheet(app))
    }

    fn draw(&self, app: &mut App, buffer: &mut Buffer, area: Rect) {
        table::draw_sheet(app, buffer, area);
    }

    fn subject(&self, app: &App, row: usize) -> Option<String> {
        Some(app.sheet()?.rows.get(row)?.state?.to_string())
    }

    fn command(&self, app: &App) -> Vec<String> {
        let count = app.ours("count") + &app.table_flags(|_| true);
        let by = match key(app) {
            GroupKey::State => "--by state".to_owned(),
            key => format!("--by {},state", key.name()),
        };
        [count, by].into_iter().chain(app.filter_word()).collect()
    }
}

/// Returns what they are by at present.
fn key(app: &App) -> GroupKey {
    KEYS[app.tabs.state().way % KEYS.len()]
}

/// Makes the matrix, the largest group first.
fn sheet(app: &App) -> Sheet {
    let key = key(app);
    let groups = app.listed.as_ref().and_then(|listed| listed.groups.as_ref());
    let groups = groups.filter(|(of, _)| *of == key).map_or(&[][..], |(_, groups)| groups);
    let mut rows: BTreeMap<&KeyValue, BTreeMap<State, u64>> = BTreeMap::new();
    for Group { values, count } in groups {
        let [value, KeyValue::State(state)] = values.as_slice() else { continue };
        *rows.entry(value).or_default().entry(*state).or_default() += count;
    }
    // A column for each state that any group has.
    let used = |state: &State| rows.values().any(|counts| counts.contains_key(state));
    let states: Vec<State> = TCP_STATES.into_iter().chain([State::Bound]).filter(used).collect();
    let mut sheet = Sheet {
        caption: format!("{} by {}", human::plural(rows.len() as u64, "group"), key.name()),
        columns: vec![first(key), GridColumn::number("ALL", 0)],
        rows: rows.iter().map(|(value, counts)| row(key, value, counts, &states)).collect(),
    };
    sheet
        .columns
        .extend(states.iter().map(|state| GridColumn::number(short(*state), priority(*state))));
    sheet.sort(1, true);
    sheet
}

/// Returns the column of what it is grouped by.
fn first(key: GroupKey) -> GridColumn {
    let title = key.name().to_uppercase();
    match key {
        GroupKey::Process => {
            let column = GridColumn::process(&title, 0);
            // As many as "none: unaccepted" has.
            GridColumn { cut: Cut { least: 16, ..column.cut }, ..column }
        }
        _ => GridColumn::long(&title, 0, 16, 30),
    }
}

fn row(
    key: GroupKey,
    value: &KeyValue,
    counts: &BTreeMap<State, u64>,
    states: &[State],
) -> SheetRow {
    let total: u64 = counts.values().sum();
    let mut row = SheetRow::new(filter(key, value));
    row.state = counts.iter().max_by_key(|(_, count)| **count).map(|(state, _)| *state);
    row.text(GridCell::plain(name(value)))
        .number(GridCell::plain(human::count(total)), Some(total as f64));
    for state in states {
        let count = counts.get(state).copied().unwrap_or(0);
        let tone = if count > 0 { state_tone(*state) } else { Tone::Quiet };
        row.number(GridCell::new(tone, human::count(count)), Some(count as f64));
    }
    row
}

/// Returns what stands in the first column.
fn name(value: &KeyValue) -> String {
    match value {
        KeyValue::State(state) => state.to_string(),
        KeyValue::Process(pid, comm) => format!("{comm}[{pid}]"),
        KeyValue::HiddenProcess => "not visible".to_owned(),
        KeyValue::NoProcess(standing) => format!("none: {}", standing.name()),
        KeyValue::User(uid, None) => uid.to_string(),
        KeyValue::User(_, Some(name)) => name.clone(),
        KeyValue::Port(port) => port.to_string(),
        KeyValue::Address(address) => address.to_string(),
        KeyValue::Text(text) => text.clone(),
        KeyValue::Netns(inode) => inode.to_string(),
        KeyValue::Family(family) => family.name().to_owned(),
        KeyValue::None => "-".to_owned(),
    }
}

/// Returns the filter that selects a group, where the language has one.
fn filter(key: GroupKey, value: &KeyValue) -> Option<String> {
    Some(match (key, value) {
        (GroupKey::Process, KeyValue::Process(pid, _)) => format!("pid {pid}"),
        (GroupKey::Process, _) => "owner none".to_owned(),
        (GroupKey::Remote, KeyValue::Address(address)) => format!("dst {address}"),
        (GroupKey::LocalPort, KeyValue::Port(port)) => format!("sport = {port}"),
        (GroupKey::RemotePort, KeyValue::Port(port)) => format!("dport = {port}"),
        (GroupKey::State, KeyValue::State(state)) => format!("state {state}"),
        (GroupKey::Unit, KeyValue::Text(unit)) => format!("unit {unit}"),
        (GroupKey::Cgroup, KeyValue::Text(path)) => format!("cgroup {path}"),
        _ => return None,
    })
}

/// Returns a state's name where columns are many.
fn short(state: State) -> &'static str {
    match state {
        State::Established => "ESTAB",
        State::SynSent => "SYN_S",
        State::SynRecv => "SYN_R",
        State::FinWait1 => "FIN1",
        State::FinWait2 => "FIN2",
        State::TimeWait => "TIME_W",
        State::Close => "CLOSE",
        State::CloseWait => "CLOSE_W",
        State::LastAck => "LASTACK",
        State::Listen => "LISTEN",
        State::Closing => "CLOSING",
        State::Bound => "BOUND",
        State::Unknown(_) => "?",
    }
}

/// Returns which columns go first where there is no room.
fn priority(state: State) -> u8 {
    match state {
        State::Established | State::CloseWait => 0,
        State::TimeWait | State::SynRecv | State::SynSent => 1,
        State::Listen | State::FinWait1 | State::FinWait2 => 2,
        _ => 3,
    }
}
