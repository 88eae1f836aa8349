//! How are moments, kinds and sources told? Words that exports, answers and trails share; cold.

use serde::Serialize;

use crate::base::units::time::Moment;
use crate::knowledge::audience::{PROVIDED, Providers};
use crate::market::vocabulary::{
    Dimension, DistressMoment, SignalKind, Suppressed, ValueId, Vocabulary,
};

/// `2026-11-22T12:00:00Z`.
pub fn moment(at: Moment) -> String {
    jiff::Timestamp::from_second(at.unix_s()).map_or_else(|_| "?".to_owned(), |at| at.to_string())
}

/// What a listener has said, in the words of commands and the API.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Refusals {
    /// Everything: served as if no consent had been given.
    pub all: bool,
    /// The kinds that are not used.
    pub opted_out: Vec<&'static str>,
    pub minor: bool,
    /// Moments of distress that may be used, where the operator has enabled them.
    pub opted_in: Vec<&'static str>,
}

impl From<Suppressed> for Refusals {
    fn from(said: Suppressed) -> Refusals {
        Refusals {
            all: said.opted_out.is_all(),
            opted_out: said.opted_out.kinds().map(SignalKind::name).collect(),
            minor: said.minor,
            opted_in: said.opted_in.moments().map(DistressMoment::name).collect(),
        }
    }
}

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Origin {
    /// `service`, `advertiser`, `third party` or `taxonomy`.
    pub kind: &'static str,
    /// As people call them.
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gvl_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<u8>,
}

impl Origin {
    pub fn of(value: ValueId, vocabulary: &Vocabulary, providers: &Providers) -> Origin {
        let plain = |kind, name: &str| Origin {
            kind,
            name: name.to_owned(),
            gvl_id: None,
            legal_basis: None,
            purposes: Vec::new(),
        };
        if let Some(provider) = providers.of(value, vocabulary) {
            return Origin {
                gvl_id: provider.gvl_id,
                legal_basis: Some(provider.legal_basis.word()),
                purposes: provider.purposes.clone(),
                ..plain("third party", &provider.name)
            };
        }
        let (dimension, text) = (vocabulary.dimension(value), vocabulary.text(value));
        match dimension {
            Dimension::List | Dimension::Lookalike => {
                let advertiser = text.split('/').next().unwrap_or(text);
                plain("advertiser", advertiser)
            }
            _ if PROVIDED.contains(&dimension) && text.starts_with("iab:") => {
                plain("taxonomy", "a word of the IAB Audience Taxonomy, sent by the service")
            }
            _ => plain("service", "the service you listen to, or what it sent us"),
        }
    }
}
