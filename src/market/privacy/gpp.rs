//! Which sections has a GPP string? Its header, and what stands behind each `~`.
//!
//! IAB Tech Lab's "Consent String Specification". Hot: nothing is allocated; the ids go into a
//! small list, as there can be no more of them than there are sections.

use super::bits::{Bits, TEXT_MAX};
use super::fault::Fault;

/// 27 sections have been defined; a string may have so many.
pub(super) const SECTIONS_MAX: usize = 64;

/// `Type` and `Version` of the header.
const TYPE: u8 = 3;
const VERSION: u8 = 1;

#[derive(Clone, Copy, Debug)]
pub(super) struct Gpp<'a> {
    ids: [u16; SECTIONS_MAX],
    len: usize,
    /// What stands behind the header's `~`.
    sections: &'a str,
}

impl<'a> Gpp<'a> {
    /// Reads the header, and checks that there are as many sections as it names.
    pub fn decode(text: &'a str) -> Result<Gpp<'a>, Fault> {
        if text.len() > TEXT_MAX {
            return Err(Fault::TooLong);
        }
        let (header, sections) = match text.split_once('~') {
            Some((header, sections)) => (header, Some(sections)),
            None => (text, None),
        };
        let mut gpp = Gpp { ids: [0; SECTIONS_MAX], len: 0, sections: sections.unwrap_or("") };
        gpp.header(&mut Bits::of(header)?)?;
        let there = sections.map_or(0, |all| 1 + all.bytes().filter(|&b| b == b'~').count());
        if there == gpp.len {
            Ok(gpp)
        } else {
            Err(Fault::Sections(gpp.len as u16, u16::try_from(there).unwrap_or(u16::MAX)))
        }
    }

    /// `Type`, `Version`, and the ids as ranges of Fibonacci integers, each the distance to the
    /// one before.
    fn header(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        if bits.u8(6)? != TYPE || bits.u8(6)? != VERSION {
            return Err(Fault::Header);
        }
        let mut id = 0_u16;
        for _ in 0..bits.u16(12)? {
            let is_range = bits.flag()?;
            id = id.checked_add(bits.fibonacci()?).ok_or(Fault::Header)?;
            self.push(id)?;
            for _ in 0..if is_range { bits.fibonacci()? } else { 0 } {
                id = id.checked_add(1).ok_or(Fault::Header)?;
                self.push(id)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, id: u16) -> Result<(), Fault> {
        *self.ids.get_mut(self.len).ok_or(Fault::Header)? = id;
        self.len += 1;
        Ok(())
    }

    /// Ascending, as the header names them.
    pub fn ids(&self) -> &[u16] {
        &self.ids[..self.len]
    }

    pub fn sections(&self) -> impl Iterator<Item = (u16, &'a str)> {
        self.ids().iter().copied().zip(self.sections.split('~'))
    }
}
