//! What words does a text hold, however they are disguised? Folding for the rails alone.
//!
//! Accents, letters of other alphabets that look alike, digits and signs that stand for letters,
//! signs between letters, letters drawn out: none of them makes another word. `i`, `l` and `1` are
//! one letter here, on both sides. Asked for new words (cold).

use super::fold::plain;

/// The words of a text in several readings: signs and digits as gaps, and as letters; a capital
/// behind a small letter as the start of a word, and not.
pub fn readings(text: &str) -> Vec<Vec<String>> {
    let mut readings = vec![words(text, |_| None)];
    let apart = camel_apart(text);
    if apart != text {
        readings.push(words(&apart, |_| None));
    }
    if text.chars().any(|letter| for_letter(letter).is_some()) {
        let text = without_codes(text);
        readings.push(words(&text, for_letter));
        // A digit between letters stands for one; one at the end of a word only counts.
        readings.push(words(&without_numbers(&text), for_letter));
    }
    readings
}

/// One word or pattern in the letters that are compared; empty where it has none.
pub fn letters(word: &str) -> String {
    words(word, |_| None).concat()
}

fn words(text: &str, sign: impl Fn(char) -> Option<char>) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    for letter in text.chars() {
        if is_nothing(letter) {
            continue;
        }
        let start = words.last().is_some_and(|word| !word.is_empty());
        let mut folded = String::new();
        let mut gap = false;
        match sign(letter) {
            Some(stands_for) => folded.push(stands_for),
            None => gap = !fold(letter, &mut folded),
        }
        if start && gap {
            words.push(String::new());
        }
        if let (Some(word), false) = (words.last_mut(), gap) {
            word.push_str(&folded);
        }
    }
    words.retain(|word| !word.is_empty());
    for word in &mut words {
        *word = drawn_in(word).replace('l', "i");
    }
    spelt(words)
}

/// Adds what is compared of a letter; `false`: it stands between words.
fn fold(letter: char, out: &mut String) -> bool {
    let mut any = false;
    for letter in alike(letter).to_lowercase() {
        match plain(letter) {
            Some(plain) => out.push_str(plain),
            None if letter.is_alphabetic() => out.push(alike(letter)),
            None => continue,
        }
        any = true;
    }
    any
}

/// What can be put between letters without being seen.
const fn is_nothing(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
        | '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\'' | '’' | '‘' | '`' | '*' | '^'
        | '"')
}

const fn for_letter(sign: char) -> Option<char> {
    Some(match sign {
        '0' => 'o',
        '1' | '!' | '|' | '¡' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' | '§' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' | '6' => 'g',
        '2' => 'z',
        _ => return None,
    })
}

/// The Latin letter that another one looks like.
const fn alike(letter: char) -> char {
    match letter {
        '\u{ff21}'..='\u{ff3a}' => of(letter, '\u{ff21}', b'a'),
        '\u{ff41}'..='\u{ff5a}' => of(letter, '\u{ff41}', b'a'),
        '\u{24b6}'..='\u{24cf}' => of(letter, '\u{24b6}', b'a'),
        '\u{24d0}'..='\u{24e9}' => of(letter, '\u{24d0}', b'a'),
        // Mathematical letters: 13 alphabets of 52.
        '\u{1d400}'..='\u{1d6a3}' => char_of(b'a' + ((letter as u32 - 0x1d400) % 52 % 26) as u8),
        '\u{1f130}'..='\u{1f149}' => of(letter, '\u{1f130}', b'a'),
        'а' | 'А' | 'α' | 'Α' | 'ɑ' => 'a',
        'в' | 'В' | 'β' | 'Β' | 'ь' => 'b',
        'с' | 'С' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'Е' | 'ё' | 'ε' | 'Ε' | 'є' => 'e',
        'ɡ' => 'g',
        'н' | 'Н' | 'һ' | 'Η' => 'h',
        'і' | 'І' | 'ї' | 'ι' | 'Ι' | 'ӏ' | 'ɩ' => 'i',
        'ј' | 'Ј' => 'j',
        'к' | 'К' | 'κ' | 'Κ' => 'k',
        'м' | 'М' | 'Μ' => 'm',
        'Ν' | 'п' => 'n',
        'о' | 'О' | 'ο' | 'Ο' | 'σ' | 'օ' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'г' => 'r',
        'ѕ' | 'Ѕ' => 's',
        'т' | 'Т' | 'τ' | 'Τ' => 't',
        'υ' | 'ս' => 'u',
        'ν' | 'ѵ' => 'v',
        'ш' | 'ω' | 'ԝ' => 'w',
        'х' | 'Х' | 'χ' | 'Χ' => 'x',
        'у' | 'У' | 'γ' | 'Υ' => 'y',
        'Ζ' => 'z',
        other => other,
    }
}

const fn of(letter: char, first: char, base: u8) -> char {
    char_of(base + (letter as u32 - first as u32) as u8)
}

const fn char_of(byte: u8) -> char {
    byte as char
}

/// Three of one letter and more are one.
fn drawn_in(word: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let runs = letters.chunk_by(|a, b| a == b);
    runs.flat_map(|run| &run[..if run.len() > 2 { 1 } else { run.len() }]).collect()
}

/// Letters that stand alone side by side are one word that was spelt out.
fn spelt(words: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    let mut open = false;
    for word in words {
        let single = word.chars().count() == 1;
        match joined.last_mut() {
            Some(last) if single && open => last.push_str(&word),
            _ => joined.push(word),
        }
        open = single;
    }
    joined
}

/// The text with a blank before each capital that follows a small letter.
fn camel_apart(text: &str) -> String {
    let mut apart = String::with_capacity(text.len());
    let mut before = ' ';
    for letter in text.chars() {
        if before.is_lowercase() && letter.is_uppercase() {
            apart.push(' ');
        }
        apart.push(letter);
        before = letter;
    }
    apart
}

/// The text with gaps for the signs of words that have as many of them as letters: codes.
fn without_codes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let within = |letter: char| letter.is_alphanumeric() || for_letter(letter).is_some();
    for part in text.split_inclusive(|letter| !within(letter)) {
        let signs = part.chars().filter(|&letter| for_letter(letter).is_some()).count();
        let letters = part.chars().filter(|letter| letter.is_alphabetic()).count();
        let gap = |sign| if for_letter(sign).is_some() && letters <= signs { ' ' } else { sign };
        kept.extend(part.chars().map(gap));
    }
    kept
}

/// The text without numbers that stand alone or at the end of a word.
fn without_numbers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < letters.len() {
        let digits = letters[at..].iter().take_while(|letter| letter.is_ascii_digit()).count();
        let ends = letters.get(at + digits).is_none_or(|next| !next.is_alphanumeric());
        if digits > 0 && ends {
            kept.push(' ');
        } else {
            kept.extend(&letters[at..at + digits.max(1)]);
        }
        at += digits.max(1);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_come_off() {
        for (text, word) in [
            ("MuSLiM", "musiim"),
            ("mus1im", "musiim"),
            ("mu$l!m", "musiim"),
            ("М\u{430}uslim", "mausiim"),
            ("ｍｕｓｌｉｍ", "musiim"),
            ("𝐦𝐮𝐬𝐥𝐢𝐦", "musiim"),
            ("m-u-s-l-i-m", "musiim"),
            ("m u s l i m", "musiim"),
            ("mus\u{200b}lim", "musiim"),
            ("mu*slim", "musiim"),
            ("musliiiim", "musiim"),
            ("müslïm", "musiim"),
        ] {
            let read = readings(text);
            let found = read.iter().flatten().any(|read| read == word);
            assert!(found, "{text}: {read:?}");
        }
    }

    #[test]
    fn words_stay_apart() {
        let read = readings("catholic_householdsUSA");
        assert_eq!(read[0], ["cathoiic", "househoidsusa"]);
        assert_eq!(read[1], ["cathoiic", "househoids", "usa"]);
        assert_eq!(readings("gay2026")[0], ["gay"]);
        assert!(readings("l68").iter().all(|words| *words == ["i"]), "a code is no word");
        assert_eq!(letters("Ünion"), "union");
    }
}
