//! Ephemeral ports, used, left, and for how long.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::live::{Round, Wishes};
use crate::model::human;
use crate::model::ports::{Budget, PortUse};
use crate::output::style::Tone;
use crate::tui::app::{App, TabView};
use crate::tui::grid::{GridCell, GridColumn};
use crate::tui::sheet::{Sheet, SheetRow, end};
use crate::tui::view::table;

/// The tab.
pub struct PortsTab;

impl TabView for PortsTab {
    fn title(&self) -> &'static str {
        "Ports"
    }

    fn wish(&self, wishes: &mut Wishes) {
        wishes.ports = true;
    }

    fn sheet(&self, app: &App, round: &Round) -> Option<Sheet> {
        Some(sheet(app, round))
    }

    fn draw(&self, app: &mut App, buffer: &mut Buffer, area: Rect) {
        table::draw_sheet(app, buffer, area);
    }

    fn subject(&self, _app: &App, _row: usize) -> Option<String> {
        Some("ports".to_owned())
    }

    fn command(&self, app: &App) -> Vec<String> {
        vec![app.ours("ports")]
    }
}

/// Makes a row for every budget, the fullest first.
fn sheet(app: &App, round: &Round) -> Sheet {
    let columns = vec![
        GridColumn::text("SOURCE", 1),
        GridColumn::text("DESTINATION", 0),
        GridColumn::number("USED", 0),
        GridColumn::number("SHARE", 1),
        GridColumn::text("", 3),
        GridColumn::number("TIME_WAIT", 2),
        GridColumn::number("PER S", 1),
        GridColumn::number("EMPTY IN", 0),
    ];
    let view = round.ports.as_ref().and_then(|view| view.ports.as_ref());
    let caption = match (&round.ports, view) {
        (None, _) => "reading".to_owned(),
        (Some(_), None) => "the range of ephemeral ports is not known".to_owned(),
        (Some(_), Some(ports)) => caption(ports),
    };
    let budgets = view.map_or(&[][..], |ports| &ports.budgets);
    let rows = budgets.iter().map(|budget| row(app, budget)).collect();
    Sheet { caption, columns, rows }
}

fn caption(ports: &PortUse) -> String {
    let range = ports.range;
    let total = human::count(range.ports().into());
    let blocked = ports.blocked.total();
    let less = if blocked == 0 {
        String::new()
    } else {
        format!(", {} taken from everyone by listeners and binds", human::count(blocked.into()))
    };
    format!("range {}-{}: {total} ports{less}", range.low, range.high)
}

fn row(app: &App, budget: &Budget) -> SheetRow {
    let ratio = budget.ratio();
    let tone = match ratio {
        r if r >= 0.95 => Tone::Bad,
        r if r >= 0.8 => Tone::Warn,
        _ => Tone::Plain,
    };
    let rate = budget.growth.map(|growth| growth.per_second);
    let left_ms = budget.exhausted_in_ms();
    let filter = format!("src {} and dst {}", budget.source, end(budget.destination));
    let mut row = SheetRow::new(Some(filter));
    row.text(GridCell::plain(budget.source.to_string()))
        .text(GridCell::plain(end(budget.destination)))
        .number(
            GridCell::new(tone, format!("{}/{}", budget.taken(), budget.capacity)),
            Some(budget.taken().into()),
        )
        .number(GridCell::new(tone, format!("{:.0}%", ratio * 100.0)), Some(ratio))
        .number(GridCell::new(tone, app.theme().bar(ratio, 10)), Some(ratio))
        .number(GridCell::plain(budget.time_wait.to_string()), Some(budget.time_wait.into()))
        .number(GridCell::plain(rate.map_or("-".to_owned(), |rate| format!("{rate:.1}"))), rate)
        .number(
            GridCell::new(tone, left_ms.map_or("-".to_owned(), human::duration)),
            left_ms.map(|ms| ms as f64),
        );
    row
}
