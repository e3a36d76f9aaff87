//! Looks at the machine again and again and lets the rules judge.

use std::sync::Arc;

use crate::alert::{Alerts, Change, Look, Standing};
use crate::model::frame::{Frame, Past};
use crate::model::want::{Extras, TableId};
use crate::rules::{self, Config, Level, Needs, Severity, Unknown};
use crate::source::{Report, SourceError};

use super::frame::{Ask, Looked};
use super::{Engine, Selection};

/// The result of a check, in the words of monitoring plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing is wrong.
    Ok,
    /// Something is.
    Warning,
    /// Something is, badly.
    Critical,
    /// A gap hides the answer.
    Unknown,
}

impl Status {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The exit status of a plugin.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// What a check came to.
pub struct Checked {
    /// The result.
    pub status: Status,
    /// What fires, worst first.
    pub alerts: Vec<Standing>,
    /// Conditions that hold, but not long enough yet.
    pub pending: Vec<Standing>,
    /// Rules that could not judge at the last look.
    pub unknown: Vec<Unknown>,
    /// The last look.
    pub frame: Arc<Frame>,
    /// Who served it.
    pub report: Report,
    /// Own rules with what they counted.
    pub counted: Vec<OwnCount>,
    /// How many looks there were.
    pub looks: u64,
    /// From the first look to the last, milliseconds.
    pub window_ms: u64,
}

/// What an own rule counted.
pub struct OwnCount {
    /// The rule's id.
    pub id: String,
    /// How many sockets.
    pub count: u64,
    /// What it compares them with.
    pub limit: u64,
    /// How bad it is when that holds.
    pub severity: Severity,
}

/// A check under way.
pub struct Checker<'e> {
    engine: &'e Engine,
    tables: Vec<TableId>,
    config: &'e Config,
    own: &'e [Selection],
    needs: Needs,
    alerts: Alerts,
    first: Option<(u64, Arc<Frame>)>,
    last: Option<Last>,
    looks: u64,
}

struct Last {
    at_ms: u64,
    frame: Arc<Frame>,
    report: Report,
    unknown: Vec<Unknown>,
}

impl<'e> Checker<'e> {
    /// A check of these tables; `own` are the rows that the own rules of the
    /// configuration count, in their order.
    pub fn new(
        engine: &'e Engine,
        tables: Vec<TableId>,
        config: &'e Config,
        own: &'e [Selection],
    ) -> Self {
        let needs = config
            .rules
            .iter()
            .filter(|rule| rule.enabled.value)
            .fold(Needs::NONE, |needs, rule| needs.union(rule.rule.needs));
        let (alerts, first, last) = (Alerts::default(), None, None);
        Self { engine, tables, config, own, needs, alerts, first, last, looks: 0 }
    }

    /// Looks once, at a time on the caller's clock; what grew, grew since the
    /// first look. Returns what changed.
    ///
    /// # Errors
    /// When no table could be read.
    pub fn look(&mut self, at_ms: u64) -> Result<Vec<Change>, SourceError> {
        let ask = Ask {
            tables: self.tables.clone(),
            needs: self.needs,
            own: self.own,
            extras: Extras::default(),
        };
        let Looked { mut frame, report } = self.engine.frame(&ask, &mut |_| ())?;
        frame.past = self.first.as_ref().map(|(first_ms, frame)| Past {
            frame: Arc::clone(frame),
            elapsed_ms: at_ms.saturating_sub(*first_ms),
        });
        let firing = rules::judge(&frame, self.config, Level::Firing);
        let clearing = rules::judge(&frame, self.config, Level::Clearing);
        let unknown = firing.unknown.clone();
        let changes = self.alerts.step(at_ms, Look { firing, clearing }, self.config);
        let frame = Arc::new(frame.forget_past());
        self.first.get_or_insert_with(|| (at_ms, Arc::clone(&frame)));
        self.last = Some(Last { at_ms, frame, report, unknown });
        self.looks += 1;
        Ok(changes)
    }

    /// What it came to; `None` without a single look.
    pub fn finish(self) -> Option<Checked> {
        let Last { at_ms, frame, report, unknown } = self.last?;
        let first_ms = self.first.map_or(at_ms, |(first_ms, _)| first_ms);
        let alerts: Vec<Standing> = self.alerts.firing().into_iter().cloned().collect();
        let worst = alerts.iter().map(|standing| standing.alert.severity).max();
        let status = match worst {
            Some(Severity::Critical) => Status::Critical,
            Some(Severity::Warning) => Status::Warning,
            None if unknown.is_empty() => Status::Ok,
            None => Status::Unknown,
        };
        let own = self.config.custom.iter().zip(&frame.counted);
        Some(Checked {
            status,
            alerts,
            pending: self.alerts.pending().cloned().collect(),
            unknown,
            counted: own
                .map(|(rule, counted)| OwnCount {
                    id: rule.id.clone(),
                    count: counted.yes,
                    limit: rule.when.limit,
                    severity: rule.severity,
                })
                .collect(),
            frame,
            report,
            looks: self.looks,
            window_ms: at_ms.saturating_sub(first_ms),
        })
    }
}
