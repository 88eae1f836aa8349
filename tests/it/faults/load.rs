//! Clients that bid and send notices, keep what was acknowledged, and try again what was not.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use interlude::market::notice::Kind;

use crate::doors::client::{Client, Reply, get};
use crate::serve::request;

/// A notice, and where it is told.
#[derive(Clone, Debug)]
pub struct Told {
    pub kind: Kind,
    pub ticket: String,
    path: String,
}

/// What all clients of a test know, over all starts of the server.
#[derive(Default)]
pub struct Book {
    acknowledged: Mutex<Vec<Told>>,
    /// Sent, but never answered, or told to come again.
    open: Mutex<Vec<Told>>,
    requests: AtomicU64,
    pub bids: AtomicU64,
    pub no_bids: AtomicU64,
    pub unavailable: AtomicU64,
    /// Notices that were answered, duplicates among them.
    pub told: AtomicU64,
}

impl Book {
    pub fn acknowledged(&self) -> Vec<Told> {
        locked(&self.acknowledged).clone()
    }

    /// As [`Book::acknowledged`], without those that were told again.
    pub fn once(&self) -> Vec<Told> {
        let mut told = self.acknowledged();
        let mut known = HashSet::new();
        told.retain(|told| known.insert((told.kind as u8, told.ticket.clone())));
        told
    }

    /// One bid request; its notices, where there was a bid.
    pub fn bid(&self, client: &mut Client) -> io::Result<Vec<Told>> {
        let number = self.requests.fetch_add(1, Relaxed);
        self.bid_of(client, &request(&format!("r{number}")))
    }

    /// As [`Book::bid`], of any request.
    pub fn bid_of(&self, client: &mut Client, request: &[u8]) -> io::Result<Vec<Told>> {
        let reply = ask(client, request)?;
        if reply.status != 200 {
            assert_eq!(reply.status, 204, "{reply:?}");
            self.no_bids.fetch_add(1, Relaxed);
            return Ok(Vec::new());
        }
        self.bids.fetch_add(1, Relaxed);
        let bid = &reply.json()["seatbid"][0]["bid"][0];
        let (nurl, adm) = (bid["nurl"].as_str().unwrap(), bid["adm"].as_str().unwrap());
        let path = |text: &str, from: &str| {
            let text = text[text.find(from).unwrap()..].split("]]>").next().unwrap();
            text.replace("${AUCTION_PRICE}", "2.5")
        };
        let told = |kind: Kind, path: String| {
            let ticket = path.split(['/', '?']).nth(3).unwrap().to_owned();
            Told { kind, ticket, path }
        };
        Ok(vec![
            told(Kind::Win, path(nurl, "/notice/win/")),
            told(Kind::Impression, path(adm, "/beacon/impression/")),
            told(Kind::Complete, path(adm, "/beacon/complete/")),
        ])
    }

    /// Sends a notice; whether it was acknowledged.
    pub fn tell(&self, client: &mut Client, notice: &Told) -> io::Result<bool> {
        let status = match ask(client, &get(&notice.path, "")) {
            Ok(reply) => reply.status,
            Err(why) => {
                locked(&self.open).push(notice.clone());
                return Err(why);
            }
        };
        match status {
            200 | 204 => {
                self.told.fetch_add(1, Relaxed);
                locked(&self.acknowledged).push(notice.clone());
            }
            503 => {
                self.unavailable.fetch_add(1, Relaxed);
                locked(&self.open).push(notice.clone());
            }
            other => panic!("{other}: {notice:?}"),
        }
        Ok(status != 503)
    }

    /// The answer to a notice, whatever it is; kept nowhere.
    pub fn status(&self, client: &mut Client, notice: &Told) -> u16 {
        ask(client, &get(&notice.path, "")).unwrap().status
    }

    /// Sends all that was not acknowledged; how many still are not.
    pub fn come_again(&self, client: &mut Client) -> io::Result<usize> {
        let open = std::mem::take(&mut *locked(&self.open));
        for notice in open {
            self.tell(client, &notice)?;
        }
        Ok(locked(&self.open).len())
    }

    /// A bid with all its notices, in order.
    pub fn round(&self, client: &mut Client) -> io::Result<()> {
        for notice in self.bid(client)? {
            self.tell(client, &notice)?;
        }
        Ok(())
    }

    /// As exchanges do: what was not answered comes again, and now and then what was.
    fn again(&self, client: &mut Client) -> io::Result<()> {
        let open = locked(&self.open).pop();
        if let Some(notice) = open {
            self.tell(client, &notice)?;
        }
        let known = locked(&self.acknowledged).last().cloned();
        if let Some(notice) = known {
            let reply = ask(client, &get(&notice.path, ""))?;
            assert!([200, 204, 503].contains(&reply.status), "told twice: {reply:?}");
            self.told.fetch_add(1, Relaxed);
        }
        Ok(())
    }
}

fn ask(client: &mut Client, bytes: &[u8]) -> io::Result<Reply> {
    client.try_send(bytes)?;
    client.reply()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Clients at work, until the server is gone or they are told to end.
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

/// What a client does again and again.
type Round = fn(&Book, &mut Client) -> io::Result<()>;

impl Load {
    /// Bids with all their notices.
    pub fn start(book: &Arc<Book>, address: SocketAddr, clients: usize) -> Load {
        Load::of(book, address, clients, |book, client| {
            book.round(client).and_then(|()| book.again(client))
        })
    }

    /// As [`Load::start`], each on a connection after the other, as long as there is a server.
    pub fn until_closed(book: &Arc<Book>, address: SocketAddr, clients: usize) -> Load {
        Load::of(book, address, clients, |book, client| {
            for notice in book.bid(client)? {
                if client.ends() {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                book.tell(client, &notice)?;
            }
            if client.ends() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
        })
    }

    /// Notices, each of them of a bid of its own or told again.
    pub fn flood(book: &Arc<Book>, address: SocketAddr, clients: usize) -> Load {
        Load::of(book, address, clients, |book, client| {
            book.round(client)?;
            (0..12).try_for_each(|_| book.again(client))
        })
    }

    fn of(book: &Arc<Book>, address: SocketAddr, clients: usize, round: Round) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let (book, stop) = (Arc::clone(book), Arc::clone(&stop));
            std::thread::spawn(move || {
                let Ok(mut client) = Client::try_connect(address) else { return };
                while !stop.load(Relaxed) {
                    if round(&book, &mut client).is_err() {
                        return;
                    }
                }
            })
        };
        Load { clients: (0..clients).map(client).collect(), stop }
    }

    /// Ends with the clients' present rounds; a client that found something wrong fails here.
    pub fn end(mut self) {
        self.stop.store(true, Relaxed);
        for client in self.clients.drain(..) {
            client.join().unwrap();
        }
    }
}
