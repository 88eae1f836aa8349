//! Rows of tables: exchanges and currency rates as an operator writes them.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::units::money::Currency;
use crate::flows::notice::Secret;
use crate::market::cipher::PriceCipher;
use crate::market::exchange::{BillableEvent, Exchange, PlayerPrice, Rates};
use crate::market::privacy::RegsDefault;

/// `[[exchange]]`: how one exchange differs from the standard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExchangeRow {
    /// The path segment of `POST /bid/{key}` and the metric label.
    pub key: String,
    pub enabled: bool,
    /// When not all can be answered, exchanges are by their weights.
    pub weight: u32,
    /// What we answer in when the request allows it.
    pub currency: Code,
    pub billable: Billable,
    pub player_price: PlayerPriceRow,
    /// `{kind = "google", e_key = "…", i_key = "…"}`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_encryption: Option<PriceEncryption>,
    pub sends_wins: bool,
    pub win_window_s: u32,
    pub ticket_ttl_s: u32,
    pub network_margin_ms: u32,
    pub default_tmax_ms: u32,
    pub open_bids: u16,
    pub says_nbr: bool,
    pub user_id_is_ours: bool,
    /// One, or a list of several; empty: none.
    #[serde(deserialize_with = "one_or_more")]
    pub eid_source: Vec<String>,
    pub regs_default: Regs,
    pub seat: String,
}

impl Default for ExchangeRow {
    fn default() -> Self {
        let standard = Exchange::standard("demo");
        ExchangeRow {
            key: standard.key,
            enabled: standard.enabled,
            weight: 1,
            currency: Code(standard.currency),
            billable: Billable::of(standard.billable),
            player_price: PlayerPriceRow::Ignore,
            price_encryption: None,
            sends_wins: standard.sends_wins,
            win_window_s: standard.win_window_s,
            ticket_ttl_s: standard.ticket_ttl_s,
            network_margin_ms: standard.network_margin_ms,
            default_tmax_ms: standard.default_tmax_ms,
            open_bids: standard.open_bids,
            says_nbr: standard.says_nbr,
            user_id_is_ours: standard.user_id_is_ours,
            eid_source: standard.eid_sources,
            regs_default: Regs::of(standard.regs_default),
            seat: standard.seat,
        }
    }
}

impl ExchangeRow {
    pub fn to_exchange(&self) -> Exchange {
        Exchange {
            key: self.key.clone(),
            enabled: self.enabled,
            currency: self.currency.0,
            billable: self.billable.event(),
            player_price: self.player_price.rule(),
            price_cipher: self.price_encryption.as_ref().and_then(PriceEncryption::cipher),
            sends_wins: self.sends_wins,
            win_window_s: self.win_window_s,
            ticket_ttl_s: self.ticket_ttl_s,
            network_margin_ms: self.network_margin_ms,
            default_tmax_ms: self.default_tmax_ms,
            open_bids: self.open_bids,
            says_nbr: self.says_nbr,
            user_id_is_ours: self.user_id_is_ours,
            eid_sources: self.eid_source.clone(),
            regs_default: self.regs_default.rule(),
            seat: self.seat.clone(),
        }
    }
}

/// A text, or a list of texts, without the empty ones.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Texts;
    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }

        fn visit_str<E>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(Some(text.to_owned()).filter(|text| !text.is_empty()).into_iter().collect())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<String>, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = from.next_element::<String>()? {
                texts.extend(Some(text).filter(|text| !text.is_empty()));
            }
            Ok(texts)
        }
    }
    from.deserialize_any(Texts)
}

/// The billable event, as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Billable {
    Impression,
    Billing,
    Win,
}

impl Billable {
    const fn of(event: BillableEvent) -> Billable {
        match event {
            BillableEvent::Impression => Billable::Impression,
            BillableEvent::Billing => Billable::Billing,
            BillableEvent::Win => Billable::Win,
        }
    }

    const fn event(self) -> BillableEvent {
        match self {
            Billable::Impression => BillableEvent::Impression,
            Billable::Billing => BillableEvent::Billing,
            Billable::Win => BillableEvent::Win,
        }
    }
}

/// Whether a price in a player's URL counts, as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlayerPriceRow {
    Ignore,
    Trust,
}

impl PlayerPriceRow {
    const fn rule(self) -> PlayerPrice {
        match self {
            PlayerPriceRow::Ignore => PlayerPrice::Ignore,
            PlayerPriceRow::Trust => PlayerPrice::Trust,
        }
    }
}

/// How an exchange encrypts prices, and the keys it gave us.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceEncryption {
    pub kind: EncryptionKind,
    /// Web-safe base64 of 32 bytes.
    pub e_key: Secret,
    pub i_key: Secret,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncryptionKind {
    Google,
}

impl PriceEncryption {
    /// `None`: a key is none.
    pub fn cipher(&self) -> Option<PriceCipher> {
        match self.kind {
            EncryptionKind::Google => PriceCipher::google(self.e_key.expose(), self.i_key.expose()),
        }
    }
}

/// What absent `regs` mean, as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Regs {
    Full,
    Contextual,
}

impl Regs {
    const fn of(rule: RegsDefault) -> Regs {
        match rule {
            RegsDefault::Full => Regs::Full,
            RegsDefault::Contextual => Regs::Contextual,
        }
    }

    const fn rule(self) -> RegsDefault {
        match self {
            Regs::Full => RegsDefault::Full,
            Regs::Contextual => RegsDefault::Contextual,
        }
    }
}

/// A currency, as it is written: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Code(pub Currency);

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl Code {
    fn parse<E: serde::de::Error>(text: &str) -> Result<Code, E> {
        let upper = text.bytes().all(|b| b.is_ascii_uppercase());
        let currency = Currency::parse(text).filter(|_| upper);
        currency.map(Code).ok_or_else(|| {
            E::custom(format!("{text:?} is no currency, write a code such as \"EUR\""))
        })
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Code::parse(&String::deserialize(deserializer)?)
    }
}

/// `[rates]`: `id`, `reference`, and for each further currency what one unit is worth in the
/// reference currency, as a decimal string.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RatesRow {
    /// Names the table on ledger entries and records.
    pub id: String,
    pub reference: Code,
    #[serde(flatten)]
    pub worth: BTreeMap<Code, Worth>,
}

impl Default for RatesRow {
    fn default() -> Self {
        RatesRow { id: "none".to_owned(), reference: Code(Currency::USD), worth: BTreeMap::new() }
    }
}

/// By hand, because serde's `flatten` loses the place of a fault.
impl<'de> Deserialize<'de> for RatesRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;
        impl<'de> Visitor<'de> for Rows {
            type Value = RatesRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of rates")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RatesRow, A::Error> {
                let mut row = RatesRow::default();
                while let Some(key) = map.next_key::<RateKey>()? {
                    match key {
                        RateKey::Id => row.id = map.next_value()?,
                        RateKey::Reference => row.reference = map.next_value()?,
                        RateKey::Currency(code) => {
                            row.worth.insert(code, map.next_value()?);
                        }
                    }
                }
                Ok(row)
            }
        }
        deserializer.deserialize_map(Rows)
    }
}

enum RateKey {
    Id,
    Reference,
    Currency(Code),
}

impl<'de> Deserialize<'de> for RateKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        match key.as_str() {
            "id" => Ok(RateKey::Id),
            "reference" => Ok(RateKey::Reference),
            _ => Code::parse(&key).map(RateKey::Currency),
        }
    }
}

impl RatesRow {
    pub fn to_rates(&self) -> Rates {
        let reference = std::iter::once((self.reference.0, BILLION));
        let others = self.worth.iter().map(|(code, worth)| (code.0, worth.billionths));
        Rates::new(&self.id, others.chain(reference))
    }
}

const BILLION: i64 = 1_000_000_000;

/// A positive decimal with at most nine places, held exactly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Worth {
    pub billionths: i64,
}

impl Worth {
    /// `None`: not a plain decimal, not above zero, too large, or finer than a billionth.
    pub fn parse(text: &str) -> Option<Worth> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let dangling = whole.is_empty() || text.ends_with('.');
        if dangling || !digits(whole) || !digits(part) || part.len() > 9 {
            return None;
        }
        let part: i64 = format!("{part:0<9}").parse().ok()?;
        let billionths = whole.parse::<i64>().ok()?.checked_mul(BILLION)?.checked_add(part)?;
        (billionths > 0).then_some(Worth { billionths })
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.billionths / BILLION, self.billionths % BILLION)
    }
}

impl Serialize for Worth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Worth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Worth::parse(&text).ok_or_else(|| {
            let message = "is no rate, write a decimal above zero such as \"1.0850\"";
            D::Error::custom(format!("{text:?} {message}"))
        })
    }
}
