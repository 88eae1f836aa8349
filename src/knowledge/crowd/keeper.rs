//! Which sample holds now, and when is it made anew?
//!
//! One of these lives as long as the server. A background loop shows it the audience that is
//! served, now and then, and takes the time of a build as it comes; whoever counts takes the
//! sample that stands. Cold.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use crate::base::units::time::Moment;
use crate::knowledge::audience::Audience;
use crate::knowledge::enrich::listener;
use crate::market::vocabulary::Vocabulary;

use super::{Config, Reading, Sample};

/// Expiries are whole hours: within one nothing expires.
const HOUR_S: i64 = 3600;

/// How hard a build may work, and whether it is still wanted.
pub struct Pace<'s> {
    share_pct: u32,
    stop: Option<&'s AtomicBool>,
    since: Instant,
}

impl<'s> Pace<'s> {
    /// Without a pause, to the end.
    pub fn at_once() -> Pace<'static> {
        Pace { share_pct: 100, stop: None, since: Instant::now() }
    }

    /// So many percent of the time of one core, until `stop` turns true.
    pub fn share(share_pct: u8, stop: &'s AtomicBool) -> Pace<'s> {
        let share_pct = u32::from(share_pct.clamp(1, 100));
        Pace { share_pct, stop: Some(stop), since: Instant::now() }
    }

    /// Takes a breath if one is due; `None` when the build is to end.
    pub(super) fn keep(&mut self) -> Option<()> {
        if self.stop.is_some_and(|stop| stop.load(Relaxed)) {
            return None;
        }
        let worked = self.since.elapsed();
        // Shorter pauses would cost more than they spare.
        if self.share_pct < 100 && worked >= Duration::from_millis(2) {
            std::thread::sleep(worked * (100 - self.share_pct) / self.share_pct);
            self.since = Instant::now();
        }
        Some(())
    }
}

/// The sample that stands, and the words that it was read with.
pub struct Standing {
    pub sample: Sample,
    pub vocabulary: Arc<Vocabulary>,
    audience: Weak<Audience>,
}

/// Keeps the sample that stands.
pub struct Crowds {
    config: Config,
    standing: ArcSwapOption<Standing>,
}

impl Crowds {
    pub fn new(config: Config) -> Crowds {
        Crowds { config, standing: ArcSwapOption::empty() }
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `None` until the first is built.
    pub fn standing(&self) -> Option<Arc<Standing>> {
        self.standing.load_full()
    }

    /// Whether the sample that stands is no longer that of this audience, and old enough, or of an
    /// hour that is over, at whose end segments may have expired.
    pub fn is_due(&self, audience: &Arc<Audience>, now: Moment) -> bool {
        let standing = self.standing.load();
        let Some(standing) = standing.as_ref() else { return true };
        let made = standing.sample.as_of();
        let same = std::ptr::eq(standing.audience.as_ptr(), Arc::as_ptr(audience));
        let old = now >= made.plus_s(self.config.refresh_s as i64);
        let hour = |moment: Moment| moment.unix_s().div_euclid(HOUR_S);
        (!same && old) || hour(made) != hour(now)
    }

    /// Builds a sample and lets it stand, unless `pace` ends it.
    pub fn refresh(
        &self,
        audience: &Arc<Audience>,
        vocabulary: &Arc<Vocabulary>,
        (listeners, moment): (listener::Config, Moment),
        pace: &mut Pace<'_>,
    ) -> Option<()> {
        let reading = Reading { vocabulary, listeners, moment };
        let sample = Sample::build(audience, &reading, self.config.sample_max, pace)?;
        let (vocabulary, audience) = (Arc::clone(vocabulary), Arc::downgrade(audience));
        self.standing.store(Some(Arc::new(Standing { sample, vocabulary, audience })));
        Some(())
    }
}
