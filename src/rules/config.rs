//! rules.toml: text to settings, with the place of every mistake.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::own::{Condition, OwnRule};
use super::settings::{
    Config, Origin, Override, RuleConfig, Selector, Set, Threshold, Unit, parse_time,
    process_pattern,
};
use super::{RULES, Severity};

/// A mistake in a file, with its place and what is allowed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for ConfigError {}

type Result<T> = std::result::Result<T, ConfigError>;
type Key<'t, 'i> = &'t Spanned<std::borrow::Cow<'i, str>>;
type Item<'t, 'i> = &'t Spanned<DeValue<'i>>;

impl Config {
    /// Takes in what a file says; it wins over what was there.
    ///
    /// # Errors
    /// For the first mistake, with its place. Of the file nothing is quoted: it
    /// may be one that its reader is not to see.
    pub fn read(&mut self, file: &str, text: &str) -> Result<()> {
        let reader = Reader { file, text };
        let table = DeTable::parse(text).map_err(|error| {
            reader.error(error.span().unwrap_or(0..0), first_line(error.message()))
        })?;
        for (key, item) in table.get_ref() {
            match key.get_ref().as_ref() {
                "rule" => reader.each(item, "rule", |table| reader.own(self, table))?,
                "override" => {
                    reader.each(item, "override", |table| reader.exception(self, table))?
                }
                id => reader.catalogue(self, id, key, item)?,
            }
        }
        Ok(())
    }
}

struct Reader<'r> {
    file: &'r str,
    text: &'r str,
}

impl Reader<'_> {
    fn error(&self, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        ConfigError { file: self.file.to_owned(), line, column, message: message.into() }
    }

    fn origin(&self, span: Range<usize>) -> Origin {
        let line = self.error(span, "").line;
        Origin::File { name: self.file.to_owned(), line }
    }

    /// Each table of `[[name]]`.
    fn each(
        &self,
        item: Item<'_, '_>,
        name: &str,
        mut read: impl FnMut(&Spanned<DeValue<'_>>) -> Result<()>,
    ) -> Result<()> {
        let DeValue::Array(tables) = item.get_ref() else {
            return Err(self.error(item.span(), format!("write [[{name}]], with two brackets")));
        };
        tables.iter().try_for_each(&mut read)
    }

    fn table<'t, 'i>(&self, item: Item<'t, 'i>) -> Result<&'t DeTable<'i>> {
        match item.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.error(item.span(), "expected a table")),
        }
    }

    fn string<'t>(&self, item: Item<'t, '_>) -> Result<&'t str> {
        match item.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.error(item.span(), "expected a string in quotes")),
        }
    }

    fn boolean(&self, item: Item<'_, '_>) -> Result<bool> {
        match item.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.error(item.span(), "expected true or false")),
        }
    }

    fn number(&self, item: Item<'_, '_>) -> Result<u64> {
        let number = match item.get_ref() {
            DeValue::Integer(number) => {
                u64::from_str_radix(&number.as_str().replace(['_', '+'], ""), number.radix()).ok()
            }
            _ => None,
        };
        number.ok_or_else(|| self.error(item.span(), "expected a whole number, 0 or more"))
    }

    fn time(&self, item: Item<'_, '_>) -> Result<u64> {
        let text = match item.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            _ => None,
        };
        text.and_then(parse_time).ok_or_else(|| {
            self.error(item.span(), "expected a time in quotes: \"500ms\", \"30s\", \"5m\", \"1h\"")
        })
    }

    fn severity(&self, item: Item<'_, '_>) -> Result<Severity> {
        Severity::parse(self.string(item)?)
            .ok_or_else(|| self.error(item.span(), "expected \"warning\" or \"critical\""))
    }

    fn threshold(&self, threshold: &Threshold, item: Item<'_, '_>) -> Result<u64> {
        match threshold.unit {
            Unit::Time => self.time(item),
            Unit::Count(_) | Unit::Percent => self.number(item),
        }
    }

    /// `[close-wait-leak]`
    fn catalogue(
        &self,
        config: &mut Config,
        id: &str,
        key: Key<'_, '_>,
        item: Item<'_, '_>,
    ) -> Result<()> {
        let Some(rule) = config.rule_mut(id) else {
            return Err(self.error(key.span(), format!("there is no such rule; {}", known_rules())));
        };
        for (key, item) in self.table(item)? {
            let origin = self.origin(key.span());
            match key.get_ref().as_ref() {
                "enabled" => rule.enabled = Set::new(self.boolean(item)?, origin),
                "severity" => rule.severity = Set::new(Some(self.severity(item)?), origin),
                "for" => rule.hold_ms = Set::new(self.time(item)?, origin),
                name => {
                    let (index, threshold) = self.named(rule, name, key, "")?;
                    let value = self.threshold(threshold, item)?;
                    rule.values[index] = Set::new(value, origin);
                }
            }
        }
        Ok(())
    }

    fn named(
        &self,
        rule: &RuleConfig,
        name: &str,
        key: Key<'_, '_>,
        also: &str,
    ) -> Result<(usize, &'static Threshold)> {
        let thresholds = rule.rule.thresholds.iter().enumerate();
        thresholds.clone().find(|(_, t)| t.name == name).ok_or_else(|| {
            let names: Vec<&str> = rule.rule.thresholds.iter().map(|t| t.name).collect();
            let names = [names.as_slice(), &["enabled", "severity", "for"]].concat().join(", ");
            let message = format!("{} has no such member; it has {also}{names}", rule.rule.id);
            self.error(key.span(), message)
        })
    }

    /// `[[override]]`
    fn exception(&self, config: &mut Config, item: Item<'_, '_>) -> Result<()> {
        let table = self.table(item)?;
        let Some((_, id)) = table.iter().find(|(key, _)| key.get_ref() == "rule") else {
            let message = format!("an [[override]] needs rule = \"…\"; {}", known_rules());
            return Err(self.error(item.span(), message));
        };
        let name = self.string(id)?;
        let Some(rule) = config.rules.iter().position(|r| r.rule.id == name) else {
            let message = format!("there is no such rule; {}", known_rules());
            return Err(self.error(id.span(), message));
        };
        let rule = &mut config.rules[rule];
        let mut special = Override {
            who: Selector::default(),
            values: Vec::new(),
            severity: None,
            disabled: false,
            origin: self.origin(item.span()),
            text: String::new(),
        };
        for (key, item) in table {
            self.exception_member(rule, &mut special, key, item)?;
        }
        if special.who == Selector::default() {
            let message = "an [[override]] needs process, port or address: whom it is for";
            return Err(self.error(item.span(), message));
        }
        rule.overrides.push(special);
        Ok(())
    }

    fn exception_member(
        &self,
        rule: &RuleConfig,
        special: &mut Override,
        key: Key<'_, '_>,
        item: Item<'_, '_>,
    ) -> Result<()> {
        let name = key.get_ref().as_ref();
        match name {
            "rule" => return Ok(()),
            "process" => special.who.process = Some(self.pattern(item)?),
            "port" => special.who.port = Some(self.port(item)?),
            "address" => special.who.address = Some(self.address(item)?),
            "enabled" => special.disabled = !self.boolean(item)?,
            "severity" => special.severity = Some(self.severity(item)?),
            name => {
                let (_, threshold) = self.named(rule, name, key, "process, port, address, ")?;
                special.values.push((threshold, self.threshold(threshold, item)?));
            }
        }
        if matches!(name, "process" | "port" | "address") {
            let written = self.text.get(item.span()).unwrap_or_default();
            let comma = if special.text.is_empty() { "" } else { ", " };
            special.text += &format!("{comma}{name} = {written}");
        }
        Ok(())
    }

    fn pattern(&self, item: Item<'_, '_>) -> Result<crate::filter::Glob> {
        process_pattern(self.string(item)?).ok_or_else(|| {
            self.error(item.span(), "expected the name of a process; * and ? stand for characters")
        })
    }

    fn port(&self, item: Item<'_, '_>) -> Result<u16> {
        u16::try_from(self.number(item)?)
            .map_err(|_| self.error(item.span(), "expected a port, 0 to 65535"))
    }

    fn address(&self, item: Item<'_, '_>) -> Result<crate::model::address::Address> {
        let parsed: std::result::Result<IpAddr, _> = self.string(item)?.parse();
        parsed.map(Into::into).map_err(|_| self.error(item.span(), "expected an IP address"))
    }

    /// `[[rule]]`
    fn own(&self, config: &mut Config, item: Item<'_, '_>) -> Result<()> {
        let table = self.table(item)?;
        let (mut id, mut when, mut hold_ms) = (None, None, 0);
        let (mut severity, mut summary, mut remedy) = (Severity::Warning, None, String::new());
        for (key, item) in table {
            match key.get_ref().as_ref() {
                "id" => id = Some(self.new_id(config, item)?),
                "when" => when = Some(self.condition(item)?),
                "for" => hold_ms = self.time(item)?,
                "severity" => severity = self.severity(item)?,
                "summary" => summary = Some(self.string(item)?.to_owned()),
                "remedy" => remedy = self.string(item)?.to_owned(),
                _ => {
                    let message = "a [[rule]] has no such member; it has id, when, for, severity, \
                                   summary, remedy";
                    return Err(self.error(key.span(), message));
                }
            }
        }
        let missing =
            |what: &str| self.error(item.span(), format!("a [[rule]] needs {what} = \"…\""));
        let id = id.ok_or_else(|| missing("id"))?;
        let when = when.ok_or_else(|| missing("when"))?;
        let summary = summary.unwrap_or_else(|| "more than allowed".to_owned());
        let origin = self.origin(item.span());
        config.own.push(OwnRule { id, when, hold_ms, severity, summary, remedy, origin });
        Ok(())
    }

    fn new_id(&self, config: &Config, item: Item<'_, '_>) -> Result<String> {
        let id = self.string(item)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || !id.chars().all(plain) {
            return Err(self.error(item.span(), "an id has small letters, digits and dashes"));
        }
        if config.knows(id) {
            return Err(self.error(item.span(), "there is a rule of this id already"));
        }
        Ok(id.to_owned())
    }

    fn condition(&self, item: Item<'_, '_>) -> Result<Condition> {
        let text = self.string(item)?;
        Condition::parse(text).map_err(|error| {
            // Behind the opening quote; escapes inside would move the place.
            let start = item.span().start + 1 + error.at;
            self.error(start..start, error.message)
        })
    }
}

fn known_rules() -> String {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    format!("the rules are {}", ids.join(", "))
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
