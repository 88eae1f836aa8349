//! `interlude audience export`: everybody, as lines of an import.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use hyper::Method;

use super::rights;
use crate::app::commands::client::ServerArgs;
use crate::app::commands::place::Place;
use crate::base::units::redacted::Redacted;
use crate::base::units::time::{Clock, WallClock};
use crate::knowledge::audience;

pub const FORMAT: &str = "\
One JSON object a line: all profiles, then all links, as `interlude audience import` takes them.
Of ids only hashes are known, so \"key\" stands for \"id\" and \"links\" for \"ids\". Segments that
have expired are left out. Beside a running server the data folder is read as it is on the disk;
with --server the server tells what bids see.

With ID everything known of one listener: profile, where each value came from, links, refusals,
what was heard, which decisions used what. ID is the listener's id, SOURCE:ID (an exchange's key,
an eids source, email_sha256, phone_sha256) or key: and 32 hex digits. It is kept in the trail.

Examples:
  interlude audience export listener-1 --data data
  interlude audience export demo:their-id --html me.html --server http://127.0.0.1:8081 --data data
  interlude audience export --data data > everybody.jsonl
  interlude audience export --server http://127.0.0.1:8081 --data data --out everybody.jsonl";

#[derive(clap::Args, Debug)]
pub struct Args {
    /// One listener: everything known, where it came from and what it was used for.
    #[arg(value_name = "ID")]
    listener: Option<Redacted<String>>,
    /// As a page for people, into this file.
    #[arg(long, value_name = "FILE", requires = "listener")]
    html: Option<PathBuf>,
    /// As JSON; what an export of one listener is anyhow.
    #[arg(long, conflicts_with = "html", requires = "listener")]
    json: bool,
    /// Where to write; the standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: ServerArgs,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(listener) = &args.listener {
        let (html, out) = (args.html.as_deref(), args.out.as_deref());
        return rights::export_one(listener, (&args.place, &args.server), (html, out));
    }
    let mut out: Box<dyn Write> = match &args.out {
        Some(file) => Box::new(BufWriter::new(
            File::create(file).with_context(|| file.display().to_string())?,
        )),
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let (data, _) = args.place.settle()?;
    if let Some(server) = args.server.open(&data)? {
        server.ask(Method::GET, "/api/v1/audience", None, &mut |line| {
            writeln!(out, "{line}").map_err(Into::into)
        })?;
    } else {
        let (everybody, vocabulary, _) = super::read(&args.place)?;
        let mut fault = None;
        audience::export(&everybody, &vocabulary, WallClock.now(), &mut |line| {
            fault = out.write_all(line.as_bytes()).err();
            fault.is_none()
        });
        fault.map_or(Ok(()), Err)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
