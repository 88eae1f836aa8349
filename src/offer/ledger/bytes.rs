//! How do numbers and words stand in entries and snapshots? Little endian, no padding.

use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;

/// Why bytes cannot be taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Cut {
    #[error("it is cut off")]
    Short,
    #[error("{0} bytes too many")]
    Long(usize),
    #[error("its {0} is none of ours")]
    Value(&'static str),
}

/// Puts values behind one another.
pub(super) trait Put {
    fn raw(&mut self, bytes: &[u8]);

    fn u8(&mut self, n: u8) {
        self.raw(&[n]);
    }

    fn u16(&mut self, n: u16) {
        self.raw(&n.to_le_bytes());
    }

    fn u32(&mut self, n: u32) {
        self.raw(&n.to_le_bytes());
    }

    fn u64(&mut self, n: u64) {
        self.raw(&n.to_le_bytes());
    }

    fn i32(&mut self, n: i32) {
        self.raw(&n.to_le_bytes());
    }

    fn i64(&mut self, n: i64) {
        self.raw(&n.to_le_bytes());
    }

    fn moment(&mut self, moment: Moment) {
        self.i64(moment.unix_us);
    }

    fn currency(&mut self, currency: Currency) {
        self.raw(&currency.bytes());
    }

    fn money(&mut self, money: Money) {
        self.currency(money.currency);
        self.i64(money.nanos);
    }

    /// At most 65,535 bytes; what is longer is cut at a character.
    fn text(&mut self, text: &str) {
        let cut = &text[..text.floor_char_boundary(usize::from(u16::MAX))];
        self.u16(cut.len() as u16);
        self.raw(cut.as_bytes());
    }

    /// How many follow; a caller splits what is more than 2³²−1.
    fn count(&mut self, n: usize) {
        self.u32(u32::try_from(n).unwrap_or(u32::MAX));
    }
}

impl Put for Vec<u8> {
    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Takes values from the front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take<'b>(pub &'b [u8]);

impl<'b> Take<'b> {
    pub fn raw(&mut self, n: usize) -> Result<&'b [u8], Cut> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Cut::Short)?;
        self.0 = rest;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Cut> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Cut::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, Cut> {
        self.array().map(u8::from_le_bytes)
    }

    pub fn u16(&mut self) -> Result<u16, Cut> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, Cut> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, Cut> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn i32(&mut self) -> Result<i32, Cut> {
        self.array().map(i32::from_le_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, Cut> {
        self.array().map(i64::from_le_bytes)
    }

    pub fn moment(&mut self) -> Result<Moment, Cut> {
        self.i64().map(Moment::from_unix_us)
    }

    pub fn currency(&mut self) -> Result<Currency, Cut> {
        Currency::from_bytes(self.array()?).ok_or(Cut::Value("currency"))
    }

    pub fn money(&mut self) -> Result<Money, Cut> {
        let currency = self.currency()?;
        Ok(Money::new(self.i64()?, currency))
    }

    pub fn text(&mut self) -> Result<&'b str, Cut> {
        let len = usize::from(self.u16()?);
        std::str::from_utf8(self.raw(len)?).map_err(|_| Cut::Value("text"))
    }

    pub fn flag(&mut self) -> Result<bool, Cut> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Cut::Value("flag")),
        }
    }

    /// How many follow, each of at least `bytes`: never more than there is room for.
    pub fn count(&mut self, bytes: usize) -> Result<usize, Cut> {
        let n = self.u32()? as usize;
        if n > self.0.len() / bytes.max(1) { Err(Cut::Short) } else { Ok(n) }
    }

    /// Each of what a count announces.
    pub fn each<T>(
        &mut self,
        bytes: usize,
        mut one: impl FnMut(&mut Take<'b>) -> Result<T, Cut>,
    ) -> Result<Vec<T>, Cut> {
        let n = self.count(bytes)?;
        let mut all = Vec::with_capacity(n);
        for _ in 0..n {
            all.push(one(self)?);
        }
        Ok(all)
    }

    pub fn end(self) -> Result<(), Cut> {
        if self.0.is_empty() { Ok(()) } else { Err(Cut::Long(self.0.len())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken() {
        let mut out = Vec::new();
        out.u8(1);
        out.u16(2);
        out.u32(3);
        out.u64(4);
        out.i32(-5);
        out.i64(-6);
        out.moment(Moment::from_unix_us(7));
        out.money(Money::new(-8, Currency::EUR));
        out.text("nine");
        out.u8(1);
        out.count(2);
        out.raw(&[10, 11]);
        let mut take = Take(&out);
        assert_eq!((take.u8(), take.u16(), take.u32()), (Ok(1), Ok(2), Ok(3)));
        assert_eq!((take.u64(), take.i32(), take.i64()), (Ok(4), Ok(-5), Ok(-6)));
        assert_eq!(take.moment(), Ok(Moment::from_unix_us(7)));
        assert_eq!(take.money(), Ok(Money::new(-8, Currency::EUR)));
        assert_eq!((take.text(), take.flag()), (Ok("nine"), Ok(true)));
        assert_eq!(take.end(), Err(Cut::Long(6)));
        assert_eq!(take.each(1, Take::u8), Ok(vec![10, 11]));
        assert_eq!(take.end(), Ok(()));
        assert_eq!(take.u8(), Err(Cut::Short));
    }

    #[test]
    fn what_is_none_of_ours_is_refused() {
        assert_eq!(Take(b"usd").currency(), Err(Cut::Value("currency")));
        assert_eq!(Take(&[2]).flag(), Err(Cut::Value("flag")));
        assert_eq!(Take(&[1, 0, 0xff]).text(), Err(Cut::Value("text")));
        assert_eq!(Take(&[2, 0, b'a']).text(), Err(Cut::Short));
        // A count that promises more than there is allocates nothing.
        assert_eq!(Take(&[0xff, 0xff, 0xff, 0xff, 0, 0]).count(1), Err(Cut::Short));
        assert_eq!(Take(&[1, 0, 0, 0, 0, 0]).count(2), Ok(1));
        assert_eq!(Take(&[1, 0, 0, 0, 0]).count(2), Err(Cut::Short));
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_at_a_character() {
        let mut out = Vec::new();
        out.text(&"é".repeat(40_000));
        assert_eq!(Take(&out).text().map(str::len), Ok(65_534));
    }
}
