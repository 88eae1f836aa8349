//! Who listens, and what do we know of them?
//!
//! [`key`] finds the id under which a profile is kept; [`set`] states what the request and the
//! profile tell of the person: `age`, `gender`, `language`, `home_country`, tastes, habits,
//! interests, lists. All of it is personal and asks for permission, the profile's mood and
//! activity too; without it these facts stay unknown. Called by `enrich` once per request; hot.

use serde::{Deserialize, Serialize};

use crate::base::units::ids::ListenerKey;
use crate::base::units::time::Moment;
use crate::knowledge::audience::{
    Audience, LinkKey, PROFILE_DIMENSIONS, Profile, Segment, Suppression, minor_ages,
};
use crate::market::exchange::Exchange;
use crate::market::facts::Facts;
use crate::market::openrtb::request::{Eid, Request, User};
use crate::market::privacy::{Denial, Grant, Permissions};
use crate::market::vocabulary::{
    Dimension, OptOuts, SignalKind, Source, Suppressed, ValueId, Vocabulary,
};

use super::countries::country;
use super::gathered::Gathered;
use super::hints::{self, Hint};

/// How profiles are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A segment with less confidence than this, in percent, is absent.
    pub min_confidence_pct: u8,
}

impl Default for Config {
    fn default() -> Config {
        Config { min_confidence_pct: 50 }
    }
}

impl Config {
    /// Whether a segment is there at that moment: it has not expired and is sure enough.
    #[inline]
    pub fn takes(self, segment: Segment, moment: Moment) -> bool {
        segment.expires > moment && segment.confidence_pct >= self.min_confidence_pct
    }
}

/// The listener's key: of the ids that the request gives, the first that we know; else the first.
/// They are `user.buyeruid`, then those of the `eids` sources that the exchange's row names, then
/// `user.id` where the row says that it is ours. An id is known where a link leads from it to a
/// listener, or where there is a profile under it. `None` without permission.
pub fn key(
    request: &Request<'_>,
    exchange: &Exchange,
    permissions: Permissions,
    audience: &Audience,
) -> Option<ListenerKey> {
    let user = request.user.as_ref().filter(|_| permissions.may(Grant::UseId))?;
    let mut ids = ids(user, exchange);
    let first = ids.next()?;
    let read = permissions.profile_read();
    let known = |(source, id): (&str, &str)| {
        let own = || {
            Some(ListenerKey::of(id))
                .filter(|&key| read.is_some_and(|read| audience.profile(key, read).is_some()))
        };
        audience.listener(LinkKey::of(source, id)).or_else(own)
    };
    Some(known(first).or_else(|| ids.find_map(known)).unwrap_or_else(|| ListenerKey::of(first.1)))
}

/// What the listener has refused, under any of the ids that the request gives: a no may be
/// looked up without any permission, for it lets nothing be done.
pub fn suppressed(
    request: &Request<'_>,
    exchange: &Exchange,
    key: Option<ListenerKey>,
    suppression: &Suppression,
) -> Suppressed {
    let Some(user) = request.user.as_ref().filter(|_| !suppression.is_empty()) else {
        return Suppressed::NONE;
    };
    let known = key.map(|key| suppression.of(key));
    let by_id = ids(user, exchange).flat_map(|(source, id)| {
        let own = suppression.of(ListenerKey::of(id));
        [own, suppression.of_link(LinkKey::of(source, id))]
    });
    let all = known.into_iter().chain(by_id).filter(|said| *said != Suppressed::NONE);
    all.reduce(Suppressed::or).unwrap_or_default()
}

/// What is left of the permissions after what the listener has refused.
pub fn narrowed(permissions: Permissions, suppressed: Suppressed) -> Permissions {
    let Suppressed { opted_out, minor, .. } = suppressed;
    let permissions = if minor { permissions.of_minor() } else { permissions };
    if opted_out.is_all() {
        return permissions.of_opted_out();
    }
    // Whoever refuses what third parties tell of him is not told of to third parties, either.
    let refused =
        [(SignalKind::Place, Grant::PrecisePlace), (SignalKind::ThirdParty, Grant::ShareSegments)];
    refused
        .into_iter()
        .filter(|&(kind, _)| opted_out.has(kind))
        .fold(permissions, |permissions, (_, grant)| permissions.without(grant, Denial::OptedOut))
}

/// Takes back what content, device and place have said of refused kinds. A device's language is
/// the device's.
fn forget(opted_out: OptOuts, facts: &mut Facts) {
    if opted_out.is_empty() {
        return;
    }
    let refused = |dimension: &Dimension| opted_out.covers(*dimension);
    for dimension in Dimension::all().filter(refused) {
        if dimension != Dimension::Language {
            facts.forget(dimension);
        }
    }
}

/// The ids that may name the listener, each with whose it is.
fn ids<'a>(user: &'a User<'_>, exchange: &'a Exchange) -> impl Iterator<Item = (&'a str, &'a str)> {
    let exchange_s = |id: &'a str| Some((exchange.key.as_str(), some_id(id)?));
    let sources = exchange.eid_sources.iter().map(String::as_str);
    let of_eids = sources.filter_map(|source| Some((source, of_eids(user, source)?)));
    let ours = user.id.filter(|_| exchange.user_id_is_ours);
    user.buyeruid.and_then(exchange_s).into_iter().chain(of_eids).chain(ours.and_then(exchange_s))
}

fn of_eids<'b>(user: &User<'b>, source: &str) -> Option<&'b str> {
    let named = |eid: &&Eid<'_>| {
        eid.source.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(source))
    };
    user.eids.iter().filter(named).flat_map(|eid| eid.uids).find_map(|uid| some_id(uid.id?))
}

/// An id that is one: not blank, not the zeros that stand for "none".
fn some_id(id: &str) -> Option<&str> {
    let id = id.trim_ascii();
    let blank = id.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    (!blank).then_some(id)
}

/// Whether the profile says that the listener is under 18, however surely and whenever it was
/// learnt: a guess is enough to leave a child alone (DESIGN §7: no profile use at all). The
/// caller narrows the permissions by it ([`Permissions::of_minor`]).
pub fn is_minor(profile: Profile<'_>, vocabulary: &Vocabulary) -> bool {
    let minor = minor_ages(vocabulary);
    profile.segments().any(|segment| minor.contains(&segment.value))
}

/// Whether a profile that was read knows a dimension of its own even where it says nothing of it.
pub const fn profile_knows(dimension: Dimension) -> bool {
    matches!(dimension.row().source, Source::Profile | Source::WireAndProfile)
}

/// What [`set`] reads, beside the vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    pub request: &'a Request<'a>,
    /// The profile, if it was found; `None` leaves what only it could tell unknown.
    pub profile: Option<Profile<'a>>,
    pub permissions: Permissions,
    /// Kinds in it stay unknown, whoever would tell.
    pub suppressed: Suppressed,
    pub moment: Moment,
    pub config: Config,
}

/// States the personal facts. Of each dimension the table in `vocabulary` says who is heard:
/// request then profile, both, or the profile alone. A profile that was read knows all its own
/// dimensions, perhaps as empty; but a missing age, gender or home is not "none", it is unknown,
/// and so is the mood or the activity of this moment.
pub fn set(sources: &Sources<'_>, vocabulary: &Vocabulary, facts: &mut Facts) {
    let opted_out = sources.suppressed.opted_out;
    forget(opted_out, facts);
    if !sources.permissions.may(Grant::ReadProfile) {
        return;
    }
    let mut known = Gathered::new(vocabulary);
    if let Some(profile) = sources.profile
        && !of_profile(profile, sources, vocabulary, &mut known)
    {
        return;
    }
    let mut wire = Gathered::new(vocabulary);
    if let Some(user) = sources.request.user.as_ref() {
        of_user(user, sources.moment, vocabulary, &mut wire);
    }
    for dimension in PROFILE_DIMENSIONS.into_iter().filter(|&d| !opted_out.covers(d)) {
        state(dimension, &wire, &known, facts);
    }
}

fn state(dimension: Dimension, wire: &Gathered<'_>, known: &Gathered<'_>, facts: &mut Facts) {
    match dimension.row().source {
        Source::Profile => known.state(dimension, facts),
        Source::WireAndProfile => {
            if wire.is_said(dimension) || known.is_said(dimension) {
                facts.set(dimension, wire.of(dimension).chain(known.of(dimension)));
            }
        }
        // What the content or the device has said already stays.
        _ if facts.get(dimension).is_some() => {}
        _ if wire.is_said(dimension) => wire.state(dimension, facts),
        _ => known.state(dimension, facts),
    }
}

/// §3.2.20: `data` by taxonomy or name, `kwarray`/`keywords`, `yob`, `gender`, `geo.country`.
fn of_user(user: &User<'_>, moment: Moment, vocabulary: &Vocabulary, wire: &mut Gathered<'_>) {
    if let Some(band) = user.yob.and_then(|yob| age_band(yob, moment, vocabulary)) {
        wire.add(Dimension::Age, band);
    }
    if let Some(value) = user.gender.and_then(|text| vocabulary.find(Dimension::Gender, text)) {
        wire.add(Dimension::Gender, value);
    }
    if let Some(home) = user.geo.and_then(|geo| country(geo.country?)) {
        wire.add_word(Dimension::HomeCountry, home.alpha3);
    }
    let mut take = |hint| match hint {
        Hint::Value(dimension, value) => {
            // Somebody has one age and one gender: the first that is said.
            if dimension.row().multi || !wire.is_said(dimension) {
                wire.add(dimension, value);
            }
        }
        Hint::Word(dimension @ (Dimension::Mood | Dimension::Activity), word) => {
            wire.add_word(dimension, word);
        }
        Hint::Word(..) | Hint::Bare(_) => {}
    };
    hints::of_data(user.data, vocabulary, &mut take);
    hints::of_keywords(user.keywords, user.kwarray, &mut take);
}

/// The band of one born in that year: known where the birthday, before or after this moment,
/// does not change it. At the edge of two bands it is unknown.
fn age_band(yob: i64, moment: Moment, vocabulary: &Vocabulary) -> Option<ValueId> {
    let years = u8::try_from(year(moment) - yob).ok().filter(|years| (1..=120).contains(years))?;
    let (after, before) = (vocabulary.age(years), vocabulary.age(years - 1));
    (after == before).then_some(after)
}

fn year(moment: Moment) -> i64 {
    let at = jiff::Timestamp::from_second(moment.unix_s()).unwrap_or_default();
    i64::from(jiff::tz::Offset::UTC.to_datetime(at).year())
}

/// Whether it may be used: a minor's, however it came here, is not.
fn of_profile(
    profile: Profile<'_>,
    sources: &Sources<'_>,
    vocabulary: &Vocabulary,
    known: &mut Gathered<'_>,
) -> bool {
    let minor = minor_ages(vocabulary);
    for dimension in PROFILE_DIMENSIONS {
        if profile_knows(dimension) {
            known.said(dimension);
        }
    }
    for segment in profile.segments() {
        if minor.contains(&segment.value) {
            return false;
        }
        if sources.config.takes(segment, sources.moment) {
            known.add(vocabulary.dimension(segment.value), segment.value);
        }
    }
    true
}

#[cfg(test)]
mod tests;
