//! Random work on a disk that crashes and fails: what was acknowledged is there, in order.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Turn,
    Rotate,
    Crash(u64),
    /// So many bytes are free from now on; `None`: any number.
    Room(Option<u64>),
    Fail(u8, bool, bool),
    Heal,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1u8..120).prop_map(Step::Append),
        8 => Just(Step::Turn),
        1 => Just(Step::Rotate),
        2 => any::<u64>().prop_map(Step::Crash),
        2 => prop::option::of(0u64..400).prop_map(Step::Room),
        1 => (1u8..12, any::<bool>(), any::<bool>())
            .prop_map(|(nth, lasting, full)| Step::Fail(nth, lasting, full)),
        2 => Just(Step::Heal),
        1 => Just(Step::Close),
    ]
}

/// What the client knows: the number of each record that was taken, and what it was told.
struct Client {
    disk: MemoryDisk,
    folder: Folder,
    config: Config,
    journal: Option<Journal>,
    given: u64,
    /// Taken since the last start; not known to be durable.
    waiting: Vec<(u64, Durable)>,
    acknowledged: Vec<u64>,
    /// Never taken, so never there.
    refused: Vec<u64>,
}

impl Client {
    fn new(chained: bool) -> Client {
        let (disk, folder) = in_memory();
        let config = Config { segment_bytes: 1 << 10, queue: 16, chained, ..Config::default() };
        Client {
            disk,
            folder,
            config,
            journal: None,
            given: 0,
            waiting: Vec::new(),
            acknowledged: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn act(&mut self, step: &Step) {
        match step {
            Step::Append(len) => self.append(*len),
            Step::Turn => self.turn(),
            Step::Rotate => {
                if let Some(journal) = &self.journal {
                    // Refused where it must be; who waits for it does not matter here.
                    drop(journal.rotate());
                }
            }
            Step::Crash(seed) => {
                self.disk.crash(*seed);
                self.stop();
                self.open();
                self.check();
            }
            Step::Room(free) => {
                let used = self.disk.used();
                self.disk.limit(free.map(|free| used + free));
            }
            Step::Fail(nth, lasting, full) => {
                let kind = if *full { ErrorKind::StorageFull } else { ErrorKind::Other };
                self.disk.fail(None, u64::from(*nth), *lasting, kind);
            }
            Step::Heal => {
                self.disk.heal();
                self.disk.limit(None);
            }
            Step::Close => self.stop(),
        }
    }

    /// Opens the journal, unless the disk fails; then nothing is taken.
    fn open(&mut self) {
        self.journal = match stepped(&self.folder, &self.config) {
            Ok(journal) => Some(journal),
            Err(JournalFault::Io { .. }) => None,
            Err(other) => panic!("{other}"),
        };
    }

    fn append(&mut self, len: u8) {
        if self.journal.is_none() {
            self.open();
        }
        self.given += 1;
        let mut record = self.given.to_le_bytes().to_vec();
        record.resize(8 + usize::from(len), len);
        let taken = self.journal.as_ref().map(|journal| journal.append(&record));
        match taken {
            Some(Ok(durable)) => self.waiting.push((self.given, durable)),
            _ => self.refused.push(self.given),
        }
    }

    fn turn(&mut self) {
        if let Some(journal) = &self.journal {
            journal.turn();
        }
        self.hear();
    }

    /// An answer that says nothing leaves it open whether the record is there.
    fn hear(&mut self) {
        self.waiting.retain_mut(|(number, durable)| match durable.now() {
            Some(Ok(())) => {
                self.acknowledged.push(*number);
                false
            }
            Some(Err(_)) => false,
            None => true,
        });
    }

    fn stop(&mut self) {
        self.journal = None;
        self.hear();
        self.waiting.clear();
    }

    /// The log holds all that was acknowledged, each once and in order, and nothing refused.
    fn check(&self) {
        let (_, records) = found(&self.folder).unwrap();
        let number = |record: &Vec<u8>| u64::from_le_bytes(record[..8].try_into().unwrap());
        let numbers: Vec<u64> = records.iter().map(number).collect();
        assert!(numbers.windows(2).all(|two| two[0] < two[1]), "{numbers:?}");
        for record in &records {
            assert!(record[8..].iter().all(|&byte| usize::from(byte) == record.len() - 8));
        }
        for acknowledged in &self.acknowledged {
            assert!(numbers.binary_search(acknowledged).is_ok(), "{acknowledged} is lost");
        }
        for refused in &self.refused {
            assert!(numbers.binary_search(refused).is_err(), "{refused} was refused, but is there");
        }
    }
}

fn run(chained: bool, steps: &[Step]) {
    let mut client = Client::new(chained);
    steps.iter().for_each(|step| client.act(step));
    // No step by hand: a disk that works again, and a start.
    client.disk.heal();
    client.disk.limit(None);
    client.disk.crash(steps.len() as u64);
    client.stop();
    client.open();
    assert!(client.journal.is_some());
    client.check();
    client.append(9);
    client.turn();
    assert_eq!(client.acknowledged.last(), Some(&client.given));
    client.check();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_500 * long(40) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_acknowledged_is_always_there_in_order(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        run(true, &steps);
    }

    #[test]
    fn so_it_is_in_a_log_that_is_not_chained(steps in prop::collection::vec(step(), 1..120)) {
        run(false, &steps);
    }
}

#[test]
fn the_disk_loses_what_was_not_synced_and_nothing_else() {
    let (mut lost, mut kept, mut torn) = (0, 0, 0);
    for seed in 0..200 {
        let (disk, folder) = in_memory();
        let path = folder.dir.join("file");
        let mut file = disk.create(&path).unwrap();
        file.write(&[1; 600]).unwrap();
        file.sync().unwrap();
        disk.sync_dir(&folder.dir).unwrap();
        file.write(&[2; 2_000]).unwrap();
        disk.crash(seed);
        assert!(file.write(b"from before").is_err());
        let bytes = disk.read(&path, 0, u64::MAX).unwrap();
        assert_eq!(bytes[..600], [1; 600]);
        match bytes[600..].iter().filter(|&&byte| byte == 2).count() {
            0 => lost += 1,
            2_000 => kept += 1,
            _ => torn += 1,
        }
        let other = folder.dir.join("other");
        disk.create(&other).unwrap().write(b"a name").unwrap();
        disk.crash(seed);
        if let Ok(bytes) = disk.read(&other, 0, u64::MAX) {
            assert!(bytes.is_empty() || bytes.len() <= 6);
        }
    }
    assert!(lost > 10 && kept > 3 && torn > 50, "{lost} {kept} {torn}");
}
