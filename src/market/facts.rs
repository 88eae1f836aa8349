//! What is known of this listener and this moment? The values of each dimension, or "unknown".
//!
//! Filled by `enrich`, read by `targeting`; hot. One `Facts` lives in the scratch memory of a
//! worker and is cleared, never freed. Unknown and known-to-be-empty are different answers
//! (DESIGN §5): unknown makes a clause unknown, known and empty makes it false.

use crate::base::units::redacted::redacted;
use crate::market::vocabulary::{Dimension, ValueId};

/// A point on the earth, in degrees; finite, latitude within ±90, longitude within ±180.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    pub lat: f64,
    pub lon: f64,
}

impl Point {
    pub fn new(lat: f64, lon: f64) -> Option<Point> {
        let within = lat.abs() <= 90.0 && lon.abs() <= 180.0 && (lat != 0.0 || lon != 0.0);
        within.then_some(Point { lat, lon })
    }

    /// Great-circle distance in metres (haversine on a sphere of 6,371.0088 km).
    pub fn distance_m(self, other: Point) -> f64 {
        let (a, b) = (self.lat.to_radians(), other.lat.to_radians());
        let (dlat, dlon) = (b - a, (other.lon - self.lon).to_radians());
        let h = (dlat / 2.0).sin().powi(2) + a.cos() * b.cos() * (dlon / 2.0).sin().powi(2);
        2.0 * 6_371_008.8 * h.sqrt().min(1.0).asin()
    }
}

#[derive(Clone, Copy, Default, Debug)]
struct Span {
    start: u16,
    len: u16,
}

/// The most values that all dimensions of one request may have together; more are dropped,
/// and [`Facts::dropped`] counts them.
pub const VALUES_MAX: usize = 1024;

#[derive(Clone)]
pub struct Facts {
    known: u64,
    spans: [Span; Dimension::COUNT],
    values: Vec<ValueId>,
    /// Where the listener is, when that may be used; the fact of [`Dimension::Radius`].
    place: Option<Point>,
    /// How many values belong to the request; those of the slot stand behind them.
    of_request: usize,
    pub dropped: u32,
}

redacted!(Facts);

impl Default for Facts {
    fn default() -> Facts {
        Facts::new()
    }
}

impl Facts {
    pub fn new() -> Facts {
        Facts {
            known: 0,
            spans: [Span::default(); Dimension::COUNT],
            values: Vec::with_capacity(VALUES_MAX),
            place: None,
            of_request: 0,
            dropped: 0,
        }
    }

    pub fn clear(&mut self) {
        self.known = 0;
        self.values.clear();
        self.place = None;
        self.of_request = 0;
        self.dropped = 0;
    }

    /// Says that `dimension` is known and has these values, perhaps none; replaces what stood
    /// there.
    pub fn set(&mut self, dimension: Dimension, values: impl IntoIterator<Item = ValueId>) {
        let start = self.values.len();
        for value in values {
            if self.values.len() >= VALUES_MAX {
                self.dropped += 1;
            } else if !self.values[start..].contains(&value) {
                self.values.push(value);
            }
        }
        let len = self.values.len() - start;
        self.spans[dimension.index()] = Span { start: start as u16, len: len as u16 };
        self.known |= 1 << dimension.index();
    }

    /// Takes away those values of a dimension that `keep` refuses; where none is left it is
    /// unknown.
    pub fn retain(&mut self, dimension: Dimension, mut keep: impl FnMut(ValueId) -> bool) {
        let span = self.spans[dimension.index()];
        let start = usize::from(span.start);
        if self.known & (1 << dimension.index()) == 0 {
            return;
        }
        let mut kept = 0;
        for at in start..start + usize::from(span.len) {
            let value = self.values[at];
            if keep(value) {
                self.values[start + usize::from(kept)] = value;
                kept += 1;
            }
        }
        if kept == 0 && span.len > 0 {
            self.known &= !(1 << dimension.index());
        }
        self.spans[dimension.index()].len = kept;
    }

    pub fn set_place(&mut self, place: Point) {
        self.place = Some(place);
        self.known |= 1 << Dimension::Radius.index();
    }

    /// The dimension is unknown from now on.
    pub fn forget(&mut self, dimension: Dimension) {
        self.known &= !(1 << dimension.index());
        if dimension == Dimension::Radius {
            self.place = None;
        }
    }

    /// The values of a dimension; `None` where it is unknown.
    #[inline]
    pub fn get(&self, dimension: Dimension) -> Option<&[ValueId]> {
        if self.known & (1 << dimension.index()) == 0 {
            return None;
        }
        let span = self.spans[dimension.index()];
        Some(&self.values[usize::from(span.start)..usize::from(span.start + span.len)])
    }

    #[inline]
    pub fn place(&self) -> Option<Point> {
        self.place
    }

    /// Bit `d` is set where dimension `d` is known.
    #[inline]
    pub fn known(&self) -> u64 {
        self.known
    }

    /// Marks the end of the request's own facts; what is set next belongs to a slot.
    pub fn request_done(&mut self) {
        self.of_request = self.values.len();
    }

    /// Forgets the facts of the slot before, so that those of the next can be set.
    pub fn next_slot(&mut self) {
        self.values.truncate(self.of_request);
        for dimension in Dimension::all().filter(|d| d.per_slot()) {
            self.known &= !(1 << dimension.index());
        }
    }
}
