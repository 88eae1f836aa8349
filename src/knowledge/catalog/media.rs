//! What is in a file that Interlude is to host? Its SHA-256, its size and its kind, by its bytes.
//!
//! Called by [`read`](super::read) for each `file:`; cold. A file is hashed once, until it changes.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::market::format::AudioMime;

use super::mark::Mark;
use super::values::Complaint;

/// What the first bytes of a file say that it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    Audio(AudioMime),
    Image(&'static str),
}

#[derive(Clone, Debug)]
pub struct Hosted {
    /// Hex SHA-256.
    pub hash: String,
    pub size: u64,
    pub path: PathBuf,
    pub content: Option<Content>,
}

/// The files read so far, by their path, each as it was when it was read.
#[derive(Default)]
pub struct Files(HashMap<PathBuf, (Option<Mark>, Hosted)>);

impl Files {
    /// Reads `file`, which stands relative to `folder`, unless it is as it was read before.
    pub fn read(&mut self, folder: &Path, file: &str, most: u64) -> Result<Hosted, Complaint> {
        let path = folder.join(file);
        let mark = Mark::of(&path);
        if let Some((known, hosted)) = self.0.get(&path)
            && mark.is_some()
            && *known == mark
        {
            return Ok(hosted.clone());
        }
        let hosted = read(&path, file, most)?;
        self.0.insert(path, (mark.and_then(Mark::settled), hosted.clone()));
        Ok(hosted)
    }

    /// Whether the file is still as it was read.
    pub fn holds(&self, path: &Path) -> bool {
        self.0.get(path).is_some_and(|(known, _)| known.is_some() && *known == Mark::of(path))
    }

    /// Forgets all files but those.
    pub fn keep<'p>(&mut self, paths: impl Iterator<Item = &'p PathBuf>) {
        let kept: HashSet<&PathBuf> = paths.collect();
        self.0.retain(|path, _| kept.contains(path));
    }
}

fn read(path: &Path, file: &str, most: u64) -> Result<Hosted, Complaint> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let mend = format!("it was looked for at {}", path.display());
            Complaint::mend(format!("no file `{file}`"), mend)
        }
        _ => Complaint::new(format!("`{file}` cannot be read: {error}")),
    };
    let mut reader = std::fs::File::open(path).map_err(failed)?;
    if !reader.metadata().map_err(failed)?.is_file() {
        return Err(Complaint::new(format!("`{file}` is no file")));
    }
    let mut bytes = Vec::new();
    reader.by_ref().take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.is_empty() {
        return Err(Complaint::new(format!("`{file}` is empty")));
    }
    let size = bytes.len() as u64;
    if size > most {
        return Err(Complaint::new(format!("`{file}` has more than {most} bytes")));
    }
    let mut hash = String::with_capacity(64);
    for byte in Sha256::digest(&bytes) {
        hash += &format!("{byte:02x}");
    }
    Ok(Hosted { hash, size, path: path.to_owned(), content: content(&bytes) })
}

/// Tells a format by its magic bytes.
pub fn content(bytes: &[u8]) -> Option<Content> {
    use AudioMime::{Aac, Flac, Mp4, Mpeg, Ogg, Opus, Wav, Webm, Wma};
    let at =
        |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|b| b.starts_with(magic));
    let audio = |mime| Some(Content::Audio(mime));
    match bytes {
        _ if at(0, b"OggS") && at(28, b"OpusHead") => audio(Opus),
        _ if at(0, b"OggS") => audio(Ogg),
        _ if at(0, b"RIFF") && at(8, b"WAVE") => audio(Wav),
        _ if at(0, b"RIFF") && at(8, b"WEBP") => Some(Content::Image("image/webp")),
        _ if at(0, b"fLaC") => audio(Flac),
        _ if at(4, b"ftyp") => audio(Mp4),
        _ if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) => audio(Webm),
        _ if at(0, &[0x30, 0x26, 0xb2, 0x75]) => audio(Wma),
        _ if at(0, b"ID3") => audio(Mpeg),
        _ if at(0, b"\x89PNG") => Some(Content::Image("image/png")),
        _ if at(0, &[0xff, 0xd8, 0xff]) => Some(Content::Image("image/jpeg")),
        _ if at(0, b"GIF8") => Some(Content::Image("image/gif")),
        // An MPEG frame starts with eleven set bits; the layer's bits are 00 in ADTS alone.
        [0xff, second, ..] if second & 0xf6 == 0xf0 => audio(Aac),
        [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => audio(Mpeg),
        _ => None,
    }
}

/// What the ending of a URL's path says.
pub fn content_of_name(url: &str) -> Option<Content> {
    use AudioMime::{Aac, Flac, Mp4, Mpeg, Ogg, Opus, Wav, Webm, Wma};
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let ending = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match ending.as_str() {
        "mp3" => Content::Audio(Mpeg),
        "m4a" | "mp4" => Content::Audio(Mp4),
        "aac" => Content::Audio(Aac),
        "ogg" | "oga" => Content::Audio(Ogg),
        "opus" => Content::Audio(Opus),
        "wav" => Content::Audio(Wav),
        "flac" => Content::Audio(Flac),
        "webm" | "weba" => Content::Audio(Webm),
        "wma" => Content::Audio(Wma),
        "png" => Content::Image("image/png"),
        "jpg" | "jpeg" => Content::Image("image/jpeg"),
        "gif" => Content::Image("image/gif"),
        "webp" => Content::Image("image/webp"),
        _ => return None,
    })
}

/// Whether bytes of one kind may be declared as another: Ogg is a container that holds Opus.
pub fn may_be_declared(found: AudioMime, declared: AudioMime) -> bool {
    use AudioMime::{Aac, Mp4, Ogg, Opus};
    found == declared || matches!((found, declared), (Opus, Ogg) | (Ogg, Opus) | (Mp4, Aac))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_bytes() {
        for (bytes, wanted) in [
            (b"ID3\x04rest".as_slice(), Some(Content::Audio(AudioMime::Mpeg))),
            (&[0xff, 0xfb, 0x90, 0x00], Some(Content::Audio(AudioMime::Mpeg))),
            (&[0xff, 0xf1, 0x50, 0x80], Some(Content::Audio(AudioMime::Aac))),
            (b"RIFF\0\0\0\0WAVEfmt ", Some(Content::Audio(AudioMime::Wav))),
            (b"OggS\0\0", Some(Content::Audio(AudioMime::Ogg))),
            (b"\0\0\0\x20ftypM4A ", Some(Content::Audio(AudioMime::Mp4))),
            (b"\x89PNG\r\n", Some(Content::Image("image/png"))),
            (b"<html>", None),
            (b"root:x:0:0", None),
            (b"", None),
            (&[0xff], None),
        ] {
            assert_eq!(content(bytes), wanted, "{bytes:?}");
        }
        assert_eq!(
            content_of_name("https://a.example/x.MP3?y=.png"),
            Some(Content::Audio(AudioMime::Mpeg))
        );
        assert_eq!(content_of_name("https://a.example/x"), None);
    }
}
