//! Which moments of a life may be used only where everybody agreed? The operator by name, and
//! each listener for themselves; never a minor's.
//!
//! A closed list; hot as a set of bits. They stand among the moods, under their names with their
//! synonyms (`words/later.tsv`), so that a word for one is known wherever it comes from: a campaign
//! file, a listener's line, the wire. None counts unless `vocabulary.distress` names it; then
//! campaigns may ask for it, and it counts for listeners who opted in to it.

use super::{Config, Dimension, Vocabulary};

/// What a [`DistressMoment`] is a value of.
pub const DISTRESS_DIMENSION: Dimension = Dimension::Mood;

/// A moment in which a person is easily hurt. The discriminant is its bit in
/// [`DistressMoments`], which is on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum DistressMoment {
    Bereavement = 0,
    Illness = 1,
    BreakUp = 2,
    JobLoss = 3,
    MoneyTrouble = 4,
    Loneliness = 5,
    Crisis = 6,
}

impl DistressMoment {
    pub const ALL: [DistressMoment; 7] = [
        DistressMoment::Bereavement,
        DistressMoment::Illness,
        DistressMoment::BreakUp,
        DistressMoment::JobLoss,
        DistressMoment::MoneyTrouble,
        DistressMoment::Loneliness,
        DistressMoment::Crisis,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            DistressMoment::Bereavement => "bereavement",
            DistressMoment::Illness => "illness",
            DistressMoment::BreakUp => "break-up",
            DistressMoment::JobLoss => "job loss",
            DistressMoment::MoneyTrouble => "money trouble",
            DistressMoment::Loneliness => "loneliness",
            DistressMoment::Crisis => "crisis",
        }
    }

    pub fn named(name: &str) -> Option<DistressMoment> {
        DistressMoment::ALL.into_iter().find(|moment| moment.name() == name)
    }
}

/// A set of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct DistressMoments(u8);

impl DistressMoments {
    pub const NONE: DistressMoments = DistressMoments(0);

    #[inline]
    pub const fn has(self, moment: DistressMoment) -> bool {
        self.0 & (1 << moment as u8) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub const fn with(self, moment: DistressMoment) -> DistressMoments {
        DistressMoments(self.0 | 1 << moment as u8)
    }

    #[must_use]
    pub const fn without(self, moment: DistressMoment) -> DistressMoments {
        DistressMoments(self.0 & !(1 << moment as u8))
    }

    /// What both agree to.
    #[must_use]
    pub const fn and(self, other: DistressMoments) -> DistressMoments {
        DistressMoments(self.0 & other.0)
    }

    pub fn moments(self) -> impl Iterator<Item = DistressMoment> {
        DistressMoment::ALL.into_iter().filter(move |&moment| self.has(moment))
    }

    /// As they stand on disk.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// `None`: bits that no version has written.
    pub const fn of_bits(bits: u8) -> Option<DistressMoments> {
        let known = bits >> DistressMoment::ALL.len() == 0;
        if known { Some(DistressMoments(bits)) } else { None }
    }
}

impl FromIterator<DistressMoment> for DistressMoments {
    fn from_iter<I: IntoIterator<Item = DistressMoment>>(moments: I) -> DistressMoments {
        moments.into_iter().fold(DistressMoments::NONE, DistressMoments::with)
    }
}

impl Vocabulary {
    /// The names in `config.distress` that name no moment.
    pub fn distress_faults(config: &Config) -> Vec<&str> {
        let unknown = |name: &&String| DistressMoment::named(name).is_none();
        config.distress.iter().filter(unknown).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits_lead_back() {
        let mut all = DistressMoments::NONE;
        for moment in DistressMoment::ALL {
            assert_eq!(DistressMoment::named(moment.name()), Some(moment));
            assert!(!all.has(moment));
            all = all.with(moment);
        }
        assert_eq!(all.moments().count(), DistressMoment::ALL.len());
        assert_eq!(DistressMoments::of_bits(all.bits()), Some(all));
        assert_eq!(DistressMoments::of_bits(128), None);
        assert_eq!(all.and(DistressMoments::NONE), DistressMoments::NONE);
        assert!(!all.without(DistressMoment::Illness).has(DistressMoment::Illness));
    }

    #[test]
    fn every_moment_is_a_mood_in_the_order_of_the_ids() {
        let vocabulary = Vocabulary::new();
        for moment in DistressMoment::ALL {
            let value = vocabulary.find(DISTRESS_DIMENSION, moment.name()).unwrap();
            assert_eq!(vocabulary.distress(value), Some(moment));
            assert_eq!(DistressMoment::named(moment.name()), Some(moment));
        }
        let moods = vocabulary.values(Dimension::Mood);
        let told = moods.filter(|&(value, _)| vocabulary.distress(value).is_some()).count();
        assert_eq!(told, DistressMoment::ALL.len());
        for (word, moment) in [
            ("Heartbroken", DistressMoment::BreakUp),
            ("grieving", DistressMoment::Bereavement),
            ("Trauer", DistressMoment::Bereavement),
            ("in hospital", DistressMoment::Illness),
            ("chômage", DistressMoment::JobLoss),
            ("suicidal", DistressMoment::Crisis),
        ] {
            let value = vocabulary.find(Dimension::Mood, word).unwrap();
            assert_eq!(vocabulary.distress(value), Some(moment), "{word}");
        }
        let sad = vocabulary.find(Dimension::Mood, "sad").unwrap();
        assert_eq!(vocabulary.distress(sad), None, "sad music is no distress");
    }

    #[test]
    fn the_operator_enables_by_name() {
        let config = Config { distress: vec!["bereavement".to_owned()], ..Config::default() };
        let vocabulary = Vocabulary::with(&config);
        assert_eq!(
            vocabulary.enabled_distress().moments().collect::<Vec<_>>(),
            [DistressMoment::Bereavement]
        );
        assert!(Vocabulary::new().enabled_distress().is_empty());
        let wrong = Config { distress: vec!["grief".to_owned()], ..Config::default() };
        assert_eq!(Vocabulary::distress_faults(&wrong).len(), 1);
    }
}
