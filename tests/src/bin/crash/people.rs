//! People who sign in and let a client in, with the real pages.

use crate::caller::{Answer, Caller, unsent};
use crate::history::Event;
use crate::world::{CALLBACK, PATIENCE, RESOURCE};
use anyhow::{Result, anyhow};
use authgent_core::pkce::CodeVerifier;
use authgent_tests::browser::{Browser, Page, query};
use std::time::Instant;
use url::Url;

/// How many in a hundred authorizations begin with a new browser, which has to sign in.
const NEW_BROWSERS: u64 = 6;

/// One person's browser, signed in or not.
pub(crate) struct Person {
    email: String,
    browser: Browser,
    is_signed_in: bool,
}

/// What a code is exchanged with.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) code: String,
    pub(crate) verifier: String,
}

impl Person {
    pub(crate) fn new(email: &str) -> Result<Self> {
        Ok(Self { email: email.to_owned(), browser: Browser::new()?, is_signed_in: false })
    }

    /// Lets the client in, again and again until it has a code; `None` where patience or the run is over.
    pub(crate) async fn code(&mut self, caller: &mut Caller) -> Result<Option<Code>> {
        if caller.seeded.happens(NEW_BROWSERS) {
            *self = Self::new(&self.email)?;
        }
        let mut random = [0; 32];
        openssl::rand::rand_bytes(&mut random)?;
        let verifier = CodeVerifier::from_random(random);
        let began = Instant::now();
        let mut tries = 0;
        while began.elapsed() < PATIENCE {
            let server = caller.server();
            let url = request(&caller.world.bases[server], &caller.world.web, &verifier)?;
            let sent = Instant::now();
            if let Some(code) = self.attempt(caller, &url).await {
                caller.world.answered(server, sent);
                caller.world.count("codes");
                return Ok(Some(Code { code, verifier: verifier.as_str().to_owned() }));
            }
            tries += 1;
            caller.world.count("retried");
            caller.backoff(tries).await;
        }
        caller.world.journal.push(Event::GaveUp { what: "nobody could let the client in".to_owned() });
        Ok(None)
    }

    /// One authorization request. With a session it is one request, otherwise the person signs in and consents where asked.
    async fn attempt(&mut self, caller: &Caller, url: &Url) -> Option<String> {
        if self.is_signed_in {
            return match self.browser.get(url).await {
                Ok(page) => self.with_session(caller, &page),
                Err(error) => failed(caller, &error),
            };
        }
        match self.browser.authorize(url, &self.email, &caller.world.password).await {
            Ok(location) => {
                let code = query(&location, "code");
                self.is_signed_in = code.is_some();
                if code.is_some() {
                    caller.world.count("sign-ins");
                }
                code
            }
            Err(error) => {
                // Half-way: whoever is in doubt begins again.
                if let Ok(new) = Self::new(&self.email) {
                    *self = new;
                }
                failed(caller, &error)
            }
        }
    }

    /// The sign-in and the consent were acknowledged: nobody is asked for either again.
    fn with_session(&self, caller: &Caller, page: &Page) -> Option<String> {
        let location = page.location();
        let parameter = |name| location.as_ref().and_then(|location| query(location, name));
        if let Some(code) = parameter("code") {
            return Some(code);
        }
        let is_temporary = parameter("error").as_deref() == Some("temporarily_unavailable");
        if is_temporary || (page.status.as_u16() == 503 && page.headers.contains_key("retry-after")) {
            caller.world.count("503");
        } else {
            let (status, path) = (page.status, location.as_ref().map_or(page.url.path(), Url::path));
            let error = parameter("error").unwrap_or_default();
            let what = format!("a person who is signed in and consented was answered with {status} at {path} {error}");
            caller.world.journal.push(Event::Strange { what });
        }
        None
    }
}

/// The connection failed, or a page said something else while somebody signed in.
fn failed(caller: &Caller, error: &anyhow::Error) -> Option<String> {
    match error.downcast_ref::<reqwest::Error>().map(unsent) {
        Some(Answer::NotSent) => caller.world.count("not sent"),
        Some(_) => caller.world.count("unanswered"),
        None => {
            let what = format!("{error:#}");
            // Pages say it in words, with the status in front of them. A try that was counted before a crash counts as a wrong
            // password until the next good one, so that there may be a short wait (429).
            if what.contains("stopped at 503") {
                caller.world.count("503");
            } else if what.contains("stopped at 429") {
                caller.world.count("sign-ins put off");
            } else {
                caller.world.journal.push(Event::Strange { what: format!("signing in: {what}") });
            }
        }
    }
    None
}

fn request(base: &str, client_id: &str, verifier: &CodeVerifier) -> Result<Url> {
    let mut url = Url::parse(&format!("{base}/oauth/authorize")).map_err(|error| anyhow!("{base}: {error}"))?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", CALLBACK)
        .append_pair("state", "s")
        .append_pair("scope", "mcp:read")
        .append_pair("resource", RESOURCE)
        .append_pair("code_challenge", &verifier.challenge().to_string())
        .append_pair("code_challenge_method", "S256");
    Ok(url)
}
