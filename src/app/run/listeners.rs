//! How does the admin door reach the listeners? Through the intake, a few thousand changes at once;
//! cold.

use std::sync::Arc;

use crate::doors::admin::{Durable, Listeners, Unsubmitted};
use crate::knowledge::audience::{Audience, Change, Intake, Refused};
use crate::market::vocabulary::Words;

impl Listeners for Intake {
    fn words(&self) -> &Words {
        Intake::words(self)
    }

    fn audience(&self) -> Arc<Audience> {
        Intake::audience(self)
    }

    fn submit(&self, changes: Vec<Change>) -> Result<Durable, Unsubmitted> {
        match self.offer(changes) {
            Ok(receipt) => {
                Ok(Box::pin(async { receipt.durable().await.map_err(|why| why.to_string()) }))
            }
            Err((Refused::Busy { .. }, changes)) => Err(Unsubmitted::Busy(changes)),
            Err((full @ Refused::Full(_), _)) => Err(Unsubmitted::Full(full.to_string())),
            Err((refused, _)) => Err(Unsubmitted::Never(refused.to_string())),
        }
    }
}
