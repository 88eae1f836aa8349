//! Where instruments are made and read: one registry a server, no global one.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::latency::Latency;
use super::panics;

/// Label names with their values; the values from a closed set.
pub type Labels<'l> = &'l [(&'static str, &'l str)];

/// All instruments of one server.
pub struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    latencies: Mutex<Vec<NamedLatency>>,
    infos: Mutex<Vec<Named>>,
}

/// A text that is told as the one label of a series whose value is 1.
#[derive(Default)]
pub struct Info(Mutex<String>);

impl Info {
    /// From now on it says this, in place of what it said.
    pub fn say(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

struct Named {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    info: Arc<Info>,
}

struct NamedLatency {
    name: &'static str,
    help: &'static str,
    /// `exchange="demo",stage="decide"`: rendered once.
    labels: String,
    latency: Arc<Latency>,
}

impl Default for Registry {
    fn default() -> Self {
        Registry::new()
    }
}

impl Registry {
    pub fn new() -> Registry {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        Registry { recorder, handle, latencies: Mutex::default(), infos: Mutex::default() }
    }

    /// A counter; the same name and labels give the same one.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: Labels) -> Counter {
        assert_grammar(name, true);
        self.recorder.describe_counter(KeyName::from_const_str(name), None, help.into());
        self.recorder.register_counter(&key(name, labels), &METADATA)
    }

    /// A gauge; the same name and labels give the same one.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: Labels) -> Gauge {
        assert_grammar(name, false);
        self.recorder.describe_gauge(KeyName::from_const_str(name), None, help.into());
        self.recorder.register_gauge(&key(name, labels), &METADATA)
    }

    /// A latency histogram in seconds; the same name and labels give the same one.
    pub fn latency(&self, name: &'static str, help: &'static str, labels: Labels) -> Arc<Latency> {
        assert_grammar(name, false);
        let labels = label_text(labels);
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = latencies.iter().find(|l| l.name == name && l.labels == labels) {
            return Arc::clone(&same.latency);
        }
        let latency = Arc::new(Latency::new());
        latencies.push(NamedLatency { name, help, labels, latency: Arc::clone(&latency) });
        latency
    }

    /// What is told in words, one series at a time; made once a name.
    pub fn info(&self, name: &'static str, help: &'static str, label: &'static str) -> Arc<Info> {
        assert_grammar(name, false);
        let info = Arc::new(Info::default());
        let named = Named { name, help, label, info: Arc::clone(&info) };
        self.infos.lock().unwrap_or_else(PoisonError::into_inner).push(named);
        info
    }

    /// Everything, in the Prometheus text format.
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        // Of the process, not of one server in it. Writing to a String cannot fail.
        let _ = write!(
            text,
            "# HELP interlude_process_panics_total Defects; each ended one piece of work.\n# TYPE \
             interlude_process_panics_total counter\ninterlude_process_panics_total {}\n\n",
            panics::count()
        );
        for Named { name, help, label, info } in
            &*self.infos.lock().unwrap_or_else(PoisonError::into_inner)
        {
            let said = info.0.lock().unwrap_or_else(PoisonError::into_inner);
            let labels = label_text(&[(*label, said.as_str())]);
            let _ =
                write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{{{labels}}} 1\n\n");
        }
        let latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> = latencies.iter().map(|l| (l.name, l.help)).collect();
        names.sort_unstable();
        names.dedup_by_key(|(name, _)| *name);
        for (name, help) in names {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} histogram\n");
            for latency in latencies.iter().filter(|l| l.name == name) {
                latency.latency.render(name, &latency.labels, &mut text);
            }
            text.push('\n');
        }
        text
    }
}

const METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

fn key(name: &'static str, labels: Labels) -> Key {
    let labels = labels.iter().map(|&(k, v)| Label::new(k, v.to_owned())).collect::<Vec<_>>();
    Key::from_parts(name, labels)
}

fn label_text(labels: Labels) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        let comma = if text.is_empty() { "" } else { "," };
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(text, "{comma}{name}=\"{value}\"");
    }
    text
}

/// A name outside the grammar is a defect that shows at the first start.
fn assert_grammar(name: &str, counter: bool) {
    let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let shape = name.starts_with("interlude_") && name.matches('_').count() >= 2;
    let total = name.ends_with("_total") == counter;
    assert!(letters && shape && total, "metric name outside the grammar: {name}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered() {
        let registry = Registry::new();
        let labels: Labels = &[("exchange", "demo")];
        let counter = registry.counter("interlude_bid_requests_total", "Requests.", labels);
        counter.increment(3);
        let again = registry.counter("interlude_bid_requests_total", "Requests.", labels);
        again.increment(1);
        registry.gauge("interlude_world_lines", "Lines.", &[]).set(12.0);
        let text = registry.render();
        assert!(text.contains("interlude_bid_requests_total{exchange=\"demo\"} 4\n"), "{text}");
        assert!(text.contains("# HELP interlude_bid_requests_total Requests.\n"), "{text}");
        assert!(text.contains("interlude_world_lines 12\n"), "{text}");
    }

    #[test]
    fn latencies_are_cumulative_and_named_once() {
        let registry = Registry::new();
        let name = "interlude_bid_duration_seconds";
        for exchange in ["a", "b"] {
            let labels = &[("exchange", exchange)];
            let latency = registry.latency(name, "From head to reply.", labels);
            latency.record(std::time::Duration::from_micros(10));
            latency.record(std::time::Duration::from_millis(10));
        }
        let text = registry.render();
        assert_eq!(text.matches("# TYPE interlude_bid_duration_seconds histogram").count(), 1);
        for exchange in ["a", "b"] {
            let bucket = format!("{name}_bucket{{exchange=\"{exchange}\",le=\"+Inf\"}} 2\n");
            assert!(text.contains(&bucket), "{text}");
            assert!(text.contains(&format!("{name}_count{{exchange=\"{exchange}\"}} 2\n")));
        }
    }

    #[test]
    #[should_panic(expected = "outside the grammar")]
    fn a_counter_is_a_total() {
        let _ = Registry::new().counter("interlude_bid_requests", "", &[]);
    }
}
