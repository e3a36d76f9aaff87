//! Values of rules.toml, with the place of every mistake.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::filter::Glob;
use crate::model::address::Address;
use crate::model::units::{self, Bare};
use crate::rules::origin::Origin;
use crate::rules::overrides::process_pattern;
use crate::rules::severity::Severity;
use crate::rules::threshold::{Threshold, ThresholdUnit};

/// Tells a mistake in a file, with its place and what is allowed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// One line that says what is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for ConfigError {}

/// Is right, or has a mistake.
pub(super) type Result<T> = std::result::Result<T, ConfigError>;
/// Is a key with its place.
pub(super) type TomlKey<'t, 'i> = &'t Spanned<Cow<'i, str>>;
/// Is a value with its place.
pub(super) type TomlItem<'t, 'i> = &'t Spanned<DeValue<'i>>;

/// Reads values of a file and knows where each of them stands.
pub(super) struct Reader<'r> {
    file: &'r str,
    pub text: &'r str,
}

impl<'r> Reader<'r> {
    pub fn new(file: &'r str, text: &'r str) -> Self {
        Self { file, text }
    }

    /// Makes an error of a mistake at a place.
    pub fn error(&self, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        ConfigError { file: self.file.to_owned(), line, column, message: message.into() }
    }

    /// Returns a place as the origin of a value.
    pub fn origin(&self, span: Range<usize>) -> Origin {
        let line = self.error(span, "").line;
        Origin::File { name: self.file.to_owned(), line }
    }

    /// Reads each table of `[[name]]`.
    pub fn each(
        &self,
        item: TomlItem<'_, '_>,
        name: &str,
        mut read: impl FnMut(&Spanned<DeValue<'_>>) -> Result<()>,
    ) -> Result<()> {
        let DeValue::Array(tables) = item.get_ref() else {
            return Err(self.error(item.span(), format!("write [[{name}]], with two brackets")));
        };
        tables.iter().try_for_each(&mut read)
    }

    pub fn table<'t, 'i>(&self, item: TomlItem<'t, 'i>) -> Result<&'t DeTable<'i>> {
        match item.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.error(item.span(), "expected a table")),
        }
    }

    pub fn string<'t>(&self, item: TomlItem<'t, '_>) -> Result<&'t str> {
        match item.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.error(item.span(), "expected a string in quotes")),
        }
    }

    pub fn boolean(&self, item: TomlItem<'_, '_>) -> Result<bool> {
        match item.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.error(item.span(), "expected true or false")),
        }
    }

    pub fn number(&self, item: TomlItem<'_, '_>) -> Result<u64> {
        let number = match item.get_ref() {
            DeValue::Integer(number) => {
                u64::from_str_radix(&number.as_str().replace(['_', '+'], ""), number.radix()).ok()
            }
            _ => None,
        };
        number.ok_or_else(|| self.error(item.span(), "expected a whole number, 0 or more"))
    }

    pub fn time(&self, item: TomlItem<'_, '_>) -> Result<u64> {
        let text = match item.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            _ => None,
        };
        text.and_then(|text| units::milliseconds(text, Bare::Seconds)).ok_or_else(|| {
            self.error(item.span(), "expected a time in quotes: \"500ms\", \"30s\", \"5m\", \"1h\"")
        })
    }

    pub fn severity(&self, item: TomlItem<'_, '_>) -> Result<Severity> {
        Severity::parse(self.string(item)?)
            .ok_or_else(|| self.error(item.span(), "expected \"warning\" or \"critical\""))
    }

    pub fn threshold(&self, threshold: &Threshold, item: TomlItem<'_, '_>) -> Result<u64> {
        match threshold.unit {
            ThresholdUnit::Time => self.time(item),
            ThresholdUnit::Count(_) | ThresholdUnit::Percent => self.number(item),
        }
    }

    pub fn pattern(&self, item: TomlItem<'_, '_>) -> Result<Glob> {
        process_pattern(self.string(item)?).ok_or_else(|| {
            self.error(item.span(), "expected the name of a process; * and ? stand for characters")
        })
    }

    pub fn port(&self, item: TomlItem<'_, '_>) -> Result<u16> {
        u16::try_from(self.number(item)?)
            .map_err(|_| self.error(item.span(), "expected a port, 0 to 65535"))
    }

    pub fn address(&self, item: TomlItem<'_, '_>) -> Result<Address> {
        let parsed: std::result::Result<IpAddr, _> = self.string(item)?.parse();
        parsed.map(Into::into).map_err(|_| self.error(item.span(), "expected an IP address"))
    }
}
