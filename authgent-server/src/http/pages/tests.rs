//! What holds for every page: no inline code, whole markup, labels, contrast, and hostile text that stays text.

use std::collections::{HashMap, HashSet};

use askama::Template as _;

use super::{ConsentPage, Detail, ErrorPage, SignInPage, assets, samples, texts};

/// Breaks out of text, of an attribute in either kind of quotes, and of a comment.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)><!-- \u{202e}style=\u{200b}";

/// A tag: its name, with a slash in front where it closes, and its attributes.
struct Tag {
    name: String,
    attributes: HashMap<String, String>,
}

impl Tag {
    fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }
}

/// Reads the tags of a page as a browser would, for markup as regular as ours.
fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let name_end = rest.find([' ', '>']).unwrap();
        let mut tag = Tag { name: rest[..name_end].to_ascii_lowercase(), attributes: HashMap::new() };
        rest = rest[name_end..].trim_start();
        while !rest.starts_with('>') && !rest.starts_with("/>") {
            let key_end = rest.find(['=', ' ', '>']).unwrap();
            let key = rest[..key_end].to_ascii_lowercase();
            rest = &rest[key_end..];
            let mut value = String::new();
            if let Some(quoted) = rest.strip_prefix("=\"") {
                let (inside, after) = quoted.split_once('"').unwrap();
                value = inside.to_owned();
                rest = after;
            }
            assert!(tag.attributes.insert(key, value).is_none(), "an attribute twice in <{}>", tag.name);
            rest = rest.trim_start();
        }
        tags.push(tag);
    }
    tags
}

fn check(page: &str, html: &str) {
    let language = |lang| html.starts_with(&format!("<!doctype html>\n<html lang=\"{lang}\">"));
    assert!(texts::ALL.iter().any(|texts| language(texts.lang)), "{page}: doctype or language");
    let tags = tags(html);
    check_no_code(page, &tags);
    check_structure(page, &tags);
    check_labels(page, &tags);
}

fn check_no_code(page: &str, tags: &[Tag]) {
    for tag in tags {
        assert!(!["style", "iframe", "object", "embed", "base"].contains(&tag.name.as_str()), "{page}: <{}>", tag.name);
        // A script of ours from its own file, and none beside it: see the check of `src` below.
        if tag.name == "script" {
            assert!(tag.get("src").is_some_and(|src| src.ends_with("/passkeys.js")), "{page}: inline code");
        }
        for (key, value) in &tag.attributes {
            assert!(!key.starts_with("on") && key != "style" && key != "srcdoc", "{page}: <{} {key}>", tag.name);
            assert!(!value.trim_start().starts_with("javascript:"), "{page}: <{} {key}={value}>", tag.name);
            if ["src", "action"].contains(&key.as_str()) || tag.name == "link" && key == "href" {
                assert!(value.starts_with('/') && !value.starts_with("//"), "{page}: {value} is not ours");
            }
        }
    }
}

fn check_structure(page: &str, tags: &[Tag]) {
    const VOID: [&str; 7] = ["!doctype", "meta", "link", "img", "input", "path", "circle"];
    let mut open: Vec<&str> = Vec::new();
    let mut ids = HashSet::new();
    for tag in tags {
        if let Some(name) = tag.name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{page}: </{name}>");
        } else if !VOID.contains(&tag.name.as_str()) {
            open.push(&tag.name);
        }
        if let Some(id) = tag.get("id") {
            assert!(ids.insert(id), "{page}: two elements with id {id}");
        }
        assert!(tag.name != "img" || tag.get("alt").is_some(), "{page}: an image without alt");
    }
    assert!(open.is_empty(), "{page}: left open: {open:?}");
    for once in ["title", "h1", "main"] {
        assert_eq!(tags.iter().filter(|tag| tag.name == once).count(), 1, "{page}: one <{once}>");
    }
    for reference in ["for", "aria-labelledby", "aria-describedby"] {
        for id in tags.iter().filter_map(|tag| tag.get(reference)) {
            assert!(ids.contains(id), "{page}: {reference}={id} leads nowhere");
        }
    }
}

fn check_labels(page: &str, tags: &[Tag]) {
    let labelled: HashSet<_> = tags.iter().filter(|tag| tag.name == "label").filter_map(|tag| tag.get("for")).collect();
    for input in tags.iter().filter(|tag| tag.name == "input" && tag.get("type") != Some("hidden")) {
        assert!(input.get("id").is_some_and(|id| labelled.contains(id)), "{page}: an input without a label");
    }
    for form in tags.iter().filter(|tag| tag.name == "form") {
        assert_eq!(form.get("method"), Some("post"), "{page}: a form that is not posted");
    }
    let forms = tags.iter().filter(|tag| tag.name == "form").count();
    let tokens = tags.iter().filter(|tag| tag.get("name") == Some("csrf_token")).count();
    assert_eq!(forms, tokens, "{page}: a CSRF token in each form");
}

#[test]
fn every_page_is_whole_labelled_and_free_of_code() {
    for texts in texts::ALL {
        for (page, html) in samples::all_in(texts).unwrap() {
            check(page, &html);
            assert!(html.contains(&format!("<html lang=\"{}\">", texts.lang)), "{page}");
        }
    }
}

#[test]
fn no_page_shows_a_placeholder_or_another_language() {
    for texts in texts::ALL {
        for (page, html) in samples::all_in(texts).unwrap() {
            assert!(!html.contains(['{', '}']), "{page} in {}: a value is missing", texts.lang);
        }
    }
    let german: HashMap<_, _> = samples::all_in(&texts::DE).unwrap().into_iter().collect();
    for (page, html) in samples::all().unwrap() {
        assert_ne!(html, german[page], "{page}");
    }
}

#[test]
fn hostile_text_stays_text() {
    let hostile = || HOSTILE.to_owned();
    let mut consent = ConsentPage {
        interaction: hostile(),
        csrf_token: hostile(),
        client_name: hostile(),
        client_host: Some(hostile()),
        redirect_host: hostile(),
        resource_name: hostile(),
        resource_uri: hostile(),
        user_email: hostile(),
        switch_return_to: hostile(),
        ..samples::consent()
    };
    consent.scopes[1].name = hostile();
    consent.scopes[1].description = hostile();
    let app = ConsentPage { private_scheme: Some(hostile()), ..consent.clone() };
    let sign_in = SignInPage {
        csrf_token: hostile(),
        return_to: hostile(),
        email: hostile(),
        error: Some(hostile()),
        client_name: Some(hostile()),
        hint: Some(hostile()),
        ..samples::sign_in()
    };
    let error = ErrorPage {
        title: hostile(),
        message: hostile(),
        code: Some(hostile()),
        details: vec![Detail { label: hostile(), value: hostile() }],
        request_id: Some(hostile()),
        ..samples::redirect_uri_error()
    };
    for (page, html) in [
        ("consent", consent.render().unwrap()),
        ("consent, app", app.render().unwrap()),
        ("sign-in", sign_in.render().unwrap()),
        ("error", error.render().unwrap()),
    ] {
        check(page, &html);
        assert!(!html.contains("<script"), "{page}");
    }
}

#[test]
fn characters_that_deceive_never_reach_the_person() {
    let page = ConsentPage { client_name: "\u{202e}edualC\u{200b}".to_owned(), ..samples::consent() };
    let html = page.render().unwrap();
    assert!(html.contains("<bdi>edualC</bdi>") && !html.contains(['\u{202e}', '\u{200b}']));
}

#[test]
fn what_the_form_sends_back_is_not_changed() {
    // Only shown text is cleaned: an email that is posted again must be what was typed.
    let page = SignInPage { email: "a\u{200d}b@example.com".to_owned(), ..samples::sign_in() };
    assert!(page.render().unwrap().contains("value=\"a\u{200d}b@example.com\""));
}

/// The colour tokens of the style sheet's first (light) or second (dark) `:root`.
fn colours(css: &str, block: usize) -> HashMap<&str, [f64; 3]> {
    let root = css.split(":root {").nth(block).unwrap().split('}').next().unwrap();
    root.lines()
        .filter_map(|line| line.trim().strip_prefix("--")?.strip_suffix(';')?.split_once(": #"))
        .map(|(name, hex)| {
            let channel = |at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            (name, [channel(0), channel(2), channel(4)])
        })
        .collect()
}

/// Contrast ratio of WCAG 2.2, section 1.4.3.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let luminance = |colour: [f64; 3]| {
        let [r, g, b] = colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn colours_meet_wcag_aa_in_both_themes() {
    const TEXT: f64 = 4.5;
    const CONTROL: f64 = 3.0;
    let css = std::str::from_utf8(assets::find("authgent.css").unwrap().body).unwrap();
    for block in [1, 2] {
        let colours = colours(css, block);
        let mut pairs = vec![
            ("on-accent", "accent", TEXT),
            ("on-accent", "accent-strong", TEXT),
            ("on-caution", "caution", TEXT),
            ("on-danger", "danger", TEXT),
        ];
        for ground in ["page", "surface", "sunken"] {
            pairs.extend(["text", "muted", "accent", "accent-strong"].map(|text| (text, ground, TEXT)));
            pairs.extend(["control", "accent", "on-danger"].map(|line| (line, ground, CONTROL)));
        }
        for (front, ground, least) in pairs {
            let ratio = contrast(colours[front], colours[ground]);
            assert!(ratio >= least, "block {block}: {front} on {ground} is {ratio:.2}, not {least}");
        }
    }
}

#[test]
fn the_style_sheet_loads_nothing() {
    let css = std::str::from_utf8(assets::find("authgent.css").unwrap().body).unwrap();
    assert!(!css.contains("url(") && !css.contains("@import"));
}
