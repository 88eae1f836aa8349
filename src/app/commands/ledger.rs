//! `interlude ledger accounts|entries|top-up|refund|correct`: balances and funds of a data folder.
//!
//! `accounts` and `entries` only read, also beside a server. Funds are moved in a folder that no
//! server holds; a live server takes them through its admin port.

mod entries;
mod names;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

use super::books::{self, Books};
use super::place::Place;
use crate::base::units::ids::AdvertiserId;
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::{Clock, WallClock};
use crate::offer::ledger::{Budget, BudgetId, Entry, Funds, FundsKind, Ledger};
use names::Names;

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
    Accounts(AccountsArgs),
    /// The journal's entries, in words; with --json all of each, in nanos.
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
struct AccountsArgs {
    #[command(flatten)]
    place: Place,
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
    /// One JSON object a line instead of text.
    #[arg(long)]
    json: bool,
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
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Accounts(args) => accounts(&args)?,
        Action::Entries(EntriesArgs { place, last, json }) => {
            let (data, config) = place.settle()?;
            entries::print(&Books::find(&config, &data)?, last, json)?;
        }
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

fn accounts(args: &AccountsArgs) -> anyhow::Result<()> {
    let (data, config) = args.place.settle()?;
    let ledger = Books::find(&config, &data)?.ledger(&config)?;
    let sheet = sheet(&ledger);
    let mut out = io::stdout().lock();
    if args.json {
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
    let (data, config) = args.place.settle()?;
    let ledger = books::write(&config, &data, |_| vec![entry])?;
    let budget = BudgetId::Funds(AdvertiserId::of(&args.advertiser));
    let free = ledger.budget(budget, currency).map_or(0, |budget| budget.free);
    let mut out = io::stdout().lock();
    let (name, version) = (&args.advertiser, ledger.version());
    if args.json {
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
    use std::path::Path;

    use super::*;
    use crate::app::config::Config;
    use crate::app::run::DataLock;
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
            place: Place { config: None, data: Some(data.to_owned()) },
            json: false,
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
        let config = Config::default();
        let ledger = Books::of(&config, data).ledger(&config).unwrap();
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
        assert_eq!(names.name(BudgetId::Line(id, Some(3))), "cafe/always/mornings on 1970-01-04");
        assert_eq!(names.name(BudgetId::Campaign(campaign, None)), "cafe/always");
        assert_eq!(names.name(BudgetId::Funds(advertiser)), "cafe");
        assert_eq!(names.name(BudgetId::Line(LineId(5), None)), "line 0000000000000005");
        let sheet = sheet(&ledger);
        assert_eq!(sheet.budgets.len(), ledger.budgets().count());
        let rows: i64 = sheet.budgets.iter().map(|row| row.spent_nanos).sum();
        assert_eq!(rows, ledger.budgets().map(|(_, _, budget)| budget.spent).sum::<i64>());
        assert!(sheet.others.keys().any(|name| name.starts_with("claimed")));
    }
}
