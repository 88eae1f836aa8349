//! How do the ids of open values outlive the process? An append-only file of text lines.
//!
//! `vocabulary.log` in the data folder: one line a value, `id TAB dimension TAB bytes TAB text`,
//! in the order of the ids. Opened at start, appended to before a world that uses new values is
//! published; cold. A torn last line is trimmed; damage anywhere else is refused with its line.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

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
    #[error("vocabulary log: another process has added words since it was read; read it again")]
    Outgrown,
}

impl Vocabulary {
    /// The closed lists and what the log holds; a missing file is an empty log.
    pub fn open(path: &Path, config: &Config) -> Result<Vocabulary, LogFault> {
        let mut vocabulary = Vocabulary::with(config);
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vocabulary),
            Err(error) => return Err(error.into()),
        };
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole < bytes.len() {
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(whole as u64)?;
            file.sync_all()?;
        }
        for (number, line) in bytes[..whole].split_inclusive(|&byte| byte == b'\n').enumerate() {
            let line = &line[..line.len() - 1];
            vocabulary.replay(line).map_err(|what| LogFault::Damaged { line: number + 1, what })?;
        }
        let logged = vocabulary.open_values().len();
        vocabulary.saved = logged;
        vocabulary.saved_bytes = whole as u64;
        Ok(vocabulary)
    }

    /// Appends the values that are not yet in the log and waits until they are on the disk.
    /// Returns how many there were. Two processes may share the file (a server and an import):
    /// whoever finds words in it that it has not read is refused, and reads it again.
    pub fn save(&mut self, path: &Path) -> Result<usize, LogFault> {
        let fresh = self.open_values().len() - self.saved;
        if fresh == 0 {
            return Ok(0);
        }
        let mut lines = Vec::new();
        for (at, (dimension, text)) in self.open_values().enumerate().skip(self.saved) {
            let id = OPEN_START as usize + at;
            writeln!(lines, "{id}\t{}\t{}\t{text}", dimension.name(), text.len())?;
        }
        let is_new = !path.exists();
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.lock()?;
        let before = file.metadata()?.len();
        if before != self.saved_bytes {
            return Err(LogFault::Outgrown);
        }
        if let Err(error) = file.write_all(&lines).and_then(|()| file.sync_all()) {
            // Whatever part of it was written must not stand before the next attempt.
            file.set_len(before)?;
            return Err(error.into());
        }
        if let Some(folder) = path.parent().filter(|_| is_new) {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()?;
        }
        self.saved += fresh;
        self.saved_bytes += lines.len() as u64;
        Ok(fresh)
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
        let value = self.intern(dimension, text).map_err(|fault| fault.to_string())?;
        if value.index() != next {
            return Err(format!("{name} `{text}` stands twice"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocabulary.log");
        let config = Config::default();
        let mut first = Vocabulary::open(&path, &config).unwrap();
        let muse = first.intern(Dimension::Artist, "Muse").unwrap();
        let list = first.intern(Dimension::List, "crm 2026").unwrap();
        assert_eq!(first.save(&path).unwrap(), 2);
        assert_eq!(first.save(&path).unwrap(), 0);
        let bjork = first.intern(Dimension::Artist, "Björk").unwrap();
        first.save(&path).unwrap();

        let second = Vocabulary::open(&path, &config).unwrap();
        assert_eq!(second.find(Dimension::Artist, "muse"), Some(muse));
        assert_eq!(second.find(Dimension::List, "crm 2026"), Some(list));
        assert_eq!(second.find(Dimension::Artist, "bjork"), Some(bjork));
        assert_eq!(second.text(bjork), "Björk");
        assert_eq!(second.len(), first.len());
    }

    #[test]
    fn a_torn_tail_is_trimmed_at_every_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocabulary.log");
        let mut whole = Vocabulary::new();
        whole.intern(Dimension::City, "Zürich").unwrap();
        whole.save(&path).unwrap();
        let first = std::fs::read(&path).unwrap().len();
        whole.intern(Dimension::City, "Łódź").unwrap();
        whole.save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for cut in first..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let mut torn = Vocabulary::open(&path, &Config::default()).unwrap();
            assert_eq!(std::fs::read(&path).unwrap().len(), first);
            let again = torn.intern(Dimension::City, "Łódź").unwrap();
            assert_eq!(Some(again), whole.find(Dimension::City, "lodz"));
            torn.save(&path).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn two_writers_do_not_give_one_id_to_two_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocabulary.log");
        let config = Config::default();
        let mut server = Vocabulary::open(&path, &config).unwrap();
        let mut import = Vocabulary::open(&path, &config).unwrap();
        import.intern(Dimension::Artist, "Muse").unwrap();
        import.save(&path).unwrap();
        import.intern(Dimension::Artist, "Air").unwrap();
        import.save(&path).unwrap();
        server.intern(Dimension::Artist, "Björk").unwrap();
        assert!(matches!(server.save(&path), Err(LogFault::Outgrown)));
        let mut again = Vocabulary::open(&path, &config).unwrap();
        again.intern(Dimension::Artist, "Björk").unwrap();
        assert_eq!(again.save(&path).unwrap(), 1);
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
        }
    }
}
