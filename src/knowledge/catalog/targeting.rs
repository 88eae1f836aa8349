//! What does `targeting:` ask for? Nodes → an expression over vocabulary values.
//!
//! Called by [`read`](super::read) for each line; cold. The language: a map is true when all its
//! keys are; `all`, `any` and `not` nest; every other key is a dimension with a value, a list of
//! values, or a map of `any_of`, `none_of` and `if_unknown`.

use crate::base::stdx::fault::nearest;
use crate::market::facts::Point;
use crate::market::vocabulary::{AGE_BANDS, Dimension, ValueId, Vocabulary};

use super::hours;
use super::limits::Limits;
use super::model::{Circle, Expr, Leaf, Test};
use super::node::{Entry, Kind, Node, Place};
use super::tables::CIRCLE;
use super::values::{self, Complaint};
use super::versions;
use super::walk::{Fields, Findings, Trail, items, scalar};

/// Reads one line's targeting; `None` when it has faults, all of which are in the findings.
pub fn read(
    findings: &Findings<'_>,
    vocabulary: &mut Vocabulary,
    limits: &Limits,
    node: &Node,
    trail: &Trail<'_>,
) -> Option<Expr> {
    let mut reader = Reader { findings, vocabulary, limits, clauses: 0 };
    let expr = reader.expr(node, trail, 0)?;
    let too_many = |message: String| findings.fault(node.place, trail, Complaint::new(message));
    if reader.clauses > limits.targeting_clauses {
        let most = limits.targeting_clauses;
        too_many(format!("{} clauses where at most {most} may stand", reader.clauses));
        return None;
    }
    let ways = ways(&expr, false);
    if ways > limits.targeting_ways as u64 {
        let most = limits.targeting_ways;
        let message = format!("{ways} ways to be true where at most {most} may be");
        let mend = "put alternatives of one dimension into one list, or split the line";
        findings.fault(node.place, trail, Complaint::mend(message, mend));
        return None;
    }
    if never(&expr) {
        let message = "this targeting is true for nobody";
        findings.warn(node.place, trail, Complaint::new(message));
    }
    Some(expr)
}

struct Reader<'r, 'f> {
    findings: &'r Findings<'f>,
    vocabulary: &'r mut Vocabulary,
    limits: &'r Limits,
    clauses: usize,
}

/// What a clause asks of its dimension, before it becomes leaves.
#[derive(Default)]
struct Wanted {
    any_of: Option<Vec<ValueId>>,
    none_of: Option<Vec<ValueId>>,
    pass_unknown: bool,
}

impl Reader<'_, '_> {
    fn fault(&self, place: Place, trail: &Trail<'_>, complaint: Complaint) {
        self.findings.fault(place, trail, complaint);
    }

    fn expr(&mut self, node: &Node, trail: &Trail<'_>, depth: usize) -> Option<Expr> {
        if depth > self.limits.targeting_depth {
            let message = format!("nested more than {} deep", self.limits.targeting_depth);
            self.fault(node.place, trail, Complaint::new(message));
            return None;
        }
        let Kind::Map(map) = &node.kind else {
            let message = format!("{} where a map of clauses must stand", node.what());
            let mend = "write `genre: rock`, or nest with `all:`, `any:` and `not:`";
            self.fault(node.place, trail, Complaint::mend(message, mend));
            return None;
        };
        let mut parts = Vec::with_capacity(map.len());
        let mut whole = true;
        for (index, entry) in map.iter().enumerate() {
            let trail = trail.key(&entry.key);
            if map[..index].iter().any(|before| before.key == entry.key) {
                let message = format!("`{}` stands twice", entry.key);
                self.fault(
                    entry.place,
                    &trail,
                    Complaint::mend(message, "put both into an `all:`"),
                );
                whole = false;
                continue;
            }
            match self.entry(entry, &trail, depth) {
                Some(part) => parts.push(part),
                None => whole = false,
            }
        }
        whole.then(|| all(parts))
    }

    fn entry(&mut self, entry: &Entry, trail: &Trail<'_>, depth: usize) -> Option<Expr> {
        match entry.key.as_str() {
            "all" => Some(all(self.nested(&entry.value, trail, depth)?)),
            "any" => {
                let mut parts = self.nested(&entry.value, trail, depth)?;
                Some(if parts.len() == 1 { parts.remove(0) } else { Expr::Any(parts) })
            }
            "not" => Some(Expr::Not(Box::new(self.expr(&entry.value, trail, depth + 1)?))),
            name => match Dimension::named(name) {
                Some(Dimension::Radius) => self.radius(&entry.value, trail),
                Some(dimension) => self.clause(dimension, &entry.value, trail),
                None => {
                    let mut names: Vec<_> = Dimension::all().map(Dimension::name).collect();
                    names.extend(["all", "any", "not"]);
                    let mend = match nearest(name, names.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("known are {}", names.join(", ")),
                    };
                    let message = format!("unknown dimension `{name}`");
                    self.fault(entry.place, trail, Complaint::mend(message, mend));
                    None
                }
            },
        }
    }

    fn nested(&mut self, node: &Node, trail: &Trail<'_>, depth: usize) -> Option<Vec<Expr>> {
        let nodes = match &node.kind {
            Kind::Scalar { .. } if node.is_null() => &[],
            _ => items(node),
        };
        let is_list = matches!(node.kind, Kind::List(_));
        let parts: Vec<_> = nodes
            .iter()
            .enumerate()
            .map(|(index, part)| {
                let item = trail.item(index);
                self.expr(part, if is_list { &item } else { trail }, depth + 1)
            })
            .collect();
        parts.into_iter().collect()
    }

    fn clause(&mut self, dimension: Dimension, node: &Node, trail: &Trail<'_>) -> Option<Expr> {
        let wanted = match &node.kind {
            Kind::Map(map) => self.wanted(dimension, node, map, trail)?,
            _ => Wanted { any_of: Some(self.values(dimension, node, trail)?), ..Wanted::default() },
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
                    let values = self.values(dimension, values, &trail);
                    whole &= values.is_some();
                    extend(&mut wanted.any_of, values);
                }
                ("none_of", _) => {
                    let values = self.values(dimension, values, &trail);
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

    /// The values of a list, sorted and distinct; `None` when one of them is at fault.
    fn values(
        &mut self,
        dimension: Dimension,
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
                _ => Ok(vec![self.value(dimension, text)?]),
            });
            whole &= found.is_some();
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
            return Err(match self.vocabulary.suggest(dimension, text) {
                Some(near) => Complaint::mend(message, format!("did you mean `{near}`?")),
                None => Complaint::mend(message, self.known(dimension)),
            });
        }
        self.vocabulary
            .intern(dimension, text)
            .map_err(|fault| Complaint::new(format!("{} `{text}`: {fault}", spoken(dimension))))
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
            let is_new = value.is_some_and(|value| self.vocabulary.is_open(value));
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
        let (from, from_place) = min.unwrap_or((0, place));
        let (to, to_place) = max.unwrap_or((255, place));
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

    fn radius(&mut self, node: &Node, trail: &Trail<'_>) -> Option<Expr> {
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

fn all(mut parts: Vec<Expr>) -> Expr {
    if parts.len() == 1 { parts.remove(0) } else { Expr::All(parts) }
}

/// How many `all`s the expression is, written out as an `any` of `all`s.
pub fn ways(expr: &Expr, negated: bool) -> u64 {
    let sum =
        |parts: &[Expr]| parts.iter().map(|part| ways(part, negated)).fold(0, u64::saturating_add);
    let product =
        |parts: &[Expr]| parts.iter().map(|part| ways(part, negated)).fold(1, u64::saturating_mul);
    match (expr, negated) {
        (Expr::Leaf(_), _) => 1,
        (Expr::Not(inner), _) => ways(inner, !negated),
        (Expr::All(parts), false) | (Expr::Any(parts), true) => product(parts),
        (Expr::Any(parts), false) | (Expr::All(parts), true) => sum(parts),
    }
}

/// Whether it can be seen from the expression alone that it is never true.
fn never(expr: &Expr) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().any(never) || contradicts(parts),
        Expr::Any(parts) => parts.iter().all(never),
        Expr::Not(inner) => always(inner),
        Expr::Leaf(leaf) => match &leaf.test {
            Test::AnyOf(values) => values.is_empty() && !leaf.pass_unknown,
            Test::Within(circles) => circles.is_empty() && !leaf.pass_unknown,
            Test::NoneOf(_) | Test::Outside(_) => false,
        },
    }
}

fn always(expr: &Expr) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(always),
        Expr::Any(parts) => parts.iter().any(always),
        Expr::Not(inner) => never(inner),
        Expr::Leaf(_) => false,
    }
}

/// Two clauses of a dimension that has one value at a time, without a value in common.
fn contradicts(parts: &[Expr]) -> bool {
    let one_of = |expr: &Expr| match expr {
        Expr::Leaf(Leaf { dimension, test: Test::AnyOf(values), pass_unknown: false })
            if !dimension.row().multi =>
        {
            Some((*dimension, values.clone()))
        }
        _ => None,
    };
    let clauses: Vec<_> = parts.iter().filter_map(one_of).collect();
    clauses.iter().enumerate().any(|(i, (dimension, values))| {
        clauses[..i].iter().any(|(other, others)| {
            // A child brings its parents along, so only flat dimensions can contradict.
            dimension == other
                && matches!(dimension, Dimension::HourOfWeek | Dimension::Age | Dimension::Country)
                && !values.iter().any(|value| others.contains(value))
        })
    })
}
