//! How long does reading one line of an upload take? Parse, vocabulary and encoding; no I/O.
//!
//! Measured: 1,000 different lines a turn, per line. `parse`: a listener with the four at the top
//! and 12 segments, each an object with confidence and expiry, some 900 bytes; every word known.
//! `seeded`: lines as the seeded listeners write them. `merge`: one segment more. `careful`: the
//! first again, with one unknown word, so that every fault is looked for. Wanted: at most 8 µs for
//! `parse`, so that 50,000 lines a second take 0.4 of a core.

#![allow(clippy::print_stdout, reason = "its report")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use interlude::base::units::time::Moment;
use interlude::knowledge::audience::{Known, LineReader, Providers, read_growing};
use interlude::market::vocabulary::{Dimension, Vocabulary};
use interlude::rehearsal::traffic::Listeners;

const LINES: u64 = 1000;

const TASTES: [&str; 8] =
    ["rock", "jazz", "techno", "hip-hop", "folk", "classical", "metal", "soul"];

fn full(n: u64, mood: &str, known: &[String]) -> String {
    let segment = |text: &str, n: u64| {
        let day = n % 28 + 1;
        format!(
            r#"{{"value":"{text}","confidence":0.{},"expires":"2027-01-{day:02}T00:00:00Z"}}"#,
            n % 89 + 10
        )
    };
    let list = |texts: &[String]| {
        let all: Vec<String> =
            texts.iter().enumerate().map(|(i, text)| segment(text, n + i as u64)).collect();
        all.join(",")
    };
    let tastes: Vec<String> =
        (0..3).map(|i| TASTES[((n + i * 3) % 8) as usize].to_owned()).collect();
    let artists: Vec<String> = (0..3).map(|i| format!("Artist {}", (n * 7 + i) % 500)).collect();
    let interest = |i| known[((n * 4 + i) % known.len() as u64) as usize].clone();
    let interests: Vec<String> = (0..4).map(interest).collect();
    format!(
        r#"{{"id":"listener-{n:012}","age":"25-34",
        "gender":"female","language":["en"],"home_country":"USA",
        "segments":{{"taste_genre":[{}],"taste_artist":[{}],"interest":[{}],
        "mood":[{}],"activity":[{}]}}}}"#,
        list(&tastes),
        list(&artists),
        list(&interests),
        segment(mood, n),
        segment("running", n),
    )
}

fn lines(c: &mut Criterion) {
    let (nobody, now) = (Providers::default(), Moment::from_unix_s(1_795_348_800));
    let mut vocabulary = Vocabulary::new();
    // Barred interests are refused in a line.
    let known = vocabulary.values(Dimension::Interest);
    let known = known.filter(|&(value, _)| vocabulary.barred(value).is_none());
    let known: Vec<String> = known.map(|(_, text)| text.to_owned()).collect();
    let listeners = Listeners::new(1);
    let parse: Vec<String> = (0..LINES).map(|n| full(n, "calm", &known)).collect();
    let seeded: Vec<String> = (0..LINES).map(|n| listeners.at(n).json_line()).collect();
    let merge =
        |n| format!(r#"{{"id":"listener-{n:012}","merge":true,"segments":{{"mood":["calm"]}}}}"#);
    let merge: Vec<String> = (0..LINES).map(merge).collect();
    let careful: Vec<String> = (0..LINES).map(|n| full(n, "energtic", &known)).collect();
    for line in parse.iter().chain(&seeded).chain(&merge) {
        read_growing(line, &mut vocabulary, &nobody, now).unwrap_or_else(|why| panic!("{why:?}"));
    }
    let known = Known { vocabulary: &vocabulary, providers: &nobody, now, refused: &[] };
    let mut group = c.benchmark_group("lines");
    group.throughput(Throughput::Elements(LINES)).measurement_time(Duration::from_secs(3));
    for (name, lines) in
        [("parse", &parse), ("seeded", &seeded), ("merge", &merge), ("careful", &careful)]
    {
        let bytes: usize = lines.iter().map(String::len).sum();
        println!("lines/{name}: {} bytes a line", bytes / lines.len());
        let mut reader = LineReader::new(known);
        group.bench_function(name, |b| {
            let mut changes = Vec::new();
            b.iter(|| {
                changes.clear();
                for line in lines {
                    let _ = black_box(reader.read(black_box(line), &mut changes));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, lines);
criterion_main!(benches);
