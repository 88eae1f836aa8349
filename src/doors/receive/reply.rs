//! What goes back: whole bodies from memory, and files piece by piece.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf, Take};

pub type Reply = Response<ReplyBody>;

pub enum ReplyBody {
    Whole(Option<Bytes>),
    File { file: Box<Take<File>>, piece: BytesMut },
}

/// How much of a file is read at once.
const PIECE: usize = 64 << 10;

impl ReplyBody {
    pub fn empty() -> ReplyBody {
        ReplyBody::Whole(None)
    }

    /// A file from where it stands, so many bytes of it as the take has left.
    pub fn file(file: Take<File>) -> ReplyBody {
        ReplyBody::File { file: Box::new(file), piece: BytesMut::new() }
    }
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> ReplyBody {
        ReplyBody::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let (file, piece) = match self.get_mut() {
            ReplyBody::Whole(bytes) => {
                return Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b))));
            }
            ReplyBody::File { file, piece } => (file, piece),
        };
        let left = usize::try_from(file.limit()).unwrap_or(PIECE).min(PIECE);
        if left == 0 {
            return Poll::Ready(None);
        }
        piece.resize(left, 0);
        let mut buf = ReadBuf::new(piece);
        ready!(Pin::new(file.as_mut()).poll_read(cx, &mut buf))?;
        let read = buf.filled().len();
        if read == 0 {
            // The file became shorter than was promised: the connection must not look whole.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        Poll::Ready(Some(Ok(Frame::data(piece.split_to(read).freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReplyBody::Whole(bytes) => bytes.is_none(),
            ReplyBody::File { file, .. } => file.limit() == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            ReplyBody::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            ReplyBody::File { file, .. } => file.limit(),
        })
    }
}

/// A status and nothing else.
pub fn status(status: StatusCode) -> Reply {
    let mut reply = Response::new(ReplyBody::empty());
    *reply.status_mut() = status;
    reply
}

/// A short text for people and health checks.
pub fn text(code: StatusCode, text: &'static str) -> Reply {
    let mut reply = status(code);
    *reply.body_mut() = Bytes::from_static(text.as_bytes()).into();
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
