//! `/health/…`, `/`, and what every answer carries

use authgent_tests::server::TestServer;

#[tokio::test]
async fn live_and_ready() {
    let server = TestServer::start().await.unwrap();
    for path in ["/health/live", "/health/ready"] {
        let response = server.http.get(server.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    }
}

#[tokio::test]
async fn the_home_page_and_its_files() {
    let server = TestServer::start().await.unwrap();
    let response = server.http.get(server.url("/")).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        policy.contains("default-src 'none'")
            && policy.contains("frame-ancestors 'none'")
            && !policy.contains("unsafe-inline")
    );
    let page = response.text().await.unwrap();
    let style =
        page.split("href=\"").filter_map(|rest| rest.split('"').next()).find(|href| href.ends_with(".css")).unwrap();
    let file = server.http.get(server.url(style)).send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "text/css; charset=utf-8");
    assert!(file.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(server.http.get(server.url("/assets/x/../../Cargo.toml")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_unknown_address_is_a_page_for_people() {
    let server = TestServer::start().await.unwrap();
    let response = server.http.get(server.url("/nothing")).header("accept", "text/html").send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
        (404, "text/html; charset=utf-8")
    );
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = TestServer::start().await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(server.issuer.strip_prefix("http://").unwrap()).await.unwrap();
    let head = "POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n\r\ngrant";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let read = tokio::time::timeout(std::time::Duration::from_secs(20), stream.read_exact(&mut answer)).await;
    read.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}
