//! What does the demo play? The committed spots, and longer and richer cuts made from them.
//!
//! A spot is committed at the low rate that keeps the repository small. Exchanges ask for 128
//! kbps and for 15 to 30 seconds too, so a cut at 128 kbps and cuts that say the spot several
//! times are made when the world is ([`mp3`]). Cold.

use super::mp3;

/// A spot as it is committed.
pub struct Spot {
    pub key: &'static str,
    name: &'static str,
    seconds: u32,
    mp3: &'static [u8],
    ogg: &'static [u8],
    m4a: &'static [u8],
    pub picture: Option<&'static [u8]>,
}

/// A creative made of a spot: the spot said once or several times.
pub struct Cut {
    pub crid: String,
    pub title: String,
    pub seconds: u32,
    pub files: Vec<String>,
}

macro_rules! spot {
    ($key:literal, $name:literal, $seconds:literal, $picture:expr) => {
        Spot {
            key: $key,
            name: $name,
            seconds: $seconds,
            mp3: include_bytes!(concat!("../../../assets/spots/", $key, ".mp3")),
            ogg: include_bytes!(concat!("../../../assets/spots/", $key, ".ogg")),
            m4a: include_bytes!(concat!("../../../assets/spots/", $key, ".m4a")),
            picture: $picture,
        }
    };
}

macro_rules! picture {
    ($key:literal) => {
        Some(include_bytes!(concat!("../../../assets/spots/", $key, "-300x250.png")))
    };
}

/// In the order of the campaign files, which is that of their keys.
pub const SPOTS: [Spot; 12] = [
    spot!("bluebird", "Bluebird", 10, picture!("bluebird")),
    spot!("emberquest", "Ember Quest", 10, None),
    spot!("evergreen", "Evergreen", 10, None),
    spot!("farlight", "Farlight", 10, None),
    spot!("fleetfoot", "Fleetfoot", 15, picture!("fleetfoot")),
    spot!("greenbasket", "Greenbasket", 10, None),
    spot!("harbour", "Harbour", 10, None),
    spot!("lumen", "Lumen", 10, picture!("lumen")),
    spot!("parlo", "Parlo", 10, None),
    spot!("quietude", "Quietude", 10, None),
    spot!("voltera", "Voltera", 15, None),
    spot!("zing", "Zing", 10, None),
];

impl Spot {
    /// As often as fits into half a minute.
    pub fn cuts(&self) -> impl Iterator<Item = Cut> + '_ {
        (1..=30 / self.seconds).map(|times| {
            let (key, seconds) = (self.key, self.seconds * times);
            let often = ["once", "twice", "three times"][times as usize - 1];
            let mut files = vec![format!("{key}-{seconds}s-128k.mp3")];
            if times == 1 {
                files.extend(["mp3", "ogg", "m4a"].map(|ending| format!("{key}.{ending}")));
            }
            let title = format!("{}, {often}", self.name);
            Cut { crid: format!("{key}-{seconds}"), title: format!("\"{title}\""), seconds, files }
        })
    }

    /// Every file of the spot's cuts, by name.
    pub fn media(&self) -> Vec<(String, Vec<u8>)> {
        let key = self.key;
        let mut files = vec![
            (format!("{key}.mp3"), self.mp3.to_vec()),
            (format!("{key}.ogg"), self.ogg.to_vec()),
            (format!("{key}.m4a"), self.m4a.to_vec()),
        ];
        if let Some(picture) = self.picture {
            files.push((format!("{key}-300x250.png"), picture.to_vec()));
        }
        for times in 1..=30 / self.seconds {
            let name = format!("{key}-{}s-128k.mp3", self.seconds * times);
            files.push((name, mp3::at_128_kbps(self.mp3, times as usize)));
        }
        files
    }
}
