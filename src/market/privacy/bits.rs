//! How are bits read that stand in base64url text? Straight from the text, without copying it.
//!
//! Under all decoders of consent strings; hot. The text is checked once, then fields are cut out
//! of its sextets. Every read is bounded by the text.

use super::fault::Fault;

/// A consent string may have so many characters; those of today have up to two thousand.
pub const TEXT_MAX: usize = 16 * 1024;

const NO_SEXTET: u8 = 0xFF;

/// The six bits of each character (RFC 4648 §5).
const SEXTETS: [u8; 256] = {
    let mut table = [NO_SEXTET; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut value = 0;
    while value < 64 {
        table[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// A place in a string of bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// The bits of a segment; base64url without padding.
    pub fn of(text: &'a str) -> Result<Bits<'a>, Fault> {
        let text = text.as_bytes();
        if text.is_empty() {
            return Err(Fault::Empty);
        }
        if text.len() > TEXT_MAX {
            return Err(Fault::TooLong);
        }
        // No early end: so the loop is done several characters at a time.
        let good = text.iter().fold(true, |good, &byte| {
            let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
            good & (letter | (byte.wrapping_sub(b'0') < 10) | (byte == b'-') | (byte == b'_'))
        });
        if good { Ok(Bits { text, at: 0 }) } else { Err(Fault::Alphabet) }
    }

    /// How many bits are left, the padding of the last character included.
    pub const fn left(&self) -> usize {
        self.text.len() * 6 - self.at
    }

    /// An unsigned integer of at most 48 bits, the highest first.
    #[inline]
    pub fn int(&mut self, bits: u32) -> Result<u64, Fault> {
        debug_assert!(bits <= 48);
        let wide = bits as usize;
        if wide > self.left() {
            return Err(Fault::Short);
        }
        let (first, offset) = (self.at / 6, self.at % 6);
        let sextets = (offset + wide).div_ceil(6);
        let mut value = 0_u64;
        for &byte in &self.text[first..first + sextets] {
            value = value << 6 | u64::from(SEXTETS[usize::from(byte)] & 63);
        }
        self.at += wide;
        Ok(value >> (sextets * 6 - offset - wide) & ((1 << bits) - 1))
    }

    #[inline]
    pub fn u8(&mut self, bits: u32) -> Result<u8, Fault> {
        Ok(self.int(bits)? as u8)
    }

    #[inline]
    pub fn u16(&mut self, bits: u32) -> Result<u16, Fault> {
        Ok(self.int(bits)? as u16)
    }

    #[inline]
    pub fn flag(&mut self) -> Result<bool, Fault> {
        Ok(self.int(1)? != 0)
    }

    /// Two letters of six bits each, A being 0; some write small ones, a being 32.
    pub fn letters(&mut self) -> Result<[u8; 2], Fault> {
        let pair = [b'A' + self.u8(6)?, b'A' + self.u8(6)?];
        if pair.iter().all(u8::is_ascii_alphabetic) {
            Ok(pair.map(|letter| letter.to_ascii_uppercase()))
        } else {
            Err(Fault::Letters)
        }
    }

    #[inline]
    pub fn skip(&mut self, bits: usize) -> Result<(), Fault> {
        if bits > self.left() {
            return Err(Fault::Short);
        }
        self.at += bits;
        Ok(())
    }

    /// The bit so many places ahead, without going there.
    #[inline]
    pub fn peek(mut self, ahead: usize) -> bool {
        self.skip(ahead).and_then(|()| self.flag()).unwrap_or(false)
    }

    /// Nothing but noughts from here on.
    pub fn is_padding(mut self) -> bool {
        while self.left() > 0 {
            let bits = self.left().min(48) as u32;
            if self.int(bits) != Ok(0) {
                return false;
            }
        }
        true
    }

    /// A positive integer in Fibonacci coding: a one for each Fibonacci number (1, 2, 3, 5 …)
    /// of the sum, ended by a second one. None that is larger than 65,535 is of use here.
    pub fn fibonacci(&mut self) -> Result<u16, Fault> {
        let (mut number, mut next, mut sum) = (1_u32, 2_u32, 0_u32);
        let mut one_before = false;
        while number < 1 << 17 {
            let one = self.flag()?;
            if one && one_before {
                return u16::try_from(sum).map_err(|_| Fault::Header);
            }
            sum += if one { number } else { 0 };
            (number, next) = (next, number + next);
            one_before = one;
        }
        Err(Fault::Header)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    fn naive(text: &str) -> Vec<bool> {
        let six = |c: char| ALPHABET.iter().position(|&a| char::from(a) == c).unwrap();
        text.chars().flat_map(|c| (0..6).rev().map(move |n| six(c) >> n & 1 == 1)).collect()
    }

    #[test]
    fn the_alphabet_is_base64url_and_nothing_else() {
        for byte in 0..=127_u8 {
            let text = char::from(byte).to_string();
            let fine = Bits::of(&text).is_ok();
            assert_eq!(fine, ALPHABET.contains(&byte), "{text:?}");
            assert_eq!(fine, SEXTETS[usize::from(byte)] != NO_SEXTET);
        }
        assert_eq!(Bits::of("").unwrap_err(), Fault::Empty);
        assert_eq!(Bits::of(&"A".repeat(TEXT_MAX + 1)).unwrap_err(), Fault::TooLong);
    }

    proptest! {
        #[test]
        fn fields_are_cut_as_a_naive_reader_cuts_them(
            text in "[A-Za-z0-9_-]{1,60}",
            widths in prop::collection::vec(1_u32..=48, 0..20),
        ) {
            let all = naive(&text);
            let (mut bits, mut at) = (Bits::of(&text).unwrap(), 0);
            for width in widths {
                let there = all.get(at..at + width as usize);
                let expected = there.map(|b| b.iter().fold(0, |v, &b| v << 1 | u64::from(b)));
                prop_assert_eq!(bits.int(width), expected.ok_or(Fault::Short));
                if expected.is_some() {
                    at += width as usize;
                }
                prop_assert_eq!(bits.left(), all.len() - at);
                prop_assert_eq!(bits.is_padding(), all[at..].iter().all(|bit| !bit));
                prop_assert_eq!(bits.peek(3), all.get(at + 3).copied().unwrap_or(false));
            }
        }

        #[test]
        fn fibonacci_numbers_come_back(number in 1_u16..) {
            let (mut left, mut coded) = (u32::from(number), vec![true]);
            let mut numbers = vec![1_u32, 2];
            while numbers[numbers.len() - 1] + numbers[numbers.len() - 2] <= left {
                numbers.push(numbers[numbers.len() - 1] + numbers[numbers.len() - 2]);
            }
            for number in numbers.into_iter().rev() {
                let one = number <= left;
                left -= if one { number } else { 0 };
                if one || coded.len() > 1 {
                    coded.push(one);
                }
            }
            coded.reverse();
            coded.resize(coded.len().div_ceil(6) * 6, false);
            let six = |b: &[bool]| b.iter().fold(0, |v, &b| v << 1 | usize::from(b));
            let text: String =
                coded.chunks(6).map(|c| char::from(ALPHABET[six(c)])).collect();
            prop_assert_eq!(Bits::of(&text).unwrap().fibonacci(), Ok(number));
        }
    }
}
