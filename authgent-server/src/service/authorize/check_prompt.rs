use super::Refusal;
use crate::service::parameters::Parameters;
use authgent_core::error::OAuthErrorCode;

/// `prompt` and `max_age` (OpenID Connect Core, section 3.1.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    /// Nothing may be asked.
    pub(super) none: bool,
    /// The person signs in again.
    pub(super) login: bool,
    /// The person is asked for consent even where it is remembered.
    pub(super) consent: bool,
    /// How old the sign-in may be, in seconds.
    pub(super) max_age: Option<i64>,
}

/// A request without `max_age` has the client's `default_max_age`.
pub(super) fn check_prompt(parameters: &Parameters, default_max_age: Option<u32>) -> Result<Prompt, Refusal> {
    let refuse = |description: &str| Refusal::new(OAuthErrorCode::InvalidRequest, description);
    let mut prompt = Prompt { max_age: default_max_age.map(i64::from), ..Prompt::default() };
    for value in parameters.get("prompt").unwrap_or_default().split(' ').filter(|value| !value.is_empty()) {
        match value {
            "none" => prompt.none = true,
            // Choosing another account is signing in again.
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err(refuse("prompt must be none, login, consent or select_account")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        return Err(refuse("prompt=none allows no other value beside it"));
    }
    if let Some(max_age) = parameters.get("max_age") {
        let seconds = max_age.parse::<u32>().map_err(|_| refuse("max_age must be a number of seconds"))?;
        // Nothing is fresher than a sign-in that begins now (OpenID Connect Core, section 3.1.2.1).
        prompt.login |= seconds == 0;
        prompt.max_age = Some(i64::from(seconds));
    }
    Ok(prompt)
}

pub(super) fn after_sign_in(parameters: &Parameters) -> Parameters {
    let fulfilled = |value: &&str| !matches!(*value, "login" | "select_account");
    let left = parameters.get("prompt").map(|prompt| prompt.split(' ').filter(fulfilled).collect::<Vec<_>>().join(" "));
    // Any time that passes between the sign-in and the next request is more than none.
    let max_age = parameters.get("max_age").filter(|max_age| *max_age != "0").map(str::to_owned);
    parameters.clone().with("prompt", left.filter(|prompt| !prompt.is_empty())).with("max_age", max_age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_prompt() {
        let parse = |query: &str| {
            check_prompt(&Parameters::parse(query.as_bytes()), None).map_err(|refusal| refusal.description)
        };
        assert_eq!(parse("max_age=60"), Ok(Prompt { max_age: Some(60), ..Prompt::default() }));
        assert_eq!(parse("prompt=login+consent"), Ok(Prompt { login: true, consent: true, ..Prompt::default() }));
        assert!(parse("prompt=none+login").is_err() && parse("prompt=magic").is_err() && parse("max_age=-1").is_err());
    }

    #[test]
    fn the_age_of_a_request_counts_before_that_of_the_client() {
        let max_age = |query: &str| check_prompt(&Parameters::parse(query.as_bytes()), Some(600)).unwrap().max_age;
        assert_eq!((max_age(""), max_age("max_age=60")), (Some(600), Some(60)));
    }

    #[test]
    fn a_fulfilled_sign_in_is_not_asked_for_again() {
        let query = |query: &str| after_sign_in(&Parameters::parse(query.as_bytes())).encode();
        assert_eq!(query("prompt=login&state=x"), "state=x");
        assert_eq!(query("prompt=login+consent"), "prompt=consent");
        assert_eq!(query("max_age=0&state=x"), "state=x");
        assert_eq!(query("max_age=60"), "max_age=60");
    }
}
