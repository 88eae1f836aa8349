//! Why does a consent string not decode? One small reason for all of its kinds. Hot, `Copy`.

/// What is wrong with a string. Whoever asks for permissions takes any of them for "no".
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    #[error("the string is empty")]
    Empty,
    #[error("the string is longer than {} characters", super::bits::TEXT_MAX)]
    TooLong,
    #[error("a character is not of base64url (A-Z a-z 0-9 - _)")]
    Alphabet,
    #[error("the string ends within a field")]
    Short,
    #[error("version {0} is not one that can be read here")]
    Version(u8),
    #[error("two letters of a language or country are not letters")]
    Letters,
    #[error("a vendor has the id 0")]
    VendorZero,
    #[error("a range of vendors ends before it begins")]
    Backwards,
    #[error("ranges of version 1 say who is refused (default consent 1): ambiguous, not read")]
    DefaultConsent,
    #[error("a publisher restriction has no purpose or is of no known type")]
    Restriction,
    #[error("a segment is of type {0}, which is not known or not expected there")]
    Segment(u8),
    #[error("a segment of the same type comes twice")]
    SegmentTwice,
    #[error("the header is not that of a GPP string")]
    Header,
    #[error("the header names {0} sections, the string has {1}")]
    Sections(u16, u16),
    #[error("not four characters: a version digit, then Y, N or - three times")]
    UsPrivacy,
    #[error("no section has this id, or none that can be read here")]
    UnknownSection,
}
