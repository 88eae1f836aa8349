//! What does `/metrics` tell? Its text, read back into families of series. Cold.
//!
//! The text is the one place where everything that is counted meets; what is sent elsewhere is
//! read from it, so that both tell the same.

/// All series of one name.
#[derive(Debug, Default)]
pub struct Family<'t> {
    pub name: &'t str,
    pub help: &'t str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'t str,
    pub series: Vec<Series<'t>>,
}

#[derive(Debug, PartialEq)]
pub struct Series<'t> {
    /// What follows the family's name: `_bucket`, `_sum` and `_count` of histograms.
    pub part: &'t str,
    pub labels: Vec<(&'t str, String)>,
    pub value: f64,
}

/// The families of a text in their order; lines that are none of the format's are left out.
pub fn families(text: &str) -> Vec<Family<'_>> {
    let mut families: Vec<Family> = Vec::new();
    for line in text.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            let (name, help) = said.split_once(' ').unwrap_or((said, ""));
            family(&mut families, name).help = help;
        } else if let Some(said) = line.strip_prefix("# TYPE ") {
            let (name, kind) = said.split_once(' ').unwrap_or((said, ""));
            family(&mut families, name).kind = kind;
        } else if let Some(last) = families.last_mut()
            && let Some(rest) = line.strip_prefix(last.name)
        {
            last.series.extend(series(rest));
        }
    }
    families
}

fn family<'f, 't>(families: &'f mut Vec<Family<'t>>, name: &'t str) -> &'f mut Family<'t> {
    if families.last().is_none_or(|last| last.name != name) {
        families.push(Family { name, ..Family::default() });
    }
    let last = families.len() - 1;
    &mut families[last]
}

/// `_bucket{le="1",step="wait"} 7`
fn series(line: &str) -> Option<Series<'_>> {
    let (mut rest, value) = line.rsplit_once(' ')?;
    let mut labels = Vec::new();
    let end = rest.find('{').unwrap_or(rest.len());
    let part = &rest[..end];
    rest = rest[end..].strip_prefix('{').unwrap_or("");
    while let Some((name, behind)) = rest.split_once("=\"") {
        let (value, behind) = quoted(behind)?;
        labels.push((name, value));
        rest = behind.strip_prefix(',').unwrap_or("");
    }
    Some(Series { part, labels, value: value.parse().ok()? })
}

/// A label's value up to its closing quote, and what follows that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut letters) = (String::new(), text.char_indices());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::telemetry::Registry;

    #[test]
    fn what_is_rendered_is_read_back() {
        let registry = Registry::new();
        let odd = "a\"b\nc,d=\"{}\" é";
        let labels = [("exchange", odd), ("outcome", "bid")];
        registry.counter("interlude_bid_outcomes_total", "Ends.", &labels).increment(3);
        registry.gauge("interlude_world_size", "Lines.", &[("of", "lines")]).set(-1.5);
        let latency = registry.latency("interlude_bid_answer_seconds", "Time.", &[]);
        latency.record(std::time::Duration::from_micros(3));
        let text = registry.render();
        let families = families(&text);
        let of = |name: &str| families.iter().find(|family| family.name == name).unwrap();

        let counter = of("interlude_bid_outcomes_total");
        assert_eq!((counter.kind, counter.help), ("counter", "Ends."));
        assert_eq!(counter.series[0].value, 3.0);
        assert!(counter.series[0].labels.contains(&("exchange", odd.to_owned())), "{counter:?}");
        let gauge = of("interlude_world_size");
        assert_eq!((gauge.kind, gauge.series[0].value), ("gauge", -1.5));
        let times = of("interlude_bid_answer_seconds");
        assert_eq!(times.series.iter().filter(|series| series.part == "_bucket").count(), 49);
        let count = times.series.iter().find(|series| series.part == "_count").unwrap();
        assert_eq!((count.value, count.labels.len()), (1.0, 0));
        // Nothing that is told is left out.
        let told = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
        assert_eq!(families.iter().map(|family| family.series.len()).sum::<usize>(), told);
    }
}
