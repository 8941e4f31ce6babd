//! What somebody was given before the update, and uses all the time.

use super::ground::{Ground, is, text};
use crate::checker::{Kind, Violation};
use crate::inspect::signed;
use crate::people::Code;
use crate::world::RESOURCE;
use anyhow::{Context as _, Result, ensure};
use authgent_tests::browser::{Browser, Page};

/// All of it, from the previous version on its own schema.
pub(super) struct Kept {
    /// Signed in once.
    browser: Browser,
    /// Of a client that has been let in once.
    refresh_token: String,
    access_tokens: Vec<String>,
    /// A client that registered itself: its address and what it manages itself with.
    registration: (String, String),
    /// A code of the last stage, which nobody has redeemed.
    code: Option<Code>,
    /// A consent page that was opened and is not answered before the new version runs.
    open: Option<Open>,
}

struct Open {
    request: super::ground::Request,
    page: Page,
}

impl Kept {
    /// # Errors
    /// Where the server refuses something.
    pub(super) async fn new(ground: &Ground<'_>) -> Result<Self> {
        let (server, web, browser) = (ground.from, &ground.site.world.web, Browser::new()?);
        let code = ground.code(server, &browser, &ground.people[1], web).await?;
        let tokens = is(200, ground.exchange(server, web, &code).await?)?;
        let (id, secret) = &ground.site.world.program;
        let program = is(200, ground.speak(server, (id, secret), RESOURCE).await?)?;
        let client = ground.register(server).await?;
        let client_id = text(&client, "client_id")?;
        let request = ground.request(server, client_id)?;
        let page = browser.follow(browser.get(&request.url).await?).await?;
        Ok(Self {
            browser,
            refresh_token: text(&tokens, "refresh_token")?.to_owned(),
            access_tokens: vec![text(&tokens, "access_token")?.to_owned(), text(&program, "access_token")?.to_owned()],
            registration: (
                format!("/oauth/register/{client_id}"),
                text(&client, "registration_access_token")?.to_owned(),
            ),
            code: None,
            open: Some(Open { request, page }),
        })
    }

    /// Uses all of it at each server.
    pub(super) async fn again(&mut self, ground: &Ground<'_>, serving: &[usize]) -> Vec<Violation> {
        let mut found = Vec::new();
        for server in serving {
            if let Err(problem) = self.at(ground, *server).await {
                let what = format!("what was there before, at {}: {problem:#}", ground.name(*server));
                found.push(Violation::new(Kind::Crossing, what));
            }
        }
        found
    }

    async fn at(&mut self, ground: &Ground<'_>, server: usize) -> Result<()> {
        let web = &ground.site.world.web;
        if let Some(code) = self.code.take() {
            is(200, ground.exchange(server, web, &code).await?).context("a code of before")?;
        }
        self.code = Some(ground.code_at_once(server, &self.browser, web).await?);
        let tokens = is(200, ground.refresh(server, web, &self.refresh_token).await?).context("a refresh token")?;
        text(&tokens, "refresh_token")?.clone_into(&mut self.refresh_token);
        let keys = ground.keys(server).await?;
        for access in &self.access_tokens {
            ensure!(ground.is_active(server, access).await?, "an access token is not active");
            ensure!(keys.iter().any(|key| signed(access, key)), "no key that is published signed an access token");
        }
        let (path, token) = &self.registration;
        is(200, ground.get(server, path, Some(token)).await?).context("a registration")?;
        // Shown by the previous version, answered by the new one; and the code is for the previous one, which still runs then.
        if server >= ground.site.setting.servers
            && let Some(Open { request, page }) = self.open.take()
        {
            let answer = [("decision", "allow")];
            let page = ground.submit(server, &self.browser, &page, "interaction", &answer).await;
            let location = page?.location().context("no redirect after a consent page of before")?;
            let code = request.code(&location).context("a consent page of before")?;
            is(200, ground.exchange(0, &request.client_id, &code).await?)?;
        }
        Ok(())
    }
}
