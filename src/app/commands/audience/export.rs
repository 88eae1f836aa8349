//! `interlude audience export`: everybody, as lines of an import.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use hyper::Method;

use crate::app::commands::client::ServerArgs;
use crate::app::commands::place::Place;
use crate::base::units::time::{Clock, WallClock};
use crate::knowledge::audience;

pub const FORMAT: &str = "\
One JSON object a line: all profiles, then all links, as `interlude audience import` takes them.
Of ids only hashes are known, so \"key\" stands for \"id\" and \"links\" for \"ids\". Segments that
have expired are left out. Beside a running server the data folder is read as it is on the disk;
with --server the server tells what bids see.

Examples:
  interlude audience export --data data > everybody.jsonl
  interlude audience export --server http://127.0.0.1:8081 --data data --out everybody.jsonl";

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where to write; the standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: ServerArgs,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
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
