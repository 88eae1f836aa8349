//! `interlude audience crowd`: whom would this targeting reach? Exactly, over the data folder.
//!
//! Run by a person or a script, cold. Everybody is looked at, so there is no error; the answer has
//! the same shape as that of the admin API, or is drawn as bars.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::app::commands::place::Place;
use crate::base::units::time::{Clock, WallClock};
use crate::knowledge::audience;
use crate::knowledge::catalog::draft;
use crate::knowledge::crowd::{Answer, Progress, Reading, Told, scan};
use crate::market::vocabulary::{self, Vocabulary};

/// The widest bar.
const BAR: usize = 32;

const FORMAT: &str = "\
The targeting is written as in campaign files, in a file (*.json, *.yaml) or on the spot:

  interlude audience crowd --data data --targeting '{\"home_country\": [\"DEU\", \"AUT\"],
      \"any\": [{\"taste_genre\": \"rock\"}, {\"interest\": \"iab:607\"}], \"mood\": \"energetic\"}'

A crowd is everybody who meets the clauses about the listener. Clauses about the moment (what
plays, mood, activity, hour, place, device …) are taken as true: they narrow nobody out. Profiles
of minors are never used. Counts below crowd.minimum (300) are held back.";

#[derive(clap::Args, Debug)]
#[command(after_long_help = FORMAT)]
pub struct CrowdArgs {
    /// The targeting: a file, or JSON that begins with {.
    #[arg(long, value_name = "FILE|JSON")]
    targeting: String,
    #[command(flatten)]
    place: Place,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &CrowdArgs) -> anyhow::Result<ExitCode> {
    let (data, config) = args.place.settle()?;
    let (file, text) = text_of(&args.targeting)?;
    let words = || Vocabulary::open(&data.join(vocabulary::FILE), &config.vocabulary);
    // Faults are told before anybody waits for the listeners; who reads them may learn new words.
    draft(&file, &text, &words()?, &config.campaigns.limits)?;
    let audience = audience::read(&data, &words)?;
    let vocabulary = words()?;
    let draft = draft(&file, &text, &vocabulary, &config.campaigns.limits)?;
    let moment = WallClock.now();
    let reading = Reading { vocabulary: &vocabulary, listeners: config.profile, moment };
    let bar = progress_bar(audience.len())?;
    let crowd = scan(&audience, &reading, &draft.expr, &mut |Progress { seen, .. }| {
        bar.set_position(seen);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let crowd = crowd.context("the count has ended early")?;
    let answer = Answer::of(&crowd, &draft, config.crowd.minimum);
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &answer)?;
        writeln!(out)?;
    } else {
        draft.warnings.iter().try_for_each(|why| writeln!(io::stderr(), "warning: {why}"))?;
        tell(&answer, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text_of(targeting: &str) -> anyhow::Result<(PathBuf, String)> {
    if targeting.trim_start().starts_with('{') {
        return Ok((PathBuf::from("targeting.json"), targeting.to_owned()));
    }
    let file = Path::new(targeting);
    let text = std::fs::read_to_string(file).with_context(|| targeting.to_owned())?;
    Ok((file.to_owned(), text))
}

/// Drawn only where somebody looks.
fn progress_bar(listeners: usize) -> anyhow::Result<ProgressBar> {
    if !io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let shape = "{bar:40} {percent:>3} %  {human_pos} of {human_len} listeners";
    let bar = ProgressBar::new(listeners as u64);
    Ok(bar.with_style(ProgressStyle::with_template(shape)?))
}

fn tell(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let rows = answer.clauses.iter().map(|row| (row.clause.as_str(), row.told, row.momentary));
    let whole = ("all together", answer.told, false);
    let width = rows.clone().map(|row| row.0.chars().count()).max().unwrap_or(0).max(whole.0.len());
    for (name, told, momentary) in rows.chain([whole]) {
        let share = told.listeners as f64 / answer.of.max(1) as f64;
        let remark = if momentary { "  the moment: anybody" } else { "" };
        let (bar, count) = (bar(share), counted(told));
        writeln!(out, "{name:width$}  {bar:BAR$}{count:>14}{:>8.1} %{remark}", share * 100.0)?;
    }
    writeln!(out, "\nof {} listeners, as of {}", grouped(answer.of), answer.as_of)
}

/// Eighths of a character are drawn, too.
fn bar(share: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (BAR * 8) as f64).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

fn counted(told: Told) -> String {
    match told.fewer_than {
        Some(minimum) => format!("fewer than {minimum}"),
        None => grouped(told.listeners),
    }
}

/// 1234567 → 1,234,567
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_numbers_are_drawn() {
        assert_eq!(bar(1.0), "█".repeat(BAR));
        assert_eq!(bar(0.5 + 1.0 / (BAR * 8) as f64), "█".repeat(BAR / 2) + "▏");
        assert_eq!((bar(0.0), bar(7.0)), (String::new(), "█".repeat(BAR)));
        let of = [0, 12, 123, 1_234, 12_345_678].map(grouped);
        assert_eq!(of, ["0", "12", "123", "1,234", "12,345,678"]);
    }
}
