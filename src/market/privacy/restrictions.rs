//! What does the publisher forbid us? The restrictions of TC strings.
//!
//! Each says of a purpose and of some vendors: not at all, only by consent, or only by legitimate
//! interest. Those that are about us are gathered while they are walked; hot.

use super::bits::Bits;
use super::fault::Fault;
use super::vendors::Vendors;

/// `PubRestrictionEntry` types; 3 is not defined.
const NOT_ALLOWED: u8 = 0;
const REQUIRE_CONSENT: u8 = 1;
const REQUIRE_INTEREST: u8 = 2;

/// The restrictions as they stand in the string, and which of them are about us: bit `p` is
/// purpose `p`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Restrictions<'a> {
    start: Option<Bits<'a>>,
    count: u16,
    form: Form,
    not_allowed: u64,
    require_consent: u64,
    require_interest: u64,
}

/// How the vendors of an entry are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Form {
    /// As ranges: the EU, and Canada as its specification first had it.
    #[default]
    Ranges,
    /// With the head of a vendor section, as bits or as ranges.
    Section,
}

/// One restriction, for show.
#[derive(Clone, Debug)]
pub(super) struct Restriction {
    pub purpose: u8,
    pub kind: u8,
    pub vendors: Vec<u16>,
}

impl<'a> Restrictions<'a> {
    /// Those of the EU; goes on behind them.
    pub fn read(bits: &mut Bits<'a>, ours: u16) -> Result<Restrictions<'a>, Fault> {
        Restrictions::walk(bits, ours, Form::Ranges)
    }

    /// Those of Canada, which end the core and are written in two ways: whichever reading comes
    /// out at the padding is meant; `false`: neither did. They may be missing, as older strings
    /// have none.
    pub fn read_canada(bits: Bits<'a>, ours: u16) -> Result<(Restrictions<'a>, bool), Fault> {
        if bits.left() < 12 {
            return Ok((Restrictions::default(), bits.is_padding()));
        }
        let read = |form| {
            let mut end = bits;
            Restrictions::walk(&mut end, ours, form).map(|read| (read, end.is_padding()))
        };
        match (read(Form::Ranges), read(Form::Section)) {
            (Ok((ranges, true)), _) => Ok((ranges, true)),
            (_, Ok((section, true))) => Ok((section, true)),
            (Ok((mut ranges, _)), Ok((section, _))) => {
                ranges.not_allowed |= section.not_allowed;
                Ok((ranges, false))
            }
            (Ok(one), _) | (_, Ok(one)) => Ok(one),
            (Err(fault), _) => Err(fault),
        }
    }

    fn walk(bits: &mut Bits<'a>, ours: u16, form: Form) -> Result<Restrictions<'a>, Fault> {
        let count = bits.u16(12)?;
        let mut all = Restrictions { start: Some(*bits), count, form, ..Restrictions::default() };
        for _ in 0..count {
            let (purpose, kind, vendors) = entry(bits, ours, form)?;
            let about_us = u64::from(vendors.has_ours()) << purpose;
            match kind {
                NOT_ALLOWED => all.not_allowed |= about_us,
                REQUIRE_CONSENT => all.require_consent |= about_us,
                _ => all.require_interest |= about_us,
            }
        }
        Ok(all)
    }

    pub const fn forbids(&self, purpose: u8) -> bool {
        self.not_allowed >> purpose & 1 == 1
    }

    pub const fn requires_consent(&self, purpose: u8) -> bool {
        self.require_consent >> purpose & 1 == 1
    }

    pub const fn requires_interest(&self, purpose: u8) -> bool {
        self.require_interest >> purpose & 1 == 1
    }

    /// All of them.
    // cold: for show.
    pub fn list(&self) -> Vec<Restriction> {
        let Some(mut bits) = self.start else { return Vec::new() };
        let next = |_| {
            let (purpose, kind, vendors) = entry(&mut bits, 0, self.form).ok()?;
            Some(Restriction { purpose, kind, vendors: vendors.ids() })
        };
        (0..self.count).map_while(next).collect()
    }
}

fn entry<'a>(bits: &mut Bits<'a>, ours: u16, form: Form) -> Result<(u8, u8, Vendors<'a>), Fault> {
    let (purpose, kind) = (bits.u8(6)?, bits.u8(2)?);
    if purpose == 0 || kind > REQUIRE_INTEREST {
        return Err(Fault::Restriction);
    }
    let vendors = match form {
        Form::Ranges => Vendors::ranges(bits, ours)?,
        Form::Section => Vendors::read(bits, ours)?,
    };
    Ok((purpose, kind, vendors))
}
