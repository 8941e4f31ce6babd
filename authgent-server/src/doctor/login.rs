//! Signing in as a native client does: authorization code with PKCE, `resource`, `state` and `iss`.

use super::compare::{difference, excerpt, is_safe};
use super::document::{Document, object};
use super::faults::token as faults;
use super::finding::{Finding, Stage};
use super::loopback::Callback;
use super::{Options, Tools};
use crate::crypto::random::{bytes32, secret};
use crate::net::probe::{Answered, Ask, Reply};
use authgent_core::pkce::{CodeVerifier, S256};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

/// The tokens of the person who signed in.
pub(in crate::doctor) struct Tokens {
    pub(in crate::doctor) access_token: SecretString,
    refresh_token: Option<SecretString>,
    client: Client,
}

/// The client that the doctor is.
struct Client {
    id: String,
    /// Where and with what the registration can be deleted (RFC 7592).
    registration: Option<(String, SecretString)>,
}

/// What a sign-in needs to know.
pub(in crate::doctor) struct Login<'a> {
    pub(in crate::doctor) options: &'a Options,
    pub(in crate::doctor) tools: &'a Tools,
    pub(in crate::doctor) metadata: &'a Document,
    pub(in crate::doctor) resource: Option<&'a str>,
    pub(in crate::doctor) scope: Vec<String>,
}

impl Login<'_> {
    /// Walks to the tokens. What goes wrong is in the stage.
    pub(in crate::doctor) async fn run(&self, stage: &mut Stage) -> Option<Tokens> {
        let (Some(authorize), Some(token)) = (self.endpoint("authorization_endpoint"), self.endpoint("token_endpoint"))
        else {
            stage.add(faults::NO_ACCESS.found("an endpoint is missing, or is no URL to send a person or a code to"));
            return None;
        };
        let mut callback = match Callback::listen(self.options.port).await {
            Ok(callback) => callback,
            Err(error) => {
                stage.add(faults::NOBODY_CAME.found(format!("the loopback port cannot be listened at: {error}")));
                return None;
            }
        };
        let client = self.client(stage, &callback.redirect_uri()).await?;
        let verifier = CodeVerifier::from_random(bytes32(&self.tools.random));
        let state = secret(&self.tools.random);
        let mut url = authorize;
        let scope = self.scope.join(" ");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", &callback.redirect_uri())
            .append_pair("state", &state)
            .append_pair("code_challenge", &verifier.challenge().to_string())
            .append_pair("code_challenge_method", S256);
        if !scope.is_empty() {
            url.query_pairs_mut().append_pair("scope", &scope);
        }
        if let Some(resource) = self.resource {
            url.query_pairs_mut().append_pair("resource", resource);
        }
        self.tools.browser.open(url.as_str());
        let Some(answer) = callback.wait(self.options.wait).await else {
            stage.add(faults::NOBODY_CAME.found(format!("nothing within {} seconds", self.options.wait.as_secs())));
            return None;
        };
        let code = self.code(stage, &answer, &state)?;
        let redirect_uri = callback.redirect_uri();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", &redirect_uri),
            ("client_id", &client.id),
            ("code_verifier", verifier.as_str()),
        ];
        form.extend(self.resource.map(|resource| ("resource", resource)));
        let answered = self.tools.probe.ask(&Ask::post_form(token.as_str(), &form)).await;
        let body = match tokens(&answered) {
            Ok(body) => body,
            Err(problem) => {
                stage.add(faults::EXCHANGE.found(problem).at(token.as_str()));
                return None;
            }
        };
        self.check_tokens(stage, &body, token.as_str());
        Some(Tokens {
            access_token: member(&body, "access_token")?.to_owned().into(),
            refresh_token: member(&body, "refresh_token").map(|token| token.to_owned().into()),
            client,
        })
    }

    /// An endpoint that a person and a code may be sent to. A server could name a `file:` URL, or that of a program on this
    /// machine: such a one is never opened.
    fn endpoint(&self, name: &str) -> Option<Url> {
        self.metadata.text(name).filter(|url| is_safe(url)).and_then(|url| Url::parse(url).ok())
    }

    async fn client(&self, stage: &mut Stage, redirect_uri: &str) -> Option<Client> {
        if let Some(id) = &self.options.client_id {
            return Some(Client { id: id.clone(), registration: None });
        }
        let Some(endpoint) = self.metadata.text("registration_endpoint") else {
            stage.add(faults::NO_CLIENT.found("no registration_endpoint"));
            return None;
        };
        let metadata = json!({
            "client_name": "authgent doctor", "redirect_uris": [redirect_uri], "application_type": "native",
            "token_endpoint_auth_method": "none", "response_types": ["code"],
            "grant_types": ["authorization_code", "refresh_token"],
        });
        let answered = self.tools.probe.ask(&Ask::post_json(endpoint, &metadata)).await;
        let body = answered.as_ref().ok().filter(|reply| reply.is_success()).and_then(object);
        let Some(id) = body.as_ref().and_then(|body| member(body, "client_id")) else {
            stage.add(faults::REGISTRATION_REFUSED.found(refusal(&answered)).at(endpoint));
            return None;
        };
        stage.add(Finding::ok("login.registration", format!("registered as {}", excerpt(id))));
        let registration = body.as_ref().and_then(|body| {
            let uri = member(body, "registration_client_uri").filter(|uri| same_origin(uri, endpoint))?.to_owned();
            Some((uri, member(body, "registration_access_token")?.to_owned().into()))
        });
        Some(Client { id: id.to_owned(), registration })
    }

    /// The code in the answer, once `state` and `iss` are found good (RFC 9207, section 2.4).
    fn code(&self, stage: &mut Stage, answer: &Url, state: &str) -> Option<SecretString> {
        let query =
            |name: &str| answer.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        if query("state").as_deref() != Some(state) {
            let found = if query("state").is_some() { "another one" } else { "none" };
            stage.add(faults::STATE.found(found));
            return None;
        }
        let issuer = self.metadata.text("issuer").unwrap_or_default();
        let promised = self.metadata.is_true("authorization_response_iss_parameter_supported");
        match query("iss") {
            Some(iss) if iss == issuer => stage.add(Finding::ok("login.iss", "iss is the issuer, letter by letter")),
            Some(iss) => {
                let found = format!("{}: {}", excerpt(&iss), difference(issuer, &iss));
                stage.add(faults::ISS_WRONG.found(found).expected(excerpt(issuer)));
            }
            None if promised => stage.add(faults::ISS_MISSING.found("no iss")),
            None => {}
        }
        let Some(code) = query("code") else {
            let error = query("error").unwrap_or_else(|| "neither code nor error".to_owned());
            let found = format!("{error} {}", query("error_description").unwrap_or_default());
            stage.add(faults::DENIED.found(excerpt(&found)));
            return None;
        };
        stage.add(Finding::ok("login.code", "a code came back with the right state"));
        Some(code.into())
    }

    fn check_tokens(&self, stage: &mut Stage, body: &Map<String, Value>, at: &str) {
        let life = body.get("expires_in").map_or_else(|| "an unknown time".to_owned(), |life| format!("{life} s"));
        let scope = member(body, "scope").unwrap_or("as asked");
        stage.add(Finding::ok("login.exchange", format!("an access token for {life}, scope {}", excerpt(scope))));
        let kind = member(body, "token_type").unwrap_or_default();
        if !kind.eq_ignore_ascii_case("Bearer") {
            stage.add(faults::TOKEN_TYPE.found(excerpt(&format!("token_type = {kind}"))).at(at));
        }
        if member(body, "refresh_token").is_none() {
            stage.add(faults::NO_REFRESH_TOKEN.found("no refresh_token").at(at));
        }
    }

    /// Refreshes once, then gives back what the sign-in took: the grant and the registration.
    pub(in crate::doctor) async fn finish(&self, tokens: Tokens) -> Stage {
        let mut stage = Stage::new("refresh", "Refreshing, and clearing up");
        let mut last = tokens.refresh_token.clone();
        if let (Some(endpoint), Some(refresh_token)) = (self.metadata.text("token_endpoint"), &tokens.refresh_token) {
            last = self.refresh(&mut stage, endpoint, &tokens.client.id, refresh_token).await;
        }
        if let (Some(endpoint), Some(token)) = (self.metadata.text("revocation_endpoint"), &last) {
            let form = [("token", token.expose_secret()), ("client_id", tokens.client.id.as_str())];
            let answered = self.tools.probe.ask(&Ask::post_form(endpoint, &form)).await;
            if answered.is_ok_and(|reply| reply.is_success()) {
                stage.add(Finding::ok("login.revoked", "the refresh token is revoked"));
            }
        }
        if let Some((uri, token)) = &tokens.client.registration {
            let answered = self.tools.probe.ask(&Ask::delete(uri.as_str()).bearer(token.expose_secret())).await;
            if answered.is_ok_and(|reply| reply.is_success()) {
                stage.add(Finding::ok("login.deleted", "the registration is deleted"));
            }
        }
        stage
    }

    async fn refresh(
        &self,
        stage: &mut Stage,
        endpoint: &str,
        client_id: &str,
        refresh_token: &SecretString,
    ) -> Option<SecretString> {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose_secret()),
            ("client_id", client_id),
        ];
        form.extend(self.resource.map(|resource| ("resource", resource)));
        let answered = self.tools.probe.ask(&Ask::post_form(endpoint, &form)).await;
        let body = match tokens(&answered) {
            Ok(body) => body,
            Err(problem) => {
                stage.add(faults::REFRESH_REFUSED.found(problem).at(endpoint));
                return Some(refresh_token.clone());
            }
        };
        stage.add(Finding::ok("login.refresh", "the refresh token gives a new access token"));
        let next = member(&body, "refresh_token").filter(|next| *next != refresh_token.expose_secret());
        if let Some(next) = next {
            stage.add(Finding::ok("login.rotated", "the refresh token rotates"));
            return Some(next.to_owned().into());
        }
        stage.add(faults::NOT_ROTATED.found("the same refresh token stays").at(endpoint));
        Some(refresh_token.clone())
    }
}

/// Whether two URLs are of one server: a credential goes back only to whom it came from.
pub(in crate::doctor) fn same_origin(a: &str, b: &str) -> bool {
    matches!((Url::parse(a), Url::parse(b)), (Ok(a), Ok(b)) if a.origin() == b.origin())
}

fn member<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// The token response, or why there is none.
fn tokens(answered: &Answered) -> Result<Map<String, Value>, String> {
    let body = answered.as_ref().ok().filter(|reply| reply.status == 200).and_then(object);
    body.filter(|body| member(body, "access_token").is_some()).ok_or_else(|| refusal(answered))
}

/// A refusal in words. Only `error` and its description are taken: whatever else stands there may be a secret.
fn refusal(answered: &Answered) -> String {
    let reply: &Reply = match answered {
        Ok(reply) => reply,
        Err(error) => return error.to_string(),
    };
    let body = object(reply).unwrap_or_default();
    let error = member(&body, "error").unwrap_or("no error code");
    format!("{} {} {}", reply.status, excerpt(error), excerpt(member(&body, "error_description").unwrap_or_default()))
        .trim_end()
        .to_owned()
}
