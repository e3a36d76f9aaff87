//! `check`: the status line that monitoring plugins print, with performance
//! data behind it, and the alerts below.

use crate::live::{Checked, CustomCount};
use crate::model::state::TCP_STATES;
use crate::output::out::Out;
use crate::output::style::{Style, Tone, severity_tone};
use crate::rules::{Alert, Severity};

/// Writes the result of a check.
pub fn check(out: &mut Out<'_>, style: &Style, checked: &Checked) {
    let head = format!("SOCKSTATE {}", checked.status().name());
    let tone =
        checked.round.judged.firing.first().map_or(Tone::Good, |s| severity_tone(s.alert.severity));
    style.paint(out.buffer(), tone, &head);
    let line = format!(" - {} | {}\n", plain(&summary(checked)), performance(checked));
    out.buffer().extend_from_slice(line.as_bytes());
    for standing in &checked.round.judged.firing {
        alert(out.buffer(), style, &standing.alert);
    }
    for unknown in &checked.round.judged.unknown {
        let line = format!("UNKNOWN  {}: {}\n", unknown.rule, unknown.why);
        out.buffer().extend_from_slice(plain(&line).as_bytes());
    }
    out.advance();
}

/// Takes bars out of a text: one would end it where performance data begin.
fn plain(text: &str) -> String {
    text.replace('|', "/")
}

fn summary(checked: &Checked) -> String {
    let name = |alert: &Alert| format!("{} {}: {}", alert.rule, alert.subject, alert.summary);
    let mut alerts = checked.round.judged.firing.iter().map(|standing| name(&standing.alert));
    match (alerts.next(), alerts.len()) {
        (Some(first), 0) => first,
        (Some(first), more) => format!("{first}; {more} more"),
        (None, _) if !checked.undelivered.is_empty() => {
            let reasons = checked.undelivered.iter().map(|gap| gap.reason.as_str());
            reasons.collect::<Vec<&str>>().join("; ")
        }
        (None, _) if checked.round.judged.unknown.is_empty() => "nothing is wrong".to_owned(),
        (None, _) => {
            let names: Vec<&str> = checked.round.judged.unknown.iter().map(|u| &*u.rule).collect();
            format!("not judged: {}", names.join(", "))
        }
    }
}

/// Writes `'label'=value;warning;critical;minimum`, as the plugin guidelines have it.
fn performance(checked: &Checked) -> String {
    let of = |severity| {
        checked.round.judged.firing.iter().filter(|s| s.alert.severity == severity).count()
    };
    let mut data = vec![
        format!("critical={};;;0", of(Severity::Critical)),
        format!("warning={};;;0", of(Severity::Warning)),
        format!("unknown={};;;0", checked.round.judged.unknown.len()),
    ];
    let counts = &checked.round.snapshot.tcp;
    if counts.total() > 0 {
        data.extend(TCP_STATES.iter().map(|state| {
            format!("{}={};;;0", state.to_string().to_lowercase(), counts.get(*state))
        }));
    }
    data.extend(checked.counted.iter().map(custom_datum));
    data.join(" ")
}

/// The limit stands where it belongs to the severity.
fn custom_datum(custom: &CustomCount) -> String {
    let CustomCount { id, count, limit, severity } = custom;
    match severity {
        Severity::Warning => format!("'{id}'={count};{limit};;0"),
        Severity::Critical => format!("'{id}'={count};;{limit};0"),
    }
}

fn alert(out: &mut Vec<u8>, style: &Style, alert: &Alert) {
    let word = match alert.severity {
        Severity::Warning => "WARNING ",
        Severity::Critical => "CRITICAL",
    };
    style.paint(out, severity_tone(alert.severity), word);
    let text = format!(" {}  {}\n         {}\n", alert.rule, alert.subject, alert.summary);
    out.extend_from_slice(plain(&text).as_bytes());
    if !alert.remedy.is_empty() {
        out.extend_from_slice(plain(&format!("         {}\n", alert.remedy)).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_stands_in_the_slot_of_its_severity() {
        let datum = |severity| {
            custom_datum(&CustomCount { id: "own".into(), count: 3, limit: 2, severity })
        };
        assert_eq!(datum(Severity::Warning), "'own'=3;2;;0");
        assert_eq!(datum(Severity::Critical), "'own'=3;;2;0");
    }
}
