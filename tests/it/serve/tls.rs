//! HTTPS at the bid door: the certificate, its change while serving, those who speak none.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Server, folder, request};
use crate::doors::client::get;
use crate::doors::value;

type Https = StreamOwned<ClientConnection, TcpStream>;

#[test]
fn bids_are_answered_over_tls_and_certificates_change_meanwhile() {
    let folder = folder();
    let first = certify(folder.path());
    let config = folder.path().join("interlude.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str("[bid.tls]\ncertificates = \"chain.pem\"\nkey = \"key.pem\"\n");
    text.push_str("handshake_timeout_ms = 300\n");
    std::fs::write(&config, text).unwrap();
    let server = Server::start(folder.path());

    let mut open = connect(&server, &first).unwrap();
    assert_eq!(open.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(ask(&mut open, &request("1")), 200);

    // Half a certificate changes nothing; a whole one is shown to those who come from then on.
    std::fs::write(folder.path().join("chain.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    server.signal("HUP");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(ask(&mut connect(&server, &first).unwrap(), &get("/health/ready", "")), 200);
    let second = certify(folder.path());
    server.signal("HUP");
    let begun = Instant::now();
    let mut new = loop {
        match connect(&server, &second) {
            Ok(new) => break new,
            Err(why) => assert!(begun.elapsed() < Duration::from_secs(20), "{why}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ask(&mut new, &request("2")), 200);
    assert!(connect(&server, &first).is_err(), "the old certificate is still shown");
    assert_eq!(ask(&mut open, &request("3")), 200, "who was connected stays connected");

    // No TLS, and nothing at all: both are cut.
    let mut plain = TcpStream::connect(server.bid).unwrap();
    plain.write_all(&get("/health/ready", "")).unwrap();
    let mut silent = TcpStream::connect(server.bid).unwrap();
    for stream in [&mut plain, &mut silent] {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut told = Vec::new();
        stream.read_to_end(&mut told).unwrap();
        assert!(!told.starts_with(b"HTTP"), "{told:?}");
    }
    let cut = "interlude_bid_cut_connections_total{reason=\"handshake\"}";
    assert!(value(&server.metrics(), cut) >= 2);
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("the TLS certificate stays as it is: bid.tls.certificates"), "{log}");
}

#[test]
fn a_server_without_its_key_does_not_start() {
    let folder = folder();
    certify(folder.path());
    std::fs::write(folder.path().join("key.pem"), "no key\n").unwrap();
    let config = folder.path().join("interlude.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str("[bid.tls]\ncertificates = \"chain.pem\"\nkey = \"key.pem\"\n");
    std::fs::write(&config, text).unwrap();
    let ended = super::command(folder.path()).output().unwrap();
    assert!(!ended.status.success());
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains("bid.tls.key") && told.contains("key.pem"), "{told}");
}

/// A new certificate for localhost, in the files that the config names.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

/// One who trusts this certificate alone, shaken hands with.
fn connect(server: &Server, trusted: &CertificateDer<'static>) -> io::Result<Https> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(server.bid)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    while client.is_handshaking() {
        client.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(client, stream))
}

/// The status of the answer, which is read whole.
fn ask(stream: &mut Https, bytes: &[u8]) -> u16 {
    stream.write_all(bytes).unwrap();
    let (mut got, mut piece) = (Vec::new(), [0; 16 << 10]);
    loop {
        let read = stream.read(&mut piece).unwrap();
        assert_ne!(read, 0, "hung up");
        got.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&got);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return head.split(' ').nth(1).unwrap().parse().unwrap();
        }
    }
}
