//! Plays a client: every way in which it registers, from the first refused call to the answers to a dead refresh token and a
//! deleted client, against a real server and a real MCP server.

use super::client::Client;
use super::discovery::{Known, discover, preflight};
use super::fixture::{Authentication, Document, Fixture, Registration, Way};
use super::keys::KeyPair;
use super::resource::{McpServer, Place};
use super::step::{Step, Steps};
use crate::browser::{Browser, query};
use crate::documents::{Behaviour, DocumentServer};
use crate::flow::{EMAIL, payload};
use crate::server::{PASSWORD, TestServer};
use anyhow::{Context as _, Result, bail, ensure};
use authgent_core::pkce::CodeVerifier;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use url::Url;
use uuid::Uuid;

/// After so many seconds a refresh token that was used is dead, whoever used it.
const LONG_AFTER_USE: i64 = 120;

/// What was played of a fixture: the steps, way by way, in the order of the fixture.
#[derive(Debug)]
pub struct Played {
    /// The steps of each way.
    pub ways: Vec<Steps>,
}

impl Played {
    /// All steps of all ways.
    #[must_use]
    pub fn steps(&self) -> Steps {
        self.ways.iter().flatten().copied().collect()
    }
}

/// Plays every way of `fixture` on a server of its own.
///
/// # Errors
/// At the first step that goes otherwise than it must; the error names the client, the way and the steps before.
pub async fn play(fixture: &Fixture) -> Result<Played> {
    let keys = [KeyPair::generate()?, KeyPair::generate()?];
    let web = publish(fixture, &keys[0]).await?;
    let place = Place::take()?;
    let server = TestServer::setup().documents(&web).with("AUTHGENT_RESOURCES", place.resources()).start().await?;
    server.add_user(EMAIL).await?;
    let world = World {
        fixture,
        web,
        mcp: place.serve(&server).await?,
        keys,
        browser: Browser::new()?,
        introspector: server.add_client(json!({"grant_types": ["client_credentials"]})).await?,
        server,
    };
    let mut ways = Vec::new();
    for (index, way) in fixture.ways.iter().enumerate() {
        let mut run = Run { world: &world, way, port: random_port(), steps: Steps::new() };
        run.play().await.with_context(|| {
            format!("{}, way {} ({}), after {:?}", fixture.name, index + 1, way.authentication.as_str(), run.steps)
        })?;
        ways.push(run.steps);
    }
    Ok(Played { ways })
}

/// A web server that has all documents of the fixture, and the keys that they name.
async fn publish(fixture: &Fixture, keys: &KeyPair) -> Result<DocumentServer> {
    let contents: Vec<(&Document, Value)> =
        fixture.documents().map(|document| Ok((document, document.content()?))).collect::<Result<_>>()?;
    let jwks_uris: BTreeSet<&str> = contents.iter().filter_map(|(_, content)| content["jwks_uri"].as_str()).collect();
    let urls = contents.iter().map(|(document, _)| document.url.as_str()).chain(jwks_uris.iter().copied());
    let hosts: BTreeSet<String> =
        urls.map(|url| Ok(Url::parse(url)?.host_str().context("no host")?.to_owned())).collect::<Result<_>>()?;
    let web = DocumentServer::start(&hosts.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    for (document, content) in &contents {
        web.serve(&document.url, Behaviour::json(content.clone()));
    }
    for jwks_uri in jwks_uris {
        web.serve(jwks_uri, Behaviour::json(keys.jwks()));
    }
    Ok(web)
}

/// A port as operating systems give them to native applications.
fn random_port() -> u16 {
    let [high, low, ..] = *Uuid::new_v4().as_bytes();
    u16::from_be_bytes([high | 0xc0, low])
}

/// What a client meets.
struct World<'a> {
    fixture: &'a Fixture,
    web: DocumentServer,
    server: TestServer,
    mcp: McpServer,
    /// The client's own keys, and somebody else's.
    keys: [KeyPair; 2],
    browser: Browser,
    /// Identifier and secret of somebody who may ask the server whether a token is good.
    introspector: (String, Option<String>),
}

/// One way of one client.
struct Run<'a> {
    world: &'a World<'a>,
    way: &'a Way,
    port: u16,
    steps: Steps,
}

impl<'a> Run<'a> {
    async fn play(&mut self) -> Result<()> {
        let World { fixture, server, mcp, .. } = self.world;
        let known = discover(self.way, server, mcp, &mut self.steps).await?;
        if let Some(origin) = &fixture.page {
            preflight(origin, server, &mut self.steps).await?;
        }
        let client = self.register().await?;
        let tokens = self.sign_in_everywhere(&client, &known).await?;
        self.refresh(&client, &tokens).await?;
        self.sign_in_again(&client, &known).await?;
        self.end(&client, &tokens).await
    }

    async fn register(&mut self) -> Result<Client<'a>> {
        let World { fixture, server, mcp, keys, .. } = self.world;
        let (id, secret) = match &self.way.registration {
            Registration::Document { document } => (document.url.clone(), None),
            Registration::Dynamic { registration } => self.register_dynamically(registration).await?,
            Registration::PreRegistered { registration } => {
                let client = server.add_client(registration.clone()).await?;
                self.steps.insert(Step::PreRegistered);
                client
            }
        };
        let authentication = self.way.authentication;
        Ok(Client { server, fixture, resource: &mcp.url, keys: &keys[0], id, secret, authentication })
    }

    async fn register_dynamically(&mut self, registration: &Value) -> Result<(String, Option<String>)> {
        let body = registration.to_string().replace("{port}", &self.port.to_string());
        let body: Value = serde_json::from_str(&body)?;
        let (status, answer) = self.world.server.register(&body).await?;
        ensure!(status == 201, "registration: {status} {answer}");
        ensure!(answer["redirect_uris"] == body["redirect_uris"], "redirect URIs: {}", answer["redirect_uris"]);
        ensure!(answer["client_name"] == body["client_name"], "name: {}", answer["client_name"]);
        // Where a client names no method, it does what the answer says.
        let method = body["token_endpoint_auth_method"].as_str().unwrap_or(self.way.authentication.as_str());
        ensure!(answer["token_endpoint_auth_method"] == method, "method: {}", answer["token_endpoint_auth_method"]);
        let is_private_use = |uri: &Value| uri.as_str().is_some_and(|uri| !uri.starts_with("http"));
        let has_private_use = body["redirect_uris"].as_array().is_some_and(|uris| uris.iter().any(is_private_use));
        if body["application_type"] == "web" && has_private_use {
            ensure!(answer["application_type"] == "native", "application_type: {}", answer["application_type"]);
            self.steps.insert(Step::WebBesidePrivateUse);
        }
        self.steps.insert(Step::Registration);
        let id = answer["client_id"].as_str().context("no client_id")?.to_owned();
        Ok((id, answer["client_secret"].as_str().map(str::to_owned)))
    }

    /// Signs in with each redirect URI that the client presents. Gives the tokens of the first time.
    async fn sign_in_everywhere(&mut self, client: &Client<'_>, known: &Known) -> Result<Value> {
        let World { fixture, web, .. } = self.world;
        let scope = known.scope(fixture.authorization.scope, fixture);
        let mut first = None;
        for presented in &self.way.presented {
            let redirect_uri = presented.replace("{port}", &self.port.to_string());
            let tokens = self.sign_in(client, known, &redirect_uri, Some(&scope)).await?;
            first.get_or_insert(tokens);
        }
        if self.way.presented.len() > 1 {
            self.steps.insert(Step::EachRedirectUri);
        }
        if let Registration::Document { document } = &self.way.registration {
            ensure!(web.requests(&document.url) > 0, "the document was not fetched");
            self.steps.insert(Step::Document);
        }
        first.context("the client presents no redirect URI")
    }

    /// One authorization and its token request: a person consents, the client looks at what comes back and calls a tool.
    async fn sign_in(
        &mut self,
        client: &Client<'_>,
        known: &Known,
        redirect_uri: &str,
        scope: Option<&str>,
    ) -> Result<Value> {
        let World { fixture, server, mcp, browser, .. } = self.world;
        let request = &fixture.authorization;
        let verifier = CodeVerifier::from_random(random());
        let state = request.state.replace("{random}", &Uuid::new_v4().simple().to_string());
        let mut parameters = vec![
            ("response_type", "code".to_owned()),
            ("client_id", client.id.clone()),
            ("redirect_uri", redirect_uri.to_owned()),
            ("state", state.clone()),
            ("code_challenge", verifier.challenge().to_string()),
            ("code_challenge_method", "S256".to_owned()),
        ];
        parameters.extend(scope.map(|scope| ("scope", scope.to_owned())));
        parameters.extend(request.resource.then(|| ("resource", mcp.url.clone())));
        parameters.extend(request.parameters.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let url = Url::parse_with_params(known.authorization_endpoint()?, &parameters)?;

        let location = browser.authorize(url, EMAIL, PASSWORD).await.context("authorization")?;
        ensure!(location.as_str().split('?').next() == Some(redirect_uri), "redirected to {location}");
        ensure!(query(&location, "iss").as_deref() == Some(&*server.issuer), "iss in {location}");
        ensure!(query(&location, "state").as_deref() == Some(&*state), "state in {location}");
        let code = query(&location, "code").with_context(|| format!("no code in {location}"))?;
        let (status, tokens) = client.exchange(&code, redirect_uri, verifier.as_str()).await?;
        ensure!(status == 200, "token request: {status} {}", tokens["error_description"]);
        self.check(client, &tokens).await?;

        self.steps.extend([Step::SignIn, Step::Token, Step::ToolCall]);
        if scope.is_none() {
            self.steps.insert(Step::NoScope);
        }
        if scope.is_some_and(|scope| scope.split(' ').any(|scope| scope == "offline_access")) {
            self.steps.insert(Step::OfflineAccess);
        }
        if request.parameters.get("prompt").is_some_and(|prompt| prompt == "consent") {
            self.steps.insert(Step::PromptConsent);
        }
        Ok(tokens)
    }

    /// What a client and the MCP server find in an answer of the token endpoint.
    async fn check(&self, client: &Client<'_>, tokens: &Value) -> Result<()> {
        let World { server, mcp, .. } = self.world;
        let access_token = tokens["access_token"].as_str().context("no access_token")?;
        let claims = payload(access_token)?;
        ensure!(tokens["token_type"] == "Bearer" && tokens["expires_in"].is_i64(), "token_type or expires_in");
        ensure!(tokens["refresh_token"].is_string(), "no refresh_token");
        ensure!(claims["iss"] == *server.issuer && claims["client_id"] == *client.id, "{claims}");
        ensure!(claims["aud"] == *mcp.url || claims["aud"] == json!([mcp.url]), "aud: {}", claims["aud"]);
        let me = mcp.whoami(access_token).await.context("whoami")?;
        ensure!(me["email"] == EMAIL, "whoami: {me}");
        Ok(())
    }

    /// As the client does it, as others do it, and twice at once.
    async fn refresh(&mut self, client: &Client<'_>, tokens: &Value) -> Result<()> {
        let with_resource = self.world.fixture.refresh.resource;
        let mut current = tokens.clone();
        for with_resource in [with_resource, !with_resource] {
            let (status, next) = client.refresh(&current, with_resource).await?;
            ensure!(status == 200, "refresh: {status} {}", next["error_description"]);
            self.check(client, &next).await?;
            self.steps.insert(if with_resource { Step::Refresh } else { Step::RefreshWithoutResource });
            current = next;
        }
        let refresh = || client.refresh(&current, with_resource);
        let (one, other) = tokio::join!(refresh(), refresh());
        for (status, window) in [one?, other?] {
            ensure!(status == 200, "two windows: {status} {}", window["error_description"]);
            self.check(client, &window).await?;
            ensure!(self.is_active(&window).await?, "two windows: an access token is dead");
            let (status, next) = client.refresh(&window, with_resource).await?;
            ensure!(
                status == 200 && self.is_active(&next).await?,
                "two windows: {status} {}",
                next["error_description"]
            );
        }
        self.steps.insert(Step::TwoWindows);
        if self.way.authentication == Authentication::PrivateKeyJwt {
            // Otherwise a server that does not look at assertions would pass.
            let (status, body) = client.with_keys(&self.world.keys[1]).refresh(&current, with_resource).await?;
            ensure!(status == 401 && body["error"] == "invalid_client", "another key: {status} {}", body["error"]);
            self.steps.insert(Step::PrivateKeyJwt);
        }
        Ok(())
    }

    /// Whether the server says that an access token is good: the MCP server does not ask it.
    async fn is_active(&self, tokens: &Value) -> Result<bool> {
        let World { introspector: (id, secret), server, .. } = self.world;
        let token = tokens["access_token"].as_str().context("no access_token")?;
        let basic = Some((id.as_str(), secret.as_deref().context("no secret")?));
        let (status, body) = server.post_as("/oauth/introspect", &[("token", token)], basic).await?;
        ensure!(status == 200, "introspection: {status} {body}");
        Ok(body["active"] == true)
    }

    /// Later: at another port, without scope, with more scope.
    async fn sign_in_again(&mut self, client: &Client<'_>, known: &Known) -> Result<()> {
        let World { fixture, mcp, .. } = self.world;
        let presented = self.way.presented.first().context("the client presents no redirect URI")?;
        let scope = known.scope(fixture.authorization.scope, fixture);
        let mut redirect_uri = presented.replace("{port}", &self.port.to_string());
        if let Some(moving) = self.way.presented.iter().find(|presented| presented.contains("{port}")) {
            // Another one, as each start of the program gives it.
            redirect_uri = moving.replace("{port}", &(self.port ^ 1).to_string());
            self.sign_in(client, known, &redirect_uri, Some(&scope)).await.context("at another port")?;
            self.steps.insert(Step::AnotherPort);
        }
        if let Some(scope) = &fixture.scope_unknown {
            self.sign_in(client, known, &redirect_uri, Some(scope)).await.context("with offline_access alone")?;
            ensure!(scope.trim() == "offline_access", "another scope that is sent where none is known: {scope}");
            self.steps.insert(Step::OfflineAccessAlone);
        }
        let tokens = self.sign_in(client, known, &redirect_uri, None).await.context("without scope")?;
        if fixture.step_up {
            let access_token = tokens["access_token"].as_str().context("no access_token")?;
            let missing = mcp.create_project(access_token).await?.context("step-up: nothing was missing")?;
            // The union of what it had and what is missing: a server need not repeat the former.
            let union = [&*scope, &missing].join(" ");
            let union = union.split_whitespace().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ");
            let tokens = self.sign_in(client, known, &redirect_uri, Some(&union)).await.context("step-up")?;
            let access_token = tokens["access_token"].as_str().context("no access_token")?;
            ensure!(mcp.create_project(access_token).await?.is_none(), "step-up: the scope was not granted");
            self.steps.insert(Step::StepUp);
        }
        Ok(())
    }

    /// The refresh token of the first sign-in has long been used; then the client is deleted.
    async fn end(&mut self, client: &Client<'_>, used: &Value) -> Result<()> {
        let World { fixture, server, .. } = self.world;
        server.clock.advance(LONG_AFTER_USE);
        let (status, body) = client.refresh(used, fixture.refresh.resource).await?;
        // The MCP server of the next way looks at the real time.
        server.clock.advance(-LONG_AFTER_USE);
        ensure!(status == 400 && body["error"] == "invalid_grant", "dead refresh token: {status} {}", body["error"]);
        self.steps.insert(Step::DeadRefreshToken);
        if matches!(self.way.registration, Registration::Document { .. }) {
            // There is nothing to delete: the document is the registration.
            return Ok(());
        }
        let tx = server.store.begin().await?;
        if !tx.delete_client(&client.id).await? {
            bail!("the client was not there");
        }
        tx.commit().await?;
        let (status, body) = client.refresh(used, fixture.refresh.resource).await?;
        ensure!(status == 401 && body["error"] == "invalid_client", "deleted client: {status} {}", body["error"]);
        self.steps.insert(Step::DeletedClient);
        Ok(())
    }
}

fn random() -> [u8; 32] {
    let mut random = [0; 32];
    random[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    random[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    random
}
