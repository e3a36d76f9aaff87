//! Pages of `explain`, wrapped to the terminal.

use unicode_width::UnicodeWidthStr;

use crate::explain::{Block, NOT_KNOWN, Page, PageGroup};
use crate::output::out::Out;
use crate::output::style::{Style, Tone};

/// Columns of text: no more than this where there is room, and where there is
/// no terminal, [`PLAIN_WIDTH`].
const TEXT_WIDTH: usize = 100;
const PLAIN_WIDTH: usize = 80;

/// Narrower terminals get lines that are too long.
const LEAST_WIDTH: usize = 30;

const INDENT: &str = "  ";

/// Writes a page, with a picture before its text.
pub fn explain(out: &mut Out<'_>, style: &Style, page: &Page, picture: Option<&str>) {
    let mut text = ExplainText::new(style, out.buffer());
    text.heading(&page.title);
    if let Some(picture) = picture {
        text.out.push(b'\n');
        text.out.extend_from_slice(picture.as_bytes());
    }
    text.now(page);
    for section in &page.sections {
        text.out.push(b'\n');
        text.heading(&section.heading);
        for (i, block) in section.blocks.iter().enumerate() {
            // Points of a list stand together and with what leads to them.
            if i > 0 && matches!(block, Block::Paragraph(_)) {
                text.out.push(b'\n');
            }
            text.block(block);
        }
    }
    if !page.see.is_empty() {
        text.out.push(b'\n');
        text.wrapped("See also: ", INDENT, &page.see.join(", "));
    }
    out.advance();
}

/// Writes the list of all pages.
pub fn topics(out: &mut Out<'_>, style: &Style, pages: &[Page]) {
    let mut text = ExplainText::new(style, out.buffer());
    for (i, group) in PageGroup::ALL.into_iter().enumerate() {
        if i > 0 {
            text.out.push(b'\n');
        }
        text.heading(group.heading());
        let of_group: Vec<&Page> = pages.iter().filter(|page| page.group == group).collect();
        if matches!(group, PageGroup::Sysctl | PageGroup::Counter) {
            let names: Vec<&str> = of_group.iter().map(|page| page.name.as_str()).collect();
            text.wrapped(INDENT, INDENT, &names.join(", "));
        } else {
            text.names(&of_group);
        }
    }
    text.wrapped(
        "\n",
        "",
        "'sockstate explain NAME' shows a page; any spelling of a name will do.",
    );
    out.advance();
}

struct ExplainText<'t> {
    style: &'t Style,
    out: &'t mut Vec<u8>,
    width: usize,
}

impl<'t> ExplainText<'t> {
    fn new(style: &'t Style, out: &'t mut Vec<u8>) -> Self {
        let width = style.width.unwrap_or(PLAIN_WIDTH).clamp(LEAST_WIDTH, TEXT_WIDTH);
        Self { style, out, width }
    }

    fn heading(&mut self, text: &str) {
        self.style.open(self.out, Tone::Head);
        self.wrapped("", "", text);
        self.style.close(self.out, Tone::Head);
    }

    fn now(&mut self, page: &Page) {
        if page.now.is_empty() {
            return;
        }
        self.out.push(b'\n');
        self.heading("On this machine now");
        let longest = page.now.iter().map(|now| now.name.len()).max().unwrap_or(0);
        for now in &page.now {
            let value = now.value.as_deref().unwrap_or(NOT_KNOWN);
            self.line(&format!("{INDENT}{:longest$}{INDENT}{value}", now.name));
        }
    }

    /// Appends names with what stands behind the colon of their title.
    fn names(&mut self, pages: &[&Page]) {
        let longest = pages.iter().map(|page| page.name.len()).max().unwrap_or(0);
        let hanging = " ".repeat(longest + 2 * INDENT.len());
        for page in pages {
            let about = page.title.split_once(": ").map_or(&*page.title, |(_, about)| about);
            let name = format!("{INDENT}{:longest$}{INDENT}", page.name);
            self.wrapped(&name, &hanging, about);
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(text) => self.wrapped(INDENT, INDENT, text),
            Block::Item(text) => self.wrapped("  - ", "    ", text),
        }
    }

    fn line(&mut self, text: &str) {
        self.out.extend_from_slice(text.trim_end().as_bytes());
        self.out.push(b'\n');
    }

    /// Writes words behind `first`, and behind `next` on further lines.
    fn wrapped(&mut self, first: &str, next: &str, text: &str) {
        let mut line = first.to_owned();
        let mut empty = true;
        for word in words(text, self.width - next.width()) {
            if !empty && line.width() + 1 + word.width() > self.width {
                self.line(&line);
                next.clone_into(&mut line);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(&line);
    }
}

/// Cuts a text in what a line is not broken in: words, and commands in backticks that fit
/// into a line.
fn words(text: &str, width: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let blank = rest.find(' ').unwrap_or(rest.len());
        let code = rest.get(..blank).filter(|word| word.matches('`').count() == 1);
        let end = code.and_then(|_| {
            let closing = rest.match_indices('`').nth(1)?.0;
            let end = rest[closing..].find(' ').map_or(rest.len(), |more| closing + more);
            (end <= width).then_some(end)
        });
        let (word, more) = rest.split_at(end.unwrap_or(blank));
        words.push(word);
        rest = more.strip_prefix(' ').unwrap_or(more);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::find;

    fn draw(width: Option<usize>, write: impl FnOnce(&mut Out<'_>, &Style)) -> String {
        let mut sink = Vec::new();
        let mut out = Out::new(&mut sink);
        write(&mut out, &Style { color: false, width });
        out.finish().expect("a Vec takes everything");
        String::from_utf8(sink).expect("only text was written")
    }

    #[test]
    fn pages_are_wrapped_to_the_terminal_and_to_80_columns_without() {
        let page = find("close-wait").expect("there is a page");
        for (width, most) in [(Some(40), 40), (None, 80), (Some(300), 100)] {
            let text = draw(width, |out, style| explain(out, style, page, None));
            let longest = text.lines().map(str::len).max().unwrap_or(0);
            assert!(longest <= most && longest > most - 12, "{width:?}: {longest}");
            assert!(text.lines().all(|line| line == line.trim_end()));
        }
    }

    #[test]
    fn commands_are_not_broken_where_they_fit() {
        let text = "Look at `ss -tan state`: it (`a b`) helps.";
        let whole = ["Look", "at", "`ss -tan state`:", "it", "(`a b`)", "helps."];
        assert_eq!(words(text, 40), whole);
        assert_eq!(words(text, 9).len(), 8);
        assert_eq!(words("an odd ` mark", 9), ["an", "odd", "`", "mark"]);
    }

    #[test]
    fn the_list_names_every_page() {
        let pages = crate::explain::topics();
        let text = draw(None, |out, style| topics(out, style, pages));
        for page in pages {
            assert!(text.contains(page.name.as_str()), "{}", page.name);
        }
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
