//! How do the ids of open values outlive the process? An append-only file of text lines.
//!
//! `vocabulary.log` in the data folder: one line a value, `id TAB dimension TAB bytes TAB text`,
//! in the order of the ids. Read at start, appended to by [`Words`](super::Words) before anything
//! that uses a new value is durable or published; cold. One process at a time writes it. A torn
//! last line is trimmed; damage anywhere else is refused with its line.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::store::OPEN_START;
use super::{Config, Dimension, Vocabulary};

/// The log's name in the data folder.
pub const FILE: &str = "vocabulary.log";

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    #[error("vocabulary log: {0}")]
    Io(#[from] io::Error),
    #[error("vocabulary log, line {line}: {what}")]
    Damaged { line: usize, what: String },
    #[error(
        "{0} is in use by another process; stop the server that uses this data folder, or send \
         listeners to it: interlude audience import --server URL"
    )]
    InUse(PathBuf),
    /// Final: what is on disk is unknown until the next start.
    #[error("vocabulary log: a write has failed ({0}); no new word is taken until a restart")]
    Failed(String),
}

/// The open end of the log; one a file.
pub(super) struct Log {
    /// Locked while it is open.
    file: File,
    /// How many open values stand in it.
    saved: usize,
    failed: Option<String>,
}

impl Log {
    /// The log with the vocabulary that it makes. Made where there is none.
    pub fn open(path: &Path, config: &Config) -> Result<(Log, Vocabulary), LogFault> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let is_new = !path.exists();
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LogFault::InUse(path.to_owned())),
            Err(TryLockError::Error(why)) => return Err(why.into()),
        }
        if let Some(folder) = path.parent().filter(|_| is_new) {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (vocabulary, whole) = replayed(&bytes, config)?;
        if whole < bytes.len() {
            file.set_len(whole as u64)?;
            file.sync_all()?;
        }
        let saved = vocabulary.open_len();
        Ok((Log { file, saved, failed: None }, vocabulary))
    }

    /// The lines of the values that are not yet in the log, and how many values there are then.
    pub fn fresh(&self, vocabulary: &Vocabulary) -> (Vec<u8>, usize) {
        let mut lines = Vec::new();
        let first = OPEN_START as usize + self.saved;
        for (id, (dimension, text)) in (first..).zip(vocabulary.open_values(self.saved)) {
            let line = format!("{id}\t{}\t{}\t{text}\n", dimension.name(), text.len());
            lines.extend_from_slice(line.as_bytes());
        }
        (lines, vocabulary.open_len())
    }

    /// Appends lines and waits until they are on the disk. Returns how many values are new.
    pub fn append(&mut self, (lines, values): (Vec<u8>, usize)) -> Result<usize, LogFault> {
        if let Some(why) = &self.failed {
            return Err(LogFault::Failed(why.clone()));
        }
        let fresh = values - self.saved;
        if fresh > 0 {
            let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
            written.inspect_err(|why| self.failed = Some(why.to_string()))?;
            self.saved = values;
        }
        Ok(fresh)
    }
}

impl Vocabulary {
    /// The closed lists and what the log holds, for who only reads; a missing file is an empty
    /// log, an unfinished end is passed over.
    pub fn open(path: &Path, config: &Config) -> Result<Vocabulary, LogFault> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(why) if why.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(why) => return Err(why.into()),
        };
        Ok(replayed(&bytes, config)?.0)
    }

    fn replay(&mut self, line: &[u8]) -> Result<(), String> {
        let line = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
        let mut cells = line.splitn(4, '\t');
        let mut cell = || cells.next().ok_or_else(|| "fewer than four columns".to_owned());
        let (id, name, bytes, text) = (cell()?, cell()?, cell()?, cell()?);
        let next = self.len();
        if id.parse() != Ok(next) {
            return Err(format!("id {id} where {next} must stand"));
        }
        if bytes.parse() != Ok(text.len()) {
            return Err(format!("{bytes} bytes announced, {} found", text.len()));
        }
        let dimension = Dimension::named(name).ok_or_else(|| format!("no dimension {name}"))?;
        let value = self.intern_again(dimension, text).map_err(|fault| fault.to_string())?;
        if value.index() != next {
            return Err(format!("{name} `{text}` stands twice"));
        }
        Ok(())
    }
}

/// The vocabulary of a log's bytes, and where its last whole line ends.
fn replayed(bytes: &[u8], config: &Config) -> Result<(Vocabulary, usize), LogFault> {
    let mut vocabulary = Vocabulary::with(config);
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    for (number, line) in bytes[..whole].split_inclusive(|&byte| byte == b'\n').enumerate() {
        let line = &line[..line.len() - 1];
        vocabulary.replay(line).map_err(|what| LogFault::Damaged { line: number + 1, what })?;
    }
    Ok((vocabulary, whole))
}

#[cfg(test)]
mod tests {
    use super::super::Words;
    use super::*;

    fn opened(path: &Path) -> Words {
        Words::open(path, &Config::default()).unwrap()
    }

    fn intern(words: &Words, dimension: Dimension, text: &str) -> super::super::ValueId {
        words.grow(|vocabulary| vocabulary.intern(dimension, text)).unwrap()
    }

    #[test]
    fn ids_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocabulary.log");
        let first = opened(&path);
        let muse = intern(&first, Dimension::Artist, "Muse");
        let list = intern(&first, Dimension::List, "crm 2026");
        assert_eq!(first.save().unwrap(), 2);
        assert_eq!(first.save().unwrap(), 0);
        let bjork = intern(&first, Dimension::Artist, "Björk");
        first.save().unwrap();
        let len = first.snapshot().len();
        drop(first);

        let second = opened(&path).snapshot();
        assert_eq!(second.find(Dimension::Artist, "muse"), Some(muse));
        assert_eq!(second.find(Dimension::List, "crm 2026"), Some(list));
        assert_eq!(second.find(Dimension::Artist, "bjork"), Some(bjork));
        assert_eq!(second.text(bjork), "Björk");
        assert_eq!(second.len(), len);
    }

    #[test]
    fn a_torn_tail_is_trimmed_at_every_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocabulary.log");
        let whole = opened(&path);
        intern(&whole, Dimension::City, "Zürich");
        whole.save().unwrap();
        let first = std::fs::read(&path).unwrap().len();
        let lodz = intern(&whole, Dimension::City, "Łódź");
        whole.save().unwrap();
        drop(whole);
        let bytes = std::fs::read(&path).unwrap();
        for cut in first..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            // Who only reads leaves the end to who may still be writing it.
            Vocabulary::open(&path, &Config::default()).unwrap();
            assert_eq!(std::fs::read(&path).unwrap().len(), cut);
            let torn = opened(&path);
            assert_eq!(std::fs::read(&path).unwrap().len(), first);
            assert_eq!(intern(&torn, Dimension::City, "lodz"), lodz);
            drop(torn);
            let torn = opened(&path);
            intern(&torn, Dimension::City, "Łódź");
            torn.save().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn one_process_writes_and_others_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocabulary.log");
        let config = Config::default();
        let server = opened(&path);
        let Err(fault) = Words::open(&path, &config) else { panic!("two writers") };
        assert!(fault.to_string().contains("--server"), "{fault}");
        intern(&server, Dimension::Artist, "Muse");
        server.save().unwrap();
        let tool = Words::read(&path, &config).unwrap();
        intern(&tool, Dimension::Artist, "Air");
        assert_eq!(tool.save().unwrap(), 0);
        let read = Vocabulary::open(&path, &config).unwrap();
        assert!(read.find(Dimension::Artist, "muse").is_some());
        assert_eq!(read.find(Dimension::Artist, "air"), None);
        drop(server);
        opened(&path);
    }

    #[test]
    fn damage_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocabulary.log");
        for (text, wanted) in [
            ("8192\tcity\t4\tRome\n8194\tcity\t4\tOslo\n", "line 2: id 8194"),
            ("8192\tcity\t5\tRome\n", "line 1: 5 bytes"),
            ("8192\ttown\t4\tRome\n", "line 1: no dimension"),
            ("8192\tcity\t4\tRome\n8193\tcity\t4\trome\n", "line 2: city `rome` stands twice"),
            ("8192\tgenre\t4\tnone\n", "line 1: not in the closed list"),
            ("8192 city\n", "line 1: fewer"),
        ] {
            std::fs::write(&path, text).unwrap();
            let Err(fault) = Vocabulary::open(&path, &Config::default()) else {
                panic!("{text} was read")
            };
            assert!(fault.to_string().contains(wanted), "{fault} for {text}");
            assert!(Words::open(&path, &Config::default()).is_err());
        }
    }
}
