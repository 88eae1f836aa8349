//! What do operators see of the money, and what may they move? Given by `app::run`; tests give a
//! small one.
//!
//! Everything here blocks: the resources call it from threads of their own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use super::Shown;
use super::limits::Money;
use super::refusal::Refusal;
use crate::base::journal::Folder;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::AdvertiserId;
use crate::base::units::money::Currency;
use crate::base::units::time::Clock;
use crate::market::exchange::ExchangeIx;
use crate::offer::ledger::{Entry, Ledger, Version};

/// The money behind the door.
pub trait Treasury: Send + Sync + 'static {
    /// Reads the ledger as it stands; it stands still meanwhile.
    fn read(&self, with: &mut dyn FnMut(&Ledger));

    /// The account of an advertiser of the campaign files.
    fn account(&self, key: &str) -> Option<(AdvertiserId, Currency)>;

    /// Whose days are whose.
    fn calendars(&self) -> HashMap<AdvertiserId, Arc<Calendar>>;

    fn exchange(&self, key: &str) -> Option<ExchangeIx>;

    /// Writes an entry that stands on its own (funds, a comparison): in effect at once, and
    /// durable when this returns.
    fn enter(&self, entry: &Entry) -> Result<Version, NotEntered>;

    /// Budgets that the breaker holds back, and for how many seconds yet.
    fn breakers(&self) -> Vec<(String, u64)>;

    /// They are bid on again at once; how many were held back.
    fn mend_breakers(&self) -> usize;

    /// Where the journal of money is, and the log of caps.
    fn folders(&self) -> (Folder, Folder);
}

/// Why an entry was not written; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum NotEntered {
    /// It contradicts what stands: more is to be taken than is free, or it is there.
    #[error("{0}")]
    Refused(String),
    /// Nothing is written now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<NotEntered> for Refusal {
    fn from(why: NotEntered) -> Refusal {
        match why {
            NotEntered::Refused(why) => Refusal::new(StatusCode::CONFLICT, why),
            NotEntered::Unavailable(why) => {
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why).retry_after_s(5)
            }
        }
    }
}

/// What the resources of money share.
#[derive(Clone)]
pub struct Bank {
    pub treasury: Arc<dyn Treasury>,
    pub limits: Money,
    pub clock: Arc<dyn Clock>,
    /// One report at a time: many of them take one core at most.
    turn: Arc<Semaphore>,
    /// When the work at hand must be done.
    until: Option<Instant>,
    /// Held from the look at an idempotency key to the entry under it.
    writing: Arc<Mutex<()>>,
}

impl Bank {
    pub fn new(shown: &Shown) -> Bank {
        Bank {
            treasury: Arc::clone(&shown.treasury),
            limits: shown.config.money.clone(),
            clock: Arc::clone(&shown.clock),
            turn: Arc::new(Semaphore::new(1)),
            until: None,
            writing: Arc::default(),
        }
    }

    /// Works on a thread of its own, one piece of work at a time, and no longer than is allowed.
    pub async fn work<T: Send + 'static>(
        &self,
        with: impl FnOnce(&Bank) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let ended = || Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the work has ended early");
        let until = Instant::now() + Duration::from_secs(self.limits.time_max_s);
        let turn = timeout_at(until.into(), Arc::clone(&self.turn).acquire_owned()).await;
        let turn = turn.map_err(|_| self.too_long())?.map_err(|_| ended())?;
        let bank = Bank { until: Some(until), ..self.clone() };
        let work = tokio::task::spawn_blocking(move || {
            // Held to the end, also when whoever asked has left.
            let _turn = turn;
            with(&bank)
        });
        // Who asked is told in time; the work itself looks at the clock, and ends soon after.
        let done = timeout_at(until.into(), work).await.map_err(|_| self.too_long())?;
        done.map_err(|_| ended())?
    }

    /// Whether there is time left for the work at hand.
    pub fn in_time(&self) -> Result<(), Refusal> {
        match self.until.is_some_and(|until| Instant::now() > until) {
            true => Err(self.too_long()),
            false => Ok(()),
        }
    }

    fn too_long(&self) -> Refusal {
        let error = format!("not done within {} s", self.limits.time_max_s);
        let mend = "ask for less or later, or raise admin.money.time_max_s";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error).with_mend(mend).retry_after_s(5)
    }

    /// Nobody else writes entries of operators meanwhile.
    pub fn alone(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something of the ledger as it stands.
    pub fn look<T>(&self, with: impl Fn(&Ledger) -> T) -> Result<T, Refusal> {
        let mut found = None;
        self.treasury.read(&mut |ledger| found = Some(with(ledger)));
        let error = "the ledger cannot be read";
        found.ok_or_else(|| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use axum::extract::State;
    use serde_json::json;

    use super::super::breakers;
    use super::*;
    use crate::base::units::time::WallClock;

    /// Holds back so many budgets.
    struct Small(AtomicUsize);

    impl Treasury for Small {
        fn read(&self, _: &mut dyn FnMut(&Ledger)) {}

        fn account(&self, _: &str) -> Option<(AdvertiserId, Currency)> {
            None
        }

        fn calendars(&self) -> HashMap<AdvertiserId, Arc<Calendar>> {
            HashMap::new()
        }

        fn exchange(&self, _: &str) -> Option<ExchangeIx> {
            None
        }

        fn enter(&self, _: &Entry) -> Result<Version, NotEntered> {
            Err(NotEntered::Unavailable("the journal is full".to_owned()))
        }

        fn breakers(&self) -> Vec<(String, u64)> {
            (0..self.0.load(Ordering::Relaxed)).map(|at| (format!("line {at}"), 60)).collect()
        }

        fn mend_breakers(&self) -> usize {
            self.0.swap(0, Ordering::Relaxed)
        }

        fn folders(&self) -> (Folder, Folder) {
            (Folder::from("journal"), Folder::from("caps"))
        }
    }

    fn bank(held_back: usize, time_max_s: u64) -> Bank {
        Bank {
            treasury: Arc::new(Small(AtomicUsize::new(held_back))),
            limits: Money { time_max_s, ..Money::default() },
            clock: Arc::new(WallClock),
            turn: Arc::new(Semaphore::new(1)),
            until: None,
            writing: Arc::default(),
        }
    }

    #[tokio::test]
    async fn breakers_are_told_and_mended() {
        let bank = bank(2, 60);
        let told = breakers::get(State(bank.clone())).await.unwrap().0;
        let row = |at: usize| json!({ "budget": format!("line {at}"), "mends_in_s": 60 });
        assert_eq!(told, json!({ "open": [row(0), row(1)] }));
        for mended in [2, 0] {
            let told = breakers::mend(State(bank.clone())).await.unwrap().0;
            assert_eq!(told, json!({ "mended": mended }));
        }
        assert_eq!(breakers::get(State(bank)).await.unwrap().0, json!({ "open": [] }));
    }

    #[tokio::test]
    async fn who_asks_for_too_much_is_told_in_time_and_the_next_waits_no_longer() {
        let bank = bank(0, 0);
        let (release, released) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let work = bank.work(move |bank| {
            // As a report does between two lines: it ends when nobody waits for it any more.
            let _ = released.recv();
            let _ = tell.send(bank.in_time().is_err());
            Ok(())
        });
        let refused = work.await.unwrap_err();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        // The work still has its turn; the next one's time is over before that ends.
        let next = bank.work(|_| Ok(())).await.unwrap_err();
        assert_eq!(next.status, StatusCode::SERVICE_UNAVAILABLE);
        release.send(()).unwrap();
        let ended = tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
        assert!(ended, "it looked at the clock in vain");
        drop(bank.turn.acquire().await.unwrap());
    }
}
