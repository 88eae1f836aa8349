//! One file per subcommand, and which there are.

mod client;

mod place;

mod books;

mod audience;

mod audit;

mod backup;

mod check;

mod consent;

mod decide;

mod demo;

mod ledger;

mod load;

mod reconcile;

mod replay;

mod report;

mod restore;

mod serve;

mod simulate;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  interlude demo
  interlude serve --config config/interlude.toml --data data
  interlude check campaigns/*.yaml
  interlude decide request.json --config config/demo.toml
  interlude consent CPtq... --json
  interlude replay data/decisions --config config/demo.toml
  interlude simulate --seed 7 --svg spend.svg
  interlude audience import listeners.jsonl --data data
  interlude audience import listeners.jsonl --server http://127.0.0.1:8081 --data data
  interlude audience stats --data data --json
  interlude audience export listener-1 --html me.html --data data
  interlude audience opt-out listener-1 mood --data data
  interlude audience crowd --targeting draft.yaml --data data
  interlude load --target http://127.0.0.1:8080/bid/demo --rate 2000 --duration 30
  interlude audit data
  interlude ledger accounts --data data
  interlude backup --data data --to backups/today.tar
  interlude restore --from backups/today.tar --data data-2
  interlude report --data data --by day --csv
  interlude reconcile march.csv --exchange demo --data data

Every command has --help with examples; commands that a script would read have --json.";

/// Decide which audio ad fills the pause between two songs.
#[derive(Parser, Debug)]
#[command(name = "interlude", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Check(check::CheckArgs),
    Decide(decide::Args),
    Consent(consent::Args),
    Replay(replay::Args),
    Simulate(simulate::Args),
    Audience(audience::Args),
    Audit(audit::Args),
    Ledger(ledger::Args),
    Load(load::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Report(report::ReportArgs),
    Reconcile(reconcile::ReconcileArgs),
}

/// Runs what the command line says. Faults go to the standard error: 2 for a wrong command line
/// (clap's), 1 for everything else.
pub fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(args),
        Command::Decide(args) => decide::run(args),
        Command::Consent(args) => consent::run(&args),
        Command::Replay(args) => replay::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Audience(args) => audience::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Ledger(args) => ledger::run(args),
        Command::Load(args) => load::run(&args),
        Command::Backup(args) => backup::run(args),
        Command::Restore(args) => restore::run(args),
        Command::Report(args) => report::run(&args),
        Command::Reconcile(args) => reconcile::run(&args),
    };
    ended.unwrap_or_else(|fault| {
        if is_broken_pipe(&fault) {
            // The reader has had enough: `interlude check --schema | head`.
            return ExitCode::SUCCESS;
        }
        // Nobody is left to tell when the standard error is gone.
        let _ = writeln!(std::io::stderr().lock(), "{}", told(&fault));
        ExitCode::FAILURE
    })
}

/// A fault with its causes on one line; a list of faults below it, each on its own.
fn told(fault: &anyhow::Error) -> String {
    let mut text = "error".to_owned();
    for cause in fault.chain().map(ToString::to_string) {
        text.push_str(if cause.contains('\n') { ":\n" } else { ": " });
        text.push_str(&cause);
    }
    text
}

fn is_broken_pipe(fault: &anyhow::Error) -> bool {
    let pipe = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    let json =
        |cause: &serde_json::Error| cause.io_error_kind() == Some(std::io::ErrorKind::BrokenPipe);
    fault.chain().any(|cause| {
        cause.downcast_ref().is_some_and(pipe) || cause.downcast_ref().is_some_and(json)
    })
}
