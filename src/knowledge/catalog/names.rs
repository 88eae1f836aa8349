//! Which names stand in which file? Keys of advertisers and crids are unique over all files.
//!
//! Kept by [`sheets`](super::sheets) from one reading of the files to the next, so that a changed
//! file is held against all others without reading them; cold.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_128;

use super::node::Place;

/// A name as it stands in a file.
#[derive(Debug)]
pub struct Name {
    /// As in messages: ``creative `x` ``.
    pub text: String,
    pub place: Place,
    /// Where in the document.
    pub trail: String,
    pub mend: &'static str,
}

/// The number that a sheet keeps while it is known.
pub type SheetNumber = u32;

/// Who has which name.
#[derive(Default)]
pub struct Names {
    owners: HashMap<u128, SheetNumber, foldhash::fast::FixedState>,
    /// Names that another has already, and who would have them, too.
    clashes: Vec<(u128, SheetNumber)>,
}

impl Name {
    pub fn hash(&self) -> u128 {
        xxh3_128(self.text.as_bytes())
    }
}

impl Names {
    pub fn note(&mut self, sheet: SheetNumber, names: &[Name]) {
        for hash in names.iter().map(Name::hash) {
            if *self.owners.entry(hash).or_insert(sheet) != sheet {
                self.clashes.push((hash, sheet));
            }
        }
    }

    pub fn forget(&mut self, sheet: SheetNumber, names: &[Name]) {
        for hash in names.iter().map(Name::hash) {
            if self.owners.get(&hash) == Some(&sheet) {
                self.owners.remove(&hash);
            }
        }
        let Names { owners, clashes } = self;
        clashes.retain(|&(hash, other)| {
            other != sheet && *owners.entry(hash).or_insert(other) != other
        });
    }

    /// Each name that stands in two files: the name, its owner, the other.
    pub fn clashes(&self) -> impl Iterator<Item = (u128, SheetNumber, SheetNumber)> {
        self.clashes.iter().map(|&(hash, other)| (hash, self.owners[&hash], other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<Name> {
        let name = |text: &&str| Name {
            text: (*text).to_owned(),
            place: Place::default(),
            trail: String::new(),
            mend: "",
        };
        texts.iter().map(name).collect()
    }

    #[test]
    fn a_name_that_is_free_again_goes_to_who_waits() {
        let mut all = Names::default();
        let (a, b, c) = (names(&["x", "y"]), names(&["y", "z"]), names(&["y"]));
        all.note(1, &a);
        all.note(2, &b);
        all.note(3, &c);
        let clashes = |all: &Names| all.clashes().map(|(_, a, b)| (a, b)).collect::<Vec<_>>();
        assert_eq!(clashes(&all), [(1, 2), (1, 3)]);
        all.forget(1, &a);
        assert_eq!(clashes(&all), [(2, 3)]);
        all.note(4, &names(&["x"]));
        assert_eq!(clashes(&all), [(2, 3)]);
        all.forget(3, &c);
        all.forget(2, &b);
        assert_eq!(clashes(&all), []);
        assert_eq!(all.owners.len(), 1);
    }
}
