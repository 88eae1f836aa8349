//! Which keys may a campaign file have? One table for the loader, the JSON Schema and the docs.
//!
//! The walker refuses what is not listed here and the schema is made from the same rows, so
//! neither can know a key that the other does not. Cold.

/// What may stand at a key.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// A name of our own: 1–64 of letters, digits, `.`, `_`, `-`.
    Key,
    /// Text of at most so many bytes.
    Text(usize),
    /// An absolute http or https URL.
    Url,
    /// A registrable domain in lower case.
    Domain,
    /// An ISO 4217 code that the rate table knows.
    Currency,
    /// A zone of the IANA database.
    Zone,
    /// A BCP-47 tag.
    Language,
    /// A code of the IAB Content Taxonomy 1.0.
    Category,
    /// Digits: an id of the Ad Product Taxonomy 2.0.
    Digits,
    /// A MIME type.
    Mime,
    /// A file's path, relative to the campaign file.
    File,
    /// Hex of a SHA-256: media that is hosted already.
    Sha256,
    /// Above zero, in currency units, at most nine decimals.
    Money,
    /// Above zero, a price for a thousand, at most six decimals.
    Cpm,
    /// Above zero, at most three decimals.
    Seconds,
    Int(i64, i64),
    /// A number of degrees or kilometres; never of money.
    Number(f64, f64),
    Bool,
    /// RFC 3339, or a date in the account's zone.
    Instant,
    /// A unit of the calendar, `flight`, or a number of minutes, hours or days: `30m`, `12h`, `7d`.
    Window,
    /// Shares of the hours of the week: 168 numbers, or a map of hours to numbers.
    Traffic,
    Choice(&'static [&'static str]),
    Map(&'static Table),
    /// A list of these; a single one may stand without the brackets.
    List(&'static Kind),
    /// A single value in short, or a map.
    Short(&'static Kind, &'static Table),
    /// A map, or the `crid` of a creative that the advertiser already has.
    CreativeOrCrid,
    /// See [`super::targeting`].
    Targeting,
}

pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub doc: &'static str,
}

pub struct Table {
    /// What the map is, for messages and as the schema's definition.
    pub name: &'static str,
    pub doc: &'static str,
    pub fields: &'static [Field],
}

impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn must(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { name, kind, required: true, doc }
}

const fn may(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { name, kind, required: false, doc }
}

use Kind::{
    Bool, Category, Choice, Cpm, CreativeOrCrid, Currency, Digits, Domain, File, Instant, Int, Key,
    Language, List, Map, Mime, Money, Number, Seconds, Sha256, Short, Targeting, Text, Traffic,
    Url, Window, Zone,
};

pub static DOCUMENT: Table = Table {
    name: "document",
    doc: "A campaign file: one `advertiser`, or several `advertisers`.",
    fields: &[
        may("advertiser", Map(&ADVERTISER), "The one advertiser of this file."),
        may("advertisers", List(&Map(&ADVERTISER)), "The advertisers of this file."),
    ],
};

pub static ADVERTISER: Table = Table {
    name: "advertiser",
    doc: "Who pays: an account with its currency, its campaigns and its creatives.",
    fields: &[
        must("key", Key, "Its name in reports and ids; never changes."),
        may("name", Text(256), "Its name for people; the key where absent."),
        must(
            "domains",
            List(&Domain),
            "Domains it advertises, lower case; the first is declared as `adomain`.",
        ),
        may("seat", Text(64), "Seat of its bids; the exchange's default seat where absent."),
        must("currency", Currency, "The account's currency: every price and budget is in it."),
        may("time_zone", Zone, "The account's zone, in which dates are days; UTC where absent."),
        may("prepaid", Bool, "Spends no more than has been paid in; `false` where absent."),
        may("caps", List(&Map(&CAP)), "How often one listener may hear any of its lines."),
        may("categories", List(&Category), "IAB Content Taxonomy 1.0 codes, as `IAB8-5`."),
        may("ad_products", List(&Digits), "IAB Ad Product Taxonomy 2.0 ids."),
        may("bundle", Text(256), "Store id of the app that is advertised, if one is."),
        may("dsa_behalf", Text(100), "On whose behalf its ads are shown (DSA art. 26), for `dsa`."),
        may("dsa_paid", Text(100), "Who pays for them; whoever they are shown for where absent."),
        may("creatives", List(&Map(&CREATIVE)), "Creatives that lines name by their `crid`."),
        must("campaigns", List(&Map(&CAMPAIGN)), "At least one."),
    ],
};

pub static CAMPAIGN: Table = Table {
    name: "campaign",
    doc: "Lines that belong together.",
    fields: &[
        must("key", Key, "Unique within the advertiser; never changes."),
        may("name", Text(256), "Its name for people; the key where absent."),
        may("budget", BUDGETED, "What its lines may spend together; without limit where absent."),
        may("caps", List(&Map(&CAP)), "How often one listener may hear any of its lines."),
        must("lines", List(&Map(&LINE)), "At least one."),
    ],
};

pub static LINE: Table = Table {
    name: "line",
    doc: "What is bid, for whom, when, and with which creatives.",
    fields: &[
        must("key", Key, "Unique within the campaign; never changes."),
        may("name", Text(256), "Its name for people; the key where absent."),
        must("bid_cpm", Cpm, "The bid for a thousand impressions, read digit by digit."),
        may("budget", BUDGETED, "What it may spend; a single amount is its total."),
        may("pacing", Short(&Choice(&SHAPES), &PACING), "How it spends; `asap` where absent."),
        may("cap", Map(&CAP), "The only one of `caps`, or another."),
        may("caps", List(&Map(&CAP)), "How often one listener may hear it; at most six."),
        may("flight", Map(&FLIGHT), "When it runs; always where absent."),
        may("targeting", Targeting, "Who and when; everybody where absent."),
        may("deals", List(&Text(128)), "Ids of the deals it may bid on."),
        may("open", Bool, "Bids in the open market too: yes without deals, no with them."),
        may("paused", Bool, "Loaded and shown, but never bids."),
        must("creatives", List(&CreativeOrCrid), "Creatives, or the `crid`s of known ones."),
    ],
};

/// A total in short, or all of its parts.
const BUDGETED: Kind = Short(&Money, &BUDGET);

/// In the order of [`super::model::BudgetMode`].
pub const MODES: [&str; 2] = ["strict", "expected"];

pub static BUDGET: Table = Table {
    name: "budget",
    doc: "What may be spent, in the account's currency.",
    fields: &[
        may("total", Money, "In all; without limit where absent."),
        may("daily", Money, "On each day of the account's zone; without limit where absent."),
        may(
            "mode",
            Choice(&MODES),
            "`strict`, the default: open bids count with their whole price, and nothing is ever \
             overspent. `expected`: they count with what they are likely to cost, which spends \
             more evenly and may overspend by one per cent of a day.",
        ),
    ],
};

/// In the order of [`super::model::Shape`].
pub const SHAPES: [&str; 3] = ["even", "front", "asap"];

pub static PACING: Table = Table {
    name: "pacing",
    doc: "How the budget is spread over its day or its flight.",
    fields: &[
        may(
            "shape",
            Choice(&SHAPES),
            "`even`: as traffic comes. `front`: the more the earlier. `asap`: as bids win.",
        ),
        may(
            "traffic",
            Traffic,
            "The share of each hour of the week, from Monday midnight in the account's zone; \
             learned where absent.",
        ),
    ],
};

pub static CAP: Table = Table {
    name: "cap",
    doc: "At most so many impressions for one listener within a window.",
    fields: &[
        must("impressions", Int(1, 1000), "How many."),
        must(
            "per",
            Window,
            "`minute`, `hour`, `day`, `week`, `month`, `flight`, or `30m`, `12h`, `7d`; at most \
             31 days.",
        ),
        may(
            "window",
            Choice(&["rolling", "calendar"]),
            "`rolling`, the default: within any span of that length. `calendar`: within each \
             hour, day, week from Monday or month of the account's zone.",
        ),
    ],
};

pub static FLIGHT: Table = Table {
    name: "flight",
    doc: "From when to when. A date is a day of the account's zone, and `end` includes its day.",
    fields: &[
        may("start", Instant, "First moment; since ever where absent."),
        may("end", Instant, "A date: the last day. A time: the first moment after the flight."),
    ],
};

pub static CREATIVE: Table = Table {
    name: "creative",
    doc: "One spot: the same message in several renditions, with its companions.",
    fields: &[
        must("crid", Text(64), "Its id on the wire; unique over all files."),
        may("title", Text(256), "Its title in VAST; the crid where absent."),
        must("duration", Seconds, "How long it plays, in seconds."),
        must("renditions", List(&Map(&RENDITION)), "At least one."),
        may("mezzanine", Map(&RENDITION), "The untouched master, for ad stitching."),
        may("companions", List(&Map(&COMPANION)), "What is shown beside it."),
        may("click_through", Url, "Where a click leads."),
        may("click_trackers", List(&Url), "Called on a click."),
        may("trackers", List(&Map(&TRACKER)), "Third parties' URLs, by event."),
        may("attr", List(&Int(1, 999)), "AdCOM creative attributes."),
        may("apis", List(&Int(1, 999)), "AdCOM API frameworks it needs; 7 is OMID."),
        may(
            "verifications",
            List(&Map(&VERIFICATION)),
            "Open Measurement scripts; need `apis: 7`.",
        ),
        may("language", Language, "What is spoken, BCP-47; none where absent."),
        may("universal_ad_id", Map(&UNIVERSAL_AD_ID), "Its id in a registry."),
        may(
            "nvol",
            Int(0, 4),
            "AdCOM volume normalisation: 0 none, 1 average, 2 peak, 3 loudness.",
        ),
        may("qagmediarating", Int(1, 3), "IQG media rating: 1 all, 2 over 12, 3 mature."),
        may(
            "caps",
            List(&Map(&CAP)),
            "How often one listener may hear it, whichever line plays it.",
        ),
    ],
};

pub static RENDITION: Table = Table {
    name: "rendition",
    doc: "One encoding of the spot: a `file` that Interlude hosts, or a `url` elsewhere.",
    fields: &[
        may("file", File, "Audio file, hosted at `/media/{sha256}`; relative to this file."),
        may("url", Url, "Media on another server."),
        may("hash", Sha256, "Media that is hosted already, by its SHA-256; in archives."),
        may("mime", Mime, "Told from the file or the URL's ending where absent."),
        may("bitrate", Int(1, 10_000), "In kbps; told from the file where absent."),
        may("delivery", Choice(&["progressive", "streaming"]), "`progressive` where absent."),
        may("size", Int(1, i64::MAX), "In bytes; told from the file where absent."),
    ],
};

pub static COMPANION: Table = Table {
    name: "companion",
    doc: "A companion: an image (`file`, `url` or `hash`), `html`, or an `iframe`.",
    fields: &[
        must("width", Int(1, 10_000), "In pixels."),
        must("height", Int(1, 10_000), "In pixels."),
        may("file", File, "Image file, hosted; relative to this file."),
        may("url", Url, "Image on another server."),
        may("hash", Sha256, "Image that is hosted already, by its SHA-256; in archives."),
        may("mime", Mime, "Of the image; told from the file or the URL's ending where absent."),
        may("html", Text(65_536), "Markup."),
        may("iframe", Url, "Page for an iframe."),
        may("click_through", Url, "Where a click on it leads."),
        may("trackers", List(&Url), "Called when it is shown."),
        may("alt", Text(512), "Its text for those who do not see it."),
        may("attr", List(&Int(1, 999)), "AdCOM creative attributes."),
        may("apis", List(&Int(1, 999)), "AdCOM API frameworks it needs."),
        may("end_card", Bool, "Shown after the audio rather than with it."),
    ],
};

/// In the order of [`super::model::PlayerEvent`].
pub const EVENTS: [&str; 13] = [
    "impression",
    "start",
    "firstQuartile",
    "midpoint",
    "thirdQuartile",
    "complete",
    "mute",
    "unmute",
    "pause",
    "resume",
    "skip",
    "error",
    "notUsed",
];

pub static TRACKER: Table = Table {
    name: "tracker",
    doc: "A third party's URL that the player calls.",
    fields: &[
        must("event", Choice(&EVENTS), "VAST's event."),
        must("url", Url, "VAST macros such as `[CACHEBUSTING]` stay as they are."),
    ],
};

pub static VERIFICATION: Table = Table {
    name: "verification",
    doc: "An Open Measurement verification script.",
    fields: &[
        must("vendor", Text(256), "Its key, usually a domain."),
        must("script_url", Url, "The script."),
        may("parameters", Text(4096), "What it is handed."),
    ],
};

pub static UNIVERSAL_AD_ID: Table = Table {
    name: "universal_ad_id",
    doc: "The spot's id in a registry.",
    fields: &[
        must("registry", Text(256), "As `ad-id.org`."),
        must("value", Text(256), "The id there."),
    ],
};

pub static CIRCLE: Table = Table {
    name: "circle",
    doc: "A circle on the map.",
    fields: &[
        must("lat", Number(-90.0, 90.0), "Latitude of its centre, in degrees."),
        must("lon", Number(-180.0, 180.0), "Longitude of its centre, in degrees."),
        must("km", Number(0.05, 5000.0), "Its radius."),
    ],
};

impl Table {
    pub fn field(&self, name: &str) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name)
    }
}
