//! `explain --json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::Explained;
use crate::explain;
use crate::output::out::Out;

use super::parts::{GapJson, document, gaps};

pub(super) const SCHEMA: &str = "sockstate.explain/1";
pub(super) const TOPICS_SCHEMA: &str = "sockstate.topics/1";

/// The document of `explain NAME --json`.
#[derive(Serialize, JsonSchema)]
pub struct ExplainDocument {
    /// The name of this shape.
    pub schema: &'static str,
    /// The name of the page.
    pub name: String,
    /// One line.
    pub title: String,
    /// `state`, `rule`, `topic`, `sysctl`, `counter`.
    pub group: &'static str,
    /// Other names that lead here.
    pub aliases: Vec<String>,
    /// This machine's numbers.
    pub now: Vec<Number>,
    /// The picture of the states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagram: Option<String>,
    /// The text.
    pub sections: Vec<SectionJson>,
    /// Names of pages to read on.
    pub see: Vec<String>,
    /// The parts that could not be seen.
    pub gaps: Vec<GapJson>,
}

/// A number of this machine, for people.
#[derive(Serialize, JsonSchema)]
pub struct Number {
    /// The state, parameter or counter.
    pub name: String,
    /// Its value with its unit, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A section of a page.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Section")]
pub struct SectionJson {
    /// Its heading.
    pub heading: String,
    /// Its text.
    pub blocks: Vec<BlockJson>,
}

/// A piece of a section.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Block")]
pub struct BlockJson {
    /// `paragraph` or `item`.
    pub kind: &'static str,
    /// One line, however long.
    pub text: String,
}

/// The document of `explain --json`.
#[derive(Serialize, JsonSchema)]
pub struct TopicsDocument {
    /// The name of this shape.
    pub schema: &'static str,
    /// Every page.
    pub topics: Vec<Topic>,
}

/// A page in the list of all.
#[derive(Serialize, JsonSchema)]
pub struct Topic {
    /// The name of the page.
    pub name: String,
    /// One line.
    pub title: String,
    /// As in the page.
    pub group: &'static str,
}

/// Writes a page.
pub fn explain(out: &mut Out<'_>, explained: &Explained, diagram: Option<String>) {
    let page = &explained.page;
    let number = |now: &explain::Now| Number { name: now.name.clone(), text: now.value.clone() };
    let shape = ExplainDocument {
        schema: SCHEMA,
        name: page.name.clone(),
        title: page.title.clone(),
        group: page.group.name(),
        aliases: page.aliases.clone(),
        now: page.now.iter().map(number).collect(),
        diagram,
        sections: page.sections.iter().map(section).collect(),
        see: page.see.clone(),
        gaps: gaps(&explained.gaps),
    };
    document(out, &shape);
}

/// Writes the list of all pages.
pub fn topics(out: &mut Out<'_>, pages: &[explain::Page]) {
    let topic = |page: &explain::Page| Topic {
        name: page.name.clone(),
        title: page.title.clone(),
        group: page.group.name(),
    };
    let shape = TopicsDocument { schema: TOPICS_SCHEMA, topics: pages.iter().map(topic).collect() };
    document(out, &shape);
}

fn section(section: &explain::Section) -> SectionJson {
    let block = |block: &explain::Block| BlockJson {
        kind: match block {
            explain::Block::Paragraph(_) => "paragraph",
            explain::Block::Item(_) => "item",
        },
        text: block.text().to_owned(),
    };
    SectionJson {
        heading: section.heading.clone(),
        blocks: section.blocks.iter().map(block).collect(),
    }
}
