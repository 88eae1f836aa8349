//! What does a section of the United States say? GPP sections 7 to 27: one table of layouts.
//!
//! IAB Tech Lab's "US National" and state specifications. A section is a version, then fields of
//! two bits, alone or in lists; some have a second segment. Hot: read field by field, in place.

use super::bits::Bits;
use super::fault::Fault;

/// The fields of all layouts, with the specifications' names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    Version,
    MspaVersion,
    MspaMode,
    ProcessingNotice,
    SharingNotice,
    SaleOptOutNotice,
    SharingOptOutNotice,
    TargetedAdvertisingOptOutNotice,
    SensitiveDataProcessingOptOutNotice,
    SensitiveDataOptOutNotice,
    SensitiveDataLimitUseNotice,
    SaleOptOut,
    SharingOptOut,
    TargetedAdvertisingOptOut,
    SensitiveDataProcessing,
    KnownChildSensitiveDataConsents,
    PersonalDataConsents,
    AdditionalDataProcessingConsent,
    MspaCoveredTransaction,
    MspaOptOutOptionMode,
    MspaServiceProviderMode,
    /// Room that this version leaves empty.
    Unused,
}

use Field::{
    AdditionalDataProcessingConsent as Additional, KnownChildSensitiveDataConsents as Child,
    MspaCoveredTransaction as Covered, MspaMode, MspaOptOutOptionMode as OptOutMode,
    MspaServiceProviderMode as ProviderMode, MspaVersion, PersonalDataConsents as Personal,
    ProcessingNotice, SaleOptOut, SaleOptOutNotice, SensitiveDataLimitUseNotice,
    SensitiveDataOptOutNotice, SensitiveDataProcessing as Sensitive,
    SensitiveDataProcessingOptOutNotice, SharingNotice, SharingOptOut, SharingOptOutNotice,
    TargetedAdvertisingOptOut as AdsOptOut, TargetedAdvertisingOptOutNotice as AdsOptOutNotice,
    Unused, Version,
};

/// What the second segment is about, where there is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Second {
    None,
    /// Two bits of type, then Global Privacy Control.
    Gpc,
    /// Eight kinds of sensitive data.
    Sensitive,
}

/// How one section is written.
#[derive(Debug)]
pub(super) struct Layout {
    pub id: u16,
    pub name: &'static str,
    /// The version that this layout is of.
    pub version: u8,
    /// Each field, and how many values it has: one alone is a number, more are a list.
    pub fields: &'static [(Field, u8)],
    pub second: Second,
}

impl Layout {
    fn bits(&self) -> usize {
        let bits = self.fields.iter().map(|&(field, count)| field.bits() * u32::from(count));
        bits.sum::<u32>() as usize
    }
}

/// How many kinds of data the second segment of the latest states is about.
const SENSITIVE_KINDS: u8 = 8;

macro_rules! layouts {
    ($($id:literal $name:literal $version:literal $second:ident
        [$($field:ident $(* $count:literal)?),* $(,)?];)*) => {
        pub(super) const LAYOUTS: &[Layout] = &[$(Layout {
            id: $id,
            name: $name,
            version: $version,
            fields: &[$(($field, layouts!(@count $($count)?))),*],
            second: Second::$second,
        }),*];
    };
    (@count) => { 1 };
    (@count $count:literal) => { $count };
}

layouts! {
    7 "usnat" 1 Gpc [Version, SharingNotice, SaleOptOutNotice, SharingOptOutNotice,
        AdsOptOutNotice, SensitiveDataProcessingOptOutNotice, SensitiveDataLimitUseNotice,
        SaleOptOut, SharingOptOut, AdsOptOut, Sensitive * 12, Child * 2, Personal,
        Covered, OptOutMode, ProviderMode];
    // The first version in the room of the second, as the reference library writes it.
    7 "usnat" 1 Gpc [Version, SharingNotice, SaleOptOutNotice, SharingOptOutNotice,
        AdsOptOutNotice, SensitiveDataProcessingOptOutNotice, SensitiveDataLimitUseNotice,
        SaleOptOut, SharingOptOut, AdsOptOut, Sensitive * 12, Unused * 4, Child * 2, Unused,
        Personal, Covered, OptOutMode, ProviderMode];
    7 "usnat" 2 Gpc [Version, SharingNotice, SaleOptOutNotice, SharingOptOutNotice,
        AdsOptOutNotice, SensitiveDataProcessingOptOutNotice, SensitiveDataLimitUseNotice,
        SaleOptOut, SharingOptOut, AdsOptOut, Sensitive * 16, Child * 3, Personal,
        Covered, OptOutMode, ProviderMode];
    8 "usca" 1 Gpc [Version, SaleOptOutNotice, SharingOptOutNotice, SensitiveDataLimitUseNotice,
        SaleOptOut, SharingOptOut, Sensitive * 9, Child * 2, Personal,
        Covered, OptOutMode, ProviderMode];
    9 "usva" 1 None [Version, SharingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 8, Child, Covered, OptOutMode, ProviderMode];
    10 "usco" 1 Gpc [Version, SharingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 7, Child, Covered, OptOutMode, ProviderMode];
    11 "usut" 1 None [Version, SharingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SensitiveDataProcessingOptOutNotice, SaleOptOut, AdsOptOut, Sensitive * 8, Child,
        Covered, OptOutMode, ProviderMode];
    12 "usct" 1 Gpc [Version, SharingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 8, Child * 3, Covered, OptOutMode, ProviderMode];
    13 "usfl" 1 None [Version, ProcessingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 8, Child * 3, Additional,
        Covered, OptOutMode, ProviderMode];
    14 "usmt" 1 Gpc [Version, SharingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 8, Child * 3, Additional,
        Covered, OptOutMode, ProviderMode];
    15 "usor" 1 Gpc [Version, ProcessingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 11, Child * 3, Additional,
        Covered, OptOutMode, ProviderMode];
    16 "ustx" 1 Gpc [Version, ProcessingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 8, Child, Additional,
        Covered, OptOutMode, ProviderMode];
    17 "usde" 1 Gpc [Version, ProcessingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 9, Child * 5, Additional,
        Covered, OptOutMode, ProviderMode];
    18 "usia" 1 Gpc [Version, ProcessingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SensitiveDataOptOutNotice, SaleOptOut, AdsOptOut, Sensitive * 8, Child,
        Covered, OptOutMode, ProviderMode];
    19 "usne" 1 Gpc [Version, ProcessingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 8, Child, Additional,
        Covered, OptOutMode, ProviderMode];
    20 "usnh" 1 Gpc [Version, ProcessingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 8, Child * 3, Additional,
        Covered, OptOutMode, ProviderMode];
    21 "usnj" 1 Gpc [Version, ProcessingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 10, Child * 5, Additional,
        Covered, OptOutMode, ProviderMode];
    22 "ustn" 1 Gpc [Version, ProcessingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 8, Child, Additional,
        Covered, OptOutMode, ProviderMode];
    23 "usmn" 1 Gpc [Version, ProcessingNotice, SaleOptOutNotice, AdsOptOutNotice,
        SaleOptOut, AdsOptOut, Sensitive * 8, Child, Additional,
        Covered, OptOutMode, ProviderMode];
    24 "usmd" 1 Gpc [MspaVersion, Covered, MspaMode, ProcessingNotice, SaleOptOutNotice,
        AdsOptOutNotice, SaleOptOut, AdsOptOut, Additional];
    25 "usin" 1 Sensitive [MspaVersion, Covered, MspaMode, ProcessingNotice, SaleOptOutNotice,
        AdsOptOutNotice, SaleOptOut, AdsOptOut, Child, Additional];
    26 "usky" 1 Sensitive [MspaVersion, Covered, MspaMode, ProcessingNotice, SaleOptOutNotice,
        AdsOptOutNotice, SaleOptOut, AdsOptOut, Child, Additional];
    27 "usri" 1 Sensitive [MspaVersion, Covered, MspaMode, ProcessingNotice, SaleOptOutNotice,
        AdsOptOutNotice, SaleOptOut, AdsOptOut, Child, Additional];
}

impl Field {
    /// A version takes six bits, everything else two.
    const fn bits(self) -> u32 {
        if matches!(self, Version | MspaVersion) { 6 } else { 2 }
    }
}

/// A section: where its fields stand, and what the second segment says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Us<'a> {
    pub layout: &'static Layout,
    pub version: u8,
    core: Bits<'a>,
    pub gpc: bool,
    /// Of the second segment; all 0 where it is missing.
    second: Option<Bits<'a>>,
}

impl<'a> Us<'a> {
    /// Reads the section of that id. One of a version that nobody has defined is read as the
    /// first, for show; see [`Us::is_known`].
    pub fn decode(id: u16, text: &'a str) -> Result<Us<'a>, Fault> {
        let (core, second) = match text.split_once('.') {
            Some((core, second)) => (core, Some(second)),
            None => (text, None),
        };
        let core = Bits::of(core)?;
        let version = { core }.u8(6)?;
        let mut of_id = LAYOUTS.iter().filter(|layout| layout.id == id);
        let first = of_id.clone().next().ok_or(Fault::UnknownSection)?;
        // Of two layouts of one version the longer, where the text is long enough for it.
        let fits = |layout: &&Layout| { core }.skip(layout.bits()).is_ok();
        let longest = of_id.clone().filter(|layout| layout.version == version).rfind(fits);
        let layout =
            longest.or_else(|| of_id.find(|layout| layout.version == version)).unwrap_or(first);
        { core }.skip(layout.bits())?;
        let mut us = Us { layout, version, core, gpc: false, second: None };
        if let Some(text) = second {
            us.second(Bits::of(text)?)?;
        }
        Ok(us)
    }

    fn second(&mut self, mut bits: Bits<'a>) -> Result<(), Fault> {
        match self.layout.second {
            Second::None => return Err(Fault::Segment(0)),
            Second::Gpc => match bits.u8(2)? {
                1 => self.gpc = bits.flag()?,
                other => return Err(Fault::Segment(other)),
            },
            Second::Sensitive => {
                { bits }.skip(usize::from(SENSITIVE_KINDS) * 2)?;
                self.second = Some(bits);
            }
        }
        Ok(())
    }

    /// Whether somebody has defined this version of the section.
    pub const fn is_known(&self) -> bool {
        self.version == self.layout.version
    }

    /// Shows each value of each field, in order, with the second segment's lists behind.
    pub fn each(&self, mut visit: impl FnMut(Field, u8)) {
        let mut core = self.core;
        for &(field, count) in self.layout.fields {
            for _ in 0..count {
                // The length has been checked.
                let value = core.u8(field.bits()).unwrap_or(0);
                if field != Unused {
                    visit(field, value);
                }
            }
        }
        if self.layout.second == Second::Sensitive {
            let mut second = self.second;
            for _ in 0..SENSITIVE_KINDS {
                let value = second.as_mut().and_then(|bits| bits.u8(2).ok());
                visit(Sensitive, value.unwrap_or(0));
            }
        }
    }
}
