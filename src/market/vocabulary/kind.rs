//! What may a listener say no to? The kinds of signal, and which dimensions belong to each.
//!
//! The one table of opt-outs, of retention and of what an export is sorted by. Hot as a set of
//! bits beside the permissions; else cold.

use super::Dimension::{self, *};

/// What a listener may refuse by name. The discriminant is its bit in [`OptOuts`], which is on
/// disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum SignalKind {
    Mood = 0,
    Activity = 1,
    Place = 2,
    ThirdParty = 3,
    Taste = 4,
    Habits = 5,
    Demographics = 6,
    Lists = 7,
}

/// A kind, its name on the command line and in the API, what it is in a listener's words, and
/// the dimensions that belong to it.
pub struct SignalKindRow {
    pub kind: SignalKind,
    pub name: &'static str,
    pub words: &'static str,
    pub dimensions: &'static [Dimension],
}

const fn row(
    kind: SignalKind,
    name: &'static str,
    words: &'static str,
    dimensions: &'static [Dimension],
) -> SignalKindRow {
    SignalKindRow { kind, name, words, dimensions }
}

/// The table, in the order of [`SignalKind`]. What belongs to no kind tells of the music, of the
/// device or of where it is sold; the country stays because it says which law holds.
pub const SIGNAL_KINDS: [SignalKindRow; SignalKind::COUNT] = [
    row(SignalKind::Mood, "mood", "the mood you are in", &[Mood]),
    row(SignalKind::Activity, "activity", "what you are doing", &[Activity]),
    row(
        SignalKind::Place,
        "place",
        "where you are, more closely than your country",
        &[Region, City, Postal, Radius],
    ),
    row(
        SignalKind::ThirdParty,
        "third-party",
        "your interests, lifestyle and plans to buy, as other companies see them",
        &[Interest, Lifestyle, Intent],
    ),
    row(
        SignalKind::Taste,
        "taste",
        "the music you like",
        &[TasteGenre, TasteArtist, TastePlaylist],
    ),
    row(SignalKind::Habits, "habits", "the hours at which you listen", &[Habit]),
    row(
        SignalKind::Demographics,
        "demographics",
        "your age, gender, language and home country",
        &[Age, Gender, Language, HomeCountry],
    ),
    row(
        SignalKind::Lists,
        "lists",
        "advertisers' lists of people, and people like them",
        &[List, Lookalike],
    ),
];

const KIND_OF: [Option<SignalKind>; Dimension::COUNT] = {
    let mut kinds = [None; Dimension::COUNT];
    let mut kind = 0;
    while kind < SIGNAL_KINDS.len() {
        let row = &SIGNAL_KINDS[kind];
        assert!(row.kind as usize == kind, "the table is indexed by the discriminant");
        let mut i = 0;
        while i < row.dimensions.len() {
            kinds[row.dimensions[i] as usize] = Some(row.kind);
            i += 1;
        }
        kind += 1;
    }
    kinds
};

impl SignalKind {
    pub const COUNT: usize = SignalKind::Lists as usize + 1;

    pub const fn row(self) -> &'static SignalKindRow {
        &SIGNAL_KINDS[self as usize]
    }

    pub const fn name(self) -> &'static str {
        self.row().name
    }

    pub fn named(name: &str) -> Option<SignalKind> {
        SIGNAL_KINDS.iter().find(|row| row.name == name).map(|row| row.kind)
    }

    /// The kind of a dimension; `None` for what is not the listener's to refuse.
    #[inline]
    pub const fn of(dimension: Dimension) -> Option<SignalKind> {
        KIND_OF[dimension as usize]
    }

    pub fn all() -> impl Iterator<Item = SignalKind> {
        SIGNAL_KINDS.iter().map(|row| row.kind)
    }
}

/// A set of kinds that somebody has said no to; or to all, those to come included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct OptOuts(u16);

/// No to everything: the listener is served like one who has given no consent.
const ALL: u16 = 1 << 15;
const KINDS: u16 = (1 << SignalKind::COUNT) - 1;

impl OptOuts {
    pub const NONE: OptOuts = OptOuts(0);
    pub const ALL: OptOuts = OptOuts(ALL | KINDS);

    #[inline]
    pub const fn has(self, kind: SignalKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// Whether the kind that the dimension belongs to is refused.
    #[inline]
    pub const fn covers(self, dimension: Dimension) -> bool {
        match SignalKind::of(dimension) {
            Some(kind) => self.has(kind),
            None => false,
        }
    }

    #[inline]
    pub const fn is_all(self) -> bool {
        self.0 & ALL != 0
    }

    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub const fn with(self, kind: SignalKind) -> OptOuts {
        OptOuts(self.0 | 1 << kind as u8)
    }

    /// Who takes back one no of "all" keeps the others one by one.
    #[must_use]
    pub const fn without(self, kind: SignalKind) -> OptOuts {
        OptOuts(self.0 & !(ALL | 1 << kind as u8))
    }

    #[must_use]
    pub const fn or(self, other: OptOuts) -> OptOuts {
        OptOuts(self.0 | other.0)
    }

    pub fn kinds(self) -> impl Iterator<Item = SignalKind> {
        SignalKind::all().filter(move |&kind| self.has(kind))
    }

    /// As they stand on disk.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// `None`: bits that no version has written.
    pub const fn of_bits(bits: u16) -> Option<OptOuts> {
        let known = bits & !(ALL | KINDS) == 0;
        let whole = bits & ALL == 0 || bits & KINDS == KINDS;
        if known && whole { Some(OptOuts(bits)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_personal_dimension_has_a_kind() {
        for dimension in Dimension::all() {
            let row = dimension.row();
            if row.personal {
                assert!(SignalKind::of(dimension).is_some(), "{}", row.name);
            }
        }
        assert_eq!(SignalKind::of(Genre), None);
        assert_eq!(SignalKind::of(Country), None);
    }

    #[test]
    fn no_dimension_has_two_kinds() {
        let mut seen = Vec::new();
        for dimension in SIGNAL_KINDS.iter().flat_map(|row| row.dimensions) {
            assert!(!seen.contains(dimension), "{}", dimension.name());
            seen.push(*dimension);
        }
    }

    #[test]
    fn names_lead_back() {
        for kind in SignalKind::all() {
            assert_eq!(SignalKind::named(kind.name()), Some(kind));
        }
        assert_eq!(SignalKind::named("all"), None);
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let mood = OptOuts::NONE.with(SignalKind::Mood);
        assert!(mood.has(SignalKind::Mood) && !mood.has(SignalKind::Activity) && !mood.is_all());
        assert!(mood.covers(Mood) && !mood.covers(Genre) && !mood.covers(City));
        let rest = OptOuts::ALL.without(SignalKind::Mood);
        assert!(!rest.is_all() && !rest.has(SignalKind::Mood) && rest.has(SignalKind::Lists));
        assert_eq!(rest.or(mood).kinds().count(), SignalKind::COUNT);
        for set in [OptOuts::NONE, OptOuts::ALL, mood, rest] {
            assert_eq!(OptOuts::of_bits(set.bits()), Some(set));
        }
        assert_eq!(OptOuts::of_bits(1 << 14), None);
        assert_eq!(OptOuts::of_bits(1 << 15), None, "all without its kinds");
    }
}
