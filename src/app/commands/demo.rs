//! `interlude demo`: a made-up world, served for real, with traffic and a table to watch it.
//!
//! Run by somebody who wants to see what this is, and by `--once` in tests; cold. The server is
//! the one that `serve` runs, in this process; the traffic reaches it over real sockets.

mod player;

mod screen;

mod tally;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::app::config::Config;
use crate::app::demo::Demo;
use crate::app::run::{self, Running};
use crate::base::units::ids::{CampaignIx, LineId};
use crate::base::units::money::{Currency, Money, Round};
use crate::base::units::time::{Clock, WallClock};
use crate::flows::decide::explain::{Explanation, explain};
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::{Circumstance, Received};
use crate::market::openrtb::Wire;
use crate::offer::creative;
use crate::offer::delivery::{Book, Sleep};
use crate::rehearsal::traffic::Requests;
use player::Stage;
use screen::{Link, Screen, View};
use tally::Tally;

/// The config that is shipped for this world.
const CONFIG: &str = include_str!("../../../config/demo.toml");

/// Connections that play, each in a thread of its own.
const PLAYERS: u64 = 8;
/// Requests of `--once`.
const ONCE: u64 = 2_000;
/// A request to try by hand, in the data folder.
const REQUEST: &str = "request.json";
/// A spot to listen to, in the folder of the campaigns.
const SPOT: &str = "media/voltera.mp3";
const REDRAW: Duration = Duration::from_millis(500);

/// See it work: a made-up world, real-shaped traffic, and a live table.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Equal seeds make equal worlds and requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Listeners with a profile.
    #[arg(long, default_value_t = 100_000)]
    listeners: u32,
    /// Where the world is made on the first start, and kept.
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    data: PathBuf,
    /// Requests a second; 0 is as fast as they are answered.
    #[arg(long, default_value_t = 250)]
    rate: u32,
    /// Where requests are received; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    bid_listen: Option<SocketAddr>,
    /// Where health and metrics are served; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<SocketAddr>,
    /// Play 2,000 requests, explain one decision in full, and end.
    #[arg(long)]
    once: bool,
    /// Print the summary as JSON, and nothing before it.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = configure(args)?;
    let running = Running::start(config.clone(), &args.data)?;
    let stage = Arc::new(Stage {
        address: running.bid_address(),
        requests: Requests::new(args.seed, args.listeners),
        rate: if args.once { 0 } else { args.rate },
        limit: if args.once { ONCE } else { u64::MAX },
        next: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        tally: Tally::default(),
    });
    stop_on_signal(&stage)?;
    let tally = running.node().till().book().tally();
    let before = tally.iter().map(|l| (l.id, (l.impressions, l.spent_nanos))).collect();
    let begun = Instant::now();
    let players: Vec<_> = (0..PLAYERS)
        .map(|number| {
            let stage = Arc::clone(&stage);
            let name = format!("demo-player-{number}");
            std::thread::Builder::new().name(name).spawn(move || player::play(&stage, number))
        })
        .collect::<io::Result<_>>()?;

    let show = Show { args, config: &config, running: &running, stage: &stage, begun, before };
    show.until_over();
    for player in players {
        let _ = player.join();
    }
    let view = show.view(0);
    let explanation = args.once.then(|| show.explained()).transpose()?;
    let ended = running.stop();
    if args.json { tell_json(&view, explanation.as_ref()) } else { tell(&view, explanation) }?;
    Ok(if ended && view.counts.errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The shipped config with what the command line says, and its world made.
fn configure(args: &Args) -> anyhow::Result<Config> {
    let mut config = Config::parse(Path::new("config/demo.toml"), CONFIG)?;
    config.demo = Some(Demo { seed: args.seed, listeners: args.listeners });
    // One run has no use for known ports; two at once shall not meet.
    let free: SocketAddr = ([127, 0, 0, 1], 0).into();
    let (mut bid, mut admin) = (config.bid.listen, config.admin.listen);
    if args.once {
        (bid, admin) = (free, free);
    }
    config.bid.listen = settled(args.bid_listen.unwrap_or(bid))?;
    config.admin.listen = args.admin_listen.unwrap_or(admin);
    config.server.linger_ms = 0;
    furnish(&mut config, &args.data)?;
    Ok(config)
}

/// An address with a port: beacons have to name it before anybody listens.
fn settled(address: SocketAddr) -> io::Result<SocketAddr> {
    if address.port() == 0 { TcpListener::bind(address)?.local_addr() } else { Ok(address) }
}

/// Where the config wants a made-up world: makes it, and reads its campaigns from then on.
pub fn furnish(config: &mut Config, data: &Path) -> anyhow::Result<()> {
    let Some(demo) = config.demo else { return Ok(()) };
    let shape = "making listeners  {bar:40} {pos} of {len}";
    let bar = ProgressBar::new(u64::from(demo.listeners))
        .with_style(ProgressStyle::with_template(shape).context("the shape of the progress bar")?);
    run::make_demo(config, data, &mut |done, _| {
        if done % 1_000 == 0 && io::stderr().is_terminal() {
            bar.set_position(done);
        }
    })?;
    bar.finish_and_clear();
    if config.creative == creative::Config::default() && config.bid.listen.port() != 0 {
        // Beacons lead to where this server listens, wherever that is.
        config.creative.public_url = format!("http://{}", config.bid.listen);
    }
    let request = Requests::new(demo.seed, demo.listeners).json(1, WallClock.now());
    std::fs::write(data.join(REQUEST), request).context("an example request")?;
    Ok(())
}

/// Ctrl-C and SIGTERM end the play; what is in flight is still answered.
fn stop_on_signal(stage: &Arc<Stage>) -> anyhow::Result<()> {
    let stage = Arc::clone(stage);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("demo-signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
            let Ok(mut term) = term else { return };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = term.recv() => {}
            }
        });
        stage.stop.store(true, Relaxed);
    })?;
    Ok(())
}

/// What the table is drawn from.
struct Show<'s> {
    args: &'s Args,
    config: &'s Config,
    running: &'s Running,
    stage: &'s Stage,
    begun: Instant,
    /// What the books held before the play, from earlier ones.
    before: HashMap<LineId, (u64, i64)>,
}

impl Show<'_> {
    fn until_over(&self) {
        let mut screen = Screen::open(self.args.json || self.args.once);
        let (mut before, mut since) = (0, Instant::now());
        let mut per_second = 0;
        while !self.stage.over() {
            let now = self.stage.tally.counts().requests;
            if since.elapsed() >= Duration::from_secs(1) {
                per_second = ((now - before) as f64 / since.elapsed().as_secs_f64()).round() as u64;
                (before, since) = (now, Instant::now());
            }
            screen.show(&self.view(per_second));
            std::thread::sleep(if self.args.once { REDRAW / 10 } else { REDRAW });
        }
        screen.close();
    }

    fn view(&self, per_second: u64) -> View {
        let tally = &self.stage.tally;
        let (campaigns, lines) = self.spending();
        View {
            title: self.title(),
            running: self.begun.elapsed(),
            counts: tally.counts(),
            per_second,
            answer: [0.5, 0.9, 0.99, 0.999].map(|share| tally.answer.percentile(share)),
            reasons: reasons(&self.running.registry().render()),
            spent_nanos: campaigns.iter().map(|row| row.spent_nanos).sum(),
            campaigns,
            lines,
            links: self.links(),
        }
    }

    fn title(&self) -> String {
        let standing = self.running.node().standing();
        let catalog = &standing.published.world.catalog;
        format!(
            "Interlude · demo world {}: {} advertisers, {} lines, {} listeners",
            self.args.seed,
            catalog.counts.advertisers,
            catalog.counts.lines,
            screen::grouped(u64::from(self.args.listeners)),
        )
    }

    /// By campaign and by line, from the books of the server, in US dollars.
    fn spending(&self) -> (Vec<screen::Row>, Vec<screen::Row>) {
        let standing = self.running.node().standing();
        let world = &standing.published.world;
        let catalog = &world.catalog;
        let mut campaigns: HashMap<CampaignIx, screen::Row> = HashMap::new();
        let name = |ix| {
            let campaign = catalog.campaign(ix);
            format!("{}/{}", catalog.advertiser(campaign.advertiser).key, campaign.key)
        };
        let mut lines = Vec::new();
        for tally in self.running.node().till().book().tally() {
            let Some(ix) = catalog.line_of(tally.id) else { continue };
            let line = catalog.line(ix);
            let (heard, spent) = self.before.get(&tally.id).copied().unwrap_or_default();
            let spent = Money::new(tally.spent_nanos - spent, tally.currency);
            let spent = world.rates.convert(spent, Currency::USD, Round::Down);
            let row = screen::Row {
                name: format!("{}/{}", name(line.campaign), line.key),
                bids: tally.bids,
                heard: tally.impressions - heard,
                spent_nanos: spent.map_or(0, |money| money.nanos),
            };
            let campaign = campaigns.entry(line.campaign).or_insert_with(|| screen::Row {
                name: name(line.campaign),
                ..screen::Row::default()
            });
            campaign.bids += row.bids;
            campaign.heard += row.heard;
            campaign.spent_nanos += row.spent_nanos;
            lines.push(row);
        }
        let mut campaigns: Vec<screen::Row> = campaigns.into_values().collect();
        for rows in [&mut campaigns, &mut lines] {
            rows.retain(|row| row.bids > 0);
            rows.sort_by(|a, b| {
                let worth = |row: &screen::Row| (row.spent_nanos, row.bids);
                worth(b).cmp(&worth(a)).then_with(|| a.name.cmp(&b.name))
            });
        }
        (campaigns, lines)
    }

    fn links(&self) -> Vec<Link> {
        let (bid, admin) = (self.running.bid_address(), self.running.admin_address());
        let standing = self.running.node().standing();
        let catalog = &standing.published.world.catalog;
        let hear = catalog.media().find(|(_, file)| file.path.ends_with(SPOT));
        let heard = |(hash, _): (&str, _)| format!("http://{bid}/media/{hash}");
        let request = self.args.data.join(REQUEST);
        let link = |word, place, short| Link { word, place, short };
        vec![
            link("bid", format!("curl -d @{} http://{bid}/bid/demo", request.display()), "".into()),
            link("look", format!("http://{admin}/  http://{admin}/metrics"), "".into()),
            link(
                "hear",
                hear.map(heard).unwrap_or_default(),
                Demo::campaigns(&self.args.data).join(SPOT).display().to_string(),
            ),
            link("end", "Ctrl-C".into(), "".into()),
        ]
    }

    /// One decision with all its reasons, as if nothing had been spent yet.
    fn explained(&self) -> anyhow::Result<Explanation> {
        let standing = self.running.node().standing();
        let world = &standing.published.world;
        let exchange = world.exchange_named("demo").context("the exchange `demo`")?;
        let book = Arc::new(Book::new(&self.config.delivery));
        let desk = book.desk(&world.catalog, None)?;
        let moment = WallClock.now();
        let at = Circumstance { moment, coin: world.coin };
        // Number 1 is also the request in the data folder, to try by hand.
        let body = self.stage.requests.json(1, moment);
        let received = Received::new(exchange, Wire::Json, &body);
        let asleep = Sleep::new(0, desk.idle(moment).lines, &world.index, moment);
        let mut live = desk.live_with(Some(&asleep));
        Ok(explain(&received, world, &mut live, at, &mut Scratch::new()))
    }
}

/// Reasons for no bid, from the server's own metrics.
fn reasons(metrics: &str) -> Vec<(String, u64)> {
    let counted = |line: &str| {
        let labels = line.strip_prefix("interlude_bid_outcomes_total{")?;
        let (labels, count) = labels.rsplit_once("} ")?;
        let reason = labels.split("reason=\"").nth(1)?.split('"').next()?;
        let count: u64 = count.trim().parse().ok()?;
        (reason != "bid" && count > 0).then(|| (reason.to_owned(), count))
    };
    let mut reasons: Vec<(String, u64)> = metrics.lines().filter_map(counted).collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reasons
}

fn tell(view: &View, explanation: Option<Explanation>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if let Some(explanation) = explanation {
        writeln!(out, "One decision in full:\n\n{explanation}\n")?;
    }
    let width = screen::terminal().map_or(100, |(width, _)| width);
    for line in screen::page(&View { links: Vec::new(), ..view.clone() }, (width, 40)) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn tell_json(view: &View, explanation: Option<&Explanation>) -> anyhow::Result<()> {
    let counts = &view.counts;
    let rows = |rows: &[screen::Row]| -> Vec<serde_json::Value> {
        let row = |row: &screen::Row| {
            serde_json::json!({
                "name": row.name, "bids": row.bids, "impressions": row.heard,
                "spent_usd": screen::money(row.spent_nanos),
            })
        };
        rows.iter().map(row).collect()
    };
    let reasons: BTreeMap<_, _> = view.reasons.iter().cloned().collect();
    let micros = |time: Option<Duration>| time.map(|time| time.as_micros() as u64);
    let summary = serde_json::json!({
        "requests": counts.requests,
        "with_bids": counts.with_bids,
        "bids": counts.bids,
        "no_bids": counts.no_bids,
        "errors": counts.errors,
        "wins": counts.wins,
        "impressions": counts.impressions,
        "completes": counts.completes,
        "clicks": counts.clicks,
        "answer_us": {
            "p50": micros(view.answer[0]), "p90": micros(view.answer[1]),
            "p99": micros(view.answer[2]), "p999": micros(view.answer[3]),
        },
        "no_bid_reasons": reasons,
        "campaigns": rows(&view.campaigns),
        "lines": rows(&view.lines),
        "explanation": explanation,
    });
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &summary)?;
    writeln!(out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_come_from_the_metrics_most_first() {
        let metrics = "# TYPE interlude_bid_outcomes_total counter\n\
            interlude_bid_outcomes_total{exchange=\"demo\",outcome=\"bid\",reason=\"bid\"} 90\n\
            interlude_bid_outcomes_total{exchange=\"demo\",outcome=\"no_bid\",reason=\"a\"} 3\n\
            interlude_bid_outcomes_total{exchange=\"demo\",outcome=\"no_bid\",reason=\"b\"} 7\n\
            interlude_bid_outcomes_total{exchange=\"demo\",outcome=\"no_bid\",reason=\"c\"} 0\n";
        assert_eq!(reasons(metrics), [("b".to_owned(), 7), ("a".to_owned(), 3)]);
    }
}
