//! How long may the other side take? A connection that cuts slow heads and unread replies; hot.
//!
//! hyper's own timer closes what idles; it cannot tell idling from a head that trickles in, and
//! it never times a write (reliability §3). Both are done here, and a connection is left unread for
//! a while where the door is overloaded: a timer is armed only when the
//! socket has nothing more to give or to take.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::overload::{Held, Overload};
use super::scan::HeadScan;

/// What the connection and the service of its requests tell each other.
#[derive(Default)]
pub struct Line {
    ambiguous: AtomicBool,
    replied: AtomicBool,
    stale: AtomicBool,
    hold: AtomicBool,
}

impl Line {
    /// Framing that two parsers may read in two ways was seen.
    pub fn ambiguous(&self) -> bool {
        self.ambiguous.load(Relaxed)
    }

    /// The request had come while the connection was left unread: nobody waits for it any more.
    pub fn is_stale(&self) -> bool {
        self.stale.load(Relaxed)
    }

    /// The connection is left unread until its turn comes, once the reply is out.
    pub fn hold(&self) {
        self.hold.store(true, Relaxed);
    }

    pub fn request_begins(&self) {
        self.replied.store(false, Relaxed);
    }

    pub fn reply_made(&self) {
        self.stale.store(false, Relaxed);
        self.replied.store(true, Relaxed);
    }
}

/// How long a head may take from its first byte, and how long a reply may stay unread.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub head: Duration,
    pub write: Duration,
}

pub struct Wire<S> {
    stream: S,
    line: Arc<Line>,
    patience: Patience,
    scan: HeadScan,
    head: Deadline,
    write: Deadline,
    overload: Arc<Overload>,
    held: Option<Held>,
}

impl<S> Wire<S> {
    pub fn new(stream: S, line: Arc<Line>, patience: Patience, overload: Arc<Overload>) -> Wire<S> {
        Wire {
            stream,
            line,
            patience,
            scan: HeadScan::default(),
            head: Deadline::default(),
            write: Deadline::default(),
            overload,
            held: None,
        }
    }
}

impl<S> Wire<S> {
    /// Ready when the connection may be read; `true`: it was left unread until now.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.line.hold.load(Relaxed) {
            self.line.hold.store(false, Relaxed);
            self.held = Some(Held::new(&self.overload));
        }
        let Some(held) = &mut self.held else { return Poll::Ready(false) };
        ready!(held.poll(cx));
        self.held = None;
        Poll::Ready(true)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let was_held = ready!(this.poll_held(cx));
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if was_held {
            this.line.stale.store(read.is_ready(), Relaxed);
        }
        if read.is_ready() {
            let was_in_head = this.scan.in_head();
            if this.line.replied.swap(false, Relaxed) {
                this.scan.replied();
            }
            this.scan.saw(&buf.filled()[before..]);
            if this.scan.ambiguous() {
                this.line.ambiguous.store(true, Relaxed);
            }
            if !was_in_head || !this.scan.in_head() {
                this.head.clear();
            }
            return read;
        }
        if this.scan.in_head() {
            return this.head.poll(this.patience.head, cx).map(Err);
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    fn patient<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write.clear();
            return written;
        }
        self.write.poll(self.patience.write, cx).map(Err)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.patient(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.patient(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.patient(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A time by which something must have moved; its timer is made once a connection, if at all.
#[derive(Default)]
struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn clear(&mut self) {
        self.at = None;
    }

    /// Ready with a timeout when the patience has run out since the first poll after `clear`.
    fn poll(&mut self, patience: Duration, cx: &mut Context<'_>) -> Poll<io::Error> {
        let at = *self.at.get_or_insert_with(|| Instant::now() + patience);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into())
    }
}

use std::future::Future as _;
