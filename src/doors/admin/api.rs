//! What do the resources of the API work with? One value, shared by all of them; cold.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Shown;
use super::house::Listeners;
use super::limits::{Config, Upload};
use super::refusal::Refusal;
use super::verdict::Verdict;
use crate::base::telemetry::{Counter, Registry};
use crate::base::units::time::Clock;
use crate::knowledge::audience::Providers;
use crate::market::vocabulary::Category;

/// What resources work with.
#[derive(Clone)]
pub struct Api {
    pub listeners: Arc<dyn Listeners>,
    pub providers: Arc<Providers>,
    pub clock: Arc<dyn Clock>,
    pub meters: Arc<Meters>,
    pub config: Arc<Config>,
    /// Counts below it are not told.
    pub crowd_minimum: u64,
    /// Turns true when the listener is to end.
    pub closing: watch::Receiver<bool>,
    uploads: Arc<Semaphore>,
    /// Lists that are being written.
    lists: Arc<Mutex<HashSet<String>>>,
}

/// A list that nobody else writes; given back when it is dropped.
pub struct ListPlace {
    lists: Arc<Mutex<HashSet<String>>>,
    name: String,
}

impl Drop for ListPlace {
    fn drop(&mut self) {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// What operators see of uploads.
pub struct Meters {
    pub accepted: Counter,
    pub refused: Counter,
    /// By rule.
    barred: HashMap<&'static str, Counter>,
}

impl Meters {
    fn new(registry: &Registry) -> Meters {
        let lines = |result| {
            let help = "Lines of uploads, by whether they were taken.";
            registry.counter("interlude_upload_lines_total", help, &[("result", result)])
        };
        let special = Category::ALL.map(Category::label);
        let rules = special.into_iter().chain(["distress"]);
        let help = "Words of listeners' lines by which nobody may be known, by rule.";
        let barred = |rule| {
            (rule, registry.counter("interlude_upload_barred_total", help, &[("rule", rule)]))
        };
        let barred = rules.map(barred).collect();
        Meters { accepted: lines("accepted"), refused: lines("refused"), barred }
    }

    /// Counts the words of refused lines by which nobody may be known.
    pub fn tell_barred(&self, verdicts: &[Verdict]) {
        for rule in verdicts.iter().flat_map(|verdict| &verdict.faults).filter_map(|f| f.barred) {
            if let Some(counter) = self.barred.get(rule.label()) {
                counter.increment(1);
            }
        }
    }
}

impl Api {
    pub fn new(shown: &Shown, closing: watch::Receiver<bool>) -> Api {
        Api {
            listeners: Arc::clone(&shown.listeners),
            providers: Arc::clone(&shown.providers),
            clock: Arc::clone(&shown.clock),
            meters: Arc::new(Meters::new(&shown.registry)),
            config: Arc::clone(&shown.config),
            crowd_minimum: shown.crowd_minimum,
            closing,
            uploads: Arc::new(Semaphore::new(shown.config.upload.concurrent_max)),
            lists: Arc::default(),
        }
    }

    pub fn limits(&self) -> &Upload {
        &self.config.upload
    }

    /// The right to write a list: two uploads at once would undo each other.
    pub fn list_place(&self, name: &str) -> Result<ListPlace, Refusal> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if !lists.insert(name.to_owned()) {
            let error = format!("another upload writes \"{name}\"");
            return Err(Refusal::new(StatusCode::CONFLICT, error).retry_after_s(2));
        }
        Ok(ListPlace { lists: Arc::clone(&self.lists), name: name.to_owned() })
    }

    /// One of the few places of uploads; given back when it is dropped.
    pub fn upload_place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.uploads).try_acquire_owned().map_err(|_| {
            let error = "as many uploads as may be are under way";
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, error);
            refusal.with_mend("wait, or raise admin.upload.concurrent_max").retry_after_s(2)
        })
    }
}
