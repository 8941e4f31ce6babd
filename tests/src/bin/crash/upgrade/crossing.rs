//! Each flow begins at one server and goes on at the other one, which may run another version.

use super::ground::{Ground, is, is_refused, text};
use crate::checker::{Kind, Violation};
use crate::inspect::signed;
use crate::world::RESOURCE;
use anyhow::{Context as _, Result, ensure};
use authgent_tests::browser::{Browser, Page};
use serde_json::{Value, json};

/// All flows, both ways where there are two servers. How many went through, and what is wrong with the others.
pub(super) async fn all(ground: &Ground<'_>) -> (usize, Vec<Violation>) {
    let (mut passed, mut found) = (0, Vec::new());
    let back = Ground { from: ground.to, to: ground.from, ..*ground };
    let ways = if ground.from == ground.to { vec![ground] } else { vec![ground, &back] };
    for way in ways {
        let outcomes = [
            ("a code and its replay", code(way).await),
            ("a chain of refresh tokens", chain(way).await),
            ("sign-in and consent pages", pages(way).await),
            ("a registration", registration(way).await),
            ("a revocation", revocation(way).await),
            ("a program's token", program(way).await),
            ("claims about a person", userinfo(way).await),
            ("an application that is disconnected", disconnection(way).await),
            ("a client that is disabled", disabled(way).await),
            ("a resource that is added and removed", resource(way).await),
            ("sessions that are ended", sessions(way).await),
        ];
        for (flow, outcome) in outcomes {
            match outcome {
                Ok(()) => passed += 1,
                Err(problem) => {
                    let (from, to) = (way.name(way.from), way.name(way.to));
                    let what = format!("{flow}, from {from} to {to}: {problem:#}");
                    found.push(Violation::new(Kind::Crossing, what));
                }
            }
        }
    }
    (passed, found)
}

/// Redeemed at the other one, and once only: whoever presents it again ends what it brought, at both.
async fn code(ground: &Ground<'_>) -> Result<()> {
    let (web, browser) = (&ground.site.world.web, Browser::new()?);
    let code = ground.code(ground.from, &browser, &ground.people[0], web).await?;
    let tokens = is(200, ground.exchange(ground.to, web, &code).await?)?;
    is_refused(400, "invalid_grant", &ground.exchange(ground.from, web, &code).await?).context("again")?;
    let refresh = ground.refresh(ground.to, web, text(&tokens, "refresh_token")?).await?;
    is_refused(400, "invalid_grant", &refresh).context("after the replay")
}

/// Each refresh at the other one. What is sent again has the same successor.
async fn chain(ground: &Ground<'_>) -> Result<()> {
    let web = &ground.site.world.web;
    let (_, mut tokens) = ground.tokens(ground.from, web).await?;
    for server in [ground.to, ground.from, ground.to, ground.from] {
        let other = if server == ground.to { ground.from } else { ground.to };
        let presented = text(&tokens, "refresh_token")?.to_owned();
        tokens = is(200, ground.refresh(server, web, &presented).await?)?;
        let again = is(200, ground.refresh(other, web, &presented).await?).context("sent again")?;
        ensure!(again["refresh_token"] == tokens["refresh_token"], "another successor when it is sent again");
    }
    ensure!(ground.is_active(ground.to, text(&tokens, "access_token")?).await?, "the last access token is not active");
    Ok(())
}

/// Each page is shown by one and answered at the other; afterwards nobody is asked again, by either.
async fn pages(ground: &Ground<'_>) -> Result<()> {
    let browser = Browser::new()?;
    let client = ground.register(ground.from).await?;
    let client_id = text(&client, "client_id")?;
    let request = ground.request(ground.from, client_id)?;
    let page = browser.follow(browser.get(&request.url).await?).await?;
    let with = [("email", ground.people[0].as_str()), ("password", &ground.site.world.password)];
    let page = ground.submit(ground.to, &browser, &page, "password", &with).await.context("the sign-in page")?;
    let consent = browser.follow(page).await?;
    let consent = browser.get(ground.at(ground.from, &consent.url)?).await?;
    let answer = [("decision", "allow")];
    let page =
        ground.submit(ground.to, &browser, &consent, "interaction", &answer).await.context("the consent page")?;
    let location = page.location().with_context(|| format!("no redirect, {}", page.status))?;
    let code = request.code(&location)?;
    is(200, ground.exchange(ground.from, client_id, &code).await?)?;
    for server in [ground.to, ground.from] {
        ground.code_at_once(server, &browser, client_id).await?;
    }
    Ok(())
}

/// Read, changed and removed at either.
async fn registration(ground: &Ground<'_>) -> Result<()> {
    let client = ground.register(ground.from).await?;
    let path = format!("/oauth/register/{}", text(&client, "client_id")?);
    let token = text(&client, "registration_access_token")?;
    let mut metadata = is(200, ground.get(ground.to, &path, Some(token)).await?)?;
    for name in ["registration_access_token", "registration_client_uri", "client_id_issued_at"] {
        metadata.as_object_mut().context("an object")?.remove(name);
    }
    metadata["client_name"] = json!("Renamed");
    let change = ground.site.http.put(ground.url(ground.to, &path)).bearer_auth(token).json(&metadata);
    is(200, ground.send(change).await?).context("changed")?;
    let changed = is(200, ground.get(ground.from, &path, Some(token)).await?)?;
    ensure!(changed["client_name"] == "Renamed", "its change is not seen");
    let removal = ground.site.http.delete(ground.url(ground.from, &path)).bearer_auth(token);
    is(204, ground.send(removal).await?).context("removed")?;
    is(401, ground.get(ground.to, &path, Some(token)).await?).context("after its removal").map(drop)
}

/// In force at the other one from the next request on.
async fn revocation(ground: &Ground<'_>) -> Result<()> {
    let web = &ground.site.world.web;
    let (_, tokens) = ground.tokens(ground.from, web).await?;
    let (refresh, access) = (text(&tokens, "refresh_token")?, text(&tokens, "access_token")?);
    ensure!(ground.is_active(ground.to, access).await?, "not active before");
    is(200, ground.post(ground.to, "/oauth/revoke", &[("token", refresh), ("client_id", web)], None).await?)?;
    ensure!(!ground.is_active(ground.from, access).await?, "active afterwards");
    is_refused(400, "invalid_grant", &ground.refresh(ground.from, web, refresh).await?)
}

/// What one signs is known by the other and verified by the keys that either publishes.
async fn program(ground: &Ground<'_>) -> Result<()> {
    let (id, secret) = &ground.site.world.program;
    let tokens = is(200, ground.speak(ground.from, (id, secret), RESOURCE).await?)?;
    let access = text(&tokens, "access_token")?;
    ensure!(ground.is_active(ground.to, access).await?, "not active");
    for server in [ground.from, ground.to] {
        ensure!(ground.keys(server).await?.iter().any(|key| signed(access, key)), "no key that is published signed it");
    }
    Ok(())
}

/// `/oauth/userinfo` of one with an access token of the other.
async fn userinfo(ground: &Ground<'_>) -> Result<()> {
    let (_, tokens) = ground.tokens(ground.from, &ground.site.world.web).await?;
    let claims = is(200, ground.get(ground.to, "/oauth/userinfo", Some(text(&tokens, "access_token")?)).await?)?;
    let id_token = authgent_tests::flow::payload(text(&tokens, "id_token")?)?;
    ensure!(claims["sub"].is_string() && claims["sub"] == id_token["sub"], "another person");
    Ok(())
}

/// The person disconnects at one what they connected at the other.
async fn disconnection(ground: &Ground<'_>) -> Result<()> {
    let client = ground.register(ground.from).await?;
    let client_id = text(&client, "client_id")?;
    let (browser, tokens) = ground.tokens(ground.from, client_id).await?;
    let page = browser.get(ground.url(ground.to, "/account")).await?;
    let page = ground.submit(ground.to, &browser, &page, "client_id", &[("client_id", client_id)]).await?;
    ensure!(page.status == 303, "{} in the place of 303", page.status);
    let refresh = ground.refresh(ground.from, client_id, text(&tokens, "refresh_token")?).await?;
    is_refused(400, "invalid_grant", &refresh)
}

/// From the moment on in which the command ends, at both.
async fn disabled(ground: &Ground<'_>) -> Result<()> {
    let add = ["client", "add", "--name", "Weekly", "--confidential", "--grant-type", "client_credentials", "--json"];
    let client: Value = serde_json::from_str(&ground.operator.run(&add, "").await?)?;
    let client = (text(&client, "client_id")?, text(&client, "client_secret")?);
    for server in [ground.from, ground.to] {
        is(200, ground.speak(server, client, RESOURCE).await?)?;
    }
    ground.operator.run(&["client", "disable", client.0], "").await?;
    for server in [ground.from, ground.to] {
        is_refused(401, "invalid_client", &ground.speak(server, client, RESOURCE).await?)?;
    }
    ground.operator.run(&["client", "enable", client.0], "").await?;
    for server in [ground.from, ground.to] {
        is(200, ground.speak(server, client, RESOURCE).await?).context("enabled again")?;
    }
    Ok(())
}

/// The same of a resource.
async fn resource(ground: &Ground<'_>) -> Result<()> {
    let uri = format!("https://{}.example.com/mcp", uuid::Uuid::new_v4());
    let (id, secret) = &ground.site.world.program;
    let add = ["resource", "add", &uri, "--name", "Crossing", "--scope", "use=Use it", "--default-scope", "use"];
    ground.operator.run(&add, "").await?;
    for server in [ground.from, ground.to] {
        is(200, ground.speak(server, (id, secret), &uri).await?)?;
    }
    ground.operator.run(&["resource", "remove", &uri], "").await?;
    for server in [ground.from, ground.to] {
        is_refused(400, "invalid_target", &ground.speak(server, (id, secret), &uri).await?)?;
    }
    Ok(())
}

/// Whoever is signed in at one is at the other, until the operator ends it for both.
async fn sessions(ground: &Ground<'_>) -> Result<()> {
    let browser = Browser::new()?;
    ground.code(ground.from, &browser, &ground.people[0], &ground.site.world.web).await?;
    let account = async |server: usize| -> Result<Page> { browser.get(ground.url(server, "/account")).await };
    for server in [ground.from, ground.to] {
        ensure!(account(server).await?.status == 200, "not signed in");
    }
    ground.operator.run(&["user", "end-sessions", &ground.people[0]], "").await?;
    for server in [ground.to, ground.from] {
        ensure!(account(server).await?.status == 303, "signed in after the end");
    }
    Ok(())
}
