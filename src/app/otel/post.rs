//! How does a delivery reach the collector? One HTTP POST on a connection of its own. Cold.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// What a collector may say to a delivery.
const ANSWER_MAX: usize = 64 << 10;

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("no answer in time")]
    Late,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    #[error("it says {0}")]
    Status(u16),
    #[error("its answer is broken or too long")]
    Answer,
}

pub struct Post {
    runtime: Runtime,
    /// Host and port, as the `Host` header has them.
    host: String,
    /// Where to connect.
    address: String,
    /// Before each path, without a slash at its end.
    base: String,
}

impl Post {
    /// `endpoint` has been checked by the config.
    pub fn new(endpoint: &str) -> io::Result<Post> {
        let uri: Uri = endpoint.parse().map_err(io::Error::other)?;
        let host = uri.authority().map_or("", |authority| authority.as_str()).to_owned();
        let port = uri.port_u16().unwrap_or(80);
        let address = format!("{}:{port}", uri.host().unwrap_or_default());
        let base = uri.path().trim_end_matches('/').to_owned();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Post { runtime, host, address, base })
    }

    /// Waits for the answer, so long, and returns its body.
    pub fn send(&self, path: &str, body: Vec<u8>, within: Duration) -> Result<Bytes, Refused> {
        let sent = async { tokio::time::timeout(within, self.call(path, body)).await };
        self.runtime.block_on(sent).unwrap_or(Err(Refused::Late))
    }

    async fn call(&self, path: &str, body: Vec<u8>) -> Result<Bytes, Refused> {
        let stream = TokioIo::new(TcpStream::connect(&self.address).await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
        let request = Request::post(format!("{}{path}", self.base))
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(Full::new(Bytes::from(body)))?;
        let answered = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
            let body = body.map_err(|_| Refused::Answer)?.to_bytes();
            if status.is_success() { Ok(body) } else { Err(Refused::Status(status.as_u16())) }
        };
        tokio::pin!(answered);
        tokio::select! {
            answer = &mut answered => answer,
            // It ends with the answer; before it only by a fault.
            ended = connection => match ended {
                Err(why) => Err(why.into()),
                Ok(()) => answered.await,
            },
        }
    }
}
