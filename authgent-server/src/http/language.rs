//! In which language a person is answered.

use super::pages::texts::{Texts, negotiate};
use actix_web::http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, HeaderMap, HeaderValue, VARY};
use actix_web::{HttpMessage as _, HttpRequest};

/// A language that was chosen for this request before.
#[derive(Clone, Copy)]
struct Chosen(&'static Texts);

/// The language of the answer: what [`prefer`] was told, else `ui_locales` of the request's address, or of the authorization
/// request that it leads back to, else what the browser prefers.
pub(super) fn of(request: &HttpRequest) -> &'static Texts {
    wished(request).unwrap_or_else(|| {
        let values: Vec<_> =
            request.headers().get_all(ACCEPT_LANGUAGE).filter_map(|value| value.to_str().ok()).collect();
        negotiate::by_accept_language(&values.join(","))
    })
}

/// The language that the client asked for, as a value of `ui_locales` for the next page; `None` where it asked for none of ours.
pub(super) fn wish(request: &HttpRequest) -> Option<&'static str> {
    wished(request).map(|texts| texts.lang)
}

/// Answers in the language that the client asked for (`ui_locales`: OpenID Connect Core, section 3.1.2.1), if it is one of ours.
pub(super) fn prefer(request: &HttpRequest, ui_locales: Option<&str>) {
    if let Some(texts) = ui_locales.and_then(negotiate::by_ui_locales) {
        request.extensions_mut().insert(Chosen(texts));
    }
}

/// Says in which language a page is, and on what that depends.
pub(super) fn mark(headers: &mut HeaderMap, texts: &Texts) {
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(texts.lang));
    headers.append(VARY, HeaderValue::from_static("Accept-Language"));
}

fn wished(request: &HttpRequest) -> Option<&'static Texts> {
    let chosen = request.extensions().get().map(|Chosen(texts)| *texts);
    chosen.or_else(|| by_query(request.query_string()))
}

fn by_query(query: &str) -> Option<&'static Texts> {
    let value = |query: &str, wanted: &str| {
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned())
    };
    value(query, "ui_locales").as_deref().and_then(negotiate::by_ui_locales).or_else(|| {
        let return_to = value(query, "return_to")?;
        let (_, query) = return_to.split_once('?')?;
        negotiate::by_ui_locales(&value(query, "ui_locales")?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn lang(uri: &str, accept: &str) -> &'static str {
        of(&TestRequest::with_uri(uri).insert_header((ACCEPT_LANGUAGE, accept)).to_http_request()).lang
    }

    #[test]
    fn the_client_s_wish_comes_before_the_browser_s() {
        assert_eq!(lang("/login", "de-CH,en;q=0.5"), "de");
        assert_eq!(lang("/oauth/authorize?ui_locales=fr%20de", "en"), "de");
        assert_eq!(lang("/login?return_to=%2Foauth%2Fauthorize%3Fui_locales%3Dde", "en"), "de");
        assert_eq!(lang("/oauth/authorize?ui_locales=fr", "de"), "de");
        assert_eq!(lang("/oauth/authorize?ui_locales=", ""), "en");
    }

    #[test]
    fn what_was_chosen_stays_for_the_request() {
        let request = TestRequest::with_uri("/login?ui_locales=en").to_http_request();
        prefer(&request, Some("xx"));
        assert_eq!(of(&request).lang, "en");
        prefer(&request, Some("de"));
        assert_eq!(of(&request).lang, "de");
    }
}
