//! Puts this machine's numbers into a page.

use crate::model::host::{COUNTERS, Host, SYSCTLS, Shape, SysctlValue};
use crate::model::human;
use crate::model::snapshot::StateCounts;
use crate::model::state::{State, StateSet, TCP_STATES};

use super::page::{Now, Page, Section};

/// Stands for a number that could not be read.
pub const NOT_KNOWN: &str = "not known here";

/// Holds numbers of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    /// TCP sockets per state; `None` when they could not be counted.
    pub counts: Option<&'k StateCounts>,
    /// Parameters and counters.
    pub host: &'k Host,
}

impl Known<'_> {
    /// Returns the number behind a name, with its unit: of a state the sockets in
    /// it, of a parameter or counter its value.
    fn value(&self, name: &str) -> Option<String> {
        if let Some(state) = state(name) {
            return Some(human::plural(self.counts?.get(state), "socket"));
        }
        if SYSCTLS.iter().any(|sysctl| sysctl.name == name) {
            return self.sysctl(name);
        }
        let (group, field) = name.rsplit_once('.').unwrap_or(("", name));
        let known = COUNTERS
            .iter()
            .find(|counter| counter.name == field && (group.is_empty() || counter.group == group));
        let known = known?;
        self.host.counters.get(known.group, known.name).map(human::count)
    }

    fn sysctl(&self, name: &str) -> Option<String> {
        let sysctl = SYSCTLS.iter().find(|sysctl| sysctl.name == name)?;
        let value = self.host.sysctls.get(name)?;
        Some(match (sysctl.shape, value) {
            (Shape::Ports, SysctlValue::Ports(ranges)) if ranges.is_empty() => "none".to_owned(),
            (Shape::Numbers(1), _) if !matches!(sysctl.unit, "switch" | "mode") => {
                // A negative one is shown as the kernel writes it.
                let number = self.host.sysctls.number(name).map(human::count);
                format!("{} {}", number.unwrap_or_else(|| value.to_string()), sysctl.unit)
            }
            // The two ends of a range are read as one thing.
            (Shape::Numbers(2), _) => value.to_string().replace(' ', "-"),
            _ => value.to_string(),
        })
    }

    /// Replaces the placeholders of a text.
    fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out += before;
            let (inside, after) = after.split_once('}').unwrap_or((after, ""));
            out += &self.placeholder(inside);
            rest = after;
        }
        out + rest
    }

    fn placeholder(&self, inside: &str) -> String {
        let value = match inside.split_once(':') {
            Some(("count", name)) => {
                state(name).and_then(|state| Some(human::count(self.counts?.get(state))))
            }
            Some(("sysctl", name)) => self.sysctl(name),
            _ => None,
        };
        value.unwrap_or_else(|| NOT_KNOWN.to_owned())
    }
}

impl Page {
    /// Returns the page with the numbers of a machine.
    pub fn fill(&self, known: &Known<'_>) -> Self {
        let section = |section: &Section| Section {
            heading: section.heading.clone(),
            blocks: section.blocks.iter().map(|b| b.with(known.text(b.text()))).collect(),
        };
        let now = |now: &Now| Now { name: now.name.clone(), value: known.value(&now.name) };
        Self {
            now: self.now.iter().map(now).collect(),
            sections: self.sections.iter().map(section).collect(),
            ..self.clone()
        }
    }

    /// Tells whether sockets must be counted to fill it.
    pub fn needs_counts(&self) -> bool {
        let mut blocks = self.sections.iter().flat_map(|section| &section.blocks);
        self.now.iter().any(|now| state(&now.name).is_some())
            || blocks.any(|block| block.text().contains("{count:"))
    }
}

/// Returns the state with this very name.
pub(super) fn state(name: &str) -> Option<State> {
    let mut states = TCP_STATES.into_iter().chain([State::Bound]);
    let set = StateSet::parse(name).filter(|_| name == name.to_uppercase())?;
    states.find(|state| StateSet::from(*state) == set)
}
