//! Which advertisers, campaigns and lines does a document hold? The tree → the model's nouns.
//!
//! Called by [`load`](fn@super::load) for each document; cold. Everything is read to its end, so
//! that all faults of all files are told at once; what has a fault is left out of the drafts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::base::stdx::fault::nearest;
use crate::base::units::ids::{AdvertiserIx, CampaignIx, CreativeIx, LineId};
use crate::base::units::money::{Currency, Money, Round};
use crate::base::units::time::Moment;
use crate::market::exchange::Rates;
use crate::market::vocabulary::Vocabulary;

use super::lexicon::Lexicon;
use super::limits::Limits;
use super::media::Files;
use super::model::{Advertiser, Campaign, Cap, Creative, Expr, Flight, HostedFile, Line};
use super::node::{Kind, Node, Place};
use super::spot;
use super::tables::{ADVERTISER, CAMPAIGN, CAP, CREATIVE, DOCUMENT, FLIGHT, LINE};
use super::targeting;
use super::values::{self, Complaint};
use super::walk::{Fields, Findings, Trail, scalar};

/// What has been read so far, over all files, in the order of the files.
pub struct Drafts<'a> {
    pub vocabulary: &'a mut Vocabulary,
    pub rates: &'a Rates,
    pub limits: &'a Limits,
    /// An archive names hosted media by hash, without the file.
    pub archived: bool,
    pub advertisers: Vec<Advertiser>,
    pub campaigns: Vec<Campaign>,
    pub lines: Vec<Line>,
    pub creatives: Vec<Creative>,
    pub media: HashMap<String, HostedFile, foldhash::fast::FixedState>,
    files: Files,
    /// Where each name was first seen: advertiser keys, crids, line ids.
    seen: HashMap<String, (PathBuf, Place)>,
    ids: HashMap<LineId, String>,
}

impl<'a> Drafts<'a> {
    pub fn new(vocabulary: &'a mut Vocabulary, rates: &'a Rates, limits: &'a Limits) -> Drafts<'a> {
        Drafts {
            vocabulary,
            rates,
            limits,
            archived: false,
            advertisers: Vec::new(),
            campaigns: Vec::new(),
            lines: Vec::new(),
            creatives: Vec::new(),
            media: HashMap::default(),
            files: Files::default(),
            seen: HashMap::new(),
            ids: HashMap::new(),
        }
    }

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
        self.first(fields, "key", &format!("advertiser `{key}`"), "write it in one place");
        let zone = fields.read("time_zone", values::zone).unwrap_or(TimeZone::UTC);
        let account = Account {
            ix: AdvertiserIx(self.advertisers.len() as u32),
            currency: self.currency(fields),
            zone,
            key: key.clone(),
            creatives_from: self.creatives.len(),
        };
        self.advertisers.push(Advertiser {
            name: fields.text("name").unwrap_or_else(|| key.clone()),
            key,
            domains: fields.texts("domains", most),
            seat: fields.text("seat").unwrap_or_default(),
            currency: account.currency,
            categories: fields.texts("categories", most),
            ad_products: fields.texts("ad_products", most),
            bundle: fields.text("bundle"),
        });
        fields.each("creatives", self.limits.creatives, |node, trail| {
            self.creative(fields.findings, node, trail);
        });
        let mut keys = Vec::new();
        fields.each("campaigns", self.limits.lines, |node, trail| {
            if let Some(fields) = Fields::open(fields.findings, node, trail, &CAMPAIGN) {
                self.campaign(&account, &fields, &mut keys);
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

    fn campaign(&mut self, account: &Account, fields: &Fields<'_>, keys: &mut Vec<String>) {
        let key = fields.text("key").unwrap_or_default();
        unique(fields, keys, &key);
        let campaign = CampaignIx(self.campaigns.len() as u32);
        self.campaigns.push(Campaign {
            name: fields.text("name").unwrap_or_else(|| key.clone()),
            key: key.clone(),
            advertiser: account.ix,
        });
        let mut keys = Vec::new();
        fields.each("lines", self.limits.lines, |node, trail| {
            if let Some(fields) = Fields::open(fields.findings, node, trail, &LINE) {
                unique(&fields, &mut keys, &fields.text("key").unwrap_or_default());
                if let Some(line) = self.line(account, campaign, &key, &fields) {
                    self.lines.push(line);
                }
            }
        });
        if self.lines.len() > self.limits.lines {
            let message = format!("more than {} lines over all files", self.limits.lines);
            fields.fault("lines", Complaint::new(message));
            self.lines.truncate(self.limits.lines);
        }
    }

    fn line(
        &mut self,
        account: &Account,
        campaign: CampaignIx,
        campaign_key: &str,
        fields: &Fields<'_>,
    ) -> Option<Line> {
        let amount = |nanos| Money::new(nanos, account.currency);
        let bid = fields.read("bid_cpm", |text| values::decimal(text, 6)).map(amount);
        let budget = fields.read("budget", |text| values::decimal(text, 9)).map(amount);
        if let (Some(bid), Some(budget)) = (bid, budget)
            && budget.nanos < bid.nanos
        {
            let message = "this budget does not buy one impression at this bid";
            fields.warn("budget", Complaint::new(message));
        }
        let cap = self.cap(fields);
        let flight = flight(account, fields);
        let (deals, open) = self.deals(fields);
        let targeting = self.targeting(fields);
        let paused = fields.bool("paused").unwrap_or(false);
        let creatives = self.line_creatives(account, fields);
        let name = fields.text("name");
        let key = fields.text("key")?;
        let id = LineId::of(&account.key, campaign_key, &key);
        let path = format!("{}/{campaign_key}/{key}", account.key);
        if let Some(other) = self.ids.insert(id, path.clone())
            && other != path
        {
            let message = format!("its id {id} is that of `{other}`, too");
            fields.fault("key", Complaint::mend(message, "choose another key"));
        }
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
            cap,
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

    fn cap(&self, fields: &Fields<'_>) -> Option<Cap> {
        let trail = fields.trail.key("cap");
        let fields = Fields::open(fields.findings, fields.node("cap")?, &trail, &CAP)?;
        let impressions = fields.int("impressions");
        let window_s = fields.read("per", values::window);
        Some(Cap { impressions: u16::try_from(impressions?).ok()?, window_s: window_s? })
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
        let words = Lexicon::Growing(self.vocabulary);
        targeting::read(fields.findings, words, self.limits, node, &trail)
    }

    fn line_creatives(&mut self, account: &Account, fields: &Fields<'_>) -> Vec<CreativeIx> {
        let mut creatives: Vec<CreativeIx> = Vec::new();
        fields.each("creatives", self.limits.list, |node, trail| {
            let found = match &node.kind {
                Kind::Scalar { .. } => {
                    scalar(fields.findings, node, trail, |crid| self.creative_named(account, crid))
                }
                _ => self.creative(fields.findings, node, trail),
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

    fn creative_named(&self, account: &Account, crid: &str) -> Result<CreativeIx, Complaint> {
        let known = &self.creatives[account.creatives_from..];
        if let Some(at) = known.iter().position(|creative| creative.crid == crid) {
            return Ok(CreativeIx((account.creatives_from + at) as u32));
        }
        let message = format!("this advertiser has no creative `{crid}`");
        let names = known.iter().map(|creative| creative.crid.as_str());
        Err(match nearest(crid, names) {
            Some(near) => Complaint::mend(message, format!("did you mean `{near}`?")),
            None => Complaint::mend(message, "list it under the advertiser's `creatives:`"),
        })
    }

    fn creative(
        &mut self,
        findings: &Findings<'_>,
        node: &Node,
        trail: &Trail<'_>,
    ) -> Option<CreativeIx> {
        let fields = Fields::open(findings, node, trail, &CREATIVE)?;
        let crid = fields.text("crid").unwrap_or_default();
        let mend = "a crid is unique over all files; lines may name a known one";
        self.first(&fields, "crid", &format!("creative `{crid}`"), mend);
        if self.creatives.len() >= self.limits.creatives {
            let message = format!("more than {} creatives over all files", self.limits.creatives);
            findings.fault(node.place, trail, Complaint::new(message));
            return None;
        }
        let folder = findings.file.parent().unwrap_or(Path::new("")).to_owned();
        let mut shelf = spot::Shelf {
            folder: &folder,
            files: &mut self.files,
            media: &mut self.media,
            limits: self.limits,
            archived: self.archived,
        };
        let creative = shelf.creative(&fields)?;
        self.creatives.push(creative);
        Some(CreativeIx((self.creatives.len() - 1) as u32))
    }

    /// Notes a name that must be the first of its kind over all files.
    fn first(&mut self, fields: &Fields<'_>, field: &'static str, name: &str, mend: &str) {
        if !fields.has(field) {
            return;
        }
        let place = fields.place_of(field);
        let here = (fields.findings.file.to_owned(), place);
        if let Some((file, place)) = self.seen.get(name) {
            let message = format!("{name} stands at {}:{}, too", file.display(), place.line);
            fields.fault(field, Complaint::mend(message, mend));
        } else {
            self.seen.insert(name.to_owned(), here);
        }
    }
}

/// What lines need to know of their advertiser.
struct Account {
    ix: AdvertiserIx,
    key: String,
    currency: Currency,
    zone: TimeZone,
    /// Its first creative among all.
    creatives_from: usize,
}

fn unique(fields: &Fields<'_>, keys: &mut Vec<String>, key: &str) {
    if key.is_empty() {
        return;
    }
    if keys.iter().any(|known| known == key) {
        fields.fault("key", Complaint::new(format!("`{key}` stands twice")));
    } else {
        keys.push(key.to_owned());
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
