//! What does the text say, and where? A tree of maps, lists and scalars with their positions.
//!
//! Both readers, [`yaml`](super::yaml) and [`json`](super::json), make it; the walker reads it.
//! Scalars stay text, so that a price is read digit by digit and never through a float. Cold.

/// Line and column, in characters from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub place: Place,
    pub kind: Kind,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// `quoted`: written as text, so never a number, a truth value or nothing.
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub key: String,
    pub place: Place,
    pub value: Node,
}

impl Node {
    pub fn scalar(place: Place, text: impl Into<String>, quoted: bool) -> Node {
        Node { place, kind: Kind::Scalar { text: text.into(), quoted } }
    }

    /// Nothing was written: empty, `~` or `null`.
    pub fn is_null(&self) -> bool {
        match &self.kind {
            Kind::Scalar { text, quoted: false } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// What it is, for messages.
    pub fn what(&self) -> &'static str {
        match &self.kind {
            _ if self.is_null() => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}

/// Why a text is no tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxFault {
    pub place: Place,
    pub message: String,
}

/// What a reader may build.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub nodes: usize,
    pub depth: usize,
}

impl Bounds {
    pub fn too_many(self, place: Place) -> SyntaxFault {
        SyntaxFault { place, message: format!("more than {} values in one file", self.nodes) }
    }

    pub fn too_deep(self, place: Place) -> SyntaxFault {
        SyntaxFault { place, message: format!("nested more than {} deep", self.depth) }
    }
}
