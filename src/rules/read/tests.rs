//! What a file may say, and what is said of mistakes in it.

use super::*;
use crate::rules::origin::Origin;
use crate::rules::{Level, Subject};

fn read(text: &str) -> Result<Config> {
    let mut config = Config::default();
    config.read("rules.toml", text)?;
    Ok(config)
}

fn mistake(text: &str) -> String {
    read(text).map(|_| ()).expect_err(text).to_string()
}

#[test]
fn every_kind_of_setting_is_taken_over() {
    let mut config = read(
        r#"
[close-wait-leak]
min_count = 3
age = "1s"
severity = "critical"
for = "500ms"

[udp-drops]
enabled = false

[[override]]
rule = "close-wait-leak"
process = "java"
min_count = 200

[[rule]]
id = "too-many-redis"
when = "count(dport 6379 and state time-wait) > 5000"
for = "30s"
severity = "warning"
summary = "redis connections are not reused"
"#,
    )
    .expect("right");
    let rule = config.rule_mut("close-wait-leak").expect("there is one").clone();
    assert_eq!(rule.values[0], Set::new(3, Origin::File { name: "rules.toml".into(), line: 3 }));
    assert_eq!((rule.hold_ms.value, rule.severity.value), (500, Some(Severity::Critical)));
    assert!(!config.rule_mut("udp-drops").expect("there is one").enabled.value);
    let java = Subject::Process { pid: 1, comm: "java".into() };
    let settings = rule.settings(Level::Firing);
    assert_eq!(settings.of(&rule.rule.thresholds[0], &java), 200);
    assert_eq!(config.custom[0].when.limit, 5000);
    assert_eq!(config.hold_ms("too-many-redis"), 30_000);
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_is_allowed() {
    let cases = [
        ("[close-wait-leek]\n", "rules.toml:1:2: there is no such rule; the rules are"),
        (
            "[close-wait-leak]\nmin_cuont = 3\n",
            "rules.toml:2:1: close-wait-leak has no such member; it has min_count, critical_count,",
        ),
        ("[close-wait-leak]\nmin_count = -3\n", "rules.toml:2:13: expected a whole number"),
        ("[close-wait-leak]\nage = 60\n", "rules.toml:2:7: expected a time in quotes"),
        ("[udp-drops]\nseverity = \"bad\"\n", "rules.toml:2:12: expected \"warning\" or"),
        ("[udp-drops]\nenabled = \"no\"\n", "rules.toml:2:11: expected true or false"),
        ("[[override]]\nrule = \"udp-drops\"\n", "rules.toml:1:1: an [[override]] needs process"),
        ("[[override]]\nprocess = \"a\"\n", "rules.toml:1:1: an [[override]] needs rule"),
        ("[[rule]]\nid = \"x\"\n", "rules.toml:1:1: a [[rule]] needs when"),
        ("[[rule]]\nid = \"udp-drops\"\n", "rules.toml:2:6: there is a rule of this id already"),
        (
            "[[rule]]\nid = \"x\"\nwhen = \"count(state nowhere) > 1\"\n",
            "rules.toml:3:21: expected",
        ),
        ("[rule]\nid = \"x\"\n", "rules.toml:1:"),
        ("[udp-drops\n", "rules.toml:1:"),
    ];
    for (text, expected) in cases {
        let said = mistake(text);
        assert!(said.starts_with(expected), "{text}\n{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        for quoted in ["leek", "cuont", "bad", "nowhere"] {
            assert!(!said.contains(quoted), "{said}");
        }
    }
}
