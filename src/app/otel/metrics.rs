//! Metrics as OTLP has them: sums, gauges and histograms since the start. Cold.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};

use super::series::{Family, Series, families};
use super::{About, text};

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// When counting began and when it was read, in ns.
#[derive(Clone, Copy)]
pub struct Period {
    pub since: u64,
    pub now: u64,
}

/// What a text of `/metrics` tells, as one delivery.
pub fn delivery(told: &str, period: Period, about: &About) -> ExportMetricsServiceRequest {
    let metrics = families(told).iter().filter_map(|family| metric(family, period)).collect();
    let scope = ScopeMetrics { scope: Some(about.scope()), metrics, schema_url: String::new() };
    let resource = Some(about.resource());
    let resource =
        ResourceMetrics { resource, scope_metrics: vec![scope], schema_url: String::new() };
    ExportMetricsServiceRequest { resource_metrics: vec![resource] }
}

fn metric(family: &Family<'_>, period: Period) -> Option<Metric> {
    let points = || family.series.iter().map(|series| point(series, period)).collect();
    let data = match family.kind {
        "counter" => Data::Sum(Sum {
            data_points: points(),
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        }),
        "gauge" => Data::Gauge(Gauge { data_points: points() }),
        "histogram" => Data::Histogram(Histogram {
            data_points: histograms(&family.series, period),
            aggregation_temporality: CUMULATIVE,
        }),
        _ => return None,
    };
    Some(Metric {
        name: family.name.to_owned(),
        description: family.help.to_owned(),
        unit: unit(family.name).to_owned(),
        data: Some(data),
        ..Metric::default()
    })
}

/// In the codes of UCUM, as OpenTelemetry asks.
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let units = [("_seconds", "s"), ("_bytes", "By"), ("_ms", "ms"), ("_share", "1")];
    units.iter().find(|(suffix, _)| name.ends_with(suffix)).map_or("", |(_, unit)| unit)
}

fn point(series: &Series<'_>, period: Period) -> NumberDataPoint {
    // Counts are whole, and told as such; they are exact to 2⁵³.
    let whole = series.value.fract() == 0.0 && series.value.abs() < 2_f64.powi(53);
    let value =
        if whole { Value::AsInt(series.value as i64) } else { Value::AsDouble(series.value) };
    NumberDataPoint {
        attributes: series.labels.iter().map(|(name, value)| text(name, value)).collect(),
        start_time_unix_nano: period.since,
        time_unix_nano: period.now,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

/// One for each set of labels; their parts stand together, the buckets in ascending order.
fn histograms(all: &[Series<'_>], period: Period) -> Vec<HistogramDataPoint> {
    let mut points = Vec::new();
    let (mut below, mut point) = (0, HistogramDataPoint::default());
    for series in all {
        let value = series.value as u64;
        match series.part {
            "_bucket" => {
                let le = series.labels.iter().find(|(name, _)| *name == "le");
                let bound = le.and_then(|(_, le)| le.parse::<f64>().ok());
                // The last bucket has no bound.
                point.explicit_bounds.extend(bound.filter(|bound| bound.is_finite()));
                point.bucket_counts.push(value.saturating_sub(below));
                below = value;
            }
            "_sum" => point.sum = Some(series.value),
            _ => {
                let labels = series.labels.iter().map(|(name, value)| text(name, value));
                point.attributes = labels.collect();
                (point.count, point.start_time_unix_nano) = (value, period.since);
                point.time_unix_nano = period.now;
                points.push(std::mem::take(&mut point));
                below = 0;
            }
        }
    }
    points
}
