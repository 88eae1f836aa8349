//! What does a YAML text say? Parser events → [`Node`]s, without recursion and within bounds.
//!
//! Called by the loader for `*.yaml` and `*.yml`; cold. Aliases are expanded and count in full
//! against the bound, so that a few lines cannot ask for a billion nodes.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::node::{Bounds, Entry, Kind, Node, Place, SyntaxFault};

/// All documents of the text, in order.
pub fn read(text: &str, bounds: Bounds) -> Result<Vec<Node>, SyntaxFault> {
    let mut builder = Builder { bounds, nodes: 0, ..Builder::default() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| SyntaxFault {
            place: place(error.marker()),
            message: error.info().to_owned(),
        })?;
        builder.take(event, place(&span.start))?;
    }
    Ok(builder.documents)
}

fn place(marker: &Marker) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { line: number(marker.line()), column: number(marker.col()).saturating_add(1) }
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { nodes: 1_000_000, depth: 48 }
    }
}

#[derive(Default)]
struct Builder {
    bounds: Bounds,
    nodes: usize,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
}

/// A list or a map that has not ended.
struct Open {
    node: Node,
    anchor: usize,
    /// How many nodes there were before it.
    before: usize,
    /// The key whose value comes next.
    key: Option<(String, Place)>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), SyntaxFault> {
        match event {
            Event::Scalar(text, style, anchor, _tag) => {
                let quoted = style != ScalarStyle::Plain;
                self.count(1, place)?;
                self.put(Node::scalar(place, text, quoted), anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.start(Kind::List(Vec::new()), anchor, place),
            Event::MappingStart(anchor, _) => self.start(Kind::Map(Vec::new()), anchor, place),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let size = self.nodes - open.before;
                self.put(open.node, open.anchor, size)
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    let message = "an alias of something that has not ended".to_owned();
                    return Err(SyntaxFault { place, message });
                };
                self.count(size, place)?;
                let depth = self.open.len() + depth(&node);
                if depth > self.bounds.depth {
                    return Err(self.bounds.too_deep(place));
                }
                self.put(node, 0, size)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn count(&mut self, more: usize, place: Place) -> Result<(), SyntaxFault> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > self.bounds.nodes { Err(self.bounds.too_many(place)) } else { Ok(()) }
    }

    fn start(&mut self, kind: Kind, anchor: usize, place: Place) -> Result<(), SyntaxFault> {
        if self.open.len() >= self.bounds.depth {
            return Err(self.bounds.too_deep(place));
        }
        let before = self.nodes;
        self.count(1, place)?;
        self.open.push(Open { node: Node { place, kind }, anchor, before, key: None });
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), SyntaxFault> {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match (&mut open.node.kind, open.key.take()) {
            (Kind::List(list), _) => list.push(node),
            (Kind::Map(map), Some((key, place))) => map.push(Entry { key, place, value: node }),
            (Kind::Map(_), None) => {
                let Kind::Scalar { text, .. } = node.kind else {
                    let message = "a key must be a single word".to_owned();
                    return Err(SyntaxFault { place: node.place, message });
                };
                open.key = Some((text, node.place));
            }
            (Kind::Scalar { .. }, _) => {}
        }
        Ok(())
    }
}

fn depth(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar { .. } => 0,
        Kind::List(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Kind::Map(map) => 1 + map.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        read(text, Bounds { nodes: 1000, depth: 10 }).unwrap_err().message
    }

    #[test]
    fn scalars_keep_their_text_and_place() {
        let documents = read("a: 4.250\nbé:\n  - 'x'\n", Bounds::default()).unwrap();
        let Kind::Map(map) = &documents[0].kind else { panic!() };
        assert_eq!(map[0].value, Node::scalar(Place { line: 1, column: 4 }, "4.250", false));
        assert_eq!(map[1].place, Place { line: 2, column: 1 });
        let Kind::List(list) = &map[1].value.kind else { panic!() };
        assert_eq!(list[0], Node::scalar(Place { line: 3, column: 5 }, "x", true));
    }

    #[test]
    fn aliases_count_in_full() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..9 {
            let list = vec![format!("*a{}", i - 1); 10].join(", ");
            text += &format!("a{i}: &a{i} [{list}]\n");
        }
        assert!(fault(&text).contains("more than 1000 values"), "{}", fault(&text));
        assert!(fault("a: &a [*a]").contains("alias"));
    }

    #[test]
    fn depth_is_bounded_without_recursion() {
        assert!(fault(&"- ".repeat(2000)).contains("deep"));
        assert!(!fault(&"[".repeat(100_000)).is_empty());
    }
}
