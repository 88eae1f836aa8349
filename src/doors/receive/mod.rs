//! Exchange-facing HTTP: bids, notices, beacons, media, health.
