//! What the row under the cursor stands for elsewhere: a page of `explain`, a
//! command line.

use crate::alert::Change;
use crate::engine::fields::Field;
use crate::model::state::State;

use super::{App, Entry, GROUP_KEYS, Tab};

impl App {
    /// What e explains: the alert's rule, or the state of the socket.
    pub(super) fn subject(&self) -> Option<String> {
        let at = self.cursors[self.tab.index()].at;
        let state = |state: State| state.to_string();
        Some(match self.tab {
            Tab::Overview => match self.shown.as_ref()?.alerts.get(at) {
                Some(standing) => standing.alert.rule.to_string(),
                None => "handshake".to_owned(),
            },
            Tab::Sockets => state(self.row_at(at)?.socket.state),
            Tab::Listeners => "accept-queue".to_owned(),
            Tab::Groups => "established".to_owned(),
            Tab::Events => match self.entry(at)? {
                Entry::Transition(change, _) => state(change.to),
                Entry::Alert(Change::Firing(s) | Change::Resolved(s), _) => {
                    s.alert.rule.to_string()
                }
                Entry::Gap(..) => return None,
            },
            Tab::Ports => "ports".to_owned(),
            Tab::Map => "diagram".to_owned(),
        })
    }

    /// The command line that shows the same.
    pub fn command(&self) -> String {
        let filter = match (&self.filter.filter, self.filter.invert) {
            (None, _) => String::new(),
            (Some(_), false) => format!(" '{}'", self.filter.text),
            (Some(_), true) => format!(" 'not ({})'", self.filter.text),
        };
        match self.tab {
            Tab::Overview => "sockstate status".to_owned(),
            Tab::Listeners => "sockstate listeners".to_owned(),
            Tab::Groups => {
                format!("sockstate count --by {},state{filter}", GROUP_KEYS[self.group].name())
            }
            Tab::Events => "sockstate events".to_owned(),
            Tab::Ports => "sockstate ports".to_owned(),
            Tab::Map => "sockstate explain diagram".to_owned(),
            Tab::Sockets => {
                let names: Vec<&str> = self.fields().into_iter().map(Field::name).collect();
                let sort = self.order().map(|order| {
                    let minus = if order.descending { "-" } else { "" };
                    format!(" --sort {minus}{}", order.field.name())
                });
                let columns = names.join(",");
                format!("sockstate list -a --columns {columns}{}{filter}", sort.unwrap_or_default())
            }
        }
    }
}
