//! Two servers on one database, and what clients, people and the operator do at either.

use crate::people::Code;
use crate::server::Program;
use crate::site::Site;
use crate::world::{CALLBACK, RESOURCE};
use anyhow::{Context as _, Result, anyhow, ensure};
use authgent_core::pkce::CodeVerifier;
use authgent_tests::browser::{Browser, Page, query};
use josekit::jwk::Jwk;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::Url;

/// Status and JSON body, null where it is none.
pub(super) type Answer = (u16, Value);

/// Where something crosses from one server to the other.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) site: &'a Site,
    pub(super) operator: &'a Program,
    /// The addresses of who crosses, and of whose things are kept.
    pub(super) people: &'a [String; 2],
    pub(super) from: usize,
    pub(super) to: usize,
}

/// An authorization request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) url: Url,
    pub(super) client_id: String,
    verifier: String,
}

impl Request {
    /// The code of the redirect that ended it.
    pub(super) fn code(&self, location: &Url) -> Result<Code> {
        let code = query(location, "code").with_context(|| {
            let error = query(location, "error").unwrap_or_default();
            format!("no code in a redirect to {} {error}", place(location))
        })?;
        Ok(Code { code, verifier: self.verifier.clone() })
    }
}

/// An address without its query, which may be secret.
fn place(url: &Url) -> String {
    format!("{}{}", url.host_str().unwrap_or_default(), url.path())
}

impl Ground<'_> {
    /// What a server is called.
    pub(super) fn name(&self, server: usize) -> String {
        let each = self.site.setting.servers;
        let version = if server < each { "the previous version" } else { "the new version" };
        if each == 1 { version.to_owned() } else { format!("server {} of {version}", server % each + 1) }
    }

    pub(super) fn url(&self, server: usize, path: &str) -> String {
        format!("{}{path}", self.site.world.bases[server])
    }

    /// The same address at another server.
    pub(super) fn at(&self, server: usize, url: &Url) -> Result<Url> {
        let mut moved = url.clone();
        let base = Url::parse(&self.site.world.bases[server])?;
        moved.set_port(base.port()).map_err(|()| anyhow!("no port in {}", place(url)))?;
        Ok(moved)
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let body = response.bytes().await?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    pub(super) async fn get(&self, server: usize, path: &str, bearer: Option<&str>) -> Result<Answer> {
        let request = self.site.http.get(self.url(server, path));
        self.send(if let Some(token) = bearer { request.bearer_auth(token) } else { request }).await
    }

    /// Posts a form, with a client's secret where it has one.
    pub(super) async fn post(
        &self,
        server: usize,
        path: &str,
        form: &[(&str, &str)],
        client: Option<(&str, &str)>,
    ) -> Result<Answer> {
        let mut request = self.site.http.post(self.url(server, path)).form(form);
        if let Some((id, secret)) = client {
            request = request.basic_auth(id, Some(secret));
        }
        self.send(request).await
    }

    /// Registers a client on the web, which nobody has consented to. Gives what the server says of it.
    pub(super) async fn register(&self, server: usize) -> Result<Value> {
        let software_id = uuid::Uuid::new_v4();
        let metadata = json!({"client_name": "Crossing", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
            "software_id": software_id});
        let answer = self.send(self.site.http.post(self.url(server, "/oauth/register")).json(&metadata)).await?;
        is(201, answer)
    }

    pub(super) fn request(&self, server: usize, client_id: &str) -> Result<Request> {
        let mut random = [0; 32];
        openssl::rand::rand_bytes(&mut random)?;
        let verifier = CodeVerifier::from_random(random);
        let mut url = Url::parse(&self.url(server, "/oauth/authorize"))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("state", "s")
            .append_pair("scope", "openid mcp:read")
            .append_pair("resource", RESOURCE)
            .append_pair("code_challenge", &verifier.challenge().to_string())
            .append_pair("code_challenge_method", "S256");
        Ok(Request { url, client_id: client_id.to_owned(), verifier: verifier.as_str().to_owned() })
    }

    /// A code for this client, with all pages that come, at one server.
    pub(super) async fn code(&self, server: usize, browser: &Browser, email: &str, client_id: &str) -> Result<Code> {
        let request = self.request(server, client_id)?;
        request.code(&browser.authorize(&request.url, email, &self.site.world.password).await?)
    }

    /// The same where the person is signed in and has consented: a page is a violation.
    pub(super) async fn code_at_once(&self, server: usize, browser: &Browser, client_id: &str) -> Result<Code> {
        let request = self.request(server, client_id)?;
        let page = browser.get(&request.url).await?;
        let location = page.location().with_context(|| format!("a page was shown, {}", page.status))?;
        request.code(&location).context("the person is asked for what they did before")
    }

    pub(super) async fn exchange(&self, server: usize, client_id: &str, code: &Code) -> Result<Answer> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code.code),
            ("redirect_uri", CALLBACK),
            ("client_id", client_id),
            ("code_verifier", &code.verifier),
            ("resource", RESOURCE),
        ];
        self.post(server, "/oauth/token", &form, None).await
    }

    /// Everything at one server: a new browser, a code, tokens. Gives the browser as well.
    pub(super) async fn tokens(&self, server: usize, client_id: &str) -> Result<(Browser, Value)> {
        let browser = Browser::new()?;
        let code = self.code(server, &browser, &self.people[0], client_id).await?;
        let tokens = is(200, self.exchange(server, client_id, &code).await?)?;
        Ok((browser, tokens))
    }

    pub(super) async fn refresh(&self, server: usize, client_id: &str, token: &str) -> Result<Answer> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client_id)];
        self.post(server, "/oauth/token", &form, None).await
    }

    /// Tokens of a program for itself.
    pub(super) async fn speak(&self, server: usize, (id, secret): (&str, &str), resource: &str) -> Result<Answer> {
        let form = [("grant_type", "client_credentials"), ("resource", resource)];
        self.post(server, "/oauth/token", &form, Some((id, secret))).await
    }

    /// What introspection says of a token.
    pub(super) async fn is_active(&self, server: usize, token: &str) -> Result<bool> {
        let (id, secret) = &self.site.world.program;
        let answer = self.post(server, "/oauth/introspect", &[("token", token)], Some((id, secret))).await?;
        Ok(is(200, answer)?["active"] == true)
    }

    pub(super) async fn keys(&self, server: usize) -> Result<Vec<Jwk>> {
        let answer = is(200, self.get(server, "/.well-known/jwks.json", None).await?)?;
        Ok(serde_json::from_value(answer["keys"].clone())?)
    }

    /// Sends the form of a page that came from wherever to this server.
    pub(super) async fn submit(
        &self,
        server: usize,
        browser: &Browser,
        page: &Page,
        field: &str,
        with: &[(&str, &str)],
    ) -> Result<Page> {
        let form = with.iter().fold(page.form(field)?, |form, (name, value)| form.with(name, value));
        let page = Page { url: self.at(server, &page.url)?, ..page.clone() };
        browser.submit(&page, &form).await
    }
}

/// The body, where the status is this one.
pub(super) fn is(status: u16, (found, body): Answer) -> Result<Value> {
    ensure!(found == status, "{found} in the place of {status}: {} {}", body["error"], body["error_description"]);
    Ok(body)
}

/// That it was refused in this way.
pub(super) fn is_refused(status: u16, error: &str, (found, body): &Answer) -> Result<()> {
    let said = body["error"].as_str().unwrap_or_default();
    ensure!((*found, said) == (status, error), "{found} {said} in the place of {status} {error}");
    Ok(())
}

/// A member that is text.
pub(super) fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str> {
    body[name].as_str().with_context(|| format!("no {name}"))
}
