//! What does this request mean? Wire, permissions, profile, place and local time → opportunity
//! and facts. Hot.
//!
//! Called by `flows::decide` right after decode. The order matters: where the listener is decides
//! what may be done, and what may be done decides what else is looked at.

mod countries;

mod geo;

mod zones;

mod gathered;

mod hints;

mod user_agent;

pub mod content;

pub mod device;

pub mod place;

pub mod local_time;

pub mod listener;

mod parties;

mod rails;

mod offered;

mod slots;

pub use offered::set_slot;

use bumpalo::Bump;

use crate::base::units::money::Currency;
use crate::base::units::time::Moment;
use crate::knowledge::audience::{Audience, Profile, Providers, Suppression};
use crate::market::exchange::{Exchange, ExchangeIx, Rates};
use crate::market::facts::Facts;
use crate::market::openrtb::request::Request;
use crate::market::opportunity::Opportunity;
use crate::market::outcome::NoBid;
use crate::market::privacy::{Grant, Permissions, Policy, Signals, permissions};
use crate::market::vocabulary::{Suppressed, Vocabulary};

/// What a request is looked at with.
#[derive(Clone, Copy)]
pub struct Sources<'w> {
    pub exchange: (ExchangeIx, &'w Exchange),
    pub vocabulary: &'w Vocabulary,
    pub audience: &'w Audience,
    pub suppression: &'w Suppression,
    pub atlas: &'w place::Atlas,
    pub rates: &'w Rates,
    pub listeners: listener::Config,
    pub privacy: &'w Policy,
    /// Whose segments profiles may hold.
    pub providers: &'w Providers,
    /// The header `Sec-GPC: 1` came with the request.
    pub gpc: bool,
    /// `None` where the request and the table of refusals are asked.
    pub ruling: Option<Ruling>,
}

/// What was permitted and refused when a decision was first made: a replay is told it, as the
/// signals are not kept and refusals change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ruling {
    pub permissions: Permissions,
    pub suppressed: Suppressed,
}

/// The opportunity of a request and the profile that was read for it; fills `facts` with all
/// that holds for the whole request.
pub fn opportunity<'b>(
    request: &'b Request<'b>,
    sources: &Sources<'b>,
    moment: Moment,
    arena: &'b Bump,
    facts: &mut Facts,
) -> Result<(Opportunity<'b>, Option<Profile<'b>>), NoBid> {
    let (ix, exchange) = sources.exchange;
    if !exchange.enabled {
        return Err(NoBid::NotServing);
    }
    let slots = slots::slots(request, sources.rates, arena)?;
    let currency = currency(request, exchange, sources.rates)?;

    let place = place::resolve(request, sources.atlas);
    let country = place.lawful_country();
    let absent = exchange.regs_default;
    let signals = Signals { request, country, gpc: sources.gpc, absent, moment };
    let asked = || permissions(&signals, sources.privacy);
    let permissions = sources.ruling.map_or_else(asked, |ruling| ruling.permissions);
    let vocabulary = sources.vocabulary;
    let key = listener::key(request, exchange, permissions, sources.audience);
    let asked = || listener::suppressed(request, exchange, key, sources.suppression);
    let suppressed = sources.ruling.map_or_else(asked, |ruling| ruling.suppressed);
    let permissions = listener::narrowed(permissions, suppressed);
    let said_minor = rails::is_said_minor(request, vocabulary);
    let permissions = if said_minor { permissions.of_minor() } else { permissions };
    let key = key.filter(|_| permissions.may(Grant::UseId));
    let profile = key.zip(permissions.profile_read());
    let profile = profile.and_then(|(key, read)| sources.audience.profile(key, read));
    let minor = profile.is_some_and(|profile| listener::is_minor(profile, vocabulary));
    // A child is left alone: no id, no profile (not even in the record), no precise place.
    let permissions = if minor { permissions.of_minor() } else { permissions };
    let (key, profile) = if minor { (None, None) } else { (key, profile) };
    let profile = profile.map(|profile| parties::lawful(profile, sources, &signals, arena));

    content::set(request, vocabulary, facts);
    device::set(request, vocabulary, facts);
    place::set(&place, vocabulary, permissions, facts);
    let offset = request.device.and_then(|device| device.geo).and_then(|geo| geo.utcoffset);
    let zone = || place.zone(sources.atlas, permissions);
    local_time::set(moment, offset, zone, vocabulary, facts);
    let config = sources.listeners;
    let person = listener::Sources { request, profile, permissions, suppressed, moment, config };
    listener::set(&person, vocabulary, facts);
    offered::set(request, exchange, vocabulary, facts);
    let usable = rails::usable(permissions, suppressed, vocabulary);
    let withheld = rails::withhold(usable, vocabulary, facts);
    facts.request_done();

    let opportunity = Opportunity {
        request,
        exchange: ix,
        permissions,
        suppressed,
        withheld,
        listener: key,
        slots,
        currency,
        test: request.test == Some(true),
    };
    Ok((opportunity, profile))
}

/// What the answer is priced in: the exchange's usual currency where the request takes it, else
/// the first that it takes and that has a rate (§3.2.1 `cur`; none named takes all).
fn currency(request: &Request<'_>, exchange: &Exchange, rates: &Rates) -> Result<Currency, NoBid> {
    let mut taken = request.cur.iter().filter_map(|code| Currency::parse(code));
    if request.cur.is_empty() || taken.clone().any(|currency| currency == exchange.currency) {
        return Ok(exchange.currency);
    }
    taken.find(|&currency| rates.knows(currency)).ok_or(NoBid::CurrencyUnsupported)
}
