//! Exceptions: other thresholds for some subjects.

use crate::filter::{Case, Expr, Glob, Predicate, parse};
use crate::model::address::Address;

use super::origin::Origin;
use super::severity::Severity;
use super::subject::Subject;
use super::threshold::Threshold;

/// Makes an exception for some subjects.
#[derive(Clone, Debug)]
pub struct Override {
    /// The subjects that it is for.
    pub who: Selector,
    /// The thresholds it sets.
    pub values: Vec<(&'static Threshold, u64)>,
    /// The severity it sets.
    pub severity: Option<Severity>,
    /// It silences the alert.
    pub disabled: bool,
    /// The place where it stands.
    pub origin: Origin,
    /// Its selector as it was written.
    pub text: String,
}

/// Selects the subjects that an exception is for; all of what is given must fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// Name of a process.
    pub process: Option<Glob>,
    /// Port of the listener, or of the destination.
    pub port: Option<u16>,
    /// Address of the listener, or of the destination.
    pub address: Option<Address>,
}

impl Selector {
    /// Tells whether it selects a subject.
    pub fn selects(&self, subject: &Subject) -> bool {
        self.selects_process(subject) && self.selects_place(subject)
    }

    fn selects_process(&self, subject: &Subject) -> bool {
        let Some(glob) = &self.process else { return true };
        match subject {
            Subject::Process { comm, .. } => glob.matches(comm, Case::Sensitive),
            other => other.processes().iter().any(|(_, comm)| glob.matches(comm, Case::Sensitive)),
        }
    }

    fn selects_place(&self, subject: &Subject) -> bool {
        let end = match subject {
            Subject::Listener { local, .. } | Subject::Socket { local, .. } => Some(*local),
            Subject::Destination(end) => Some(*end),
            Subject::Ports { destination, .. } => Some(*destination),
            _ => None,
        };
        let port = self.port.is_none_or(|port| end.is_some_and(|end| end.port == port));
        let address = self.address.is_none_or(|a| end.is_some_and(|end| end.address == a));
        port && address
    }
}

/// Reads the pattern of a process name, as the filter language has it.
pub fn process_pattern(text: &str) -> Option<Glob> {
    match parse(&format!("process {text}")) {
        Ok(Some(Expr::Is(Predicate::Process(glob)))) => Some(glob),
        _ => None,
    }
}
