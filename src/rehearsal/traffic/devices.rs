//! On what do they listen? Devices, and how each of them names itself.

use super::{rows, weighted};
use crate::base::stdx::rng::Rng;

pub struct Device {
    /// `ios`, `android`, `windows`, `macos`, `speaker`, `tv`.
    pub platform: &'static str,
    weight: u32,
    pub make: &'static str,
    pub model: &'static str,
    /// AdCOM device type.
    pub kind: u8,
    pub os_version: &'static str,
    app_agent: &'static str,
    pub browser_agent: &'static str,
}

pub struct Devices {
    all: Vec<Device>,
}

impl Devices {
    pub fn new() -> Devices {
        Devices { all: rows(include_str!("tables/devices.tsv")).map(device).collect() }
    }

    /// A device of somebody who lives where `ios_pct` of the telephones run iOS.
    pub fn choose(&self, rng: &mut Rng, ios_pct: u32) -> usize {
        let weight = |device: &Device| match device.platform {
            "ios" => device.weight * ios_pct,
            "android" => device.weight * (100 - ios_pct),
            _ => device.weight * 12,
        };
        let chosen = weighted(rng, &self.all, weight);
        self.all.iter().position(|device| std::ptr::eq(device, chosen)).unwrap_or(0)
    }

    pub fn get(&self, index: usize) -> &Device {
        &self.all[index]
    }
}

impl Device {
    /// What `device.os` says; speakers say nothing that is known.
    pub fn os(&self) -> &'static str {
        match self.platform {
            "ios" => "iOS",
            "android" => "Android",
            "windows" => "Windows",
            "macos" => "macOS",
            "tv" => "Tizen",
            _ => "Linux",
        }
    }

    pub fn is_mobile(&self) -> bool {
        matches!(self.platform, "ios" | "android")
    }

    /// The user agent of a service's own app.
    pub fn app_agent(&self, app: &str, version: &str) -> String {
        self.app_agent.replace("{app}", app).replace("{ver}", version)
    }
}

fn device(row: &'static str) -> Device {
    let mut cells = row.split('\t');
    let mut next = || cells.next().unwrap_or_default();
    let (platform, weight) = (next(), next().parse().unwrap_or(1));
    let (make, model) = (next(), next());
    let kind = next().parse().unwrap_or(2);
    let (os_version, app_agent, browser_agent) = (next(), next(), next());
    Device { platform, weight, make, model, kind, os_version, app_agent, browser_agent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_has_both_user_agents() {
        for device in &Devices::new().all {
            assert!(device.app_agent("Pausa", "8.9").starts_with("Pausa/8.9 "));
            assert!(device.browser_agent.len() > 20, "{}", device.model);
            assert!(!device.os_version.is_empty() && (1..=8).contains(&device.kind));
        }
    }
}
