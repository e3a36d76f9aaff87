//! The words of a filter: those of the command line, and those of `--filter`.

use std::path::Path;

use crate::filter::{Filter, ParseError};
use crate::sys::files;

use super::error::Error;
use super::flags::{Command, WordsFlags};
use super::transitions;

impl WordsFlags {
    /// Returns every word, those of the file in parentheses before those of the
    /// command line.
    ///
    /// # Errors
    /// When the file cannot be read, or is no filter: where, and what is allowed
    /// there, but nothing of what stands there. A file that is no filter may be
    /// one that its reader is not to see.
    pub fn all(&self) -> Result<Vec<String>, Error> {
        let Some(path) = &self.file else { return Ok(self.words.clone()) };
        let text = files::read_text(path, files::SMALL).map_err(|error| {
            Error::Failed(format!("cannot read the filter {}: {error}", path.display()))
        })?;
        let file = FileFilter::of(&text);
        if let Err(error) = Filter::parse(&[transitions::blanked(&file.text)]) {
            let (line, column) = file.place(error.span.start);
            return Err(mistake(path, &format!("{line}:{column}: expected {}", error.expected)));
        }
        // The file's text is none of what an error in the words shows.
        let typed = transitions::blanked(&self.words.join(" "));
        Filter::parse(&[typed]).map_err(|error: ParseError| {
            Error::FilterWords(format!("the filter makes no sense\n{error}"))
        })?;
        Ok(file.and(&self.words))
    }

    /// Returns an error of these words, without what it quotes of the file.
    pub fn without_quotes(&self, error: Error) -> Error {
        match (&self.file, error) {
            (Some(path), Error::Filter(_)) => mistake(
                path,
                " it does not fit this command, or names a host, service, user, device or control \
                 group that is not known here",
            ),
            (_, error) => error,
        }
    }
}

impl Command {
    /// Returns the filter of a command that has one.
    pub fn words(&self) -> Option<&WordsFlags> {
        match self {
            Self::List(flags) => Some(&flags.words),
            Self::Count(flags) => Some(&flags.words),
            Self::Listeners(flags) => Some(&flags.words),
            Self::Watch(flags) => Some(&flags.words),
            Self::Events(flags) => Some(&flags.words),
            Self::Ports(flags) => Some(&flags.words),
            _ => None,
        }
    }
}

fn mistake(path: &Path, what: &str) -> Error {
    Error::Usage(format!("the filter makes no sense: {}:{what}", path.display()))
}

/// The filter of a file, in one line, and where its parts were.
struct FileFilter {
    text: String,
    /// Of each line that counts: where it begins in the text, its number, and
    /// the characters before it.
    lines: Vec<(usize, usize, usize)>,
}

impl FileFilter {
    fn of(text: &str) -> Self {
        let mut filter = Self { text: String::new(), lines: Vec::new() };
        for (number, line) in (1..).zip(text.lines()) {
            let words = line.trim();
            if words.is_empty() || words.starts_with('#') {
                continue;
            }
            if !filter.text.is_empty() {
                filter.text.push(' ');
            }
            let indent = line.chars().take_while(|c| c.is_whitespace()).count();
            filter.lines.push((filter.text.len(), number, indent));
            filter.text.push_str(words);
        }
        filter
    }

    /// Returns line and column of an offset into the text, both from 1.
    fn place(&self, offset: usize) -> (usize, usize) {
        let found = self.lines.iter().rev().find(|(start, ..)| *start <= offset);
        let Some((start, line, indent)) = found else { return (1, 1) };
        let before = self.text.get(*start..offset).unwrap_or_default().chars().count();
        (*line, indent.saturating_add(before).saturating_add(1))
    }

    /// Joins it with more words; without parentheses an `or` in one would take the other
    /// apart.
    fn and(self, words: &[String]) -> Vec<String> {
        match (self.text.is_empty(), words.is_empty()) {
            (true, _) => words.to_vec(),
            (false, true) => vec![self.text],
            (false, false) => {
                [format!("({})", self.text), format!("({})", words.join(" "))].to_vec()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str, words: &[String]) -> Vec<String> {
        FileFilter::of(text).and(words)
    }

    #[test]
    fn a_file_and_words_must_both_hold() {
        let words = ["dport".to_owned(), "80".to_owned()];
        let text = "# the web\nsport 443\n\n  or sport 80\n";
        assert_eq!(both(text, &[]), ["sport 443 or sport 80"]);
        assert_eq!(both(text, &words), ["(sport 443 or sport 80)", "(dport 80)"]);
        assert_eq!(both("# nothing\n", &words), words);
    }

    #[test]
    fn a_place_in_the_filter_is_one_in_the_file() {
        let file = FileFilter::of("# the web\nsport 443\n\n  or größe 80\n");
        assert_eq!(file.place(0), (2, 1));
        assert_eq!(file.place(6), (2, 7));
        assert_eq!(file.place(file.text.find("größe").expect("there")), (4, 6));
        assert_eq!(file.place(file.text.find("80").expect("there")), (4, 12));
        assert_eq!(FileFilter::of("").place(0), (1, 1));
    }
}
