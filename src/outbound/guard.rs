//! Keeps calls that are meant for the public internet on the public internet.
//!
//! A name may resolve to any address, and to another one a second later. So the guard stands where names become addresses:
//! only those that it has let through are dialled, which also closes DNS rebinding. A host that is a number is not asked
//! of any resolver; every [`BaseAddress`](super::BaseAddress) outside of development is a name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
};

use super::{OutboundError, Timeouts, client::builder};

/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

/// Ranges of IPv4 that are not the public internet (IANA's registry of special-purpose addresses), each with the bits of
/// its prefix.
const NOT_PUBLIC_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::UNSPECIFIED, 8),           // this network, unspecified
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carriers' NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, and the metadata of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, broadcast
];

/// The one range of IPv6 that is given out for the public internet.
const GLOBAL_UNICAST_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// What of it is something else.
const NOT_PUBLIC_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments: Teredo, benchmarks, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, which may hide any IPv4 address
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];
/// Where a network that speaks only IPv6 puts the public IPv4 internet (RFC 6052); the last 32 bits are the address.
const NAT64_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// True when an address is globally routable. Of IPv6 only global unicast is, without the ranges that tunnel IPv4; an
/// address of NAT64 is judged by the IPv4 address in it. An IPv4 address written as IPv6 never is: no name of the public
/// internet has one.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_in = |(range, bits): &(Ipv4Addr, u32)| (address.to_bits() ^ range.to_bits()).leading_zeros() >= *bits;
    !NOT_PUBLIC_V4.iter().any(is_in)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let is_in = |(range, bits): &(Ipv6Addr, u32)| (address.to_bits() ^ range.to_bits()).leading_zeros() >= *bits;
    if is_in(&NAT64_V6) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    is_in(&GLOBAL_UNICAST_V6) && !NOT_PUBLIC_V6.iter().any(is_in)
}

/// A client as [`client`](super::client) makes it, for the real cloud only: HTTPS, and of every name only public addresses.
/// A name without any is unreachable. A host that is a number is not held back: see [`check_literal`].
pub fn guarded_client(timeouts: Timeouts) -> Result<Client, OutboundError> {
    builder(timeouts)
        .https_only(true)
        .dns_resolver(PublicResolver)
        .build()
        .map_err(|source| OutboundError::Build { source })
}

/// Asks the system, and passes on what is public.
struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).take(ADDRESSES_MAX).collect();
            if public.is_empty() {
                return Err(NoPublicAddress.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// A name that does not lead to the public internet.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
struct NoPublicAddress;

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn the_public_internet_is_public() {
        for public in "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 104.192.136.1 126.255.255.255 \
             128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 \
             192.0.3.0 192.88.98.255 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 \
             203.0.114.0 223.255.255.255 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 2003::1 \
             2401:1d80:3000::1 2600:9000::1 2a00:1450:4001::1 3fff:1000::1 64:ff9b::808:808"
            .split_whitespace()
        {
            assert!(is_public(public.parse().expect(public)), "{public}");
        }
    }

    #[test]
    fn every_special_range_is_refused_to_both_its_ends() {
        for special in "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.0.0.1 \
             127.255.255.255 169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 \
             192.0.0.255 192.0.2.0 192.0.2.255 192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 \
             198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 239.255.255.255 \
             240.0.0.0 255.255.255.255"
            .split_whitespace()
        {
            assert!(!is_public(special.parse().expect(special)), "{special}");
        }
    }

    #[test]
    fn an_ipv6_address_that_is_special_or_hides_another_one_is_refused() {
        for special in
            ":: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 \
             64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 100::1 1fff:ffff::1 2001::1 \
             2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:1ff:ffff::1 2001:db8::1 \
             2001:db8:ffff::1 2002:7f00:1::1 2002:a00:1::1 2002:808:808::1 3fff::1 3fff:fff:ffff::1 4000::1 \
             5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1 \
             ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
                .split_whitespace()
        {
            assert!(!is_public(special.parse().expect(special)), "{special}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_never_dialled() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://localhost:{}/", listener.local_addr().expect("bound").port());
        let client = guarded_client(Timeouts::default()).expect("a client");

        let error = tokio::select! {
            outcome = client.get(&url).send() => OutboundError::of(outcome.expect_err("no public address")),
            _ = listener.accept() => panic!("this machine was dialled"),
        };

        assert!(matches!(error, OutboundError::Unreachable { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn plain_http_is_refused_before_anything_is_sent() {
        let client = guarded_client(Timeouts::default()).expect("a client");
        let error = client.get("http://example.com/").send().await.map_err(OutboundError::of);
        assert!(matches!(error, Err(OutboundError::BadRequest { .. })), "{error:?}");
    }
}
