//! A world that was edited again and again decides as one that is built anew of the same files:
//! the same bids to the byte, the same reasons, whatever was changed in which file.
//!
//! And it is rebuilt from what is kept of it with every line in its place. `INTERLUDE_LONG=1`
//! makes 300 edits in each world and asks 100 requests after each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use interlude::base::stdx::rng::Rng;
use interlude::base::units::ids::LineIx;
use interlude::base::units::time::Moment;
use interlude::flows::decide::explain::explain;
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::world::{Parts, World};
use interlude::flows::decide::{Circumstance, Received, decide};
use interlude::knowledge::catalog::model::Catalog;
use interlude::knowledge::catalog::{
    Edition, Kind, Limits, Read, Reading, Sheets, Tongue, edited_from_archive, from_archive,
};
use interlude::market::openrtb::Wire;
use interlude::market::outcome::Refusal;
use interlude::market::vocabulary::Vocabulary;
use interlude::offer::delivery::{Ask, Hold, Live, Pace};
use interlude::rehearsal::traffic::stage::Stage;
use interlude::rehearsal::traffic::{Requests, catalogs};
use serde_json::{Value, json};

use super::random::{varied, with_deals};

const SEEDS: [u64; 2] = [5, 23];
const LINES: usize = 240;
const FILES: usize = 6;
const LISTENERS: u32 = 100;
const MOMENT: Moment = Moment::from_unix_s(1_795_435_200);

/// Refuses by what a line is, not by where it stands.
struct ById<'w>(&'w Catalog);

impl Live<'_> for ById<'_> {
    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal> {
        if self.0.line(ask.line).id.0 % 7 == 3 { Err(Refusal::Capped) } else { Ok(Pace::FULL) }
    }

    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        if self.0.line(hold.line).id.0 % 11 == 5 { Err(Refusal::BudgetSpent) } else { Ok(()) }
    }
}

/// Campaign files that change, and what is served of them.
struct House {
    folder: PathBuf,
    /// `None`: not there just now.
    files: Vec<(Value, bool)>,
    rng: Rng,
    names: usize,
    limits: Limits,
    parts: Parts,
    vocabulary: Vocabulary,
    sheets: Sheets,
    world: Option<World>,
    /// What was kept of the last whole world, and of the one at hand.
    base: Vec<u8>,
}

impl House {
    fn new(seed: u64, folder: &Path) -> House {
        let texts = catalogs::campaign_files(seed, LINES, FILES);
        let texts = texts.iter().map(|text| with_deals(text));
        let files: Vec<(Value, bool)> =
            texts.map(|text| (serde_json::from_str(&text).unwrap(), true)).collect();
        let text = files[0].0.to_string();
        let parts = Stage::of_text(&text).with_listeners(seed, LISTENERS).parts();
        House {
            folder: folder.to_owned(),
            files,
            rng: Rng::new(seed),
            names: 0,
            limits: Limits::default(),
            vocabulary: (*parts.vocabulary).clone(),
            parts,
            sheets: Sheets::default(),
            world: None,
            base: Vec::new(),
        }
    }

    fn write(&self) {
        for (i, (file, there)) in self.files.iter().enumerate() {
            let (path, text) = (self.folder.join(format!("{i}.json")), file.to_string());
            let before = std::fs::read_to_string(&path).ok();
            match *there {
                true if before.as_ref() != Some(&text) => std::fs::write(&path, text).unwrap(),
                false if before.is_some() => std::fs::remove_file(&path).unwrap(),
                _ => {}
            }
        }
    }

    fn reading<'r>(vocabulary: &'r mut Vocabulary, at: (&'r Parts, &'r Limits)) -> Reading<'r> {
        let (Parts { rates, .. }, limits) = at;
        Reading { tongue: Tongue::Own(vocabulary), rates, limits, archived: false, headcount: None }
    }

    /// The files as they are, read by what remembers them.
    fn read(&mut self) -> Read {
        self.write();
        let mut reading = House::reading(&mut self.vocabulary, (&self.parts, &self.limits));
        self.sheets.read(std::slice::from_ref(&self.folder), &mut reading, false)
    }

    /// The same by what knows nothing.
    fn read_anew(&mut self) -> Read {
        let mut reading = House::reading(&mut self.vocabulary, (&self.parts, &self.limits));
        Sheets::default().read(std::slice::from_ref(&self.folder), &mut reading, false)
    }

    fn assemble(&self, catalog: Arc<Catalog>, before: Option<&World>) -> World {
        let vocabulary = Arc::new(self.vocabulary.clone());
        World::assemble(Parts { catalog, vocabulary, ..self.parts.clone() }, before)
    }

    /// One change of some file, as people make them.
    fn change(&mut self) {
        self.names += 1;
        let name = self.names;
        let at = self.rng.below(FILES);
        let other = self.files[self.rng.below(FILES)].0["advertisers"][0].clone();
        let (file, there) = &mut self.files[at];
        let rng = &mut self.rng;
        let many = file["advertisers"].as_array().unwrap().len();
        let advertiser = &mut file["advertisers"][rng.below(many)];
        let lines = advertiser["campaigns"][0]["lines"].as_array_mut().unwrap();
        let ix = rng.below(lines.len());
        match rng.below(16) {
            0 | 1 => lines[ix]["bid_cpm"] = json!(format!("{}.5", 1 + rng.below(30))),
            2 => {
                let theirs = &other["campaigns"][0]["lines"][0]["targeting"];
                lines[ix]["targeting"] = theirs.clone();
            }
            3 => lines[ix]["targeting"] = json!({ "artist": [format!("Artist {name}")] }),
            4 => lines[ix]["paused"] = json!(lines[ix]["paused"] != true),
            5 if lines.len() > 3 => drop(lines.remove(ix)),
            6 => {
                let mut line = lines[ix].clone();
                line["key"] = json!(format!("new-{name}"));
                lines.push(line);
            }
            7 if lines.len() > 3 => {
                let line = lines.remove(ix);
                let campaigns = advertiser["campaigns"].as_array_mut().unwrap();
                let campaign = json!({ "key": format!("moved-{name}"), "lines": [line] });
                campaigns.push(campaign);
            }
            8 => {
                let mut creative = advertiser["creatives"][0].clone();
                creative["crid"] = json!(format!("new-{name}"));
                advertiser["creatives"].as_array_mut().unwrap().push(creative);
                let lines = advertiser["campaigns"][0]["lines"].as_array_mut().unwrap();
                lines[ix]["creatives"] = json!([format!("new-{name}")]);
            }
            9 => {
                let page = format!("https://landing{name}.example/");
                advertiser["creatives"][0]["click_through"] = json!(page);
            }
            10 => lines[ix]["deals"] = json!([format!("deal-{}", rng.below(4))]),
            11 if rng.below(3) == 0 => *there = !*there,
            12 => advertiser["campaigns"][0]["budget"] = json!({ "daily": 1000 + name }),
            13 => lines[ix]["budget"] = json!({ "total": 90_000 + name, "daily": 1000 + name }),
            14 => {
                lines[ix]["pacing"] = json!({ "shape": "even", "traffic": { "mon": name } });
                let caps = json!([{ "impressions": 3 + name, "per": "week" }]);
                advertiser["campaigns"][0]["caps"] = caps.clone();
                advertiser["creatives"][0]["caps"] = caps;
            }
            15 => advertiser["caps"] = json!({ "impressions": 3 + name, "per": "month" }),
            _ => advertiser["domains"] = json!([format!("brand{name}.example")]),
        }
    }

    /// Serves the files as they are now and holds that to a world built anew.
    fn publish(&mut self, requests: &Requests, asked: std::ops::Range<u64>) -> Kind {
        let Edition { catalog, kind, archive } = self.read().edition.unwrap();
        let world = self.assemble(catalog, self.world.as_ref());
        let anew = self.read_anew().edition.unwrap();
        let anew = self.assemble(anew.catalog, None);
        if kind == Kind::Full {
            assert_eq!(world.version, anew.version, "equal contents, equal version");
            self.base = archive;
        } else if kind == Kind::Edit {
            self.rebuild(&world, &archive);
        }
        assert_eq!(contents(&world.catalog), contents(&anew.catalog));
        assert_eq!(world.index.len(), anew.index.len());
        let at = Circumstance { moment: MOMENT, coin: world.coin };
        let (mut one, mut other) = (Scratch::new(), Scratch::new());
        for index in asked {
            let request = serde_json::from_slice(&requests.json(index, MOMENT)).unwrap();
            let body = varied(request, index).to_string();
            let exchange = world.exchange_named("demo").unwrap();
            let received = Received::new(exchange, Wire::Json, body.as_bytes());
            let outcome = decide(&received, &world, &mut ById(&world.catalog), at, &mut one);
            let wanted = decide(&received, &anew, &mut ById(&anew.catalog), at, &mut other);
            assert_eq!(outcome, wanted, "{body}");
            assert_eq!(one.reply(), other.reply(), "{body}");
            let told = |world: &World, scratch: &mut Scratch| {
                let why = explain(&received, world, &mut ById(&world.catalog), at, scratch);
                let mut why = serde_json::to_value(why).unwrap();
                why["world"].take();
                why
            };
            assert_eq!(told(&world, &mut one), told(&anew, &mut other));
        }
        self.world = Some(world);
        kind
    }

    /// From what is kept: the same version, the same lines in the same places.
    fn rebuild(&mut self, world: &World, archive: &[u8]) {
        let gone: Vec<LineIx> = world.catalog.gone().collect();
        let mut reading = House::reading(&mut self.vocabulary, (&self.parts, &self.limits));
        let base = from_archive(&self.base, &mut reading).unwrap();
        let again = edited_from_archive(&base, &gone, archive, &mut reading).unwrap();
        assert_eq!(again.version, world.catalog.version);
        let places = |catalog: &Catalog| format!("{:?}", catalog.lines().collect::<Vec<_>>());
        assert!(places(&again) == places(&world.catalog), "lines stand elsewhere");
    }
}

/// Everything that there is, by name.
fn contents(catalog: &Catalog) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for (ix, line) in catalog.lines() {
        assert_eq!(catalog.line_of(line.id), Some(ix));
        let creatives = line.creatives.iter().map(|&ix| format!("{:?}", catalog.creative(ix)));
        let campaign = catalog.campaign(line.campaign);
        assert_eq!(campaign.advertiser, line.advertiser);
        all.push(json!({
            "line": [&line.key, &line.name, &line.deals],
            "says": format!("{:?}{:?}{:?}", line.bid, line.targeting, line.paused),
            "terms": format!("{:?}{:?}{:?}", line.budget, line.pacing, line.caps),
            "advertiser": format!("{:?}", catalog.advertiser(line.advertiser)),
            "campaign": [&campaign.key, &campaign.name],
            "together": format!("{:?}{:?}", campaign.budget, campaign.caps),
            "creatives": creatives.collect::<Vec<_>>(),
        }));
    }
    let keys = |lines: &[LineIx]| lines.iter().map(|&ix| catalog.line(ix).id.to_string()).collect();
    let mut deals: Vec<(&str, Vec<String>)> =
        catalog.deals().map(|(deal, lines)| (deal, keys(lines))).collect();
    deals.sort();
    all.push(json!(deals));
    all.push(json!(format!("{:?}", catalog.counts)));
    all
}

#[test]
fn an_edited_world_decides_as_one_built_anew() {
    let long = std::env::var_os("INTERLUDE_LONG").is_some();
    let (edits, asked) = if long { (300, 100) } else { (14, 4) };
    for seed in SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let mut house = House::new(seed, folder.path());
        let requests = Requests::new(seed, LISTENERS);
        assert_eq!(house.publish(&requests, 0..asked), Kind::Full);
        let mut kinds = Vec::new();
        for round in 0..edits {
            for _ in 0..1 + round % 3 {
                house.change();
            }
            kinds.push(house.publish(&requests, round * asked..(round + 1) * asked));
        }
        let edited = kinds.iter().filter(|&&kind| kind == Kind::Edit).count();
        assert!(edited * 2 > kinds.len(), "seed {seed}: {kinds:?}");
        assert_eq!(house.publish(&requests, 0..1), Kind::Same);
    }
}

#[test]
fn faults_over_all_files_are_told_until_they_are_mended() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = House::new(7, folder.path());
    let requests = Requests::new(7, LISTENERS);
    house.publish(&requests, 0..1);
    let whole = house.files.clone();
    // A crid of the third file in the fifth, a key of the first in the second, a price that is
    // none, and a line that would be new.
    house.files[4].0["advertisers"][0]["creatives"][0]["crid"] =
        whole[2].0["advertisers"][0]["creatives"][0]["crid"].clone();
    house.files[1].0["advertisers"][0]["key"] = whole[0].0["advertisers"][0]["key"].clone();
    house.files[3].0["advertisers"][0]["campaigns"][0]["lines"][0]["bid_cpm"] = json!("dear");
    house.files[5].0["advertisers"][0]["campaigns"][0]["lines"][0]["key"] = json!("new");
    for left in [4, 1, 3] {
        let told = house.read().edition.unwrap_err();
        assert_eq!(told, house.read_anew().edition.unwrap_err());
        assert!(told.iter().all(|fault| fault.line > 0 && !fault.path.is_empty()), "{told}");
        house.files[left] = whole[left].clone();
    }
    assert_eq!(house.publish(&requests, 0..3), Kind::Edit);
    // What a file says is taken from where it stood before, in whatever order.
    house.files.swap(0, 5);
    assert_eq!(house.publish(&requests, 0..3), Kind::Same);
    house.files[2].1 = false;
    house.publish(&requests, 0..3);
    house.files[2].1 = true;
    house.publish(&requests, 0..3);
}
