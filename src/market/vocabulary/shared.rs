//! Which words does the process know by now? One vocabulary that grows while it serves.
//!
//! Campaigns and listeners both bring new words; both get their ids here, so that one id means
//! one word whoever brought it. Worlds hold snapshots, which are shared while nothing grew. Cold:
//! the bid path reads the snapshot of its world.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::log::{Log, LogFault};
use super::{Config, Vocabulary};

/// The one growing vocabulary of a process.
pub struct Words {
    /// `None`: new words live as long as the process. Locked before `growing`, so that lines
    /// reach the log in the order of their ids while others go on growing.
    log: Option<Mutex<Log>>,
    growing: Mutex<Growing>,
}

struct Growing {
    vocabulary: Vocabulary,
    snapshot: Arc<Vocabulary>,
}

impl Words {
    /// The words of a data folder's log, which is this process's as long as this lives.
    pub fn open(path: &Path, config: &Config) -> Result<Words, LogFault> {
        let (log, vocabulary) = Log::open(path, config)?;
        Ok(Words { log: Some(Mutex::new(log)), ..Words::of(vocabulary) })
    }

    /// For tools beside a server: what the log holds now; new words are not kept.
    pub fn read(path: &Path, config: &Config) -> Result<Words, LogFault> {
        Vocabulary::open(path, config).map(Words::of)
    }

    /// Words of a process that keeps none.
    pub fn of(vocabulary: Vocabulary) -> Words {
        let snapshot = Arc::new(vocabulary.clone());
        Words { log: None, growing: Mutex::new(Growing { vocabulary, snapshot }) }
    }

    /// All words up to now; the same value as long as nothing grew.
    pub fn snapshot(&self) -> Arc<Vocabulary> {
        let mut growing = locked(&self.growing);
        if growing.snapshot.len() < growing.vocabulary.len() {
            growing.snapshot = Arc::new(growing.vocabulary.clone());
        }
        Arc::clone(&growing.snapshot)
    }

    /// One above the highest id by now.
    pub fn len(&self) -> usize {
        locked(&self.growing).vocabulary.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Work that may give ids to new words. Others wait meanwhile: parse before, intern here.
    pub fn grow<R>(&self, work: impl FnOnce(&mut Vocabulary) -> R) -> R {
        work(&mut locked(&self.growing).vocabulary)
    }

    /// Makes all words durable that have ids by now; returns how many were not. To be called
    /// before anything that uses them is durable or published. A failure is final.
    pub fn save(&self) -> Result<usize, LogFault> {
        let Some(log) = &self.log else { return Ok(0) };
        let mut log = locked(log);
        let fresh = log.fresh(&locked(&self.growing).vocabulary);
        log.append(fresh)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::Dimension;
    use super::*;

    #[test]
    fn snapshots_are_shared_while_nothing_grew() {
        let words = Words::of(Vocabulary::new());
        let before = words.snapshot();
        assert!(words.grow(|vocabulary| vocabulary.intern(Dimension::Mood, "calm")).is_ok());
        assert!(Arc::ptr_eq(&before, &words.snapshot()));
        let muse = words.grow(|v| v.intern(Dimension::Artist, "Muse")).unwrap();
        assert_eq!(before.find(Dimension::Artist, "muse"), None);
        assert_eq!(words.snapshot().find(Dimension::Artist, "muse"), Some(muse));
        assert!(Arc::ptr_eq(&words.snapshot(), &words.snapshot()));
    }

    #[test]
    fn many_who_grow_and_save_at_once_agree_on_the_ids() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocabulary.log");
        let words = Words::open(&path, &Config::default()).unwrap();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let words = &words;
                scope.spawn(move || {
                    for i in 0..50 {
                        let text = format!("artist {}", (i * 7 + n * 13) % 80);
                        words.grow(|v| v.intern(Dimension::Artist, &text)).unwrap();
                        words.save().unwrap();
                    }
                });
            }
        });
        let grown = words.snapshot();
        drop(words);
        let read = Vocabulary::open(&path, &Config::default()).unwrap();
        assert!(read.values(Dimension::Artist).eq(grown.values(Dimension::Artist)));
    }
}
