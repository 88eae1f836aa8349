//! How many connections does one address have? No one client takes all the places.
//!
//! Asked once a connection, by the accept loop; not on the path of requests.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Open connections by the address of their other end. As many entries as connections at most.
pub struct Peers {
    /// 0: no bound.
    max: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A place of an address, until it is dropped.
pub struct Peer {
    peers: Arc<Peers>,
    address: IpAddr,
}

impl Peers {
    pub fn new(max: usize) -> Arc<Peers> {
        Arc::new(Peers { max, open: Mutex::default() })
    }

    /// `None`: the address has as many as it may have.
    pub fn enter(self: &Arc<Peers>, address: IpAddr) -> Option<Peer> {
        let address = whose(address);
        let mut open = self.open();
        let count = open.entry(address).or_default();
        if self.max > 0 && *count >= self.max {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Peer { peers: Arc::clone(self), address })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut open = self.peers.open();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// Of IPv6 the network: one client has all of its /64.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_places_and_gives_them_back() {
        let peers = Peers::new(2);
        let enter = |text: &str| peers.enter(text.parse().unwrap());
        let first = enter("192.0.2.1").unwrap();
        let _mapped = enter("::ffff:192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        let _other = enter("192.0.2.2").unwrap();
        drop(first);
        let again = enter("192.0.2.1");
        assert!(again.is_some());
        // One /64 is one client.
        let _six: Vec<_> = ["2001:db8::1", "2001:db8::2"].map(enter).into();
        assert!(enter("2001:db8::ffff").is_none());
        assert!(enter("2001:db8:0:1::1").is_some());
        drop(again);
        drop(_six);
        assert_eq!(peers.open().len(), 2, "who has none is not remembered");
    }

    #[test]
    fn without_a_bound_all_may_come() {
        let peers = Peers::new(0);
        let many: Vec<_> = (0..1000).map(|_| peers.enter(IpAddr::from([127, 0, 0, 1]))).collect();
        assert!(many.iter().all(Option::is_some));
    }
}
