//! Reads the files of pages.
//!
//! ```text
//! == close-wait                   a page and its name
//! title: one line
//! alias: other names, by commas   left out when there are none
//! now: CLOSE_WAIT, TCP.tw, …      numbers shown with the page: states, parameters, counters
//! see: other pages, by commas
//!
//! # Heading                       a section
//! One paragraph a line, with {count:STATE} and {sysctl:NAME} for numbers.
//! - One point of a list a line.
//! ```

use super::page::{Block, Now, Page, PageGroup, Section};

/// Reads the pages of a file, all of one group.
pub(super) fn pages(text: &str, group: PageGroup) -> impl Iterator<Item = Page> {
    let parts = text.strip_prefix("== ").unwrap_or(text).split("\n== ");
    parts.map(move |part| page(part, group))
}

fn page(text: &str, group: PageGroup) -> Page {
    let mut lines = text.lines();
    let mut page = Page {
        name: lines.next().unwrap_or_default().to_owned(),
        title: String::new(),
        group,
        aliases: Vec::new(),
        now: Vec::new(),
        sections: Vec::new(),
        see: Vec::new(),
    };
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let (key, value) = line.split_once(": ").unwrap_or((line, ""));
        match key {
            "title" => value.clone_into(&mut page.title),
            "alias" => page.aliases = list(value),
            "see" => page.see = list(value),
            "now" => {
                page.now = list(value).into_iter().map(|name| Now { name, value: None }).collect();
            }
            // A test reads every page and finds what is spelled wrong.
            _ => page.title = format!("unknown key {key}"),
        }
    }
    for line in lines.filter(|line| !line.is_empty()) {
        if let Some(heading) = line.strip_prefix("# ") {
            page.sections.push(Section { heading: heading.to_owned(), blocks: Vec::new() });
        } else if let Some(section) = page.sections.last_mut() {
            section.blocks.push(match line.strip_prefix("- ") {
                Some(item) => Block::Item(item.to_owned()),
                None => Block::Paragraph(line.to_owned()),
            });
        }
    }
    page
}

fn list(value: &str) -> Vec<String> {
    value.split(", ").map(str::to_owned).collect()
}
