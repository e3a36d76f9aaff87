//! The order of rows: that of a column, of the list or of a sheet.

use crate::tui::keys::SortAction;
use crate::tui::sheet::Sheet;

use super::{App, Effect};

impl App {
    /// Does what a key of the order stands for.
    pub(super) fn act_on_order(&mut self, action: SortAction) -> Vec<Effect> {
        match action {
            SortAction::Next => self.sort_by_next(),
            SortAction::Reverse => self.reverse(),
        }
    }

    /// Sorts by a column, or turns its order round.
    pub(super) fn sort_by(&mut self, column: usize) -> Vec<Effect> {
        let order = &mut self.tabs.state_mut().order;
        *order = match *order {
            Some((now, down)) if now == column => Some((column, !down)),
            _ => Some((column, false)),
        };
        self.reorder()
    }

    fn sort_by_next(&mut self) -> Vec<Effect> {
        let columns = match self.sheet() {
            _ if self.shows_sockets() => self.sockets.fields().len(),
            Some(sheet) => sheet.columns.len(),
            None => return self.only_say("there is nothing to sort here"),
        };
        let order = &mut self.tabs.state_mut().order;
        *order = match *order {
            None => Some((0, false)),
            Some((column, _)) if column + 1 < columns => Some((column + 1, false)),
            Some(_) => None,
        };
        self.reorder()
    }

    fn reverse(&mut self) -> Vec<Effect> {
        let Some((_, down)) = &mut self.tabs.state_mut().order else {
            return self.only_say("sort first: there is no order to turn round");
        };
        *down = !*down;
        self.reorder()
    }

    fn reorder(&mut self) -> Vec<Effect> {
        self.renew_sheet();
        vec![Effect::Control, Effect::List]
    }

    /// Returns the sheet of the tab, where it shows one.
    pub fn sheet(&self) -> Option<&Sheet> {
        self.tabs.state().sheet.as_ref()
    }

    /// Makes the sheet of the tab anew.
    pub fn renew_sheet(&mut self) {
        let sheet = self.looks.round().and_then(|round| self.tabs.shown().sheet(self, round));
        let state = self.tabs.state_mut();
        let before = std::mem::replace(&mut state.sheet, sheet);
        if let (Some(before), Some(now)) = (before, &state.sheet) {
            state.order = state.order.and_then(|order| moved(order, &before, now));
        }
        if let (Some(sheet), Some((column, down))) = (&mut state.sheet, state.order) {
            sheet.sort(column, down);
        }
    }
}

/// Returns an order by the column with the title that it had before: columns of
/// a sheet come and go.
fn moved((column, down): (usize, bool), before: &Sheet, now: &Sheet) -> Option<(usize, bool)> {
    let title = &before.columns.get(column)?.title;
    let place = now.columns.iter().position(|column| column.title == *title);
    place.map(|column| (column, down))
}
