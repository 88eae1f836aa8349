//! What stands at this key, and what is wrong with it? Typed reading of the tree, all faults kept.
//!
//! Called by [`read`](super::read) and [`targeting`](super::targeting); cold. Which keys there
//! are is known from [`tables`](super::tables) alone.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;

use crate::base::stdx::fault::{Fault, nearest};

use super::node::{Entry, Kind as NodeKind, Node, Place};
use super::tables::{Field, Kind, Table};
use super::values::{self, Complaint};

/// All that was found wrong, or odd, in one file.
pub struct Findings<'f> {
    pub file: &'f Path,
    pub faults: RefCell<Vec<Fault>>,
    pub warnings: RefCell<Vec<Fault>>,
    /// More than these are counted, not kept.
    pub most: usize,
}

impl<'f> Findings<'f> {
    pub fn new(file: &'f Path, most: usize) -> Findings<'f> {
        let (faults, warnings) = Default::default();
        Findings { file, faults, warnings, most }
    }

    pub fn fault(&self, place: Place, trail: &Trail<'_>, complaint: Complaint) {
        self.keep(&self.faults, place, trail, complaint);
    }

    pub fn warn(&self, place: Place, trail: &Trail<'_>, complaint: Complaint) {
        self.keep(&self.warnings, place, trail, complaint);
    }

    /// Whether further faults are only counted.
    pub fn is_full(&self) -> bool {
        self.faults.borrow().len() >= self.most
    }

    fn keep(
        &self,
        list: &RefCell<Vec<Fault>>,
        place: Place,
        trail: &Trail<'_>,
        complaint: Complaint,
    ) {
        let mut list = list.borrow_mut();
        if list.len() < self.most {
            list.push(Fault {
                file: self.file.to_owned(),
                line: place.line,
                column: place.column,
                path: trail.to_string(),
                message: complaint.message,
                mend: complaint.mend,
            });
        }
    }
}

/// The way from the root to a node, kept on the stack and written out only for a fault.
#[derive(Clone, Copy)]
pub struct Trail<'p> {
    above: Option<&'p Trail<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Key(&'p str),
    Item(usize),
}

impl Trail<'_> {
    pub const ROOT: Trail<'static> = Trail { above: None, step: Step::Root };

    pub fn key<'p>(&'p self, key: &'p str) -> Trail<'p> {
        Trail { above: Some(self), step: Step::Key(key) }
    }

    pub fn item(&self, index: usize) -> Trail<'_> {
        Trail { above: Some(self), step: Step::Item(index) }
    }
}

/// `advertisers[0].campaigns[1].lines[2].targeting.all[0].mood`
impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            above.fmt(f)?;
        }
        match (self.step, self.above.map(|above| above.step)) {
            (Step::Root, _) => Ok(()),
            (Step::Key(key), None | Some(Step::Root)) => f.write_str(key),
            (Step::Key(key), _) => write!(f, ".{key}"),
            (Step::Item(index), _) => write!(f, "[{index}]"),
        }
    }
}

/// A map opened by its table: unknown, doubled and missing keys have been reported.
pub struct Fields<'n> {
    table: &'static Table,
    entries: Vec<Option<&'n Entry>>,
    pub trail: &'n Trail<'n>,
    pub place: Place,
    pub findings: &'n Findings<'n>,
}

impl<'n> Fields<'n> {
    /// `None`, and a fault, when the node is no map. A required key that is missing is a fault,
    /// and the map is read on.
    pub fn open(
        findings: &'n Findings<'n>,
        node: &'n Node,
        trail: &'n Trail<'n>,
        table: &'static Table,
    ) -> Option<Fields<'n>> {
        let NodeKind::Map(map) = &node.kind else {
            let message = format!("{} where a map of {} must stand", node.what(), table.name);
            findings.fault(node.place, trail, Complaint::new(message));
            return None;
        };
        let mut fields = Fields {
            table,
            entries: vec![None; table.fields.len()],
            trail,
            place: node.place,
            findings,
        };
        for entry in map {
            fields.take(entry);
        }
        fields.require();
        Some(fields)
    }

    fn take(&mut self, entry: &'n Entry) {
        let trail = self.trail.key(&entry.key);
        let Some((index, _)) = self.table.field(&entry.key) else {
            let names = self.table.fields.iter().map(|field| field.name);
            let message = format!("unknown key `{}` of {}", entry.key, self.table.name);
            let mend = match nearest(&entry.key, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", names.collect::<Vec<_>>().join(", ")),
            };
            self.findings.fault(entry.place, &trail, Complaint::mend(message, mend));
            return;
        };
        if self.entries[index].is_some() {
            let message = format!("`{}` stands twice", entry.key);
            self.findings.fault(entry.place, &trail, Complaint::new(message));
        } else if !entry.value.is_null() {
            self.entries[index] = Some(entry);
        }
    }

    fn require(&self) {
        for (field, entry) in self.table.fields.iter().zip(&self.entries) {
            if field.required && entry.is_none() {
                let message = format!("`{}` is missing", field.name);
                let complaint = Complaint::mend(message, format!("{}: {}", field.name, field.doc));
                self.findings.fault(self.place, self.trail, complaint);
            }
        }
    }

    fn field(&self, name: &'static str) -> Option<(&'static Field, &'n Entry)> {
        let (index, field) = self.table.field(name)?;
        Some((field, self.entries[index]?))
    }

    pub fn has(&self, name: &'static str) -> bool {
        debug_assert!(self.table.field(name).is_some(), "{name} is in no table");
        self.field(name).is_some()
    }

    /// Where the value of a key stands; the map itself where the key is absent.
    pub fn place_of(&self, name: &'static str) -> Place {
        self.field(name).map_or(self.place, |(_, entry)| entry.value.place)
    }

    pub fn fault(&self, name: &'static str, complaint: Complaint) {
        self.findings.fault(self.place_of(name), &self.trail.key(name), complaint);
    }

    pub fn warn(&self, name: &'static str, complaint: Complaint) {
        self.findings.warn(self.place_of(name), &self.trail.key(name), complaint);
    }

    /// The value of a key as it stands.
    pub fn node(&self, name: &'static str) -> Option<&'n Node> {
        debug_assert!(self.table.field(name).is_some(), "{name} is in no table");
        self.field(name).map(|(_, entry)| &entry.value)
    }

    /// The value of a key, read by `read`; a complaint becomes a fault there.
    pub fn read<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        let node = self.node(name)?;
        scalar(self.findings, node, &self.trail.key(name), read)
    }

    /// The text at a key, checked by its kind.
    pub fn text(&self, name: &'static str) -> Option<String> {
        let (field, _) = self.field(name)?;
        self.read(name, |text| checked(field.kind, text))
    }

    pub fn int(&self, name: &'static str) -> Option<i64> {
        let (field, _) = self.field(name)?;
        let Kind::Int(min, max) = field.kind else { return None };
        self.read(name, |text| values::int(text, min, max))
    }

    pub fn number(&self, name: &'static str) -> Option<f64> {
        let (field, _) = self.field(name)?;
        let Kind::Number(min, max) = field.kind else { return None };
        self.read(name, |text| values::number(text, min, max))
    }

    pub fn bool(&self, name: &'static str) -> Option<bool> {
        self.read(name, values::boolean)
    }

    /// The items of a list; a single value stands for a list of one.
    pub fn list(&self, name: &'static str, most: usize) -> &'n [Node] {
        let Some(node) = self.node(name) else { return &[] };
        let items = items(node);
        if items.is_empty() && self.field(name).is_some_and(|(field, _)| field.required) {
            self.fault(name, Complaint::new(format!("`{name}` is empty")));
        }
        if items.len() > most {
            let message = format!("{} entries where at most {most} may stand", items.len());
            self.fault(name, Complaint::new(message));
        }
        &items[..items.len().min(most)]
    }

    pub fn texts(&self, name: &'static str, most: usize) -> Vec<String> {
        let kind = self.item_kind(name);
        let mut texts: Vec<String> = Vec::new();
        self.each(name, most, |node, trail| {
            let text = scalar(self.findings, node, trail, |text| checked(kind, text));
            if let Some(text) = text {
                if texts.contains(&text) {
                    let message = format!("`{text}` stands twice");
                    self.findings.fault(node.place, trail, Complaint::new(message));
                } else {
                    texts.push(text);
                }
            }
        });
        texts
    }

    pub fn ints(&self, name: &'static str, most: usize) -> Vec<i64> {
        let Kind::Int(min, max) = self.item_kind(name) else { return Vec::new() };
        let mut ints = Vec::new();
        self.each(name, most, |node, trail| {
            ints.extend(scalar(self.findings, node, trail, |text| values::int(text, min, max)));
        });
        ints
    }

    /// Calls `take` for each item of a list with its trail.
    pub fn each(
        &self,
        name: &'static str,
        most: usize,
        mut take: impl FnMut(&'n Node, &Trail<'_>),
    ) {
        let list = self.list(name, most);
        let trail = self.trail.key(name);
        let is_list = self.node(name).is_some_and(|node| matches!(node.kind, NodeKind::List(_)));
        for (index, node) in list.iter().enumerate() {
            if is_list { take(node, &trail.item(index)) } else { take(node, &trail) }
        }
    }

    fn item_kind(&self, name: &'static str) -> Kind {
        match self.table.field(name) {
            Some((_, Field { kind: Kind::List(kind), .. })) => **kind,
            Some((_, field)) => field.kind,
            None => Kind::Bool,
        }
    }
}

/// The items of a list node, or the node itself as the only one.
pub fn items(node: &Node) -> &[Node] {
    match &node.kind {
        NodeKind::List(list) => list,
        _ => std::slice::from_ref(node),
    }
}

/// A single value, read by `read`.
pub fn scalar<T>(
    findings: &Findings<'_>,
    node: &Node,
    trail: &Trail<'_>,
    read: impl FnOnce(&str) -> Result<T, Complaint>,
) -> Option<T> {
    let result = match &node.kind {
        NodeKind::Scalar { text, .. } if !node.is_null() => read(text),
        _ => Err(Complaint::new(format!("{} where a single value must stand", node.what()))),
    };
    result.map_err(|complaint| findings.fault(node.place, trail, complaint)).ok()
}

fn checked(kind: Kind, text: &str) -> Result<String, Complaint> {
    match kind {
        Kind::Key => values::key(text)?,
        Kind::Text(most) => values::text(text, most)?,
        Kind::Short(short, _) => return checked(*short, text),
        Kind::Url => values::url(text)?,
        Kind::Domain => values::domain(text)?,
        Kind::Language => values::language(text)?,
        Kind::Category => values::category(text)?,
        Kind::Digits if text.bytes().all(|b| b.is_ascii_digit()) => values::text(text, 9)?,
        Kind::Digits => return Err(Complaint::new(format!("`{text}` is no id in digits"))),
        Kind::Sha256 => {
            let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            if text.len() != 64 || !text.bytes().all(hex) {
                return Err(Complaint::new("no SHA-256 in 64 lower-case hex digits"));
            }
        }
        Kind::Choice(choices) if !choices.contains(&text) => {
            let mend = match nearest(text, choices.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", choices.join(", ")),
            };
            return Err(Complaint::mend(format!("unknown value `{text}`"), mend));
        }
        _ => values::text(text, 4096)?,
    }
    Ok(text.to_owned())
}
