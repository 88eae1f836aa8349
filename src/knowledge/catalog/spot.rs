//! What is this creative made of? Renditions, companions and trackers, with their files.
//!
//! Called by [`read`](super::read) for each creative; cold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::market::format::AudioMime;

use super::contents;
use super::limits::Limits;
use super::media::{Content, Files, Hosted, content_of_name, may_be_declared};
use super::model::{
    Companion, CompanionResource, Creative, Delivery, HostedFile, Media, PlayerEvent, Rendition,
    Tracker, Verification,
};
use super::node::Node;
use super::often;
use super::tables::{COMPANION, EVENTS, RENDITION, TRACKER, UNIVERSAL_AD_ID, VERIFICATION};
use super::values::{self, Complaint};
use super::walk::{Fields, Findings, Trail};

/// Where the files of a document are, and those that have been read.
pub struct Shelf<'s> {
    pub folder: &'s Path,
    pub files: &'s mut Files,
    pub media: &'s mut contents::Shelf,
    pub reads: &'s mut Vec<PathBuf>,
    pub limits: &'s Limits,
    pub archived: bool,
}

/// Where the bytes are, and what is known of them.
struct Source {
    media: Media,
    content: Option<Content>,
    size: Option<u64>,
}

const EVENT_ORDER: [PlayerEvent; 13] = [
    PlayerEvent::Impression,
    PlayerEvent::Start,
    PlayerEvent::FirstQuartile,
    PlayerEvent::Midpoint,
    PlayerEvent::ThirdQuartile,
    PlayerEvent::Complete,
    PlayerEvent::Mute,
    PlayerEvent::Unmute,
    PlayerEvent::Pause,
    PlayerEvent::Resume,
    PlayerEvent::Skip,
    PlayerEvent::Error,
    PlayerEvent::NotUsed,
];

/// The name of an event in campaign files, which is VAST's.
pub fn event_name(event: PlayerEvent) -> &'static str {
    let at = EVENT_ORDER.iter().position(|&known| known == event).unwrap_or(0);
    EVENTS[at]
}

impl Shelf<'_> {
    pub fn creative(&mut self, fields: &Fields<'_>) -> Option<Creative> {
        let most = self.limits.list;
        let findings = fields.findings;
        let duration_ms = fields.read("duration", |text| match values::decimal(text, 3)? {
            ms @ 100..=3_600_000 => Ok(ms as u32),
            _ => Err(Complaint::new(format!("`{text}` seconds: a spot has 0.1 to 3600"))),
        });
        let length = duration_ms.unwrap_or(30_000);
        let mut renditions = Vec::new();
        fields.each("renditions", self.limits.renditions.min(32), |node, trail| {
            renditions.extend(self.rendition(findings, node, trail, length));
        });
        let mezzanine = fields.node("mezzanine").and_then(|node| {
            self.rendition(findings, node, &fields.trail.key("mezzanine"), length)
        });
        let mut companions = Vec::new();
        fields.each("companions", self.limits.companions, |node, trail| {
            companions.extend(self.companion(findings, node, trail));
        });
        let apis = fields.ints("apis", most);
        let verifications = verifications(fields, most, &apis);
        let crid = fields.text("crid").unwrap_or_default();
        let creative = Creative {
            title: fields.text("title").unwrap_or_else(|| crid.clone()),
            crid,
            duration_ms: length,
            renditions,
            mezzanine,
            companions,
            click_through: fields.text("click_through"),
            click_trackers: fields.texts("click_trackers", most),
            trackers: trackers(fields, most),
            attr: fields.ints("attr", most),
            apis,
            verifications,
            language: fields.text("language"),
            universal_ad_id: universal_ad_id(fields),
            nvol: fields.int("nvol"),
            qagmediarating: fields.int("qagmediarating"),
            caps: often::caps(fields, &["caps"], &[]),
        };
        // Only now, so that every key has been read and its faults told.
        (duration_ms.is_some() && !creative.crid.is_empty()).then_some(creative)
    }

    fn rendition(
        &mut self,
        findings: &Findings<'_>,
        node: &Node,
        trail: &Trail<'_>,
        duration_ms: u32,
    ) -> Option<Rendition> {
        let fields = Fields::open(findings, node, trail, &RENDITION)?;
        let delivery = match fields.text("delivery").as_deref() {
            Some("streaming") => Delivery::Streaming,
            _ => Delivery::Progressive,
        };
        let bitrate = fields.int("bitrate");
        let size = fields.int("size");
        let source = self.source(&fields);
        let mime = mime(&fields, source.as_ref());
        let source = source?;
        let size = source.size.or_else(|| u64::try_from(size?).ok());
        let told = size.map(|bytes| bytes.saturating_mul(8) / u64::from(duration_ms.max(1)));
        let bitrate = bitrate.and_then(|kbps| u32::try_from(kbps).ok());
        let bitrate_kbps = bitrate.or_else(|| u32::try_from(told?.max(1)).ok());
        if bitrate_kbps.is_none() && !fields.has("bitrate") {
            let mend = "write `bitrate:` in kbps; it is told from a `file:` alone";
            let complaint = Complaint::mend("the bitrate of a remote file is not known", mend);
            findings.fault(node.place, trail, complaint);
        }
        Some(Rendition {
            media: source.media,
            mime: mime?,
            bitrate_kbps: bitrate_kbps?,
            delivery,
            size,
        })
    }

    fn companion(
        &mut self,
        findings: &Findings<'_>,
        node: &Node,
        trail: &Trail<'_>,
    ) -> Option<Companion> {
        let most = self.limits.list;
        let fields = Fields::open(findings, node, trail, &COMPANION)?;
        let resource = self.resource(&fields);
        let (w, h) = (fields.int("width"), fields.int("height"));
        let companion = Companion {
            w: u32::try_from(w.unwrap_or_default()).ok()?,
            h: u32::try_from(h.unwrap_or_default()).ok()?,
            click_through: fields.text("click_through"),
            trackers: fields.texts("trackers", most),
            alt: fields.text("alt"),
            attr: fields.ints("attr", most),
            apis: fields.ints("apis", most),
            end_card: fields.bool("end_card").unwrap_or(false),
            resource: resource?,
        };
        (w.is_some() && h.is_some()).then_some(companion)
    }

    fn resource(&mut self, fields: &Fields<'_>) -> Option<CompanionResource> {
        let html = fields.text("html").map(CompanionResource::Html);
        let iframe = fields.text("iframe").map(CompanionResource::Iframe);
        let given = ["file", "url", "hash", "html", "iframe"].into_iter().filter(|k| fields.has(k));
        if given.count() != 1 {
            let mend = "write one of `file`, `url`, `html` and `iframe`";
            let complaint = Complaint::mend("a companion shows one thing", mend);
            fields.findings.fault(fields.place, fields.trail, complaint);
            return None;
        }
        if fields.has("html") || fields.has("iframe") {
            return html.or(iframe);
        }
        let source = self.source(fields)?;
        let told = match source.content {
            Some(Content::Image(mime)) => Some(mime),
            Some(Content::Audio(_)) => {
                fields.fault("file", Complaint::new("audio where an image must stand"));
                return None;
            }
            None => None,
        };
        let mime = fields.read("mime", |text| match text.to_ascii_lowercase() {
            mime if mime.starts_with("image/") => Ok(mime),
            _ => Err(Complaint::mend(format!("`{text}` is no image"), "as `image/png`")),
        });
        let mime = mime.or_else(|| told.map(str::to_owned));
        if mime.is_none() && !fields.has("mime") {
            let complaint = Complaint::mend("what image this is cannot be told", "write `mime:`");
            fields.findings.fault(fields.place, fields.trail, complaint);
        }
        Some(CompanionResource::Static { media: source.media, mime: mime? })
    }

    /// The one of `file`, `url` and `hash` that stands.
    fn source(&mut self, fields: &Fields<'_>) -> Option<Source> {
        let given: Vec<_> =
            ["file", "url", "hash"].into_iter().filter(|name| fields.has(name)).collect();
        match given[..] {
            ["file"] => {
                let most = self.limits.media_bytes;
                let file = fields.read("file", |file| {
                    self.reads.push(self.folder.join(file));
                    self.files.read(self.folder, file, most)
                })?;
                if file.content.is_none() {
                    let message = "neither audio nor an image by its first bytes";
                    fields.fault("file", Complaint::new(message));
                    return None;
                }
                Some(self.hosted(file))
            }
            ["url"] => {
                let url = fields.text("url")?;
                Some(Source {
                    content: content_of_name(&url),
                    media: Media::Remote(url),
                    size: None,
                })
            }
            ["hash"] if self.archived => {
                let hash = fields.text("hash")?;
                Some(Source { media: Media::Hosted(hash), content: None, size: None })
            }
            ["hash"] => {
                let mend = "write `file:`; a hash alone stands in archives";
                fields.fault("hash", Complaint::mend("the bytes of this hash are not here", mend));
                None
            }
            _ => {
                let mend = "write `file:` for media that Interlude hosts, or `url:`";
                let complaint = Complaint::mend("one of `file` and `url` must stand", mend);
                fields.findings.fault(fields.place, fields.trail, complaint);
                None
            }
        }
    }

    fn hosted(&mut self, file: Hosted) -> Source {
        let mime = match file.content {
            Some(Content::Audio(mime)) => mime.as_str(),
            Some(Content::Image(mime)) => mime,
            None => "application/octet-stream",
        };
        let hosted = HostedFile { path: file.path, mime: mime.to_owned(), size: file.size };
        self.media.entry(file.hash.clone()).or_insert_with(|| Arc::new(hosted));
        let media = Media::Hosted(file.hash);
        Source { media, content: file.content, size: Some(file.size) }
    }
}

/// The declared type, checked against the bytes; else what the bytes or the name say.
fn mime(fields: &Fields<'_>, source: Option<&Source>) -> Option<AudioMime> {
    let told = source.and_then(|source| source.content);
    let declared = fields.read("mime", |text| {
        AudioMime::parse(text).ok_or_else(|| {
            let known = AudioMime::ALL.map(AudioMime::as_str).join(", ");
            Complaint::mend(format!("`{text}` is no known audio type"), format!("known: {known}"))
        })
    });
    if fields.has("mime") && declared.is_none() {
        return None;
    }
    let hosted = matches!(source, Some(Source { media: Media::Hosted(_), .. }));
    match (declared, told) {
        (_, Some(Content::Image(mime))) if hosted => {
            fields.fault("file", Complaint::new(format!("{mime} where audio must stand")));
            None
        }
        (Some(declared), Some(Content::Audio(found)))
            if hosted && !may_be_declared(found, declared) =>
        {
            let message = format!("declared {}, but its bytes are not", declared.as_str());
            let mend = format!("write `{}`", found.as_str());
            fields.fault("mime", Complaint::mend(message, mend));
            None
        }
        (Some(declared), _) => Some(declared),
        (None, Some(Content::Audio(found))) => Some(found),
        (None, _) => {
            if source.is_some() {
                let mend = "write `mime:`, as `audio/mpeg`";
                let complaint = Complaint::mend("what audio this is cannot be told", mend);
                fields.findings.fault(fields.place, fields.trail, complaint);
            }
            None
        }
    }
}

fn trackers(fields: &Fields<'_>, most: usize) -> Vec<Tracker> {
    let mut trackers = Vec::new();
    fields.each("trackers", most, |node, trail| {
        let Some(fields) = Fields::open(fields.findings, node, trail, &TRACKER) else { return };
        let event = fields.text("event");
        let at = event.and_then(|event| EVENTS.iter().position(|&known| known == event));
        let url = fields.text("url");
        if let (Some(at), Some(url)) = (at, url) {
            trackers.push(Tracker { event: EVENT_ORDER[at], url });
        }
    });
    trackers
}

fn verifications(fields: &Fields<'_>, most: usize, apis: &[i64]) -> Vec<Verification> {
    let mut verifications = Vec::new();
    fields.each("verifications", most, |node, trail| {
        let Some(fields) = Fields::open(fields.findings, node, trail, &VERIFICATION) else {
            return;
        };
        let parameters = fields.text("parameters");
        if let (Some(vendor), Some(script_url)) = (fields.text("vendor"), fields.text("script_url"))
        {
            verifications.push(Verification { vendor, script_url, parameters });
        }
    });
    if !verifications.is_empty() && !apis.contains(&7) {
        let complaint = Complaint::mend("verifications run in OMID alone", "write `apis: [7]`");
        fields.fault("verifications", complaint);
    }
    verifications
}

fn universal_ad_id(fields: &Fields<'_>) -> Option<(String, String)> {
    let trail = fields.trail.key("universal_ad_id");
    let node = fields.node("universal_ad_id")?;
    let fields = Fields::open(fields.findings, node, &trail, &UNIVERSAL_AD_ID)?;
    let registry = fields.text("registry");
    Some((registry?, fields.text("value")?))
}
