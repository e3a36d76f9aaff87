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
    }

    pub(super) fn type_filter(&mut self, key: &KeyEvent) -> Vec<Effect> {
        let Some(edit) = &mut self.filter.edit else { return Vec::new() };
        match (key.code, key.modifiers) {
            (KeyCode::Enter, _) => {
                if self.filter.error.is_none() {
                    self.filter.edit = None;
                }
                return Vec::new();
            }
            (KeyCode::Esc, _) | (KeyCode::Char('c'), KeyModifiers::CONTROL) => {
                self.filter = FilterBox::default();
                return vec![Effect::Control, Effect::List];
            }
            _ => edit.key(key),
        }
        let text = edit.text();
        self.set_filter(&text);
        vec![Effect::Control, Effect::List]
    }
}
