//! What does a TC string of Canada say? GPP section 5, version 1.
//!
//! IAB Canada's "GPP extension: TCF Canada". The shape is that of the EU, with express and implied
//! consent for consent and legitimate interest. Hot.

use super::bits::{Bits, TEXT_MAX};
use super::fault::Fault;
use super::restrictions::Restrictions;
use super::tcf::{DISCLOSED, Flags, Head, PUBLISHER, PublisherPurposes};
use super::vendors::Vendors;

#[derive(Clone, Copy, Debug)]
pub(super) struct Canada<'a> {
    pub head: Head,
    pub policy_version: u8,
    pub non_standard_texts: bool,
    pub special_features: Flags,
    pub express: Flags,
    pub implied: Flags,
    pub vendors_express: Vendors<'a>,
    pub vendors_implied: Vendors<'a>,
    pub restrictions: Restrictions<'a>,
    pub publisher: Option<PublisherPurposes>,
    pub disclosed: Option<Vendors<'a>>,
}

impl<'a> Canada<'a> {
    /// Reads a section, looking for the vendor `ours` on the way.
    pub fn decode(text: &'a str, ours: u16) -> Result<Canada<'a>, Fault> {
        if text.len() > TEXT_MAX {
            return Err(Fault::TooLong);
        }
        let mut segments = text.split('.');
        let mut bits = Bits::of(segments.next().unwrap_or_default())?;
        let head = Head::read(&mut bits)?;
        let mut canada = Canada {
            head,
            policy_version: bits.u8(6)?,
            non_standard_texts: bits.flag()?,
            special_features: Flags::read(&mut bits, 12)?,
            express: Flags::read(&mut bits, 24)?,
            implied: Flags::read(&mut bits, 24)?,
            vendors_express: Vendors::read(&mut bits, ours)?,
            vendors_implied: Vendors::read(&mut bits, ours)?,
            restrictions: Restrictions::read_canada(&mut bits, ours)?,
            publisher: None,
            disclosed: None,
        };
        segments.try_for_each(|segment| canada.segment(segment, ours))?;
        Ok(canada)
    }

    fn segment(&mut self, text: &'a str, ours: u16) -> Result<(), Fault> {
        let mut bits = Bits::of(text)?;
        let twice = match bits.u8(3)? {
            DISCLOSED => self.disclosed.replace(Vendors::read(&mut bits, ours)?).is_some(),
            PUBLISHER => self.publisher.replace(PublisherPurposes::read(&mut bits)?).is_some(),
            other => return Err(Fault::Segment(other)),
        };
        if twice { Err(Fault::SegmentTwice) } else { Ok(()) }
    }
}
