//! The rules in force: the file that counts, flags, and what custom rules count.

use std::path::{Path, PathBuf};

use crate::machine::Machine;
use crate::model::state::StateSet;
use crate::model::units::{self, Bare};
use crate::model::want::Want;
use crate::query::{Means, Selection, SystemNames};
use crate::rules::custom::{Condition, CustomRule};
use crate::rules::origin::Origin;
use crate::rules::{Config, RULES, Severity};

use super::error::Error;
use super::flags::{Shared, SourceChoice};
use super::select;

/// The name of the file in each place.
const NAME: &str = "sockstate/rules.toml";

/// The rules of the file that counts: the one a flag names, else the user's,
/// else the system's.
///
/// # Errors
/// For a file that cannot be read, or makes no sense.
pub fn load(named: Option<&Path>) -> Result<Config, Error> {
    let mut config = Config::default();
    let (path, needed) = match named {
        Some(path) => (Some(path.to_owned()), true),
        None => (places(NAME).into_iter().find(|path| path.exists()), false),
    };
    let Some(path) = path else { return Ok(config) };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if !needed && error.kind() == std::io::ErrorKind::NotFound => return Ok(config),
        Err(error) => {
            return Err(Error::Usage(format!("cannot read {}: {error}", path.display())));
        }
    };
    config
        .read(&path.display().to_string(), &text)
        .map_err(|error| Error::Usage(error.to_string()))?;
    Ok(config)
}

/// Where a file of this name can be: the user's place first.
pub fn places(name: &str) -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".config"));
    let user = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
    user.into_iter().chain([PathBuf::from("/etc")]).map(|dir| dir.join(name)).collect()
}

/// Leaves only the named rules in force; with none named, and `max` given,
/// only those of the flags.
///
/// # Errors
/// For an id that no rule has.
pub fn restrict(config: &mut Config, ids: &[String], max: &[String]) -> Result<(), Error> {
    if let Some(id) = ids.iter().find(|id| !config.knows(id)) {
        let mut known: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        known.extend(config.custom.iter().map(|rule| rule.id.as_str()));
        let known = known.join(", ");
        return Err(Error::Usage(format!("there is no rule '{id}'; the rules are {known}")));
    }
    if !ids.is_empty() || !max.is_empty() {
        for rule in &mut config.rules {
            rule.enabled.value &= ids.iter().any(|id| id == rule.rule.id);
        }
        config.custom.retain(|rule| ids.contains(&rule.id));
    }
    for text in max {
        config.custom.push(max_rule(text)?);
    }
    Ok(())
}

const MAX_FORM: &str = "expected STATE=COUNT or STATE=COUNT:AGE, as in close-wait=100:5m";

/// `close-wait=100:5m`: more than 100 sockets that have been there for 5 min.
fn max_rule(text: &str) -> Result<CustomRule, Error> {
    let wrong = |why: &str| Error::Usage(format!("--max {text}: {why}"));
    let (state, limit) = text.split_once('=').ok_or_else(|| wrong(MAX_FORM))?;
    let (limit, age) = match limit.split_once(':') {
        Some((limit, age)) => (limit, Some(age)),
        None => (limit, None),
    };
    StateSet::parse(state).ok_or_else(|| {
        wrong(&format!("there is no state '{state}'; use {}", StateSet::allowed_names()))
    })?;
    let limit: u64 = limit.parse().map_err(|_| wrong(MAX_FORM))?;
    let mut filter = format!("state {state}");
    let mut what = format!("more than {limit} TCP sockets in {state}");
    if let Some(age) = age {
        // A number alone is refused, as the filter does: 5 of what?
        let ms = units::milliseconds(age, Bare::Refused).ok_or_else(|| wrong(MAX_FORM))?;
        filter += &format!(" and age >= {}", units::of_milliseconds(ms));
        what += &format!(" for {age}");
    }
    let when = Condition::parse(&format!("count({filter}) > {limit}"))
        .map_err(|error| wrong(&error.message))?;
    Ok(CustomRule {
        id: format!("max-{}", state.to_lowercase().replace('_', "-")),
        when,
        hold_ms: 0,
        severity: Severity::Critical,
        summary: what,
        remedy: format!("`sockstate explain {state}` says what the state means"),
        origin: Origin::Flag(format!("--max {text}")),
    })
}

/// The rows that custom rules count, in the order of the rules: of TCP.
///
/// # Errors
/// For a name in a filter that the system does not know.
pub fn counting(
    config: &Config,
    shared: &Shared,
    machine: &Machine,
) -> Result<Vec<Selection>, Error> {
    config.custom.iter().map(|rule| selection(rule, shared, machine)).collect()
}

fn selection(rule: &CustomRule, shared: &Shared, machine: &Machine) -> Result<Selection, Error> {
    let tables = select::tables(shared, &[crate::model::proto::Proto::Tcp]);
    let want = Want::all_of(tables);
    let Some(filter) = &rule.when.filter else { return Ok(Selection::all(want)) };
    let resolved = filter.resolve(&mut SystemNames::new(machine)).map_err(|error| {
        Error::Usage(format!("{}: rule {}: {}", rule.origin, rule.id, last(&error)))
    })?;
    let means = Means {
        kernel: !shared.no_kernel_filter,
        netlink: shared.source != SourceChoice::Proc && machine.is_live(),
    };
    Ok(Selection::compile(machine, want, resolved.expr, means))
}

/// What an error says, without the expression it points into.
fn last(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().last().unwrap_or_default().to_owned()
}
