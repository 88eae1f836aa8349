//! Where do profiles live between two runs? A store that takes batches and is scanned at start.
//!
//! The bid path never asks it: profiles are served from memory. Import, load and stats do, cold.
//! The store is a trait, so that another engine can stand in its place; the embedded one is redb,
//! one transaction with one fsync a batch.

use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase};
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, TableError};
use thiserror::Error;

use crate::base::units::ids::ListenerKey;

/// The store's name in the data folder.
pub const FILE: &str = "audience.redb";

const PROFILES: TableDefinition<'static, u128, &[u8]> = TableDefinition::new("profiles");
const NOTES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("notes");

/// Profiles by listener, as bytes; whoever reads them checks them.
pub trait Store {
    /// The profiles of these listeners, in their order.
    fn get_many(&self, keys: &[ListenerKey]) -> Result<Vec<Option<Vec<u8>>>, StoreFault>;

    /// Writes all of it or nothing, and returns when it is durable. A listener's profile is
    /// replaced whole; of two in one batch the later stays.
    fn upsert_batch(&mut self, batch: &[(ListenerKey, &[u8])]) -> Result<(), StoreFault>;

    /// Shows every profile, ascending by key, until the visitor says stop.
    fn scan(&self, visit: &mut Visitor<'_>) -> Result<(), StoreFault>;

    fn len(&self) -> Result<u64, StoreFault>;

    fn is_empty(&self) -> Result<bool, StoreFault> {
        Ok(self.len()? == 0)
    }

    /// A few bytes kept beside the profiles, such as which vocabulary they were written under.
    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreFault>;

    fn set_note(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreFault>;
}

/// Sees one profile; `false` ends the scan.
pub type Visitor<'v> = dyn FnMut(ListenerKey, &[u8]) -> bool + 'v;

#[derive(Debug, Error)]
pub enum StoreFault {
    #[error("{0} is in use by another process; try again when its import or load is done")]
    Busy(PathBuf),
    #[error("{0} was opened for reading only")]
    ReadOnly(PathBuf),
    #[error("{path}: {source}")]
    Engine {
        path: PathBuf,
        #[source]
        source: Box<redb::Error>,
    },
}

enum Engine {
    Reading(ReadOnlyDatabase),
    Writing(Database),
}

/// The embedded store: one redb file.
pub struct RedbStore {
    path: PathBuf,
    engine: Engine,
}

impl RedbStore {
    /// Opens the file for writing; makes it, and the folder, where there is none.
    pub fn create(path: &Path) -> Result<RedbStore, StoreFault> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|why| engine_fault(path, redb::Error::Io(why)))?;
        }
        let database = Database::create(path).map_err(|why| opening_fault(path, why))?;
        let mut store = RedbStore { path: path.to_owned(), engine: Engine::Writing(database) };
        // The tables stand from the start, so that a reader of an empty store finds them.
        store.write(|_, _| Ok(()))?;
        Ok(store)
    }

    /// Opens the file for reading; `None` where there is none.
    pub fn open(path: &Path) -> Result<Option<RedbStore>, StoreFault> {
        if !path.exists() {
            return Ok(None);
        }
        let engine = match ReadOnlyDatabase::open(path) {
            Ok(database) => Engine::Reading(database),
            // A process died while it wrote: only who may write can put the file in order.
            Err(DatabaseError::RepairAborted) => {
                Engine::Writing(Database::open(path).map_err(|why| opening_fault(path, why))?)
            }
            Err(why) => return Err(opening_fault(path, why)),
        };
        Ok(Some(RedbStore { path: path.to_owned(), engine }))
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreFault> {
        let begun = match &self.engine {
            Engine::Reading(database) => database.begin_read(),
            Engine::Writing(database) => database.begin_read(),
        };
        begun
            .map_err(redb::Error::from)
            .and_then(|transaction| work(&transaction))
            .map_err(|why| engine_fault(&self.path, why))
    }

    fn write(
        &mut self,
        work: impl FnOnce(&mut Profiles<'_>, &mut Notes<'_>) -> Result<(), redb::Error>,
    ) -> Result<(), StoreFault> {
        let Engine::Writing(database) = &self.engine else {
            return Err(StoreFault::ReadOnly(self.path.clone()));
        };
        let all = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            {
                let mut profiles = transaction.open_table(PROFILES)?;
                let mut notes = transaction.open_table(NOTES)?;
                work(&mut profiles, &mut notes)?;
            }
            transaction.commit()?;
            Ok(())
        };
        all().map_err(|why| engine_fault(&self.path, why))
    }
}

type Profiles<'t> = redb::Table<'t, u128, &'static [u8]>;
type Notes<'t> = redb::Table<'t, &'static str, &'static [u8]>;

impl Store for RedbStore {
    fn get_many(&self, keys: &[ListenerKey]) -> Result<Vec<Option<Vec<u8>>>, StoreFault> {
        self.read(|transaction| {
            let Some(table) = opened(transaction.open_table(PROFILES))? else {
                return Ok(vec![None; keys.len()]);
            };
            let one = |key: &ListenerKey| Ok(table.get(key.0)?.map(|bytes| bytes.value().to_vec()));
            keys.iter().map(one).collect()
        })
    }

    fn upsert_batch(&mut self, batch: &[(ListenerKey, &[u8])]) -> Result<(), StoreFault> {
        // In the order of the keys, pages are written once; a stable sort keeps the later last.
        let mut sorted: Vec<&(ListenerKey, &[u8])> = batch.iter().collect();
        sorted.sort_by_key(|(key, _)| *key);
        self.write(|profiles, _| {
            for (key, bytes) in sorted {
                profiles.insert(key.0, *bytes)?;
            }
            Ok(())
        })
    }

    fn scan(&self, visit: &mut Visitor<'_>) -> Result<(), StoreFault> {
        self.read(|transaction| {
            let Some(table) = opened(transaction.open_table(PROFILES))? else { return Ok(()) };
            for entry in table.iter()? {
                let (key, bytes) = entry?;
                if !visit(ListenerKey(key.value()), bytes.value()) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn len(&self) -> Result<u64, StoreFault> {
        self.read(|transaction| {
            opened(transaction.open_table(PROFILES))?.map_or(Ok(0), |table| Ok(table.len()?))
        })
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        self.read(|transaction| {
            let Some(table) = opened(transaction.open_table(NOTES))? else { return Ok(None) };
            Ok(table.get(name)?.map(|bytes| bytes.value().to_vec()))
        })
    }

    fn set_note(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreFault> {
        self.write(|_, notes| {
            notes.insert(name, bytes)?;
            Ok(())
        })
    }
}

/// A table that nobody has written to does not exist: it is empty.
fn opened<T>(table: Result<T, TableError>) -> Result<Option<T>, redb::Error> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(why) => Err(why.into()),
    }
}

fn opening_fault(path: &Path, why: DatabaseError) -> StoreFault {
    match why {
        DatabaseError::DatabaseAlreadyOpen => StoreFault::Busy(path.to_owned()),
        why => engine_fault(path, why.into()),
    }
}

fn engine_fault(path: &Path, source: redb::Error) -> StoreFault {
    StoreFault::Engine { path: path.to_owned(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> ListenerKey {
        ListenerKey(u128::from(n))
    }

    fn all(store: &RedbStore) -> Vec<(ListenerKey, Vec<u8>)> {
        let mut seen = Vec::new();
        store
            .scan(&mut |key, bytes| {
                seen.push((key, bytes.to_vec()));
                true
            })
            .unwrap();
        seen
    }

    #[test]
    fn what_is_written_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join(FILE);
        assert!(RedbStore::open(&path).unwrap().is_none());
        {
            let mut store = RedbStore::create(&path).unwrap();
            assert!(store.is_empty().unwrap());
            store.upsert_batch(&[(key(9), b"i"), (key(1), b"a"), (key(9), b"j")]).unwrap();
            store.upsert_batch(&[(key(1), b"b"), (key(5), b"e")]).unwrap();
            store.set_note("n", b"note").unwrap();
        }
        let store = RedbStore::open(&path).unwrap().unwrap();
        let expected = [(key(1), b"b".to_vec()), (key(5), b"e".to_vec()), (key(9), b"j".to_vec())];
        assert_eq!(all(&store), expected);
        assert_eq!(store.len().unwrap(), 3);
        assert_eq!(store.note("n").unwrap().unwrap(), b"note");
        assert_eq!(store.note("m").unwrap(), None);
        let some = store.get_many(&[key(5), key(6)]).unwrap();
        assert_eq!(some, [Some(b"e".to_vec()), None]);
        let mut seen = 0;
        store
            .scan(&mut |_, _| {
                seen += 1;
                seen < 2
            })
            .unwrap();
        assert_eq!(seen, 2);
    }

    #[test]
    fn a_reader_does_not_write_and_a_writer_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let writer = RedbStore::create(&path).unwrap();
        assert!(matches!(RedbStore::open(&path), Err(StoreFault::Busy(_))));
        assert!(matches!(RedbStore::create(&path), Err(StoreFault::Busy(_))));
        drop(writer);
        let mut reader = RedbStore::open(&path).unwrap().unwrap();
        let fault = reader.upsert_batch(&[(key(1), b"a")]).unwrap_err();
        assert!(matches!(fault, StoreFault::ReadOnly(_)));
    }

    #[test]
    fn what_is_no_store_is_refused_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, b"not a database at all, but long enough to be read as one").unwrap();
        let fault = RedbStore::open(&path).err().unwrap().to_string();
        assert!(fault.contains(FILE), "{fault}");
    }
}
