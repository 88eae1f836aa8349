//! How often may one listener hear it? `cap:` and `caps:` → limits, each within a window.
//!
//! Called by [`read`](super::read) for advertisers, campaigns and lines, and for creatives; cold.

use super::model::{CAPS_MAX, Cap, Unit, Window};
use super::node::Node;
use super::tables::CAP;
use super::values::{self, Complaint, Per};
use super::walk::{Fields, Findings, Trail};

const HOUR_S: u32 = 3600;
const DAY_S: u32 = 24 * HOUR_S;

/// The caps at these keys, by their windows, the shortest first. Warns of those that cannot be
/// reached before another one, of here or of what stands `above`.
pub fn caps(
    fields: &Fields<'_>,
    names: &[&'static str],
    above: &[(&'static str, &[Cap])],
) -> Vec<Cap> {
    let mut found: Vec<Cap> = Vec::new();
    for name in names {
        fields.each(name, CAPS_MAX, |node, trail| {
            if let Some(cap) = cap(fields.findings, node, trail) {
                let mut warn =
                    |message| fields.findings.warn(node.place, trail, Complaint::new(message));
                compare(cap, &found, above, &mut warn);
                found.push(cap);
            }
        });
    }
    if found.len() > CAPS_MAX {
        let message = format!("{} caps where at most {CAPS_MAX} may stand", found.len());
        fields.fault(names[0], Complaint::mend(message, "name all of them in one `caps:`"));
    }
    found.sort_unstable_by_key(|cap| (order(cap.window), cap.impressions));
    found.dedup_by_key(|cap| cap.window);
    found
}

/// How a window is written: `per`, and `window` where it is not the default.
pub fn said(window: Window) -> (String, Option<&'static str>) {
    let calendar = |unit: &str| (unit.to_owned(), Some("calendar"));
    match window {
        Window::Rolling { seconds } if seconds % DAY_S == 0 => {
            (format!("{}d", seconds / DAY_S), None)
        }
        Window::Rolling { seconds } if seconds % HOUR_S == 0 => {
            (format!("{}h", seconds / HOUR_S), None)
        }
        Window::Rolling { seconds } => (format!("{}m", seconds / 60), None),
        Window::Calendar(Unit::Hour) => calendar("hour"),
        Window::Calendar(Unit::Day) => calendar("day"),
        Window::Calendar(Unit::Week) => calendar("week"),
        Window::Calendar(Unit::Month) => calendar("month"),
        Window::Flight => ("flight".to_owned(), None),
    }
}

fn cap(findings: &Findings<'_>, node: &Node, trail: &Trail<'_>) -> Option<Cap> {
    let fields = Fields::open(findings, node, trail, &CAP)?;
    let impressions = fields.int("impressions");
    let per = fields.read("per", values::window);
    let kind = fields.text("window");
    if fields.has("window") && kind.is_none() {
        return None;
    }
    let window = match (per?, kind.as_deref()) {
        (Per::Flight, None) => Window::Flight,
        (Per::Flight, Some(_)) => {
            let mend = "leave out `window:`; a flight is one span";
            fields.fault("window", Complaint::mend("a flight neither rolls nor repeats", mend));
            return None;
        }
        (Per::Unit(unit), Some("calendar")) => Window::Calendar(unit),
        (Per::Unit(unit), _) => Window::Rolling { seconds: rolling(unit) },
        (Per::Span(_), Some("calendar")) => {
            let message = "only hours, days, weeks and months are of the calendar";
            let mend = "leave out `window:`, or write `per: day`";
            fields.fault("window", Complaint::mend(message, mend));
            return None;
        }
        (Per::Span(seconds), _) => Window::Rolling { seconds },
    };
    Some(Cap { impressions: u16::try_from(impressions?).ok()?, window })
}

/// A unit as a span that rolls; a month has thirty days.
const fn rolling(unit: Unit) -> u32 {
    match unit {
        Unit::Hour => HOUR_S,
        Unit::Day => DAY_S,
        Unit::Week => 7 * DAY_S,
        Unit::Month => 30 * DAY_S,
    }
}

fn order(window: Window) -> (u32, u8) {
    let kind = match window {
        Window::Rolling { .. } => 0,
        Window::Calendar(_) => 1,
        Window::Flight => 2,
    };
    (window.longest_s(), kind)
}

fn compare(
    cap: Cap,
    before: &[Cap],
    above: &[(&'static str, &[Cap])],
    warn: &mut dyn FnMut(String),
) {
    for &other in before {
        if other.window == cap.window {
            let (per, _) = said(cap.window);
            warn(format!("`per: {per}` stands twice; the smaller number counts"));
        } else if reached_first(other, cap) {
            warn(format!("never reached: {} comes first", print(other)));
        } else if reached_first(cap, other) {
            warn(format!("with this, {} is never reached", print(other)));
        }
    }
    for (whose, caps) in above {
        if let Some(&other) = caps.iter().find(|&&other| reached_first(other, cap)) {
            warn(format!("never reached: {whose} {} comes first", print(other)));
        }
    }
}

fn print(cap: Cap) -> String {
    let (per, _) = said(cap.window);
    format!("{} per {per}", cap.impressions)
}

/// Whether whoever keeps to `first` keeps to `cap`, too.
fn reached_first(first: Cap, cap: Cap) -> bool {
    let spans = spans(first.window, cap.window);
    spans.is_some_and(|spans| {
        u32::from(first.impressions).saturating_mul(spans) <= u32::from(cap.impressions)
    })
}

/// With how many of these windows any span of the other one is covered; `None`: no number.
fn spans(cover: Window, span: Window) -> Option<u32> {
    match (cover, span) {
        (Window::Flight, _) => Some(1),
        (_, Window::Flight) => None,
        (Window::Rolling { seconds }, _) => Some(span.longest_s().div_ceil(seconds)),
        (Window::Calendar(cover), Window::Calendar(span)) if holds(cover, span) => Some(1),
        // It may begin in the middle of one.
        (Window::Calendar(cover), _) => Some(span.longest_s().div_ceil(shortest_s(cover)) + 1),
    }
}

/// Whether a unit never lies in two of another.
const fn holds(unit: Unit, within: Unit) -> bool {
    match unit {
        Unit::Hour => matches!(within, Unit::Hour),
        Unit::Day => matches!(within, Unit::Hour | Unit::Day),
        Unit::Week => !matches!(within, Unit::Month),
        Unit::Month => !matches!(within, Unit::Week),
    }
}

/// With the hour that a clock goes forward.
const fn shortest_s(unit: Unit) -> u32 {
    match unit {
        Unit::Hour => HOUR_S / 2,
        Unit::Day => DAY_S - HOUR_S,
        Unit::Week => 7 * DAY_S - HOUR_S,
        Unit::Month => 28 * DAY_S - HOUR_S,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn calendar(impressions: u16, unit: Unit) -> Cap {
        Cap { impressions, window: Window::Calendar(unit) }
    }

    #[test]
    fn a_cap_that_another_keeps_is_never_reached() {
        let forever = Cap { impressions: 5, window: Window::Flight };
        for (first, cap, kept) in [
            (Cap::rolling(2, DAY_S), Cap::rolling(2, HOUR_S), true),
            (Cap::rolling(3, DAY_S), Cap::rolling(2, HOUR_S), false),
            (Cap::rolling(3, HOUR_S), Cap::rolling(72, DAY_S), true),
            (Cap::rolling(3, HOUR_S), Cap::rolling(71, DAY_S), false),
            (Cap::rolling(3, HOUR_S), calendar(74, Unit::Day), false),
            (Cap::rolling(3, HOUR_S), calendar(75, Unit::Day), true),
            (calendar(1, Unit::Day), Cap::rolling(2, HOUR_S), true),
            (calendar(1, Unit::Day), Cap::rolling(1, HOUR_S), false),
            (calendar(1, Unit::Week), calendar(1, Unit::Day), true),
            (calendar(1, Unit::Month), calendar(1, Unit::Week), false),
            (forever, calendar(5, Unit::Month), true),
            (forever, calendar(4, Unit::Month), false),
            (Cap::rolling(1, HOUR_S), forever, false),
        ] {
            assert_eq!(reached_first(first, cap), kept, "{first:?} {cap:?}");
        }
    }

    proptest! {
        /// Impressions as many and as early as the first cap allows never break the second.
        #[test]
        fn whoever_keeps_the_one_keeps_the_other(
            (n, seconds) in (1u16..4, 1u32..40),
            (most, span) in (1u16..60, 1u32..200),
        ) {
            let (first, cap) = (Cap::rolling(n, seconds), Cap::rolling(most, span));
            let in_span = (0..span).filter(|second| second % seconds == 0).count() * usize::from(n);
            prop_assert_eq!(reached_first(first, cap), in_span <= usize::from(most));
        }
    }
}
