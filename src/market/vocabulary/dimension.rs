//! What can a line ask about? The list of dimensions, and where each one is found.
//!
//! Read by `enrich` (which fills the facts), by `catalog` (which checks what an advertiser
//! wrote) and by `targeting` (which compiles it); hot only as array indices.

/// One thing that targeting may ask about. The discriminant is its index in every table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Dimension {
    // What is playing now.
    Genre,
    Artist,
    Album,
    Playlist,
    ContentLanguage,
    Explicit,
    Feed,
    // What the listener likes.
    TasteGenre,
    TasteArtist,
    TastePlaylist,
    // The moment.
    Mood,
    Activity,
    HourOfWeek,
    Habit,
    // Who listens.
    Age,
    Gender,
    Language,
    HomeCountry,
    // Where.
    Country,
    Region,
    City,
    Postal,
    Radius,
    // On what.
    Os,
    OsVersion,
    Device,
    Connection,
    // What third parties and the advertiser know.
    Interest,
    Lifestyle,
    Intent,
    List,
    Lookalike,
    // Where it is sold.
    Exchange,
    Publisher,
    App,
    Deal,
    BreakPosition,
    PodPlace,
}

/// Where a dimension's facts may come from, in the order in which the first that knows wins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Only the request says it.
    Wire,
    /// Only the profile knows it.
    Profile,
    /// The request where it says so, else the profile.
    WireThenProfile,
    /// Both together: what the request says is added to what the profile knows.
    WireAndProfile,
    /// Worked out from the moment, the place and the request.
    Derived,
}

/// What the rules of a dimension are: its name in files, how many values a fact may have,
/// where the facts come from, and whether they tell of the listener rather than of the moment.
pub struct DimensionRow {
    pub dimension: Dimension,
    /// The key in campaign files, on the command line and in explanations.
    pub name: &'static str,
    /// A listener or a request may have several values at once.
    pub multi: bool,
    pub source: Source,
    /// Facts of the listener's person: unknown unless the profile may be read or, where the
    /// request itself carries them (age, gender, home country), unless ids may be used.
    pub personal: bool,
    /// Values come from a closed list that a campaign file is checked against.
    pub closed: bool,
    /// Where on the wire, for documentation and explanations.
    pub wire: &'static str,
}

use Dimension::*;
use Source::{Derived, Profile, Wire, WireAndProfile, WireThenProfile};

const fn row(
    dimension: Dimension,
    name: &'static str,
    flags: [bool; 3],
    source: Source,
    wire: &'static str,
) -> DimensionRow {
    let [multi, personal, closed] = flags;
    DimensionRow { dimension, name, multi, source, personal, closed, wire }
}

const Y: bool = true;
const N: bool = false;

/// The table, in the order of [`Dimension`]. Flags: several values, personal, closed list.
pub const DIMENSIONS: [DimensionRow; Dimension::COUNT] = [
    row(Genre, "genre", [Y, N, Y], Wire, "content.genres+gtax, content.genre, content.cat+cattax"),
    row(Artist, "artist", [N, N, N], Wire, "content.artist"),
    row(Album, "album", [N, N, N], Wire, "content.album"),
    row(
        Playlist,
        "playlist",
        [Y, N, N],
        Wire,
        "content.data segments, content.kwarray/keywords `playlist=`",
    ),
    row(ContentLanguage, "content_language", [N, N, N], Wire, "content.langb, content.language"),
    row(Explicit, "explicit", [N, N, Y], Wire, "content.contentrating, content.qagmediarating"),
    row(Feed, "feed", [N, N, Y], Wire, "imp.audio.feed"),
    row(TasteGenre, "taste_genre", [Y, Y, Y], Profile, ""),
    row(TasteArtist, "taste_artist", [Y, Y, N], Profile, ""),
    row(TastePlaylist, "taste_playlist", [Y, Y, N], Profile, ""),
    row(
        Mood,
        "mood",
        [Y, N, Y],
        WireThenProfile,
        "content.data/user.data by segtax, kwarray/keywords `mood=`",
    ),
    row(
        Activity,
        "activity",
        [Y, N, Y],
        WireThenProfile,
        "content.data/user.data by segtax, kwarray/keywords `activity=`",
    ),
    row(
        HourOfWeek,
        "hour_of_week",
        [N, N, N],
        Derived,
        "device.geo.utcoffset, else the zone of the place",
    ),
    row(Habit, "habit", [Y, Y, Y], Profile, ""),
    row(Age, "age", [N, Y, Y], WireThenProfile, "user.yob, user.data"),
    row(Gender, "gender", [N, Y, Y], WireThenProfile, "user.gender, user.data"),
    row(Language, "language", [Y, N, N], WireThenProfile, "device.langb, device.language"),
    row(HomeCountry, "home_country", [N, Y, Y], WireThenProfile, "user.geo.country"),
    row(Country, "country", [N, N, Y], Derived, "device.geo.country, else the MaxMind database"),
    row(Region, "region", [N, N, N], Derived, "device.geo.region"),
    row(City, "city", [N, N, N], Derived, "device.geo.city"),
    row(Postal, "postal", [N, N, N], Derived, "device.geo.zip"),
    row(Radius, "radius", [N, N, N], Derived, "device.geo.lat/lon"),
    row(Os, "os", [N, N, Y], Derived, "device.sua.platform, device.os, device.ua"),
    row(
        OsVersion,
        "os_version",
        [N, N, N],
        Derived,
        "device.sua.platform.version, device.osv, device.ua",
    ),
    row(Device, "device", [N, N, Y], Wire, "device.devicetype, device.sua.mobile, device.ua"),
    row(Connection, "connection", [N, N, Y], Wire, "device.connectiontype"),
    row(
        Interest,
        "interest",
        [Y, Y, N],
        WireAndProfile,
        "user.data with segtax 4 (IAB Audience Taxonomy 1.1)",
    ),
    row(
        Lifestyle,
        "lifestyle",
        [Y, Y, N],
        WireAndProfile,
        "user.data with segtax 4, what of its demography is no age or gender",
    ),
    row(
        Intent,
        "intent",
        [Y, Y, N],
        WireAndProfile,
        "user.data with segtax 4, its purchase intent",
    ),
    row(List, "list", [Y, Y, N], Profile, ""),
    row(Lookalike, "lookalike", [Y, Y, N], Profile, ""),
    row(Exchange, "exchange", [N, N, N], Wire, "the path of the endpoint"),
    row(Publisher, "publisher", [N, N, N], Wire, "app/site.publisher.id"),
    row(App, "app", [N, N, N], Wire, "app.bundle, site.domain"),
    row(Deal, "deal", [Y, N, N], Wire, "imp.pmp.deals.id"),
    row(BreakPosition, "break_position", [N, N, Y], Wire, "imp.audio.startdelay"),
    row(PodPlace, "pod_place", [N, N, Y], Wire, "imp.audio.slotinpod, sequence"),
];

impl Dimension {
    pub const COUNT: usize = Dimension::PodPlace as usize + 1;

    pub const fn index(self) -> usize {
        self as usize
    }

    pub const fn row(self) -> &'static DimensionRow {
        &DIMENSIONS[self as usize]
    }

    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The dimension a campaign file names; `None` for any other word.
    pub fn named(name: &str) -> Option<Dimension> {
        DIMENSIONS.iter().find(|row| row.name == name).map(|row| row.dimension)
    }

    pub fn all() -> impl Iterator<Item = Dimension> {
        DIMENSIONS.iter().map(|row| row.dimension)
    }

    /// The facts that differ from imp to imp of one request; all others hold for the request.
    pub const fn per_slot(self) -> bool {
        matches!(self, Feed | Deal | BreakPosition | PodPlace)
    }
}

const _: () = {
    // The table is indexed by the discriminant, so a row out of place would answer for another.
    let mut i = 0;
    while i < Dimension::COUNT {
        assert!(DIMENSIONS[i].dimension as usize == i);
        i += 1;
    }
    assert!(Dimension::COUNT <= 64, "sets of dimensions are one word");
};
