//! Sentences with values in them.
//!
//! The texts are ours, the values are strangers'. A [`Sentence`] escapes both, and a value that holds `{another}` stays what it
//! is, so that no template needs askama's `safe`.

use std::borrow::Cow;
use std::fmt;

use askama::filters::HtmlSafe;

use crate::http::pages::display::{display_line, display_name};

/// A text whose values are being put in. Shown as HTML, escaped already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Ours; may hold placeholders still.
    Text(String),
    /// A value, as HTML.
    Value(String),
}

impl HtmlSafe for Sentence {}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&escape(text)),
            Part::Value(html) => f.write_str(html),
        })
    }
}

/// What values can be put into: a text of ours, or a [`Sentence`] that has some of them. Nothing else has this trait, least of
/// all a `String`.
pub trait IntoSentence {
    /// As a sentence.
    fn sentence(&self) -> Sentence;
}

impl IntoSentence for &'static str {
    fn sentence(&self) -> Sentence {
        Sentence(vec![Part::Text((*self).to_owned())])
    }
}

impl IntoSentence for Sentence {
    fn sentence(&self) -> Sentence {
        self.clone()
    }
}

impl<T: IntoSentence> IntoSentence for &T {
    fn sentence(&self) -> Sentence {
        (*self).sentence()
    }
}

impl Sentence {
    /// Puts HTML in place of each `{name}` of ours.
    fn put(self, name: &str, html: &str) -> Self {
        let placeholder = format!("{{{name}}}");
        let mut parts = Vec::new();
        for part in self.0 {
            let Part::Text(text) = part else {
                parts.push(part);
                continue;
            };
            for (position, piece) in text.split(&placeholder).enumerate() {
                if position > 0 {
                    parts.push(Part::Value(html.to_owned()));
                }
                parts.push(Part::Text(piece.to_owned()));
            }
        }
        Self(parts)
    }
}

/// Escapes text for HTML, within elements and within quoted attributes.
fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut html = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    Cow::Owned(html)
}

/// Puts values into a text of ours, for what is no HTML yet: a handler's `String`. The values stay as they are.
pub fn fill(text: &'static str, values: &[(&str, &str)]) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let known = after.split_once('}').and_then(|(name, behind)| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value, behind))
        });
        match known {
            Some((value, behind)) => {
                out.push_str(value);
                rest = behind;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn emphasised(shown: &str) -> String {
    format!("<b><bdi>{}</bdi></b>", escape(shown))
}

/// The filters of the templates: `{{ t.lead|with("client", client_name) }}`. They can be chained.
#[expect(unreachable_pub, reason = "the attribute makes each filter a `pub` item of its own")]
pub(in crate::http::pages) mod filters {
    use std::fmt::Display;

    use askama::{Result, Values, filter_fn};

    use super::{IntoSentence, Sentence, display_line, display_name, emphasised, escape};

    /// A name that a stranger chose, set off from the sentence: at most 60 characters.
    #[filter_fn]
    pub fn with<V: Display>(text: impl IntoSentence, _: &dyn Values, name: &str, value: V) -> Result<Sentence> {
        Ok(text.sentence().put(name, &emphasised(&display_name(&value.to_string()))))
    }

    /// The same for a name in a heading, which is bold by itself.
    #[filter_fn]
    pub fn with_name<V: Display>(text: impl IntoSentence, _: &dyn Values, name: &str, value: V) -> Result<Sentence> {
        let shown = display_name(&value.to_string());
        Ok(text.sentence().put(name, &format!("<bdi>{}</bdi>", escape(&shown))))
    }

    /// An address, whole and set off from the sentence.
    #[filter_fn]
    pub fn with_line<V: Display>(text: impl IntoSentence, _: &dyn Values, name: &str, value: V) -> Result<Sentence> {
        Ok(text.sentence().put(name, &emphasised(&display_line(&value.to_string()))))
    }

    /// A value without markup around it: in titles and attributes, and for hosts and numbers.
    #[filter_fn]
    pub fn with_text<V: Display>(text: impl IntoSentence, _: &dyn Values, name: &str, value: V) -> Result<Sentence> {
        Ok(text.sentence().put(name, &escape(&display_line(&value.to_string()))))
    }

    /// A link to a page of ours.
    #[filter_fn]
    pub fn with_link<U: Display, V: Display>(
        text: impl IntoSentence,
        _: &dyn Values,
        name: &str,
        url: U,
        words: V,
    ) -> Result<Sentence> {
        let link =
            format!("<a href=\"{}\">{}</a>", escape(&url.to_string()), escape(&display_line(&words.to_string())));
        Ok(text.sentence().put(name, &link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use askama::Template;

    #[derive(Template)]
    #[template(
        source = r#"{{ "{client}, {resource}"|with("client", a)|with("resource", b) }}|<i title="{{ "{a}"|with_text("a", a) }}">|{{ "«{u}» & <x>"|with_line("u", a) }}|{{ "{u}"|with_link("u", "/account", b) }}"#,
        ext = "html"
    )]
    struct Page<'a> {
        a: &'a str,
        b: &'a str,
    }

    fn shown(a: &str, b: &str) -> String {
        Page { a, b }.render().unwrap()
    }

    #[test]
    fn values_are_escaped_and_set_off() {
        assert_eq!(
            shown("A & B", "C"),
            "<b><bdi>A &amp; B</bdi></b>, <b><bdi>C</bdi></b>|<i title=\"A &amp; B\">|«<b><bdi>A &amp; B</bdi></b>» &amp; &lt;x&gt;|\
             <a href=\"/account\">C</a>"
        );
    }

    #[test]
    fn hostile_names_stay_text() {
        for name in ["\"><script>alert(1)</script>", "' onload='x", "</bdi></b><h1>", "<!--", "\u{202e}<img src=x>"] {
            let html = shown(name, name);
            assert!(!html.contains("<script") && !html.contains("<h1") && !html.contains("<img"), "{html}");
            assert!(!html.contains("<!--") && !html.contains('\u{202e}') && !html.contains("='"), "{html}");
            assert_eq!(html.matches('<').count(), html.matches('>').count(), "{html}");
            assert_eq!(html.matches('"').count(), 4, "the quotes of two attributes: {html}");
        }
    }

    #[test]
    fn a_value_cannot_ask_for_another_value() {
        assert!(shown("{resource}", "secret").starts_with("<b><bdi>{resource}</bdi></b>, <b><bdi>secret"));
        assert_eq!(fill("{a} {b}", &[("a", "{b}"), ("b", "x")]), "{b} x");
        assert_eq!(fill("{a} {", &[("b", "x")]), "{a} {");
    }

    #[test]
    fn long_names_are_cut_and_addresses_are_not() {
        let long = "x".repeat(200);
        let html = shown(&long, "");
        assert!(html.contains('…') && html.contains(&long));
    }
}
