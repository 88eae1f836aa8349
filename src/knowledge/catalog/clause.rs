//! What does one clause ask of its dimension? `mood: calm`, `age: {min: 18}` → leaves.
//!
//! Called by [`targeting`](super::targeting) for each key that is a dimension; cold.

use crate::base::stdx::fault::nearest;
use crate::market::facts::Point;
use crate::market::vocabulary::{AGE_BANDS, Dimension, InternFault, ValueId};

use super::hours;
use super::lexicon::{Lexicon, NOBODYS};
use super::limits::Limits;
use super::model::{Circle, Expr, Leaf, Test};
use super::node::{Entry, Kind, Node, Place};
use super::rails::{self, Rails};
use super::tables::CIRCLE;
use super::values::{self, Complaint};
use super::versions;
use super::walk::{Fields, Findings, Trail, items, scalar};

/// Reads the clauses of one line and counts them.
pub struct Reader<'r, 'f> {
    pub findings: &'r Findings<'f>,
    pub vocabulary: Lexicon<'r>,
    pub limits: &'r Limits,
    pub rails: Rails,
    pub clauses: usize,
    pub negated: bool,
}

/// What a clause asks of its dimension, before it becomes leaves.
#[derive(Default)]
struct Wanted {
    any_of: Option<Vec<ValueId>>,
    none_of: Option<Vec<ValueId>>,
    pass_unknown: bool,
}

impl Reader<'_, '_> {
    pub fn fault(&self, place: Place, trail: &Trail<'_>, complaint: Complaint) {
        self.findings.fault(place, trail, complaint);
    }

    /// A clause of any dimension but the radius.
    pub fn clause(&mut self, dimension: Dimension, node: &Node, trail: &Trail<'_>) -> Option<Expr> {
        let wanted = match &node.kind {
            Kind::Map(map) => self.wanted(dimension, node, map, trail)?,
            _ => {
                let any_of = Some(self.values((dimension, !self.negated), node, trail)?);
                Wanted { any_of, ..Wanted::default() }
            }
        };
        let leaf = |test| Expr::Leaf(Leaf { dimension, test, pass_unknown: wanted.pass_unknown });
        let mut parts = Vec::new();
        parts.extend(wanted.any_of.map(|values| leaf(Test::AnyOf(values))));
        parts.extend(wanted.none_of.map(|values| leaf(Test::NoneOf(values))));
        self.clauses += parts.len();
        if parts.is_empty() {
            let message = format!("{} asks for nothing", dimension.name());
            let mend = "write `any_of:` or `none_of:` with values";
            self.fault(node.place, trail, Complaint::mend(message, mend));
            return None;
        }
        Some(all(parts))
    }

    /// The long form of a clause: `any_of`, `none_of`, `if_unknown`, and what some dimensions
    /// have of their own (`min` and `max` of an age, systems of an `os_version`).
    fn wanted(
        &mut self,
        dimension: Dimension,
        node: &Node,
        map: &[Entry],
        trail: &Trail<'_>,
    ) -> Option<Wanted> {
        let mut wanted = Wanted::default();
        let mut ages = [None, None];
        let mut whole = true;
        for entry in map {
            let trail = trail.key(&entry.key);
            let values = &entry.value;
            match (entry.key.as_str(), dimension) {
                ("any_of", _) => {
                    let values = self.values((dimension, !self.negated), values, &trail);
                    whole &= values.is_some();
                    extend(&mut wanted.any_of, values);
                }
                ("none_of", _) => {
                    let values = self.values((dimension, self.negated), values, &trail);
                    whole &= values.is_some();
                    extend(&mut wanted.none_of, values);
                }
                ("if_unknown", _) => match self.if_unknown(values, &trail) {
                    Some(pass) => wanted.pass_unknown = pass,
                    None => whole = false,
                },
                (edge @ ("min" | "max"), Dimension::Age) => {
                    let years = scalar(self.findings, values, &trail, |t| values::int(t, 0, 120));
                    whole &= years.is_some();
                    ages[usize::from(edge == "max")] =
                        years.map(|years| (years as u8, values.place));
                }
                (os, Dimension::OsVersion) if self.vocabulary.find(Dimension::Os, os).is_some() => {
                    let values = self.versions(os, values, &trail);
                    whole &= values.is_some();
                    extend(&mut wanted.any_of, values);
                }
                (key, _) => {
                    whole = false;
                    self.unknown_part(key, dimension, entry.place, &trail);
                }
            }
        }
        if ages != [None, None] {
            let values = self.age_range(ages, node.place, trail);
            whole &= values.is_some();
            extend(&mut wanted.any_of, values);
        }
        whole.then_some(wanted)
    }

    fn unknown_part(&self, key: &str, dimension: Dimension, place: Place, trail: &Trail<'_>) {
        let mut known = vec!["any_of", "none_of", "if_unknown"];
        match dimension {
            Dimension::Age => known.extend(["min", "max"]),
            Dimension::OsVersion => {
                known.extend(self.vocabulary.values(Dimension::Os).map(|(_, os)| os));
            }
            _ => {}
        }
        let mend = match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        let message = format!("unknown key `{key}` of {}", dimension.name());
        self.fault(place, trail, Complaint::mend(message, mend));
    }

    fn if_unknown(&self, node: &Node, trail: &Trail<'_>) -> Option<bool> {
        scalar(self.findings, node, trail, |text| match text {
            "pass" => Ok(true),
            "fail" => Ok(false),
            _ => {
                let message = format!("`if_unknown: {text}`");
                Err(Complaint::mend(message, "write `pass`, or `fail` as where it is absent"))
            }
        })
    }

    /// The values of a list, sorted; `None` when one is at fault. `wanted`: who has one is.
    fn values(
        &mut self,
        (dimension, wanted): (Dimension, bool),
        node: &Node,
        trail: &Trail<'_>,
    ) -> Option<Vec<ValueId>> {
        let nodes = items(node);
        if nodes.len() > self.limits.list {
            let most = self.limits.list;
            let message = format!("{} values where at most {most} may stand", nodes.len());
            self.fault(node.place, trail, Complaint::new(message));
            return None;
        }
        let is_list = matches!(node.kind, Kind::List(_));
        let mut values = Vec::with_capacity(nodes.len());
        let mut whole = true;
        for (index, value) in nodes.iter().enumerate() {
            let item = trail.item(index);
            let trail = if is_list { &item } else { trail };
            let found = scalar(self.findings, value, trail, |text| match dimension {
                Dimension::HourOfWeek => self.hours(text),
                Dimension::OsVersion => self.os_and_versions(text),
                _ => {
                    let value = self.value(dimension, text)?;
                    rails::check(self.rails, &self.vocabulary, (value, text), wanted)?;
                    Ok(vec![value])
                }
            });
            whole &= found.is_some();
            if found.as_ref().is_some_and(|found| found.contains(&NOBODYS)) {
                let message = "a new word: nobody has had this value yet";
                self.findings.warn(value.place, trail, Complaint::new(message));
            }
            values.extend(found.into_iter().flatten());
        }
        values.sort_unstable();
        values.dedup();
        if whole {
            self.warn_of_new_words(dimension, nodes, trail);
        }
        whole.then_some(values)
    }

    fn value(&mut self, dimension: Dimension, text: &str) -> Result<ValueId, Complaint> {
        if let Some(value) = self.vocabulary.find(dimension, text) {
            return Ok(value);
        }
        let is_language = matches!(dimension, Dimension::Language | Dimension::ContentLanguage);
        if dimension.row().closed || is_language {
            let message = format!("unknown {} `{text}`", spoken(dimension));
            // Nobody would read the mend, and to find it takes a while.
            if self.findings.is_full() {
                return Err(Complaint::new(message));
            }
            return Err(match self.vocabulary.suggest(dimension, text) {
                Some(near) => Complaint::mend(message, format!("did you mean `{near}`?")),
                None => Complaint::mend(message, self.known(dimension)),
            });
        }
        self.vocabulary.intern(dimension, text).map_err(|fault| match fault {
            InternFault::Barred(why) => rails::complaint(dimension, text, why),
            fault => Complaint::new(format!("{} `{text}`: {fault}", spoken(dimension))),
        })
    }

    fn known(&self, dimension: Dimension) -> String {
        let values: Vec<_> = self.vocabulary.values(dimension).map(|(_, text)| text).collect();
        match values.len() {
            0..=30 => format!("known are {}", values.join(", ")),
            many => format!("{many} are known, among them {}", values[..12].join(", ")),
        }
    }

    /// A taxonomy's word that is new but looks like a known one is most likely misspelt.
    fn warn_of_new_words(&self, dimension: Dimension, nodes: &[Node], trail: &Trail<'_>) {
        use Dimension::{Intent, Interest, Lifestyle};
        if !matches!(dimension, Interest | Lifestyle | Intent) {
            return;
        }
        for node in nodes {
            let Kind::Scalar { text, .. } = &node.kind else { continue };
            let value = self.vocabulary.find(dimension, text);
            let is_new = value.is_none_or(|value| self.vocabulary.is_open(value));
            if is_new && let Some(near) = self.vocabulary.suggest_closed(dimension, text) {
                let message = format!("`{text}` is in no taxonomy");
                let complaint = Complaint::mend(message, format!("did you mean `{near}`?"));
                self.findings.warn(node.place, trail, complaint);
            }
        }
    }

    fn hours(&self, text: &str) -> Result<Vec<ValueId>, Complaint> {
        let hours = hours::parse(text)?;
        let values = (0..168_u8).filter(|&hour| hours[usize::from(hour)]);
        Ok(values.map(|hour| self.vocabulary.hour_of_week(hour)).collect())
    }

    /// `ios 17`, `android >=13`.
    fn os_and_versions(&mut self, text: &str) -> Result<Vec<ValueId>, Complaint> {
        let split = text.find(|c: char| c.is_ascii_digit() || "<>=".contains(c));
        let (os, range) = text.split_at(split.unwrap_or(text.len()));
        let Some(os) = self.vocabulary.find(Dimension::Os, os) else {
            let message = format!("`{text}` names no known system");
            return Err(Complaint::mend(message, "write it as `ios 17` or `android >=13`"));
        };
        if range.trim().is_empty() {
            let mend = "write it as `ios 17` or `android >=13`, or ask for the `os`";
            return Err(Complaint::mend(format!("`{text}` names no version"), mend));
        }
        let os = self.vocabulary.text(os).to_owned();
        versions::expand(&os, range)?
            .into_iter()
            .map(|major| self.value(Dimension::OsVersion, &format!("{os} {major}")))
            .collect()
    }

    fn versions(&mut self, os: &str, node: &Node, trail: &Trail<'_>) -> Option<Vec<ValueId>> {
        let mut all = Some(Vec::new());
        for range in items(node) {
            let values = scalar(self.findings, range, trail, |text| {
                self.os_and_versions(&format!("{os} {text}"))
            });
            match (&mut all, values) {
                (Some(all), Some(values)) => all.extend(values),
                _ => all = None,
            }
        }
        all
    }

    fn age_range(
        &mut self,
        [min, max]: [Option<(u8, Place)>; 2],
        place: Place,
        trail: &Trail<'_>,
    ) -> Option<Vec<ValueId>> {
        let wanted = self.rails == Rails::Up && !self.negated;
        // An age that is wanted without a lower end begins at full age.
        let (from, from_place) = min.unwrap_or((if wanted { rails::FULL_AGE } else { 0 }, place));
        let (to, to_place) = max.unwrap_or((255, place));
        if wanted && from.min(to) < rails::FULL_AGE {
            let edge = if min.is_some() { "min" } else { "max" };
            self.fault(from_place, &trail.key(edge), rails::of_minors());
            return None;
        }
        if from > to {
            let message = format!("from {from} to {to} is nobody");
            self.fault(place, trail, Complaint::new(message));
            return None;
        }
        let starts = AGE_BANDS.iter().map(|band| band.from);
        let ends = AGE_BANDS.iter().map(|band| band.to);
        let lower = self.edge(("min", from, from_place), starts, trail);
        let upper = self.edge(("max", to, to_place), ends, trail);
        let bands = AGE_BANDS.iter().filter(|band| from <= band.from && band.to <= to);
        (lower && upper).then(|| bands.map(|band| self.vocabulary.age(band.from)).collect())
    }

    /// Whether an age is the edge of a band; where not, a fault that names the nearest two.
    fn edge(
        &self,
        (name, years, place): (&str, u8, Place),
        edges: impl Iterator<Item = u8> + Clone,
        trail: &Trail<'_>,
    ) -> bool {
        if edges.clone().any(|edge| edge == years) {
            return true;
        }
        let below = edges.clone().filter(|&edge| edge < years).last();
        let above = edges.clone().find(|&edge| edge > years && edge < 255);
        let near: Vec<_> = below.into_iter().chain(above).map(|e| e.to_string()).collect();
        let message = format!("`{name}: {years}` is within an age band, not at its edge");
        let mend = format!("the nearest edges are {}", near.join(" and "));
        self.fault(place, &trail.key(name), Complaint::mend(message, mend));
        false
    }

    /// Circles on the map: a list of them, or the long form.
    pub fn radius(&mut self, node: &Node, trail: &Trail<'_>) -> Option<Expr> {
        let long = match &node.kind {
            Kind::Map(map) => map
                .iter()
                .any(|entry| matches!(entry.key.as_str(), "any_of" | "none_of" | "if_unknown")),
            _ => false,
        };
        let mut tests = Vec::new();
        let mut pass_unknown = false;
        if let (true, Kind::Map(map)) = (long, &node.kind) {
            for entry in map {
                let trail = trail.key(&entry.key);
                match entry.key.as_str() {
                    "any_of" => tests.push(Test::Within(self.circles(&entry.value, &trail)?)),
                    "none_of" => tests.push(Test::Outside(self.circles(&entry.value, &trail)?)),
                    "if_unknown" => pass_unknown = self.if_unknown(&entry.value, &trail)?,
                    key => {
                        self.unknown_part(key, Dimension::Radius, entry.place, &trail);
                        return None;
                    }
                }
            }
        } else {
            tests.push(Test::Within(self.circles(node, trail)?));
        }
        self.clauses += tests.len();
        let dimension = Dimension::Radius;
        let leaf = |test| Expr::Leaf(Leaf { dimension, test, pass_unknown });
        Some(all(tests.into_iter().map(leaf).collect()))
    }

    fn circles(&mut self, node: &Node, trail: &Trail<'_>) -> Option<Vec<Circle>> {
        let is_list = matches!(node.kind, Kind::List(_));
        let circles: Vec<_> = items(node)
            .iter()
            .take(self.limits.list)
            .enumerate()
            .map(|(index, node)| {
                let item = trail.item(index);
                let trail = if is_list { &item } else { trail };
                let fields = Fields::open(self.findings, node, trail, &CIRCLE)?;
                let (lat, lon) = (fields.number("lat"), fields.number("lon"));
                let km = fields.number("km");
                let center = Point::new(lat?, lon?);
                if center.is_none() {
                    let message = "0, 0 is in the sea: a place that nobody meant";
                    self.fault(node.place, trail, Complaint::new(message));
                }
                Some(Circle { center: center?, radius_m: (km? * 1000.0).round() })
            })
            .collect();
        circles.into_iter().collect()
    }
}

/// How a dimension's value is called in a message.
fn spoken(dimension: Dimension) -> String {
    dimension.name().replace('_', " ")
}

fn extend(values: &mut Option<Vec<ValueId>>, more: Option<Vec<ValueId>>) {
    if let Some(more) = more {
        let values = values.get_or_insert_default();
        values.extend(more);
        values.sort_unstable();
        values.dedup();
    }
}

/// All of the parts; a single one stands for itself.
pub fn all(mut parts: Vec<Expr>) -> Expr {
    if parts.len() == 1 { parts.remove(0) } else { Expr::All(parts) }
}
