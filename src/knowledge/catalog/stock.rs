//! What does a world sell? Everything that lines are made of, by place and by name.
//!
//! Made by [`contents`](super::contents) and [`edit`](super::edit) (cold), read by every stage of
//! the bid path (hot), never mutated. An edited catalog shares the lists of its base: a line that
//! did not change keeps its [`LineIx`], one that did is gone from the base and stands, as all new
//! ones, behind it. Both parts stand in the order of search: price bound descending, then id.

use std::cmp::Reverse;
use std::sync::Arc;

use super::glance::Glance;
use super::layered::{Layered, Overlaid};
use super::model::{Advertiser, Campaign, Creative, HostedFile, Line};
use crate::base::units::ids::{AdvertiserIx, CampaignIx, CreativeIx, LineId, LineIx};

#[derive(Debug, Default, Clone)]
pub struct Catalog {
    /// xxh3 of the normalised contents: equal contents, equal version. Of an edited catalog, of
    /// its base and of what differs.
    pub version: u64,
    /// The version of the base; that of the catalog itself unless it was edited.
    pub base_version: u64,
    pub counts: Counts,
    pub(super) advertisers: Layered<Advertiser>,
    pub(super) campaigns: Layered<Campaign>,
    pub(super) lines: Layered<Line>,
    pub(super) creatives: Layered<Creative>,
    /// Of each line, at its place.
    pub(super) glances: Layered<Glance>,
    /// Which lines of the base are no more; empty when all are there.
    pub(super) gone: Vec<bool>,
    /// The lines that may bid on a deal, in the order of search.
    pub(super) deals: Overlaid<String, Vec<LineIx>>,
    pub(super) by_id: Overlaid<LineId, LineIx>,
    /// By their hex SHA-256; empty for a catalog read from an archive.
    pub(super) media: Overlaid<String, Arc<HostedFile>>,
}

/// How much there is of what.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub advertisers: usize,
    pub campaigns: usize,
    pub lines: usize,
    pub creatives: usize,
}

impl Counts {
    pub fn plus(self, other: Counts) -> Counts {
        Counts {
            advertisers: self.advertisers + other.advertisers,
            campaigns: self.campaigns + other.campaigns,
            lines: self.lines + other.lines,
            creatives: self.creatives + other.creatives,
        }
    }
}

/// Where a line stands in the order of search.
pub fn search_order(line: &Line) -> (Reverse<i64>, LineId) {
    (Reverse(line.price_bound), line.id)
}

impl Catalog {
    #[inline]
    pub fn line(&self, ix: LineIx) -> &Line {
        &self.lines[ix.index()]
    }

    /// What a search looks at before the line itself.
    #[inline]
    pub fn glance(&self, ix: LineIx) -> &Glance {
        &self.glances[ix.index()]
    }

    pub fn campaign(&self, ix: CampaignIx) -> &Campaign {
        &self.campaigns[ix.index()]
    }

    pub fn advertiser(&self, ix: AdvertiserIx) -> &Advertiser {
        &self.advertisers[ix.index()]
    }

    /// Every advertiser that some line has or had since the base was built, as it is now.
    pub fn advertisers(&self) -> impl Iterator<Item = &Advertiser> {
        let fresh = self.advertisers.fresh();
        let replaced = |one: &&Advertiser| !fresh.iter().any(|other| other.id == one.id);
        self.advertisers.base().iter().filter(replaced).chain(fresh)
    }

    /// The advertiser of a key, as it is now.
    pub fn advertiser_of(&self, key: &str) -> Option<&Advertiser> {
        let known = self.advertisers.base();
        let fresh = self.advertisers.fresh().iter().find(|one| one.key == key);
        let base = || known.binary_search_by(|one| one.key.as_str().cmp(key)).ok();
        fresh.or_else(|| base().map(|at| &known[at]))
    }

    #[inline]
    pub fn creative(&self, ix: CreativeIx) -> &Creative {
        &self.creatives[ix.index()]
    }

    /// The lines that there are, in the order of search.
    pub fn lines(&self) -> impl Iterator<Item = (LineIx, &Line)> {
        let numbered = |(at, line)| (LineIx(at as u32), line);
        let base = self.lines.base();
        let behind = self.lines.fresh().iter().enumerate();
        let mut fresh = behind.map(move |(at, line)| numbered((base.len() + at, line))).peekable();
        let living = base.iter().enumerate().map(numbered);
        let mut living = living.filter(|&(ix, _)| !self.is_gone(ix)).peekable();
        std::iter::from_fn(move || {
            let fresh_first = match (living.peek(), fresh.peek()) {
                (Some((_, a)), Some((_, b))) => search_order(b) < search_order(a),
                (first, _) => first.is_none(),
            };
            if fresh_first { fresh.next() } else { living.next() }
        })
    }

    /// The shared lines, gone ones among them: a line's place is its [`LineIx`].
    pub fn base_lines(&self) -> &[Line] {
        self.lines.base()
    }

    /// The lines behind the base, in the order of search.
    pub fn fresh_lines(&self) -> &[Line] {
        self.lines.fresh()
    }

    /// The lines of the base that are no more.
    pub fn gone(&self) -> impl Iterator<Item = LineIx> {
        let places = self.gone.iter().enumerate().filter(|&(_, &gone)| gone);
        places.map(|(at, _)| LineIx(at as u32))
    }

    pub fn is_gone(&self, ix: LineIx) -> bool {
        self.gone.get(ix.index()).is_some_and(|&gone| gone)
    }

    /// Whether a place means the same in both, where it is of the base.
    pub fn shares_base(&self, other: &Catalog) -> bool {
        self.lines.shares_base(&other.lines)
    }

    pub fn is_edited(&self) -> bool {
        self.version != self.base_version
    }

    #[inline]
    pub fn line_of(&self, id: LineId) -> Option<LineIx> {
        self.by_id.get(&id).copied()
    }

    /// The lines that hold a token for a deal, in the order of search.
    #[inline]
    pub fn deal(&self, id: &str) -> Option<&[LineIx]> {
        self.deals.get(id).map(Vec::as_slice)
    }

    pub fn deals(&self) -> impl Iterator<Item = (&str, &[LineIx])> {
        self.deals.iter().map(|(id, lines)| (id.as_str(), lines.as_slice()))
    }

    /// The file that is served under a hash.
    pub fn hosted(&self, hash: &str) -> Option<&HostedFile> {
        self.media.get(hash).map(|file| &**file)
    }

    /// All files that are served, by hash.
    pub fn media(&self) -> impl Iterator<Item = (&str, &HostedFile)> {
        self.media.iter().map(|(hash, file)| (hash.as_str(), &**file))
    }

    /// Every creative and campaign that some line has or had since the base was built.
    pub fn creatives(&self) -> impl Iterator<Item = &Creative> {
        self.creatives.iter()
    }
}
