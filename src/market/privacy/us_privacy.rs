//! What does a US Privacy string say? IAB's CCPA string, alone and as GPP section 6. Hot.

use super::fault::Fault;

/// Version, then three letters, made capitals: senders write both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct UsPrivacy {
    pub version: u8,
    pub notice: u8,
    pub opt_out_sale: u8,
    pub lspa: u8,
}

impl UsPrivacy {
    pub fn decode(text: &str) -> Result<UsPrivacy, Fault> {
        let &[version @ b'0'..=b'9', ref letters @ ..] = text.as_bytes() else {
            return Err(Fault::UsPrivacy);
        };
        let letters: [u8; 3] = letters.try_into().map_err(|_| Fault::UsPrivacy)?;
        let [notice, opt_out_sale, lspa] = letters.map(|letter| letter.to_ascii_uppercase());
        let fine = [notice, opt_out_sale, lspa].iter().all(|l| matches!(l, b'Y' | b'N' | b'-'));
        let version = version - b'0';
        if fine {
            Ok(UsPrivacy { version, notice, opt_out_sale, lspa })
        } else {
            Err(Fault::UsPrivacy)
        }
    }

    /// A plain yes is `1---` (the law does not apply), or a notice given and no opt-out.
    pub const fn permits(self) -> bool {
        self.version == 1
            && match (self.notice, self.opt_out_sale) {
                (b'-', b'-') => self.lspa == b'-',
                (notice, opt_out) => notice == b'Y' && opt_out == b'N',
            }
    }
}
