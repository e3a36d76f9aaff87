//! The rules in force: the file that counts, flags, and what custom rules count.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::machine::Machine;
use crate::model::escape::escaped;
use crate::model::state::StateSet;
use crate::model::units::{self, Bare};
use crate::model::want::Want;
use crate::query::{Means, Selection, SystemNames};
use crate::rules::custom::{Condition, CustomRule};
use crate::rules::origin::Origin;
use crate::rules::{Config, RULES, Severity, print};

use super::config_files;
use super::context::Context;
use super::error::Error;
use super::flags::{SharedFlags, SourceChoice};
use super::select;

/// The name of the file in each place.
const NAME: &str = "sockstate/rules.toml";

/// Reads the rules of the file that counts: the one a flag names, else the
/// user's, else the system's.
///
/// # Errors
/// For a file that cannot be read, or makes no sense.
pub fn load(named: Option<&Path>) -> Result<Config, Error> {
    load_with_path(named).map(|(config, _)| config)
}

/// Returns the same, and which file it was.
///
/// # Errors
/// As [`load`].
pub fn load_with_path(named: Option<&Path>) -> Result<(Config, Option<PathBuf>), Error> {
    let mut config = Config::default();
    let Some(file) = config_files::read(named, NAME)? else { return Ok((config, None)) };
    config
        .read(&file.path.display().to_string(), &file.text)
        .map_err(|error| Error::Usage(error.to_string()))?;
    Ok((config, Some(file.path)))
}

/// Prints the effective rules, and which file was read for them.
///
/// # Errors
/// When they cannot be written.
pub fn print(context: &mut Context<'_>, config: &Config, file: Option<&Path>) -> Result<(), Error> {
    let read = match file {
        Some(file) => format!("# read from {}\n", escaped(file.display().to_string().as_bytes())),
        None => "# no file was read\n".to_owned(),
    };
    context.print(format!("{read}{}", print::effective(config)).as_bytes())
}

/// Says which rules a file switches off, and that a file was passed over: who
/// reads "no alerts" is to know.
pub fn remark(context: &mut Context<'_>, config: &Config) {
    for (file, ids) in switched_off(config) {
        let verb = if ids.len() == 1 { "is" } else { "are" };
        let file = escaped(file.as_bytes());
        context.note(&format!("rules: {} {verb} switched off by {file}\n", ids.join(", ")));
    }
    if let Some(path) = config_files::passed_over(NAME) {
        let path = escaped(path.display().to_string().as_bytes());
        context.note(&format!(
            "rules: {path} is not read, for this program has rights of its own; name it with \
             --rules\n"
        ));
    }
}

/// Returns the rules that are switched off, by the file that does it.
fn switched_off(config: &Config) -> BTreeMap<&str, Vec<&str>> {
    let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rule in &config.rules {
        let whole = (!rule.enabled.value).then_some(&rule.enabled.origin);
        let parts = rule.overrides.iter().filter(|part| part.disabled).map(|part| &part.origin);
        let mut files = whole.into_iter().chain(parts).filter_map(|origin| match origin {
            Origin::File { name, .. } => Some(name.as_str()),
            _ => None,
        });
        if let Some(file) = files.next() {
            by_file.entry(file).or_default().push(rule.rule.id);
        }
    }
    by_file
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

/// Makes the rule of `--max`; `close-wait=100:5m` is more than 100 sockets that
/// have been there for 5 min.
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

/// Returns the rows that custom rules count, in the order of the rules: of TCP.
///
/// # Errors
/// For a name in a filter that the system does not know.
pub fn counting(
    config: &Config,
    shared: &SharedFlags,
    machine: &Machine,
) -> Result<Vec<Selection>, Error> {
    config.custom.iter().map(|rule| selection(rule, shared, machine)).collect()
}

fn selection(
    rule: &CustomRule,
    shared: &SharedFlags,
    machine: &Machine,
) -> Result<Selection, Error> {
    let tables = select::tables(shared, &[crate::model::proto::Proto::Tcp]);
    let want = Want::all_of(tables);
    let Some(filter) = &rule.when.filter else { return Ok(Selection::all(want)) };
    let resolved = filter.resolve(&mut SystemNames::new(machine)).map_err(|error| {
        let why = match rule.origin {
            // What stands in a file is not quoted.
            Origin::File { .. } => "its filter has a name that is not known here".to_owned(),
            _ => last(&error),
        };
        Error::Usage(format!("{}: {why}", rule.origin))
    })?;
    let means = Means {
        kernel: !shared.no_kernel_filter,
        netlink: shared.source != SourceChoice::Proc && machine.is_live(),
    };
    Ok(Selection::compile(machine, want, resolved.expr, means))
}

/// Returns the text of an error without the expression it points into.
fn last(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().last().unwrap_or_default().to_owned()
}
