//! Which versions is `>=15`? A range of major versions of one operating system, written out.
//!
//! Called by [`targeting`](super::targeting) for `os_version`; cold. Versions are values like
//! `ios 17`, so an open range ends at the highest major that a system may soon have.

use super::values::Complaint;

/// Lowest and highest major version of a system that targeting may name.
const MAJORS: [(&str, u32, u32); 12] = [
    ("ios", 7, 40),
    ("android", 4, 30),
    ("windows", 7, 15),
    ("macos", 10, 40),
    ("linux", 1, 20),
    ("chromeos", 80, 220),
    ("tvos", 9, 40),
    ("fireos", 4, 20),
    ("tizen", 2, 15),
    ("webos", 1, 35),
    ("roku", 7, 25),
    ("watchos", 4, 40),
];

/// `17`, `>=15`, `>15`, `<=12`, `<12`, `9..14` (both included), or several, separated by commas.
pub fn expand(os: &str, ranges: &str) -> Result<Vec<u32>, Complaint> {
    let (_, lowest, highest) =
        MAJORS.iter().find(|&&(name, ..)| name == os).copied().unwrap_or(("", 1, 50));
    let mut majors = Vec::new();
    for range in ranges.split(',').map(str::trim) {
        let (from, to) = bounds(range, lowest, highest)?;
        if from > to || to < lowest || from > highest {
            let message = format!("`{range}` is no version of {os} within {lowest} and {highest}");
            return Err(Complaint::new(message));
        }
        majors.extend(from.max(lowest)..=to.min(highest));
    }
    majors.sort_unstable();
    majors.dedup();
    Ok(majors)
}

fn bounds(range: &str, lowest: u32, highest: u32) -> Result<(u32, u32), Complaint> {
    let major = |text: &str| -> Result<u32, Complaint> {
        let text = text.trim();
        if text.contains('.') {
            let major = text.split('.').next().unwrap_or_default();
            let message = format!("`{text}` is more than a major version");
            return Err(Complaint::mend(message, format!("write `{major}`")));
        }
        text.parse().ok().filter(|&major| major < 100_000).ok_or_else(|| {
            let message = format!("`{range}` is no range of versions");
            Complaint::mend(message, "write `17`, `>=15`, `<12` or `9..14`")
        })
    };
    if let Some(rest) = range.strip_prefix(">=") {
        Ok((major(rest)?, highest))
    } else if let Some(rest) = range.strip_prefix("<=") {
        Ok((lowest, major(rest)?))
    } else if let Some(rest) = range.strip_prefix('>') {
        Ok((major(rest)? + 1, highest))
    } else if let Some(rest) = range.strip_prefix('<') {
        Ok((lowest, major(rest)?.saturating_sub(1)))
    } else if let Some((from, to)) = range.split_once("..") {
        Ok((major(from)?, major(to.trim_start_matches('='))?))
    } else {
        let exact = major(range.trim_start_matches('='))?;
        Ok((exact, exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_out() {
        assert_eq!(expand("ios", ">=38").unwrap(), [38, 39, 40]);
        assert_eq!(expand("ios", "> 38").unwrap(), [39, 40]);
        assert_eq!(expand("android", "<6").unwrap(), [4, 5]);
        assert_eq!(expand("android", "<=6").unwrap(), [4, 5, 6]);
        assert_eq!(expand("android", "9..11, 13").unwrap(), [9, 10, 11, 13]);
        assert_eq!(expand("ios", "17").unwrap(), [17]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for range in ["", ">=", "a", "14..9", ">=41", "<7", "-3", "99999999999", "9...11"] {
            assert!(expand("ios", range).is_err(), "{range}");
        }
        assert_eq!(expand("ios", ">=17.2").unwrap_err().mend.unwrap(), "write `17`");
    }
}
