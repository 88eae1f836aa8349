//! What does an entry say? Taken apart by hand, after the table in `offer/ledger/wire.rs`.

use super::Of;

/// What of an entry touches a balance.
#[derive(Debug)]
pub(super) enum Event {
    Notice(Notice),
    Opened(Vec<Owner>),
    Limits { moment: i64, limits: Vec<(Of, [u8; 3], Option<i64>, i64)> },
    Leases { moment: i64, leases: Vec<(Of, [u8; 3], i64)> },
    Funds { kind: u8, advertiser: u64, currency: [u8; 3], nanos: i64, key: String },
    Nothing,
}

#[derive(Debug)]
pub(super) struct Notice {
    pub effect: u8,
    pub made: i64,
    pub day: i32,
    pub bid: u64,
    pub line: u64,
    /// 0: not said.
    pub campaign: u64,
    pub advertiser: u64,
    pub currency: [u8; 3],
    pub charged: i64,
    pub due: i64,
}

#[derive(Debug)]
pub(super) struct Owner {
    pub line: u64,
    pub campaign: u64,
    pub advertiser: u64,
    pub currency: [u8; 3],
}

pub(super) const CHARGED: u8 = 1;
pub(super) const DISPUTED: u8 = 2;
pub(super) const LATE: u8 = 3;

pub(super) fn decode(record: &[u8]) -> Result<Event, String> {
    let mut words = Words { bytes: record, at: 0 };
    let event = match words.one()? {
        1 => old_notice(&mut words)?,
        2 => match words.one()? {
            1 => notice(&mut words)?,
            2 => opened(&mut words)?,
            3 => limits(&mut words)?,
            4 => leases(&mut words)?,
            5 => funds(&mut words)?,
            6 => tally(&mut words)?,
            7 => reconciled(&mut words)?,
            8 => {
                words.skip(16)?;
                words.text()?;
                words.skip(1)?;
                Event::Nothing
            }
            9 => {
                words.skip(16)?;
                Event::Nothing
            }
            other => return Err(format!("an entry of kind {other}")),
        },
        other => return Err(format!("an entry of version {other}")),
    };
    if words.at == record.len() { Ok(event) } else { Err("an entry that is too long".to_owned()) }
}

fn old_notice(words: &mut Words<'_>) -> Result<Event, String> {
    let (kind, effect, rule) = (words.one()?, words.one()?, words.one()?);
    if kind > 17 || effect > 4 || rule > 5 {
        return Err("an old notice of no known kind, effect or rule".to_owned());
    }
    let made = words.long()?;
    let (bid, line) = (words.long()? as u64, words.long()? as u64);
    words.skip(4 + 2)?;
    words.money()?;
    let (currency, charged) = words.money()?;
    let held = words.long()?;
    words.skip(8 + 4 + 8)?;
    let billable = words.one()? == 1;
    words.skip(3)?;
    let due = match effect {
        CHARGED => charged,
        DISPUTED | LATE if billable => held,
        _ => 0,
    };
    let day = i32::try_from(made.div_euclid(86_400_000_000)).unwrap_or(i32::MAX);
    let (campaign, advertiser) = (0, 0);
    let notice =
        Notice { effect, made, day, bid, line, campaign, advertiser, currency, charged, due };
    Ok(Event::Notice(notice))
}

fn notice(words: &mut Words<'_>) -> Result<Event, String> {
    let head = [words.one()?, words.one()?, words.one()?, words.one()?, words.one()?];
    if head[1] > 5 || head[3] > 1 {
        return Err("a notice of no known effect".to_owned());
    }
    words.long()?;
    let (made, day) = (words.long()?, words.int()?);
    let (bid, line) = (words.long()? as u64, words.long()? as u64);
    let (campaign, advertiser) = (words.long()? as u64, words.long()? as u64);
    words.skip(4 + 2)?;
    words.money()?;
    let (currency, charged) = words.money()?;
    let due = words.long()?;
    words.skip(8 + 8 + 8 + 4 + 8)?;
    let effect = head[1];
    let notice =
        Notice { effect, made, day, bid, line, campaign, advertiser, currency, charged, due };
    Ok(Event::Notice(notice))
}

fn opened(words: &mut Words<'_>) -> Result<Event, String> {
    words.long()?;
    let mut all = Vec::new();
    for _ in 0..words.int()? as u32 {
        let line = words.long()? as u64;
        let (campaign, advertiser) = (words.long()? as u64, words.long()? as u64);
        let currency = words.currency()?;
        words.text()?;
        all.push(Owner { line, campaign, advertiser, currency });
    }
    Ok(Event::Opened(all))
}

fn limits(words: &mut Words<'_>) -> Result<Event, String> {
    let moment = words.long()?;
    let mut limits = Vec::new();
    for _ in 0..words.int()? as u32 {
        let (of, currency) = (words.budget()?, words.currency()?);
        let (limited, nanos, over) = (words.one()?, words.long()?, words.long()?);
        limits.push((of, currency, (limited == 1).then_some(nanos), over));
    }
    Ok(Event::Limits { moment, limits })
}

fn leases(words: &mut Words<'_>) -> Result<Event, String> {
    let moment = words.long()?;
    let mut leases = Vec::new();
    for _ in 0..words.int()? as u32 {
        leases.push((words.budget()?, words.currency()?, words.long()?));
    }
    Ok(Event::Leases { moment, leases })
}

fn funds(words: &mut Words<'_>) -> Result<Event, String> {
    let kind = words.one()?;
    words.long()?;
    let advertiser = words.long()? as u64;
    let (currency, nanos) = words.money()?;
    words.text()?;
    let key = words.text()?;
    words.text()?;
    words.text()?;
    if kind > 2 {
        return Err(format!("funds of kind {kind}"));
    }
    Ok(Event::Funds { kind, advertiser, currency, nanos, key })
}

fn tally(words: &mut Words<'_>) -> Result<Event, String> {
    words.skip(8 + 4)?;
    for _ in 0..words.int()? as u32 {
        words.skip(8 + 3 + 4 + 4)?;
        for _ in 0..words.one()? {
            words.skip(1 + 4)?;
        }
    }
    Ok(Event::Nothing)
}

fn reconciled(words: &mut Words<'_>) -> Result<Event, String> {
    words.skip(8)?;
    words.text()?;
    words.skip(8)?;
    words.text()?;
    for _ in 0..words.int()? as u32 {
        words.skip(8 + 3 + 4 + 4 + 8 + 8 + 8 + 8)?;
    }
    Ok(Event::Nothing)
}

struct Words<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Words<'b> {
    fn next(&mut self, n: usize) -> Result<&'b [u8], String> {
        let found = self.bytes.get(self.at..self.at + n);
        self.at += n;
        found.ok_or_else(|| "an entry that is cut off".to_owned())
    }

    fn skip(&mut self, n: usize) -> Result<(), String> {
        self.next(n).map(|_| ())
    }

    fn one(&mut self) -> Result<u8, String> {
        Ok(self.next(1)?[0])
    }

    fn int(&mut self) -> Result<i32, String> {
        let bytes = self.next(4)?;
        Ok((0..4).fold(0, |word, n| word | i32::from(bytes[n]) << (8 * n)))
    }

    fn long(&mut self) -> Result<i64, String> {
        let bytes = self.next(8)?;
        Ok((0..8).fold(0, |word, n| word | i64::from(bytes[n]) << (8 * n)))
    }

    fn currency(&mut self) -> Result<[u8; 3], String> {
        let bytes = self.next(3)?;
        if bytes.iter().all(u8::is_ascii_uppercase) {
            Ok([bytes[0], bytes[1], bytes[2]])
        } else {
            Err("a currency of no three letters".to_owned())
        }
    }

    fn money(&mut self) -> Result<([u8; 3], i64), String> {
        Ok((self.currency()?, self.long()?))
    }

    fn text(&mut self) -> Result<String, String> {
        let (low, high) = (self.one()?, self.one()?);
        let bytes = self.next(usize::from(low) | usize::from(high) << 8)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| "a text that is no UTF-8".to_owned())
    }

    fn budget(&mut self) -> Result<Of, String> {
        let (kind, id) = (self.one()?, self.long()? as u64);
        Ok(match kind {
            0 => Of::Advertiser(id),
            1 => Of::Campaign(id),
            2 => Of::CampaignDay(id, self.int()?),
            3 => Of::Line(id),
            4 => Of::LineDay(id, self.int()?),
            other => return Err(format!("a budget of kind {other}")),
        })
    }
}
