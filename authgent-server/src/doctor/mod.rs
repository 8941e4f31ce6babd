//! `authgent doctor`: walks the path of a client and says what it finds.
//!
//! [`examine`] is the walk. Each stage has a file: what it asks, and beside it the checks, which look at recorded answers and
//! nothing else. Every fault that can be found stands in [`faults`], with whom it breaks and how to mend it.
//!
//! It works on any MCP server and any authorization server. Nothing is registered and nobody signs in unless
//! [`Options::login`] says so.

mod call;
mod challenge;
mod compare;
mod cors;
mod discovery;
mod document;
mod endpoints;
mod faults;
mod finding;
mod keys;
mod login;
mod loopback;
mod messages;
mod reach;
mod report;
mod resource;
mod token;

use crate::crypto::random::Random;
use crate::net::probe::{Answered, Ask, Probe};
use authgent_core::time::Clock;
use cors::{Kind as Script, Preflight};
use document::{Document, Place};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

pub use finding::{Finding, Severity, Stage};
pub use report::{Counts, Kind, Report};

/// How many authorization servers of one MCP server are looked at.
const MOST_AUTHORIZATION_SERVERS: usize = 5;

/// What is to be examined, and how far.
pub struct Options {
    /// The URL, letter by letter as it was typed.
    pub typed: String,
    /// The same, parsed.
    pub url: Url,
    /// Whether to sign in.
    pub login: bool,
    /// The client to sign in as; otherwise one is registered.
    pub client_id: Option<String>,
    /// The scopes to ask for; otherwise those of the challenge, or of the metadata.
    pub scope: Option<String>,
    /// A token to examine and to call the server with.
    pub token: Option<SecretString>,
    /// The loopback port that the browser comes back to; 0 takes a free one.
    pub port: u16,
    /// How long the person may take to sign in.
    pub wait: Duration,
}

impl Options {
    /// An examination without a sign-in.
    #[must_use]
    pub fn new(typed: impl Into<String>, url: Url) -> Self {
        Self {
            typed: typed.into(),
            url,
            login: false,
            client_id: None,
            scope: None,
            token: None,
            port: 0,
            wait: Duration::from_secs(300),
        }
    }
}

/// Shows a URL to the person.
pub trait Browser: Send + Sync {
    /// Opens `url`, without waiting for what comes of it.
    fn open(&self, url: &str);
}

/// What the doctor works with.
pub struct Tools {
    /// Asks.
    pub probe: Probe,
    /// The time here, which the clocks of servers are compared with.
    pub clock: Arc<dyn Clock>,
    /// Makes `state` and the PKCE verifier.
    pub random: Arc<dyn Random>,
    /// Opened to sign in.
    pub browser: Arc<dyn Browser>,
}

/// An authorization server that could be examined.
struct Server {
    issuer: String,
    metadata: Document,
    keys: Option<Vec<keys::Key>>,
}

/// Walks the path of a client from the typed URL.
pub async fn examine(options: &Options, tools: &Tools) -> Report {
    Walk { options, tools, stages: Vec::new(), servers: Vec::new(), secrets: Vec::new() }.walk().await
}

struct Walk<'a> {
    options: &'a Options,
    tools: &'a Tools,
    stages: Vec<Stage>,
    servers: Vec<Server>,
    secrets: Vec<SecretString>,
}

impl Walk<'_> {
    async fn walk(mut self) -> Report {
        let (probe, url) = (&self.tools.probe, &self.options.url);
        let answers = challenge::Answers::ask(probe, url.as_str()).await;
        let challenge = answers.refusal().and_then(challenge::bearer);
        let of_challenge = challenge.as_ref().and_then(|challenge| challenge.get("resource_metadata"));
        let places = resource::ask(probe, url, of_challenge).await;
        let unknown = reach::ask_unknown(probe, url).await;
        if !answers.look_like_mcp() && !places.iter().any(is_resource_metadata) {
            let places = discovery::ask(probe, url).await;
            if places.iter().any(is_server_metadata) {
                return self.walk_issuer(&places, &unknown).await;
            }
        }
        let reach = reach::check(url, &answers.tools_list, &unknown, self.tools.clock.now());
        let reached = answers.tools_list.is_ok();
        self.stages.push(reach);
        if !reached {
            return self.report(Kind::McpServer);
        }
        self.stages.push(challenge::check(url, &answers));
        let scope_of_challenge = challenge.as_ref().and_then(|challenge| challenge.get("scope")).map(words);
        let (stage, document) = resource::check(url, &self.options.typed, &places, scope_of_challenge.is_some());
        self.stages.push(stage);
        let listed: Vec<String> =
            document.iter().flat_map(|document| document.list("scopes_supported")).map(str::to_owned).collect();
        let resource = document.as_ref().and_then(|document| document.text("resource")).map(str::to_owned);
        let wanted = discovery::Wanted {
            resource: resource.clone(),
            scopes: [scope_of_challenge.clone().unwrap_or_default(), listed.clone()].concat(),
        };
        self.authorization_servers(document.as_ref(), &wanted).await;
        self.scripts(document.as_ref().map(|document| document.url.as_str()), true).await;
        let asked = self.options.scope.as_deref().map(words).or(scope_of_challenge).unwrap_or(listed);
        self.tokens(resource.as_deref(), asked, true).await;
        self.report(Kind::McpServer)
    }

    async fn walk_issuer(mut self, places: &[Place], unknown: &Answered) -> Report {
        let url = &self.options.url;
        if let Some(place) = places.iter().find(|place| is_server_metadata(place)) {
            self.stages.push(reach::check(url, &place.answered, unknown, self.tools.clock.now()));
        }
        // A person who types a host types no slash; the parser would add one.
        let (stage, metadata) = discovery::check(&self.options.typed, places, &discovery::Wanted::default());
        self.stages.push(stage);
        if let Some(metadata) = metadata {
            self.authorization_server(self.options.typed.clone(), metadata).await;
        }
        self.scripts(None, false).await;
        let asked = self.options.scope.as_deref().map(words).unwrap_or_default();
        self.tokens(None, asked, false).await;
        self.report(Kind::AuthorizationServer)
    }

    /// Each authorization server that the metadata names.
    async fn authorization_servers(&mut self, document: Option<&Document>, wanted: &discovery::Wanted) {
        let issuers = document.map(|document| document.list("authorization_servers")).unwrap_or_default();
        for issuer in issuers.into_iter().take(MOST_AUTHORIZATION_SERVERS) {
            let url = Url::parse(issuer).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            let Some(url) = url else {
                self.stages.push(discovery::unusable(issuer));
                continue;
            };
            let places = discovery::ask(&self.tools.probe, &url).await;
            let (mut stage, metadata) = discovery::check(issuer, &places, wanted);
            if url.origin() != self.options.url.origin() {
                let unknown = reach::ask_unknown(&self.tools.probe, &url).await;
                if let Some(reply) = places.iter().find_map(|place| place.answered.as_ref().ok()) {
                    reach::check_clock(&mut stage, reply, self.tools.clock.now());
                    reach::check_unknown(&mut stage, &unknown);
                }
            }
            self.stages.push(stage);
            if let Some(metadata) = metadata {
                self.authorization_server(issuer.to_owned(), metadata).await;
            }
        }
    }

    /// Keys and endpoints of one authorization server.
    async fn authorization_server(&mut self, issuer: String, metadata: Document) {
        let probe = &self.tools.probe;
        let mut usable = None;
        match metadata.text("jwks_uri") {
            Some(jwks_uri) => {
                let (stage, keys) = keys::check(jwks_uri, &probe.ask(&Ask::get(jwks_uri)).await);
                self.stages.push(stage);
                usable = Some(keys).filter(|keys| !keys.is_empty());
            }
            None => self.stages.push(keys::no_jwks_uri(&metadata.url)),
        }
        self.stages.push(endpoints::check(&endpoints::Answers::ask(probe, &metadata).await));
        self.servers.push(Server { issuer, metadata, keys: usable });
    }

    /// What scripts may do.
    async fn scripts(&mut self, resource_metadata: Option<&str>, mcp: bool) {
        let probe = &self.tools.probe;
        let mut urls: Vec<(String, Script)> = Vec::new();
        if mcp {
            urls.push((self.options.url.to_string(), Script::Mcp));
        }
        urls.extend(resource_metadata.map(|url| (url.to_owned(), Script::Metadata)));
        for server in &self.servers {
            urls.push((server.metadata.url.clone(), Script::Metadata));
            for (member, kind) in [
                ("token_endpoint", Script::Endpoint),
                ("registration_endpoint", Script::Endpoint),
                ("jwks_uri", Script::Keys),
            ] {
                urls.extend(server.metadata.text(member).map(|url| (url.to_owned(), kind)));
            }
        }
        let mut preflights = Vec::new();
        for (url, kind) in urls {
            preflights.push(Preflight::ask(probe, &url, kind).await);
        }
        let refusal = if mcp { Some(cors::ask_refusal(probe, self.options.url.as_str()).await) } else { None };
        self.stages.push(cors::check(&preflights, refusal.as_ref()));
    }

    /// The token that was given, or that of the person who signs in: looked at, sent to the MCP server, refreshed.
    async fn tokens(&mut self, resource: Option<&str>, scope: Vec<String>, mcp: bool) {
        if let Some(token) = &self.options.token {
            self.secrets.push(token.clone());
            // What the challenge asks for is not what each token must have: the server says that when it is called.
            let scope = if self.options.scope.is_some() { scope.clone() } else { Vec::new() };
            self.token(token, resource, scope, mcp).await;
        }
        if !self.options.login {
            return;
        }
        let mut stage = Stage::new("login", "Signing in");
        let Some(server) = self.servers.first() else {
            stage.add(faults::token::NO_ACCESS.found("no metadata of an authorization server"));
            self.stages.push(stage);
            return;
        };
        let (options, tools, metadata) = (self.options, self.tools, &server.metadata);
        let login = login::Login { options, tools, metadata, resource, scope: scope.clone() };
        let tokens = login.run(&mut stage).await;
        let Some(tokens) = tokens else {
            self.stages.push(stage);
            return;
        };
        let mut stages = vec![stage];
        let access_token = tokens.access_token.clone();
        stages.extend(self.examine_token(&access_token, resource, scope, mcp).await);
        stages.push(login.finish(tokens).await);
        self.secrets.push(access_token);
        self.stages.extend(stages);
    }

    async fn token(&mut self, token: &SecretString, resource: Option<&str>, scope: Vec<String>, mcp: bool) {
        let stages = self.examine_token(token, resource, scope, mcp).await;
        self.stages.extend(stages);
    }

    async fn examine_token(
        &self,
        token: &SecretString,
        resource: Option<&str>,
        scope: Vec<String>,
        mcp: bool,
    ) -> Vec<Stage> {
        let server = self.servers.first();
        let expected = token::Expected {
            issuer: server.map(|server| server.metadata.text("issuer").unwrap_or(&server.issuer)),
            resource,
            scope,
            keys: server.and_then(|server| server.keys.as_deref()),
        };
        let stage = token::check(token.expose_secret(), &expected, self.tools.clock.now());
        if !mcp {
            return vec![stage];
        }
        let url = self.options.url.as_str();
        let answers = call::Answers::ask(&self.tools.probe, url, token.expose_secret()).await;
        let call = call::check(url, &answers, &stage);
        vec![stage, call]
    }

    fn report(self, kind: Kind) -> Report {
        let mut report = Report::new(&self.options.typed, kind, self.stages);
        let secrets: Vec<&str> = self.secrets.iter().map(SecretString::expose_secret).collect();
        report.redact(&secrets);
        report
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn is_resource_metadata(place: &Place) -> bool {
    has_member(place, &["resource", "authorization_servers"])
}

fn is_server_metadata(place: &Place) -> bool {
    has_member(place, &["issuer", "token_endpoint", "authorization_endpoint"])
}

fn has_member(place: &Place, names: &[&str]) -> bool {
    let members = place.answered.as_ref().ok().filter(|reply| reply.status == 200).and_then(document::object);
    members.is_some_and(|members| names.iter().any(|name| members.contains_key(*name)))
}
