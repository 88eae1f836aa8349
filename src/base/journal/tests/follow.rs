//! Reading beside the writer: what is durable and nothing else, in pieces, from marks.

use super::*;

fn small() -> Config {
    Config { segment_bytes: 1 << 10, ..Config::default() }
}

/// Reads on to the end; the marks that were passed.
fn read_up(follower: &mut Follower, until: u64, records: &mut Vec<Vec<u8>>) -> Vec<Mark> {
    let mut marks = Vec::new();
    loop {
        let reached = follower.read_on(until, &mut |record| {
            records.push(record.to_vec());
            Ok(())
        });
        match reached.unwrap() {
            Reached::End => return marks,
            Reached::Segment(mark) => marks.push(mark),
        }
    }
}

#[test]
fn a_follower_sees_what_is_durable_and_no_more() {
    for chained in [true, false] {
        let (_, folder) = in_memory();
        let journal = stepped(&folder, &Config { chained, ..small() }).unwrap();
        let mut follower = Follower::at(&folder, Mark::START).unwrap();
        let (mut seen, mut given, mut marks) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..100u8 {
            let record = vec![n; 1 + usize::from(n)];
            drop(journal.append(&record).unwrap());
            if n % 3 == 0 {
                marks.extend(read_up(&mut follower, journal.durable(), &mut seen));
                assert_eq!(seen, given);
                continue;
            }
            journal.turn();
            given = (0..=n).map(|n| vec![n; 1 + usize::from(n)]).collect();
            marks.extend(read_up(&mut follower, journal.durable(), &mut seen));
            assert_eq!(seen, given);
            assert_eq!(follower.position(), journal.durable());
        }
        journal.turn();
        marks.extend(read_up(&mut follower, journal.durable(), &mut seen));
        let (opened, all) = found(&folder).unwrap();
        assert_eq!((&seen, follower.chain()), (&all, opened.chain));
        let numbers: Vec<u64> = marks.iter().map(|mark| mark.segment).collect();
        let last = segments(&folder).unwrap().pop().unwrap().0;
        assert_eq!(numbers, (2..=last).collect::<Vec<u64>>());
        drop(journal);
        from_each_mark(&folder, &marks, &all);
    }
}

/// What a snapshot does: keeps a mark, and goes on from there.
fn from_each_mark(folder: &Folder, marks: &[Mark], all: &[Vec<u8>]) {
    for &mark in marks {
        let mut rest = Vec::new();
        let opened = read_on(folder, mark, &mut |record| {
            rest.push(record.to_vec());
            Ok(())
        })
        .unwrap();
        assert!(all.ends_with(&rest) && !rest.is_empty());
        assert_eq!(opened.chain, found(folder).unwrap().0.chain);
        let mut again = Vec::new();
        let config = Config { chained: mark.chain.is_some(), ..small() };
        let journal = Journal::stepped(folder, &config, mark, &mut |record| {
            again.push(record.to_vec());
            Ok(())
        });
        drop(journal.unwrap());
        assert_eq!(again, rest);
        if mark.chain.is_some() {
            let wrong = Mark { chain: Some(Link([7; 32])), ..mark };
            assert!(matches!(
                read_on(folder, wrong, &mut |_| Ok(())),
                Err(JournalFault::Damaged { offset: 0, .. })
            ));
            assert!(Follower::at(folder, wrong).is_err());
        }
    }
    let beyond = Mark::from(marks.len() as u64 + 9);
    assert!(Follower::at(folder, beyond).is_err());
}

#[test]
fn a_batch_longer_than_a_piece_is_read() {
    let (_, folder) = in_memory();
    let config = Config { record_bytes_max: 6 << 20, ..Config::default() };
    let journal = stepped(&folder, &config).unwrap();
    let records: Vec<Vec<u8>> = (0..4u8).map(|n| vec![n; (5 << 20) - 7]).collect();
    for record in &records {
        drop(journal.append(record).unwrap());
        journal.turn();
    }
    let mut seen = Vec::new();
    read_up(&mut Follower::at(&folder, Mark::START).unwrap(), journal.durable(), &mut seen);
    assert!(seen == records);
}

#[test]
fn a_follower_refuses_damage() {
    let (disk, folder) = in_memory();
    let journal = stepped(&folder, &small()).unwrap();
    for n in 0..20u8 {
        drop(journal.append(&[n; 90]).unwrap());
        journal.turn();
    }
    let durable = journal.durable();
    for (seq, path) in segments(&folder).unwrap() {
        let whole = folder.disk.read(&path, 0, u64::MAX).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            disk.put(&path, &bytes);
            let mut follower = Follower::at(&folder, Mark::START);
            let mut verdict = Ok(Reached::Segment(Mark::START));
            while let Ok(Reached::Segment(_)) = verdict {
                verdict = match &mut follower {
                    Ok(follower) => follower.read_on(durable, &mut |_| Ok(())),
                    Err(_) => break,
                };
            }
            let damaged = follower.is_err() || verdict.is_err();
            assert!(damaged, "byte {at} of segment {seq}: {verdict:?}");
        }
        disk.put(&path, &whole);
    }
}

#[test]
fn a_segment_is_begun_when_asked() {
    let (_, folder) = in_memory();
    let journal = stepped(&folder, &Config::default()).unwrap();
    for asked in [1, 2, 2] {
        let mut rotated = journal.rotate().unwrap();
        journal.turn();
        assert_eq!(rotated.now(), Some(Ok(())));
        // One that is empty is new enough.
        assert_eq!(segments(&folder).unwrap().len(), asked);
        if asked == 1 {
            drop(journal.append(b"something").unwrap());
        }
    }
}
