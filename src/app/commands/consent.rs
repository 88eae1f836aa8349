//! `interlude consent`: any consent string, decoded, and what it permits us. Cold.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use crate::app::config::Config;
use crate::app::run::policy;
use crate::base::units::time::{Clock as _, Moment, WallClock};
use crate::market::openrtb::request::{Regs, Request, User};
use crate::market::privacy::{
    Grant, Kind, Permissions, Policy, RegsDefault, Signals, permissions, shown,
};

const AFTER: &str = "\
A string of US Privacy begins with a digit, one of GPP with D; everything else is a TC string. What
it permits depends on the section [privacy] of the configuration: our id in the Global Vendor List,
our purposes, the oldest policy. The request is taken as silent apart from the string, from FRA
where it is a TC string and from USA where it is another; --country says otherwise.

A string that does not decode is shown with `error`, and permits what no string does.

Examples:
  interlude consent CPzHq4APzHq4ABEACBENAuCMAP_AAH_AAAwIF5wAQF5gXnAA.IF5wAQF5g --vendor 755
  interlude consent 'DBABLA~BVVqAAAAAmA.QA' --json | jq .permits
  interlude consent 1YNN
  interlude consent BVVqAAAAAmA.QA --section usnat
  pbpaste | interlude consent - --json --config config/interlude.toml";

/// Decode a consent string (TCF, GPP, US Privacy) and say what it permits.
#[derive(clap::Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The string; `-` reads the standard input.
    #[arg(value_name = "STRING", allow_hyphen_values = true)]
    string: String,
    /// The string is a section of GPP without the header: its number or name (7, usnat).
    #[arg(long, value_name = "SECTION")]
    section: Option<String>,
    /// The configuration; without it, all defaults.
    #[arg(long, value_name = "FILE", env = "INTERLUDE_CONFIG")]
    config: Option<PathBuf>,
    /// Our id in the Global Vendor List; goes before the config's.
    #[arg(long, value_name = "ID")]
    vendor: Option<u16>,
    /// Where the listener is (ISO 3166 alpha-3).
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
    /// When it is looked at (RFC 3339); now where absent.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut config = match &args.config {
        Some(file) => Config::load(file)?,
        None => Config::default(),
    };
    config.privacy.vendor_id = args.vendor.unwrap_or(config.privacy.vendor_id);
    let policy = policy(&config).context("privacy.gvl")?;
    let string = string(&args.string)?;
    let kind = match &args.section {
        None => Kind::of(&string),
        Some(name) => {
            Kind::of_section(name).with_context(|| format!("no section `{name}`: 2, 5 to 27"))?
        }
    };
    let permitted = permitted(&string, kind, args, &policy)?;
    let mut fields = shown(&string, kind).unwrap_or_else(|fault| {
        Map::from_iter([("error".to_owned(), Value::from(fault.to_string()))])
    });
    let permits = permits(permitted);
    let mut out = std::io::stdout().lock();
    if args.json {
        fields.insert("permits".to_owned(), permits);
        serde_json::to_writer_pretty(&mut out, &fields)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", text(kind, &fields, permitted))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn string(given: &str) -> anyhow::Result<String> {
    if given != "-" {
        return Ok(given.trim().to_owned());
    }
    let mut text = String::new();
    std::io::stdin().lock().take(1 << 20).read_to_string(&mut text).context("standard input")?;
    Ok(text.trim().to_owned())
}

/// What a request permits that says nothing but the string.
fn permitted(
    string: &str,
    kind: Kind,
    args: &Args,
    policy: &Policy,
) -> anyhow::Result<Permissions> {
    let moment = match &args.at {
        None => WallClock.now(),
        Some(text) => {
            let at: jiff::Timestamp = text
                .parse()
                .with_context(|| format!("--at `{text}`: write it as 2026-11-23T07:30:00Z"))?;
            Moment::from_unix_us(at.as_microsecond())
        }
    };
    let section = match kind {
        Kind::Section(id) => Some(i64::from(id)),
        _ => None,
    };
    let (mut regs, mut user) = (Regs::default(), User::default());
    // A bare section is put behind a header of its own.
    let wrapped = section.map(|id| format!("{}~{string}", header(id)));
    match kind {
        Kind::Tcf => {
            regs.gdpr = Some(true);
            user.consent = Some(string);
        }
        Kind::UsPrivacy => regs.us_privacy = Some(string),
        Kind::Gpp | Kind::Section(_) => regs.gpp = Some(wrapped.as_deref().unwrap_or(string)),
    }
    let request = Request { regs: Some(regs), user: Some(user), ..Request::default() };
    let place = match kind {
        Kind::Tcf | Kind::Section(2) => "FRA",
        Kind::Section(5) => "CAN",
        _ => "USA",
    };
    let country = Some(args.country.as_deref().unwrap_or(place));
    let absent = RegsDefault::Full;
    let signals = Signals { request: &request, country, gpc: false, absent, moment };
    Ok(permissions(&signals, policy))
}

/// The header of a GPP string of one section: type 3, version 1, one id in Fibonacci coding.
fn header(id: i64) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut left = id;
    let mut coded = Vec::new();
    for number in [34, 21, 13, 8, 5, 3, 2, 1] {
        let one = number <= left;
        left -= if one { number } else { 0 };
        if one || !coded.is_empty() {
            coded.push(one);
        }
    }
    coded.push(false);
    coded.reverse();
    coded.push(true);
    coded.resize(coded.len().next_multiple_of(6), false);
    let six = |bits: &[bool]| bits.iter().fold(0, |six, &bit| six << 1 | usize::from(bit));
    let ids = coded.chunks(6).map(|bits| char::from(ALPHABET[six(bits)]));
    "DBAB".chars().chain(ids).collect()
}

fn permits(permissions: Permissions) -> Value {
    let grants = Grant::ALL.into_iter();
    let mut all: Map<String, Value> = grants
        .map(|grant| (grant.label().to_owned(), Value::from(permissions.may(grant))))
        .collect();
    all.insert("denial".to_owned(), json!(permissions.denial().map(|denial| denial.label())));
    Value::Object(all)
}

fn text(kind: Kind, fields: &Map<String, Value>, permissions: Permissions) -> String {
    let mut text = match kind {
        Kind::Tcf => "a TC string (TCF)\n".to_owned(),
        Kind::Gpp => "a GPP string\n".to_owned(),
        Kind::UsPrivacy => "a US Privacy string\n".to_owned(),
        Kind::Section(id) => format!("section {id} of a GPP string\n"),
    };
    lines(fields, 2, &mut text);
    text.push_str("\npermits\n");
    for grant in Grant::ALL {
        let may = if permissions.may(grant) { "yes" } else { "no" };
        text.push_str(&format!("  {:<28}  {may}\n", grant.label()));
    }
    if let Some(denial) = permissions.denial() {
        text.push_str(&format!("  because of {}\n", denial.label()));
    }
    text
}

/// Each field on a line; what is nested, below it.
fn lines(fields: &Map<String, Value>, indent: usize, text: &mut String) {
    for (key, value) in fields {
        match value {
            Value::Object(inner) => {
                text.push_str(&format!("{:indent$}{key}\n", ""));
                lines(inner, indent + 2, text);
            }
            Value::Array(list) => {
                let each: Vec<String> = list.iter().map(ToString::to_string).collect();
                let all = if each.is_empty() { "none".to_owned() } else { each.join(" ") };
                text.push_str(&format!("{:indent$}{key:<28}  {all}\n", ""));
            }
            Value::String(word) => text.push_str(&format!("{:indent$}{key:<28}  {word}\n", "")),
            other => text.push_str(&format!("{:indent$}{key:<28}  {other}\n", "")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_section_has_the_header_that_names_it() {
        for (id, expected) in [(2, "DBABMA"), (6, "DBABTA"), (7, "DBABLA"), (8, "DBABBgA")] {
            let ours = header(id);
            assert!(expected.starts_with(&ours), "{id}: {ours} for {expected}");
        }
    }
}
