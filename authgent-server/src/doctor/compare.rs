//! What two URLs differ in, where clients compare them letter by letter.

use url::{Host, Url};

/// In which way `found` is not `expected`, in words; empty where they are the same.
pub(in crate::doctor) fn difference(expected: &str, found: &str) -> String {
    if expected == found {
        return String::new();
    }
    if expected.trim_end_matches('/') == found.trim_end_matches('/') {
        let which = if found.ends_with('/') { "one has a trailing slash" } else { "the trailing slash is missing" };
        return which.to_owned();
    }
    if expected.eq_ignore_ascii_case(found) {
        return "they differ in upper and lower case".to_owned();
    }
    let (Ok(a), Ok(b)) = (Url::parse(expected), Url::parse(found)) else {
        return "it is no absolute URL".to_owned();
    };
    let mut parts = Vec::new();
    if a.scheme() != b.scheme() {
        parts.push(format!("the scheme ({} instead of {})", b.scheme(), a.scheme()));
    }
    if a.host() != b.host() {
        parts.push(format!("the host ({} instead of {})", host(&b), host(&a)));
    }
    if a.port() != b.port() && a.scheme() == b.scheme() {
        let port = |url: &Url| url.port_or_known_default().unwrap_or_default();
        parts.push(format!("the port ({} instead of {})", port(&b), port(&a)));
    }
    if a.path().trim_end_matches('/') != b.path().trim_end_matches('/') {
        parts.push(format!("the path ({} instead of {})", b.path(), a.path()));
    }
    if a.query() != b.query() || a.fragment() != b.fragment() {
        parts.push("what follows the path".to_owned());
    }
    if parts.is_empty() {
        return "they name the same place in another spelling".to_owned();
    }
    format!("they differ in {}", parts.join(", "))
}

fn host(url: &Url) -> String {
    url.host().map(|host| host.to_string()).unwrap_or_default()
}

/// Whether the two differ by a trailing slash alone.
pub(in crate::doctor) fn only_slash(a: &str, b: &str) -> bool {
    a != b && a.trim_end_matches('/') == b.trim_end_matches('/')
}

/// Whether a URL leads to this machine.
pub(in crate::doctor) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether clients send secrets to a URL: https, or this machine.
pub(in crate::doctor) fn is_safe(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)))
}

/// Scheme, host and port of a URL.
pub(in crate::doctor) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The path of a URL without the slash at its end: empty for the root.
pub(in crate::doctor) fn path(url: &Url) -> &str {
    url.path().trim_end_matches('/')
}

/// The beginning of a text that a stranger wrote, on one line and without control characters: a terminal obeys those.
pub(in crate::doctor) fn excerpt(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printable = |c: &char| !c.is_control();
    let short: String = line.chars().filter(printable).take(200).collect();
    if line.chars().count() > 200 { format!("{short}…") } else { short }
}

/// Seconds since 1970 of an HTTP date in the preferred format (RFC 9110, section 5.6.7).
pub(in crate::doctor) fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()? + 1;
    let year: i64 = words.next()?.parse().ok()?;
    let mut time = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if !(1970..=9999).contains(&year) || words.next() != Some("GMT") {
        return None;
    }
    // Years that begin on 1 March put the leap day at their end.
    let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
    let days = shifted_year * 365 + leap_days + (153 * shifted_month + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_in_words() {
        let typed = "https://mcp.example.com/mcp";
        for (found, expected) in [
            ("https://mcp.example.com/mcp", ""),
            ("https://mcp.example.com/mcp/", "one has a trailing slash"),
            ("https://MCP.example.com/mcp", "they differ in upper and lower case"),
            ("http://mcp.example.com/mcp", "they differ in the scheme (http instead of https)"),
            ("https://mcp.example.com:8443/mcp", "they differ in the port (8443 instead of 443)"),
            (
                "https://other.example.com/",
                "they differ in the host (other.example.com instead of mcp.example.com), the path (/ instead of /mcp)",
            ),
            ("https://mcp.example.com/mcp?a=b", "they differ in what follows the path"),
            ("https://mcp.example.com:443/mcp", "they name the same place in another spelling"),
            ("mcp", "it is no absolute URL"),
        ] {
            assert_eq!(difference(typed, found), expected, "{found}");
        }
        assert_eq!(difference("https://a/", "https://a"), "the trailing slash is missing");
        assert!(only_slash("https://a/", "https://a") && !only_slash("https://a", "https://a"));
    }

    #[test]
    fn what_is_safe() {
        for url in ["https://a.example", "http://localhost:1/x", "http://127.8.0.1", "http://[::1]:8000/mcp"] {
            assert!(is_safe(url), "{url}");
        }
        for url in ["http://a.example", "http://localhost.example", "ftp://localhost", "a", "http://10.0.0.1"] {
            assert!(!is_safe(url), "{url}");
        }
    }

    #[test]
    fn dates() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Tue, 29 Feb 2000 12:00:00 GMT"), Some(951_825_600));
        for bad in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "x, y",
        ] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_stranger_does_not_speak_to_the_terminal() {
        assert_eq!(excerpt("<html>\n\u{1b}[31m  red\u{7}"), "<html> [31m red");
        assert_eq!(excerpt(&"x".repeat(300)).chars().count(), 201);
    }
}
