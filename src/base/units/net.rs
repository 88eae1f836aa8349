//! Which net does an address stand in? Addresses are cut to it before anything keeps, tells or
//! looks them up (reliability K11).
//!
//! Called by the geo database's lookup (hot) and by what keeps requests (cold).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The net of an address: /24 of IPv4 (also where it is written as IPv6), /56 of IPv6.
pub fn net_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & 0xFFFF_FF00)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 72 << 72)),
    }
}

/// The address that a text of a request says, if it says one.
pub fn said(text: &str) -> Option<IpAddr> {
    text.trim_ascii().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cut_to_their_net() {
        for (address, net) in [
            ("81.2.69.142", "81.2.69.0"),
            ("::ffff:81.2.69.142", "81.2.69.0"),
            ("2001:db8:1:23ff:5::1", "2001:db8:1:2300::"),
            ("255.255.255.255", "255.255.255.0"),
        ] {
            let net: IpAddr = net.parse().unwrap();
            assert_eq!(said(address).map(net_of), Some(net));
            assert_eq!(net_of(net), net, "a net stays what it is");
        }
        assert_eq!(said("81.2.69.x"), None);
        assert_eq!(said(" 81.2.69.1 "), "81.2.69.1".parse().ok());
    }
}
