//! How does a server pass its place on to the next one? Over a socket in the data folder, in two
//! steps, so that nobody waits for what is slow.
//!
//! The heir connects, looks whether it could start at all, and asks. First it gets what is known
//! (campaigns, listeners, the admin door) and both listening sockets; it loads all that while the
//! server before still bids. Then it gets the money: the journal is closed, and the heir reads what
//! it has not yet seen and answers. The sockets never close: who connects meanwhile waits in the
//! kernel's queue. One byte asks or grants (`docs/serving.md`); cold.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::AsyncReadExt as _;

use super::lock::{DataLock, LockFault};
use crate::app::config::Config;
use crate::doors::receive;

const FILE: &str = "takeover.sock";

/// The heir asks for what is known, and then for the money; the server before grants them.
const ASK: u8 = b'A';
const LOADED: u8 = b'L';
const KNOWLEDGE: u8 = b'K';
const MONEY: u8 = b'M';

/// For one step of the other side: a large build may have to end first.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two sockets, at four bytes each.
const CONTROL: usize = rustix::cmsg_space!(ScmRights(2));

/// What exchanges and operators connect to.
pub struct Sockets {
    pub bid: TcpListener,
    pub admin: TcpListener,
}

/// What keeps a server from taking the place of another.
#[derive(Debug, thiserror::Error)]
pub enum HeirFault {
    #[error("{0}: {1}")]
    Socket(&'static str, io::Error),
    #[error("the server before sent no sockets: is it of another version?")]
    NoSockets,
    #[error(transparent)]
    Lock(#[from] LockFault),
}

impl Sockets {
    /// Those that were handed on, where they are at the addresses of the config; else new ones.
    pub fn bind(config: &Config, handed: Option<Sockets>) -> io::Result<Sockets> {
        let (bid, admin) = handed.map(|Sockets { bid, admin }| (bid, admin)).unzip();
        Ok(Sockets {
            bid: at(config.bid.listen, config.bid.reuse_port, bid)?,
            admin: at(config.admin.listen, false, admin)?,
        })
    }

    pub fn try_clone(&self) -> io::Result<Sockets> {
        Ok(Sockets { bid: self.bid.try_clone()?, admin: self.admin.try_clone()? })
    }
}

/// A fault names the address, which the system's does not.
fn at(wanted: SocketAddr, shared: bool, handed: Option<TcpListener>) -> io::Result<TcpListener> {
    let fits =
        |there: SocketAddr| there.ip() == wanted.ip() && [there.port(), 0].contains(&wanted.port());
    match handed.filter(|handed| handed.local_addr().is_ok_and(fits)) {
        Some(handed) => Ok(handed),
        None => receive::bind(wanted, shared)
            .map_err(|why| io::Error::new(why.kind(), format!("{wanted}: {why}"))),
    }
}

/// The side of the server before.
pub struct Offer {
    listener: tokio::net::UnixListener,
    sockets: Sockets,
    heir: Option<tokio::net::UnixStream>,
    /// Where what is known was granted and not taken back: when that is tried next.
    back_at: Option<Instant>,
}

/// What an heir wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    Knowledge,
    Money,
    /// It has left, and what is known is without an owner.
    Back,
}

/// Between two tries to take back what is known: who has left may still be closing its files.
const AGAIN: Duration = Duration::from_millis(500);

impl Offer {
    /// In a runtime, by who holds the folder's lock: a socket that is there is nobody's.
    pub fn open(data: &Path, sockets: Sockets) -> io::Result<Offer> {
        let path = data.join(FILE);
        match fs::remove_file(&path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            _ => {}
        }
        let listener = tokio::net::UnixListener::bind(path)?;
        Ok(Offer { listener, sockets, heir: None, back_at: None })
    }

    /// The next wish; may be dropped and asked again.
    pub async fn next(&mut self) -> Wish {
        loop {
            let Some(heir) = &mut self.heir else {
                tokio::select! {
                    biased;
                    () = at_last(self.back_at) => {
                        self.back_at = Some(Instant::now() + AGAIN);
                        return Wish::Back;
                    }
                    accepted = self.listener.accept() => match accepted {
                        Ok((stream, _)) => self.heir = Some(stream),
                        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    },
                }
                continue;
            };
            match heir.read_u8().await {
                Ok(ASK) => return Wish::Knowledge,
                Ok(LOADED) => return Wish::Money,
                _ => {
                    tracing::error!("who wanted to take over has left");
                    self.heir = None;
                }
            }
        }
    }

    /// The admin listener, for who takes back what is known.
    pub fn admin(&self) -> io::Result<TcpListener> {
        self.sockets.admin.try_clone()
    }

    /// What is known has an owner again.
    pub fn taken_back(&mut self) {
        self.back_at = None;
    }

    /// When all that is known has been let go.
    pub fn grant_knowledge(&mut self) -> io::Result<()> {
        let Some(heir) = &self.heir else { return Ok(()) };
        self.back_at = Some(Instant::now());
        let sockets = [self.sockets.bid.as_fd(), self.sockets.admin.as_fd()];
        let mut space = [MaybeUninit::uninit(); CONTROL];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&sockets));
        // As small as this, it goes out whole or not at all.
        let sent = sendmsg(heir, &[IoSlice::new(&[KNOWLEDGE])], &mut control, SendFlags::NOSIGNAL)?;
        (sent == 1).then_some(()).ok_or_else(|| io::ErrorKind::WriteZero.into())
    }

    /// When everything has been let go. The heir has the sockets; ours close.
    pub fn grant_money(self) -> io::Result<()> {
        let Some(heir) = self.heir else { return Ok(()) };
        let mut heir = heir.into_std()?;
        heir.set_nonblocking(false)?;
        heir.write_all(&[MONEY])
    }
}

/// Never, where there is no such time.
async fn at_last(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// The side of the server that comes; it has what is known.
pub struct Heir {
    stream: UnixStream,
    sockets: Sockets,
}

impl Heir {
    /// `None`: nobody serves from this folder. `able`: whether we could start, before the server
    /// there lets anything go.
    pub fn ask<E>(data: &Path, able: impl FnOnce() -> Result<(), E>) -> Result<Option<Heir>, E>
    where
        E: From<HeirFault>,
    {
        use io::ErrorKind::{ConnectionRefused, NotFound};
        let fault = |what| move |why| HeirFault::Socket(what, why);
        let mut stream = match UnixStream::connect(data.join(FILE)) {
            Err(why) if [ConnectionRefused, NotFound].contains(&why.kind()) => return Ok(None),
            stream => stream.map_err(fault("takeover.sock"))?,
        };
        able()?;
        let asked = stream.write_all(&[ASK]).and_then(|()| {
            stream.set_read_timeout(Some(PATIENCE))?;
            received(&stream)
        });
        match asked.map_err(fault("asking for what is known"))? {
            Some(sockets) => Ok(Some(Heir { stream, sockets })),
            None => Err(HeirFault::NoSockets.into()),
        }
    }

    /// When all that is known has been loaded: the rest. From here on nobody else answers.
    pub fn own(mut self, data: &Path) -> Result<(DataLock, Sockets), HeirFault> {
        let mut granted = [0];
        let answered = self.stream.write_all(&[LOADED]);
        let answered = answered.and_then(|()| self.stream.read_exact(&mut granted));
        answered.map_err(|why| HeirFault::Socket("asking for the money", why))?;
        Ok((DataLock::take(data)?, self.sockets))
    }
}

/// The first grant, with its sockets.
fn received(stream: &UnixStream) -> io::Result<Option<Sockets>> {
    let mut space = [MaybeUninit::uninit(); CONTROL];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let got =
        recvmsg(stream, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if got.bytes == 0 || byte != [KNOWLEDGE] {
        return Ok(None);
    }
    let rights = |message| match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
        _ => None,
    };
    let mut sockets = control.drain().filter_map(rights).flatten();
    let mut next = || sockets.next().map(|socket: OwnedFd| TcpListener::from(socket));
    Ok(next().zip(next()).map(|(bid, admin)| Sockets { bid, admin }))
}
