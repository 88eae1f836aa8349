//! What does somebody see while a load test runs? The last second; on no terminal a line now and
//! then.
//!
//! A thread of its own, so that a slow terminal delays no request; cold.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::rehearsal::loadgen::Second;

/// Where nobody looks, this often a line for the log.
const LINE_EVERY_S: u64 = 5;
const BAR_CELLS: usize = 48;

pub struct Screen {
    seconds: Sender<Second>,
    thread: JoinHandle<()>,
}

impl Screen {
    pub fn open(duration: Duration) -> io::Result<Screen> {
        let (seconds, told) = channel();
        let thread = std::thread::Builder::new().name("screen".to_owned());
        let thread = thread.spawn(move || match io::stderr().is_terminal() {
            true => live(&told, duration.as_secs()),
            false => lines(&told),
        })?;
        Ok(Screen { seconds, thread })
    }

    pub fn seconds(&self) -> &Sender<Second> {
        &self.seconds
    }

    pub fn close(self) {
        drop(self.seconds);
        // A panic has been reported by its thread.
        let _ = self.thread.join();
    }
}

fn live(told: &Receiver<Second>, duration_s: u64) {
    let bar = ProgressBar::with_draw_target(Some(duration_s), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:48} {elapsed} of {len} s\n{msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    while let Ok(second) = told.recv() {
        bar.set_position(second.at_s.min(duration_s));
        bar.set_message(picture(&second));
    }
    bar.finish_and_clear();
}

fn lines(told: &Receiver<Second>) {
    while let Ok(second) = told.recv() {
        if second.at_s.is_multiple_of(LINE_EVERY_S) {
            let counts = &second.counts;
            let (due, answered, late) = (counts.due, counts.answered(), counts.late);
            let (bids, errors, p99) = (counts.bids, counts.errors, second.p99_us);
            // Nobody is left to tell where this fails.
            let _ = writeln!(
                io::stderr().lock(),
                "{:>5} s  {due}/s due, {answered}/s answered, {bids} bids, {late} late, \
                 {errors} errors, p99 {p99} µs",
                second.at_s,
            );
        }
    }
}

/// The last second in four lines.
fn picture(second: &Second) -> String {
    let counts = &second.counts;
    let ended = (counts.answered() + counts.errors).max(1);
    let percent = |count: u64| 100.0 * count as f64 / ended as f64;
    let in_time_no = counts.no_bids.saturating_sub(counts.late);
    let parts = [
        (counts.bids_in_time, '█', "bids"),
        (in_time_no, '▒', "no bids"),
        (counts.late, '░', "late"),
        (counts.errors, '!', "errors"),
    ];
    let (mut bar, mut words) = (String::new(), String::new());
    for (count, cell, name) in parts {
        let cells = (count as f64 / ended as f64 * BAR_CELLS as f64).round() as usize;
        // What is there at all is seen.
        bar.extend(std::iter::repeat_n(cell, cells.max(usize::from(count > 0))));
        words.push_str(&format!("  {cell} {name} {:.1} %", percent(count)));
    }
    let cpu = second.server_cpu_us.map_or(String::new(), |us| {
        let each = us as f64 / counts.answered().max(1) as f64;
        format!(" · server {each:.1} µs of CPU an answer")
    });
    let ms = |us: u64| us as f64 / 1e3;
    format!(
        "{} due/s · {} answered/s{cpu}\n{bar}\n{words}\n  p50 {:.2} · p90 {:.2} · p99 {:.2} · \
         most {:.2} ms",
        counts.due,
        counts.answered(),
        ms(second.p50_us),
        ms(second.p90_us),
        ms(second.p99_us),
        ms(second.max_us),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::loadgen::Counts;

    #[test]
    fn a_second_is_four_lines_and_shows_even_the_rare() {
        let counts = Counts {
            due: 1_000,
            bids: 800,
            no_bids: 199,
            late: 2,
            bids_in_time: 800,
            errors: 1,
            unsent: 0,
        };
        let (p50_us, p90_us, p99_us, max_us) = (210, 400, 1_400, 3_210);
        let cpu = Some(40_000);
        let second = Second { at_s: 3, counts, p50_us, p90_us, p99_us, max_us, server_cpu_us: cpu };
        let text = picture(&second);
        assert_eq!(text.lines().count(), 4, "{text}");
        for part in ["1000 due/s", "server 40.0 µs", "bids 80.0 %", "errors 0.1 %", "most 3.21 ms"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.lines().nth(1).unwrap().contains('!'), "{text}");
    }
}
