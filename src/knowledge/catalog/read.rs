//! Which advertisers, campaigns and lines does a document hold? The tree → the model's nouns.
//!
//! Called by [`load`](fn@super::load) for each document; cold. Everything is read to its end, so
//! that all faults of all files are told at once; what has a fault is left out of the drafts.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::base::stdx::fault::nearest;
use crate::base::units::ids::{
    AdvertiserId, AdvertiserIx, CampaignId, CampaignIx, CreativeIx, LineId,
};
use crate::base::units::money::{Currency, Money, Round};
use crate::base::units::time::Moment;
use crate::market::exchange::Rates;

use super::contents::{Contents, Shelf};
use super::lexicon::Lexicon;
use super::limits::Limits;
use super::media::Files;
use super::model::{Advertiser, Budget, Campaign, Cap, Expr, Flight, Line, Shape};
use super::names::Name;
use super::node::{Kind, Node, Place};
use super::often;
use super::rails::Rails;
use super::reading::Headcount;
use super::spend;
use super::spot;
use super::tables::{ADVERTISER, CAMPAIGN, CREATIVE, DOCUMENT, FLIGHT, LINE};
use super::targeting;
use super::values::{self, Complaint};
use super::walk::{Fields, Findings, Trail, scalar};
use super::zones::Zones;

/// What has been read so far of one file, and with what.
pub struct Drafts<'a> {
    pub words: Lexicon<'a>,
    pub rates: &'a Rates,
    pub limits: &'a Limits,
    /// An archive names hosted media by hash, without the file.
    pub archived: bool,
    pub headcount: Option<&'a dyn Headcount>,
    pub files: &'a mut Files,
    pub zones: &'a mut Zones,
    pub found: &'a mut Found,
}

/// What stands in a file.
#[derive(Default)]
pub struct Found {
    pub contents: Contents,
    pub media: Shelf,
    /// The media files that were asked for, those that are not there among them.
    pub reads: Vec<PathBuf>,
    /// Advertiser keys and crids.
    pub names: Vec<Name>,
    /// Where each of them was first seen.
    seen: HashMap<String, Place>,
    ids: HashMap<LineId, String>,
}

impl Drafts<'_> {
    /// Reads one document of a file.
    pub fn document(&mut self, findings: &Findings<'_>, node: &Node) {
        let Some(fields) = Fields::open(findings, node, &Trail::ROOT, &DOCUMENT) else { return };
        if fields.has("advertiser") == fields.has("advertisers") {
            let mend = "begin the file with `advertiser:`, or with `advertisers:` and a list";
            let complaint = Complaint::mend("one of the two must stand", mend);
            findings.fault(node.place, &Trail::ROOT, complaint);
        }
        for name in ["advertiser", "advertisers"] {
            fields.each(name, self.limits.lines, |node, trail| {
                if let Some(fields) = Fields::open(findings, node, trail, &ADVERTISER) {
                    self.advertiser(&fields);
                }
            });
        }
    }

    fn advertiser(&mut self, fields: &Fields<'_>) {
        let most = self.limits.list;
        let key = fields.text("key").unwrap_or_default();
        self.first(fields, "key", format!("advertiser `{key}`"), "write it in one place");
        let zone = fields.read("time_zone", values::zone).unwrap_or(TimeZone::UTC);
        let mut account = Account {
            ix: AdvertiserIx(self.found.contents.advertisers.len() as u32),
            currency: self.currency(fields),
            zone,
            key: key.clone(),
            caps: often::caps(fields, &["caps"], &[]),
            creatives: HashMap::new(),
        };
        self.found.contents.advertisers.push(Advertiser {
            id: AdvertiserId::of(&key),
            calendar: self.zones.calendar(&account.zone),
            prepaid: fields.bool("prepaid").unwrap_or(false),
            caps: account.caps.clone(),
            name: fields.text("name").unwrap_or_else(|| key.clone()),
            key,
            domains: fields.texts("domains", most),
            seat: fields.text("seat").unwrap_or_default(),
            currency: account.currency,
            categories: fields.texts("categories", most),
            ad_products: fields.texts("ad_products", most),
            bundle: fields.text("bundle"),
            dsa_behalf: fields.text("dsa_behalf"),
            dsa_paid: fields.text("dsa_paid"),
        });
        fields.each("creatives", self.limits.creatives, |node, trail| {
            self.creative(&mut account, fields.findings, node, trail);
        });
        let mut keys = HashSet::new();
        fields.each("campaigns", self.limits.lines, |node, trail| {
            if let Some(fields) = Fields::open(fields.findings, node, trail, &CAMPAIGN) {
                self.campaign(&mut account, &fields, &mut keys);
            }
        });
    }

    fn currency(&self, fields: &Fields<'_>) -> Currency {
        let read = |text: &str| {
            let Some(currency) = Currency::parse(text) else {
                return Err(Complaint::mend(
                    format!("`{text}` is no currency"),
                    "write an ISO 4217 code, as `EUR`",
                ));
            };
            if !self.rates.knows(currency) {
                let message = format!("no rate for {currency}");
                return Err(Complaint::mend(message, "add it to the rate table of the config"));
            }
            Ok(currency)
        };
        // Another currency stands in only where a fault has been reported.
        fields.read("currency", read).unwrap_or(Currency::USD)
    }

    fn campaign(&mut self, account: &mut Account, fields: &Fields<'_>, keys: &mut HashSet<String>) {
        let key = fields.text("key").unwrap_or_default();
        unique(fields, keys, &key);
        let campaign = CampaignIx(self.found.contents.campaigns.len() as u32);
        let of = Campaign {
            id: CampaignId::of(&account.key, &key),
            name: fields.text("name").unwrap_or_else(|| key.clone()),
            key,
            advertiser: account.ix,
            budget: spend::budget(fields),
            caps: often::caps(fields, &["caps"], &[("the advertiser's", &account.caps)]),
        };
        let first = self.found.contents.lines.len();
        let mut keys = HashSet::new();
        fields.each("lines", self.limits.lines, |node, trail| {
            if let Some(fields) = Fields::open(fields.findings, node, trail, &LINE) {
                unique(&fields, &mut keys, &fields.text("key").unwrap_or_default());
                if let Some(line) = self.line(account, campaign, &of, &fields) {
                    self.found.contents.lines.push(line);
                }
            }
        });
        let bids = self.found.contents.lines[first..].iter().map(|line| line.bid.nanos);
        spend::too_small(fields, &of.budget, bids.min().unwrap_or_default());
        self.found.contents.campaigns.push(of);
        let most = self.limits.lines;
        if self.found.contents.lines.len() > most {
            fields.fault("lines", Complaint::new(format!("more than {most} lines over all files")));
            self.found.contents.lines.truncate(most);
        }
    }

    fn line(
        &mut self,
        account: &mut Account,
        campaign: CampaignIx,
        of: &Campaign,
        fields: &Fields<'_>,
    ) -> Option<Line> {
        let campaign_key = &of.key;
        let amount = |nanos| Money::new(nanos, account.currency);
        let bid = fields.read("bid_cpm", |text| values::decimal(text, 6)).map(amount);
        let budget = spend::budget(fields);
        spend::too_small(fields, &budget, bid.map_or(0, |bid| bid.nanos));
        spend::beyond(fields, &budget, &of.budget);
        let pacing = spend::pacing(fields);
        if pacing.shape != Shape::Asap && budget == Budget::NONE && of.budget == Budget::NONE {
            let message = "neither the line nor its campaign has a budget to spread";
            fields.warn("pacing", Complaint::mend(message, "write a `budget:`"));
        }
        let above = [("the campaign's", &of.caps[..]), ("the advertiser's", &account.caps)];
        let caps = often::caps(fields, &["cap", "caps"], &above);
        let flight = flight(account, fields);
        let (deals, open) = self.deals(fields);
        let targeting = self.targeting(fields);
        let paused = fields.bool("paused").unwrap_or(false);
        let creatives = self.line_creatives(account, fields);
        let name = fields.text("name");
        let key = fields.text("key")?;
        let id = LineId::of(&account.key, campaign_key, &key);
        let path = format!("{}/{campaign_key}/{key}", account.key);
        if let Some(other) = self.found.ids.insert(id, path.clone())
            && other != path
        {
            let message = format!("its id {id} is that of `{other}`, too");
            fields.fault("key", Complaint::mend(message, "choose another key"));
        }
        self.count_heads(id, targeting.as_ref(), fields);
        Some(Line {
            id,
            name: name.unwrap_or_else(|| key.clone()),
            key,
            campaign,
            advertiser: account.ix,
            bid: bid?,
            price_bound: self.price_bound(bid?, fields)?,
            flight,
            budget,
            pacing,
            caps,
            targeting: targeting?,
            deals,
            open,
            creatives,
            paused,
        })
    }

    fn price_bound(&self, bid: Money, fields: &Fields<'_>) -> Option<i64> {
        let bound = self.rates.in_reference(bid, Round::Down);
        if bound.is_none() && self.rates.knows(bid.currency) {
            let message = "this bid is beyond what the reference currency can hold";
            fields.fault("bid_cpm", Complaint::new(message));
        }
        bound
    }

    fn deals(&self, fields: &Fields<'_>) -> (Vec<String>, bool) {
        let deals = fields.texts("deals", self.limits.list);
        let open = fields.bool("open").unwrap_or(deals.is_empty());
        if deals.is_empty() && !open && !fields.has("deals") {
            let message = "a line without deals that is not open never bids";
            let mend = "name its `deals:`, or write `paused: true` to stop it";
            fields.fault("open", Complaint::mend(message, mend));
        }
        (deals, open)
    }

    fn targeting(&mut self, fields: &Fields<'_>) -> Option<Expr> {
        let Some(node) = fields.node("targeting") else { return Some(Expr::All(Vec::new())) };
        let trail = fields.trail.key("targeting");
        let words = self.words.again();
        let rails = if self.archived { Rails::Archived } else { Rails::Up };
        targeting::read(fields.findings, (words, rails), self.limits, node, &trail)
    }

    fn count_heads(&self, line: LineId, targeting: Option<&Expr>, fields: &Fields<'_>) {
        let (Some(heads), Some(targeting)) = (self.headcount, targeting) else { return };
        if let Some(complaint) = heads.complaint(line, targeting) {
            fields.fault("targeting", complaint);
        }
    }

    fn line_creatives(&mut self, account: &mut Account, fields: &Fields<'_>) -> Vec<CreativeIx> {
        let mut creatives: Vec<CreativeIx> = Vec::new();
        fields.each("creatives", self.limits.list, |node, trail| {
            let found = match &node.kind {
                Kind::Scalar { .. } => {
                    scalar(fields.findings, node, trail, |crid| creative_named(account, crid))
                }
                _ => self.creative(account, fields.findings, node, trail),
            };
            if let Some(creative) = found {
                if creatives.contains(&creative) {
                    let message = "this creative stands twice";
                    fields.findings.fault(node.place, trail, Complaint::new(message));
                } else {
                    creatives.push(creative);
                }
            }
        });
        creatives
    }

    fn creative(
        &mut self,
        account: &mut Account,
        findings: &Findings<'_>,
        node: &Node,
        trail: &Trail<'_>,
    ) -> Option<CreativeIx> {
        let fields = Fields::open(findings, node, trail, &CREATIVE)?;
        let crid = fields.text("crid").unwrap_or_default();
        let mend = "a crid is unique over all files; lines may name a known one";
        self.first(&fields, "crid", format!("creative `{crid}`"), mend);
        let limits = self.limits;
        if self.found.contents.creatives.len() >= limits.creatives {
            let message = format!("more than {} creatives over all files", limits.creatives);
            findings.fault(node.place, trail, Complaint::new(message));
            return None;
        }
        let folder = findings.file.parent().unwrap_or(Path::new("")).to_owned();
        let mut shelf = spot::Shelf {
            folder: &folder,
            files: &mut *self.files,
            media: &mut self.found.media,
            reads: &mut self.found.reads,
            limits,
            archived: self.archived,
        };
        let creative = shelf.creative(&fields)?;
        let ix = CreativeIx(self.found.contents.creatives.len() as u32);
        account.creatives.entry(creative.crid.clone()).or_insert(ix);
        self.found.contents.creatives.push(creative);
        Some(ix)
    }

    /// Notes a name that must be the first of its kind over all files.
    fn first(
        &mut self,
        fields: &Fields<'_>,
        field: &'static str,
        name: String,
        mend: &'static str,
    ) {
        if !fields.has(field) {
            return;
        }
        let place = fields.place_of(field);
        if let Some(first) = self.found.seen.get(&name) {
            let complaint = twice(&name, fields.findings.file, *first, mend);
            fields.fault(field, complaint);
        } else {
            let trail = fields.trail.key(field).to_string();
            self.found.seen.insert(name.clone(), place);
            self.found.names.push(Name { text: name, place, trail, mend });
        }
    }
}

/// That a name stands somewhere else, too.
pub fn twice(name: &str, file: &Path, first: Place, mend: &str) -> Complaint {
    Complaint::mend(format!("{name} stands at {}:{}, too", file.display(), first.line), mend)
}

/// What lines need to know of their advertiser.
struct Account {
    ix: AdvertiserIx,
    key: String,
    currency: Currency,
    zone: TimeZone,
    caps: Vec<Cap>,
    /// Its creatives so far, by their crid.
    creatives: HashMap<String, CreativeIx>,
}

fn creative_named(account: &Account, crid: &str) -> Result<CreativeIx, Complaint> {
    if let Some(&known) = account.creatives.get(crid) {
        return Ok(known);
    }
    let message = format!("this advertiser has no creative `{crid}`");
    // Of two that are as near, the first by name.
    let mut names: Vec<&str> = account.creatives.keys().map(String::as_str).collect();
    names.sort_unstable();
    Err(match nearest(crid, names) {
        Some(near) => Complaint::mend(message, format!("did you mean `{near}`?")),
        None => Complaint::mend(message, "list it under the advertiser's `creatives:`"),
    })
}

fn unique(fields: &Fields<'_>, keys: &mut HashSet<String>, key: &str) {
    if !key.is_empty() && !keys.insert(key.to_owned()) {
        fields.fault("key", Complaint::new(format!("`{key}` stands twice")));
    }
}

fn flight(account: &Account, fields: &Fields<'_>) -> Flight {
    let trail = fields.trail.key("flight");
    let node = fields.node("flight");
    let opened = node.and_then(|node| Fields::open(fields.findings, node, &trail, &FLIGHT));
    let Some(fields) = opened else { return Flight::ALWAYS };
    let read = |name, end, default: Moment| {
        let moment = fields.read(name, |text| values::instant(text, &account.zone, end));
        moment.unwrap_or(default)
    };
    let start = read("start", false, Flight::ALWAYS.start);
    let end = read("end", true, Flight::ALWAYS.end);
    if start >= end {
        fields.fault("end", Complaint::new("the flight ends before it starts"));
    }
    Flight { start, end }
}
