//! What does a connection say first? Until its first head is whole it costs next to nothing.
//!
//! hyper gives each connection some 16 KB of buffers, and twice that as soon as a part of a head is
//! there. Those who say nothing, or never finish, get as much as they have said; cold, once a
//! connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// As much as a small head.
const PIECE: usize = 512;

/// A connection whose first head is there: it is read again from its beginning.
pub struct Opened<S> {
    first: Vec<u8>,
    read: usize,
    stream: S,
}

/// How long it may say nothing, how long its first head may take, and how large that may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub idle: Duration,
    pub head: Duration,
    pub most: usize,
}

/// `None`: it said nothing until its end, or ours.
pub async fn open<S: AsyncRead + Unpin>(
    mut stream: S,
    bounds: Bounds,
    closed: impl Future<Output = ()>,
) -> Result<Option<Opened<S>>, Elapsed> {
    let mut first = Vec::with_capacity(PIECE);
    let came = async {
        tokio::select! {
            biased;
            read = stream.read_buf(&mut first) => read.unwrap_or(0),
            () = closed => 0,
        }
    };
    if timeout(bounds.idle, came).await? == 0 {
        return Ok(None);
    }
    let rest = async {
        let mut looked = 0;
        while first.len() <= bounds.most && !is_whole(&first, &mut looked) {
            if first.capacity() - first.len() < PIECE {
                first.reserve(first.len().max(PIECE));
            }
            // An end, or a fault, shows again behind what was said.
            if stream.read_buf(&mut first).await.unwrap_or(0) == 0 {
                break;
            }
        }
    };
    timeout(bounds.head, rest).await?;
    Ok(Some(Opened { first, read: 0, stream }))
}

/// Whether a head ends in it, or none can: what is wrong shall be told at once.
fn is_whole(first: &[u8], looked: &mut usize) -> bool {
    let begins = first.iter().find(|byte| !matches!(byte, b'\r' | b'\n'));
    if begins.is_some_and(|byte| !byte.is_ascii_uppercase()) {
        return true;
    }
    let from = std::mem::replace(looked, first.len().saturating_sub(2));
    let new = &first[from..];
    new.windows(3).any(|three| three == b"\n\r\n") || new.windows(2).any(|two| two == b"\n\n")
}

impl<S: AsyncRead + Unpin> AsyncRead for Opened<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let left = &this.first[this.read..];
        if left.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let count = left.len().min(buf.remaining());
        buf.put_slice(&left[..count]);
        this.read += count;
        if this.read == this.first.len() {
            (this.first, this.read) = (Vec::new(), 0);
            if buf.remaining() > 0 {
                // A body that came with the head is read with it; an end or a fault shows again.
                let _ = Pin::new(&mut this.stream).poll_read(cx, buf);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opened<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_whole_at_its_end_however_it_comes() {
        let head = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for step in 1..head.len() {
            let mut looked = 0;
            let ends: Vec<usize> = (1..=head.len())
                .filter(|end| end % step == 0 || *end == head.len())
                .filter(|&end| is_whole(&head[..end], &mut looked))
                .collect();
            assert_eq!(ends, [head.len()], "in steps of {step}");
        }
        assert!(is_whole(b"GET / HTTP/1.1\nHost: a\n\n", &mut 0));
        assert!(is_whole(b"\x16\x03", &mut 0), "no head can come of it");
        assert!(!is_whole(b"POST", &mut 0));
    }

    #[tokio::test]
    async fn nothing_is_lost_and_nobody_waits_for_ever() {
        let short = Duration::from_millis(20);
        let bounds = Bounds { idle: short, head: short, most: 64 };
        let never = std::future::pending;
        let whole = b"GET / HTTP/1.1\r\n\r\nbody".as_slice();
        let mut opened = open(whole, bounds, never()).await.unwrap().unwrap();
        let mut read = Vec::new();
        opened.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, whole);

        let long = [whole, &[b'y'; 2 * PIECE]].concat();
        let mut opened = open(&*long, bounds, never()).await.unwrap().unwrap();
        let mut read = vec![0; 4 * PIECE];
        assert_eq!(opened.read(&mut read).await.unwrap(), long.len(), "the body with its head");
        assert_eq!(read[..long.len()], long);

        let (_client, server) = tokio::io::duplex(256);
        assert!(open(server, bounds, never()).await.is_err(), "it says nothing");
        let (_client, server) = tokio::io::duplex(256);
        assert!(open(server, bounds, async {}).await.unwrap().is_none(), "we end");
        assert!(open(b"".as_slice(), bounds, never()).await.unwrap().is_none(), "it ends");
        let (mut client, server) = tokio::io::duplex(256);
        tokio::io::AsyncWriteExt::write_all(&mut client, b"GET /").await.unwrap();
        assert!(open(server, bounds, never()).await.is_err(), "it never ends its head");
        let long = [b'A'; 200].as_slice();
        assert!(open(long, bounds, never()).await.unwrap().is_some(), "is refused by others");
    }
}
