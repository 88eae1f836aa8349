//! Who may change things? Whoever says a token that stands in the token file.
//!
//! Asked by [`guard`](super::guard) for each request to the API, cold. Only SHA-256 digests are
//! held in memory, and they are compared in time that tells nothing of them. A file that is
//! written anew is read anew with the next request, so that a token can be changed while the
//! server runs.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

/// What a token opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The whole API.
    Operator,
    /// The listener's rights, and nothing else: for who answers listeners.
    Rights,
}

/// What stands before a token of [`Scope::Rights`].
const RIGHTS: &str = "rights:";

/// The token file's name in the data folder, where the config names none.
pub const FILE: &str = "admin.token";

/// Shorter tokens can be guessed.
pub const TOKEN_BYTES_MIN: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum TokenFault {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{path}:{line}: a token has {TOKEN_BYTES_MIN} bytes or more, or is written as sha256: and \
         its 64 hex digits"
    )]
    Malformed { path: PathBuf, line: usize },
    #[error("{0} holds no token; write one of {TOKEN_BYTES_MIN} bytes or more into it")]
    Empty(PathBuf),
}

/// The tokens of one file.
pub struct Tokens {
    path: PathBuf,
    read: Mutex<(Mark, Vec<Held>)>,
}

/// A token's digest and what it opens.
type Held = ([u8; 32], Scope);

/// When the file was written, and its length.
type Mark = (Option<SystemTime>, u64);

impl Tokens {
    /// Reads the tokens of `path`. One a line, blank lines and those that begin with `#` left
    /// out; a token may be written as `sha256:` and the hex digits of its digest. Behind `rights:`
    /// either opens the listener's rights alone.
    pub fn open(path: &Path) -> Result<Tokens, TokenFault> {
        let read = Mutex::new(read(path)?);
        Ok(Tokens { path: path.to_owned(), read })
    }

    /// As [`Tokens::open`]; makes the file with a random token, readable by its owner only, where
    /// there is none.
    pub fn open_or_make(path: &Path) -> Result<Tokens, TokenFault> {
        if !path.exists() {
            make(path).map_err(|source| TokenFault::Io { path: path.to_owned(), source })?;
            tracing::info!(path = %path.display(), "made a token for the admin listener");
        }
        Tokens::open(path)
    }

    /// What this token opens; `None`: it is none of ours.
    pub fn admit(&self, token: &[u8]) -> Option<Scope> {
        let said: [u8; 32] = Sha256::digest(token).into();
        let mut held = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if mark(&self.path).is_ok_and(|now| now != held.0) {
            match read(&self.path) {
                Ok(fresh) => *held = fresh,
                // Those that were read before stay: nobody is let in by a spoilt file.
                Err(why) => tracing::error!(%why, "the token file cannot be read again"),
            }
        }
        // All are looked at. One that is held for everything opens everything.
        held.1.iter().fold(None, |found, (token, scope)| {
            if is_same(token, &said) && found != Some(Scope::Operator) {
                Some(*scope)
            } else {
                found
            }
        })
    }
}

/// Looks at every byte, wherever the first difference is.
fn is_same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    let differences = a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(differences) == 0
}

fn mark(path: &Path) -> io::Result<Mark> {
    let about = fs::metadata(path)?;
    Ok((about.modified().ok(), about.len()))
}

fn read(path: &Path) -> Result<(Mark, Vec<Held>), TokenFault> {
    let io = |source| TokenFault::Io { path: path.to_owned(), source };
    let mark = mark(path).map_err(io)?;
    let text = fs::read_to_string(path).map_err(io)?;
    let others = fs::metadata(path).map_err(io)?.permissions().mode() & 0o077;
    if others != 0 {
        tracing::warn!(path = %path.display(), "others may read the admin token: chmod 600");
    }
    let mut tokens = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (text, scope) = match line.strip_prefix(RIGHTS) {
            Some(text) => (text.trim_start(), Scope::Rights),
            None => (line, Scope::Operator),
        };
        let digest = match text.strip_prefix("sha256:") {
            Some(hex) => from_hex(hex),
            None if text.len() < TOKEN_BYTES_MIN => None,
            None => Some(Sha256::digest(text).into()),
        };
        let fault = || TokenFault::Malformed { path: path.to_owned(), line: index + 1 };
        tokens.push((digest.ok_or_else(fault)?, scope));
    }
    if tokens.is_empty() { Err(TokenFault::Empty(path.to_owned())) } else { Ok((mark, tokens)) }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.trim().as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn make(path: &Path) -> io::Result<()> {
    let mut secret = [0u8; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut secret)?;
    let token: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(format!("{token}\n").as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATOR: Option<Scope> = Some(Scope::Operator);

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_token_is_made_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join(FILE);
        let tokens = Tokens::open_or_make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let token = fs::read_to_string(&path).unwrap();
        assert_eq!(token.trim().len(), 64);
        assert_eq!(tokens.admit(token.trim().as_bytes()), OPERATOR);
        let again = Tokens::open_or_make(&path).unwrap();
        assert_eq!(again.admit(token.trim().as_bytes()), OPERATOR);
        for wrong in ["", "x", &token.trim()[1..], token.as_str()] {
            assert_eq!(tokens.admit(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn tokens_may_be_kept_as_digests_and_changed_while_they_are_used() {
        let one = "a-token-of-more-than-thirty-two-bytes";
        let two = "another-token-of-more-than-32-bytes!!";
        let digest: String = Sha256::digest(one).iter().map(|b| format!("{b:02x}")).collect();
        let (_folder, path) = file(&format!("# ours\n\nsha256:{digest}\n{two}\n"));
        let tokens = Tokens::open(&path).unwrap();
        assert_eq!([one, two].map(|token| tokens.admit(token.as_bytes())), [OPERATOR; 2]);
        assert_eq!(tokens.admit(digest.as_bytes()), None);
        fs::write(&path, "# only this\nyet-another-token-of-more-than-32-bytes\n").unwrap();
        assert_eq!(tokens.admit(one.as_bytes()), None);
        assert_eq!(tokens.admit(b"yet-another-token-of-more-than-32-bytes"), OPERATOR);
        fs::write(&path, "short\n").unwrap();
        assert_eq!(tokens.admit(b"yet-another-token-of-more-than-32-bytes"), OPERATOR);
        assert_eq!(tokens.admit(b"short"), None);
    }

    #[test]
    fn a_token_for_rights_opens_no_more() {
        let (ours, care) =
            ("a-token-of-more-than-thirty-two-bytes", "b-token-for-customer-care-of-32-b");
        let digest: String = Sha256::digest(care).iter().map(|b| format!("{b:02x}")).collect();
        for written in [format!("rights:{care}"), format!("rights: sha256:{digest}")] {
            let (_folder, path) = file(&format!("{ours}\n{written}\n"));
            let tokens = Tokens::open(&path).unwrap();
            assert_eq!(tokens.admit(ours.as_bytes()), OPERATOR);
            assert_eq!(tokens.admit(care.as_bytes()), Some(Scope::Rights));
            assert_eq!(tokens.admit(format!("rights:{care}").as_bytes()), None);
        }
        // Whoever is written down twice has both.
        for text in [format!("{ours}\nrights:{ours}\n"), format!("rights:{ours}\n{ours}\n")] {
            let (_folder, path) = file(&text);
            assert_eq!(Tokens::open(&path).unwrap().admit(ours.as_bytes()), OPERATOR);
        }
        assert!(Tokens::open(&file("rights:short\n").1).is_err());
    }

    #[test]
    fn weak_and_missing_tokens_are_refused_with_their_place() {
        for (text, told) in [("\n# a\nshort\n", ":3:"), ("sha256:12\n", ":1:"), ("#\n", "no token")]
        {
            let (_folder, path) = file(text);
            let fault = Tokens::open(&path).err().unwrap().to_string();
            assert!(fault.contains(told), "{fault}");
        }
    }
}
