//! What is for sale in the demo? Twelve advertisers' campaign files and the spots they play.
//!
//! The files in `world/` are campaign files but for three things that a seed or a table fills in:
//! `@spots` (the advertiser's creatives), `@all` (their crids), and bids and budgets, which move
//! by up to a tenth. Cold.

use super::series;
use super::spots::{SPOTS, Spot};

const CAMPAIGNS: [&str; 12] = [
    include_str!("world/bluebird.yaml"),
    include_str!("world/emberquest.yaml"),
    include_str!("world/evergreen.yaml"),
    include_str!("world/farlight.yaml"),
    include_str!("world/fleetfoot.yaml"),
    include_str!("world/greenbasket.yaml"),
    include_str!("world/harbour.yaml"),
    include_str!("world/lumen.yaml"),
    include_str!("world/parlo.yaml"),
    include_str!("world/quietude.yaml"),
    include_str!("world/voltera.yaml"),
    include_str!("world/zing.yaml"),
];

/// A file of the demo's campaign folder: its path there, and its contents.
pub struct WorldFile {
    pub path: String,
    pub bytes: Vec<u8>,
}

/// Every campaign file of a seed's world, and the media that they name.
pub fn world(seed: u64) -> Vec<WorldFile> {
    let campaigns = CAMPAIGNS.iter().zip(&SPOTS).enumerate().map(|(index, (text, spot))| {
        let text = campaign(seed, index as u64, text, spot);
        WorldFile { path: format!("{}.yaml", spot.key), bytes: text.into_bytes() }
    });
    let media = SPOTS.iter().flat_map(Spot::media);
    campaigns
        .chain(media.map(|(name, bytes)| WorldFile { path: format!("media/{name}"), bytes }))
        .collect()
}

fn campaign(seed: u64, index: u64, text: &str, spot: &Spot) -> String {
    let mut rng = series(seed, "campaign", index);
    let crids: Vec<String> = spot.cuts().map(|cut| cut.crid).collect();
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        let number = |key: &str| -> Option<f64> { line.trim().strip_prefix(key)?.parse().ok() };
        let indent = &line[..line.len() - line.trim_start().len()];
        let by = 0.9 + 0.2 * rng.unit();
        if line.trim() == "creatives: @spots" {
            out.push_str(indent);
            out.push_str("creatives:\n");
            out.push_str(&creatives(indent, spot));
            continue;
        }
        match (number("bid_cpm: "), number("budget: ")) {
            (Some(bid), _) => out.push_str(&format!("{indent}bid_cpm: {:.2}", bid * by)),
            (_, Some(budget)) => out.push_str(&format!("{indent}budget: {:.0}", budget * by)),
            _ => out.push_str(&line.replace("@all", &format!("[{}]", crids.join(", ")))),
        }
        out.push('\n');
    }
    out
}

/// The advertiser's spot, said once and several times, as creatives of the campaign file.
fn creatives(indent: &str, spot: &Spot) -> String {
    let mut out = String::new();
    for cut in spot.cuts() {
        let mut say = |text: &str| {
            out.push_str(indent);
            out.push_str(text);
            out.push('\n');
        };
        say(&format!("  - crid: {}", cut.crid));
        say(&format!("    title: {}", cut.title));
        say(&format!("    duration: {}", cut.seconds));
        say("    language: en");
        say(&format!("    click_through: https://{}.example/?from=audio", spot.key));
        say("    renditions:");
        for file in &cut.files {
            say(&format!("      - file: media/{file}"));
        }
        if spot.picture.is_some() {
            let file = format!("media/{}-300x250.png", spot.key);
            say("    companions:");
            say(&format!("      - {{ width: 300, height: 250, file: {file} }}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::money::Currency;
    use crate::knowledge::catalog;
    use crate::knowledge::catalog::model::{Expr, Line};
    use crate::market::exchange::Rates;
    use crate::market::vocabulary::Vocabulary;

    #[test]
    fn a_seed_moves_bids_and_budgets_and_nothing_else() {
        let text = |seed| {
            let files = world(seed);
            let file = files.into_iter().find(|file| file.path == "zing.yaml").unwrap();
            String::from_utf8(file.bytes).unwrap()
        };
        assert_eq!(text(1), text(1));
        let (one, other) = (text(1), text(2));
        assert_eq!(one.lines().count(), other.lines().count());
        for (a, b) in one.lines().zip(other.lines()).filter(|(a, b)| a != b) {
            let key = a.split(':').next().unwrap().trim();
            assert!(["bid_cpm", "budget"].contains(&key), "{a} / {b}");
        }
        assert!(!one.contains('@'), "{one}");
    }

    #[test]
    fn every_file_that_a_campaign_names_is_there() {
        let files = world(1);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        for file in files.iter().filter(|file| file.path.ends_with(".yaml")) {
            let text = std::str::from_utf8(&file.bytes).unwrap();
            for (at, _) in text.match_indices("file: ") {
                let name = text[at + 6..].split([' ', '\n']).next().unwrap();
                assert!(paths.contains(&name), "{} of {}", name, file.path);
            }
        }
    }

    #[test]
    fn every_campaign_loads_without_fault_or_warning() {
        let folder = tempfile::tempdir().unwrap();
        for file in world(1) {
            let path = folder.path().join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.bytes).unwrap();
        }
        let rates = [("USD", 100), ("EUR", 108), ("GBP", 127)]
            .map(|(code, worth)| (Currency::parse(code).unwrap(), worth));
        let report = catalog::inspect(
            &[folder.path().to_owned()],
            &mut Vocabulary::new(),
            (&Rates::new("test", rates), &catalog::Limits::default()),
            None,
        );
        let catalog = report.catalog.unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(report.warnings.len(), 0, "{:?}", report.warnings);
        assert_eq!(catalog.counts.advertisers, 12);
        assert!(catalog.counts.lines >= 60, "{}", catalog.counts.lines);
        let asks = |line: &Line| line.targeting != Expr::All(Vec::new());
        assert!(catalog.base_lines().iter().all(asks), "every line speaks of somebody");
    }
}
