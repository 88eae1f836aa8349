//! Who sends what operators are told to an OpenTelemetry collector? OTLP, protobuf over HTTP.
//!
//! Only in builds with `otel`. Worked by a loop of [`super::run`], cold: a collector that is slow
//! or down delays this loop and nothing else. Metrics are sums since the start, so that the next
//! delivery makes good a lost one; decisions that did not arrive are counted, and so is what a
//! collector rejects of a delivery that it takes (OTLP: partial success).

mod series;

mod metrics;

mod traces;

mod post;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use crate::app::config::Otel;
use crate::base::telemetry::{Counter, Registry};
use crate::base::units::time::{Clock, Moment};
use crate::flows::decide::laps::Told;
use post::Post;

/// How long the last delivery may keep a server from its end.
const LAST: Duration = Duration::from_millis(500);

/// What a collector may say in the log of what it rejects.
const MESSAGE_CHARS: usize = 200;

/// Delivers to one collector.
pub struct Collector {
    post: Post,
    about: About,
    every: Duration,
    within: Duration,
    exchanges: Vec<String>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    since: Moment,
    /// When metrics were last sent.
    sent: Option<Instant>,
    /// By signal, how the last delivery ended: each change is told once, not once a second.
    ended: [End; 2],
    deliveries: [[Counter; 2]; 2],
    /// By signal: spans, data points.
    rejected: [Counter; 2],
    decisions: [Counter; 2],
}

/// What is said with each delivery of who sends it.
pub struct About {
    service: String,
    instance: String,
}

#[derive(Clone, Copy)]
enum Signal {
    Metrics,
    Traces,
}

/// How a delivery ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Taken,
    /// Taken, but for a part.
    InPart,
    Failed,
}

impl Signal {
    /// How many spans or data points the collector did not take, and what it says of that or,
    /// where it took all, what it warns of. An answer that cannot be read says nothing.
    fn rejected(self, answer: Bytes) -> Option<(u64, String)> {
        let (count, message) = match self {
            Signal::Metrics => {
                let answer = ExportMetricsServiceResponse::decode(answer).ok()?.partial_success?;
                (answer.rejected_data_points, answer.error_message)
            }
            Signal::Traces => {
                let answer = ExportTraceServiceResponse::decode(answer).ok()?.partial_success?;
                (answer.rejected_spans, answer.error_message)
            }
        };
        let said: String = message.chars().take(MESSAGE_CHARS).collect();
        let count = u64::try_from(count).unwrap_or(0);
        (count > 0 || !said.is_empty()).then_some((count, said))
    }

    fn path(self) -> &'static str {
        match self {
            Signal::Metrics => "/v1/metrics",
            Signal::Traces => "/v1/traces",
        }
    }
}

impl Collector {
    /// `None`: the config names no collector. `exchanges`: its keys, in their order.
    pub fn new(
        config: &Otel,
        exchanges: Vec<String>,
        (registry, clock): (&Arc<Registry>, Arc<dyn Clock>),
    ) -> std::io::Result<Option<Collector>> {
        let Some(endpoint) = &config.endpoint else { return Ok(None) };
        let count = |signal, outcome| {
            let help = "Deliveries to the OpenTelemetry collector by how they ended.";
            let labels = [("signal", signal), ("outcome", outcome)];
            registry.counter("interlude_otel_deliveries_total", help, &labels)
        };
        let decision = |fate| {
            let help = "Decisions for the OpenTelemetry collector by whether it took them.";
            registry.counter("interlude_otel_decisions_total", help, &[("fate", fate)])
        };
        let rejected = |signal| {
            let help = "Data points and spans that the OpenTelemetry collector did not take.";
            registry.counter("interlude_otel_rejected_total", help, &[("signal", signal)])
        };
        Ok(Some(Collector {
            post: Post::new(endpoint)?,
            about: About { service: config.service.clone(), instance: config.instance.clone() },
            every: Duration::from_secs(config.metrics_every_s),
            within: Duration::from_millis(config.timeout_ms),
            exchanges,
            registry: Arc::clone(registry),
            since: clock.now(),
            clock,
            sent: None,
            ended: [End::Taken; 2],
            deliveries: ["metrics", "traces"]
                .map(|signal| ["taken", "failed"].map(|outcome| count(signal, outcome))),
            rejected: ["metrics", "traces"].map(rejected),
            decisions: ["taken", "failed"].map(decision),
        }))
    }

    /// Sends these decisions, and the metrics where it is time.
    pub fn turn(&mut self, told: &[Told]) {
        if !told.is_empty() {
            let body = traces::delivery(told, &self.exchanges, &self.about).encode_to_vec();
            let count = told.len() as u64;
            let taken = u64::from(self.deliver(Signal::Traces, body, self.within)) * count;
            self.decisions[0].increment(taken);
            self.decisions[1].increment(count - taken);
        }
        if self.sent.is_none_or(|sent| sent.elapsed() >= self.every) {
            self.sent = Some(Instant::now());
            self.send_metrics(self.within);
        }
    }

    fn send_metrics(&mut self, within: Duration) {
        let ns = |moment: Moment| u64::try_from(moment.unix_us).unwrap_or(0) * 1_000;
        let period = metrics::Period { since: ns(self.since), now: ns(self.clock.now()) };
        let body = metrics::delivery(&self.registry.render(), period, &self.about).encode_to_vec();
        self.deliver(Signal::Metrics, body, within);
    }

    fn deliver(&mut self, signal: Signal, body: Vec<u8>, within: Duration) -> bool {
        let result = self.post.send(signal.path(), body, within);
        let result = result.map(|answer| signal.rejected(answer));
        let ended = match &result {
            Ok(None) => End::Taken,
            Ok(Some(_)) => End::InPart,
            Err(_) => End::Failed,
        };
        let is_news = std::mem::replace(&mut self.ended[signal as usize], ended) != ended;
        let path = signal.path();
        match result {
            Ok(None) if is_news => tracing::info!(path, "the OpenTelemetry collector takes all"),
            Ok(Some((count, said))) => {
                self.rejected[signal as usize].increment(count);
                if is_news {
                    tracing::warn!(path, count, said, "the OpenTelemetry collector rejects a part");
                }
            }
            Err(why) if is_news => {
                tracing::warn!(%why, path, "the OpenTelemetry collector takes nothing");
            }
            _ => {}
        }
        let taken = ended != End::Failed;
        self.deliveries[signal as usize][usize::from(!taken)].increment(1);
        taken
    }
}

impl Drop for Collector {
    /// What was counted since the last delivery; not where that would only wait.
    fn drop(&mut self) {
        if !self.ended.contains(&End::Failed) {
            self.send_metrics(self.within.min(LAST));
        }
    }
}

impl About {
    fn resource(&self) -> Resource {
        let instance = (!self.instance.is_empty()).then(|| &*self.instance);
        let said = [
            ("service.name", Some(&*self.service)),
            ("service.version", Some(env!("CARGO_PKG_VERSION"))),
            ("service.instance.id", instance),
        ];
        let said = said.into_iter().filter_map(|(key, value)| Some(text(key, value?)));
        Resource { attributes: said.collect(), ..Resource::default() }
    }

    fn scope(&self) -> InstrumentationScope {
        InstrumentationScope { name: "interlude".to_owned(), ..InstrumentationScope::default() }
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

#[cfg(test)]
mod tests;
