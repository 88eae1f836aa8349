//! What HTTP costs by itself, and with the decode of a request: servers that decide nothing.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bumpalo::Bump;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::runtime::{Builder, Runtime};

use interlude::market::openrtb::{self, Wire};

pub struct Floor {
    pub address: SocketAddr,
    _runtime: Runtime,
}

/// Answers so many bytes to anything.
pub fn fixed(length: usize) -> Floor {
    let answer = Bytes::from(vec![b'x'; length]);
    start("fixed", move |_| answer.clone())
}

/// Decodes as ours does, and answers so many bytes copied from a template.
pub fn nothing(length: usize) -> Floor {
    thread_local! {
        static ARENA: RefCell<Bump> = RefCell::new(Bump::with_capacity(64 << 10));
    }
    let template = vec![b'x'; length];
    start("nothing", move |body| {
        ARENA.with_borrow_mut(|arena| {
            arena.reset();
            let request = openrtb::decode(Wire::Json, &body, arena);
            assert!(std::hint::black_box(request).is_ok(), "a request");
        });
        Bytes::copy_from_slice(&template)
    })
}

fn start(name: &str, answer: impl Fn(Bytes) -> Bytes + Clone + Send + Sync + 'static) -> Floor {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).thread_name(name).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer.clone();
                async move {
                    let body = request.into_body().collect().await.map(|body| body.to_bytes());
                    let mut reply = Response::new(Full::new(answer(body.unwrap_or_default())));
                    let json = HeaderValue::from_static("application/json");
                    reply.headers_mut().insert(CONTENT_TYPE, json);
                    Ok::<_, Infallible>(reply)
                }
            });
            stream.set_nodelay(true).expect("a socket");
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
            http.writev(false);
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    Floor { address, _runtime: runtime }
}
