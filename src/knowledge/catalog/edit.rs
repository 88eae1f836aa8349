//! What becomes of a catalog when files say something else? A little beside a shared base, or a
//! new base when it is no longer little.
//!
//! Called by [`sheets`](super::sheets) when a world is built and by replay, which rebuilds the
//! same places from an archive; cold. Costs what the changed files and the fresh lines hold,
//! whatever else there is.

use std::sync::Arc;

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use super::archive::archive;
use super::contents::{Contents, Gathering, Shelf, Whole};
use super::glance::Glance;
use super::layered::{Map, Overlaid};
use super::model::HostedFile;
use super::stock::{Catalog, Counts, search_order};
use crate::base::units::ids::{AdvertiserIx, CampaignIx, CreativeIx, LineId, LineIx};
use crate::market::vocabulary::Vocabulary;

/// With more lines beside the base than this, a new base is built.
pub const FRESH_MAX: usize = 4096;

/// How a catalog came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Every line has its place anew.
    Full,
    /// A little beside the base of the one before.
    Edit,
    /// Nothing has changed.
    Same,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Full, Kind::Edit, Kind::Same];

    pub const fn label(self) -> &'static str {
        match self {
            Kind::Full => "full",
            Kind::Edit => "edit",
            Kind::Same => "same",
        }
    }
}

/// A catalog, and what to keep of it so that it can be built again.
#[derive(Debug)]
pub struct Edition {
    pub catalog: Arc<Catalog>,
    pub kind: Kind,
    /// The contents as canonical JSON: of all lines, or of the fresh ones alone. Nothing when the
    /// catalog is the one before.
    pub archive: Vec<u8>,
}

/// What changed files had and have.
pub struct Change {
    /// Every line that stood in them.
    pub left: Vec<LineId>,
    /// All that stands in them now.
    pub said: Vec<Contents>,
    pub counts: Counts,
}

/// Which lines remain, which come.
struct Plan {
    gone: Vec<bool>,
    fresh: Gathering,
    same: bool,
}

/// The catalog after a change. `media`: of what hosted files the edited one differs from its
/// base, and all of them for a new base.
pub fn edit(
    before: &Arc<Catalog>,
    change: Change,
    media: (Map<String, Option<Arc<HostedFile>>>, impl FnOnce() -> Shelf),
    vocabulary: &Vocabulary,
) -> Edition {
    let plan = plan(before, &change);
    let of_base = before.base_lines().len();
    let gone = plan.gone.iter().filter(|&&gone| gone).count();
    let fresh = plan.fresh.contents.lines.len();
    if plan.same && media.0 == *before.media.over() {
        return Edition { catalog: Arc::clone(before), kind: Kind::Same, archive: Vec::new() };
    }
    if fresh > FRESH_MAX || (fresh + gone) * 2 > of_base {
        return full(living(before, &change.left), change, media.1(), vocabulary);
    }
    let mut contents = plan.fresh.contents;
    contents.order();
    let archive = archive(&contents, vocabulary);
    let mut catalog = lay(before, plan.gone, contents, &archive);
    catalog.counts = change.counts;
    catalog.media = before.media.with(media.0);
    Edition { catalog: Arc::new(catalog), kind: Kind::Edit, archive }
}

/// A catalog with every place anew, of `contents` and of what is said beside it.
pub fn full(
    mut contents: Contents,
    change: Change,
    media: Shelf,
    vocabulary: &Vocabulary,
) -> Edition {
    change.said.into_iter().for_each(|said| contents.append(said));
    contents.order();
    let archive = archive(&contents, vocabulary);
    let catalog = contents.into_catalog(xxh3_64(&archive), media, change.counts);
    Edition { catalog: Arc::new(catalog), kind: Kind::Full, archive }
}

/// The lines of a catalog but for some.
fn living(catalog: &Catalog, left: &[LineId]) -> Contents {
    let left: std::collections::HashSet<LineId> = left.iter().copied().collect();
    let mut gathering = Gathering::default();
    for (ix, _) in catalog.lines().filter(|(_, line)| !left.contains(&line.id)) {
        gathering.add(&whole(catalog, ix));
    }
    gathering.contents
}

/// Takes out all that stood in the changed files, puts back what still stands there.
fn plan(before: &Catalog, change: &Change) -> Plan {
    let base = before.base_lines().len();
    let mut gone = before.gone.clone();
    gone.resize(base, false);
    let mut stays = vec![true; before.fresh_lines().len()];
    let mut set = |ix: LineIx, here: bool| match ix.index().checked_sub(base) {
        None => gone[ix.index()] = !here,
        Some(at) => stays[at] = here,
    };
    change.left.iter().filter_map(|&id| before.line_of(id)).for_each(|ix| set(ix, false));
    let mut news = Vec::new();
    for contents in &change.said {
        for at in 0..contents.lines.len() {
            let said = contents.whole(at);
            // A line that is again what it was in the base takes its place there.
            let known =
                [before.by_id.base().get(&said.line.id).copied(), before.line_of(said.line.id)];
            match known.into_iter().flatten().find(|&ix| whole(before, ix) == said) {
                Some(ix) => set(ix, true),
                None => news.push(said),
            }
        }
    }
    let same = news.is_empty()
        && stays.iter().all(|&stays| stays)
        && gone.iter().enumerate().all(|(at, &gone)| gone == before.is_gone(LineIx(at as u32)));
    let mut fresh = Gathering::default();
    for (at, _) in stays.iter().enumerate().filter(|&(_, &stays)| stays) {
        fresh.add(&whole(before, LineIx((base + at) as u32)));
    }
    news.iter().for_each(|said| fresh.add(said));
    Plan { gone, fresh, same }
}

fn whole(catalog: &Catalog, ix: LineIx) -> Whole<'_> {
    let line = catalog.line(ix);
    Whole {
        line,
        campaign: catalog.campaign(line.campaign),
        advertiser: catalog.advertiser(line.advertiser),
        creatives: line.creatives.iter().map(|&ix| catalog.creative(ix)).collect(),
    }
}

/// Puts `fresh`, which stands in order, behind the base of a catalog. A function of the base,
/// of what is gone and of what is fresh: replay comes to the same places. Media are the caller's.
pub fn lay(base: &Catalog, gone: Vec<bool>, mut fresh: Contents, archive: &[u8]) -> Catalog {
    place_names(base, &mut fresh);
    let mut by_id = Map::default();
    for ix in places(&gone) {
        by_id.insert(base.line(ix).id, None);
    }
    let first = base.base_lines().len();
    for (at, line) in fresh.lines.iter().enumerate() {
        by_id.insert(line.id, Some(LineIx((first + at) as u32)));
    }
    let mut hash = Xxh3Default::new();
    hash.update(&base.base_version.to_le_bytes());
    places(&gone).for_each(|ix| hash.update(&ix.0.to_le_bytes()));
    hash.update(archive);
    let counts = fresh.counts();
    let creatives = base.creatives.with(fresh.creatives);
    let glances = fresh.lines.iter().map(|line| Glance::of(line, &creatives)).collect();
    let mut catalog = Catalog {
        version: hash.digest(),
        base_version: base.base_version,
        counts,
        advertisers: base.advertisers.with(fresh.advertisers),
        campaigns: base.campaigns.with(fresh.campaigns),
        lines: base.lines.with(fresh.lines),
        creatives,
        glances: base.glances.with(glances),
        gone,
        deals: Overlaid::default(),
        by_id: base.by_id.with(by_id),
        media: Overlaid::default(),
    };
    catalog.deals = base.deals.with(deals(&catalog, base));
    catalog
}

fn places(gone: &[bool]) -> impl Iterator<Item = LineIx> {
    gone.iter().enumerate().filter(|&(_, &gone)| gone).map(|(at, _)| LineIx(at as u32))
}

/// What the base has just so is taken from there, the rest stands behind it.
fn place_names(base: &Catalog, fresh: &mut Contents) {
    let known = base.advertisers.base();
    let advertisers = settle(&mut fresh.advertisers, known.len(), |advertiser| {
        let at = known.binary_search_by(|other| other.key.cmp(&advertiser.key)).ok()?;
        (known[at] == *advertiser).then_some(at)
    });
    let of = |ix: AdvertiserIx| AdvertiserIx(advertisers[ix.index()]);
    fresh.campaigns.iter_mut().for_each(|campaign| campaign.advertiser = of(campaign.advertiser));
    let known = base.campaigns.base();
    let campaigns = settle(&mut fresh.campaigns, known.len(), |campaign| {
        let place = (campaign.advertiser, campaign.key.as_str());
        let at = known.binary_search_by(|o| (o.advertiser, o.key.as_str()).cmp(&place)).ok()?;
        (known[at] == *campaign).then_some(at)
    });
    let known = base.creatives.base();
    let creatives = settle(&mut fresh.creatives, known.len(), |creative| {
        let at = known.binary_search_by(|other| other.crid.cmp(&creative.crid)).ok()?;
        (known[at] == *creative).then_some(at)
    });
    for line in &mut fresh.lines {
        line.advertiser = of(line.advertiser);
        line.campaign = CampaignIx(campaigns[line.campaign.index()]);
        line.creatives.iter_mut().for_each(|ix| *ix = CreativeIx(creatives[ix.index()]));
    }
}

/// Leaves in the list what is not known, and tells where each item stands: at its known place, or
/// `behind` so many.
fn settle<T>(items: &mut Vec<T>, behind: usize, known: impl Fn(&T) -> Option<usize>) -> Vec<u32> {
    let mut places = Vec::with_capacity(items.len());
    let mut kept = 0;
    items.retain(|item| {
        let at = known(item);
        places.push(at.unwrap_or(behind + kept) as u32);
        kept += usize::from(at.is_none());
        at.is_none()
    });
    places
}

/// The deals of which some line went or came, with their lines in the order of search.
fn deals(catalog: &Catalog, base: &Catalog) -> Map<String, Option<Vec<LineIx>>> {
    let gone = catalog.gone().flat_map(|ix| &catalog.line(ix).deals);
    let came = catalog.fresh_lines().iter().flat_map(|line| &line.deals);
    let mut touched: Map<String, Option<Vec<LineIx>>> =
        gone.chain(came).map(|deal| (deal.clone(), None)).collect();
    for (deal, lines) in &mut touched {
        let of_base = base.deals.base().get(deal).into_iter().flatten().copied();
        let of_base = of_base.filter(|&ix| !catalog.is_gone(ix));
        *lines = Some(of_base.collect());
    }
    let first = catalog.base_lines().len();
    for (at, line) in catalog.fresh_lines().iter().enumerate() {
        for deal in &line.deals {
            if let Some(Some(lines)) = touched.get_mut(deal) {
                lines.push(LineIx((first + at) as u32));
            }
        }
    }
    for lines in touched.values_mut() {
        if let Some(sorting) = lines {
            sorting.sort_by_key(|&ix| search_order(catalog.line(ix)));
        }
        if lines.as_ref().is_some_and(Vec::is_empty) {
            *lines = None;
        }
    }
    touched
}
