//! Does a collector get what operators are told, and does nobody wait for one that is down?

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use tokio::runtime::Builder;

use super::*;
use crate::base::units::time::SetClock;
use crate::market::exchange::ExchangeIx;
use crate::market::outcome::{NoBid, Outcome};
use crate::market::step::Step;

const NOW: Moment = Moment::from_unix_s(1_795_435_200);

/// What arrived: path, content type, body.
type Arrived = (String, String, Bytes);

/// A collector that answers everything with one status.
fn collector(status: u16) -> (SocketAddr, Receiver<Arrived>) {
    answering(status, |_| Bytes::new())
}

/// A collector that answers a path with a body.
fn answering(status: u16, body_of: fn(&str) -> Bytes) -> (SocketAddr, Receiver<Arrived>) {
    let (seen, arrived) = channel();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = service_fn(|request: Request<Incoming>| {
                let seen = seen.clone();
                async move {
                    let path = request.uri().path().to_owned();
                    let kind = request.headers()["content-type"].to_str().unwrap().to_owned();
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let said = body_of(&path);
                    let _ = seen.send((path, kind, body));
                    let answer = Response::builder().status(status);
                    Ok::<_, Infallible>(answer.body(Full::new(said)).unwrap())
                }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            let _ = connection.serve_connection(TokioIo::new(stream), answer).await;
        }
    };
    std::thread::spawn(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve)
    });
    (address, arrived)
}

fn sender(address: SocketAddr, registry: &Arc<Registry>) -> Collector {
    let config = Otel {
        endpoint: Some(format!("http://{address}/otlp/")),
        instance: "node-7".to_owned(),
        metrics_every_s: 3_600,
        ..Otel::default()
    };
    let clock = Arc::new(SetClock::new(NOW));
    let exchanges = vec!["demo".to_owned()];
    Collector::new(&config, exchanges, (registry, clock)).unwrap().unwrap()
}

fn told(outcome: Outcome) -> Told {
    let mut took = [Duration::ZERO; Step::ALL.len()];
    (took[Step::Wait as usize], took[Step::Decode as usize]) =
        (Duration::from_nanos(1_500), Duration::from_micros(4));
    took[Step::Record as usize] = Duration::from_micros(2);
    Told {
        decision: 0x1234,
        request: 0xabcd,
        moment: NOW,
        exchange: ExchangeIx(0),
        world: 7,
        outcome,
        considered: 40,
        candidates: 3,
        bids: 2,
        took: Some(took),
    }
}

fn words(attributes: &[KeyValue]) -> HashMap<String, String> {
    let word = |value: &AnyValue| match value.value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|kv| (kv.key.clone(), word(kv.value.as_ref().unwrap()))).collect()
}

#[test]
fn what_metrics_tell_arrives_whole() {
    let (address, arrived) = collector(200);
    let registry = Arc::new(Registry::new());
    let labels = [("exchange", "demo")];
    registry.counter("interlude_bid_requests_total", "Requests.", &labels).increment(12);
    registry.gauge("interlude_bid_shed_share", "Share.", &[]).set(0.25);
    for step in ["wait", "decode"] {
        let latency = registry.latency("interlude_bid_step_seconds", "Steps.", &[("step", step)]);
        for us in [3, 3, 5_000_000] {
            latency.record(Duration::from_micros(us));
        }
    }
    let mut sender = sender(address, &registry);
    sender.turn(&[]);
    // It is not time for the next one.
    sender.turn(&[]);
    let (path, kind, body) = arrived.recv().unwrap();
    assert_eq!((&*path, &*kind), ("/otlp/v1/metrics", "application/x-protobuf"));
    assert!(arrived.try_recv().is_err());

    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let [resource] = &request.resource_metrics[..] else { panic!("{request:?}") };
    let said = words(&resource.resource.as_ref().unwrap().attributes);
    assert_eq!((&*said["service.name"], &*said["service.instance.id"]), ("interlude", "node-7"));
    let metrics = &resource.scope_metrics[0].metrics;
    let of = |name: &str| metrics.iter().find(|m| m.name == name).unwrap();
    let Some(Data::Sum(sum)) = &of("interlude_bid_requests_total").data else { panic!() };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
    assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsInt(12)));
    assert_eq!(words(&sum.data_points[0].attributes)["exchange"], "demo");
    assert_eq!(sum.data_points[0].time_unix_nano, 1_795_435_200_000_000_000);
    let Some(Data::Gauge(gauge)) = &of("interlude_bid_shed_share").data else { panic!() };
    assert_eq!(gauge.data_points[0].value, Some(number_data_point::Value::AsDouble(0.25)));
    let steps = of("interlude_bid_step_seconds");
    assert_eq!((&*steps.unit, &*steps.description), ("s", "Steps."));
    let Some(Data::Histogram(histogram)) = &steps.data else { panic!() };
    assert_eq!(histogram.data_points.len(), 2);
    for point in &histogram.data_points {
        assert_eq!(point.count, 3);
        assert!((point.sum.unwrap() - 5.000_006).abs() < 1e-9);
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert!(point.explicit_bounds.is_sorted());
        let filled: Vec<u64> = point.bucket_counts.iter().copied().filter(|n| *n > 0).collect();
        assert_eq!(filled, [2, 1]);
    }
    // The whole text, and nothing beside it.
    let mut names: Vec<&str> = metrics.iter().map(|metric| &*metric.name).collect();
    names.sort_unstable();
    let text = registry.render();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut told: Vec<&str> = types.map(|t| t.split(' ').next().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(names, told);

    // What was counted since goes with the end.
    drop(sender);
    assert_eq!(arrived.recv().unwrap().0, "/otlp/v1/metrics");
}

#[test]
fn a_decision_is_a_span_with_its_steps_within() {
    let (address, arrived) = collector(200);
    let registry = Arc::new(Registry::new());
    let mut sender = sender(address, &registry);
    sender.turn(&[told(Outcome::Bid), told(Outcome::NoBid(NoBid::Internal))]);
    let (path, _, body) = arrived.recv().unwrap();
    assert_eq!(path, "/otlp/v1/traces");
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let spans = &request.resource_spans[0].scope_spans[0].spans;
    assert_eq!(spans.len(), 8);
    let [whole, wait, decode, record, defect, ..] = &spans[..] else { panic!() };
    assert_eq!(whole.trace_id, 0x1234_0000_0000_0000_abcd_u128.to_be_bytes());
    assert!(whole.parent_span_id.is_empty() && whole.name == "decision");
    let began = 1_795_435_200_000_000_000;
    assert_eq!(whole.start_time_unix_nano, began);
    assert_eq!(whole.end_time_unix_nano, began + 7_500);
    let mut at = began;
    for (step, name) in [(wait, "wait"), (decode, "decode"), (record, "record")] {
        assert_eq!((&*step.name, &step.parent_span_id), (name, &whole.span_id));
        assert_eq!((step.start_time_unix_nano, &step.trace_id), (at, &whole.trace_id));
        at = step.end_time_unix_nano;
    }
    assert_eq!(at, whole.end_time_unix_nano);
    let mut ids: Vec<&[u8]> = spans[..4].iter().map(|span| &*span.span_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == 4 && ids.iter().all(|id| id.len() == 8));
    let said = words(&whole.attributes);
    for (key, value) in [
        ("decision", "0000000000001234"),
        ("request_hash", "000000000000abcd"),
        ("exchange", "demo"),
        ("outcome", "bid"),
        ("candidates", "3"),
    ] {
        assert_eq!(said[&format!("interlude.{key}")], value);
    }
    assert_eq!(whole.status.as_ref().unwrap().code, 0);
    assert_eq!(defect.status.as_ref().unwrap().code, 2);
    assert!(registry.render().contains("interlude_otel_decisions_total{fate=\"taken\"} 2\n"));
}

#[test]
fn what_a_collector_rejects_of_a_delivery_is_counted() {
    let (address, _arrived) = answering(200, |path| {
        let error_message = "m".repeat(10_000);
        let body = match path {
            "/otlp/v1/traces" => {
                let part = ExportTracePartialSuccess { rejected_spans: 3, error_message };
                ExportTraceServiceResponse { partial_success: Some(part) }.encode_to_vec()
            }
            // It took all, and is no collector that says so as it should.
            _ => b"{}".to_vec(),
        };
        body.into()
    });
    let registry = Arc::new(Registry::new());
    let mut sender = sender(address, &registry);
    sender.turn(&[told(Outcome::Bid)]);
    sender.turn(&[told(Outcome::Bid)]);
    assert!(sender.ended == [End::Taken, End::InPart]);
    let text = registry.render();
    for line in [
        "interlude_otel_rejected_total{signal=\"traces\"} 6\n",
        "interlude_otel_rejected_total{signal=\"metrics\"} 0\n",
        "signal=\"traces\",outcome=\"taken\"} 2\n",
        "signal=\"metrics\",outcome=\"taken\"} 1\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let warned = ExportMetricsPartialSuccess { error_message: "slow".into(), ..<_>::default() };
    let warned = ExportMetricsServiceResponse { partial_success: Some(warned) }.encode_to_vec();
    assert_eq!(Signal::Metrics.rejected(warned.into()), Some((0, "slow".to_owned())));
}

#[test]
fn a_collector_that_refuses_or_is_down_is_counted() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Takes connections and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (refusing, _arrived) = collector(503);
    for address in [gone, mute.local_addr().unwrap(), refusing] {
        let registry = Arc::new(Registry::new());
        let mut sender = sender(address, &registry);
        sender.within = Duration::from_millis(100);
        sender.turn(&[told(Outcome::Bid)]);
        drop(sender);
        let text = registry.render();
        for (signal, outcome, count) in
            [("traces", "failed", 1), ("metrics", "failed", 1), ("metrics", "taken", 0)]
        {
            let line = format!("signal=\"{signal}\",outcome=\"{outcome}\"}} {count}\n");
            assert!(text.contains(&line), "{address}: {line}{text}");
        }
        assert!(text.contains("interlude_otel_decisions_total{fate=\"failed\"} 1\n"), "{text}");
    }
}
