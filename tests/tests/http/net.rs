//! The fetcher of what strangers name, against strangers who mean harm.

mod forbidden;

use authgent_server::net::{
    FetchError, FetchFor, FetchLimits, Fetched, Fetcher, FetcherError, FetcherSettings, Resolve,
};
use authgent_tests::documents::{Behaviour, DocumentServer};
use futures_util::future::BoxFuture;
use serde_json::json;
use std::future::pending;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const MOST: usize = 5 * 1024;
const URL: &str = "https://client.example.com/oauth/client";

/// The limits of a server, with patience for a machine that runs many tests at a time.
fn patient() -> FetchLimits {
    FetchLimits { total: Duration::from_secs(30), connect: Duration::from_secs(30), ..FetchLimits::default() }
}

/// For tests of what never ends.
fn impatient() -> FetchLimits {
    FetchLimits { total: Duration::from_secs(2), ..patient() }
}

fn fetcher(web: &DocumentServer, limits: FetchLimits) -> Fetcher {
    Fetcher::with_limits(web.settings(), limits, web.resolver()).unwrap()
}

async fn web() -> (DocumentServer, Fetcher) {
    let web = DocumentServer::start(&["client.example.com"]).await.unwrap();
    let fetcher = fetcher(&web, patient());
    (web, fetcher)
}

async fn get(fetcher: &Fetcher, url: &str) -> Result<Fetched, FetchError> {
    fetcher.get_json(&url.parse().unwrap(), MOST, FetchFor::Stranger).await
}

/// A port that nobody may connect to.
struct Trap(TcpListener);

impl Trap {
    async fn at(host: &str) -> Self {
        Self(TcpListener::bind((host, 0)).await.unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    async fn assert_untouched(&self, what: &str) {
        let connection = tokio::time::timeout(Duration::from_millis(20), self.0.accept()).await;
        assert!(connection.is_err(), "{what}: a connection reached the forbidden address");
    }
}

#[tokio::test]
async fn a_document_is_fetched_with_nothing_but_what_is_needed() {
    let (web, fetcher) = web().await;
    web.serve(
        URL,
        Behaviour::json(json!({"client_name": "C"})).header("Cache-Control", "max-age=300").header("Age", "60"),
    );
    let fetched = get(&fetcher, URL).await.unwrap();
    assert_eq!(fetched, Fetched { body: br#"{"client_name":"C"}"#.to_vec(), max_age: Some(240) });
    let head = web.last_request(URL).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("get /oauth/client http/1.1\r\n"), "{head}");
    let mut names: Vec<_> = head.lines().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"], "{head}");
    for line in [
        "host: client.example.com",
        "accept: application/json",
        "accept-encoding: identity",
        &format!("user-agent: authgent/{}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(head.contains(&format!("{line}\r\n")), "{line}: {head}");
    }
}

#[tokio::test]
async fn each_fetch_looks_the_name_up_and_connects_anew() {
    let (web, fetcher) = web().await;
    web.serve(URL, Behaviour::json(json!({})));
    for times in 1..=3 {
        get(&fetcher, URL).await.unwrap();
        assert_eq!((web.connections(), web.lookups("client.example.com"), web.requests(URL)), (times, times, times));
    }
}

#[tokio::test]
async fn json_has_several_types() {
    let (web, fetcher) = web().await;
    for (content_type, good) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/oauth-client+json", true),
        ("application/jwk-set+json;charset=utf-8", true),
        ("text/json", false),
        ("text/plain", false),
        ("application/octet-stream", false),
        ("application/jsonp", false),
        ("text/html; application/json", false),
        ("", false),
    ] {
        web.serve(URL, Behaviour::json(json!({})).header("Content-Type", content_type));
        let outcome = get(&fetcher, URL).await;
        match good {
            true => assert!(outcome.is_ok(), "{content_type}: {outcome:?}"),
            false => assert_eq!(outcome, Err(FetchError::ContentType(content_type.to_owned()))),
        }
    }
    web.serve(URL, Behaviour::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec()));
    assert_eq!(get(&fetcher, URL).await, Err(FetchError::ContentType(String::new())), "no type at all");
}

#[tokio::test]
async fn bad_answers_are_named() {
    let (web, fetcher) = web().await;
    let trap = Trap::at("127.0.0.1").await;
    // Announces much and sends nothing: refused before the body is waited for.
    let announced = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n".to_vec();
    let elsewhere = format!("https://127.0.0.1:{}/", trap.address().port());
    for (behaviour, expected) in [
        (Behaviour::Html, FetchError::ContentType("text/html; charset=utf-8".into())),
        (Behaviour::Large(1 << 20), FetchError::TooLarge(MOST)),
        (Behaviour::LargeInChunks(1 << 20), FetchError::TooLarge(MOST)),
        (Behaviour::Raw(announced), FetchError::TooLarge(MOST)),
        (Behaviour::Large(MOST + 1), FetchError::TooLarge(MOST)),
        (Behaviour::LargeInChunks(MOST + 1), FetchError::TooLarge(MOST)),
        (Behaviour::GzipBomb, FetchError::ContentEncoding("gzip".into())),
        (Behaviour::json(json!({})).header("Content-Encoding", "br"), FetchError::ContentEncoding("br".into())),
        (Behaviour::Redirect(elsewhere), FetchError::Status(302)),
        (Behaviour::Redirect(URL.into()), FetchError::Status(302)),
        (Behaviour::Status(201), FetchError::Status(201)),
        (Behaviour::Status(301), FetchError::Status(301)),
        (Behaviour::Status(403), FetchError::Status(403)),
        (Behaviour::Status(404), FetchError::Status(404)),
        (Behaviour::Status(410), FetchError::Status(410)),
        (Behaviour::Status(500), FetchError::Status(500)),
    ] {
        web.serve(URL, behaviour.clone());
        let before = web.requests(URL);
        assert_eq!(get(&fetcher, URL).await, Err(expected), "{behaviour:?}");
        assert_eq!(web.requests(URL), before + 1, "{behaviour:?}: one request, no second try");
    }
    trap.assert_untouched("a redirect").await;
    for behaviour in [Behaviour::Large(MOST), Behaviour::LargeInChunks(MOST)] {
        web.serve(URL, behaviour);
        assert_eq!(get(&fetcher, URL).await.unwrap().body.len(), MOST, "exactly as much as allowed");
    }
}

#[tokio::test]
async fn a_slow_answer_is_not_waited_for() {
    let (web, _) = web().await;
    let fetcher = fetcher(&web, impatient());
    for behaviour in [Behaviour::Drip, Behaviour::Silence] {
        web.serve(URL, behaviour.clone());
        let began = Instant::now();
        assert_eq!(get(&fetcher, URL).await, Err(FetchError::Timeout(2)), "{behaviour:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{behaviour:?} took {:?}", began.elapsed());
    }
    assert_eq!(web.requests(URL), 2, "no second try");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let (web, fetcher) = web().await;
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        &[b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Endless: ", &[b'a'; 1 << 20][..]].concat(),
    ] {
        web.serve(URL, Behaviour::Raw(bytes.to_vec()));
        let error = get(&fetcher, URL).await.unwrap_err();
        let FetchError::Connect(text) = &error else { panic!("{error:?}") };
        assert!(text.starts_with("no answer from client.example.com: "), "{text}");
        assert!(!text.contains("/oauth/client"), "a URL may carry what is nobody's business: {text}");
    }
}

#[tokio::test]
async fn the_way_there_has_a_limit_of_its_own() {
    struct Slow;
    impl Resolve for Slow {
        fn resolve(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
            Box::pin(pending())
        }
    }
    let (web, _) = web().await;
    let limits = FetchLimits { connect: Duration::from_secs(1), ..patient() };
    let slow = Fetcher::with_limits(FetcherSettings::default(), limits.clone(), Arc::new(Slow)).unwrap();
    assert_eq!(get(&slow, URL).await, Err(FetchError::Timeout(1)), "the look-up");
    let silent = Trap::at("127.0.0.1").await;
    web.alias("client.example.com", vec![silent.address()]);
    let fetcher = fetcher(&web, limits);
    assert_eq!(get(&fetcher, URL).await, Err(FetchError::Timeout(1)), "the handshake");
}

#[tokio::test]
async fn who_is_not_there_is_said() {
    let (web, fetcher) = web().await;
    let connect = |error| match error {
        Err(FetchError::Connect(text)) => text,
        other => panic!("{other:?}"),
    };
    let text = connect(get(&fetcher, "https://nobody.example.com/c").await);
    assert_eq!(text, "no answer from nobody.example.com: no such name in this test");
    web.alias("empty.example.com", Vec::new());
    let text = connect(get(&fetcher, "https://empty.example.com/c").await);
    assert_eq!(text, "no answer from empty.example.com: the name has no address");
    let closed = Trap::at("127.0.0.1").await.address();
    web.alias("client.example.com", vec![closed]);
    let text = connect(get(&fetcher, URL).await);
    assert!(text.contains("Connection refused"), "{text}");
}

#[tokio::test]
async fn a_certificate_must_be_good() {
    let web = DocumentServer::start(&["client.example.com"]).await.unwrap();
    web.alias("other.example.com", vec![web.address()]);
    web.serve(URL, Behaviour::json(json!({})));
    web.serve("https://other.example.com/c", Behaviour::json(json!({})));
    let hosts = vec!["client.example.com".to_owned(), "other.example.com".to_owned()];
    let stranger = Fetcher::with_limits(
        FetcherSettings { private_hosts: hosts.clone(), private_ca: None },
        patient(),
        web.resolver(),
    );
    let named =
        Fetcher::with_limits(FetcherSettings { private_hosts: hosts, ..web.settings() }, patient(), web.resolver());
    for (fetcher, url) in [(stranger.unwrap(), URL), (named.unwrap(), "https://other.example.com/c")] {
        let error = get(&fetcher, url).await.unwrap_err();
        let FetchError::Connect(text) = &error else { panic!("{error:?}") };
        assert!(text.contains("certificate verify failed"), "{text}");
    }
    assert_eq!(web.requests(URL) + web.requests("https://other.example.com/c"), 0);
}

#[tokio::test]
async fn a_broken_authority_is_named() {
    let web = DocumentServer::start(&[]).await.unwrap();
    let broken = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    for (pem, expected) in [(&b"no certificate"[..], false), (b"", false), (broken, true)] {
        let settings = FetcherSettings { private_ca: Some(pem.to_vec()), ..FetcherSettings::default() };
        let Err(error) = Fetcher::new(settings, web.resolver()) else { panic!("{pem:?} was accepted") };
        assert_eq!(matches!(error, FetcherError::Certificate(_)), expected, "{error}");
    }
}

#[tokio::test]
async fn the_free_places_are_bounded() {
    let web = DocumentServer::start(&["client.example.com"]).await.unwrap();
    let limits = FetchLimits { concurrent: 2, wait: Duration::from_millis(50), ..impatient() };
    let fetcher = fetcher(&web, limits);
    web.serve(URL, Behaviour::Silence);
    let (a, b, c) = tokio::join!(get(&fetcher, URL), get(&fetcher, URL), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        get(&fetcher, URL).await
    });
    assert_eq!([a, b, c], [Err(FetchError::Timeout(2)), Err(FetchError::Timeout(2)), Err(FetchError::Busy)]);
    web.serve(URL, Behaviour::json(json!({})));
    get(&fetcher, URL).await.unwrap();
}

#[tokio::test]
async fn nobody_is_flooded() {
    let web = DocumentServer::start(&["client.example.com"]).await.unwrap();
    let limits = FetchLimits { per_minute: NonZeroU32::new(3).unwrap(), ..patient() };
    let fetcher = fetcher(&web, limits);
    web.alias("victim.example.com", Vec::new());
    for _ in 0..10 {
        let error = get(&fetcher, "https://victim.example.com/c").await.unwrap_err();
        assert!(matches!(error, FetchError::Connect(_) | FetchError::Busy), "{error:?}");
    }
    assert_eq!(get(&fetcher, "https://VICTIM.example.com:8443/d").await, Err(FetchError::Busy), "the same host");
    assert_eq!(web.lookups("victim.example.com"), 3);
    let known = fetcher.get_json(&"https://victim.example.com/c".parse().unwrap(), MOST, FetchFor::KnownClient).await;
    assert!(matches!(known, Err(FetchError::Connect(_))), "strangers use up their own allowance alone: {known:?}");
    let error = get(&fetcher, "https://bystander.example.com/c").await.unwrap_err();
    assert!(matches!(error, FetchError::Connect(_)), "another host is asked still: {error:?}");
    web.serve(URL, Behaviour::json(json!({})));
    for _ in 0..10 {
        get(&fetcher, URL).await.unwrap();
    }
}

/// The environment belongs to the whole process: the test runs itself again with proxies in it.
#[test]
fn a_proxy_of_the_environment_is_ignored() {
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let proxy = format!("http://{}", trap.local_addr().unwrap());
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "net::a_document_is_fetched_with_nothing_but_what_is_needed"]);
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(variable, &proxy);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert!(trap.accept().is_err(), "the proxy was asked");
}
