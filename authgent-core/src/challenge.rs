//! `WWW-Authenticate` challenges: RFC 9110, section 11, RFC 6750, section 3, RFC 9728, section 5.1.

use crate::error::{OAuthErrorCode, printable};
use crate::scope::Scope;
use std::fmt;

/// One challenge: a scheme and its parameters, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

/// Why a header value is no list of challenges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the WWW-Authenticate value is malformed at byte {position}")]
pub struct ChallengeError {
    /// Where reading stopped, in bytes from the beginning.
    pub position: usize,
}

impl Challenge {
    /// A `Bearer` challenge without parameters (RFC 6750, section 3).
    #[must_use]
    pub fn bearer() -> Self {
        Self { scheme: "Bearer".into(), parameters: Vec::new() }
    }

    /// Adds `error`. Leave it out where the request carried no credentials at all (RFC 6750, section 3.1).
    #[must_use]
    pub fn error(self, code: OAuthErrorCode) -> Self {
        self.with("error", code.as_str())
    }

    /// Adds `error_description`, mapped onto the characters that RFC 6750, section 3 allows.
    #[must_use]
    pub fn error_description(self, text: &str) -> Self {
        self.with("error_description", &printable(text))
    }

    /// Adds `scope`: all the scopes that the request needs. An empty set adds nothing.
    #[must_use]
    pub fn scope(self, scope: &Scope) -> Self {
        if scope.is_empty() { self } else { self.with("scope", &scope.to_string()) }
    }

    /// Adds `resource_metadata`: the URL of the protected resource metadata (RFC 9728, section 5.1).
    #[must_use]
    pub fn resource_metadata(self, url: &str) -> Self {
        self.with("resource_metadata", url)
    }

    /// Adds any parameter. The value is written as a quoted string; control characters, which none may hold, become spaces.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let value = value.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        self.parameters.push((name.to_owned(), value));
        self
    }

    /// The scheme, such as `Bearer`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The value of a parameter; names are compared without case (RFC 9110, section 11.2).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Reads the value of one `WWW-Authenticate` header, which may hold several challenges (RFC 9110, section 11.6.1).
    ///
    /// # Errors
    /// [`ChallengeError`] with the place where it stops to be a list of challenges.
    pub fn parse(header: &str) -> Result<Vec<Self>, ChallengeError> {
        let mut reader = Reader { text: header, position: 0 };
        let mut challenges: Vec<Self> = Vec::new();
        reader.skip_separators();
        while !reader.rest().is_empty() {
            let name = reader.token()?;
            let spaces = reader.skip_spaces();
            match (reader.rest().starts_with('=') && !reader.is_padding(), challenges.last_mut()) {
                (true, Some(challenge)) => {
                    reader.position += 1;
                    reader.skip_spaces();
                    let value = reader.value()?;
                    challenge.parameters.push((name, value));
                }
                (true, None) => return Err(reader.error()),
                (false, _) => {
                    challenges.push(Self { scheme: name, parameters: Vec::new() });
                    if spaces {
                        reader.skip_token68();
                    }
                }
            }
            reader.skip_separators();
        }
        Ok(challenges)
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        for (position, (name, value)) in self.parameters.iter().enumerate() {
            let separator = if position == 0 { " " } else { ", " };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "{separator}{name}=\"{value}\"")?;
        }
        Ok(())
    }
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    const fn error(&self) -> ChallengeError {
        ChallengeError { position: self.position }
    }

    fn take(&mut self, mut accept: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !accept(c)).unwrap_or(rest.len())];
        self.position += taken.len();
        taken
    }

    fn skip_spaces(&mut self) -> bool {
        !self.take(|c| matches!(c, ' ' | '\t')).is_empty()
    }

    fn skip_separators(&mut self) {
        self.take(|c| matches!(c, ' ' | '\t' | ','));
    }

    fn token(&mut self) -> Result<String, ChallengeError> {
        let token = self.take(is_tchar);
        if token.is_empty() { Err(self.error()) } else { Ok(token.to_owned()) }
    }

    /// Whether the `=` ahead pads a token68 (`Negotiate abc==`) instead of standing before a value.
    fn is_padding(&self) -> bool {
        let behind = self.rest().trim_start_matches('=').trim_start();
        behind.is_empty() || behind.starts_with(',')
    }

    /// A scheme may be followed by one token68 instead of parameters (RFC 9110, section 11.2); it is passed over.
    fn skip_token68(&mut self) {
        let start = self.position;
        let token = self.take(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
        self.take(|c| c == '=');
        let ends = self.rest().trim_start();
        if token.is_empty() || !(ends.is_empty() || ends.starts_with(',')) {
            self.position = start;
        }
    }

    fn value(&mut self) -> Result<String, ChallengeError> {
        if !self.rest().starts_with('"') {
            return self.token();
        }
        let mut value = String::new();
        let mut escaped = false;
        for (offset, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => {
                    value.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.position += offset + 1;
                    return Ok(value);
                }
                _ => value.push(c),
            }
        }
        Err(self.error())
    }
}

fn is_tchar(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_challenges_of_the_specifications() {
        let challenge = Challenge::bearer()
            .error(OAuthErrorCode::InsufficientScope)
            .scope(&Scope::parse("mcp:write mcp:read").unwrap())
            .resource_metadata("https://mcp.example.com/.well-known/oauth-protected-resource/mcp")
            .error_description("required scope \"mcp:write\" \u{2014} not present");
        assert_eq!(
            challenge.to_string(),
            "Bearer error=\"insufficient_scope\", scope=\"mcp:read mcp:write\", \
             resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\", \
             error_description=\"required scope 'mcp:write' - not present\""
        );
        assert_eq!(Challenge::bearer().to_string(), "Bearer");
    }

    #[test]
    fn several_challenges_in_one_header() {
        let read = Challenge::parse(r#"Negotiate a87421000492aa874209af8bc028==, Basic realm="a, \"b\"" , bearer Error=invalid_token,scope="x y""#).unwrap();
        assert_eq!(read.iter().map(Challenge::scheme).collect::<Vec<_>>(), ["Negotiate", "Basic", "bearer"]);
        assert_eq!(read[1].get("REALM"), Some("a, \"b\""));
        assert_eq!((read[2].get("error"), read[2].get("scope")), (Some("invalid_token"), Some("x y")));
        assert!(Challenge::parse("").unwrap().is_empty());
        for bad in ["=x", "Bearer realm=x, error=", "Bearer error=\"open", "Bearer (x)"] {
            assert!(Challenge::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_built_is_read_back(parameters in proptest::collection::vec(("[a-z_]{1,10}", "[ -~]{0,20}"), 0..5)) {
            let challenge = parameters.iter().fold(Challenge::bearer(), |challenge, (name, value)| challenge.with(name, value));
            prop_assert_eq!(Challenge::parse(&challenge.to_string()).unwrap(), vec![challenge]);
        }

        #[test]
        fn no_header_makes_it_panic(header in any::<String>(), near in "[A-Za-z]{1,5}( [a-z]{1,3}=?\"?[a-z,= \\\\\"]{0,9}){0,3}") {
            let _ = Challenge::parse(&header);
            let _ = Challenge::parse(&near);
        }

        #[test]
        fn no_value_breaks_out_of_its_header(value in any::<String>()) {
            let written = Challenge::bearer().with("realm", &value).to_string();
            prop_assert!(written.bytes().all(|b| matches!(b, 0x20..=0x7E)));
            prop_assert_eq!(Challenge::parse(&written).unwrap().len(), 1);
        }
    }
}
