//! Custom rules, in the filter language: `count(dport 6379 and state time-wait) > 5000`.

use crate::filter::{Comparison, Filter};
use crate::model::escape::harmless;
use crate::model::human;
use crate::model::snapshot::CustomCounts;

use super::alert::Alert;
use super::level::{CLEARING_PERCENT, Level};
use super::origin::Origin;
use super::severity::Severity;
use super::subject::Subject;
use super::threshold::part_of;
use super::verdict::Verdict;

/// Names the tables whose gaps hide what a custom rule counts.
pub(super) const INPUTS: &[&str] = &["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "unix"];

/// Describes a rule of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRule {
    /// Its id.
    pub id: String,
    /// Its condition.
    pub when: Condition,
    /// The time for which the condition must hold, milliseconds.
    pub hold_ms: u64,
    /// The severity of its alert.
    pub severity: Severity,
    /// The summary of its alert.
    pub summary: String,
    /// The remedy, where its author knows one.
    pub remedy: String,
    /// The place where it stands.
    pub origin: Origin,
}

/// Compares how many sockets a filter selects: `count(FILTER) OP NUMBER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The condition as it was written.
    pub text: String,
    /// The filter of the sockets that count; `None` for all.
    pub filter: Option<Filter>,
    /// The comparison.
    pub comparison: Comparison,
    /// The number that the count is compared with.
    pub limit: u64,
}

/// Says why a condition makes no sense, and at which byte of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// Offset into the condition.
    pub at: usize,
    /// The forms that are allowed there.
    pub message: String,
}

const FORM: &str = "expected 'count(FILTER) OP NUMBER', as in \
                    'count(dport 6379 and state time-wait) > 5000'";

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// With the place and what is allowed there.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        let error = |at, message: &str| ConditionError { at, message: message.to_owned() };
        let start = text.find("count(").filter(|at| text[..*at].trim().is_empty());
        let start = start.ok_or_else(|| error(0, FORM))? + "count(".len();
        let end = text.rfind(')').filter(|end| *end >= start).ok_or_else(|| error(start, FORM))?;
        let filter = Filter::parse(&[&text[start..end]]).map_err(|e| ConditionError {
            at: start + e.span.start,
            message: format!("expected {}", e.expected),
        })?;
        let rest = text[end + 1..].trim();
        let at = text.len() - text[end + 1..].trim_start().len();
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (symbol, number) = rest.split_at(digits);
        let comparison = comparison(symbol.trim())
            .ok_or_else(|| error(at, "expected one of > >= < <= = != behind count(…)"))?;
        let number = number.replace('_', "");
        let limit = number.parse().map_err(|_| error(at + digits, "expected a whole number"))?;
        Ok(Self { text: text.trim().to_owned(), filter, comparison, limit })
    }

    fn holds(&self, count: u64, limit: u64) -> bool {
        match self.comparison {
            Comparison::Eq => count == limit,
            Comparison::Ne => count != limit,
            Comparison::Lt => count < limit,
            Comparison::Le => count <= limit,
            Comparison::Gt => count > limit,
            Comparison::Ge => count >= limit,
        }
    }
}

fn comparison(symbol: &str) -> Option<Comparison> {
    use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
    let all = [(">", Gt), (">=", Ge), ("<", Lt), ("<=", Le), ("=", Eq), ("==", Eq), ("!=", Ne)];
    all.into_iter().find(|(text, _)| *text == symbol).map(|(_, comparison)| comparison)
}

impl CustomRule {
    /// Judges what was counted.
    pub fn check(&self, counted: Option<CustomCounts>, level: Level) -> Verdict {
        let Some(counted) = counted else {
            return Verdict::Unknown("its sockets could not be counted".to_owned());
        };
        let limit = self.limit(level);
        let least = self.when.holds(counted.yes, limit);
        let most = self.when.holds(counted.yes.saturating_add(counted.unknown), limit);
        match (least, most) {
            (true, true) => Verdict::Firing(vec![self.alert(counted.yes)]),
            (false, false) => Verdict::Clear,
            _ => Verdict::Unknown(format!(
                "of {} it cannot be told whether the filter selects them",
                human::plural(counted.unknown, "socket")
            )),
        }
    }

    /// Returns the limit; an alert that fires ends below a part of it only.
    fn limit(&self, level: Level) -> u64 {
        match (level, self.when.comparison) {
            (Level::Clearing, Comparison::Gt | Comparison::Ge) => {
                part_of(self.when.limit, CLEARING_PERCENT)
            }
            _ => self.when.limit,
        }
    }

    fn alert(&self, count: u64) -> Alert {
        let summary = format!("{}: {} ({})", self.summary, human::count(count), self.when.text);
        Alert {
            rule: self.id.clone().into(),
            severity: self.severity,
            subject: Subject::Namespace,
            count,
            evidence: vec![("count", count), ("limit", self.when.limit)],
            summary: harmless(&summary).into_owned(),
            remedy: harmless(&self.remedy).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_counts_what_a_filter_selects() {
        let condition =
            Condition::parse(" count(dport 6379 and (state time-wait)) >= 5_000").expect("right");
        assert_eq!((condition.comparison, condition.limit), (Comparison::Ge, 5000));
        assert!(condition.filter.is_some());
        assert!(Condition::parse("count() > 1").expect("all sockets").filter.is_none());
    }

    #[test]
    fn a_mistake_has_a_place() {
        let place = |text: &str| Condition::parse(text).map_err(|e| e.at).expect_err(text);
        assert_eq!(place("sum(x) > 1"), 0);
        assert_eq!(place("count(state nowhere) > 1"), 12);
        assert_eq!(place("count(state listen) about 1"), 20);
        assert_eq!(place("count(state listen) > many"), 20);
        assert_eq!(place("count(state listen"), 6);
    }

    #[test]
    fn what_cannot_be_told_is_unknown_only_where_it_matters() {
        let rule = CustomRule {
            id: "x".into(),
            when: Condition::parse("count(state listen) > 10").expect("right"),
            hold_ms: 0,
            severity: Severity::Warning,
            summary: "too many".into(),
            remedy: String::new(),
            origin: Origin::Default,
        };
        let judge = |yes, unknown| rule.check(Some(CustomCounts { yes, unknown }), Level::Firing);
        assert!(matches!(judge(11, 5), Verdict::Firing(_)));
        assert!(matches!(judge(5, 5), Verdict::Clear));
        assert!(matches!(judge(5, 6), Verdict::Unknown(_)));
        // Hysteresis: 75 % of the limit.
        let clearing = |yes| rule.check(Some(CustomCounts { yes, unknown: 0 }), Level::Clearing);
        assert!(matches!(clearing(8), Verdict::Firing(_)));
        assert!(matches!(clearing(7), Verdict::Clear));
    }
}
