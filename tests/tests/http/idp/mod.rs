//! Signing in at an upstream provider: `/idp/{id}`, `/idp/callback`, and what they lead to.

mod accounts;
mod attacks;
mod back_channel;
mod linking;
mod sign_in;
mod tokens;

use authgent_server::domain::{Email, User};
use authgent_tests::browser::{Browser, Page, query};
use authgent_tests::flow::Flow;
use authgent_tests::server::{Setup, TestServer};
use authgent_tests::upstream::Provider;
use url::Url;

/// A provider, and a server whose people sign in there.
struct World {
    provider: Provider,
    server: TestServer,
}

impl World {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        Self::of(Provider::start().unwrap(), settings).await
    }

    async fn of(provider: Provider, settings: &[(&str, &str)]) -> Self {
        Self::on(TestServer::setup(), provider, settings).await
    }

    /// On SQLite and, where it is installed, on PostgreSQL.
    async fn on_each_database() -> Vec<Self> {
        let mut worlds = Vec::new();
        let setup = TestServer::setup();
        for setup in [Some(setup.clone()), setup.postgres().unwrap()].into_iter().flatten() {
            worlds.push(Self::on(setup, Provider::start().unwrap(), &[]).await);
        }
        worlds
    }

    async fn on(mut setup: Setup, provider: Provider, settings: &[(&str, &str)]) -> Self {
        for (variable, value) in provider.variables() {
            setup = setup.with(variable, value);
        }
        for (variable, value) in settings {
            setup = setup.with(variable, value);
        }
        Self { provider, server: setup.start().await.unwrap() }
    }

    /// A client that has registered itself, and somebody's browser.
    async fn flow(&self) -> Flow<'_> {
        let client_id = self.server.public_client(authgent_tests::flow::REDIRECT_URI).await.unwrap();
        Flow::of_client(&self.server, &client_id).unwrap()
    }

    /// The redirect to the provider for whoever opens this page of ours.
    async fn to_provider(&self, browser: &Browser, url: &str) -> Page {
        browser.follow(browser.get(url).await.unwrap()).await.unwrap()
    }

    /// The address that leads back to us, for whoever opens this page of ours and signs in at the provider.
    async fn way_back(&self, browser: &Browser, url: &str) -> Url {
        let page = self.to_provider(browser, url).await;
        self.provider.through(browser, &page).await.unwrap()
    }

    /// The page of ours that whoever signs in at the provider sees after it.
    async fn arrive(&self, browser: &Browser, url: &str) -> Page {
        let back = self.way_back(browser, url).await;
        browser.follow(browser.get(back).await.unwrap()).await.unwrap()
    }

    /// Signs in, and comes to the account.
    async fn account(&self, browser: &Browser) -> Page {
        self.arrive(browser, &self.server.url("/account")).await
    }

    /// Signs in, allows everything, and gives the client's tokens.
    async fn tokens(&self, flow: &Flow<'_>) -> serde_json::Value {
        let page = self.arrive(&flow.browser, &flow.authorize_url()).await;
        let form = page.form("interaction").unwrap().with("decision", "allow");
        let answer = flow.browser.submit(&page, &form).await.unwrap();
        let code = query(&answer.location().unwrap(), "code").unwrap();
        let (status, tokens) = flow.exchange(&code).await.unwrap();
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    async fn user(&self, email: &str) -> Option<User> {
        self.server.store.user_by_email(&Email::parse(email).unwrap()).await.unwrap()
    }
}
