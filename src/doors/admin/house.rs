//! What does the API ask of the rooms behind it? Given by `app::run`; tests give a small one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::knowledge::audience::{Audience, Change};
use crate::market::vocabulary::Words;

/// Those who listen, as far as operators may change them.
pub trait Listeners: Send + Sync + 'static {
    /// The vocabulary that lines are read against.
    fn words(&self) -> &Words;

    /// Everybody, as bids see them now.
    fn audience(&self) -> Arc<Audience>;

    /// Takes changes; what it gives ends when they are durable.
    fn submit(&self, changes: Vec<Change>) -> Result<Durable, Unsubmitted>;
}

/// Ends when changes are durable, or with why they will not be.
pub type Durable = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Why changes were not taken.
#[derive(Debug)]
pub enum Unsubmitted {
    /// Too many wait: these come back, to be submitted again.
    Busy(Vec<Change>),
    /// The store holds as many listeners as it may.
    Full(String),
    /// None will be taken any more.
    Never(String),
}
