//! Where do the secrets of tickets come from? The config, or files made at the first start.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::base::units::redacted::redacted;
use crate::market::marks::{MARK_SECRET_BYTES, Marks};
use crate::market::ticket::{KeysFault, SECRET_BYTES_MIN, TicketKeys};

const TICKET_FILE: &str = "ticket.key";
const MARK_FILE: &str = "mark.key";

/// With what tickets are signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TicketConfig {
    /// The id of the key that signs; all others only verify, until they are taken out.
    pub current: u8,
    /// Empty: one key is made at the first start and kept in `ticket.key` in the data folder.
    pub keys: Vec<TicketKeyConfig>,
    /// What listeners' marks are made with, at least 32 bytes as hex or base64; the same on all
    /// nodes. Empty: made at the first start and kept in `mark.key` in the data folder. With
    /// another secret every listener is a stranger to its caps.
    pub mark_secret: Secret,
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
#[derive(Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    /// As it was written; for whoever makes a key of it, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        decode(self.0.trim())
    }
}

redacted!(Secret);

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // An empty one is none.
        serializer.serialize_str(if self.0.is_empty() { "" } else { "(redacted)" })
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
    #[error("mark_secret is neither hex nor base64 of at least 32 bytes")]
    Mark,
    #[error("{0} holds no key; restore it, or delete it to make a new one")]
    File(PathBuf),
}

/// The secrets of the config; those it does not have are of the data folder, made if missing.
pub fn ticket_keys(config: &TicketConfig, data: &Path) -> Result<TicketKeys, KeyFault> {
    let marks = marks(config, data)?;
    if config.keys.is_empty() {
        let secret = from_file(data, TICKET_FILE)?;
        return Ok(TicketKeys::new(0, [(0, &secret[..])], marks)?);
    }
    let mut secrets = Vec::new();
    for key in &config.keys {
        secrets.push((key.id, key.secret.bytes().ok_or(KeyFault::Encoding(key.id))?));
    }
    let secrets = secrets.iter().map(|(id, secret)| (*id, &secret[..]));
    Ok(TicketKeys::new(config.current, secrets, marks)?)
}

fn marks(config: &TicketConfig, data: &Path) -> Result<Marks, KeyFault> {
    let secret = if config.mark_secret == Secret::default() {
        from_file(data, MARK_FILE)?
    } else {
        config.mark_secret.bytes().ok_or(KeyFault::Mark)?
    };
    let secret = secret.first_chunk::<MARK_SECRET_BYTES>().ok_or(KeyFault::Mark)?;
    Ok(Marks::new(secret))
}

/// At least [`SECRET_BYTES_MIN`] bytes.
fn from_file(data: &Path, name: &str) -> Result<Vec<u8>, KeyFault> {
    let path = data.join(name);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(data, &path),
        read => read,
    };
    let text = text.map_err(|source| KeyFault::Io { path: path.clone(), source })?;
    let secret = decode(text.trim()).filter(|secret| secret.len() >= SECRET_BYTES_MIN);
    secret.ok_or(KeyFault::File(path))
}

/// Readable by its owner only, and on disk before anything is made with it.
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
    use crate::base::units::ids::ListenerKey;
    use std::os::unix::fs::PermissionsExt;

    fn config(secret: &str) -> TicketConfig {
        let key = TicketKeyConfig { id: 4, secret: Secret::new(secret.to_owned()) };
        let mark_secret = Secret::new("ab".repeat(32));
        TicketConfig { current: 4, keys: vec![key], mark_secret }
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
        for text in ["not base64!", "c2hvcnQ="] {
            let mark_secret = Secret::new(text.to_owned());
            let config = TicketConfig { mark_secret, ..config(&"ab".repeat(32)) };
            let fault = ticket_keys(&config, Path::new("/nowhere")).unwrap_err();
            assert!(matches!(fault, KeyFault::Mark), "{fault}");
        }
    }

    #[test]
    fn keys_are_made_once_and_are_the_owners() {
        let data = tempfile::tempdir().unwrap();
        let mark = || {
            let keys = ticket_keys(&TicketConfig::default(), data.path()).unwrap();
            keys.marks().listener(ListenerKey::of("somebody"))
        };
        let first = mark();
        let read = |file| fs::read_to_string(data.path().join(file)).unwrap();
        let made = [TICKET_FILE, MARK_FILE].map(read);
        assert_ne!(made[0], made[1]);
        for file in [TICKET_FILE, MARK_FILE] {
            let mode = fs::metadata(data.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(mark(), first, "a restart knows its listeners");
        assert_eq!([TICKET_FILE, MARK_FILE].map(read), made);
    }

    #[test]
    fn a_configured_mark_is_the_same_on_every_node() {
        let one = tempfile::tempdir().unwrap();
        let mark = |config: &TicketConfig| {
            let keys = ticket_keys(config, one.path()).unwrap();
            keys.marks().listener(ListenerKey::of("somebody"))
        };
        let secret = Marks::new(&[0xab; 32]);
        assert_eq!(mark(&config(&"cd".repeat(32))), secret.listener(ListenerKey::of("somebody")));
        assert!(!one.path().join(MARK_FILE).exists());
    }

    #[test]
    fn a_spoilt_key_file_is_not_replaced() {
        for file in [TICKET_FILE, MARK_FILE] {
            let data = tempfile::tempdir().unwrap();
            for spoilt in ["", "c2hvcnQ="] {
                fs::write(data.path().join(file), spoilt).unwrap();
                let fault = ticket_keys(&TicketConfig::default(), data.path()).unwrap_err();
                assert!(matches!(fault, KeyFault::File(_)), "{fault}");
            }
        }
    }

    #[test]
    fn no_secret_is_printed() {
        let mut config = config("correct horse battery staple, thirty-two and more");
        config.mark_secret = Secret::new("horse and cart".to_owned());
        let printed = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
        assert!(!printed.contains("horse"), "{printed}");
    }
}
