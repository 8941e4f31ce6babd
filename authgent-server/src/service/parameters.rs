//! The parameters of a request, before anybody has looked at what they mean.

use std::collections::BTreeMap;

/// Form-encoded parameters (RFC 6749, appendix B). A parameter without a value counts as omitted, and none may be there
/// twice (RFC 6749, sections 3.1 and 3.2): a repeated one is not readable through [`Parameters::get`], and
/// [`Parameters::repeated`] names it. Only a `resource` may be repeated, letter by letter: a token is for one.
#[derive(Clone, Default)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    repeated: Vec<String>,
    malformed: Vec<String>,
}

impl Parameters {
    /// Reads a query string or a form body.
    #[must_use]
    pub fn parse(encoded: &[u8]) -> Self {
        let mut parameters = Self::default();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            if value.is_empty() {
                continue;
            }
            // RFC 8707, section 2 allows several of these. Codex, with `oauth_resource` configured, sends the same one twice.
            if name == "resource" && parameters.values.get("resource").is_some_and(|known| *known == value) {
                continue;
            }
            if value.contains(char::is_control) {
                parameters.malformed.push(name.into_owned());
            } else if parameters.values.insert(name.to_string(), value.into_owned()).is_some() {
                parameters.repeated.push(name.into_owned());
            }
        }
        for name in parameters.repeated.iter().chain(&parameters.malformed) {
            parameters.values.remove(name);
        }
        parameters
    }

    /// The value of a parameter that is there exactly once.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The first parameter that is there more than once.
    #[must_use]
    pub fn repeated(&self) -> Option<&str> {
        self.repeated.first().map(String::as_str)
    }

    /// Whether `name` is there more than once.
    #[must_use]
    pub fn repeats(&self, name: &str) -> bool {
        self.repeated.iter().any(|repeated| repeated == name)
    }

    /// The first parameter whose value holds a control character, which none may (RFC 6749, appendix A). It is not readable
    /// through [`Parameters::get`]: neither the database nor a log line ever sees it.
    #[must_use]
    pub fn malformed(&self) -> Option<&str> {
        self.malformed.first().map(String::as_str)
    }

    /// The first thing that is wrong with the parameters as such, in words.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let repeated = self.repeated().map(|name| format!("{name} is there more than once"));
        repeated.or_else(|| self.malformed().map(|name| format!("{name} holds a control character")))
    }

    /// The same parameters with another value, or none, for `name`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.values.insert(name.to_owned(), value),
            None => self.values.remove(name),
        };
        self
    }

    /// The parameters, form-encoded.
    #[must_use]
    pub fn encode(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.values).finish()
    }
}

/// The names alone: values may be secrets.
impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_resource_twice_is_one_and_two_are_named() {
        let same = Parameters::parse(b"resource=https://a.example&resource=https%3A%2F%2Fa.example");
        assert_eq!((same.get("resource"), same.problem()), (Some("https://a.example"), None));
        let two =
            Parameters::parse(b"resource=https://a.example&resource=https://a.example/&resource=https://a.example");
        assert_eq!((two.get("resource"), two.repeated()), (None, Some("resource")));
    }

    #[test]
    fn a_repeated_parameter_is_named_and_not_readable() {
        let parameters = Parameters::parse(b"code=a&state=x&code=a&empty=&plus=a+b%20c");
        assert_eq!((parameters.repeated(), parameters.get("code")), (Some("code"), None));
        assert_eq!((parameters.get("empty"), parameters.get("plus")), (None, Some("a b c")));
        assert!(!format!("{parameters:?}").contains("a b c"));
        assert_eq!(parameters.with("state", None).encode(), "plus=a+b+c");
    }

    #[test]
    fn control_characters_reach_nobody() {
        let parameters = Parameters::parse(b"client_id=a%00b&state=x%0ay&nonce=n");
        assert_eq!(
            (parameters.get("client_id"), parameters.get("state"), parameters.get("nonce")),
            (None, None, Some("n"))
        );
        assert_eq!(parameters.problem().as_deref(), Some("client_id holds a control character"));
    }

    #[test]
    fn an_empty_value_next_to_a_real_one_is_no_repetition() {
        assert_eq!(Parameters::parse(b"scope=&scope=a").get("scope"), Some("a"));
    }
}
