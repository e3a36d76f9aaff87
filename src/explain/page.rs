//! A page: a title, sections, and where to read on.

/// Tells what kind of thing a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PageGroup {
    /// A state of a socket.
    State,
    /// An alert rule.
    Rule,
    /// The life of a connection.
    Topic,
    /// A kernel parameter.
    Sysctl,
    /// A counter of the kernel.
    Counter,
}

impl PageGroup {
    /// Lists every group, in the order of the list of topics.
    pub const ALL: [Self; 5] = [Self::State, Self::Rule, Self::Topic, Self::Sysctl, Self::Counter];

    /// Returns the word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Rule => "rule",
            Self::Topic => "topic",
            Self::Sysctl => "sysctl",
            Self::Counter => "counter",
        }
    }

    /// Returns the heading in the list of topics.
    pub fn heading(self) -> &'static str {
        match self {
            Self::State => "States",
            Self::Rule => "Alert rules",
            Self::Topic => "The life of a connection",
            Self::Sysctl => "Kernel parameters",
            Self::Counter => "Counters",
        }
    }
}

/// Holds a piece of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Running text.
    Paragraph(String),
    /// A point of a list.
    Item(String),
}

impl Block {
    /// Returns its text.
    pub fn text(&self) -> &str {
        match self {
            Self::Paragraph(text) | Self::Item(text) => text,
        }
    }

    /// Returns the same block with another text.
    pub(super) fn with(&self, text: String) -> Self {
        match self {
            Self::Paragraph(_) => Self::Paragraph(text),
            Self::Item(_) => Self::Item(text),
        }
    }
}

/// Holds a part of a page under a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// Its text.
    pub blocks: Vec<Block>,
}

/// Holds a number of this machine that belongs to a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// The state, parameter or counter.
    pub name: String,
    /// Its value with its unit; `None` where it is not known.
    pub value: Option<String>,
}

/// Explains one name. Until [`Page::fill`] has run, its text has placeholders and
/// its numbers are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its name: `close-wait`, `net.ipv4.tcp_fin_timeout`.
    pub name: String,
    /// One line.
    pub title: String,
    /// The kind of thing that it is about.
    pub group: PageGroup,
    /// Other names that lead here.
    pub aliases: Vec<String>,
    /// The numbers of this machine that belong to it.
    pub now: Vec<Now>,
    /// The text.
    pub sections: Vec<Section>,
    /// Names of pages to read on.
    pub see: Vec<String>,
}
