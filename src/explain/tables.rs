//! The pages of rules, kernel parameters and counters, made from their tables.

use crate::model::host::{COUNTERS, CounterField, CounterKind, SYSCTLS, Scope, Shape, Sysctl};
use crate::rules::{RULES, Rule, Threshold, ThresholdUnit};

use super::page::{Block, Now, Page, PageGroup, Section};

/// Names the groups of counters whose members nstat(8) prints with the group before the
/// name: `TcpExtListenOverflows`.
const NSTAT_GROUPS: [&str; 4] = ["Tcp", "TcpExt", "IpExt", "Udp"];

/// Makes a page for each rule.
pub(super) fn rules() -> impl Iterator<Item = Page> {
    RULES.iter().map(rule)
}

/// Makes a page for each parameter.
pub(super) fn sysctls() -> impl Iterator<Item = Page> {
    SYSCTLS.iter().map(sysctl)
}

/// Makes a page for each counter.
pub(super) fn counters() -> impl Iterator<Item = Page> {
    COUNTERS.iter().map(counter)
}

fn rule(rule: &Rule) -> Page {
    let texts = &rule.page;
    let filled = |text: &str| with_defaults(text, rule.thresholds);
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let points = |heading: &str, points: &[&str]| Section {
        heading: heading.to_owned(),
        blocks: points.iter().map(|point| Block::Item(filled(point))).collect(),
    };
    let now = |name: &&str| Now { name: (*name).to_owned(), value: None };
    Page {
        name: rule.id.to_owned(),
        title: format!("{}: {}", rule.id, texts.title),
        group: PageGroup::Rule,
        aliases: owned(texts.aliases),
        now: texts.now.iter().map(now).collect(),
        sections: vec![
            section("What it means", [filled(texts.means)]),
            points("What to look at", texts.look_at),
            points("What helps", texts.helps),
            points("What does not help", texts.helps_not),
        ],
        see: owned(texts.see),
    }
}

/// Puts in the defaults of thresholds.
fn with_defaults(text: &str, thresholds: &[Threshold]) -> String {
    thresholds.iter().fold(text.to_owned(), |text, threshold| {
        let number = match threshold.unit {
            ThresholdUnit::Time => threshold.default / 1_000,
            ThresholdUnit::Count(_) | ThresholdUnit::Percent => threshold.default,
        };
        text.replace(&format!("{{setting:{}}}", threshold.name), &number.to_string())
    })
}

fn sysctl(sysctl: &Sysctl) -> Page {
    let short = sysctl.name.rsplit('.').next().unwrap_or(sysctl.name);
    let form = match sysctl.shape {
        Shape::Numbers(1) => format!("One number, its unit: {}.", sysctl.unit),
        Shape::Numbers(n) => format!("{n} numbers, their unit: {}.", sysctl.unit),
        Shape::Ports => "Ports and ranges of ports, by commas.".to_owned(),
    };
    let whose = match sysctl.scope {
        Scope::Namespace => "Every network namespace has its own value.",
        Scope::Host => "One value for the whole host.",
    };
    let file = sysctl.name.replace('.', "/");
    Page {
        name: sysctl.name.to_owned(),
        title: format!("{}, a kernel parameter", sysctl.name),
        group: PageGroup::Sysctl,
        aliases: vec![short.to_owned(), file.clone(), format!("/proc/sys/{file}")],
        now: vec![Now { name: sysctl.name.to_owned(), value: None }],
        sections: vec![
            section("What it does", [sentence(sysctl.help)]),
            section("How it is read", [format!("{form} {whose} `sysctl {}`", sysctl.name)]),
        ],
        see: Vec::new(),
    }
}

fn counter(field: &CounterField) -> Page {
    let name = format!("{}.{}", field.group, field.name);
    let mut aliases = vec![field.name.to_owned()];
    if NSTAT_GROUPS.contains(&field.group) {
        aliases.push(format!("{}{}", field.group, field.name));
    }
    let kind = match field.kind {
        CounterKind::Counter => "It only grows; what counts is how much it grew between two looks.",
        CounterKind::Gauge => "It says how many there are now.",
    };
    let whose = match field.scope {
        Scope::Namespace => "It belongs to the network namespace.",
        Scope::Host => "It belongs to the whole host.",
    };
    Page {
        title: format!("{name}, a counter of the kernel"),
        group: PageGroup::Counter,
        aliases,
        now: vec![Now { name: name.clone(), value: None }],
        name,
        sections: vec![
            section("What it counts", [sentence(field.help)]),
            section("How it is read", [format!("{kind} {whose}")]),
        ],
        see: Vec::new(),
    }
}

fn section<const N: usize>(heading: &str, paragraphs: [String; N]) -> Section {
    let blocks = paragraphs.into_iter().map(Block::Paragraph).collect();
    Section { heading: heading.to_owned(), blocks }
}

/// Makes a sentence of a help text, which begins small and has no full stop.
fn sentence(help: &str) -> String {
    let mut letters = help.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
