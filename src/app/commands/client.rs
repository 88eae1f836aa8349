//! How does a command talk to a running server? One request to its admin listener, streamed both
//! ways.
//!
//! For commands with `--server`, cold. Plain HTTP/1.1: a server elsewhere is reached through
//! a tunnel or a proxy on this machine.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::doors::admin::{Pieces, TOKEN_FILE};

/// Where a server is, and what it asks for.
#[derive(clap::Args, Debug)]
pub struct ServerArgs {
    /// A running server's admin listener, such as http://127.0.0.1:8081; then nothing is done to
    /// the data folder here.
    #[arg(long, value_name = "URL", env = "INTERLUDE_SERVER")]
    pub server: Option<String>,
    /// The file with the server's token; without it admin.token in the data folder.
    #[arg(long, value_name = "FILE", env = "INTERLUDE_TOKEN_FILE", requires = "server")]
    pub token_file: Option<PathBuf>,
}

impl ServerArgs {
    /// The server, where one is named.
    pub fn open(&self, data: &Path) -> anyhow::Result<Option<Server>> {
        let Some(url) = &self.server else { return Ok(None) };
        let file = self.token_file.clone().unwrap_or_else(|| data.join(TOKEN_FILE));
        Server::at(url, &file).map(Some)
    }
}

/// A running server's admin listener.
pub struct Server {
    authority: String,
    base: String,
    token: String,
}

/// What is sent along.
pub struct Upload<'u> {
    pub source: Box<dyn Read + Send>,
    pub gzip: bool,
    /// Told the bytes that were read.
    pub progress: &'u (dyn Fn(u64) + Sync),
}

/// A value as it stands in a query.
pub fn escaped(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b':' | b',' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// What is sent along at once.
#[derive(Default)]
pub struct Sent {
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// How much is read and sent at once.
const PIECE: usize = 64 << 10;

/// A line of an answer.
pub type TakeLine<'t> = &'t mut dyn FnMut(&str) -> anyhow::Result<()>;

impl Server {
    fn at(url: &str, token_file: &Path) -> anyhow::Result<Server> {
        let uri: Uri = url.parse().with_context(|| format!("--server {url}"))?;
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        if uri.scheme_str() != Some("http") || authority.is_empty() {
            bail!(
                "--server {url}: write http://HOST:PORT; a server behind TLS is reached through a \
                 tunnel or a proxy on this machine"
            );
        }
        let text = std::fs::read_to_string(token_file).with_context(|| {
            format!("{}: name the file with the server's token: --token-file", token_file.display())
        })?;
        let mut tokens = text.lines().map(str::trim);
        let token = tokens.find(|line| {
            !line.is_empty() && !line.starts_with('#') && !line.starts_with("sha256:")
        });
        let Some(token) = token else { bail!("{}: holds no token", token_file.display()) };
        let base = uri.path().trim_end_matches('/').to_owned();
        Ok(Server { authority, base, token: token.to_owned() })
    }

    /// Asks for `path`; `take` is given each line of the answer. Anything but 200, and 400 with
    /// lines, is a fault with what the server says of it.
    pub fn ask(
        &self,
        method: Method,
        path: &str,
        upload: Option<Upload<'_>>,
        take: TakeLine<'_>,
    ) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        let Some(Upload { source, gzip, progress }) = upload else {
            let request = request.body(Empty::<Bytes>::new())?;
            return runtime.block_on(self.exchange(request, async |got| lines(got, take).await));
        };
        let request = request.header(CONTENT_TYPE, "application/x-ndjson");
        let request = if gzip { request.header(CONTENT_ENCODING, "gzip") } else { request };
        let (pieces, received) = mpsc::channel(4);
        let request = request.body(Pieces(received))?;
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || read(source, &pieces, progress));
            let answered =
                runtime.block_on(self.exchange(request, async |got| lines(got, take).await));
            // Where the answer failed, what was not read does not matter.
            let read = reading.join().unwrap_or(Ok(()));
            answered.and(read)
        })
    }

    /// Asks for `path` and gives the whole answer. Anything but a success is a fault with what the
    /// server says of it.
    pub fn fetch(&self, method: Method, path: &str, sent: Sent) -> anyhow::Result<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        let headers = sent.headers.into_iter();
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(Full::new(Bytes::from(sent.body)))?;
        let mut answer = Vec::new();
        runtime.block_on(self.exchange(request, async |response: Response<Incoming>| {
            let status = response.status();
            answer = response.into_body().collect().await.context(BROKE_OFF)?.to_bytes().to_vec();
            if status.is_success() { Ok(()) } else { Err(refused(status, &answer)) }
        }))?;
        Ok(answer)
    }

    async fn exchange<B>(
        &self,
        request: Request<B>,
        take: impl AsyncFnOnce(Response<Incoming>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let reached = || format!("http://{}", self.authority);
        let has_port = self.authority.rfind(':') > self.authority.rfind(']');
        let address = match has_port {
            true => self.authority.clone(),
            false => format!("{}:80", self.authority),
        };
        let stream = TcpStream::connect(address).await.with_context(reached)?;
        let _ = stream.set_nodelay(true);
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.with_context(reached)?;
        let answering = async {
            let response = sender.send_request(request).await.with_context(reached)?;
            take(response).await
        };
        tokio::pin!(connection);
        tokio::pin!(answering);
        // The connection makes progress beside the answer, and may end before it was all read.
        tokio::select! {
            answered = &mut answering => answered,
            _ = &mut connection => answering.await,
        }
    }
}

async fn lines(response: Response<Incoming>, take: TakeLine<'_>) -> anyhow::Result<()> {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_vec());
    let lines = kind.is_some_and(|kind| kind.starts_with(b"application/x-ndjson"));
    let mut body = response.into_body();
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.context(BROKE_OFF)?;
        rest.extend_from_slice(&frame.into_data().unwrap_or_default());
        let mut from = 0;
        while let Some(end) = memchr::memchr(b'\n', &rest[from..]).filter(|_| lines) {
            take(std::str::from_utf8(&rest[from..from + end])?)?;
            from += end + 1;
        }
        rest.drain(..from);
    }
    if lines && (status == StatusCode::OK || status == StatusCode::BAD_REQUEST) {
        return if rest.is_empty() { Ok(()) } else { take(std::str::from_utf8(&rest)?) };
    }
    Err(refused(status, &rest))
}

const BROKE_OFF: &str = "the server's answer broke off";

/// What the server says of its refusal.
fn refused(status: StatusCode, body: &[u8]) -> anyhow::Error {
    let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let word = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    match (word("error"), word("mend")) {
        (error, _) if error.is_empty() => anyhow!("the server answers {status}"),
        (error, mend) if mend.is_empty() => anyhow!("the server answers {status}: {error}"),
        (error, mend) => anyhow!("the server answers {status}: {error}; {mend}"),
    }
}

fn read(
    mut source: Box<dyn Read + Send>,
    pieces: &mpsc::Sender<Bytes>,
    progress: &dyn Fn(u64),
) -> anyhow::Result<()> {
    loop {
        let mut piece = vec![0; PIECE];
        let len = source.read(&mut piece)?;
        piece.truncate(len);
        // A server that hears no more has answered, or is gone: the answer tells.
        if len == 0 || pieces.blocking_send(piece.into()).is_err() {
            return Ok(());
        }
        progress(len as u64);
    }
}
