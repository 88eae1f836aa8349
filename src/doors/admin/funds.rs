//! `POST /api/v1/funds/{advertiser}`: a payment, a refund, a correction; `GET /api/v1/accounts`:
//! what stands where.
//!
//! Funds are in the journal before the answer, and in effect at once. The `Idempotency-Key` makes a
//! request safe to repeat: the same key and body is answered as the first time, another body is a
//! conflict (422), also after a restart. Cold.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::query::Query;
use super::refusal::Refusal;
use super::treasury::Bank;
use crate::base::units::calendar::civil;
use crate::base::units::ids::AdvertiserId;
use crate::base::units::money::{Currency, Money, amount, parse_amount};
use crate::offer::ledger::{Account, Budget, BudgetId, Entry, Funds, FundsKind, Ledger};

pub const BODY_MAX_BYTES: usize = 16 << 10;
const KEY_MAX: usize = 128;
const AUTHOR_MAX: usize = 128;
const MEMO_MAX: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// `top-up`, `refund` or `correction`.
    kind: String,
    /// A decimal, as text: no float comes near it.
    amount: String,
    currency: Option<String>,
    author: String,
    #[serde(default)]
    memo: String,
}

pub async fn post(
    State(bank): State<Bank>,
    Path(advertiser): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let key = key_of(&headers)?;
    let order: Order = serde_json::from_slice(&body).map_err(|why| {
        let mend = "send {\"kind\": \"top-up\", \"amount\": \"100.00\", \"author\": \"…\"}";
        Refusal::bad_request(why.to_string()).with_mend(mend)
    })?;
    // The path is part of what is asked.
    let mark = xxh3_64(&[advertiser.as_bytes(), b"\0", &body].concat());
    bank.work(move |bank| moved(bank, &advertiser, &order, (&key, mark))).await.map(Json)
}

fn moved(
    bank: &Bank,
    advertiser: &str,
    order: &Order,
    (key, mark): (&str, u64),
) -> Result<Value, Refusal> {
    let _alone = bank.alone();
    let (id, currency) = account(bank, advertiser)?;
    let funds = funds(bank, order, (id, advertiser, currency), format!("{key}#{mark:016x}"))?;
    let beginning = format!("{key}#");
    let known = bank.look(|ledger| ledger.funds_key(&beginning).map(str::to_owned))?;
    match known {
        None => {
            let (kind, nanos, author) = (funds.kind, funds.amount.nanos, funds.author.clone());
            bank.treasury.enter(&Entry::Funds(funds))?;
            let kind = kind.label();
            tracing::info!(advertiser, kind, nanos, %currency, author, "funds were moved");
        }
        Some(known) if known == funds.key => {}
        Some(_) => {
            let error = format!("the key \"{key}\" was used for another movement");
            let mend = "use a new Idempotency-Key for each movement";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error).with_mend(mend));
        }
    }
    // Of the request alone, so that it is the same each time.
    Ok(json!({
        "done": true,
        "advertiser": advertiser,
        "kind": order.kind,
        "amount": amount(parse_amount(&order.amount).unwrap_or_default()),
        "currency": currency.as_str(),
        "key": key,
        "author": order.author,
        "memo": order.memo,
    }))
}

fn key_of(headers: &HeaderMap) -> Result<String, Refusal> {
    let missing = || {
        let mend = "send an Idempotency-Key: 1 to 128 visible ASCII characters, none of them #";
        Refusal::bad_request("without a key the movement cannot be repeated safely")
            .with_mend(mend)
            .at("Idempotency-Key")
    };
    let key = headers.get("idempotency-key").ok_or_else(missing)?;
    let key = key.to_str().map_err(|_| missing())?;
    let fits = |b: u8| b.is_ascii_graphic() && b != b'#';
    let good = (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(fits);
    if good { Ok(key.to_owned()) } else { Err(missing()) }
}

/// Of the campaign files, or of lines that were there once.
fn account(bank: &Bank, advertiser: &str) -> Result<(AdvertiserId, Currency), Refusal> {
    if let Some(known) = bank.treasury.account(advertiser) {
        return Ok(known);
    }
    let id = AdvertiserId::of(advertiser);
    let of_line = move |ledger: &Ledger| {
        let mut lines = ledger.lines().iter();
        let own = lines.find(|line| line.owner.is_some_and(|(_, owner)| owner == id));
        own.map(|line| (id, line.currency))
    };
    bank.look(of_line)?.ok_or_else(|| {
        let error = format!("there is no advertiser \"{advertiser}\"");
        let mend = "write its `key` of the campaign file";
        Refusal::new(StatusCode::NOT_FOUND, error).with_mend(mend)
    })
}

fn funds(
    bank: &Bank,
    order: &Order,
    (advertiser, name, currency): (AdvertiserId, &str, Currency),
    key: String,
) -> Result<Funds, Refusal> {
    let wrong = |path: &str, error: &str, mend: &str| {
        let refusal = Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error);
        refusal.with_mend(mend).at(path)
    };
    let mut kinds = FundsKind::ALL.iter().copied();
    let kind = kinds.find(|kind| kind.label() == order.kind);
    let kind = kind.ok_or_else(|| {
        wrong("kind", "unknown kind", "write \"top-up\", \"refund\" or \"correction\"")
    })?;
    let nanos = parse_amount(&order.amount).filter(|&nanos| nanos != 0);
    let nanos = nanos.ok_or_else(|| {
        wrong("amount", "no amount", "write a plain decimal as text, such as \"100.00\"")
    })?;
    if nanos < 0 && kind != FundsKind::Correction {
        return Err(wrong("amount", "below zero", "only a correction may be below zero"));
    }
    if order.currency.as_deref().is_some_and(|code| Currency::parse(code) != Some(currency)) {
        let mend = format!("write \"{currency}\", or leave it out");
        return Err(wrong("currency", "not the account's currency", &mend));
    }
    let text = |path, text: &str, least: usize, most: usize| {
        let fits = (least..=most).contains(&text.trim().len()) && !text.contains(char::is_control);
        if fits {
            Ok(text.trim().to_owned())
        } else {
            Err(wrong(path, "too long, empty, or with control characters", "write who and why"))
        }
    };
    Ok(Funds {
        kind,
        moment: bank.clock.now(),
        advertiser,
        name: name.to_owned(),
        amount: Money::new(nanos, currency),
        key,
        author: text("author", &order.author, 1, AUTHOR_MAX)?,
        memo: text("memo", &order.memo, 0, MEMO_MAX)?,
    })
}

pub async fn accounts(State(bank): State<Bank>, uri: Uri) -> Result<Json<Value>, Refusal> {
    let query = Query::read(&uri, &["of"])?;
    let of = query.get("of").map(str::to_owned);
    let told = move |bank: &Bank| {
        let most = bank.limits.report_rows_max;
        bank.look(|ledger| told(ledger, of.as_deref(), most))?.ok_or_else(|| {
            let error = format!("more than {most} accounts");
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error)
                .with_mend("ask with of=ADVERTISER")
        })
    };
    bank.work(told).await.map(Json)
}

/// Budgets by the path of what they are of, and what stands beside them.
fn told(ledger: &Ledger, of: Option<&str>, most: usize) -> Option<Value> {
    let names = Names::of(ledger);
    let asked = |path: &str| {
        of.is_none_or(|of| {
            path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let mut budgets: Vec<(String, BudgetId, Currency, &Budget)> = ledger
        .budgets()
        .map(|(id, currency, budget)| (names.path(id), id, currency, budget))
        .filter(|(path, ..)| asked(path))
        .collect();
    if budgets.len() > most {
        return None;
    }
    budgets.sort_by(|a, b| (&a.0, a.1, a.2).cmp(&(&b.0, b.1, b.2)));
    let budget = |(path, id, currency, budget): (String, BudgetId, Currency, &Budget)| {
        let kind = match id {
            BudgetId::Funds(_) => "funds",
            BudgetId::Campaign(..) => "campaign",
            BudgetId::Line(..) => "line",
        };
        let day = id.day().map(civil).map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}"));
        json!({
            "of": path, "budget": kind, "day": day, "currency": currency.as_str(),
            "limit": budget.limit().map(amount), "free": amount(budget.free),
            "held": amount(budget.held), "spent": amount(budget.spent),
        })
    };
    let others = ledger.accounts().into_iter().filter(|(account, _)| account.budget().is_none());
    let mut sums = std::collections::BTreeMap::<(&str, Currency), i64>::new();
    for (account, nanos) in others {
        let name = match account {
            Account::Bank(_) => "bank",
            Account::WrittenOff(_) => "written_off",
            Account::Disputed(..) => "disputed",
            _ => continue,
        };
        let sum = sums.entry((name, account.currency())).or_default();
        *sum = sum.saturating_add(nanos);
    }
    let beside = sums.into_iter().map(|((name, currency), nanos)| {
        json!({ "account": name, "currency": currency.as_str(), "amount": amount(nanos) })
    });
    Some(json!({
        "version": ledger.version().to_string(),
        "budgets": budgets.into_iter().map(budget).collect::<Vec<_>>(),
        "beside": beside.collect::<Vec<_>>(),
    }))
}

/// What budgets are of, by the paths of the lines that were opened.
struct Names(std::collections::HashMap<BudgetId, String>);

impl Names {
    fn of(ledger: &Ledger) -> Names {
        let mut names = std::collections::HashMap::new();
        for line in ledger.lines() {
            let Some((campaign, advertiser)) = line.owner else { continue };
            let mut parts = line.path.splitn(3, '/');
            let (first, second) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            names.insert(BudgetId::Line(line.line, None), line.path.clone());
            names.insert(BudgetId::Campaign(campaign, None), format!("{first}/{second}"));
            names.insert(BudgetId::Funds(advertiser), first.to_owned());
        }
        Names(names)
    }

    fn path(&self, id: BudgetId) -> String {
        let (whole, other) = match id {
            BudgetId::Funds(own) => (id, own.to_string()),
            BudgetId::Campaign(own, _) => (BudgetId::Campaign(own, None), own.to_string()),
            BudgetId::Line(own, _) => (BudgetId::Line(own, None), own.to_string()),
        };
        self.0.get(&whole).cloned().unwrap_or(other)
    }
}
