//! How does TLS come in? The certificate that is shown, its change without a restart, and bounds on
//! handshakes, which cost a hundred times what a request does.
//!
//! Asked once a connection by the accept loop. HTTP/1.1 only (DESIGN §8).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

/// `[bid.tls]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// PEM, our own first, then those up to the root. Without it, no TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<PathBuf>,
    /// PEM: PKCS #8, PKCS #1 or SEC 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    pub handshake_timeout_ms: u64,
    /// Handshakes at once; others wait.
    pub handshakes_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config { certificates: None, key: None, handshake_timeout_ms: 3_000, handshakes_max: 64 }
    }
}

impl Config {
    /// Keys that are out of their bounds, each with what holds.
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let mut faults = Vec::new();
        if self.certificates.is_some() && self.key.is_none() {
            faults.push(("key", "name the file of the certificate's private key"));
        }
        if self.key.is_some() && self.certificates.is_none() {
            faults.push(("certificates", "name the file of the key's certificate"));
        }
        if !(100..=60_000).contains(&self.handshake_timeout_ms) {
            faults.push(("handshake_timeout_ms", "write 100 to 60000"));
        }
        if self.handshakes_max == 0 {
            faults.push(("handshakes_max", "write at least 1"));
        }
        faults
    }
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    #[error("bid.tls.certificates {}: {source}", .file.display())]
    Certificates { file: PathBuf, source: pem::Error },
    #[error("bid.tls.certificates {}: no certificate in it", .0.display())]
    NoCertificate(PathBuf),
    #[error("bid.tls.key {}: {source}", .file.display())]
    Key { file: PathBuf, source: pem::Error },
    #[error("bid.tls: the certificate and its key do not go together: {0}")]
    Pair(rustls::Error),
}

/// What is shown to those who connect.
pub struct Tls {
    certificates: PathBuf,
    key: PathBuf,
    shown: ArcSwap<ServerConfig>,
    within: Duration,
    handshakes: Semaphore,
}

impl Tls {
    /// `None` where no certificate is configured.
    pub fn open(config: &Config) -> Result<Option<Tls>, TlsFault> {
        let (Some(certificates), Some(key)) = (&config.certificates, &config.key) else {
            return Ok(None);
        };
        Ok(Some(Tls {
            shown: ArcSwap::new(read(certificates, key)?),
            certificates: certificates.clone(),
            key: key.clone(),
            within: Duration::from_millis(config.handshake_timeout_ms),
            handshakes: Semaphore::new(config.handshakes_max),
        }))
    }

    /// Shows what the files hold now to those who connect from now on; a fault changes nothing.
    pub fn reload(&self) -> Result<(), TlsFault> {
        self.shown.store(read(&self.certificates, &self.key)?);
        Ok(())
    }

    /// # Errors
    /// When the other side speaks no TLS, none of ours, or is too slow.
    pub async fn shake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let shake = async {
            // The semaphore is never closed.
            let _turn = self.handshakes.acquire().await;
            TlsAcceptor::from(self.shown.load_full()).accept(stream).await
        };
        tokio::time::timeout(self.within, shake).await?
    }
}

fn read(certificates: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsFault> {
    let fault = |source| TlsFault::Certificates { file: certificates.to_owned(), source };
    let chain = CertificateDer::pem_file_iter(certificates).map_err(fault)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(fault)?;
    if chain.is_empty() {
        return Err(TlsFault::NoCertificate(certificates.to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|source| TlsFault::Key { file: key.to_owned(), source })?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(TlsFault::Pair)?;
    let mut config =
        config.with_no_client_auth().with_single_cert(chain, secret).map_err(TlsFault::Pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Who comes again resumes: a tenth of a handshake's cost.
    config.ticketer = ring::Ticketer::new().map_err(TlsFault::Pair)?;
    Ok(Arc::new(config))
}
