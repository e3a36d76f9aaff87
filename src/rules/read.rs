//! rules.toml: its tables to settings, with the place of every mistake.

mod values;

use toml::de::DeTable;

use super::catalogue::RULES;
use super::config::{Config, RuleConfig};
use super::custom::{Condition, CustomRule};
use super::origin::Set;
use super::overrides::{Override, Selector};
use super::severity::Severity;
use super::threshold::Threshold;
use values::{Reader, Result, TomlItem, TomlKey};

impl Config {
    /// Takes in what a file says; it wins over what was there.
    ///
    /// # Errors
    /// For the first mistake, with its place. Of the file nothing is quoted: it
    /// may be one that its reader is not to see.
    pub fn read(&mut self, file: &str, text: &str) -> Result<()> {
        let reader = Reader::new(file, text);
        let table = DeTable::parse(text).map_err(|error| {
            reader.error(error.span().unwrap_or(0..0), first_line(error.message()))
        })?;
        for (key, item) in table.get_ref() {
            match key.get_ref().as_ref() {
                "rule" => reader.each(item, "rule", |table| reader.custom(self, table))?,
                "override" => {
                    reader.each(item, "override", |table| reader.exception(self, table))?
                }
                id => reader.catalogue(self, id, key, item)?,
            }
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// Reads `[close-wait-leak]`.
    fn catalogue(
        &self,
        config: &mut Config,
        id: &str,
        key: TomlKey<'_, '_>,
        item: TomlItem<'_, '_>,
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
        key: TomlKey<'_, '_>,
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

    /// Reads `[[override]]`.
    fn exception(&self, config: &mut Config, item: TomlItem<'_, '_>) -> Result<()> {
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
        key: TomlKey<'_, '_>,
        item: TomlItem<'_, '_>,
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

    /// Reads `[[rule]]`.
    fn custom(&self, config: &mut Config, item: TomlItem<'_, '_>) -> Result<()> {
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
        config.custom.push(CustomRule { id, when, hold_ms, severity, summary, remedy, origin });
        Ok(())
    }

    fn new_id(&self, config: &Config, item: TomlItem<'_, '_>) -> Result<String> {
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

    fn condition(&self, item: TomlItem<'_, '_>) -> Result<Condition> {
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
