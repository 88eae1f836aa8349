//! Is the page whole in itself, well-formed, and does it show what was measured?

use std::time::Duration;

use super::*;
use crate::rehearsal::loadgen::exchange::Told;
use crate::rehearsal::loadgen::figures::{Generator, Sheet};

fn figures(rates: &[u64]) -> Figures {
    let mut sheet = Sheet::new(Duration::from_secs(rates.len() as u64));
    for (second, rate) in rates.iter().enumerate() {
        sheet.now.due += rate;
        sheet.now.bids += rate * 8 / 10;
        sheet.now.bids_in_time += rate * 7 / 10;
        sheet.now.late += rate * 2 / 10;
        sheet.now.no_bids += rate / 10;
        sheet.now.errors += rate / 10;
        for us in [100, 200, 90_000] {
            sheet.record(Duration::from_micros(us + rate));
        }
        let cpu = second as u64 * second as u64 * 10_000;
        sheet.turn(Duration::from_secs(second as u64 + 1), || Some(cpu));
    }
    let second = Duration::from_secs(rates.len().max(1) as u64);
    Figures::of(sheet, &Told::default(), (second, second), (Some(9), Generator::default()))
}

fn svgs(page: &str) -> Vec<String> {
    let pieces = page.split("<svg").skip(1);
    pieces.map(|piece| format!("<svg{}</svg>", piece.split("</svg>").next().unwrap())).collect()
}

#[test]
fn a_page_is_whole_in_itself_and_its_pictures_are_well_formed() {
    let (steady, bent) = (figures(&[1_000; 4]), figures(&[250, 500, 750, 1_000]));
    let step = |rate: f64, refused| Step {
        offered_per_s: rate,
        answered_per_s: rate,
        goodput_per_s: rate * 0.9,
        p50_us: 100,
        p99_us: rate as u64,
        p99_9_us: 2 * rate as u64,
        server_cpu_us_per_request: Some(20.0),
        refused,
    };
    let steps = [step(500.0, None), step(1_000.0, None), step(2_000.0, Some("p99"))];
    // Where rates do not differ there is no curve against them.
    for (figures, steps, pictures) in [(&steady, &[][..], 4), (&bent, &[], 5), (&bent, &steps, 5)] {
        let page = page("http://a.example/<bid>?a&b", figures, steps);
        for foreign in ["<script", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("http://a.example/&lt;bid>?a&amp;b"));
        assert!(page.contains("prefers-color-scheme:dark"));
        let svgs = svgs(&page);
        assert_eq!(svgs.len(), pictures, "{page}");
        for svg in svgs {
            let document = roxmltree::Document::parse(&svg).unwrap_or_else(|why| {
                panic!("{why}: {svg}");
            });
            assert!(document.descendants().any(|node| node.attribute("class") == Some("grid")));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
        assert_eq!(page.contains("<td>2000<td>2000"), !steps.is_empty());
    }
}

#[test]
fn outcomes_fill_the_whole_height() {
    let picture = outcomes(&figures(&[1_000; 3]).seconds);
    // The errors, on top of all others, reach the upper edge.
    assert!(picture.contains("class=\"d area\" d=\"M294.0 12.0"), "{picture}");
}

#[test]
fn a_test_without_a_single_answer_has_a_page_as_well() {
    let page = page("http://a.example/", &figures(&[]), &[]);
    assert!(page.contains("Latency by percentile") && !page.contains("NaN"));
}
