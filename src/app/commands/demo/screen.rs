//! What does the demo show? A page that fits the terminal, drawn in place; plain lines elsewhere.
//!
//! Pure but for [`Screen`], which writes; cold.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::tally::Counts;

/// Everything that is shown, as it stands now.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub title: String,
    pub running: Duration,
    pub counts: Counts,
    pub per_second: u64,
    /// Of the answer: half, 90 %, 99 % and 99.9 % came within.
    pub answer: [Option<Duration>; 4],
    /// Reason and count, most first.
    pub reasons: Vec<(String, u64)>,
    /// Most spent first.
    pub campaigns: Vec<Row>,
    pub lines: Vec<Row>,
    /// In the reference currency, in nanos.
    pub spent_nanos: i64,
    /// What else can be opened.
    pub links: Vec<Link>,
}

/// A word, what can be opened, and what stands for it where that is too long.
#[derive(Clone, Debug, Default)]
pub struct Link {
    pub word: &'static str,
    pub place: String,
    pub short: String,
}

/// A campaign or a line with what it did.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub name: String,
    pub bids: u64,
    pub heard: u64,
    pub spent_nanos: i64,
}

/// Columns and rows.
pub type Size = (usize, usize);

/// The page, at most as wide and as high as the terminal.
pub fn page(view: &View, (width, height): Size) -> Vec<String> {
    let width = width.clamp(40, 160);
    let mut out = head(view, width);
    out.push(String::new());
    let link = |link: &Link| {
        let fits = link.place.chars().count() + 7 <= width;
        let place = if fits || link.short.is_empty() { &link.place } else { &link.short };
        format!(" {:<5} {place}", link.word)
    };
    let links: Vec<String> = view.links.iter().map(link).collect();
    // One line is left free, so that nothing scrolls.
    let room = height.saturating_sub(out.len() + links.len() + 2);
    let lines_room = if room >= 18 { room / 3 } else { 0 };
    let between = usize::from(lines_room > 0);
    out.extend(tables(view, width, room.saturating_sub(lines_room + between)));
    if lines_room > 0 {
        out.push(String::new());
        out.extend(rows("lines by spend", &view.lines, width, lines_room));
    }
    out.push(String::new());
    out.extend(links);
    out.truncate(height.saturating_sub(1).max(1));
    out.iter().map(|line| cut(line, width)).collect()
}

fn head(view: &View, width: usize) -> Vec<String> {
    let counts = &view.counts;
    let seconds = view.running.as_secs();
    let time = format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let title = cut(&view.title, width.saturating_sub(time.len() + 3));
    let gap = width.saturating_sub(title.chars().count() + time.len() + 2);
    let mut out = vec![format!(" {title}{:gap$}{time}", ""), String::new()];
    let share = |part: u64| match counts.requests {
        0 => String::new(),
        all => format!("{:.1} %", part as f64 * 100.0 / all as f64),
    };
    let spent = format!("{} USD", money(view.spent_nanos));
    let left = [
        ("requests", counts.requests, format!("{}/s", grouped(view.per_second))),
        ("with bids", counts.with_bids, share(counts.with_bids)),
        ("no bid", counts.no_bids, share(counts.no_bids)),
        ("errors", counts.errors, share(counts.errors)),
    ];
    let middle = ["50 %", "90 %", "99 %", "99.9 %"];
    let right = [
        ("wins", grouped(counts.wins)),
        ("heard", format!("{} ({} full)", grouped(counts.impressions), ends(counts))),
        ("clicks", grouped(counts.clicks)),
        ("spend", spent),
    ];
    for i in 0..4 {
        let (name, count, more) = &left[i];
        let (event, count_right) = &right[i];
        out.push(format!(
            " {name:<9} {:>10} {more:>8}   {:>6} in {:>9}   {event:<6} {count_right}",
            grouped(*count),
            middle[i],
            millis(view.answer[i]),
        ));
    }
    out
}

fn ends(counts: &Counts) -> String {
    match counts.impressions {
        0 => "0 %".to_owned(),
        all => format!("{:.0} %", counts.completes as f64 * 100.0 / all as f64),
    }
}

/// Campaigns on the left, reasons for no bid on the right.
fn tables(view: &View, width: usize, room: usize) -> Vec<String> {
    let right_width = if width >= 110 { 40 } else { 27 };
    let left_width = width.saturating_sub(right_width + 3);
    let left = rows("campaigns by spend", &view.campaigns, left_width, room);
    let mut right = vec![format!("{:<1$}", "no bid because", right_width)];
    let name_width = right_width - 9;
    for (reason, count) in view.reasons.iter().take(room.saturating_sub(1)) {
        let reason = cut(&reason.replace('_', " "), name_width);
        right.push(format!("{reason:<name_width$}{:>9}", grouped(*count)));
    }
    let height = left.len().max(right.len()).min(room);
    let line = |i: usize| {
        let empty = String::new();
        let (left, right) = (left.get(i).unwrap_or(&empty), right.get(i).unwrap_or(&empty));
        format!("{left:<left_width$} │ {right}")
    };
    (0..height).map(line).collect()
}

fn rows(title: &str, rows: &[Row], width: usize, room: usize) -> Vec<String> {
    let name_width = width.saturating_sub(1 + 9 + 9 + 11);
    let mut out = vec![format!(" {title:<name_width$}{:>9}{:>9}{:>11}", "bids", "heard", "USD")];
    for row in rows.iter().take(room.saturating_sub(1)) {
        out.push(format!(
            " {:<name_width$}{:>9}{:>9}{:>11}",
            cut(&row.name, name_width),
            grouped(row.bids),
            grouped(row.heard),
            money(row.spent_nanos),
        ));
    }
    out
}

/// One line for logs and pipes.
pub fn plain(view: &View) -> String {
    let counts = &view.counts;
    let mut line = format!(
        "{:>5} s  requests {}  with bids {}  no bid {}  errors {}  wins {}  heard {}  spend {} USD",
        view.running.as_secs(),
        grouped(counts.requests),
        grouped(counts.with_bids),
        grouped(counts.no_bids),
        grouped(counts.errors),
        grouped(counts.wins),
        grouped(counts.impressions),
        money(view.spent_nanos),
    );
    let _ = write!(line, "  p50 {}  p99 {}", millis(view.answer[0]), millis(view.answer[2]));
    line
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// `1234567` → `1,234,567`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Nanos of a currency with two decimals.
pub fn money(nanos: i64) -> String {
    let cents = nanos.max(0) as u64 / 10_000_000;
    format!("{}.{:02}", grouped(cents / 100), cents % 100)
}

fn millis(time: Option<Duration>) -> String {
    time.map_or_else(|| "–".to_owned(), |time| format!("{:.2} ms", time.as_secs_f64() * 1e3))
}

/// Draws pages in place where somebody looks, else says a line now and then.
pub struct Screen {
    live: bool,
    last_plain_s: Option<u64>,
}

/// Seconds between two plain lines.
const PLAIN_EVERY_S: u64 = 5;

impl Screen {
    /// `quiet`: says nothing until the end.
    pub fn open(quiet: bool) -> Screen {
        let live = !quiet && io::stdout().is_terminal();
        if live {
            // The other screen, without a cursor: what stood in the terminal comes back at the end.
            emit("\x1b[?1049h\x1b[?25l");
        }
        Screen { live, last_plain_s: quiet.then_some(u64::MAX) }
    }

    pub fn show(&mut self, view: &View) {
        if self.live {
            let size = terminal().unwrap_or((80, 24));
            let mut out = String::from("\x1b[H");
            for (place, line) in page(view, size).iter().enumerate() {
                let strong = if place == 0 { "\x1b[1m" } else { "" };
                let _ = write!(out, "{strong}{line}\x1b[0m\x1b[K\r\n");
            }
            out.push_str("\x1b[J");
            return emit(&out);
        }
        let now = view.running.as_secs();
        if self.last_plain_s.is_none_or(|last| now >= last.saturating_add(PLAIN_EVERY_S)) {
            self.last_plain_s = Some(now);
            emit(&format!("{}\n", plain(view)));
        }
    }

    /// Puts the terminal back as it was.
    pub fn close(&mut self) {
        if std::mem::take(&mut self.live) {
            emit("\x1b[?25h\x1b[?1049l");
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}

/// The size of the terminal, if there is one.
pub fn terminal() -> Option<Size> {
    let (width, height) = terminal_size::terminal_size()?;
    Some((usize::from(width.0), usize::from(height.0)))
}

/// A terminal that is gone is no reason to stop.
fn emit(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let row = |i: u64| Row {
            name: format!("greenbasket/a campaign with quite a long name {i}"),
            bids: 1_234_567,
            heard: 999_999,
            spent_nanos: 12_345_670_000_000,
        };
        View {
            title: "Interlude · demo world 1: 12 advertisers, 74 lines, 100,000 listeners".into(),
            running: Duration::from_secs(3_725),
            counts: Counts { requests: 1_234_567, with_bids: 1_100_000, ..Counts::default() },
            reasons: (0..20).map(|i| (format!("below_floor_{i}"), 12_345)).collect(),
            campaigns: (0..30).map(row).collect(),
            lines: (0..90).map(row).collect(),
            links: ["a", "b", "c", "link"]
                .map(|word| Link { word, place: "http://x".repeat(20), short: String::new() })
                .into(),
            ..View::default()
        }
    }

    #[test]
    fn a_page_fits_every_terminal() {
        for size in [(80, 24), (120, 40), (200, 60), (40, 10)] {
            let page = page(&view(), size);
            assert!(page.len() < size.1, "{} lines in {size:?}", page.len());
            for line in &page {
                assert!(line.chars().count() <= size.0, "{size:?}: {line}");
            }
        }
    }

    #[test]
    fn small_and_large_pages_show_what_matters() {
        let small = page(&view(), (80, 24)).join("\n");
        let seen = ["1,234,567", "below floor 0", "greenbasket", "link", "1:02:05", "50 % in"];
        for text in seen {
            assert!(small.contains(text), "{text} in\n{small}");
        }
        assert!(page(&view(), (120, 40)).join("\n").contains("lines by spend"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(money(1_234_567_890_000), "1,234.56");
    }
}
