//! Who is at the other end: the address of the connection or, behind a reverse proxy that the operator trusts, the one that
//! the proxy names.

use actix_web::HttpRequest;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The address of whoever made the request; `None` where the connection has none.
pub(super) fn address(request: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let headers = request.headers().get_all("x-forwarded-for");
    Some(behind_proxies(peer, headers.filter_map(|value| value.to_str().ok()), trusted))
}

/// The rightmost address that is not a trusted proxy's. Each proxy adds to the right, so that what stands further left may
/// be anybody's invention.
fn behind_proxies<'a>(peer: IpAddr, headers: impl Iterator<Item = &'a str>, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut nearest = peer.to_canonical();
    if !is_trusted(&nearest) {
        return nearest;
    }
    let entries: Vec<&str> = headers.flat_map(|value| value.split(',')).map(str::trim).collect();
    for entry in entries.into_iter().rev() {
        // What is no address was written by nobody that is trusted: the nearest proxy that is known has to do.
        let Some(address) = parse(entry) else { break };
        nearest = address;
        if !is_trusted(&nearest) {
            break;
        }
    }
    nearest
}

/// An address, with or without a port, as proxies write it.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, headers: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        behind_proxies(peer.parse().unwrap(), headers.iter().copied(), &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_say_who_he_is() {
        assert_eq!(seen("203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
        assert_eq!(seen("203.0.113.7", &["10.0.0.1, 198.51.100.1"]), "203.0.113.7");
        assert_eq!(seen("::ffff:203.0.113.7", &[]), "203.0.113.7");
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_nobody_before_it() {
        assert_eq!(seen("10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("::ffff:10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        // The caller sent "198.51.100.1", or even a proxy's address, and the proxy added the caller's own.
        assert_eq!(seen("10.0.0.1", &["198.51.100.1, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("10.0.0.1", &["10.9.9.9, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1", "203.0.113.7"]), "203.0.113.7");
        // Two proxies.
        assert_eq!(seen("10.0.0.1", &["198.51.100.1, 203.0.113.7, fd00::2"]), "203.0.113.7");
        assert_eq!(seen("10.0.0.1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
    }

    #[test]
    fn what_is_no_address_is_not_believed() {
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        for nonsense in ["", "unknown", "198.51.100.1, unknown", "198.51.100.1,", "1.2.3", "0x7f.1"] {
            assert_eq!(seen("10.0.0.1", &[nonsense]), "10.0.0.1", "{nonsense}");
        }
        assert_eq!(seen("10.0.0.1", &["x, 10.0.0.2"]), "10.0.0.2");
    }
}
