//! What the row under the cursor stands for elsewhere: a page of `explain`, a
//! command line.

use crate::alert::Change;
use crate::group::Key;
use crate::model::proto::{Family, Proto};
use crate::model::state::State;
use crate::query::fields::Field;

use super::{App, Entry, GROUP_KEYS, Tab};

impl App {
    /// What e explains: the alert's rule, the state of the socket, of a group the
    /// state that most are in.
    pub(super) fn subject(&self) -> Option<String> {
        let at = self.cursors[self.tab.index()].at;
        let state = |state: State| state.to_string();
        Some(match self.tab {
            Tab::Overview => match self.shown_round()?.judged.firing.get(at) {
                Some(standing) => standing.alert.rule.to_string(),
                None => "handshake".to_owned(),
            },
            Tab::Sockets => state(self.row_at(at)?.socket.state),
            Tab::Listeners => "accept-queue".to_owned(),
            Tab::Groups => state(self.sheet.as_ref()?.rows.get(at)?.state?),
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

    /// Returns the command line that shows the same, on several lines, for a shell
    /// too.
    pub(super) fn command_lines(&self) -> Vec<String> {
        let parts = self.command();
        let last = parts.len().saturating_sub(1);
        let line = |(index, part): (usize, String)| {
            let indent = if index == 0 { "" } else { "    " };
            format!("{indent}{part}{}", if index < last { " \\" } else { "" })
        };
        let mut lines: Vec<String> = parts.into_iter().enumerate().map(line).collect();
        if self.faults && self.tab.has_faults() {
            lines.push(String::new());
            lines.push("that only rows with an alert are shown has no flag".to_owned());
        }
        lines
    }

    /// Returns the command line that shows the same, in its parts.
    pub fn command(&self) -> Vec<String> {
        let with = |command: &str| format!("sockstate {command}{}", self.fixed.flags);
        let tables = self.table_flags(|_| true);
        let filter = match (&self.filter.filter, self.filter.invert) {
            (None, _) => None,
            (Some(_), false) => Some(quoted(&self.filter.text)),
            (Some(_), true) => Some(quoted(&format!("not ({})", self.filter.text))),
        };
        match self.tab {
            Tab::Overview => vec![with("status")],
            Tab::Listeners => {
                let command = with("listeners") + &self.table_flags(has_listeners);
                std::iter::once(command).chain(filter).collect()
            }
            Tab::Events => std::iter::once(with("events")).chain(filter).collect(),
            Tab::Ports => vec![with("ports")],
            Tab::Map => vec![with("explain diagram")],
            Tab::Groups => {
                let by = match GROUP_KEYS[self.group] {
                    Key::State => "--by state".to_owned(),
                    key => format!("--by {},state", key.name()),
                };
                [with("count") + &tables, by].into_iter().chain(filter).collect()
            }
            Tab::Sockets => {
                let names: Vec<&str> = self.fields().into_iter().map(Field::name).collect();
                let columns = format!("--columns {}", names.join(","));
                let sort = self.order().map(|order| {
                    let minus = if order.descending { "-" } else { "" };
                    format!("--sort {minus}{}", order.field.name())
                });
                let list = with("list -a") + &tables;
                [list, columns].into_iter().chain(sort).chain(filter).collect()
            }
        }
    }

    /// The flags of those tables that are watched and have what is shown.
    fn table_flags(&self, has_it: fn(Proto) -> bool) -> String {
        let tables = &self.fixed.want.tables;
        let shown = tables.iter().map(|table| table.proto).filter(|proto| has_it(*proto));
        let mut flags: Vec<&str> = shown.map(flag_of).collect();
        flags.dedup();
        let has = |family| tables.iter().any(|table| table.family == family);
        match (has(Family::Inet), has(Family::Inet6)) {
            (true, false) => flags.push("-4"),
            (false, true) => flags.push("-6"),
            _ => {}
        }
        flags.iter().map(|flag| format!(" {flag}")).collect()
    }
}

/// Whether sockets of a protocol have an accept queue that is shown.
fn has_listeners(proto: Proto) -> bool {
    matches!(proto, Proto::Tcp | Proto::Mptcp | Proto::Unix)
}

/// A word for the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn flag_of(proto: Proto) -> &'static str {
    match proto {
        Proto::Tcp => "-t",
        Proto::Mptcp => "-M",
        Proto::Udp => "-u",
        Proto::Udplite => "--udplite",
        Proto::Raw => "-w",
        Proto::Ping => "--ping",
        Proto::Sctp => "-S",
        Proto::Dccp => "-d",
        Proto::Unix => "-x",
        Proto::Netlink => "--netlink",
        Proto::Packet => "-0",
        Proto::Vsock => "--vsock",
    }
}
