//! `interlude ledger accounts|entries|top-up|refund|correct`: balances and funds of a data folder.
//!
//! `accounts` and `entries` only read, also beside a server. Funds are moved in a folder that no
//! server holds; a live server takes them through its admin port.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

use super::audit::folders;
use crate::app::run::DataLock;
use crate::base::journal::{self, Folder, Journal};
use crate::base::units::ids::AdvertiserId;
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::{Clock, WallClock};
use crate::offer::ledger::{
    Account, Budget, BudgetId, Entry, Funds, FundsKind, Keep, Ledger, Snapshots, Transaction,
};

const AFTER: &str = "\
Amounts are decimals of the currency, with at most nine places. The key makes a movement of funds
safe to repeat: the same key is booked once.

Examples:
  interlude ledger accounts --data data
  interlude ledger accounts --data data --json
  interlude ledger entries --data data --last 50
  interlude ledger top-up cafe 500 USD --key invoice-17 --author anna --data data
  interlude ledger refund cafe 20.50 USD --key refund-3 --author anna --data data
  interlude ledger correct cafe -3.75 USD --key ticket-812 --author anna --memo 'charged twice'";

/// Accounts and entries of a data folder; top-ups, refunds, corrections.
#[derive(clap::Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// What stands on every account.
    Accounts(Place),
    /// The journal's entries, in words.
    Entries(EntriesArgs),
    /// An advertiser has paid.
    #[command(name = "top-up")]
    TopUp(FundsArgs),
    /// An advertiser is paid back.
    Refund(FundsArgs),
    /// Something is given (above zero) or taken (below) without a payment.
    Correct(FundsArgs),
}

#[derive(clap::Args, Debug)]
struct Place {
    /// The data folder.
    #[arg(long, value_name = "DIR", env = "INTERLUDE_DATA", default_value = "data")]
    data: PathBuf,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args, Debug)]
struct EntriesArgs {
    #[command(flatten)]
    place: Place,
    /// Only the last so many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    last: usize,
}

#[derive(clap::Args, Debug)]
struct FundsArgs {
    /// The advertiser's key in its campaign file.
    advertiser: String,
    #[arg(allow_negative_numbers = true)]
    amount: String,
    /// The account's currency, as USD.
    currency: String,
    /// Names this movement; a second one under the same key is refused.
    #[arg(long)]
    key: String,
    /// Who says so.
    #[arg(long)]
    author: String,
    /// Why.
    #[arg(long, default_value = "")]
    memo: String,
    #[command(flatten)]
    place: Place,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Accounts(place) => accounts(&place)?,
        Action::Entries(args) => entries(&args)?,
        Action::TopUp(args) => funds(FundsKind::TopUp, &args)?,
        Action::Refund(args) => funds(FundsKind::Refund, &args)?,
        Action::Correct(args) => funds(FundsKind::Correction, &args)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// One budget, as it is printed.
#[derive(Serialize)]
struct Row {
    budget: String,
    name: String,
    currency: String,
    limit_nanos: Option<i64>,
    free_nanos: i64,
    held_nanos: i64,
    spent_nanos: i64,
}

#[derive(Serialize)]
struct Sheet {
    version: String,
    entries: u64,
    budgets: Vec<Row>,
    others: BTreeMap<String, i64>,
    breaches: u64,
}

fn accounts(place: &Place) -> anyhow::Result<()> {
    let ledger = read(&place.data)?;
    let sheet = sheet(&ledger);
    let mut out = io::stdout().lock();
    if place.json {
        serde_json::to_writer(&mut out, &sheet)?;
        writeln!(out)?;
        return Ok(());
    }
    let heads = ["budget", "", "limit", "free", "held", "spent"];
    let [budget, currency, limit, free, held, spent] = heads;
    writeln!(out, "{budget:<50} {currency:3} {limit:>16} {free:>16} {held:>16} {spent:>16}")?;
    for row in &sheet.budgets {
        let limit = row.limit_nanos.map_or_else(|| "none".to_owned(), amount_text);
        let [free, held, spent] =
            [row.free_nanos, row.held_nanos, row.spent_nanos].map(amount_text);
        let (name, currency) = (&row.name, &row.currency);
        writeln!(out, "{name:<50} {currency:3} {limit:>16} {free:>16} {held:>16} {spent:>16}")?;
    }
    for (account, &nanos) in &sheet.others {
        writeln!(out, "{account:<50} {:>20}", amount_text(nanos))?;
    }
    if sheet.breaches > 0 {
        writeln!(out, "{} breaches of a limit: see interlude audit", sheet.breaches)?;
    }
    writeln!(out, "{} entries, version {}", sheet.entries, sheet.version)?;
    Ok(())
}

fn sheet(ledger: &Ledger) -> Sheet {
    let names = Names::of(ledger);
    let mut budgets: Vec<(BudgetId, Currency, &Budget)> = ledger.budgets().collect();
    budgets.sort_unstable_by_key(|&(id, currency, _)| (id, currency));
    let row = |(id, currency, budget): (BudgetId, Currency, &Budget)| Row {
        budget: id.to_string(),
        name: names.name(id),
        currency: currency.to_string(),
        limit_nanos: budget.limit(),
        free_nanos: budget.free,
        held_nanos: budget.held,
        spent_nanos: budget.spent,
    };
    let others = ledger.accounts().into_iter().filter(|(account, _)| account.budget().is_none());
    Sheet {
        version: ledger.version().to_string(),
        entries: ledger.version().entries,
        budgets: budgets.into_iter().map(row).collect(),
        others: others.map(|(account, nanos)| (names.account(account), nanos)).collect(),
        breaches: ledger.breaches().count,
    }
}

/// What ids are called, as far as the journal says.
struct Names<'l>(BTreeMap<BudgetId, &'l str>);

impl<'l> Names<'l> {
    fn of(ledger: &'l Ledger) -> Names<'l> {
        let mut names = BTreeMap::new();
        for record in ledger.lines() {
            let Some((campaign, advertiser)) = record.owner else { continue };
            let path = record.path.as_str();
            let mut slashes = path.match_indices('/').map(|(at, _)| at);
            let (first, second) = (slashes.next(), slashes.next());
            names.insert(BudgetId::Line(record.line, None), path);
            names.insert(BudgetId::Campaign(campaign, None), &path[..second.unwrap_or(path.len())]);
            names.insert(BudgetId::Funds(advertiser), &path[..first.unwrap_or(path.len())]);
        }
        Names(names)
    }

    fn name(&self, id: BudgetId) -> String {
        let whole = match id {
            BudgetId::Funds(_) => id,
            BudgetId::Campaign(campaign, _) => BudgetId::Campaign(campaign, None),
            BudgetId::Line(line, _) => BudgetId::Line(line, None),
        };
        let name = self.0.get(&whole).map_or_else(|| whole.to_string(), |name| (*name).to_owned());
        id.day().map_or(name.clone(), |day| format!("{name} day {day}"))
    }

    fn account(&self, account: Account) -> String {
        match account {
            Account::Disputed(line, currency) => {
                let name = self.name(BudgetId::Line(line, None));
                format!("disputed of {name} ({currency})")
            }
            other => other.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Line {
    number: u64,
    at_unix_us: i64,
    kind: &'static str,
    says: String,
}

fn entries(args: &EntriesArgs) -> anyhow::Result<()> {
    let (journal, _) = folders(&args.place.data)?;
    let (mut number, mut last) = (0, std::collections::VecDeque::new());
    journal::read(&journal, &mut |record| {
        let entry = Entry::decode(record).map_err(|why| why.to_string())?;
        number += 1;
        if last.len() == args.last {
            last.pop_front();
        }
        last.push_back((number, entry));
        Ok(())
    })?;
    let mut out = io::stdout().lock();
    for (number, entry) in last.into_iter().filter(|_| args.last > 0) {
        let line = line(number, &entry);
        if args.place.json {
            serde_json::to_writer(&mut out, &line)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{number:>9} {:>17} {}", line.at_unix_us, line.says)?;
        }
    }
    Ok(())
}

fn line(number: u64, entry: &Entry) -> Line {
    let kind = match entry {
        Entry::Notice(_) => "notice",
        Entry::Opened(_) => "opened",
        Entry::Limits(_) => "limits",
        Entry::Leases(_) => "leases",
        Entry::Funds(_) => "funds",
        Entry::Tally(_) => "tally",
        Entry::Reconciled(_) => "reconciled",
        Entry::Started(_) => "started",
        Entry::Stopped(_) => "stopped",
    };
    Line { number, at_unix_us: entry.moment().unix_us, kind, says: format!("{entry:?}") }
}

fn funds(kind: FundsKind, args: &FundsArgs) -> anyhow::Result<()> {
    let currency = Currency::parse(&args.currency);
    let currency = currency.with_context(|| format!("`{}` is no currency", args.currency))?;
    let entry = Entry::Funds(Funds {
        kind,
        moment: WallClock.now(),
        advertiser: AdvertiserId::of(&args.advertiser),
        name: args.advertiser.clone(),
        amount: Money::new(amount(&args.amount)?, currency),
        key: args.key.clone(),
        author: args.author.clone(),
        memo: args.memo.clone(),
    });
    let ledger = append(&args.place.data, entry)?;
    let budget = BudgetId::Funds(AdvertiserId::of(&args.advertiser));
    let free = ledger.budget(budget, currency).map_or(0, |budget| budget.free);
    let mut out = io::stdout().lock();
    let (name, version) = (&args.advertiser, ledger.version());
    if args.place.json {
        let entries = version.entries;
        let told = serde_json::json!({
            "advertiser": name, "currency": currency.as_str(), "free_nanos": free,
            "entries": entries, "version": version.to_string(),
        });
        writeln!(out, "{told}")?;
    } else {
        writeln!(out, "{}: {name} has {} {currency} free", kind.label(), amount_text(free))?;
    }
    Ok(())
}

/// Writes one entry into a folder that no server holds; returns the ledger behind it.
fn append(data: &Path, entry: Entry) -> anyhow::Result<Ledger> {
    anyhow::ensure!(data.is_dir(), "there is no data folder {}", data.display());
    let _lock = DataLock::take(data)?;
    let (journal, snapshots) = (Folder::from(&data.join("journal")), data.join("snapshots"));
    let mut start = Snapshots::new(&snapshots, Keep::default()).newest(&journal)?;
    let ledger = &mut start.ledger;
    let config = journal::Config::default();
    let (journal, _) = Journal::open_from(&journal, &config, start.mark, &mut |record| {
        ledger.read(record).map_err(|why| why.to_string())
    })?;
    Transaction::of(&entry, ledger)?;
    journal.append_blocking(&entry.to_bytes())?;
    ledger.apply(&entry)?;
    Ok(start.ledger)
}

fn read(data: &Path) -> anyhow::Result<Ledger> {
    let (journal, snapshots) = folders(data)?;
    let snapshots = Snapshots::new(&snapshots, Keep::default());
    let (start, _) = snapshots.ledger(&Folder::from(&journal))?;
    Ok(start.ledger)
}

/// A decimal of at most nine places, in nanos.
fn amount(text: &str) -> anyhow::Result<i64> {
    let wrong = || format!("`{text}` is no amount: a decimal of at most nine places");
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !whole.is_empty() && plain(whole) && plain(part) && part.len() <= 9;
    anyhow::ensure!(fits && !digits.ends_with('.'), wrong());
    let nanos = format!("{whole}{part:0<9}").parse::<i64>().with_context(wrong)?;
    Ok(sign * nanos)
}

/// The inverse of [`amount`], with at least two places.
fn amount_text(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, part) =
        (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    let part = format!("{part:09}");
    let places = part.trim_end_matches('0').len().max(2);
    format!("{sign}{whole}.{}", &part[..places])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::ids::{CampaignId, LineId};
    use crate::offer::ledger::samples::Chance;
    use crate::offer::ledger::{Opened, OpenedLine};

    #[test]
    fn amounts_are_exact() {
        for (text, nanos) in [
            ("500", 500_000_000_000),
            ("0.000000001", 1),
            ("-3.75", -3_750_000_000),
            ("12.5", 12_500_000_000),
            ("9223372036.854775807", i64::MAX),
        ] {
            assert_eq!(amount(text).unwrap(), nanos, "{text}");
        }
        for text in ["", "-", ".", "5.", ".5", "1.0000000001", "1e3", "+1", "9223372037", "1,5"] {
            assert!(amount(text).is_err(), "{text}");
        }
        for (nanos, text) in [
            (0, "0.00"),
            (1, "0.000000001"),
            (-3_750_000_000, "-3.75"),
            (500_000_000_000, "500.00"),
        ] {
            assert_eq!(amount_text(nanos), text);
        }
        assert_eq!(amount_text(i64::MIN), "-9223372036.854775808");
    }

    fn moved(kind: FundsKind, amount: &str, key: &str, data: &Path) -> anyhow::Result<()> {
        let args = FundsArgs {
            advertiser: "cafe".to_owned(),
            amount: amount.to_owned(),
            currency: "usd".to_owned(),
            key: key.to_owned(),
            author: "anna".to_owned(),
            memo: "thanks".to_owned(),
            place: Place { data: data.to_owned(), json: false },
        };
        funds(kind, &args)
    }

    #[test]
    fn funds_are_moved_once_and_never_below_nought() {
        let data = tempfile::tempdir().unwrap();
        let data = data.path();
        moved(FundsKind::TopUp, "500", "a", data).unwrap();
        moved(FundsKind::Refund, "20.50", "b", data).unwrap();
        moved(FundsKind::Correction, "-3.75", "c", data).unwrap();
        let again = moved(FundsKind::TopUp, "500", "a", data).unwrap_err().to_string();
        assert!(again.contains("the key a was used before"), "{again}");
        assert!(moved(FundsKind::Refund, "475.76", "d", data).is_err());
        assert!(moved(FundsKind::TopUp, "-1", "e", data).is_err());
        let ledger = read(data).unwrap();
        assert_eq!(ledger.version().entries, 3, "what is refused is not written");
        let budget = BudgetId::Funds(AdvertiserId::of("cafe"));
        assert_eq!(ledger.budget(budget, Currency::USD).unwrap().free, 475_750_000_000);
        let lock = DataLock::take(data).unwrap();
        let held = moved(FundsKind::TopUp, "1", "f", data).unwrap_err().to_string();
        assert!(held.contains("another server uses"), "{held}");
        drop(lock);
        assert!(moved(FundsKind::TopUp, "1", "f", &data.join("none")).is_err());
    }

    #[test]
    fn accounts_are_named_by_their_paths() {
        let id = LineId(4);
        let (campaign, advertiser) = (CampaignId(102), AdvertiserId(201));
        let path = "cafe/always/mornings".to_owned();
        let (moment, currency) = (WallClock.now(), Currency::USD);
        let line = OpenedLine { line: id, campaign, advertiser, currency, path };
        let mut ledger = Ledger::default();
        ledger.apply(&Entry::Opened(Opened { moment, lines: vec![line] })).unwrap();
        let mut chance = Chance::new(2);
        for _ in 0..300 {
            let entry = chance.entry(&ledger);
            let opens = matches!(entry, Entry::Opened(_));
            // What cannot follow is refused.
            let _ = if opens { Ok(()) } else { ledger.apply(&entry) };
        }
        let names = Names::of(&ledger);
        assert_eq!(names.name(BudgetId::Line(id, Some(3))), "cafe/always/mornings day 3");
        assert_eq!(names.name(BudgetId::Campaign(campaign, None)), "cafe/always");
        assert_eq!(names.name(BudgetId::Funds(advertiser)), "cafe");
        assert_eq!(names.name(BudgetId::Line(LineId(5), None)), "line 0000000000000005");
        let sheet = sheet(&ledger);
        assert_eq!(sheet.budgets.len(), ledger.budgets().count());
        let rows: i64 = sheet.budgets.iter().map(|row| row.spent_nanos).sum();
        assert_eq!(rows, ledger.budgets().map(|(_, _, budget)| budget.spent).sum::<i64>());
        assert!(sheet.others.keys().any(|name| name.starts_with("claimed")));
    }

    #[test]
    fn each_entry_says_its_kind() {
        let (entries, _) = Chance::new(3).journal(200);
        for entry in &entries {
            let line = line(7, entry);
            assert!(line.says.to_lowercase().starts_with(line.kind), "{}", line.says);
            assert_eq!((line.number, line.at_unix_us), (7, entry.moment().unix_us));
        }
    }
}
