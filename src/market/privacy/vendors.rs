//! Which vendors does a string name? Bit fields and ranges, scanned in place.
//!
//! Part of TC strings of the EU and Canada; hot: one vendor, ours, is looked for while the
//! section is walked, as its end has to be found anyway. Lists are for `interlude consent`.

use super::bits::Bits;
use super::fault::Fault;

/// A set of vendors as it stands in the string.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vendors<'a> {
    form: Form,
    /// Where the bits or the entries begin.
    bits: Bits<'a>,
    ours: bool,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// One bit for each vendor up to the highest.
    Field(u16),
    /// So many single ids and ranges.
    Ranges(u16),
    /// The same, each number as the Fibonacci code of how far it is from the one before.
    Steps(u16),
}

impl<'a> Vendors<'a> {
    /// `MaxVendorId`, `IsRangeEncoding`, then one or the other; goes on behind it.
    pub fn read(bits: &mut Bits<'a>, ours: u16) -> Result<Vendors<'a>, Fault> {
        let highest = bits.u16(16)?;
        if bits.flag()? { Vendors::ranges(bits, ours) } else { Vendors::field(bits, highest, ours) }
    }

    /// The same with ranges in Fibonacci codes, as one of Canada's writers has them.
    pub fn read_steps(bits: &mut Bits<'a>, ours: u16) -> Result<Vendors<'a>, Fault> {
        let highest = bits.u16(16)?;
        if !bits.flag()? {
            return Vendors::field(bits, highest, ours);
        }
        let count = bits.u16(12)?;
        let (start, mut at, mut found) = (*bits, 0, false);
        for _ in 0..count {
            let (first, last) = step(bits, at)?;
            found |= first <= ours && ours <= last;
            at = last;
        }
        Ok(Vendors { form: Form::Steps(count), bits: start, ours: found })
    }

    /// The same in version 1, which may say who is refused instead; that is not read.
    pub fn read_v1(bits: &mut Bits<'a>) -> Result<Vendors<'a>, Fault> {
        let highest = bits.u16(16)?;
        if !bits.flag()? {
            return Vendors::field(bits, highest, 0);
        }
        if bits.flag()? { Err(Fault::DefaultConsent) } else { Vendors::ranges(bits, 0) }
    }

    fn field(bits: &mut Bits<'a>, highest: u16, ours: u16) -> Result<Vendors<'a>, Fault> {
        let start = *bits;
        bits.skip(usize::from(highest))?;
        let ours = (1..=highest).contains(&ours) && start.peek(usize::from(ours) - 1);
        Ok(Vendors { form: Form::Field(highest), bits: start, ours })
    }

    /// `NumEntries` and the entries: what restrictions have without the head.
    pub fn ranges(bits: &mut Bits<'a>, ours: u16) -> Result<Vendors<'a>, Fault> {
        let count = bits.u16(12)?;
        let (start, mut found) = (*bits, false);
        for _ in 0..count {
            let (first, last) = entry(bits)?;
            found |= first <= ours && ours <= last;
        }
        Ok(Vendors { form: Form::Ranges(count), bits: start, ours: found })
    }

    /// Whether the vendor that was looked for is one of them.
    pub const fn has_ours(&self) -> bool {
        self.ours
    }

    /// All of them, ascending, each once.
    // cold: for show.
    pub fn ids(&self) -> Vec<u16> {
        let mut bits = self.bits;
        match self.form {
            Form::Field(highest) => {
                (1..=highest).filter(|&id| bits.peek(usize::from(id) - 1)).collect()
            }
            Form::Ranges(_) | Form::Steps(_) => {
                let mut ranges = self.entries(&mut bits);
                ranges.sort_unstable();
                let (mut ids, mut from) = (Vec::new(), 1);
                for (first, last) in ranges {
                    let fresh = first.max(from)..=last;
                    if !fresh.is_empty() {
                        from = last.saturating_add(1);
                        ids.extend(fresh);
                    }
                }
                ids.dedup();
                ids
            }
        }
    }

    // cold: for show.
    fn entries(&self, bits: &mut Bits<'_>) -> Vec<(u16, u16)> {
        let mut at = 0;
        let mut next_step = |bits: &mut Bits<'_>| {
            let range = step(bits, at).ok()?;
            at = range.1;
            Some(range)
        };
        match self.form {
            Form::Field(_) => Vec::new(),
            Form::Ranges(count) => (0..count).map_while(|_| entry(bits).ok()).collect(),
            Form::Steps(count) => (0..count).map_while(|_| next_step(bits)).collect(),
        }
    }
}

/// A single id, or the first and the last of a range, behind the id `at`.
fn step(bits: &mut Bits<'_>, at: u16) -> Result<(u16, u16), Fault> {
    let ranged = bits.flag()?;
    let first = at.checked_add(bits.fibonacci()?).ok_or(Fault::Backwards)?;
    let length = if ranged { bits.fibonacci()? } else { 0 };
    Ok((first, first.checked_add(length).ok_or(Fault::Backwards)?))
}

/// A single id, or the first and the last of a range.
#[inline]
fn entry(bits: &mut Bits<'_>) -> Result<(u16, u16), Fault> {
    let (first, last) = if bits.flag()? {
        let both = bits.int(32)?;
        ((both >> 16) as u16, both as u16)
    } else {
        let one = bits.u16(16)?;
        (one, one)
    };
    match (first, last) {
        (0, _) => Err(Fault::VendorZero),
        (first, last) if last < first => Err(Fault::Backwards),
        both => Ok(both),
    }
}
