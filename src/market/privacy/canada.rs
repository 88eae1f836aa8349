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
    /// Reads a section, looking for the vendor `ours` on the way. Writers code ranges of vendors
    /// in two ways that nothing tells apart: whichever reading ends at the padding is meant.
    pub fn decode(text: &'a str, ours: u16) -> Result<Canada<'a>, Fault> {
        if text.len() > TEXT_MAX {
            return Err(Fault::TooLong);
        }
        let mut segments = text.split('.');
        let core = Bits::of(segments.next().unwrap_or_default())?;
        let mut canada = match Canada::core(core, ours, Vendors::read) {
            Ok((canada, true)) => canada,
            other => match (Canada::core(core, ours, Vendors::read_steps), other) {
                (Ok((canada, true)), _) | (_, Ok((canada, _))) => canada,
                (_, Err(fault)) => return Err(fault),
            },
        };
        segments.try_for_each(|segment| canada.segment(segment, ours))?;
        Ok(canada)
    }

    /// The first segment, and whether nothing but padding is behind it.
    fn core(
        mut bits: Bits<'a>,
        ours: u16,
        vendors: fn(&mut Bits<'a>, u16) -> Result<Vendors<'a>, Fault>,
    ) -> Result<(Canada<'a>, bool), Fault> {
        let head = Head::read(&mut bits)?;
        let policy_version = bits.u8(6)?;
        let non_standard_texts = bits.flag()?;
        let special_features = Flags::read(&mut bits, 12)?;
        let (express, implied) = (Flags::read(&mut bits, 24)?, Flags::read(&mut bits, 24)?);
        let (vendors_express, vendors_implied) =
            (vendors(&mut bits, ours)?, vendors(&mut bits, ours)?);
        let (restrictions, ended) = Restrictions::read_canada(bits, ours)?;
        let canada = Canada {
            head,
            policy_version,
            non_standard_texts,
            special_features,
            express,
            implied,
            vendors_express,
            vendors_implied,
            restrictions,
            publisher: None,
            disclosed: None,
        };
        Ok((canada, ended))
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
