//! The alerts in few words, with the rules that could not judge: of those nothing
//! is known.

use crate::live::Judged;
use crate::model::human;
use crate::output::style::{Tone, severity_tone};

/// Returns `2 alerts; 1 rule not judged`, in the tone of the worst. No alerts is
/// good news only where every rule has judged.
pub fn summary(judged: &Judged) -> (Tone, String) {
    let blind = not_judged(judged);
    let alerts = match judged.firing.len() {
        0 => "no alerts".to_owned(),
        n => human::plural(n as u64, "alert"),
    };
    let tone = match (judged.firing.first(), &blind) {
        (Some(worst), _) => severity_tone(worst.alert.severity),
        (None, Some(_)) => Tone::Warn,
        (None, None) => Tone::Good,
    };
    match blind {
        None => (tone, alerts),
        // There is no knowing whether there are alerts.
        Some(blind) if judged.waits => (tone, blind),
        Some(blind) => (tone, format!("{alerts}; {blind}")),
    }
}

/// Returns how many rules could not judge; `None` where all could.
pub fn not_judged(judged: &Judged) -> Option<String> {
    if judged.waits {
        return Some("not judged yet".to_owned());
    }
    let count = judged.unknown.len() as u64;
    (count > 0).then(|| format!("{} not judged", human::plural(count, "rule")))
}
