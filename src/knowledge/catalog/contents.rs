//! What do files say, once it is read? Advertisers, campaigns, lines and creatives, not yet a
//! catalog: the dense ids are places in the lists beside them.
//!
//! Made by [`read`](super::read) of each file and gathered by [`edit`](super::edit); cold.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::glance::Glance;
use super::layered::{Layered, Map};
use super::model::{Advertiser, Campaign, Creative, HostedFile, Line, Media};
use super::stock::{Catalog, Counts, search_order};
use crate::base::units::ids::{AdvertiserIx, CampaignIx, CreativeIx, LineIx};

/// Hosted files by their hash.
pub type Shelf = Map<String, Arc<HostedFile>>;

#[derive(Debug, Default, Clone)]
pub struct Contents {
    pub advertisers: Vec<Advertiser>,
    pub campaigns: Vec<Campaign>,
    pub lines: Vec<Line>,
    pub creatives: Vec<Creative>,
}

/// One line with all that it names.
pub struct Whole<'a> {
    pub line: &'a Line,
    pub campaign: &'a Campaign,
    pub advertiser: &'a Advertiser,
    pub creatives: Vec<&'a Creative>,
}

impl Contents {
    pub fn counts(&self) -> Counts {
        Counts {
            advertisers: self.advertisers.len(),
            campaigns: self.campaigns.len(),
            lines: self.lines.len(),
            creatives: self.creatives.len(),
        }
    }

    pub fn whole(&self, at: usize) -> Whole<'_> {
        let line = &self.lines[at];
        Whole {
            line,
            campaign: &self.campaigns[line.campaign.index()],
            advertiser: &self.advertisers[line.advertiser.index()],
            creatives: line.creatives.iter().map(|ix| &self.creatives[ix.index()]).collect(),
        }
    }

    /// Leaves out the creatives that no line names; returns their crids.
    pub fn drop_unused_creatives(&mut self) -> Vec<String> {
        let mut used = vec![false; self.creatives.len()];
        self.lines.iter().flat_map(|line| &line.creatives).for_each(|ix| used[ix.index()] = true);
        let unused = self.creatives.iter().zip(&used).filter(|&(_, &used)| !used);
        let unused = unused.map(|(creative, _)| creative.crid.clone()).collect();
        let places = keep(&mut self.creatives, &used);
        for creative in self.lines.iter_mut().flat_map(|line| &mut line.creatives) {
            *creative = CreativeIx(places[creative.index()]);
        }
        unused
    }

    /// Leaves out what no line stands in: it sells nothing, and changes nothing of a world.
    pub fn drop_empty(&mut self) {
        let mut used = vec![false; self.campaigns.len()];
        self.lines.iter().for_each(|line| used[line.campaign.index()] = true);
        let campaigns = keep(&mut self.campaigns, &used);
        let mut used = vec![false; self.advertisers.len()];
        self.campaigns.iter().for_each(|campaign| used[campaign.advertiser.index()] = true);
        let advertisers = keep(&mut self.advertisers, &used);
        self.renumber(&advertisers, &campaigns, |creative| creative);
    }

    /// Takes in what another says; nothing of it may be here by name.
    pub fn append(&mut self, mut other: Contents) {
        let from = |len: usize, add: usize| (0..len).map(|at| (at + add) as u32).collect();
        let advertisers: Vec<u32> = from(other.advertisers.len(), self.advertisers.len());
        let campaigns: Vec<u32> = from(other.campaigns.len(), self.campaigns.len());
        let before = self.creatives.len() as u32;
        other.renumber(&advertisers, &campaigns, |creative| CreativeIx(creative.0 + before));
        self.advertisers.append(&mut other.advertisers);
        self.campaigns.append(&mut other.campaigns);
        self.lines.append(&mut other.lines);
        self.creatives.append(&mut other.creatives);
    }

    /// Puts everything in the order of its keys, so that the order of files and of their parts
    /// changes neither dense ids nor the version; lines stand in the order of search.
    pub fn order(&mut self) {
        let advertisers = sorted(&mut self.advertisers, |advertiser| advertiser.key.clone());
        for campaign in &mut self.campaigns {
            campaign.advertiser = AdvertiserIx(advertisers[campaign.advertiser.index()]);
        }
        let campaigns =
            sorted(&mut self.campaigns, |campaign| (campaign.advertiser, campaign.key.clone()));
        let creatives = sorted(&mut self.creatives, |creative| creative.crid.clone());
        for line in &mut self.lines {
            line.advertiser = AdvertiserIx(advertisers[line.advertiser.index()]);
            line.campaign = CampaignIx(campaigns[line.campaign.index()]);
            for creative in &mut line.creatives {
                *creative = CreativeIx(creatives[creative.index()]);
            }
        }
        self.lines.sort_unstable_by_key(search_order);
    }

    /// New places of advertisers and campaigns, by their old ones, and of creatives.
    fn renumber(
        &mut self,
        advertisers: &[u32],
        campaigns: &[u32],
        creative: impl Fn(CreativeIx) -> CreativeIx,
    ) {
        for campaign in &mut self.campaigns {
            campaign.advertiser = AdvertiserIx(advertisers[campaign.advertiser.index()]);
        }
        for line in &mut self.lines {
            line.advertiser = AdvertiserIx(advertisers[line.advertiser.index()]);
            line.campaign = CampaignIx(campaigns[line.campaign.index()]);
            line.creatives.iter_mut().for_each(|ix| *ix = creative(*ix));
        }
    }

    /// The catalog of all this, which stands in order, under its version.
    pub fn into_catalog(self, version: u64, media: Shelf, counts: Counts) -> Catalog {
        let mut deals: Map<String, Vec<LineIx>> = Map::default();
        let mut by_id = Map::default();
        for (at, line) in self.lines.iter().enumerate() {
            let ix = LineIx(at as u32);
            by_id.insert(line.id, ix);
            for deal in &line.deals {
                deals.entry(deal.clone()).or_default().push(ix);
            }
        }
        let creatives = Layered::from(self.creatives);
        let glances: Vec<_> = self.lines.iter().map(|line| Glance::of(line, &creatives)).collect();
        Catalog {
            version,
            base_version: version,
            counts,
            advertisers: Layered::from(self.advertisers),
            campaigns: Layered::from(self.campaigns),
            lines: Layered::from(self.lines),
            creatives,
            glances: glances.into(),
            gone: Vec::new(),
            deals: deals.into(),
            by_id: by_id.into(),
            media: media.into(),
        }
    }

    /// The hashes of all hosted media that a creative here names.
    pub fn hashes(&self) -> HashSet<&str> {
        let media = self.creatives.iter().flat_map(Creative::media);
        let hashes = media.filter_map(|media| match media {
            Media::Hosted(hash) => Some(hash.as_str()),
            Media::Remote(_) => None,
        });
        hashes.collect()
    }
}

/// Two lines that say the same, whatever their places.
impl PartialEq for Whole<'_> {
    fn eq(&self, other: &Whole<'_>) -> bool {
        self.creatives == other.creatives
            && said(self.campaign) == said(other.campaign)
            && self.advertiser == other.advertiser
            && own(self.line) == own(other.line)
    }
}

/// What a campaign says itself: an edit of its budget is one of all of its lines.
fn said(campaign: &Campaign) -> impl PartialEq + '_ {
    let Campaign { id, key, name, advertiser: _, budget, caps } = campaign;
    (id, key, name, budget, caps)
}

/// What a line says itself. Taken apart by name, so that no field is forgotten.
#[rustfmt::skip]
fn own(line: &Line) -> impl PartialEq + '_ {
    let Line {
        id, key, name, campaign: _, advertiser: _, bid, price_bound, flight, budget, pacing, caps,
        targeting, deals, open, creatives: _, paused,
    } = line;
    let terms = (budget, pacing, caps);
    ((id, key, name, bid, price_bound, flight), terms, (targeting, deals, open, paused))
}

/// Lines from here and there, each with all that it names, once.
#[derive(Default)]
pub struct Gathering {
    pub contents: Contents,
    advertisers: HashMap<String, AdvertiserIx>,
    campaigns: HashMap<(AdvertiserIx, String), CampaignIx>,
    creatives: HashMap<String, CreativeIx>,
}

impl Gathering {
    pub fn add(&mut self, whole: &Whole<'_>) {
        let advertiser = match self.advertisers.get(&whole.advertiser.key) {
            Some(&known) => known,
            None => {
                let ix = AdvertiserIx(self.contents.advertisers.len() as u32);
                self.contents.advertisers.push(whole.advertiser.clone());
                self.advertisers.insert(whole.advertiser.key.clone(), ix);
                ix
            }
        };
        let key = (advertiser, whole.campaign.key.clone());
        let contents = &mut self.contents;
        let campaign = *self.campaigns.entry(key).or_insert_with(|| {
            contents.campaigns.push(Campaign { advertiser, ..whole.campaign.clone() });
            CampaignIx((contents.campaigns.len() - 1) as u32)
        });
        let creatives = whole.creatives.iter().map(|creative| {
            if let Some(&known) = self.creatives.get(&creative.crid) {
                return known;
            }
            let ix = CreativeIx(self.contents.creatives.len() as u32);
            self.contents.creatives.push((*creative).clone());
            self.creatives.insert(creative.crid.clone(), ix);
            ix
        });
        let creatives = creatives.collect();
        self.contents.lines.push(Line { campaign, advertiser, creatives, ..whole.line.clone() });
    }
}

/// Keeps what is used and tells where each item went.
fn keep<T>(items: &mut Vec<T>, used: &[bool]) -> Vec<u32> {
    let mut kept = 0;
    let place = |&used: &bool| {
        let at = kept;
        kept += u32::from(used);
        at
    };
    let places = used.iter().map(place).collect();
    let mut left = used.iter();
    items.retain(|_| *left.next().unwrap_or(&true));
    places
}

/// Sorts by key and tells where each item went.
fn sorted<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) -> Vec<u32> {
    let mut keyed: Vec<(K, usize, T)> =
        items.drain(..).enumerate().map(|(at, item)| (key(&item), at, item)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    let mut places = vec![0; keyed.len()];
    for (now, (_, before, item)) in keyed.into_iter().enumerate() {
        places[before] = now as u32;
        items.push(item);
    }
    places
}
