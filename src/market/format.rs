//! Which audio formats and VAST versions are there? Small sets over closed lists.
//!
//! A slot says what it takes, a rendition what it is; fitting them is one `&`. Hot.

/// An audio MIME family; aliases of one family match each other (`audio/mp3` = `audio/mpeg`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum AudioMime {
    Mpeg,
    Mp4,
    Aac,
    Ogg,
    Opus,
    Wav,
    Flac,
    Webm,
    Wma,
}

impl AudioMime {
    pub const ALL: [AudioMime; 9] = [
        AudioMime::Mpeg,
        AudioMime::Mp4,
        AudioMime::Aac,
        AudioMime::Ogg,
        AudioMime::Opus,
        AudioMime::Wav,
        AudioMime::Flac,
        AudioMime::Webm,
        AudioMime::Wma,
    ];

    /// Reads a MIME type, any case, parameters ignored; `None` for what is not audio.
    pub fn parse(mime: &str) -> Option<AudioMime> {
        let essence = mime.split(';').next().unwrap_or(mime).trim();
        let (kind, subtype) = essence.split_once('/')?;
        if !kind.eq_ignore_ascii_case("audio") {
            return None;
        }
        const NAMES: [(&str, AudioMime); 20] = [
            ("mpeg", AudioMime::Mpeg),
            ("mp3", AudioMime::Mpeg),
            ("mpeg3", AudioMime::Mpeg),
            ("x-mpeg-3", AudioMime::Mpeg),
            ("x-mp3", AudioMime::Mpeg),
            ("mp4", AudioMime::Mp4),
            ("m4a", AudioMime::Mp4),
            ("x-m4a", AudioMime::Mp4),
            ("aac", AudioMime::Aac),
            ("aacp", AudioMime::Aac),
            ("x-aac", AudioMime::Aac),
            ("ogg", AudioMime::Ogg),
            ("vorbis", AudioMime::Ogg),
            ("opus", AudioMime::Opus),
            ("wav", AudioMime::Wav),
            ("x-wav", AudioMime::Wav),
            ("vnd.wav", AudioMime::Wav),
            ("flac", AudioMime::Flac),
            ("webm", AudioMime::Webm),
            ("x-ms-wma", AudioMime::Wma),
        ];
        NAMES.iter().find(|(name, _)| subtype.eq_ignore_ascii_case(name)).map(|&(_, mime)| mime)
    }

    /// The registered name, as it stands in VAST and in media responses.
    pub const fn as_str(self) -> &'static str {
        match self {
            AudioMime::Mpeg => "audio/mpeg",
            AudioMime::Mp4 => "audio/mp4",
            AudioMime::Aac => "audio/aac",
            AudioMime::Ogg => "audio/ogg",
            AudioMime::Opus => "audio/opus",
            AudioMime::Wav => "audio/wav",
            AudioMime::Flac => "audio/flac",
            AudioMime::Webm => "audio/webm",
            AudioMime::Wma => "audio/x-ms-wma",
        }
    }
}

/// A set of [`AudioMime`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MimeSet(u16);

impl MimeSet {
    pub const fn empty() -> MimeSet {
        MimeSet(0)
    }

    pub const fn with(self, mime: AudioMime) -> MimeSet {
        MimeSet(self.0 | 1 << mime as u16)
    }

    pub const fn contains(self, mime: AudioMime) -> bool {
        self.0 & (1 << mime as u16) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A VAST version that Interlude writes, oldest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum VastVersion {
    V2_0,
    V3_0,
    V4_0,
    V4_1,
    V4_2,
    V4_3,
}

impl VastVersion {
    pub const ALL: [VastVersion; 6] = [
        VastVersion::V2_0,
        VastVersion::V3_0,
        VastVersion::V4_0,
        VastVersion::V4_1,
        VastVersion::V4_2,
        VastVersion::V4_3,
    ];

    /// AdCOM "Creative Subtypes – Audio/Video": the code of the inline (not wrapper) form.
    pub const fn protocol(self) -> i64 {
        match self {
            VastVersion::V2_0 => 2,
            VastVersion::V3_0 => 3,
            VastVersion::V4_0 => 7,
            VastVersion::V4_1 => 11,
            VastVersion::V4_2 => 13,
            VastVersion::V4_3 => 15,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            VastVersion::V2_0 => "2.0",
            VastVersion::V3_0 => "3.0",
            VastVersion::V4_0 => "4.0",
            VastVersion::V4_1 => "4.1",
            VastVersion::V4_2 => "4.2",
            VastVersion::V4_3 => "4.3",
        }
    }

    /// The newest version among `protocols`; an exchange that lists none takes 4.2, 3.0 or 2.0
    /// alike, and gets 3.0, which every player of audio reads. `None`: only what we do not write
    /// (wrappers, DAAST, VAST 1) is taken.
    pub fn newest_of(protocols: &[i64]) -> Option<VastVersion> {
        if protocols.is_empty() {
            return Some(VastVersion::V3_0);
        }
        VastVersion::ALL.into_iter().rev().find(|version| protocols.contains(&version.protocol()))
    }
}
