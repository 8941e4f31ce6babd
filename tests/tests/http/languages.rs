//! The language of the pages, and the operator's name, logo and colour on them.

use authgent_tests::browser::Browser;
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::html::text;
use authgent_tests::server::TestServer;

#[tokio::test]
async fn pages_speak_the_language_that_the_browser_prefers() {
    let server = TestServer::start().await.unwrap();
    let http = &server.http;
    for (accept, lang, heading) in [
        ("de-CH, de;q=0.9, en;q=0.5", "de", "Anmelden"),
        ("fr, en;q=0.5", "en", "Sign in"),
        ("de;q=0", "en", "Sign in"),
    ] {
        let answer = http.get(server.url("/login")).header("accept-language", accept).send().await.unwrap();
        let headers = answer.headers().clone();
        assert_eq!(headers["content-language"], lang, "{accept}");
        assert!(headers.get_all("vary").iter().any(|vary| vary == "Accept-Language"), "{headers:?}");
        let page = answer.text().await.unwrap();
        assert!(page.contains(&format!("<html lang=\"{lang}\">")) && page.contains(heading), "{accept}: {page}");
    }
    let error = http.get(server.url("/nothing")).header("accept-language", "de").header("accept", "text/html");
    let error = error.send().await.unwrap();
    assert_eq!((error.status().as_u16(), &error.headers()["content-language"]), (404, &"de".parse().unwrap()));
    assert!(text(&error.text().await.unwrap()).contains("Diese Seite gibt es nicht"));
}

#[tokio::test]
async fn a_client_s_ui_locales_hold_from_sign_in_to_consent() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let url = format!("{}&ui_locales=fr%20de-AT", flow.authorize_url());
    let browser: &Browser = &flow.browser;
    let page = browser.follow(browser.get(&url).await.unwrap()).await.unwrap();
    assert_eq!(page.headers["content-language"], "de");
    let form = page.form("password").unwrap().with("email", EMAIL);
    let refused = browser.submit(&page, &form.clone().with("password", "wrong")).await.unwrap();
    assert!(text(&refused.body).contains("passen nicht zusammen"), "the answer to a form as well");
    let form = form.with("password", authgent_tests::server::PASSWORD);
    let consent = browser.follow(browser.submit(&page, &form).await.unwrap()).await.unwrap();
    assert_eq!(consent.headers["content-language"], "de", "{}", consent.body);
    let form = consent.form("interaction").unwrap();
    let again = browser.submit(&consent, &form.with("decision", "neither")).await.unwrap();
    assert_eq!((again.status.as_u16(), &again.headers["content-language"]), (400, &"de".parse().unwrap()));
}

#[tokio::test]
async fn the_operators_name_logo_and_colour_are_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let logo = folder.path().join("logo");
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    std::fs::write(&logo, svg).unwrap();
    let setup = TestServer::setup()
        .path("/tenant")
        .with("AUTHGENT_NAME", "Example <Corp>")
        .with("AUTHGENT_LOGO", logo.display())
        .with("AUTHGENT_ACCENT_COLOR", "#ffff00");
    let server = setup.start().await.unwrap();
    let page = server.http.get(server.url("/login")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Example &#60;Corp&#62;") && !page.contains("Authgent"), "{page}");
    let file = |name: &str| {
        let path = page.split('"').find(|value| value.ends_with(name)).unwrap();
        assert!(path.starts_with("/tenant/assets/"), "{path}");
        server.url(path.strip_prefix("/tenant").unwrap())
    };
    let styles = server.http.get(file("brand.css")).send().await.unwrap();
    assert_eq!(styles.headers()["content-type"], "text/css; charset=utf-8");
    assert!(styles.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert!(!styles.text().await.unwrap().contains("--accent:#ffff00}"), "yellow on white cannot be read");
    let picture = server.http.get(file("brand-logo.svg")).send().await.unwrap();
    let policy = picture.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox") && !policy.contains("script-src"));
    assert_eq!(picture.headers()["content-type"], "image/svg+xml");
    assert_eq!(picture.headers()["x-content-type-options"], "nosniff");
    assert_eq!(picture.text().await.unwrap(), svg);
}

#[tokio::test]
async fn a_logo_that_cannot_be_shown_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logo.svg");
    for (content, expected) in
        [(&b"<html>"[..], "neither an SVG nor a PNG"), (&[b' '; 300_000], "larger than 262144 bytes")]
    {
        std::fs::write(&path, content).unwrap();
        let started = TestServer::setup().with("AUTHGENT_LOGO", path.display()).start().await;
        let sentence = started.err().unwrap().to_string();
        assert!(sentence.contains("AUTHGENT_LOGO") && sentence.contains(expected), "{sentence}");
    }
}
