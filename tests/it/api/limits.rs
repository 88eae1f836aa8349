//! The bounds of uploads: each refused with its status, its mend, and nothing lost before it.

use std::io::Write as _;
use std::net::TcpStream;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::Rig;

fn lines(count: usize) -> String {
    (0..count).map(|n| format!("{{\"id\":\"l{n}\",\"gender\":\"f\"}}\n")).collect()
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn gzip_is_read_and_damage_is_told() {
    let rig = Rig::new("{}", "");
    let gzip =
        |body: &[u8]| rig.ask("POST", "/api/v1/audience", "Content-Encoding: gzip\r\n", body);
    let whole = packed(lines(5000).as_bytes());
    let reply = gzip(&whole);
    assert_eq!(reply.last(), json!({"done": true, "accepted": 5000, "refused": 0}));
    assert_eq!(reply.lines().len(), 5001);
    let two = [packed(lines(2).as_bytes()), packed(b"{\"id\":\"x\"}")].concat();
    assert_eq!(gzip(&two).last()["accepted"], 3);
    assert_eq!(gzip(b"plain").status, 400);
    let cut = gzip(&whole[..whole.len() - 5]);
    assert_eq!((cut.status, &cut.last()["done"]), (200, &json!(false)), "{:?}", cut.last());
    assert!(cut.last()["error"].as_str().unwrap().contains("gzip"));
    let other = rig.ask("POST", "/api/v1/audience", "Content-Encoding: br\r\n", b"x");
    assert_eq!(other.status, 415);
    let form = "Content-Type: multipart/form-data; boundary=x\r\n";
    assert_eq!(rig.ask("POST", "/api/v1/audience", form, b"x").status, 415);
}

#[test]
fn a_bomb_is_stopped_at_its_bound() {
    let rig =
        Rig::new("{}", "[admin.upload]\nbody_max_bytes = 1000000\ninflated_max_bytes = 2000000\n");
    let gzip = |text: &[u8]| {
        rig.ask("POST", "/api/v1/audience", "Content-Encoding: gzip\r\n", &packed(text))
    };
    for text in [vec![b'x'; 20 << 20], vec![b'\n'; 20 << 20]] {
        let reply = gzip(&text);
        assert_eq!(reply.status, 413, "{reply:?}");
        assert!(reply.json()["mend"].as_str().unwrap().contains("inflated_max_bytes"));
    }
}

#[test]
fn too_much_is_refused_at_the_line_that_goes_beyond() {
    let rig = Rig::new("{}", "[admin.upload]\nbody_max_bytes = 60000\nlines_max = 1500\n");
    let long = rig.post("/api/v1/audience", &"x".repeat(60_001));
    assert_eq!(long.status, 413);
    assert!(long.json()["mend"].as_str().unwrap().contains("admin.upload.body_max_bytes"));
    let many = rig.post("/api/v1/audience?answers=faults", &lines(1501));
    assert_eq!(many.status, 200);
    let last = many.last();
    assert_eq!(
        (&last["done"], &last["accepted"], &last["line"]),
        (&json!(false), &json!(1000), &json!(1501)),
        "{last}"
    );
    assert!(last["error"].as_str().unwrap().contains("1500 lines"), "{last}");
    rig.running().intake().unwrap().seal().unwrap();
    assert_eq!(rig.listeners(), 1000, "what was answered stays");
}

#[test]
fn bad_lines_harm_only_themselves() {
    let rig = Rig::new("{}", "[admin.upload]\nline_max_bytes = 100\nbatch_lines = 2\n");
    let long = format!("{{\"id\":\"{}\"}}", "x".repeat(500_000));
    let mut body = "\u{feff}{\"id\":\"a\"}\n".to_owned().into_bytes();
    body.extend_from_slice(long.as_bytes());
    body.extend_from_slice(b"\n{\"id\":\"\xff\"}\n{\"id\":\"b\"}\n");
    body.extend_from_slice(long.as_bytes());
    let reply = rig.ask("POST", "/api/v1/audience", "", &body);
    let lines = reply.lines();
    let ok: Vec<bool> = lines.iter().filter_map(|line| line["ok"].as_bool()).collect();
    assert_eq!(ok, [true, false, false, true, false], "{reply:?}");
    let told = |n: usize| lines[n]["faults"][0]["message"].as_str().unwrap().to_owned();
    assert_eq!(told(1), "the line is longer than 100 bytes");
    assert_eq!(told(2), "the line is not UTF-8 from byte 8 on");
    assert_eq!(reply.last(), json!({"done": true, "accepted": 2, "refused": 3}));
}

#[test]
fn uploads_at_once_are_bounded_and_idle_ones_end() {
    let rig = Rig::new("{}", "[admin.upload]\nconcurrent_max = 1\nidle_timeout_ms = 400\n");
    let mut slow = TcpStream::connect(rig.running().admin_address()).unwrap();
    let head = rig.head("POST", "/api/v1/audience", "Content-Length: 100\r\n");
    slow.write_all(head.as_bytes()).unwrap();
    slow.write_all(b"{\"id\":\"a\"}\n").unwrap();
    // Until the first has its place, another may have it.
    let busy = loop {
        let reply = rig.post("/api/v1/audience", "{\"id\":\"b\"}");
        if reply.status != 200 {
            break reply;
        }
    };
    assert_eq!(busy.status, 429, "{busy:?}");
    assert!(busy.has("retry-after:"), "{busy:?}");
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut slow, &mut read).unwrap();
    let last = super::parse(&read).last();
    assert_eq!((&last["done"], &last["accepted"]), (&json!(false), &json!(1)), "{last}");
    assert!(last["error"].as_str().unwrap().contains("no byte came"), "{last}");
    assert_eq!(rig.post("/api/v1/audience", "{\"id\":\"b\"}").status, 200);
}
