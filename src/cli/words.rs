//! The words of a filter: those of the command line, and those of `--filter`.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::error::Error;
use super::flags::Words;

impl Words {
    /// Every word, those of the file in parentheses before those of the command line.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn all(&self) -> Result<Vec<String>, Error> {
        let Some(path) = &self.file else { return Ok(self.words.clone()) };
        let text = read(path).map_err(|error| {
            Error::Failed(format!("cannot read the filter {}: {error}", path.display()))
        })?;
        Ok(both(&text, &self.words))
    }
}

fn read(path: &Path) -> io::Result<String> {
    if path != Path::new("-") {
        return fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// The filter of a file and more words; without parentheses an `or` in one
/// would take the other apart.
fn both(text: &str, words: &[String]) -> Vec<String> {
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let file = lines.join(" ");
    match (file.is_empty(), words.is_empty()) {
        (true, _) => words.to_vec(),
        (false, true) => vec![file],
        (false, false) => [format!("({file})"), format!("({})", words.join(" "))].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_words_must_both_hold() {
        let words = ["dport".to_owned(), "80".to_owned()];
        let text = "# the web\nsport 443\n\n  or sport 80\n";
        assert_eq!(both(text, &[]), ["sport 443 or sport 80"]);
        assert_eq!(both(text, &words), ["(sport 443 or sport 80)", "(dport 80)"]);
        assert_eq!(both("# nothing\n", &words), words);
    }
}
