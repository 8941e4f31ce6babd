//! Names to addresses.

use super::address_policy::{is_private, is_public};
use futures_util::future::BoxFuture;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Finds the addresses of a name. A test puts another in the place of the system's.
pub trait Resolve: Send + Sync {
    /// The addresses of `host`, which is no IP address. A port other than 0 stands in the place of the URL's default port.
    ///
    /// # Errors
    /// Where the name cannot be resolved.
    fn resolve(&self, host: &str) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>>;
}

/// What the operating system says.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host.as_str(), 0)).await?.collect()) })
    }
}

/// Stands between the HTTP client and the resolver, and refuses a name of which any address must not be asked.
///
/// The client connects to the very addresses that it got from here: a name that changes its answer between a look and the
/// connection ("DNS rebinding") gains nothing.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    /// Where the answers come from.
    pub(super) resolver: Arc<dyn Resolve>,
    /// Whether the addresses may also be those of a private network.
    pub(super) private: bool,
}

/// An address that must not be asked. Travels through the errors of the HTTP client to [`super::FetchError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} resolves to {address}")]
pub(super) struct Forbidden {
    pub(super) host: String,
    pub(super) address: IpAddr,
}

impl reqwest::dns::Resolve for CheckedResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let addresses = self.resolver.resolve(name.as_str());
        let private = self.private;
        Box::pin(async move {
            let addresses = check(name.as_str(), private, addresses.await?)?;
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

fn check(
    host: &str,
    private: bool,
    addresses: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    if addresses.is_empty() {
        return Err("the name has no address".into());
    }
    // One forbidden address condemns the name: with the others as a cover, a second try would reach it.
    match addresses.iter().map(SocketAddr::ip).find(|ip| !(is_public(*ip) || private && is_private(*ip))) {
        Some(address) => Err(Forbidden { host: host.to_owned(), address }.into()),
        None => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(private: bool, addresses: &[&str]) -> Option<IpAddr> {
        let addresses = addresses.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect();
        let error = check("names.example", private, addresses).err()?;
        Some(error.downcast_ref::<Forbidden>().unwrap().address)
    }

    #[test]
    fn one_forbidden_address_condemns_the_name() {
        assert_eq!(refused(false, &["8.8.8.8", "2606:4700::1111"]), None);
        assert_eq!(refused(false, &["8.8.8.8", "10.0.0.1"]), Some("10.0.0.1".parse().unwrap()));
        assert_eq!(refused(false, &["::1", "8.8.8.8"]), Some("::1".parse().unwrap()));
        assert_eq!(refused(false, &["169.254.169.254"]), Some("169.254.169.254".parse().unwrap()));
    }

    #[test]
    fn a_private_host_may_be_private_but_not_link_local() {
        assert_eq!(refused(true, &["10.0.0.1", "8.8.8.8", "::1"]), None);
        assert_eq!(refused(true, &["10.0.0.1", "169.254.169.254"]), Some("169.254.169.254".parse().unwrap()));
        assert_eq!(refused(true, &["0.0.0.0"]), Some("0.0.0.0".parse().unwrap()));
    }

    #[test]
    fn no_address_is_an_error() {
        assert!(check("names.example", true, Vec::new()).is_err());
    }
}
