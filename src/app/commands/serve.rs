//! `interlude serve`: a server, until a signal ends it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::config::Config;
use crate::app::run::{Offer, Running, Wish};
use crate::base::telemetry::{install_logs, install_panics};

const SIGNALS: &str = "\
Signals:
  SIGHUP            reads campaigns again and swaps the world, takes the ticket keys of the config
                    ([notice.tickets]) and the TLS certificate ([bid.tls]) from their files; faults
                    change nothing. Other keys need a restart
  SIGTERM, SIGINT   fail readiness, answer what is in flight, write everything down, exit 0

Endpoints of the bid listener:
  POST /bid/{exchange}                  OpenRTB 2.5 and 2.6, JSON and protobuf
  GET|POST /notice/{win|billing|loss}/{ticket}, /beacon/{event}/{ticket}, /click/{ticket}
  GET /media/{sha256}, /health/live, /health/ready
Endpoints of the admin listener:
  GET /metrics, /health/live, /health/ready
  /api/v1/audience and below: listeners, links, lists, crowds, with the token of admin.token in
  the data folder (admin.token_file); see docs/listeners.md

Examples:
  interlude serve --config config/interlude.toml --data data
  interlude serve --config my.toml --data /var/lib/interlude --bid-listen 0.0.0.0:8080
  interlude serve --config my.toml --data /var/lib/interlude --bid-listen 0.0.0.0:8080 --take-over
                    of a new version: the server before hands on to it; see docs/serving.md";

/// Answer bid requests and settle notices.
#[derive(clap::Args, Debug)]
#[command(after_long_help = SIGNALS)]
pub struct Args {
    /// The configuration; without it, all defaults.
    #[arg(long, value_name = "FILE", env = "INTERLUDE_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder; goes before the config's.
    #[arg(long, value_name = "DIR", env = "INTERLUDE_DATA")]
    data: Option<PathBuf>,
    /// Where exchanges and players reach us; goes before the config's.
    #[arg(long, value_name = "ADDR")]
    bid_listen: Option<SocketAddr>,
    /// Health and metrics; goes before the config's.
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<SocketAddr>,
    /// Take the place of the server that uses the data folder, if one does, without a request
    /// lost; it ends by itself.
    #[arg(long)]
    take_over: bool,
    /// Say that the server is ready as one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut config = match &args.config {
        Some(file) => Config::load(file)?,
        None => Config::default(),
    };
    config.bid.listen = args.bid_listen.unwrap_or(config.bid.listen);
    config.admin.listen = args.admin_listen.unwrap_or(config.admin.listen);
    let _logs = install_logs(&config.log)?;
    install_panics();
    let data = args.data.unwrap_or_else(|| config.server.data.clone());
    super::demo::furnish(&mut config, &data)?;
    warn_of_public_url(&config);
    let waits = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before the start, so that no signal from now on is lost.
    let mut signals = waits.block_on(async { Signals::catch() })?;
    let start = if args.take_over { Running::take_over } else { Running::start };
    let mut running = start(config, &data)?;
    let mut offer = waits.block_on(async { running.offer() }).unwrap_or_else(|why| {
        tracing::warn!(%why, "no other server can take over from this one");
        None
    });
    say_ready(&running, args.json).context("standard output")?;
    let file = args.config.as_deref();
    let end = waits.block_on(signals.wait(&mut running, &mut offer, file));
    let ended = match (end, offer) {
        (End::Handed, Some(offer)) => hand_on(running, offer, &waits)?,
        (_, offer) => {
            drop(offer);
            running.stop()
        }
    };
    if end == End::Failed {
        anyhow::bail!("the journal has failed; start again once the disk is well");
    }
    if !ended {
        tracing::warn!("connections were cut: they did not end within server.drain_ms");
    }
    Ok(ExitCode::SUCCESS)
}

/// Nothing fails when beacons lead nowhere: no impression comes, and nothing is charged.
fn warn_of_public_url(config: &Config) {
    let unset = Config::default();
    if config.creative == unset.creative
        && config.demo.is_none()
        && config.bid.listen != unset.bid.listen
    {
        let (url, listen) = (&config.creative.public_url, config.bid.listen);
        tracing::warn!(%url, %listen, "beacons and media lead to creative.public_url, not here");
    }
}

/// The heir answers from here on; we do what is left to do.
fn hand_on(running: Running, offer: Offer, waits: &Runtime) -> anyhow::Result<bool> {
    let parting = running.let_money_go();
    let granted = waits.block_on(async { offer.grant_money() });
    granted.context("who wanted to take over has left when everything was handed on")?;
    tracing::info!("handed on; what is connected is answered until it ends");
    Ok(parting.wait())
}

/// Why a server ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Asked,
    /// Another one has loaded all that is known and wants the rest.
    Handed,
    Failed,
}

struct Signals {
    end: [tokio::signal::unix::Signal; 2],
    swap: tokio::signal::unix::Signal,
}

impl Signals {
    fn catch() -> std::io::Result<Signals> {
        Ok(Signals {
            end: [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?],
            swap: signal(SignalKind::hangup())?,
        })
    }

    /// Until the server is to end.
    async fn wait(
        &mut self,
        running: &mut Running,
        offer: &mut Option<Offer>,
        config: Option<&Path>,
    ) -> End {
        let mut failed = running.failed();
        let [terminate, interrupt] = &mut self.end;
        loop {
            tokio::select! {
                _ = terminate.recv() => return End::Asked,
                _ = interrupt.recv() => return End::Asked,
                _ = self.swap.recv() => {
                    rekey(running, config);
                    if let Err(why) = running.recertify() {
                        tracing::error!("the TLS certificate stays as it is: {why}");
                    }
                    running.ask_reload();
                }
                _ = failed.wait_for(|failed| *failed) => return End::Failed,
                wish = wish(offer) => match wish {
                    Wish::Money => return End::Handed,
                    Wish::Knowledge => let_go(running, offer),
                    Wish::Back => take_back(running, offer),
                }
            }
        }
    }
}

/// Never, where nobody can take over.
async fn wish(offer: &mut Option<Offer>) -> Wish {
    match offer {
        Some(offer) => offer.next().await,
        None => std::future::pending().await,
    }
}

fn let_go(running: &mut Running, offer: &mut Option<Offer>) {
    let Some(offer) = offer else { return };
    running.let_knowledge_go();
    if let Err(why) = offer.grant_knowledge() {
        tracing::error!(%why, "what is known could not be handed on");
    }
}

/// Tried again by and by where it fails: bids go on meanwhile.
fn take_back(running: &mut Running, offer: &mut Option<Offer>) {
    let Some(offer) = offer else { return };
    let admin = offer.admin().map_err(anyhow::Error::from);
    match admin.and_then(|admin| Ok(running.take_knowledge_back(admin)?)) {
        Ok(()) => {
            offer.taken_back();
            tracing::info!("campaigns, listeners and the admin listener are taken back");
        }
        Err(why) => tracing::error!("what is known could not be taken back: {why:#}"),
    }
}

/// Takes new ticket keys; the log tells the end.
fn rekey(running: &Running, config: Option<&Path>) {
    let Some(file) = config else { return };
    let read = Config::load(file).map_err(|faults| faults.to_string());
    let taken = read.and_then(|config| {
        running.rekey(&config.notice.tickets).map_err(|fault| fault.to_string())
    });
    if let Err(why) = taken {
        tracing::error!("the ticket keys stay as they are: {why}");
    }
}

fn say_ready(running: &Running, json: bool) -> std::io::Result<()> {
    let (bid, admin) = (running.bid_address(), running.admin_address());
    let standing = running.node().standing();
    let summary = &standing.built.summary;
    let mut out = std::io::stdout().lock();
    if json {
        let ready = serde_json::json!({
            "ready": true,
            "bid": bid,
            "admin": admin,
            "world": format!("{:016x}", summary.version),
            "advertisers": summary.counts.advertisers,
            "campaigns": summary.counts.campaigns,
            "lines": summary.counts.lines,
            "creatives": summary.counts.creatives,
            "listeners": summary.listeners,
        });
        writeln!(out, "{ready}")?;
    } else {
        writeln!(
            out,
            "ready: bids on http://{bid}, admin on http://{admin}; {} lines of {} advertisers, {} \
             creatives, {} listeners",
            summary.counts.lines,
            summary.counts.advertisers,
            summary.counts.creatives,
            summary.listeners,
        )?;
    }
    out.flush()
}
