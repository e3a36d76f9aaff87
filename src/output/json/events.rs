//! `events --json`: one object a line.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::matrix::Matrix;
use crate::model::escape::escaped;
use crate::model::gap::Gap;
use crate::model::moment::{Dwell, When};
use crate::model::transition::Transition;
use crate::output::out::Out;
use crate::rules;
use crate::sys::clock::ClockPair;

use super::alerts::UnknownJson;
use super::parts::{Cookie, EndpointJson, ProcessJson, StateJson, document, timestamp};

pub(super) const SCHEMA: &str = "sockstate.event/1";

/// One line of `events --json`: a change of one socket's state.
#[derive(Serialize, JsonSchema)]
pub struct TransitionLine {
    /// The name of this shape.
    pub schema: &'static str,
    /// `transition`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The time; between two looks the later bound.
    pub at: String,
    /// Not before this, where `at` is not exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_min: Option<String>,
    /// Not after this, where `at` is not exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_max: Option<String>,
    /// `opened`, `changed`, `ended`, or `passed`: lived and ended between two
    /// looks.
    pub change: &'static str,
    /// The state before; absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<StateJson>,
    /// The state after.
    pub to: StateJson,
    /// States that must lie between, where the change was inferred.
    pub via: Vec<StateJson>,
    /// `tracepoint`, `destroy`, `poll`.
    pub source: &'static str,
    /// Tells whether the kernel itself told of this change and its time; destruction
    /// comes without a time.
    pub exact: bool,
    /// The explanation: `expired`, `cut-short`, `tuple-reused`, ….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The time that the state before lasted, where that is exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_ms: Option<f64>,
    /// It lasted at least this long, where it is not exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_min_ms: Option<f64>,
    /// It lasted at most this long, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_max_ms: Option<f64>,
    /// `tcp`, `udp`, `raw`, `unix`.
    pub proto: &'static str,
    /// `inet`, `inet6`, `unix`.
    pub family: &'static str,
    /// Local end of an internet socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<EndpointJson>,
    /// Remote end of an internet socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<EndpointJson>,
    /// The kernel's id of the socket, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub cookie: Option<Cookie>,
    /// `unknown` when only trace events told of the socket: they come from
    /// every network namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<&'static str>,
    /// The processes that hold the socket, or held it last; absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<Vec<ProcessJson>>,
    /// Tells whether they have closed it since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub former: bool,
}

/// One line of `events --json`: something that may have been missed.
#[derive(Serialize, JsonSchema)]
pub struct GapLine {
    /// The name of this shape.
    pub schema: &'static str,
    /// `gap`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The time at which it was noticed.
    pub at: String,
    /// The part that is missing.
    pub what: &'static str,
    /// The number, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The reason.
    pub reason: String,
}

/// One line of `events --json --summary`: what happened how often.
#[derive(Serialize, JsonSchema)]
pub struct SummaryLine {
    /// The name of this shape.
    pub schema: &'static str,
    /// `summary`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The time at which it was made.
    pub at: String,
    /// Every pair of states between which there were transitions since the
    /// start, or since the summary before.
    pub transitions: Vec<SummaryCell>,
}

/// Transitions from one state to another.
#[derive(Serialize, JsonSchema)]
pub struct SummaryCell {
    /// The state before; absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<StateJson>,
    /// The state after.
    pub to: StateJson,
    /// The number.
    pub count: u64,
    /// The number of those that the kernel told with their times.
    pub exact: u64,
    /// The time that the state before lasted at the most in half of the cases where
    /// that is exact …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_p50_ms: Option<f64>,
    /// … in 90 % of them …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_p90_ms: Option<f64>,
    /// … and in 99 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_p99_ms: Option<f64>,
}

/// Writes what happened how often as a line.
pub fn summary(out: &mut Out<'_>, matrix: &Matrix, at: Timestamp) {
    let transitions = matrix.cells().map(|(from, to, cell)| {
        let dwell = |percent| cell.dwell.percentile(percent).map(ms);
        SummaryCell {
            from: from.map(StateJson),
            to: StateJson(to),
            count: cell.count,
            exact: cell.exact,
            dwell_p50_ms: dwell(50),
            dwell_p90_ms: dwell(90),
            dwell_p99_ms: dwell(99),
        }
    });
    let transitions = transitions.collect();
    let line = SummaryLine { schema: SCHEMA, kind: "summary", at: timestamp(at), transitions };
    document(out, &line);
}

/// Writes one change as a line.
pub fn transition(out: &mut Out<'_>, transition: &Transition, clocks: ClockPair) {
    document(out, &line(transition, clocks));
}

/// One line of `watch --json`: which rules cannot judge now. A line comes
/// whenever they are others than before; with no rule in it every rule judges.
#[derive(Serialize, JsonSchema)]
pub struct UnknownLine {
    /// Which shape this is.
    pub schema: &'static str,
    /// `unknown`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When it was seen.
    pub at: String,
    /// All of them.
    pub rules: Vec<UnknownJson>,
}

/// Writes which rules cannot judge as a line.
pub fn unknown(out: &mut Out<'_>, rules: &[rules::UnknownRule], at: Timestamp) {
    let shape = UnknownLine {
        schema: SCHEMA,
        kind: "unknown",
        at: timestamp(at),
        rules: rules.iter().map(UnknownJson::from).collect(),
    };
    document(out, &shape);
}

/// Writes one gap as a line.
pub fn gap(out: &mut Out<'_>, gap: &Gap, at: Timestamp) {
    let line = GapLine {
        schema: SCHEMA,
        kind: "gap",
        at: timestamp(at),
        what: gap.what,
        count: gap.count,
        reason: gap.reason.clone(),
    };
    document(out, &line);
}

fn line(transition: &Transition, clocks: ClockPair) -> TransitionLine {
    use crate::model::transition::TransitionKind;
    let at = |moment: crate::model::moment::Moment| timestamp(clocks.wall_at(moment.0));
    let between = matches!(transition.when, When::Between { .. });
    let (when, identity) = (transition.when, &transition.identity);
    let ends = identity.endpoints();
    let (dwell_ms, dwell_min_ms, dwell_max_ms) = dwell(transition.dwell);
    let owner = transition.owner.as_ref();
    let process = |process: &crate::model::transition::Process| ProcessJson {
        pid: process.pid,
        comm: escaped(&process.comm),
        fd: None,
    };
    TransitionLine {
        schema: SCHEMA,
        kind: "transition",
        at: at(when.max()),
        at_min: between.then(|| at(when.min())),
        at_max: between.then(|| at(when.max())),
        change: match transition.kind {
            TransitionKind::Opened => "opened",
            TransitionKind::Changed => "changed",
            TransitionKind::Ended => "ended",
            TransitionKind::Passed => "passed",
        },
        from: transition.from.map(StateJson),
        to: StateJson(transition.to),
        via: transition.via().iter().map(StateJson).collect(),
        source: transition.source.name(),
        exact: transition.is_exact(),
        reason: transition.reason.map(|reason| reason.name()),
        dwell_ms,
        dwell_min_ms,
        dwell_max_ms,
        proto: identity.table.proto.name(),
        family: identity.table.family.name(),
        local: ends.map(|(local, _)| EndpointJson::from(local)),
        remote: ends.map(|(_, remote)| EndpointJson::from(remote)),
        cookie: Cookie::new(identity.cookie),
        netns: (!transition.is_local()).then_some("unknown"),
        processes: owner.map(|owner| owner.processes.iter().map(process).collect()),
        former: owner.is_some_and(|owner| owner.former),
    }
}

/// Returns an exact time, or a lower and an upper bound.
fn dwell(dwell: Option<Dwell>) -> (Option<f64>, Option<f64>, Option<f64>) {
    match dwell {
        None => (None, None, None),
        Some(dwell) if dwell.is_exact() => (Some(ms(dwell.min)), None, None),
        Some(dwell) => (None, Some(ms(dwell.min)), dwell.max.map(ms)),
    }
}

fn ms(nanos: u64) -> f64 {
    (nanos / 1_000) as f64 / 1_000.0
}
