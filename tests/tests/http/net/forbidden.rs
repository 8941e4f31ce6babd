//! URLs and addresses that must not be asked: nothing may connect there.

use super::{Trap, URL, fetcher, get, impatient, patient, web};
use authgent_server::net::{FetchError, Fetcher, FetcherSettings};
use authgent_tests::documents::{Behaviour, DocumentServer};
use serde_json::json;
use std::net::{IpAddr, SocketAddr};

#[tokio::test]
async fn a_forbidden_url_is_never_asked() {
    let web = DocumentServer::start(&["client.example.com", "localhost"]).await.unwrap();
    let settings = FetcherSettings { private_hosts: vec!["Client.Example.COM".into()], ..web.settings() };
    let fetcher = Fetcher::with_limits(settings, patient(), web.resolver()).unwrap();
    let (v4, v6) = (Trap::at("127.0.0.1").await, Trap::at("::1").await);
    let (p4, p6) = (v4.address().port(), v6.address().port());
    for local in ["localhost", "localhost.", "a.localhost", "printer.local", "a.internal", "intranet", "example.com."] {
        web.alias(local, vec![v4.address(), v6.address()]);
    }
    let number = "expected a host name, not an IP address";
    let local = "expected a host name that is known on the public Internet";
    for (url, expected) in [
        (format!("http://client.example.com:{p4}/"), "expected an https URL"),
        (format!("ftp://client.example.com:{p4}/"), "expected an https URL"),
        ("data:application/json,{}".into(), "expected an https URL"),
        ("file:///etc/passwd".into(), "expected an https URL"),
        ("https://user@client.example.com/c".into(), "expected a URL without user information"),
        ("https://:pass@client.example.com/c".into(), "expected a URL without user information"),
        ("https://client.example.com@127.0.0.1/c".into(), "expected a URL without user information"),
        ("https://client.example.com/c#key".into(), "expected a URL without a fragment"),
        ("https://client.example.com/c#".into(), "expected a URL without a fragment"),
        (format!("https://127.0.0.1:{p4}/"), number),
        (format!("https://127.1:{p4}/"), number),
        (format!("https://2130706433:{p4}/"), number),
        (format!("https://0x7f000001:{p4}/"), number),
        (format!("https://0x7f.0.0.1:{p4}/"), number),
        (format!("https://0177.0.0.1:{p4}/"), number),
        (format!("https://0177.1:{p4}/"), number),
        (format!("https://127.0.0.1.:{p4}/"), number),
        (format!("https://%31%32%37.0.0.1:{p4}/"), number),
        (format!("https://①②⑦.⓪.⓪.①:{p4}/"), number),
        (format!("https://127。0。0。1:{p4}/"), number),
        (format!("https://0:{p4}/"), number),
        (format!("https://0.0.0.0:{p4}/"), number),
        (format!("https://[::1]:{p6}/"), number),
        (format!("https://[::]:{p6}/"), number),
        (format!("https://[::ffff:127.0.0.1]:{p4}/"), number),
        (format!("https://[::ffff:7f00:1]:{p4}/"), number),
        (format!("https://[64:ff9b::127.0.0.1]:{p4}/"), number),
        ("https://169.254.169.254/latest/meta-data/".into(), number),
        ("https://8.8.8.8/".into(), number),
        (format!("https://localhost:{p4}/"), local),
        (format!("https://LOCALHOST:{p4}/"), local),
        (format!("https://localhost.:{p4}/"), local),
        (format!("https://a.localhost:{p4}/"), local),
        (format!("https://printer.local:{p4}/"), local),
        (format!("https://a.internal:{p4}/"), local),
        (format!("https://intranet:{p4}/"), local),
        (format!("https://example.com.:{p4}/"), local),
    ] {
        assert_eq!(get(&fetcher, &url).await, Err(FetchError::ForbiddenUrl(expected)), "{url}");
    }
    for name in ["localhost", "localhost.", "a.localhost", "intranet", "client.example.com"] {
        assert_eq!(web.lookups(name), 0, "{name} was looked up");
    }
    v4.assert_untouched("a forbidden URL").await;
    v6.assert_untouched("a forbidden URL").await;
    assert_eq!(web.connections(), 0);
}

#[tokio::test]
async fn a_local_name_is_asked_where_the_operator_names_it() {
    let web = DocumentServer::start(&["localhost", "idp.internal"]).await.unwrap();
    let fetcher = fetcher(&web, patient());
    for host in ["localhost", "idp.internal"] {
        web.serve(&format!("{host}/c"), Behaviour::json(json!({})));
        get(&fetcher, &format!("https://{host}/c")).await.unwrap();
    }
    let error = get(&fetcher, "https://other.internal/c").await.unwrap_err();
    assert!(matches!(error, FetchError::ForbiddenUrl(_)), "its neighbour is not: {error:?}");
}

#[tokio::test]
async fn a_name_with_any_forbidden_address_is_refused() {
    let (web, fetcher) = web().await;
    let (v4, v6) = (Trap::at("127.0.0.1").await, Trap::at("::1").await);
    let public: SocketAddr = "[2606:4700::1111]:443".parse().unwrap();
    let mapped = SocketAddr::new("::ffff:127.0.0.1".parse().unwrap(), v4.address().port());
    let metadata: SocketAddr = "169.254.169.254:443".parse().unwrap();
    for (name, addresses, named) in [
        ("four.example.com", vec![v4.address()], "127.0.0.1"),
        ("six.example.com", vec![v6.address()], "::1"),
        ("mapped.example.com", vec![mapped], "::ffff:127.0.0.1"),
        ("metadata.example.com", vec![metadata], "169.254.169.254"),
        ("both.example.com", vec![public, v4.address()], "127.0.0.1"),
        ("other-way.example.com", vec![v6.address(), public], "::1"),
        ("zero.example.com", vec!["0.0.0.0:443".parse().unwrap()], "0.0.0.0"),
        ("private.example.com", vec!["10.0.0.1:443".parse().unwrap()], "10.0.0.1"),
    ] {
        web.alias(name, addresses);
        let expected = FetchError::ForbiddenAddress { host: name.to_owned(), address: named.parse().unwrap() };
        // With a port in the URL, that one is connected to; without, that of the resolver.
        for port in [String::new(), format!(":{}", v4.address().port()), format!(":{}", v6.address().port())] {
            let url = format!("https://{name}{port}/c");
            assert_eq!(get(&fetcher, &url).await, Err(expected.clone()), "{url}");
        }
    }
    v4.assert_untouched("a name with a forbidden address").await;
    v6.assert_untouched("a name with a forbidden address").await;
}

#[tokio::test]
async fn a_name_that_changes_its_answer_gains_nothing() {
    let (web, _) = web().await;
    let fetcher = fetcher(&web, impatient());
    let trap = Trap::at("127.0.0.1").await;
    // Of the range that is handed out, in a part that nobody has: public, and nobody answers.
    let public: SocketAddr = "[3ffe::1]:443".parse().unwrap();
    web.alias_sequence("rebind.example.com", vec![vec![public], vec![trap.address()]]);
    let error = get(&fetcher, "https://rebind.example.com/c").await.unwrap_err();
    assert!(matches!(error, FetchError::Connect(_) | FetchError::Timeout(_)), "{error:?}");
    assert_eq!(web.lookups("rebind.example.com"), 1, "what was checked is what is connected to");
    trap.assert_untouched("the first fetch").await;

    let forbidden =
        FetchError::ForbiddenAddress { host: "rebind.example.com".into(), address: IpAddr::from([127, 0, 0, 1]) };
    assert_eq!(get(&fetcher, "https://rebind.example.com/c").await, Err(forbidden), "the second is checked again");
    trap.assert_untouched("the second fetch").await;
}

#[tokio::test]
async fn a_private_host_may_be_private_but_not_a_metadata_service() {
    let (web, fetcher) = web().await;
    let metadata: SocketAddr = "169.254.169.254:443".parse().unwrap();
    web.alias("client.example.com", vec![web.address(), metadata]);
    let forbidden = FetchError::ForbiddenAddress { host: "client.example.com".into(), address: metadata.ip() };
    assert_eq!(get(&fetcher, URL).await, Err(forbidden));
    assert_eq!(web.connections(), 0);
}
