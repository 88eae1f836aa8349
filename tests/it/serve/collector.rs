//! A collector beside a whole server: what it gets is what the server told of itself.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message as _;

use super::{Server, folder, request};

/// Takes everything; path and body of what came.
fn collector() -> (SocketAddr, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, arrived) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_until(b'\n', &mut head).unwrap(), 0);
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next();
            let mut body = vec![0; length.unwrap().parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let _ = seen.send((path, body));
        }
    });
    (address, arrived)
}

fn requests(body: &[u8]) -> i64 {
    let told = ExportMetricsServiceRequest::decode(body).unwrap();
    let metrics = &told.resource_metrics[0].scope_metrics[0].metrics;
    let of = metrics.iter().find(|metric| metric.name == "interlude_bid_requests_total").unwrap();
    let Some(Data::Sum(sum)) = &of.data else { panic!("{of:?}") };
    let counts = sum.data_points.iter().map(|point| match point.value {
        Some(Value::AsInt(count)) => count,
        other => panic!("{other:?}"),
    });
    counts.sum()
}

#[test]
fn a_collector_gets_metrics_and_traces_and_nobodys_name() {
    let (address, arrived) = collector();
    let folder = folder();
    let config = format!(
        "[server]\nlinger_ms = 0\ntime_one_of = 1\n[otel]\nendpoint = \"http://{address}\"\n\
         traces_ppm = 1000000\nmetrics_every_s = 3600\n"
    );
    std::fs::write(folder.path().join("interlude.toml"), config).unwrap();
    let server = Server::start(folder.path());
    for i in 0..7 {
        server.client().ask(&request(&format!("canary-{i}")));
    }
    let (mut decisions, mut seen) = (Vec::new(), Vec::new());
    while decisions.len() < 7 {
        let (path, body) = arrived.recv().unwrap();
        if path == "/v1/traces" {
            let told = ExportTraceServiceRequest::decode(&*body).unwrap();
            let spans = &told.resource_spans[0].scope_spans[0].spans;
            decisions.extend(spans.iter().filter(|span| span.name == "decision").cloned());
            for decision in spans.iter().filter(|span| span.name == "decision") {
                let within = spans.iter().filter(|span| span.parent_span_id == decision.span_id);
                // A bid has come to every step.
                assert_eq!(within.count(), 7);
            }
        }
        seen.push(body);
    }
    assert_eq!(server.end().0, Some(0));
    // The last delivery is made at the end, and knows all.
    let (path, body) = arrived.recv().unwrap();
    assert_eq!((&*path, requests(&body)), ("/v1/metrics", 7));
    seen.push(body);
    for body in &seen {
        let text = String::from_utf8_lossy(body);
        assert!(!text.contains("canary") && !text.contains("192.0.2."), "{text}");
    }
}
