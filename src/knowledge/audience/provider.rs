//! Whose knowledge is it, what may be done with it, and what does it cost? Third parties' segments.
//!
//! A third party's value of `interest`, `lifestyle` or `intent` is written `provider:segment`, in
//! lines of listeners and in campaigns alike; so targeting names it as it names any value, and its
//! cost is known from its text. Values without a colon are our own; those of the IAB's taxonomy
//! (`iab:504`) are of the closed list. Asked when lines are read and by `explain`; cold.

use serde::{Deserialize, Serialize};

use crate::base::stdx::fault::nearest;
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::privacy::ThirdParty;
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

use super::retention::Retention;

/// The dimensions in which third parties may know something.
pub const PROVIDED: [Dimension; 3] = [Dimension::Interest, Dimension::Lifestyle, Dimension::Intent];

/// The taxonomy that everybody uses, and nobody provides.
const IAB: &str = "iab";

/// `[[audience.providers]]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderRow {
    /// What stands before the colon: a-z and 0-9.
    pub key: String,
    /// As people call it.
    #[serde(default)]
    pub name: String,
    /// The vendor's id in the Global Vendor List; without it, the vendor is not on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gvl_id: Option<u16>,
    /// The TCF purposes for which its data may be used: a TC string has to give it a basis for
    /// all of them. None named: 3 and 4.
    #[serde(default)]
    pub purposes: Vec<u8>,
    #[serde(default)]
    pub legal_basis: LegalBasis,
    /// What a thousand impressions cost that use its segments, as a decimal string.
    pub cpm: String,
    pub currency: String,
    /// Of `interest`, `lifestyle` and `intent`, those that it may set.
    pub dimensions: Vec<String>,
    /// How long a segment may hold after it came; 0: as long as it says.
    #[serde(default)]
    pub max_age_days: u32,
}

/// On what ground a vendor processes data, in the words of the TCF.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegalBasis {
    #[default]
    Consent,
    LegitimateInterest,
}

impl LegalBasis {
    pub const fn word(self) -> &'static str {
        match self {
            LegalBasis::Consent => "consent",
            LegalBasis::LegitimateInterest => "legitimate interest",
        }
    }
}

/// A registered third party.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provider {
    pub key: String,
    pub name: String,
    pub gvl_id: Option<u16>,
    pub purposes: Vec<u8>,
    pub legal_basis: LegalBasis,
    /// Whom consent strings are asked about.
    pub party: ThirdParty,
    /// For one impression.
    pub fee: Money,
    pub dimensions: Vec<Dimension>,
    pub max_age_s: Option<i64>,
}

/// All that are registered, and how long anything may be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Providers(Vec<Provider>, Retention);

impl Default for Providers {
    fn default() -> Providers {
        Providers(Vec::new(), Retention::NONE)
    }
}

/// Why a third party's value is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProviderFault<'p> {
    /// Nobody of this key is registered.
    Unregistered,
    /// The IAB's taxonomy has no such id.
    NoTaxonomyId,
    /// It may not set this dimension.
    Dimension(&'p Provider),
}

impl Providers {
    /// Rows that [`faults`] blames are left out.
    pub fn new(rows: &[ProviderRow]) -> Providers {
        Providers(rows.iter().filter_map(Provider::read).collect(), Retention::NONE)
    }

    /// The same, where nothing is kept for longer.
    #[must_use]
    pub fn keeping(self, retention: Retention) -> Providers {
        Providers(self.0, retention)
    }

    pub const fn retention(&self) -> Retention {
        self.1
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The place of [`of`](Providers::of) among them.
    pub fn place_of(&self, value: ValueId, vocabulary: &Vocabulary) -> Option<usize> {
        self.0.iter().position(|provider| provider.has(value, vocabulary))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    /// Until when a value of this text may hold if it comes now.
    pub fn latest(
        &self,
        dimension: Dimension,
        text: &str,
        now: Moment,
    ) -> Result<Moment, ProviderFault<'_>> {
        let kept = self.1.latest(dimension, now);
        if !PROVIDED.contains(&dimension) {
            return Ok(kept);
        }
        let Some(prefix) = prefix(text) else { return Ok(kept) };
        match self.keyed(prefix) {
            Some(provider) if !provider.dimensions.contains(&dimension) => {
                Err(ProviderFault::Dimension(provider))
            }
            Some(provider) => {
                Ok(provider.max_age_s.map_or(kept, |age_s| kept.min(now.plus_s(age_s))))
            }
            None if is_key(prefix, IAB) => Err(ProviderFault::NoTaxonomyId),
            None => Err(ProviderFault::Unregistered),
        }
    }

    /// Whose value it is; `None`: our own, or everybody's.
    pub fn of(&self, value: ValueId, vocabulary: &Vocabulary) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.has(value, vocabulary))
    }

    /// A registered key that the text most likely meant.
    pub fn nearest(&self, text: &str) -> Option<&str> {
        nearest(prefix(text)?, self.0.iter().map(|provider| provider.key.as_str()))
    }

    fn keyed(&self, prefix: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| is_key(prefix, &provider.key))
    }
}

impl Provider {
    /// Whether it is one of its values.
    pub fn has(&self, value: ValueId, vocabulary: &Vocabulary) -> bool {
        let keyed = || prefix(vocabulary.text(value)).is_some_and(|text| is_key(text, &self.key));
        let provided = || PROVIDED.contains(&vocabulary.dimension(value));
        vocabulary.is_open(value) && provided() && keyed()
    }

    /// Its fee as a decimal CPM, without the currency.
    pub fn cpm(&self) -> String {
        let text = self.fee.to_string();
        text.split(' ').next().unwrap_or_default().to_owned()
    }

    fn read(row: &ProviderRow) -> Option<Provider> {
        let currency = Currency::parse(&row.currency)?;
        let dimensions = row.dimensions.iter().map(|name| provided(name)).collect::<Option<_>>();
        Some(Provider {
            key: row.key.clone(),
            name: if row.name.is_empty() { row.key.clone() } else { row.name.clone() },
            gvl_id: row.gvl_id,
            purposes: row.purposes.clone(),
            legal_basis: row.legal_basis,
            party: ThirdParty::new(
                row.gvl_id,
                &row.purposes,
                row.legal_basis == LegalBasis::LegitimateInterest,
            ),
            fee: Money::new(cpm_nanos(&row.cpm)?, currency),
            dimensions: dimensions?,
            max_age_s: (row.max_age_days > 0).then(|| i64::from(row.max_age_days) * 86_400),
        })
    }
}

/// What is wrong with the rows: index, key, what, and how to mend it.
pub fn faults(rows: &[ProviderRow]) -> Vec<(usize, &'static str, String, &'static str)> {
    let mut faults = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let mut say = |wrong: bool, key: &'static str, what: String, mend: &'static str| {
            if wrong {
                faults.push((at, key, what, mend));
            }
        };
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = (1..=32).contains(&row.key.len()) && row.key.bytes().all(allowed);
        let message = format!("\"{}\" cannot stand before the colon of a value", row.key);
        say(!fits || row.key == IAB, "key", message, "write 1 to 32 of a-z and 0-9, not iab");
        let again = rows[..at].iter().any(|other| other.key == row.key);
        say(again, "key", "a second provider of this key".to_owned(), "give each its own");
        let message = format!("\"{}\" is no price", row.cpm);
        say(cpm_nanos(&row.cpm).is_none(), "cpm", message, "write a decimal such as \"1.50\"");
        let message = format!("\"{}\" is no currency", row.currency);
        let mend = "write a code such as \"EUR\"";
        say(Currency::parse(&row.currency).is_none(), "currency", message, mend);
        let mend = "write some of interest, lifestyle, intent";
        let unknown = row.dimensions.iter().find(|name| provided(name).is_none());
        let message = format!("\"{}\" is not provided", unknown.map_or("", |name| name));
        say(unknown.is_some(), "dimensions", message, mend);
        let message = "it may set nothing".to_owned();
        say(row.dimensions.is_empty(), "dimensions", message, mend);
        let wrong = row.purposes.iter().any(|purpose| !(1..=11).contains(purpose));
        let message = "the TCF has purposes 1 to 11".to_owned();
        say(wrong, "purposes", message, "write them as [1, 3, 4]");
    }
    faults
}

fn provided(name: &str) -> Option<Dimension> {
    Dimension::named(name).filter(|dimension| PROVIDED.contains(dimension))
}

/// What stands before the first colon.
fn prefix(text: &str) -> Option<&str> {
    text.split_once(':').map(|(prefix, _)| prefix)
}

/// As the vocabulary compares words: `Ac-me:auto` and `acme:auto` are one value.
fn is_key(prefix: &str, key: &str) -> bool {
    let letters = prefix.bytes().filter(|b| !matches!(b, b' ' | b'-' | b'_' | b'.' | b'/'));
    letters.map(|b| b.to_ascii_lowercase()).eq(key.bytes())
}

/// `"1.50"` as nanos an impression, which CPM micros are.
fn cpm_nanos(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || text.ends_with('.') || !digits(whole) || !digits(part) || part.len() > 6
    {
        return None;
    }
    let micros: i64 = format!("{part:0<6}").parse().ok()?;
    let nanos = whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?;
    (nanos <= 1_000_000_000_000_000).then_some(nanos)
}

#[cfg(test)]
mod tests {
    use super::super::profile::Segment;
    use super::*;

    fn row(key: &str) -> ProviderRow {
        ProviderRow {
            key: key.to_owned(),
            name: String::new(),
            gvl_id: Some(755),
            purposes: vec![1, 3, 4],
            legal_basis: LegalBasis::Consent,
            cpm: "1.5".to_owned(),
            currency: "EUR".to_owned(),
            dimensions: vec!["interest".to_owned(), "intent".to_owned()],
            max_age_days: 30,
        }
    }

    #[test]
    fn a_value_tells_its_provider() {
        let providers = Providers::new(&[row("acme"), row("other")]);
        let now = Moment::from_unix_s(1_000_000);
        let latest = |dimension, text| providers.latest(dimension, text, now);
        let kept = Retention { taste_days: 7, third_party_days: 9, ..Retention::NONE };
        let week = providers.clone().keeping(kept);
        let of = |dimension, text| week.latest(dimension, text, now).unwrap();
        assert_eq!(of(Dimension::TasteArtist, "muse"), now.plus_s(7 * 86_400));
        assert_eq!(of(Dimension::Interest, "acme:auto"), now.plus_s(9 * 86_400));
        assert_eq!(of(Dimension::Interest, "fly fishing"), now.plus_s(9 * 86_400));
        let month = Ok(now.plus_s(30 * 86_400));
        assert_eq!(latest(Dimension::Interest, "acme:auto"), month);
        assert_eq!(latest(Dimension::Intent, "Ac-Me: auto"), month);
        assert_eq!(latest(Dimension::Interest, "fly fishing"), Ok(Segment::NEVER));
        assert_eq!(latest(Dimension::TasteArtist, "nobody:x"), Ok(Segment::NEVER));
        let unregistered = Err(ProviderFault::Unregistered);
        assert_eq!(latest(Dimension::Interest, "acmee:auto"), unregistered);
        assert_eq!(providers.nearest("acmee:auto"), Some("acme"));
        assert_eq!(latest(Dimension::Interest, "iab:99999"), Err(ProviderFault::NoTaxonomyId));
        let fault = latest(Dimension::Lifestyle, "acme:auto");
        assert!(matches!(fault, Err(ProviderFault::Dimension(_))));
        let mut vocabulary = Vocabulary::new();
        let value = vocabulary.intern(Dimension::Interest, "Acme:Auto").unwrap();
        let fee = providers.of(value, &vocabulary).map(|provider| provider.fee);
        assert_eq!(fee, Some(Money::new(1_500_000, Currency::EUR)));
        let iab = vocabulary.find(Dimension::Interest, "iab:504").unwrap();
        assert_eq!(providers.of(iab, &vocabulary), None);
        let taste = vocabulary.intern(Dimension::TasteArtist, "acme:auto").unwrap();
        assert_eq!(providers.of(taste, &vocabulary), None);
    }

    #[test]
    fn rows_are_blamed_by_key() {
        assert_eq!(faults(&[row("acme"), row("acme2")]), []);
        let wrong = ProviderRow {
            key: "Ac-me".to_owned(),
            cpm: "1.5000001".to_owned(),
            currency: "euro".to_owned(),
            dimensions: vec!["mood".to_owned()],
            purposes: vec![12],
            ..row("x")
        };
        let keys: Vec<_> =
            faults(std::slice::from_ref(&wrong)).into_iter().map(|fault| fault.1).collect();
        assert_eq!(keys, ["key", "cpm", "currency", "dimensions", "purposes"]);
        assert_eq!(Providers::new(&[wrong]).iter().count(), 0);
        let told = |rows: &[ProviderRow]| faults(rows).len();
        assert_eq!(told(&[row("a"), row("a")]), 1);
        assert_eq!(told(&[row("iab")]), 1);
        let none = ProviderRow { dimensions: Vec::new(), ..row("a") };
        assert_eq!(told(&[none]), 1);
    }
}
