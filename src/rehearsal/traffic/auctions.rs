//! What did impressions cost, and what were they worth? A log of second-price auctions. Cold.
//!
//! One row an auction: whether it was clicked, the market's price, and the rate of clicks that was
//! predicted: `click price rate`, separated by white space or commas, the format of the public
//! logs (RLB's `test.theta.txt` and others), so that they can be replayed as they are. Prices are
//! in thousandths of the log's currency a thousand impressions, or any other unit: only ratios
//! count. Rows stand in the order of time and carry no time of their own.

use std::io::{self, BufRead, Write};

use crate::base::stdx::rng::Rng;

/// One auction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auction {
    pub clicked: bool,
    /// What the best rival bid, hence the price of second.
    pub price: u32,
    pub rate: f64,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    #[error("the log cannot be read")]
    Io(#[from] io::Error),
    #[error("line {line}: `{text}` is no `click price rate`, such as `0 75 0.00081`")]
    Row { line: usize, text: String },
}

/// Reads a log. Blank lines are passed over; a first line of words is taken for a heading.
pub fn read(from: impl BufRead) -> Result<Vec<Auction>, LogFault> {
    let mut rows = Vec::new();
    for (at, text) in from.lines().enumerate() {
        let text = text?;
        let words = text.split(|c: char| c.is_whitespace() || c == ',');
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        match row(&words) {
            Some(row) => rows.push(row),
            None if words.is_empty() || at == 0 => {}
            None => return Err(LogFault::Row { line: at + 1, text }),
        }
    }
    Ok(rows)
}

fn row(words: &[&str]) -> Option<Auction> {
    let [click, price, rate] = words else { return None };
    let (price, rate) = (price.parse::<f64>().ok()?, rate.parse::<f64>().ok()?);
    let fair = (0.0..=f64::from(u32::MAX)).contains(&price) && (0.0..=1.0).contains(&rate);
    let clicked = click.parse::<u32>().ok()? > 0;
    fair.then_some(Auction { clicked, price: price as u32, rate })
}

pub fn write(rows: &[Auction], to: &mut impl Write) -> io::Result<()> {
    for Auction { clicked, price, rate } in rows {
        writeln!(to, "{} {price} {rate:.9}", u8::from(*clicked))?;
    }
    Ok(())
}

/// A seeded log of a day that looks like the public ones: rates and prices log-normal, dearer
/// where clicks are likelier, and dearer by day than by night.
pub fn generate(seed: u64, rows: usize) -> Vec<Auction> {
    let mut rng = Rng::new(seed);
    let auction = |at: usize| {
        let hour = at as f64 / rows as f64 * 24.0;
        let dearer = 1.0 + 0.25 * ((hour - 20.0) / 24.0 * std::f64::consts::TAU).cos();
        let (interest, rivals) = (rng.normal(), rng.normal());
        let rate = (0.0006 * (0.9 * interest).exp()).min(0.5);
        let price = 60.0 * dearer * (0.25 * interest + 0.75 * rivals).exp();
        Auction { clicked: rng.chance(rate), price: price.clamp(1.0, 5000.0) as u32, rate }
    };
    (0..rows).map(auction).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_as_it_was_written() {
        let rows = generate(3, 500);
        let mut text = Vec::new();
        write(&rows, &mut text).unwrap();
        let again = read(&text[..]).unwrap();
        assert_eq!(again.len(), rows.len());
        for (one, other) in rows.iter().zip(&again) {
            assert_eq!((one.clicked, one.price), (other.clicked, other.price));
            assert!((one.rate - other.rate).abs() < 1e-9);
        }
    }

    #[test]
    fn headings_and_commas_are_known_and_faults_have_their_line() {
        let rows = read(&b"click,price,pctr\n1,75,0.001\n\n0 20 0.5\n"[..]).unwrap();
        assert_eq!(rows[0], Auction { clicked: true, price: 75, rate: 0.001 });
        assert_eq!(rows.len(), 2);
        for bad in ["0 20", "0 -1 0.1", "0 1 1.1", "x 1 0.1", "0 NaN 0.1"] {
            let fault = read(format!("0 1 0.1\n{bad}\n").as_bytes()).unwrap_err();
            assert!(fault.to_string().starts_with("line 2"), "{fault}");
        }
    }
}
