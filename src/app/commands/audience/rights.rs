//! `interlude audience export ID|why|erase|opt-out|opt-in|opt-outs|trail`: the listener's rights.
//!
//! With `--server` a running server is asked, else the data folder, which must not be in use.

mod alone;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use hyper::Method;
use serde::Serialize;
use serde_json::json;

use crate::app::commands::client::{Sent, Server, ServerArgs};
use crate::app::commands::place::Place;
use crate::base::units::redacted::Redacted;
use crate::base::units::time::{Clock as _, Moment, WallClock};
use crate::flows::rights::export::{ActTold, export};
use crate::flows::rights::page::page;
use crate::flows::rights::say::{Saying, Word, said, say};
use crate::flows::rights::why::why;
use crate::flows::rights::{Fault, Stores, erase};
use alone::Alone;

/// Where the listener's data is.
#[derive(clap::Args, Debug)]
pub struct Where {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: ServerArgs,
}

pub const WHY: &str = "\
Asks of a bid by its number (bid.id of the answer, 16 hex digits) or of a request by its id. Of a
sampled decision ([records] sample_ppm) it tells which facts of the listener's met the rule of the
line, where each came from, and what became of the alternatives; of all others which ad was
offered, and its line's rule.

Examples:
  interlude audience why 00c5a9f31b2d4e60 --data data
  interlude audience why 00c5a9f31b2d4e60 --listener demo:abc --server http://127.0.0.1:8081
  interlude audience why req-17 --json --data data";

#[derive(clap::Args, Debug)]
pub struct WhyArgs {
    /// Numbers of bids, or ids of requests.
    #[arg(required = true, value_name = "BID|REQUEST")]
    asked: Vec<String>,
    /// Only decisions that are known to be about this listener.
    #[arg(long, value_name = "ID")]
    listener: Option<Redacted<String>>,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: Where,
}

pub const ERASE: &str = "\
Takes the listener out of every store: profile, links, what caps and reach know, and the key that
the kept samples of decisions are sealed with. It cannot be undone. What the listener has refused
stays refused, under a keyed mark that names nobody. Money's journal never held a listener.
ID is the listener's id, SOURCE:ID (an exchange's key, an eids source, email_sha256, phone_sha256)
or key: and the 32 digits of an export.

Examples:
  interlude audience erase listener-1 --data data
  interlude audience erase demo:their-id --server http://127.0.0.1:8081 --data data";

#[derive(clap::Args, Debug)]
pub struct EraseArgs {
    #[arg(value_name = "ID")]
    listener: Redacted<String>,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: Where,
}

pub const SAY: &str = "\
KIND is mood, activity, place, third-party, taste, habits, demographics, lists, or all. What is
refused stays unknown to targeting, whether the profile or the request would tell; \"all\" serves
the listener as if no consent had been given. On disk before it is answered, and in effect: a
running server's next bid heeds it. Moments of distress (bereavement, illness, break-up) are
refused unless they are opted in to, and the operator has enabled them.

Examples:
  interlude audience opt-out listener-1 mood place --data data
  interlude audience opt-out demo:their-id all --server http://127.0.0.1:8081 --data data
  interlude audience opt-out listener-1 --minor --data data
  interlude audience opt-in listener-1 mood --data data
  interlude audience opt-outs listener-1 --json --data data";

#[derive(clap::Args, Debug)]
pub struct SayArgs {
    #[arg(value_name = "ID")]
    listener: Redacted<String>,
    #[arg(value_name = "KIND", required_unless_present = "minor")]
    kinds: Vec<String>,
    /// The listener is under 18 (opt-out), or is not any more (opt-in).
    #[arg(long)]
    minor: bool,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: Where,
}

#[derive(clap::Args, Debug)]
pub struct SaidArgs {
    #[arg(value_name = "ID")]
    listener: Redacted<String>,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: Where,
}

pub const TRAIL: &str = "\
Every export, question, refusal and erasure: when, by whose token or user, of which listener's mark.
The trail is append-only and hash-chained (rights/ in the data folder), and names no listener.

Examples:
  interlude audience trail --data data
  interlude audience trail --json --server http://127.0.0.1:8081 --data data";

#[derive(clap::Args, Debug)]
pub struct TrailArgs {
    /// One JSON array instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: Where,
}

/// Everything known of one listener.
pub fn export_one(
    listener: &str,
    (place, server): (&Place, &ServerArgs),
    (html, out): (Option<&Path>, Option<&Path>),
) -> anyhow::Result<ExitCode> {
    let (data, config) = place.settle()?;
    let path =
        |format: &str| format!("/api/v1/listeners/{}/export?format={format}", whole(listener));
    if let Some(server) = server.open(&data)? {
        if let Some(file) = html {
            return write(Some(file), &server.fetch(Method::GET, &path("html"), Sent::default())?);
        }
        let told = server.fetch(Method::GET, &path("json"), Sent::default())?;
        let told: serde_json::Value = serde_json::from_slice(&told)?;
        return write(out, &pretty(&told)?);
    }
    let alone = Alone::open(&data, &config)?;
    let told = export(&alone, listener, (WallClock.now(), &user()))?;
    match html {
        Some(file) => write(Some(file), page(&told).as_bytes()),
        None => write(out, &pretty(&told)?),
    }
}

pub fn why_asked(args: &WhyArgs) -> anyhow::Result<ExitCode> {
    let (data, config) = args.at.place.settle()?;
    let server = args.at.server.open(&data)?;
    let alone = if server.is_none() { Some(Alone::open(&data, &config)?) } else { None };
    let mut all = Vec::new();
    for asked in &args.asked {
        if let Some(server) = &server {
            let of = args.listener.as_ref().map(|id| format!("listeners/{}/why/", whole(id)));
            let path = match of {
                Some(of) => format!("/api/v1/{of}{}", whole(asked)),
                None => format!("/api/v1/decisions/{}/why", whole(asked)),
            };
            let format = if args.json { "json" } else { "text" };
            let path = format!("{path}?format={format}");
            let told = server.fetch(Method::GET, &path, Sent::default())?;
            if args.json {
                let told: Vec<serde_json::Value> = serde_json::from_slice(&told)?;
                all.extend(told);
            } else {
                write(None, &told)?;
            }
        } else if let Some(alone) = &alone {
            let at = (WallClock.now(), &*user());
            for one in why(alone, asked, args.listener.as_ref().map(|id| id.as_str()), at)? {
                if args.json {
                    all.push(serde_json::to_value(&one)?);
                } else {
                    write(None, format!("{one}\n").as_bytes())?;
                }
            }
        }
    }
    if args.json { write(None, &pretty(&all)?) } else { Ok(ExitCode::SUCCESS) }
}

pub fn erase_one(args: &EraseArgs) -> anyhow::Result<ExitCode> {
    let path = format!("/api/v1/listeners/{}", whole(&args.listener));
    let told = ask(&args.at, (Method::DELETE, &path, None), &|stores, at| {
        erase::erase(stores, &args.listener, at)
    })?;
    if args.json {
        return write(None, &pretty(&told)?);
    }
    let known = if told["known"] == true { "a profile" } else { "no profile" };
    let mut text = format!("erased: {known}, {} links", told["links"]);
    if told["ended"] == false {
        text.push_str("; caps are cleared at the next start of the server");
    }
    write(None, format!("{text}\n").as_bytes())
}

pub fn opt_out(args: &SayArgs) -> anyhow::Result<ExitCode> {
    let words = words(&args.kinds)?;
    let minor = args.minor.then_some(true);
    let sent = json!({ "opt_out": args.kinds, "minor": minor });
    change(args, &Saying { opt_out: words, minor, ..Saying::default() }, &sent)
}

pub fn opt_in(args: &SayArgs) -> anyhow::Result<ExitCode> {
    let words = words(&args.kinds)?;
    let minor = args.minor.then_some(false);
    let sent = json!({ "opt_in": args.kinds, "minor": minor });
    change(args, &Saying { opt_in: words, minor, ..Saying::default() }, &sent)
}

fn words(kinds: &[String]) -> Result<Vec<Word>, Fault> {
    kinds.iter().map(|kind| Word::read(kind)).collect()
}

fn change(args: &SayArgs, saying: &Saying, sent: &serde_json::Value) -> anyhow::Result<ExitCode> {
    let path = format!("/api/v1/listeners/{}/opt-outs", whole(&args.listener));
    let told = ask(&args.at, (Method::PUT, &path, Some(sent)), &|stores, at| {
        say(stores, &args.listener, saying, at)
    })?;
    tell_said(&told, args.json)
}

pub fn opt_outs(args: &SaidArgs) -> anyhow::Result<ExitCode> {
    let path = format!("/api/v1/listeners/{}/opt-outs", whole(&args.listener));
    let told =
        ask(&args.at, (Method::GET, &path, None), &|stores, _| said(stores, &args.listener))?;
    tell_said(&told, args.json)
}

fn tell_said(told: &serde_json::Value, as_json: bool) -> anyhow::Result<ExitCode> {
    if as_json {
        return write(None, &pretty(told)?);
    }
    let list = |name: &str| {
        let words = told[name].as_array().into_iter().flatten();
        words.filter_map(|word| word.as_str()).collect::<Vec<_>>().join(", ")
    };
    let refused = match (told["all"] == true, list("opted_out")) {
        (true, _) => "everything".to_owned(),
        (false, kinds) if kinds.is_empty() => "nothing".to_owned(),
        (false, kinds) => kinds,
    };
    let mut text = format!("refused: {refused}\n");
    if told["minor"] == true {
        text.push_str("under 18: no profile is used\n");
    }
    if !list("opted_in").is_empty() {
        text.push_str(&format!("allowed: {}\n", list("opted_in")));
    }
    write(None, text.as_bytes())
}

pub fn trail(args: &TrailArgs) -> anyhow::Result<ExitCode> {
    let (data, _) = args.at.place.settle()?;
    let told: Vec<serde_json::Value> = match args.at.server.open(&data)? {
        Some(server) => {
            let path = "/api/v1/trail?limit=10000";
            serde_json::from_slice(&server.fetch(Method::GET, path, Sent::default())?)?
        }
        None => {
            let mut all = Vec::new();
            crate::knowledge::audience::trail(&data, &mut |act| {
                let told = serde_json::to_value(ActTold::of(act)).unwrap_or_default();
                let mut told = told;
                told["listener"] = format!("{:016x}", act.mark.0).into();
                all.push(told);
            })?;
            all
        }
    };
    if args.json {
        return write(None, &pretty(&told)?);
    }
    let mut text = String::new();
    for act in &told {
        let word = |name: &str| act[name].as_str().unwrap_or_default().to_owned();
        let (at, mark, deed, who) = (word("at"), word("listener"), word("deed"), word("who"));
        let refused = act["refusals"]["opted_out"].as_array().cloned().unwrap_or_default();
        let refused: Vec<_> = refused.iter().filter_map(|kind| kind.as_str()).collect();
        text.push_str(&format!("{at:<22}{mark:<18}{deed:<15}{who:<20}{}\n", refused.join(",")));
    }
    write(None, text.as_bytes())
}

/// What is asked of a server: method, path, body.
type Asked<'a> = (Method, &'a str, Option<&'a serde_json::Value>);

/// What is done where there is no server.
type Do<'d, T> = &'d dyn Fn(&dyn Stores, (Moment, &str)) -> Result<T, Fault>;

/// Asks the server, or does it in the data folder.
fn ask<T: Serialize>(
    at: &Where,
    (method, path, body): Asked<'_>,
    alone: Do<'_, T>,
) -> anyhow::Result<serde_json::Value> {
    let (data, config) = at.place.settle()?;
    if let Some(server) = at.server.open(&data)? {
        return fetched(&server, method, path, body);
    }
    let stores = Alone::open(&data, &config)?;
    let told = alone(&stores, (WallClock.now(), &user()))?;
    Ok(serde_json::to_value(told)?)
}

fn fetched(
    server: &Server,
    method: Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> anyhow::Result<serde_json::Value> {
    let headers = vec![("content-type", "application/json".to_owned())];
    let sent = match body {
        Some(body) => Sent { headers, body: serde_json::to_vec(body)? },
        None => Sent::default(),
    };
    Ok(serde_json::from_slice(&server.fetch(method, path, sent)?)?)
}

/// A part of a path, whatever is in it.
fn whole(part: &str) -> String {
    let mut text = String::new();
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Who is at the machine, as the trail names them.
fn user() -> String {
    format!("user {}", std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned()))
}

fn pretty<T: Serialize + ?Sized>(told: &T) -> anyhow::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(told)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn write(file: Option<&Path>, bytes: &[u8]) -> anyhow::Result<ExitCode> {
    match file {
        Some(file) => {
            let named = || PathBuf::from(file).display().to_string();
            std::fs::write(file, bytes).with_context(named)?;
        }
        None => std::io::stdout().lock().write_all(bytes)?,
    }
    Ok(ExitCode::SUCCESS)
}
