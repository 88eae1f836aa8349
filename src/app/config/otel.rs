//! Where do metrics and sampled decisions go, beside those who ask for them?

use hyper::Uri;
use serde::{Deserialize, Serialize};

/// `[otel]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Otel {
    /// `http://HOST:PORT` of a collector; without one nothing is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// How often metrics are sent.
    pub metrics_every_s: u64,
    /// How many of a million timed decisions are sent as traces.
    pub traces_ppm: u32,
    /// How long the collector may take for one delivery.
    pub timeout_ms: u64,
    /// `service.name`
    pub service: String,
    /// `service.instance.id`, where it is not empty.
    pub instance: String,
}

impl Default for Otel {
    fn default() -> Self {
        Otel {
            endpoint: None,
            metrics_every_s: 15,
            traces_ppm: 1_000,
            timeout_ms: 5_000,
            service: "interlude".to_owned(),
            instance: String::new(),
        }
    }
}

impl Otel {
    /// Key, what is wrong with it, and what to do.
    pub fn faults(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        let endpoint = self.endpoint.as_deref();
        let is_plain = |text: &str| {
            text.parse::<Uri>().is_ok_and(|uri| {
                uri.scheme_str() == Some("http") && uri.host().is_some() && uri.query().is_none()
            })
        };
        let checks = [
            (
                endpoint.is_some_and(|text| !is_plain(text)),
                ("endpoint", "no plain URL", "write one such as \"http://127.0.0.1:4318\""),
            ),
            (
                endpoint.is_some() && !cfg!(feature = "otel"),
                (
                    "endpoint",
                    "this build has no OpenTelemetry",
                    "build with --features otel, or leave it out",
                ),
            ),
            (
                !(1..=3_600).contains(&self.metrics_every_s),
                ("metrics_every_s", "out of its bounds", "write a number from 1 to 3600"),
            ),
            (
                self.traces_ppm > 1_000_000,
                ("traces_ppm", "out of its bounds", "write a number from 0 to 1000000"),
            ),
            (
                !(100..=60_000).contains(&self.timeout_ms),
                ("timeout_ms", "out of its bounds", "write a number from 100 to 60000"),
            ),
            (self.service.is_empty(), ("service", "a service has a name", "write \"interlude\"")),
        ];
        checks.into_iter().filter(|(wrong, _)| *wrong).map(|(_, fault)| fault).collect()
    }

    /// How many of a million timed decisions are wanted by whom they are sent to, if by anybody.
    pub fn traced_ppm(&self) -> u32 {
        if self.endpoint.is_some() { self.traces_ppm } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_bounds() {
        let faults = |bend: fn(&mut Otel)| {
            let mut otel = Otel::default();
            bend(&mut otel);
            otel.faults().into_iter().map(|(key, ..)| key).collect::<Vec<_>>()
        };
        assert!(faults(|_| ()).is_empty());
        for url in ["https://c.example", "c.example:4318", "http://", "http://c/?x", "http://a b"] {
            let otel = Otel { endpoint: Some(url.to_owned()), ..Otel::default() };
            assert!(otel.faults().iter().any(|fault| fault.1 == "no plain URL"), "{url}");
        }
        assert_eq!(faults(|otel| otel.metrics_every_s = 0), ["metrics_every_s"]);
        assert_eq!(faults(|otel| otel.traces_ppm = 1_000_001), ["traces_ppm"]);
        assert_eq!(faults(|otel| otel.timeout_ms = 99), ["timeout_ms"]);
        assert_eq!(faults(|otel| otel.service.clear()), ["service"]);
        let sent = Otel { endpoint: Some("http://c.example:4318".into()), ..Otel::default() };
        assert_eq!(sent.faults().is_empty(), cfg!(feature = "otel"));
        assert_eq!((Otel::default().traced_ppm(), sent.traced_ppm()), (0, 1_000));
    }
}
