//! What does a TC string of the EU say? Versions 1 and 2.0–2.3, the core and all segments.
//!
//! IAB Europe's "Consent string and vendor list formats v2" and its version 1. Called by
//! `permissions` (hot, nothing allocated) and by `interlude consent`. One walk over the text;
//! its cost goes with the length, whatever the text says.

use super::bits::{Bits, TEXT_MAX};
use super::fault::Fault;
use super::restrictions::Restrictions;
use super::vendors::Vendors;

/// A set of purposes or special features, numbered from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Flags {
    bits: u64,
    width: u8,
}

impl Flags {
    /// `width` bits, the first of which is number 1.
    pub fn read(bits: &mut Bits<'_>, width: u8) -> Result<Flags, Fault> {
        debug_assert!(width <= 63);
        let high = bits.int(u32::from(width.min(32)))?;
        let rest = width.saturating_sub(32);
        let low = bits.int(u32::from(rest))?;
        Ok(Flags { bits: high << rest | low, width })
    }

    #[inline]
    pub const fn has(self, number: u8) -> bool {
        number >= 1 && number <= self.width && self.bits >> (self.width - number) & 1 == 1
    }

    // cold: for show.
    pub fn numbers(self) -> Vec<u8> {
        (1..=self.width).filter(|&number| self.has(number)).collect()
    }

    /// One by one, from number 1.
    // cold: for show.
    pub fn each(self) -> Vec<bool> {
        (1..=self.width).map(|number| self.has(number)).collect()
    }
}

/// What all TC strings begin with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub version: u8,
    /// Tenths of a second since 1970.
    pub created_ds: u64,
    pub updated_ds: u64,
    pub cmp_id: u16,
    pub cmp_version: u16,
    pub consent_screen: u8,
    pub language: [u8; 2],
    pub vendor_list_version: u16,
}

impl Head {
    pub fn read(bits: &mut Bits<'_>) -> Result<Head, Fault> {
        Ok(Head {
            version: bits.u8(6)?,
            created_ds: bits.int(36)?,
            updated_ds: bits.int(36)?,
            cmp_id: bits.u16(12)?,
            cmp_version: bits.u16(12)?,
            consent_screen: bits.u8(6)?,
            language: bits.letters()?,
            vendor_list_version: bits.u16(12)?,
        })
    }
}

/// The publisher's own purposes: consent and legitimate interest (EU), express and implied
/// consent (Canada).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PublisherPurposes {
    pub consents: Flags,
    pub interests: Flags,
    pub custom_consents: Flags,
    pub custom_interests: Flags,
}

impl PublisherPurposes {
    /// What stands behind the segment's type.
    pub fn read(bits: &mut Bits<'_>) -> Result<PublisherPurposes, Fault> {
        let (consents, interests) = (Flags::read(bits, 24)?, Flags::read(bits, 24)?);
        let custom = bits.u8(6)?;
        Ok(PublisherPurposes {
            consents,
            interests,
            custom_consents: Flags::read(bits, custom)?,
            custom_interests: Flags::read(bits, custom)?,
        })
    }

    pub const fn custom_count(&self) -> u8 {
        self.custom_consents.width
    }
}

/// A TC string. Of version 1 what version 2 added is empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tcf<'a> {
    pub head: Head,
    pub policy_version: u8,
    pub service_specific: bool,
    pub non_standard_texts: bool,
    pub special_features: Flags,
    pub purposes: Flags,
    pub interests: Flags,
    pub purpose_one_treatment: bool,
    pub country: [u8; 2],
    pub vendors: Option<Vendors<'a>>,
    pub vendor_interests: Option<Vendors<'a>>,
    pub restrictions: Restrictions<'a>,
    pub disclosed: Option<Vendors<'a>>,
    /// Vendors that may act outside of the string's bases (gone with version 2.2: only shown).
    pub allowed: Option<Vendors<'a>>,
    pub publisher: Option<PublisherPurposes>,
}

/// The types of the segments behind the core.
pub(super) const DISCLOSED: u8 = 1;
const ALLOWED: u8 = 2;
pub(super) const PUBLISHER: u8 = 3;

impl<'a> Tcf<'a> {
    /// Reads a string, looking for the vendor `ours` on the way.
    pub fn decode(text: &'a str, ours: u16) -> Result<Tcf<'a>, Fault> {
        if text.len() > TEXT_MAX {
            return Err(Fault::TooLong);
        }
        let mut segments = text.split('.');
        let core = segments.next().unwrap_or_default();
        let mut bits = Bits::of(core)?;
        let head = Head::read(&mut bits)?;
        match head.version {
            1 => Tcf::version_1(head, &mut bits),
            2 => {
                let mut tcf = Tcf::core(head, &mut bits, ours)?;
                // Some writers send the core twice; a repeat says nothing new.
                let mut rest = segments.filter(|&segment| segment != core);
                rest.try_for_each(|segment| tcf.segment(segment, ours))?;
                Ok(tcf)
            }
            other => Err(Fault::Version(other)),
        }
    }

    fn version_1(head: Head, bits: &mut Bits<'a>) -> Result<Tcf<'a>, Fault> {
        let purposes = Flags::read(bits, 24)?;
        let vendors = Some(Vendors::read_v1(bits)?);
        Ok(Tcf { purposes, vendors, ..Tcf::blank(head) })
    }

    fn core(head: Head, bits: &mut Bits<'a>, ours: u16) -> Result<Tcf<'a>, Fault> {
        Ok(Tcf {
            policy_version: bits.u8(6)?,
            service_specific: bits.flag()?,
            non_standard_texts: bits.flag()?,
            special_features: Flags::read(bits, 12)?,
            purposes: Flags::read(bits, 24)?,
            interests: Flags::read(bits, 24)?,
            purpose_one_treatment: bits.flag()?,
            country: bits.letters()?,
            vendors: Some(Vendors::read(bits, ours)?),
            vendor_interests: Some(Vendors::read(bits, ours)?),
            restrictions: Restrictions::read(bits, ours)?,
            ..Tcf::blank(head)
        })
    }

    fn segment(&mut self, text: &'a str, ours: u16) -> Result<(), Fault> {
        let mut bits = Bits::of(text)?;
        let twice = match bits.u8(3)? {
            DISCLOSED => self.disclosed.replace(Vendors::read(&mut bits, ours)?).is_some(),
            ALLOWED => self.allowed.replace(Vendors::read(&mut bits, ours)?).is_some(),
            PUBLISHER => self.publisher.replace(PublisherPurposes::read(&mut bits)?).is_some(),
            other => return Err(Fault::Segment(other)),
        };
        if twice { Err(Fault::SegmentTwice) } else { Ok(()) }
    }

    fn blank(head: Head) -> Tcf<'a> {
        Tcf {
            head,
            policy_version: 2,
            service_specific: false,
            non_standard_texts: false,
            special_features: Flags::default(),
            purposes: Flags::default(),
            interests: Flags::default(),
            purpose_one_treatment: false,
            country: *b"AA",
            vendors: None,
            vendor_interests: None,
            restrictions: Restrictions::default(),
            disclosed: None,
            allowed: None,
            publisher: None,
        }
    }
}
