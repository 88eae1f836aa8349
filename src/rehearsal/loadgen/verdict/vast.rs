//! Could a player play this? The VAST of a bid, read as XML and held against the audio slot. Cold.

use roxmltree::{Document, Node};
use serde_json::Value;

use super::{Wrong, list, must};

/// A bid may say whole seconds of a spot that has fractions of them.
const ROUNDING_S: f64 = 1.0;

/// Different names of one thing.
const ALIKE: [&[&str]; 3] = [
    &["audio/mpeg", "audio/mp3", "audio/mpeg3", "audio/x-mpeg-3"],
    &["audio/mp4", "audio/m4a", "audio/x-m4a", "audio/aac", "audio/aacp"],
    &["audio/wav", "audio/vnd.wav", "audio/x-wav"],
];

/// How long all its spots are, in seconds; `None` where that is told elsewhere.
pub fn fits(bid: &Value, audio: &Value) -> Result<Option<f64>, Wrong> {
    let adm = bid["adm"].as_str().unwrap_or_default();
    if adm.is_empty() && bid["nurl"].is_string() {
        // The markup may come with the win notice.
        return Ok(bid["dur"].as_f64());
    }
    let document = Document::parse(adm).map_err(|_| Wrong::NotXml)?;
    let root = document.root_element();
    must(root.tag_name().name() == "VAST" && root.has_attribute("version"), Wrong::NotVast)?;
    let ads: Vec<Node<'_, '_>> = children(root, "Ad").collect();
    must(!ads.is_empty(), Wrong::NotVast)?;
    let mut all_s = Some(0.0);
    for ad in ads {
        let ad_s = of_ad(ad, bid, audio)?;
        all_s = all_s.zip(ad_s).map(|(all_s, ad_s)| all_s + ad_s);
    }
    Ok(all_s.or_else(|| bid["dur"].as_f64()))
}

fn of_ad(ad: Node<'_, '_>, bid: &Value, audio: &Value) -> Result<Option<f64>, Wrong> {
    if let Some(wrapper) = children(ad, "Wrapper").next() {
        return must(has_url(wrapper, "VASTAdTagURI"), Wrong::NotVast).map(|()| None);
    }
    let inline = children(ad, "InLine").next().ok_or(Wrong::NotVast)?;
    let said = |name| children(inline, name).next().is_some();
    must(said("AdSystem") && said("AdTitle") && has_url(inline, "Impression"), Wrong::NotVast)?;
    let linears: Vec<Node<'_, '_>> =
        inline.descendants().filter(|node| node.tag_name().name() == "Linear").collect();
    must(!linears.is_empty(), Wrong::NotVast)?;
    let mut all_s = 0.0;
    for linear in linears {
        let duration = children(linear, "Duration").next().and_then(|node| seconds(text(node)?));
        let duration = duration.ok_or(Wrong::Duration)?;
        must(is_wanted(duration, audio), Wrong::Duration)?;
        let near = |told: f64| (told - duration).abs() < ROUNDING_S;
        must(bid["dur"].as_f64().is_none_or(near), Wrong::OtherDuration)?;
        let media: Vec<Node<'_, '_>> =
            linear.descendants().filter(|node| node.tag_name().name() == "MediaFile").collect();
        let whole = |file: &Node<'_, '_>| is_url(*file) && file.has_attribute("delivery");
        must(!media.is_empty() && media.iter().all(whole), Wrong::NotVast)?;
        let asked = list(&audio["mimes"]);
        let heard = media.iter().filter_map(|file| file.attribute("type"));
        let plays = { heard }.any(|own| asked.iter().any(|mime| same(mime, own)));
        must(asked.is_empty() || plays, Wrong::OtherMime)?;
        all_s += duration;
    }
    Ok(Some(all_s))
}

fn is_wanted(duration: f64, audio: &Value) -> bool {
    let exact: Vec<f64> = list(&audio["rqddurs"]).iter().filter_map(Value::as_f64).collect();
    let within = audio["poddur"].as_f64().is_none_or(|pod| duration <= pod + 0.5);
    within
        && match exact.is_empty() {
            true => {
                duration >= audio["minduration"].as_f64().unwrap_or(0.0) - 0.5
                    && duration <= audio["maxduration"].as_f64().unwrap_or(f64::MAX) + 0.5
            }
            false => exact.iter().any(|wanted| (duration - wanted).abs() < 0.5),
        }
}

fn same(asked: &Value, own: &str) -> bool {
    let Some(asked) = asked.as_str() else { return false };
    let either = |names: &&[&str]| names.contains(&asked) && names.contains(&own);
    asked == own || ALIKE.iter().any(either)
}

/// `00:00:15.500`
fn seconds(clock: &str) -> Option<f64> {
    let mut parts = clock.split(':');
    let mut next = |most: f64| {
        let part = parts.next()?.parse::<f64>().ok()?;
        (0.0..most).contains(&part).then_some(part)
    };
    let (hours, minutes, seconds) = (next(100.0)?, next(60.0)?, next(60.0)?);
    parts.next().is_none().then_some(hours * 3600.0 + minutes * 60.0 + seconds)
}

fn children<'a, 'i>(of: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    of.children().filter(move |node| node.tag_name().name() == name)
}

fn text<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    node.text().map(str::trim).filter(|text| !text.is_empty())
}

fn has_url(of: Node<'_, '_>, name: &'static str) -> bool {
    children(of, name).any(is_url)
}

/// A text that begins as a URL; CDATA comes in pieces where it holds `]]>`.
fn is_url(node: Node<'_, '_>) -> bool {
    text(node).is_some_and(|url| url.starts_with("http://") || url.starts_with("https://"))
}
