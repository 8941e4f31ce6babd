//! Which addresses may be asked.
//!
//! A name that a stranger chooses may lead anywhere: to this machine, to its neighbours, to the metadata service of its
//! cloud. What is refused is what the registries of special-purpose addresses do not call reachable from everywhere
//! ([RFC 6890](https://www.rfc-editor.org/rfc/rfc6890), and the IANA registries that keep it up to date), and the forms of
//! IPv6 that carry an IPv4 address for somebody else to unpack.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// IPv4 addresses that are nobody's on the public Internet.
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),        // this network
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // shared by the customers of a carrier
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // a public number, behind which every machine of Azure finds its host
    v4(169, 254, 0, 0, 16),   // link-local; metadata of most clouds
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocol assignments
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 88, 99, 0, 24),   // relays of 6to4, retired
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarking
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, and broadcast
];

/// What is handed out of IPv6. Outside of it are loopback, unspecified, mapped and compatible IPv4, discard, unique-local,
/// link-local, site-local and multicast addresses.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// The exceptions inside of it.
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 0, 23),     // protocol assignments: Teredo, benchmarking, ORCHID
    v6(0x2001, 0xdb8, 0, 32), // documentation
    v6(0x2002, 0, 0, 16),     // 6to4, retired; it carries any IPv4 address
    v6(0x3fff, 0, 0, 20),     // documentation
];

/// The well-known prefix of NAT64. The one form with an embedded address that honest names resolve to: where a network has
/// IPv6 only, its DNS64 makes these up for names that have IPv4 addresses alone.
/// [RFC 6052, section 2.1](https://www.rfc-editor.org/rfc/rfc6052#section-2.1)
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// What an operator's own network uses: loopback, private, carrier-shared and unique-local addresses.
const PRIVATE_V4: [Ipv4Net; 5] =
    [v4(10, 0, 0, 0, 8), v4(100, 64, 0, 0, 10), v4(127, 0, 0, 0, 8), v4(172, 16, 0, 0, 12), v4(192, 168, 0, 0, 16)];
const PRIVATE_V6: [Ipv6Net; 2] = [Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), v6(0xfc00, 0, 0, 7)];

/// Whether an address belongs to the public Internet, so that anybody's name may lead there.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) if NAT64.contains(&address) => is_public_v4(last_32_bits(address)),
        IpAddr::V6(address) => GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address)),
    }
}

/// Whether an address may belong to the operator's own network. Link-local addresses do not: that is where clouds keep the
/// credentials of a machine, and no document is served there.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => PRIVATE_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => PRIVATE_V6.iter().any(|net| net.contains(&address)),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|net| net.contains(&address))
}

const fn last_32_bits(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap_or_else(|_| panic!("{text} is no address"))
    }

    #[test]
    fn public_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "160.79.104.10",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001:80e::200e",
            "2620:fe::fe",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(is_public(address(text)), "{text}");
        }
    }

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:8.8.8.8",
            "::127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::127.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b::10.1.2.3",
            "64:ff9b::1:8.8.8.8",
            "64:ff9b:1::8.8.8.8",
            "64:ff9b:1:ffff:ffff:ffff:7f00:1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fe80::a9fe:a9fe",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            assert!(!is_public(address(text)), "{text}");
        }
    }

    #[test]
    fn private_networks_are_told_from_the_rest() {
        for text in ["127.0.0.1", "10.1.2.3", "172.17.0.2", "192.168.0.1", "100.64.0.1", "::1", "fd12:3456::1"] {
            assert!(is_private(address(text)) && !is_public(address(text)), "{text}");
        }
        for text in
            ["8.8.8.8", "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "fe80::1", "ff02::1"]
        {
            assert!(!is_private(address(text)), "{text}");
        }
    }

    /// Each way of writing an IPv4 address into an IPv6 address that some system unpacks.
    fn embeddings(address: Ipv4Addr) -> [Ipv6Addr; 8] {
        let number = u128::from(u32::from(address));
        [
            address.to_ipv6_mapped(),
            Ipv6Addr::from(number),
            Ipv6Addr::from((0xffff_u128 << 48) | number),
            Ipv6Addr::from((0x0064_ff9b_u128 << 96) | number),
            Ipv6Addr::from((0x0064_ff9b_0001_u128 << 80) | number),
            // RFC 6052, section 2.2: after a prefix of 48 bits the address is split around bits 64 to 71.
            Ipv6Addr::from((0x0064_ff9b_0001_u128 << 80) | ((number >> 16) << 64) | ((number & 0xffff) << 40)),
            Ipv6Addr::from((0x2002_u128 << 112) | (number << 80) | 1),
            // Teredo stores the client's address with every bit turned over.
            Ipv6Addr::from((0x2001_u128 << 112) | (number ^ 0xffff_ffff)),
        ]
    }

    proptest! {
        #[test]
        fn no_embedding_makes_an_address_public(net in 0..SPECIAL_V4.len(), host: u32) {
            let net = SPECIAL_V4[net];
            let address = Ipv4Addr::from(u32::from(net.network()) | (host & u32::from(net.hostmask())));
            prop_assert!(!is_public(address.into()), "{}", address);
            for embedded in embeddings(address) {
                prop_assert!(!is_public(embedded.into()), "{} in {}", address, embedded);
            }
        }

        #[test]
        fn an_embedded_address_is_public_through_nat64_alone(number: u32) {
            let address = Ipv4Addr::from(number);
            for (position, embedded) in embeddings(address).into_iter().enumerate() {
                prop_assert_eq!(is_public(embedded.into()), position == 3 && is_public(address.into()), "{}", embedded);
            }
        }

        #[test]
        fn nothing_is_both_public_and_private(number: u128) {
            for address in [IpAddr::V6(number.into()), IpAddr::V4((number as u32).into())] {
                prop_assert!(!(is_public(address) && is_private(address)), "{}", address);
            }
        }
    }
}
