//! The command line that shows the same as the screen.

use crate::model::proto::{Family, Proto};

use super::App;

impl App {
    /// Returns the command line that shows the same, in its parts.
    pub fn command(&self) -> Vec<String> {
        self.tabs.shown().command(self)
    }

    /// Returns the same on several lines, for a shell too.
    pub(super) fn command_lines(&self) -> Vec<String> {
        let parts = self.command();
        let last = parts.len().saturating_sub(1);
        let line = |(index, part): (usize, String)| {
            let indent = if index == 0 { "" } else { "    " };
            format!("{indent}{part}{}", if index < last { " \\" } else { "" })
        };
        let mut lines: Vec<String> = parts.into_iter().enumerate().map(line).collect();
        if self.filter.faults && self.tabs.shown().has_faults() {
            lines.push(String::new());
            lines.push("that only rows with an alert are shown has no flag".to_owned());
        }
        lines
    }

    /// Returns a command of ours with the flags that every one takes.
    pub fn ours(&self, command: &str) -> String {
        format!("sockstate {command}{}", self.fixed.flags)
    }

    /// Returns the filter as a word for the shell.
    pub fn filter_word(&self) -> Option<String> {
        let text = &self.filter.text;
        self.filter.filter.as_ref()?;
        Some(if self.filter.invert { quoted(&format!("not ({text})")) } else { quoted(text) })
    }

    /// Returns the flags of those tables that are watched and have what is
    /// shown.
    pub fn table_flags(&self, has_it: fn(Proto) -> bool) -> String {
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

/// Returns a word for the shell.
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
