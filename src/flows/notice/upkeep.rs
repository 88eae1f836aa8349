//! How does what the book says reach the journal, and when may bids use it? One step at a time:
//! turn → journal → on disk → granted.
//!
//! Driven by a loop of `app::run` and by the simulator, which steps between the two halves; cold.
//! What a full disk did not take is said again before anything new is.

use std::sync::Arc;

use crate::base::journal::{Durable, Journal, Refused};
use crate::base::units::time::Moment;
use crate::offer::delivery::{Book, Turn};
use crate::offer::ledger::{Entry, Started, Stopped};

/// Tells the journal what a book needs written down.
pub struct Upkeep {
    book: Arc<Book>,
    tally_s: i64,
    tallied: Moment,
    /// To be said before anything else.
    started: Option<Started>,
    /// Entries that the journal has not taken yet.
    unsaid: Turn,
    /// Entries that it has taken, and that are not known to be durable.
    said: Turn,
}

/// The second half of a step: to be waited for.
#[must_use = "nothing is granted before it is durable"]
pub struct Step(Option<Durable>);

impl Upkeep {
    /// `tally_s`: how often counts are written down.
    pub fn new(book: Arc<Book>, tally_s: u32) -> Upkeep {
        let tallied = Moment::from_unix_us(i64::MIN);
        let (unsaid, said) = (Turn::default(), Turn::default());
        Upkeep { book, tally_s: i64::from(tally_s), tallied, started: None, unsaid, said }
    }

    /// Before the first bid: this process serves from here on.
    pub fn started(&mut self, started: Started) {
        self.started = Some(started);
    }

    /// One step: gives the journal all there is to say now.
    pub fn begin(&mut self, journal: &Journal, now: Moment) -> Result<Step, Refused> {
        if self.said.is_empty() {
            // What was refused before comes first, so that leases are never told out of order.
            let refused = std::mem::take(&mut self.unsaid);
            self.unsaid = if refused.is_empty() { self.turn(now) } else { refused };
        }
        self.say(journal)
    }

    fn turn(&mut self, now: Moment) -> Turn {
        let started = self.started.take().map(Entry::Started);
        let mut turn = Turn { entries: started.into_iter().collect() };
        turn.entries.extend(self.book.turn(now).entries);
        let waited = now.unix_us.saturating_sub(self.tallied.unix_us) / 1_000_000;
        if !(0..self.tally_s).contains(&waited) {
            self.tallied = now;
            turn.entries.extend(self.book.tally_turn(now).entries);
        }
        turn
    }

    /// The end in order, when nothing is bid any more.
    pub fn close(&mut self, journal: &Journal, stopped: Stopped) -> Result<Step, Refused> {
        let turn = self.book.closing_turn(stopped.moment);
        self.unsaid.entries.extend(turn.entries);
        self.unsaid.entries.push(Entry::Stopped(stopped));
        self.say(journal)
    }

    fn say(&mut self, journal: &Journal) -> Result<Step, Refused> {
        let mut durable = None;
        let mut bytes = Vec::new();
        let mut said = 0;
        let mut refused = None;
        for entry in &self.unsaid.entries {
            bytes.clear();
            entry.encode(&mut bytes);
            match journal.append(&bytes) {
                Ok(answer) => durable = Some(answer),
                Err(why) => {
                    refused = Some(why);
                    break;
                }
            }
            said += 1;
        }
        self.said.entries.extend(self.unsaid.entries.drain(..said));
        match (durable, refused) {
            // Of a turn that was cut short, the part that was taken counts.
            (Some(durable), _) => Ok(Step(Some(durable))),
            (None, Some(why)) => Err(why),
            (None, None) if self.said.is_empty() => Ok(Step(None)),
            // Taken in an earlier step, whose answer was that it may take long.
            (None, None) => journal.barrier().map(|durable| Step(Some(durable))),
        }
    }

    /// What was said before the step is durable, or is not: bids may use it, or must wait.
    pub fn end(&mut self, answer: Result<(), Refused>) -> Result<(), Refused> {
        answer?;
        self.book.granted(&self.said);
        self.said = Turn::default();
        Ok(())
    }

    /// Both halves; for plain threads.
    pub fn step(&mut self, journal: &Journal, now: Moment) -> Result<(), Refused> {
        let step = self.begin(journal, now)?;
        self.end(step.wait())
    }

    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }
}

impl Step {
    /// Blocks until all that was said is on disk; never from async code.
    pub fn wait(self) -> Result<(), Refused> {
        self.0.map_or(Ok(()), Durable::wait)
    }

    /// The answer, if it is there.
    pub fn now(&mut self) -> Option<Result<(), Refused>> {
        self.0.as_mut().map_or(Some(Ok(())), Durable::now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::journal::{self, Folder, Mark, MemoryDisk};
    use crate::base::units::ids::{LineId, LineIx};
    use crate::base::units::money::{Currency, Money};
    use crate::knowledge::catalog::model::{Budget, Line};
    use crate::offer::delivery::{Config, Desk};
    use crate::offer::ledger::{Keep, Ledger};

    const NOW: Moment = Moment::from_unix_s(1_800_000_000);

    fn world() -> (Arc<MemoryDisk>, Arc<Book>, Desk) {
        let book = Arc::new(Book::leased(&Config::small()));
        let mut line = Line::plain(LineId(1), Money::new(10, Currency::USD));
        line.budget = Budget::total(1_000_000);
        let desk = book.desk_of(&[line]).unwrap();
        (Arc::new(MemoryDisk::new()), book, desk)
    }

    fn open(disk: &Arc<MemoryDisk>, ledger: &mut Ledger) -> Journal {
        let folder = Folder::on(Arc::clone(disk) as Arc<dyn journal::Disk>, "journal");
        let mut visit = |record: &[u8]| ledger.read(record).map_err(|fault| format!("{fault:?}"));
        let config = journal::Config::default();
        Journal::stepped(folder, &config, Mark::START, &mut visit).unwrap().0
    }

    fn can_bid(desk: &Desk) -> bool {
        desk.state(LineIx(0)).is_some_and(|state| state.money_left(NOW))
    }

    #[test]
    fn nothing_is_bid_before_its_lease_is_on_disk() {
        let (disk, book, desk) = world();
        let mut ledger = Ledger::new(Keep::default());
        let journal = open(&disk, &mut ledger);
        let mut upkeep = Upkeep::new(Arc::clone(&book), 5);
        let mut step = upkeep.begin(&journal, NOW).unwrap();
        assert!(step.now().is_none() && !can_bid(&desk));
        journal.turn();
        let answer = step.now().unwrap();
        assert!(!can_bid(&desk));
        upkeep.end(answer).unwrap();
        assert!(can_bid(&desk));
        drop(journal);
        let _ = open(&disk, &mut ledger);
        let id = crate::offer::ledger::BudgetId::Line(LineId(1), None);
        let budget = ledger.budget(id, Currency::USD).unwrap();
        assert_eq!((budget.limit(), budget.ceiling()), (Some(1_000_000), 1_000_000 / 256));
    }

    #[test]
    fn a_full_disk_delays_and_loses_nothing() {
        let (disk, book, desk) = world();
        let mut ledger = Ledger::new(Keep::default());
        let journal = open(&disk, &mut ledger);
        let mut upkeep = Upkeep::new(Arc::clone(&book), 5);
        disk.limit(Some(disk.used()));
        for _ in 0..3 {
            if let Ok(mut step) = upkeep.begin(&journal, NOW) {
                journal.turn();
                assert!(upkeep.end(step.now().unwrap_or(Err(Refused::Full))).is_err());
            }
            journal.turn();
            assert!(!can_bid(&desk));
        }
        disk.limit(None);
        journal.turn();
        for _ in 0..2 {
            let mut step = upkeep.begin(&journal, NOW).unwrap();
            journal.turn();
            upkeep.end(step.now().unwrap()).unwrap();
        }
        assert!(can_bid(&desk));
        drop(journal);
        let _ = open(&disk, &mut ledger);
        assert_eq!(ledger.breaches().count, 0);
        assert!(ledger.version().entries >= 2);
    }
}
