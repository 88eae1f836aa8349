//! Decisions as OTLP has them: one span each, and one within it for each step. Cold.
//!
//! The numbers that operators are told of a decision anyway, and nothing of who listened. The
//! trace's id is the coin of the record and the hash of the request's id, so that `interlude
//! replay --decision` finds what a trace tells of.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use xxhash_rust::xxh3::xxh3_64;

use super::{About, number, text};
use crate::flows::decide::laps::Told;
use crate::market::outcome::{NoBid, Outcome};
use crate::market::step::Step;

/// Decisions that were timed, as one delivery; `exchanges`: the keys of the config.
pub fn delivery(told: &[Told], exchanges: &[String], about: &About) -> ExportTraceServiceRequest {
    let spans = told.iter().flat_map(|told| spans(told, exchanges)).collect();
    let scope = ScopeSpans { scope: Some(about.scope()), spans, schema_url: String::new() };
    let resource = Some(about.resource());
    let resource = ResourceSpans { resource, scope_spans: vec![scope], schema_url: String::new() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }
}

/// The decision, then its steps one after the other.
fn spans(told: &Told, exchanges: &[String]) -> Vec<Span> {
    let began = u64::try_from(told.moment.unix_us).unwrap_or(0) * 1_000;
    let whole = span(told, 0);
    let mut spans = vec![];
    let mut at = began;
    for (step, took) in Step::ALL.iter().zip(told.took.iter().flatten()) {
        if took.is_zero() {
            continue;
        }
        let ends = at + took.as_nanos() as u64;
        spans.push(Span {
            parent_span_id: whole.span_id.clone(),
            name: step.label().to_owned(),
            kind: SpanKind::Internal as i32,
            start_time_unix_nano: at,
            end_time_unix_nano: ends,
            ..span(told, 1 + *step as u8)
        });
        at = ends;
    }
    let exchange = exchanges.get(usize::from(told.exchange.0)).map_or("", String::as_str);
    let is_defect = matches!(told.outcome, Outcome::NoBid(NoBid::Internal));
    let code = if is_defect { StatusCode::Error } else { StatusCode::Unset };
    let decision = Span {
        name: "decision".to_owned(),
        kind: SpanKind::Server as i32,
        start_time_unix_nano: began,
        end_time_unix_nano: at,
        attributes: vec![
            text("interlude.decision", &format!("{:016x}", told.decision)),
            text("interlude.request_hash", &format!("{:016x}", told.request)),
            text("interlude.world", &format!("{:016x}", told.world)),
            text("interlude.exchange", exchange),
            text("interlude.outcome", told.outcome.label()),
            number("interlude.considered", told.considered.into()),
            number("interlude.candidates", told.candidates.into()),
            number("interlude.bids", told.bids.into()),
        ],
        status: Some(Status { message: String::new(), code: code as i32 }),
        ..whole
    };
    spans.insert(0, decision);
    spans
}

/// A span of this decision's trace.
fn span(told: &Told, place: u8) -> Span {
    let mut trace = [told.decision.to_be_bytes(), told.request.to_be_bytes()].concat();
    trace.push(place);
    let span_id = xxh3_64(&trace).to_be_bytes().to_vec();
    trace.pop();
    Span { trace_id: trace, span_id, ..Span::default() }
}
