//! Where do the ticket keys come from? The config, or a file that is made at the first start.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::market::ticket::{KeysFault, SECRET_BYTES_MIN, TicketKeys};

const FILE: &str = "ticket.key";

/// With what tickets are signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TicketConfig {
    /// The id of the key that signs; all others only verify, until they are taken out.
    pub current: u8,
    /// Empty: one key is made at the first start and kept in `ticket.key` in the data folder.
    pub keys: Vec<TicketKeyConfig>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct TicketKeyConfig {
    /// Stands in every ticket; never given to another secret while tickets of it live.
    pub id: u8,
    /// At least 32 bytes, as hex or base64.
    pub secret: Secret,
}

/// A secret in a config; never printed.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        decode(self.0.trim())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(redacted)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    #[error("the secret of ticket key {0} is neither hex nor base64")]
    Encoding(u8),
    #[error(transparent)]
    Keys(#[from] KeysFault),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} holds no ticket key; restore it, or delete it to make a new one")]
    File(PathBuf),
}

/// The keys of the config; without any, those of the data folder, made if there are none.
pub fn ticket_keys(config: &TicketConfig, data: &Path) -> Result<TicketKeys, KeyFault> {
    if config.keys.is_empty() {
        return from_file(data);
    }
    let mut secrets = Vec::new();
    for key in &config.keys {
        secrets.push((key.id, key.secret.bytes().ok_or(KeyFault::Encoding(key.id))?));
    }
    let secrets = secrets.iter().map(|(id, secret)| (*id, &secret[..]));
    Ok(TicketKeys::new(config.current, secrets)?)
}

fn from_file(data: &Path) -> Result<TicketKeys, KeyFault> {
    let path = data.join(FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(data, &path),
        read => read,
    };
    let text = text.map_err(|source| KeyFault::Io { path: path.clone(), source })?;
    let secret = decode(text.trim()).ok_or_else(|| KeyFault::File(path.clone()))?;
    if secret.len() < SECRET_BYTES_MIN {
        return Err(KeyFault::File(path));
    }
    Ok(TicketKeys::new(0, [(0, &secret[..])])?)
}

/// Readable by its owner only, and on disk before the first ticket is signed with it.
fn make(data: &Path, path: &Path) -> io::Result<String> {
    let mut secret = [0u8; SECRET_BYTES_MIN];
    fs::File::open("/dev/urandom")?.read_exact(&mut secret)?;
    let text = URL_SAFE_NO_PAD.encode(secret) + "\n";
    fs::create_dir_all(data)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::File::open(data)?.sync_all()?;
    Ok(text)
}

/// Hex when it can be: a base64 secret of 64 hex digits is not one that chance makes.
fn decode(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex && text.len() >= 2 * SECRET_BYTES_MIN {
        let digits = text.as_bytes().chunks_exact(2);
        return digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
    }
    let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    engines.iter().find_map(|engine| engine.decode(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn config(secret: &str) -> TicketConfig {
        let key = TicketKeyConfig { id: 4, secret: Secret::new(secret.to_owned()) };
        TicketConfig { current: 4, keys: vec![key] }
    }

    #[test]
    fn secrets_may_be_hex_or_base64() {
        let bytes: Vec<u8> = (200..240).collect();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(decode(&hex), Some(bytes.clone()));
        for text in [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            assert_eq!(decode(&text), Some(bytes.clone()), "{text}");
            ticket_keys(&config(&text), Path::new("/nowhere")).unwrap();
        }
    }

    #[test]
    fn weak_and_unreadable_secrets_are_refused() {
        let keys = |secret: &str| ticket_keys(&config(secret), Path::new("/nowhere")).unwrap_err();
        assert!(matches!(keys("not base64!"), KeyFault::Encoding(4)));
        assert!(matches!(keys("c2hvcnQ="), KeyFault::Keys(KeysFault::Short(4))));
    }

    #[test]
    fn a_key_is_made_once_and_is_the_owners() {
        let data = tempfile::tempdir().unwrap();
        ticket_keys(&TicketConfig::default(), data.path()).unwrap();
        let path = data.path().join(FILE);
        let made = fs::read_to_string(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        ticket_keys(&TicketConfig::default(), data.path()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), made);
    }

    #[test]
    fn a_spoilt_key_file_is_not_replaced() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FILE), "").unwrap();
        let fault = ticket_keys(&TicketConfig::default(), data.path()).unwrap_err();
        assert!(matches!(fault, KeyFault::File(_)), "{fault}");
    }

    #[test]
    fn no_secret_is_printed() {
        let config = config("correct horse battery staple, thirty-two and more");
        let printed = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
        assert!(!printed.contains("horse"), "{printed}");
    }
}
