use std::path::Path;

use super::rows::Worth;
use super::*;
use crate::base::units::money::{Currency, Money, Round};

fn parse(text: &str) -> Result<Config, Faults> {
    Config::parse(Path::new("x.toml"), text)
}

fn faults(text: &str) -> Vec<String> {
    parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_shipped_file_says_the_defaults() {
    let text = include_str!("../../../config/interlude.toml");
    assert_eq!(parse(text).unwrap(), Config::default());
    let written: toml::Value = toml::from_str(text).unwrap();
    let all = toml::Value::try_from(Config::default()).unwrap();
    assert_eq!(written, all, "every key stands in the file");
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(parse("").unwrap(), Config::default());
}

#[test]
fn every_fault_is_reported_at_once() {
    let text = r#"
[bid]
lisen = "127.0.0.1:1"
connections_max = "many"
body_max_bytes = 2000000

[[exchange]]
key = "one"
currency = "usd"
billable = "impresion"

[[exchange]]
key = "one"
win_window_s = 9999
sead = 1

[sever]
data = "x"
"#;
    assert_eq!(
        faults(text),
        [
            "x.toml:3:1: bid.lisen: unknown key \"lisen\"; did you mean \"listen\"?",
            "x.toml:4:19: bid.connections_max: invalid type: string \"many\", expected usize",
            "x.toml:5:1: bid.body_max_bytes: a body on the wire may be larger than an inflated \
             one; make it at most bid.inflated_max_bytes",
            "x.toml:9:12: exchange[0].currency: \"usd\" is no currency, write a code such as \
             \"EUR\"",
            "x.toml:10:12: exchange[0].billable: unknown variant \"impresion\"; did you mean \
             \"impression\"?",
            "x.toml:13:1: exchange[1].key: a second exchange of this key; give each its own",
            "x.toml:14:1: exchange[1].win_window_s: longer than its ticket lives; make it at \
             most ticket_ttl_s",
            "x.toml:15:1: exchange[1].sead: unknown key \"sead\"; did you mean \"seat\"?",
            "x.toml:17:2: sever: unknown key \"sever\"; did you mean \"server\"?",
        ]
    );
}

#[test]
fn syntax_is_reported_with_its_place() {
    let faults = faults("[bid]\nlisten = \n[[exchange]\n");
    assert!(faults.iter().any(|f| f.starts_with("x.toml:2:")), "{faults:?}");
    assert!(faults.iter().any(|f| f.starts_with("x.toml:3:")), "{faults:?}");
}

#[test]
fn rates_are_exact() {
    let config = parse("[rates]\nid = \"ecb\"\nreference = \"USD\"\nEUR = \"1.0850\"\n").unwrap();
    let rates = config.rate_table();
    assert_eq!(rates.id, "ecb");
    let euro = Money::new(1_000_000_000, Currency::EUR);
    let dollars = rates.convert(euro, Currency::USD, Round::Up).unwrap();
    assert_eq!(dollars.nanos, 1_085_000_000);
}

#[test]
fn a_rate_is_a_decimal_above_zero() {
    for (text, billionths) in
        [("1", 1_000_000_000), ("0.000000001", 1), ("150.25", 150_250_000_000)]
    {
        assert_eq!(Worth::parse(text).map(|w| w.billionths), Some(billionths), "{text}");
    }
    for text in ["", ".", "1.", ".5", "0", "0.0", "-1", "+1", "1e3", "1.0000000001", "9999999999"] {
        assert_eq!(Worth::parse(text), None, "{text}");
    }
    let faults = faults("[rates]\nEUR = \"1,08\"\nEURO = \"2\"\n");
    assert_eq!(
        faults,
        [
            "x.toml:2:7: rates.EUR: \"1,08\" is no rate, write a decimal above zero such as \
             \"1.0850\"",
            "x.toml:3:1: rates.EURO: \"EURO\" is no currency, write a code such as \"EUR\"",
        ]
    );
    assert_eq!(self::faults("[rates]\nUSD = \"1.0\"\n").len(), 1);
}

#[test]
fn the_demo_config_makes_a_world() {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config/demo.toml"));
    let config = Config::load(file).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.demo, Some(Demo::default()));
    assert!(config.exchange_table().iter().any(|exchange| exchange.key == "demo"));
    assert!(config.rate_table().knows(Currency::EUR));
}
