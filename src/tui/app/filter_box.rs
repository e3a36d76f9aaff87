//! The filter as it is typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::filter::Filter;

use super::{App, Effect};
use crate::tui::line::LineEdit;

/// The filter, typed and in force.
#[derive(Clone, Debug, Default)]
pub struct FilterBox {
    /// The text in force.
    pub text: String,
    /// What it means.
    pub filter: Option<Filter>,
    /// What is being typed.
    pub edit: Option<LineEdit>,
    /// What is wrong with it: text and caret line.
    pub error: Option<String>,
    /// The error is one of a name that the system does not know.
    pub unresolved: bool,
    /// What was in force before the present one was typed.
    pub before: Option<(String, Option<Filter>)>,
    /// Whether what it does not select is shown.
    pub invert: bool,
}

impl App {
    /// Puts a filter in force; one that makes no sense says why and changes
    /// nothing.
    pub fn set_filter(&mut self, text: &str) {
        match Filter::parse(&[text]) {
            Ok(filter) => {
                self.filter.text = text.trim().to_owned();
                self.filter.filter = filter;
                self.filter.error = None;
            }
            Err(error) => self.filter.error = Some(error.to_string()),
        }
        self.filter.unresolved = false;
    }

    /// Begins to type a filter.
    pub(super) fn edit_filter(&mut self) {
        self.filter.before = Some((self.filter.text.clone(), self.filter.filter.clone()));
        self.filter.edit = Some(LineEdit::new(&self.filter.text));
    }

    /// Takes in what became of the filter where names had to be looked up.
    pub(super) fn resolved(&mut self, filter: &Option<Filter>, error: Option<&String>) {
        if *filter != self.filter.filter {
            // Another one has been typed since.
            return;
        }
        if let Some(error) = error {
            self.filter.error = Some(error.clone());
            self.filter.unresolved = true;
        } else if std::mem::take(&mut self.filter.unresolved) {
            self.filter.error = None;
        }
    }

    pub(super) fn type_filter(&mut self, key: &KeyEvent) -> Vec<Effect> {
        let Some(edit) = &mut self.filter.edit else { return Vec::new() };
        match (key.code, key.modifiers) {
            (KeyCode::Enter, _) => {
                if self.filter.error.is_some() && !self.filter.unresolved {
                    return Vec::new();
                }
                self.filter.edit = None;
                // Now its names are looked up.
                return vec![Effect::List];
            }
            (KeyCode::Esc, _) | (KeyCode::Char('c'), KeyModifiers::CONTROL) => {
                let (text, filter) = self.filter.before.take().unwrap_or_default();
                let invert = self.filter.invert && filter.is_some();
                self.filter = FilterBox { text, filter, invert, ..FilterBox::default() };
                return vec![Effect::Control, Effect::List];
            }
            _ => edit.key(key),
        }
        let text = edit.text();
        self.set_filter(&text);
        vec![Effect::Control, Effect::List]
    }
}
