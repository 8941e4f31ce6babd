//! For how long an answer may be kept, as its headers say.

use reqwest::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderMap, HeaderName};

/// Numbers that are larger count as this one: [RFC 9111, section 1.2.2](https://www.rfc-editor.org/rfc/rfc9111#section-1.2.2).
const LARGEST: u64 = 1 << 31;

/// For how many seconds an answer with these headers may be kept; `None` where they say nothing, 0 where they forbid it.
///
/// The server keeps documents for itself, so that `s-maxage` and `private` do not concern it. What cannot be understood
/// counts as stale. [RFC 9111, section 4.2.1](https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1)
pub(super) fn max_age(headers: &HeaderMap) -> Option<u64> {
    let mut allowed: Option<u64> = None;
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    for directive in lines.flat_map(|line| line.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let seconds = match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => 0,
            "max-age" => delta_seconds(value.trim().trim_matches('"')).unwrap_or(0),
            _ => continue,
        };
        allowed = Some(allowed.map_or(seconds, |other| other.min(seconds)));
    }
    match allowed {
        Some(seconds) => Some(seconds.saturating_sub(text(headers, AGE).and_then(delta_seconds).unwrap_or(0))),
        None => {
            let expires = text(headers, EXPIRES).and_then(http_date)?;
            let date = text(headers, DATE).and_then(http_date)?;
            Some(u64::try_from(expires - date).unwrap_or(0).min(LARGEST))
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn delta_seconds(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Only a number that is too large for 64 bits cannot be parsed here.
    digits.then(|| text.parse().unwrap_or(LARGEST).min(LARGEST))
}

/// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that is still written.
/// [RFC 9110, section 5.6.7](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7)
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.strip_suffix(" GMT")?.split(' ');
    let day = number(words.next()?, 2).filter(|day| (1..=31).contains(day))?;
    let name = words.next()?;
    let month = i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()? + 1;
    let year = number(words.next()?, 4)?;
    let mut clock = words.next()?.split(':');
    let hour = number(clock.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = number(clock.next()?, 2).filter(|minute| *minute < 60)?;
    // 60 is a leap second.
    let second = number(clock.next()?, 2).filter(|second| *second <= 60)?;
    let ended = words.next().is_none() && clock.next().is_none();
    ended.then(|| days_before(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. A year is counted from March, so that a leap day is its last.
const fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
        - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age_of(lines: &[(&'static str, &'static str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        max_age(&headers)
    }

    #[test]
    fn cache_control_is_read() {
        for (value, expected) in [
            ("max-age=300", Some(300)),
            ("public, max-age=300, must-revalidate", Some(300)),
            ("Max-Age=\"300\"", Some(300)),
            ("s-maxage=9, max-age=300", Some(300)),
            ("s-maxage=9", None),
            ("public", None),
            ("max-age=300, no-store", Some(0)),
            ("no-cache", Some(0)),
            ("no-cache=\"Set-Cookie, X-Other\", max-age=300", Some(0)),
            ("max-age=300, max-age=20", Some(20)),
            ("max-age=-1", Some(0)),
            ("max-age=", Some(0)),
            ("max-age", Some(0)),
            ("max-age=soon", Some(0)),
            ("max-age=99999999999999999999999", Some(LARGEST)),
            ("max-age=18446744073709551615", Some(LARGEST)),
        ] {
            assert_eq!(age_of(&[("cache-control", value)]), expected, "{value}");
        }
        assert_eq!(age_of(&[]), None);
        assert_eq!(age_of(&[("cache-control", "public"), ("cache-control", "max-age=5")]), Some(5), "two lines");
    }

    #[test]
    fn the_age_is_taken_off() {
        assert_eq!(age_of(&[("cache-control", "max-age=300"), ("age", "100")]), Some(200));
        assert_eq!(age_of(&[("cache-control", "max-age=300"), ("age", "400")]), Some(0));
        assert_eq!(age_of(&[("cache-control", "max-age=300"), ("age", "old")]), Some(300));
    }

    #[test]
    fn expires_counts_where_nothing_else_is_said() {
        let (date, later) = ("Sat, 28 Feb 2026 23:59:00 GMT", "Sun, 01 Mar 2026 00:01:00 GMT");
        assert_eq!(age_of(&[("date", date), ("expires", later)]), Some(120));
        assert_eq!(age_of(&[("date", later), ("expires", date)]), Some(0));
        assert_eq!(age_of(&[("date", date), ("expires", later), ("cache-control", "max-age=7")]), Some(7));
        assert_eq!(age_of(&[("date", date), ("expires", "0")]), None);
        assert_eq!(age_of(&[("expires", later)]), None, "no date to count from");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Tue, 29 Feb 2000 00:00:00 GMT", Some(951_782_400)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun Nov  6 08:49:37 1994", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 06 Nov 1994 24:49:37 GMT", None),
            ("Sun, 6 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Nov +994 08:49:37 GMT", None),
            ("", None),
        ] {
            assert_eq!(http_date(text), expected, "{text}");
        }
    }
}
