//! When are two spellings one word? Folding into a buffer on the stack.
//!
//! Called for every value of a request that is looked up (hot, allocates nothing) and for every
//! value that is interned (cold).

use super::Dimension;

/// The longest folded word, in bytes; longer ones are in no vocabulary.
pub const FOLDED_MAX: usize = 256;

/// How the spellings of a dimension's values are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Folding {
    /// Somebody's ids: every byte counts.
    Exact,
    /// Case does not count (`com.Spotify.Music` = `com.spotify.music`).
    Case,
    /// Case, spaces and hyphens do not count (`iOS 17` = `ios-17`), points do (`17.1`).
    Spaced,
    /// Words: only letters, digits and the signs that tell names apart count
    /// (`Hip-Hop` = `hip hop`, `Beyoncé` = `Beyonce`; `P!nk` is not `pnk`).
    Word,
    /// A language tag: its primary subtag (`en-GB` = `en`).
    Language,
}

impl Folding {
    pub const fn of(dimension: Dimension) -> Folding {
        use Dimension::{App, Deal, Exchange, List, Lookalike, OsVersion, Publisher};
        match dimension {
            Exchange | Publisher | Deal | List | Lookalike => Folding::Exact,
            App => Folding::Case,
            OsVersion => Folding::Spaced,
            Dimension::ContentLanguage | Dimension::Language => Folding::Language,
            _ => Folding::Word,
        }
    }
}

/// Folds `text` into a buffer on the stack and hands it to `take`. `None`: nothing is left of the
/// text, or more than [`FOLDED_MAX`] bytes.
#[inline]
pub fn folded<R>(folding: Folding, text: &str, take: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let text = text.trim_ascii();
    if folding == Folding::Exact {
        return (!text.is_empty() && text.len() <= FOLDED_MAX).then(|| take(text.as_bytes()));
    }
    let text = match folding {
        Folding::Language => &text[..text.find(['-', '_']).unwrap_or(text.len())],
        _ => text,
    };
    // Most words are short, and clearing a large buffer would cost more than folding them.
    if text.len() <= 64 && text.is_ascii() {
        let mut bytes = [0; 64];
        let len = fold_ascii(text, folding, &mut bytes);
        return (len > 0).then(|| take(&bytes[..len]));
    }
    let mut buffer = Buffer { bytes: [0; FOLDED_MAX], len: 0 };
    let fits = buffer.fold_unicode(text, folding);
    (fits && buffer.len > 0).then(|| take(&buffer.bytes[..buffer.len]))
}

/// Every byte is written and only those that count move the end on: no branch to guess.
#[inline]
fn fold_ascii(text: &str, folding: Folding, bytes: &mut [u8; 64]) -> usize {
    let table = &TABLES[folding as usize];
    let mut len = 0;
    for byte in text.bytes() {
        let kept = table[usize::from(byte & 127)];
        bytes[len & 63] = kept;
        len += usize::from(kept != 0);
    }
    len.min(64)
}

/// For each folding, what an ASCII byte becomes; 0: it does not count.
const TABLES: [[u8; 128]; 5] = {
    let mut tables = [[0; 128]; 5];
    let foldings =
        [Folding::Exact, Folding::Case, Folding::Spaced, Folding::Word, Folding::Language];
    let mut at = 0;
    while at < foldings.len() {
        let mut byte = 1;
        while byte < 128 {
            if counts(foldings[at], byte) {
                tables[foldings[at] as usize][byte as usize] = byte.to_ascii_lowercase();
            }
            byte += 1;
        }
        at += 1;
    }
    tables
};

struct Buffer {
    bytes: [u8; FOLDED_MAX],
    len: usize,
}

impl Buffer {
    fn push(&mut self, bytes: &[u8]) -> bool {
        let Some(room) = self.bytes.get_mut(self.len..self.len + bytes.len()) else {
            return false;
        };
        room.copy_from_slice(bytes);
        self.len += bytes.len();
        true
    }

    #[cold]
    fn fold_unicode(&mut self, text: &str, folding: Folding) -> bool {
        let table = &TABLES[folding as usize];
        text.chars().flat_map(char::to_lowercase).all(|letter| {
            if letter.is_ascii() {
                let kept = table[letter as usize];
                return kept == 0 || self.push(&[kept]);
            }
            match plain(letter) {
                Some(plain) => self.push(plain.as_bytes()),
                None => self.push(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        })
    }
}

/// Whether an ASCII byte stands in words rather than between them.
const fn counts(folding: Folding, byte: u8) -> bool {
    match folding {
        Folding::Exact | Folding::Case | Folding::Language => true,
        Folding::Spaced => !matches!(byte, b' ' | b'-' | b'_'),
        Folding::Word => !matches!(
            byte,
            b' ' | b'-'
                | b'_'
                | b'/'
                | b'.'
                | b','
                | b'\''
                | b'('
                | b')'
                | b'>'
                | b'|'
                | b'"'
                | b'\t'
        ),
    }
}

/// A lower-case letter without its accent, so that composed, decomposed and plain spellings of
/// one name meet. `Some("")` drops a combining mark or a typographic sign.
pub const fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        '\u{300}'..='\u{36f}' | '’' | '‘' | '“' | '”' | '–' | '—' | '\u{a0}' | '\u{200b}' => {
            ""
        }
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' | 'ĝ' | 'ġ' | 'ģ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'ķ' => "k",
        'ł' | 'ľ' | 'ĺ' | 'ļ' => "l",
        'ñ' | 'ń' | 'ň' | 'ņ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ß' => "ss",
        'ť' | 'ţ' | 'ț' => "t",
        'þ' => "th",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(folding: Folding, text: &str) -> Option<String> {
        folded(folding, text, |bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn spellings_of_one_word_meet() {
        for (a, b) in [
            ("Hip-Hop", " hip hop "),
            ("R.E.M.", "rem"),
            ("Beyoncé", "BEYONCE"),
            ("Beyonce\u{301}", "beyoncé"),
            ("Sigur Rós", "sigur ros"),
            ("Guns N’ Roses", "guns n' roses"),
            ("ЗЕМФИРА", "земфира"),
            ("STRAßE", "strasse"),
        ] {
            assert_eq!(fold(Folding::Word, a), fold(Folding::Word, b), "{a} = {b}");
        }
        for (a, b) in [("P!nk", "pnk"), ("r&b", "rb"), ("65+", "65"), ("A$AP", "aap")] {
            assert_ne!(fold(Folding::Word, a), fold(Folding::Word, b), "{a} ≠ {b}");
        }
    }

    #[test]
    fn ids_keep_every_byte() {
        assert_ne!(fold(Folding::Exact, "Deal-1"), fold(Folding::Exact, "deal1"));
        assert_eq!(fold(Folding::Exact, " Deal-1 ").unwrap(), "Deal-1");
        assert_eq!(fold(Folding::Case, "com.App-x").unwrap(), "com.app-x");
        assert_eq!(fold(Folding::Spaced, "iOS 17.1").unwrap(), "ios17.1");
        assert_eq!(fold(Folding::Language, "EN_gb").unwrap(), "en");
    }

    #[test]
    fn nothing_and_too_much_are_no_words() {
        assert_eq!(fold(Folding::Word, " -- "), None);
        assert_eq!(fold(Folding::Word, ""), None);
        assert_eq!(fold(Folding::Word, &"a".repeat(FOLDED_MAX)).unwrap().len(), FOLDED_MAX);
        assert_eq!(fold(Folding::Word, &"a".repeat(FOLDED_MAX + 1)), None);
        assert_eq!(fold(Folding::Word, &"ж".repeat(FOLDED_MAX)), None);
    }
}
