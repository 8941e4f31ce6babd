//! How often an address may register or try to sign in: a bucket of as many requests as it may make in a minute, which fills
//! again evenly.
//! Each replica counts for itself.

use super::caller;
use super::error::ApiError;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// After how many requests the buckets that are full again are forgotten.
const TIDY_EVERY: u64 = 1000;
/// From how many buckets on the addresses of a whole network share one, so that somebody with very many addresses fills
/// neither the memory nor the database.
const MANY: usize = 10_000;

/// The registrations that each address has left.
pub struct RegistrationRate(AddressRate);

/// The sign-ins, and requests for links to do so, that each address has left.
pub struct SignInRate(AddressRate);

/// What each address has left.
struct AddressRate<C: Clock = DefaultClock> {
    limiter: Option<Limiter<C>>,
    clock: C,
    requests: AtomicU64,
    trusted_proxies: Vec<IpNet>,
}

type Limiter<C> = RateLimiter<Caller, DashMapStateStore<Caller>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Whose bucket it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Caller {
    /// An IPv4 address, or the first 64 bits of an IPv6 one: one customer has all that follow.
    Address(IpAddr),
    /// The first 16 bits of an IPv4 address, or 32 of an IPv6 one.
    Network(IpAddr),
}

impl RegistrationRate {
    /// `rate` registrations in a minute for each address, 0 for any number; behind these proxies.
    #[must_use]
    pub fn new(rate: u32, trusted_proxies: Vec<IpNet>) -> Self {
        Self(AddressRate::with_clock(rate, trusted_proxies, DefaultClock::default()))
    }
}

impl SignInRate {
    /// `rate` tries in a minute for each address, 0 for any number; behind these proxies.
    #[must_use]
    pub fn new(rate: u32, trusted_proxies: Vec<IpNet>) -> Self {
        Self(AddressRate::with_clock(rate, trusted_proxies, DefaultClock::default()))
    }

    /// Takes a try of the request's address; where none is left, says how long to wait, in seconds.
    pub(super) fn wait(&self, request: &HttpRequest) -> Option<u64> {
        let wait = self.0.admit_request(request).err()?;
        Some(wait.as_secs().saturating_add(1))
    }
}

impl<C: Clock + Clone> AddressRate<C> {
    fn with_clock(rate: u32, trusted_proxies: Vec<IpNet>, clock: C) -> Self {
        let limiter = NonZeroU32::new(rate)
            .map(|rate| RateLimiter::new(Quota::per_minute(rate), DashMapStateStore::default(), clock.clone()));
        Self { limiter, clock, requests: AtomicU64::new(0), trusted_proxies }
    }

    fn admit_request(&self, request: &HttpRequest) -> Result<(), Duration> {
        let address = caller::address(request, &self.trusted_proxies).unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        self.admit(address).inspect_err(|_| tracing::info!(caller = %address, "refused: too many from this address"))
    }

    /// Takes one from the bucket of an address; where it is empty, says how long to wait.
    fn admit(&self, address: IpAddr) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.requests.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        let caller = if limiter.len() < MANY {
            Caller::Address(network(address, 32, 64))
        } else {
            Caller::Network(network(address, 16, 32))
        };
        limiter.check_key(&caller).map_err(|full_again| full_again.wait_time_from(self.clock.now()))
    }
}

/// The first bits of an address, the others being 0.
fn network(address: IpAddr, v4_bits: u8, v6_bits: u8) -> IpAddr {
    let bits = if address.is_ipv4() { v4_bits } else { v6_bits };
    IpNet::new(address, bits).map_or(address, |network| network.network())
}

/// Stands before the other arguments of a handler: the request has not come too often. Its body is not read before that is
/// known.
pub(super) struct Admitted;

impl FromRequest for Admitted {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(rate) = request.app_data::<web::Data<RegistrationRate>>() else { return ready(Ok(Self)) };
        ready(rate.0.admit_request(request).map(|()| Self).map_err(ApiError::too_many))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    fn limit(rate: u32) -> (AddressRate<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (AddressRate::with_clock(rate, Vec::new(), clock.clone()), clock)
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_minutes_share_may_be_taken_at_once_and_comes_back_evenly() {
        let (rate, clock) = limit(60);
        let address = at("203.0.113.7");
        assert_eq!((0..1000).filter(|_| rate.admit(address).is_ok()).count(), 60);
        let wait = rate.admit(address).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert!(rate.admit(at("203.0.113.8")).is_ok(), "others are not held up");
        clock.advance(Duration::from_secs(10));
        assert_eq!((0..1000).filter(|_| rate.admit(address).is_ok()).count(), 10);
    }

    #[test]
    fn an_ipv6_address_counts_as_its_customer() {
        let (rate, _) = limit(3);
        let of_one = (0..1000).filter(|n| rate.admit(at(&format!("2001:db8:1:1::{n:x}"))).is_ok());
        assert_eq!(of_one.count(), 3);
        assert!(rate.admit(at("2001:db8:1:2::1")).is_ok());
    }

    #[test]
    fn nothing_is_limited_where_the_rate_is_0() {
        let (rate, _) = limit(0);
        assert!((0..1000).all(|_| rate.admit(at("203.0.113.7")).is_ok()));
    }

    #[test]
    fn very_many_addresses_fill_no_memory_and_share_what_there_is() {
        let (rate, clock) = limit(60);
        let customer = |n: u32| at(&format!("2001:db8:{:x}:{:x}::1", n >> 16, n & 0xffff));
        let admitted = (0..100_000).filter(|n| rate.admit(customer(*n)).is_ok()).count();
        assert!(rate.limiter.as_ref().unwrap().len() <= MANY + 1);
        assert!(admitted <= MANY + 60, "{admitted}");
        assert!(rate.admit(at("198.51.100.1")).is_ok(), "those from elsewhere are not held up");
        clock.advance(Duration::from_secs(61));
        for n in 0..2 * TIDY_EVERY {
            let _ = rate.admit(customer(u32::try_from(n % 10).unwrap()));
        }
        assert!(rate.limiter.as_ref().unwrap().len() < 100, "buckets that are full again are forgotten");
    }
}
