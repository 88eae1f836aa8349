//! Do these files make a catalog? All of them read, checked, put in order, or all faults at once.
//!
//! Called at start, on a swap, by `interlude check` and by replay; cold.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::base::stdx::fault::{Fault, Faults};
use crate::base::units::ids::{AdvertiserIx, CampaignIx, CreativeIx, LineIx};
use crate::market::exchange::Rates;
use crate::market::vocabulary::Vocabulary;

use super::archive::archive;
use super::limits::Limits;
use super::model::{Catalog, Media};
use super::node::{Bounds, Node, Place, SyntaxFault};
use super::read::Drafts;
use super::values::Complaint;
use super::walk::{Findings, Trail};
use super::{json, yaml};

/// What came of reading campaign files.
#[derive(Debug)]
pub struct Report {
    pub catalog: Result<Catalog, Faults>,
    /// What is allowed but most likely not meant.
    pub warnings: Vec<Fault>,
}

/// Reads campaign files, and those in folders, into one catalog. Nothing is half-applied: with
/// one fault there is no catalog, only words that the vocabulary has come to know.
pub fn load(
    files: &[PathBuf],
    vocabulary: &mut Vocabulary,
    rates: &Rates,
    limits: &Limits,
) -> Result<Catalog, Faults> {
    inspect(files, vocabulary, rates, limits).catalog
}

/// [`load`], with the warnings.
pub fn inspect(
    files: &[PathBuf],
    vocabulary: &mut Vocabulary,
    rates: &Rates,
    limits: &Limits,
) -> Report {
    let mut loading = Loading::new(vocabulary, rates, limits);
    for file in loading.expand(files) {
        match text_of(&file, limits) {
            Ok(text) => loading.text(&file, &text),
            Err(fault) => loading.faults.push(fault),
        }
    }
    loading.finish()
}

/// One campaign file that is not on a disk; its name tells the format and where its media are.
pub fn inspect_text(
    file: &Path,
    text: &str,
    vocabulary: &mut Vocabulary,
    rates: &Rates,
    limits: &Limits,
) -> Report {
    let mut loading = Loading::new(vocabulary, rates, limits);
    loading.text(file, text);
    loading.finish()
}

/// A catalog from what [`archive`] wrote of it: equal in everything but the paths of its media.
pub fn from_archive(
    bytes: &[u8],
    vocabulary: &mut Vocabulary,
    rates: &Rates,
    limits: &Limits,
) -> Result<Catalog, Faults> {
    let file = Path::new("archive.json");
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Faults::one(Fault::of_file(file, "an archive that is no UTF-8")))?;
    let mut loading = Loading::new(vocabulary, rates, limits);
    loading.drafts.archived = true;
    loading.text(file, text);
    loading.finish().catalog
}

struct Loading<'a> {
    drafts: Drafts<'a>,
    limits: &'a Limits,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl<'a> Loading<'a> {
    fn new(vocabulary: &'a mut Vocabulary, rates: &'a Rates, limits: &'a Limits) -> Loading<'a> {
        let drafts = Drafts::new(vocabulary, rates, limits);
        Loading { drafts, limits, faults: Vec::new(), warnings: Vec::new() }
    }

    /// Folders stand for the campaign files in them, in the order of their names.
    fn expand(&mut self, files: &[PathBuf]) -> Vec<PathBuf> {
        let mut expanded = Vec::new();
        for file in files {
            if !file.is_dir() {
                expanded.push(file.clone());
                continue;
            }
            match std::fs::read_dir(file) {
                Ok(entries) => {
                    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
                    let mut paths: Vec<_> = paths.filter(|path| is_campaign_file(path)).collect();
                    paths.sort();
                    expanded.extend(paths);
                }
                Err(error) => {
                    let message = format!("the folder cannot be read: {error}");
                    self.faults.push(Fault::of_file(file, message));
                }
            }
        }
        expanded
    }

    fn text(&mut self, file: &Path, text: &str) {
        let findings = Findings::new(file, self.limits.faults);
        match documents(file, text, self.limits) {
            Ok(documents) => {
                if documents.iter().all(Node::is_null) {
                    let complaint = Complaint::new("nothing stands in this file");
                    findings.warn(Place::default(), &Trail::ROOT, complaint);
                }
                for document in documents.iter().filter(|document| !document.is_null()) {
                    self.drafts.document(&findings, document);
                }
            }
            Err(fault) => findings.fault(fault.place, &Trail::ROOT, Complaint::new(fault.message)),
        }
        self.faults.extend(findings.faults.into_inner());
        self.warnings.extend(findings.warnings.into_inner());
    }

    fn finish(mut self) -> Report {
        self.faults.truncate(self.limits.faults);
        if let Err(faults) = Faults::check(self.faults) {
            return Report { catalog: Err(faults), warnings: self.warnings };
        }
        let vocabulary = &*self.drafts.vocabulary;
        let mut catalog = Catalog {
            advertisers: self.drafts.advertisers,
            campaigns: self.drafts.campaigns,
            lines: self.drafts.lines,
            creatives: self.drafts.creatives,
            media: self.drafts.media,
            ..Catalog::default()
        };
        drop_unused(&mut catalog, &mut self.warnings);
        order(&mut catalog);
        index(&mut catalog);
        catalog.version = xxh3_64(&archive(&catalog, vocabulary));
        Report { catalog: Ok(catalog), warnings: self.warnings }
    }
}

fn is_campaign_file(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("yaml" | "yml" | "json")) && path.is_file()
}

fn text_of(file: &Path, limits: &Limits) -> Result<String, Fault> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::of_file(file, "no such file"),
        _ => Fault::of_file(file, format!("cannot be read: {error}")),
    };
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
    if size > limits.file_bytes {
        let message = format!("{size} bytes where at most {} may be", limits.file_bytes);
        return Err(Fault::of_file(file, message));
    }
    let bytes = std::fs::read(file).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
        Fault::at(file, &text, at, "", "not UTF-8 from here on".to_owned())
    })
}

pub(super) fn documents(
    file: &Path,
    text: &str,
    limits: &Limits,
) -> Result<Vec<Node>, SyntaxFault> {
    let bounds = Bounds { nodes: limits.nodes, depth: limits.depth };
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("json") => json::read(text, bounds).map(|node| vec![node]),
        _ => yaml::read(text, bounds),
    }
}

/// A creative that no line names would never be heard: it is left out, with a warning.
fn drop_unused(catalog: &mut Catalog, warnings: &mut Vec<Fault>) {
    let mut used = vec![false; catalog.creatives.len()];
    for line in &catalog.lines {
        for creative in &line.creatives {
            used[creative.index()] = true;
        }
    }
    for (creative, _) in catalog.creatives.iter().zip(&used).filter(|&(_, &used)| !used) {
        let message = format!("creative `{}` is in no line and was left out", creative.crid);
        warnings.push(Fault::of_file(Path::new(""), message));
    }
    let mut left = used.iter();
    let mut kept = 0;
    let places: Vec<u32> = used
        .iter()
        .map(|&used| {
            let at = kept;
            kept += u32::from(used);
            at
        })
        .collect();
    catalog.creatives.retain(|_| *left.next().unwrap_or(&true));
    for line in &mut catalog.lines {
        for creative in &mut line.creatives {
            *creative = CreativeIx(places[creative.index()]);
        }
    }
    let hash = |media: &Media| match media {
        Media::Hosted(hash) => Some(hash.clone()),
        Media::Remote(_) => None,
    };
    let in_use: std::collections::HashSet<String> =
        catalog.creatives.iter().flat_map(|creative| creative.media()).filter_map(hash).collect();
    catalog.media.retain(|hash, _| in_use.contains(hash));
}

/// Puts everything in the order of its keys, so that the order of files and of their parts
/// changes neither dense ids nor the version; lines stand by price bound, best first.
fn order(catalog: &mut Catalog) {
    let advertisers = sorted(&mut catalog.advertisers, |advertiser| advertiser.key.clone());
    let advertiser = |ix: AdvertiserIx| AdvertiserIx(advertisers[ix.index()]);
    for campaign in &mut catalog.campaigns {
        campaign.advertiser = advertiser(campaign.advertiser);
    }
    let campaigns =
        sorted(&mut catalog.campaigns, |campaign| (campaign.advertiser, campaign.key.clone()));
    let creatives = sorted(&mut catalog.creatives, |creative| creative.crid.clone());
    for line in &mut catalog.lines {
        line.advertiser = advertiser(line.advertiser);
        line.campaign = CampaignIx(campaigns[line.campaign.index()]);
        for creative in &mut line.creatives {
            *creative = CreativeIx(creatives[creative.index()]);
        }
    }
    catalog.lines.sort_by_key(|line| (std::cmp::Reverse(line.price_bound), line.id));
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

fn index(catalog: &mut Catalog) {
    let mut deals: HashMap<String, Vec<LineIx>, _> = HashMap::default();
    for (at, line) in catalog.lines.iter().enumerate() {
        let ix = LineIx(at as u32);
        catalog.by_id.insert(line.id, ix);
        for deal in &line.deals {
            deals.entry(deal.clone()).or_default().push(ix);
        }
    }
    catalog.deals = deals;
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
