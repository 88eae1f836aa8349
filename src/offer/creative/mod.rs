//! In what form? Rendition choice, VAST, companions, beacons. Hot.
