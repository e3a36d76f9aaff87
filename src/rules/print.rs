//! The effective rules as a file that could be read again, with the origin of
//! every value.

use crate::model::escape::is_hostile;
use crate::model::units;

use super::config::{Config, RuleConfig};

/// Writes the effective rules.
pub fn effective(config: &Config) -> String {
    let mut text = String::from("# the effective rules; behind each value where it came from\n");
    for rule in &config.rules {
        text += &catalogue(rule);
    }
    for rule in &config.rules {
        for special in &rule.overrides {
            text += &format!("\n[[override]] # {}\n", special.origin);
            text += &format!("rule = \"{}\"\n", rule.rule.id);
            for member in special.text.split(", ").filter(|member| !member.is_empty()) {
                text += &format!("{}\n", shown(member));
            }
            for (threshold, value) in &special.values {
                text += &format!("{} = {}\n", threshold.name, threshold.shown(*value));
            }
            if let Some(severity) = special.severity {
                text += &format!("severity = \"{}\"\n", severity.name());
            }
            if special.disabled {
                text += "enabled = false\n";
            }
        }
    }
    for rule in &config.custom {
        text += &format!(
            "\n[[rule]] # {}\nid = \"{}\"\nwhen = {}\nfor = \"{}\"\nseverity = \"{}\"\n",
            rule.origin,
            rule.id,
            quoted(&rule.when.text),
            units::of_milliseconds(rule.hold_ms),
            rule.severity.name()
        );
        text +=
            &format!("summary = {}\nremedy = {}\n", quoted(&rule.summary), quoted(&rule.remedy));
    }
    text
}

fn catalogue(config: &RuleConfig) -> String {
    let line =
        |member: String, origin: &dyn std::fmt::Display| format!("{member:<28} # {origin}\n");
    let mut text = format!("\n[{}]\n", config.rule.id);
    text += &line(format!("enabled = {}", config.enabled.value), &config.enabled.origin);
    text += &line(
        format!("for = \"{}\"", units::of_milliseconds(config.hold_ms.value)),
        &config.hold_ms.origin,
    );
    if let Some(severity) = config.severity.value {
        text += &line(format!("severity = \"{}\"", severity.name()), &config.severity.origin);
    }
    for (threshold, set) in config.rule.thresholds.iter().zip(&config.values) {
        let member = format!("{} = {}", threshold.name, threshold.shown(set.value));
        text += &line(member, &set.origin);
    }
    text
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c => out += &shown(c.encode_utf8(&mut [0; 4])),
        }
    }
    out + "\""
}

/// What TOML has for the characters that would hide or reorder what stands around
/// them.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c) {
            _ if !is_hostile(c) => out.push(c),
            number @ ..=0xFFFF => out += &format!("\\u{number:04X}"),
            number => out += &format!("\\U{number:08X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back_as_the_same() {
        let mut config = Config::default();
        let text = "[udp-drops]\npercent = 60\n\n[[override]]\nrule = \"close-wait-leak\"\n\
                    process = \"java\"\nmin_count = 200\n\n[[rule]]\nid = \"x\"\n\
                    when = \"count(src \\\"a\\\") > 5\"\n";
        let text = text.replace("src \\\"a\\\"", "dport 80");
        config.read("a.toml", &text).expect("right");
        let printed = effective(&config);
        assert!(printed.contains("percent = 60                 # a.toml:2\n"), "{printed}");
        let mut again = Config::default();
        again.read("a.toml", &printed).expect("what we print we read");
        let values = |config: &Config| -> Vec<Vec<u64>> {
            config.rules.iter().map(|r| r.values.iter().map(|v| v.value).collect()).collect()
        };
        assert_eq!(values(&again), values(&config));
        assert_eq!(again.custom[0].when, config.custom[0].when);
        assert_eq!(again.rules[2].overrides[0].who, config.rules[2].overrides[0].who);
    }
}
