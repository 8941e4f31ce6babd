//! Which language a person gets.

use super::{ALL, Texts};

/// Longest header or parameter that is looked at, in bytes. A browser sends less than two hundred.
const LIMIT: usize = 1000;

/// The language for `ui_locales`: tags with spaces between, the one liked best first (OpenID Connect Core, section 3.1.2.1).
/// `None` where it names none that there is.
pub fn by_ui_locales(ui_locales: &str) -> Option<&'static Texts> {
    ui_locales.get(..LIMIT.min(ui_locales.len()))?.split(' ').find_map(by_tag)
}

/// The language for `Accept-Language` (RFC 9110, section 12.5.4), the first one of ours where it names none that there is.
///
/// A tag with quality 0 is refused, `*` stands for our first language. What is malformed is passed over.
pub fn by_accept_language(header: &str) -> &'static Texts {
    let mut best: Option<(u16, &'static Texts)> = None;
    for range in header.get(..LIMIT.min(header.len())).unwrap_or_default().split(',') {
        let (tag, quality) = range.split_once(';').map_or((range, Some(1000)), |(tag, weight)| (tag, quality(weight)));
        let texts = if tag.trim() == "*" { Some(ALL[0]) } else { by_tag(tag.trim()) };
        if let (Some(texts), Some(quality @ 1..)) = (texts, quality)
            && best.is_none_or(|(best, _)| quality > best)
        {
            best = Some((quality, texts));
        }
    }
    best.map_or(ALL[0], |(_, texts)| texts)
}

/// The language of a tag by its first part: `de`, `de-CH` and `de-Latn-AT` are all German (RFC 4647, section 3.4).
fn by_tag(tag: &str) -> Option<&'static Texts> {
    let language = tag.split('-').next()?;
    ALL.into_iter().find(|texts| texts.lang.eq_ignore_ascii_case(language))
}

/// A weight such as ` q=0.8` in thousandths (RFC 9110, section 12.4.2); `None` where it is none.
fn quality(weight: &str) -> Option<u16> {
    let (name, value) = weight.trim().split_once('=')?;
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if !name.trim_end().eq_ignore_ascii_case("q") || fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_highest_quality_wins() {
        for (header, lang) in [
            ("", "en"),
            ("de", "de"),
            ("de-CH, de;q=0.9, en;q=0.8", "de"),
            ("DE-latn-AT", "de"),
            ("en-GB,en;q=0.9,de;q=0.8", "en"),
            ("en;q=0.5, de;q=0.501", "de"),
            ("fr, de;q=0.3", "de"),
            ("fr-FR, ja;q=0.9", "en"),
            ("*, de;q=0.9", "en"),
            ("de , en", "de"),
            ("en ; q=0.1 , de ; Q = 0.2", "de"),
        ] {
            assert_eq!(by_accept_language(header).lang, lang, "{header}");
        }
    }

    #[test]
    fn what_is_refused_or_malformed_does_not_count() {
        for header in ["de;q=0", "de;q=0.000", "de;q=2", "de;q=x", "de;level=1", "deutsch", "d", ";;,,=", "de;q=0.1234"]
        {
            assert_eq!(by_accept_language(header).lang, "en", "{header}");
        }
        assert_eq!(by_accept_language("de;q=1.000, en").lang, "de");
        assert_eq!(by_accept_language(&"ü".repeat(5000)).lang, "en", "a cut inside a character");
        assert_eq!(by_accept_language(&format!("{}de", "fr,".repeat(100_000))).lang, "en", "not read to its end");
    }

    #[test]
    fn ui_locales_takes_the_first_that_there_is() {
        assert_eq!(by_ui_locales("fr-CA de en").map(|texts| texts.lang), Some("de"));
        assert_eq!(by_ui_locales("en-US").map(|texts| texts.lang), Some("en"));
        assert_eq!(by_ui_locales("fr"), None);
        assert_eq!(by_ui_locales(""), None);
    }
}
