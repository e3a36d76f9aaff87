//! `check --json`, and the event of an alert that `--notify` hands on.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::alert::{ActiveAlert, AlertChange};
use crate::live::Checked;
use crate::output::out::Out;

use super::alerts::{AlertJson, UnknownJson};
use super::parts::{TakenJson, document, timestamp};

pub(super) const SCHEMA: &str = "sockstate.check/1";
pub(super) const EVENT_SCHEMA: &str = "sockstate.event/1";

/// The document of `check --json`.
#[derive(Serialize, JsonSchema)]
pub struct CheckDocument {
    /// The name of this shape.
    pub schema: &'static str,
    /// `OK`, `WARNING`, `CRITICAL` or `UNKNOWN`.
    pub status: &'static str,
    /// The alerts that fire, worst first.
    pub alerts: Vec<AlertJson>,
    /// Conditions that hold, but not as long as their rule's `for`.
    pub pending: Vec<AlertJson>,
    /// Rules that could not judge.
    pub unknown: Vec<UnknownJson>,
    /// The number of looks.
    pub looks: u64,
    /// From the first look to the last, in milliseconds.
    pub window_ms: u64,
    /// The time and the source.
    #[serde(flatten)]
    pub taken: TakenJson,
}

/// An alert that begins or ends, as `--notify` gets it on its standard input.
#[derive(Serialize, JsonSchema)]
pub struct AlertEvent {
    /// The name of this shape.
    pub schema: &'static str,
    /// `alert`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The time at which it was seen, RFC 3339 in UTC.
    pub at: String,
    /// `firing` or `resolved`.
    pub change: &'static str,
    /// The alert; of a resolved one the last that was seen of it.
    pub alert: AlertJson,
}

/// Writes the result of a check that began to look at a time.
pub fn check(out: &mut Out<'_>, at: Timestamp, checked: &Checked) {
    let Checked { round, looks, window_ms, .. } = checked;
    let alert = |standing: &ActiveAlert| since(at, standing);
    let shape = CheckDocument {
        schema: SCHEMA,
        status: checked.status().name(),
        alerts: round.judged.firing.iter().map(alert).collect(),
        pending: round.judged.pending.iter().map(alert).collect(),
        unknown: round.judged.unknown.iter().map(UnknownJson::from).collect(),
        looks: *looks,
        window_ms: *window_ms,
        taken: TakenJson::with_gaps(at, &round.report, &checked.gaps()),
    };
    document(out, &shape);
}

/// Returns the JSON of a change, with a newline; `start` is the zero of its times.
pub fn alert_event(start: Timestamp, now_ms: u64, change: &AlertChange) -> Vec<u8> {
    let (word, standing) = match change {
        AlertChange::Firing(standing) => ("firing", standing),
        AlertChange::Resolved(standing) => ("resolved", standing),
    };
    let event = AlertEvent {
        schema: EVENT_SCHEMA,
        kind: "alert",
        at: timestamp(later(start, now_ms)),
        change: word,
        alert: since(start, standing),
    };
    let mut text = Vec::new();
    super::parts::value(&mut text, &event);
    text.push(b'\n');
    text
}

fn since(start: Timestamp, standing: &ActiveAlert) -> AlertJson {
    let since = Some(timestamp(later(start, standing.since_ms)));
    AlertJson { since, ..AlertJson::from(&standing.alert) }
}

fn later(start: Timestamp, ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    start.saturating_add(SignedDuration::from_millis(ms)).unwrap_or(start)
}
