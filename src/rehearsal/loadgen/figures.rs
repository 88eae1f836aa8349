//! What came of a load test? Counts of each second while it runs, figures at its end.
//!
//! Counted by the thread that sends, told once a second to whoever shows it; cold.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::exchange::Told;
use super::verdict::Wrong;
use std::sync::atomic::Ordering::Relaxed;

/// Latencies are told to three digits, up to a minute and a half.
const DIGITS: u8 = 3;
const LATENCY_MAX_US: u64 = 90_000_000;
/// Where the latency curve of the report has its points.
const PERCENTILES: [f64; 14] =
    [1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.9, 99.95, 99.99, 100.0];
/// Longer tests are told in longer pieces.
const ROWS_MAX: u64 = 600;

/// Latencies from when each request was due.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    pub fn new() -> Latencies {
        // The bounds are constants that the crate takes.
        let histogram = Histogram::new_with_bounds(1, LATENCY_MAX_US, DIGITS);
        Latencies(histogram.unwrap_or_else(|_| unreachable!("constant bounds")))
    }

    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn at(&self, percentile: f64) -> u64 {
        self.0.value_at_percentile(percentile)
    }
}

/// What became of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counts {
    /// Requests that fell due.
    pub due: u64,
    pub bids: u64,
    pub no_bids: u64,
    /// Of the answered, those after their `tmax`.
    pub late: u64,
    /// Of the bids, those within `tmax`.
    pub bids_in_time: u64,
    /// Neither 200 nor 204, broken off, silent, or never sent.
    pub errors: u64,
    /// Of the errors, those for which no connection was free for half of their `tmax`.
    pub unsent: u64,
}

impl Counts {
    pub fn answered(&self) -> u64 {
        self.bids + self.no_bids
    }

    pub fn in_time(&self) -> u64 {
        self.answered() - self.late
    }

    fn add(&mut self, other: &Counts) {
        self.due += other.due;
        self.bids += other.bids;
        self.no_bids += other.no_bids;
        self.late += other.late;
        self.bids_in_time += other.bids_in_time;
        self.errors += other.errors;
        self.unsent += other.unsent;
    }
}

/// One second of a test, by when things happened.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Second {
    /// When it ended, in seconds from the beginning.
    pub at_s: u64,
    #[serde(flatten)]
    pub counts: Counts,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
    /// What the server's process ran meanwhile.
    pub server_cpu_us: Option<u64>,
}

/// What is counted while a test runs.
pub struct Sheet {
    pub now: Counts,
    total: Counts,
    of_second: Latencies,
    all: Latencies,
    stride_s: u64,
    rows: Vec<Second>,
    second: u64,
    cpu_us: Option<u64>,
}

impl Sheet {
    pub fn new(duration: Duration) -> Sheet {
        Sheet {
            now: Counts::default(),
            total: Counts::default(),
            of_second: Latencies::new(),
            all: Latencies::new(),
            stride_s: duration.as_secs().div_ceil(ROWS_MAX).max(1),
            rows: Vec::new(),
            second: 0,
            cpu_us: None,
        }
    }

    pub fn record(&mut self, latency: Duration) {
        self.of_second.record(latency);
        self.all.record(latency);
    }

    /// The second that is over now, if one is.
    pub fn turn(&mut self, now: Duration, cpu_us: impl Fn() -> Option<u64>) -> Option<Second> {
        (now.as_secs() > self.second).then(|| {
            self.second = now.as_secs();
            self.close(cpu_us())
        })
    }

    fn close(&mut self, cpu_us: Option<u64>) -> Second {
        let row = Second {
            at_s: self.second,
            counts: std::mem::take(&mut self.now),
            p50_us: self.of_second.at(50.0),
            p90_us: self.of_second.at(90.0),
            p99_us: self.of_second.at(99.0),
            max_us: self.of_second.0.max(),
            server_cpu_us: cpu_us.zip(self.cpu_us).map(|(now, then)| now.saturating_sub(then)),
        };
        self.cpu_us = cpu_us;
        self.of_second.0.reset();
        self.total.add(&row.counts);
        match self.rows.last_mut() {
            Some(last) if self.stride_s > 1 && !last.at_s.is_multiple_of(self.stride_s) => {
                last.merge(&row);
            }
            _ => self.rows.push(row.clone()),
        }
        row
    }
}

impl Second {
    fn merge(&mut self, next: &Second) {
        self.at_s = next.at_s;
        self.counts.add(&next.counts);
        self.p50_us = self.p50_us.max(next.p50_us);
        self.p90_us = self.p90_us.max(next.p90_us);
        self.p99_us = self.p99_us.max(next.p99_us);
        self.max_us = self.max_us.max(next.max_us);
        self.server_cpu_us =
            self.server_cpu_us.zip(next.server_cpu_us).map(|(one, other)| one + other);
    }
}

/// How the generator itself did.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Generator {
    /// How long after it was due a request was sent though a connection was free.
    pub lag_p99_us: u64,
    /// How much of a core the sending thread ran.
    pub cpu_share: f64,
    /// So late, or so busy, that the figures tell of the generator as well.
    pub was_the_limit: bool,
}

/// The end of a test.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Figures {
    pub offered_per_s: f64,
    pub answered_per_s: f64,
    pub bids: u64,
    pub no_bids: u64,
    pub errors: u64,
    pub wrong_answers: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p99_9_us: u64,
    pub max_us: u64,
    /// `None`: the server is not local, or its process cannot be read.
    pub server_cpu_us_per_request: Option<f64>,
    /// Bids within `tmax`.
    pub goodput_per_s: f64,
    /// Of what was answered, how much within `tmax`.
    pub in_time_share: f64,
    pub late: u64,
    pub unsent: u64,
    pub checked: u64,
    /// What was wrong with how many of the checked.
    pub wrong: Vec<(&'static str, u64)>,
    pub notices: u64,
    pub notice_errors: u64,
    pub generator: Generator,
    pub seconds: Vec<Second>,
    #[serde(skip)]
    pub counts: Counts,
    /// Percentiles and their latencies.
    #[serde(skip)]
    pub curve: Vec<(f64, u64)>,
}

impl Figures {
    /// `offered`: how long requests were due; `took`: until the last answer.
    pub fn of(
        mut sheet: Sheet,
        told: &Told,
        (offered, took): (Duration, Duration),
        (server_cpu_us, generator): (Option<u64>, Generator),
    ) -> Figures {
        sheet.second += 1;
        if sheet.now != Counts::default() {
            sheet.close(None);
        }
        let (counts, all) = (sheet.total, sheet.all);
        let answered = counts.answered() as f64;
        let wrong = Wrong::ALL.iter().map(|why| (why.label(), &told.wrong[*why as usize]));
        let wrong = wrong.map(|(label, count)| (label, count.load(Relaxed)));
        Figures {
            offered_per_s: rounded(counts.due as f64 / offered.as_secs_f64()),
            answered_per_s: rounded(answered / took.max(offered).as_secs_f64()),
            bids: counts.bids,
            no_bids: counts.no_bids,
            errors: counts.errors,
            wrong_answers: told.wrong_answers(),
            p50_us: all.at(50.0),
            p90_us: all.at(90.0),
            p99_us: all.at(99.0),
            p99_9_us: all.at(99.9),
            max_us: all.0.max(),
            server_cpu_us_per_request: server_cpu_us
                .map(|us| rounded(us as f64 / answered.max(1.0))),
            goodput_per_s: rounded(counts.bids_in_time as f64 / offered.as_secs_f64()),
            in_time_share: (counts.in_time() as f64 / answered.max(1.0) * 1e6).round() / 1e6,
            late: counts.late,
            unsent: counts.unsent,
            checked: told.checked.load(Relaxed),
            wrong: wrong.filter(|(_, count)| *count > 0).collect(),
            notices: told.notices.load(Relaxed),
            notice_errors: told.notice_errors.load(Relaxed),
            generator,
            seconds: sheet.rows,
            counts,
            curve: PERCENTILES.map(|percent| (percent, all.at(percent))).to_vec(),
        }
    }
}

pub fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_in_seconds_adds_up_however_long_the_rows_are() {
        for hours in [0, 2] {
            let mut sheet = Sheet::new(Duration::from_secs(60 + hours * 3_600));
            for second in 0..20_u64 {
                sheet.now.due += second;
                sheet.now.bids += second;
                sheet.record(Duration::from_micros(100 + second));
                let row = sheet.turn(Duration::from_secs(second + 1), || Some(second * 7)).unwrap();
                assert_eq!((row.counts.bids, row.max_us), (second, 100 + second));
                assert!(sheet.turn(Duration::from_secs(second + 1), || None).is_none());
            }
            sheet.now.errors += 1;
            let (offered, generator) = (Duration::from_secs(20), Generator::default());
            let told = Told::default();
            let figures = Figures::of(sheet, &told, (offered, offered), (Some(1_900), generator));
            assert_eq!((figures.bids, figures.errors, figures.max_us), (190, 1, 119));
            assert_eq!(figures.server_cpu_us_per_request, Some(10.0));
            let of_rows: u64 = figures.seconds.iter().map(|row| row.counts.bids).sum();
            assert_eq!(of_rows, 190);
            assert_eq!(figures.seconds.len(), if hours == 0 { 21 } else { 2 });
        }
    }
}
