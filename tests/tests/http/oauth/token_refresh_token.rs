//! `POST /oauth/token` with `grant_type=refresh_token`

use authgent_server::store::Store;
use authgent_tests::flow::{Flow, REDIRECT_URI, payload};
use authgent_tests::server::{OTHER_RESOURCE, RESOURCE, TestServer};
use serde_json::Value;

fn token(body: &Value) -> &str {
    body["refresh_token"].as_str().unwrap()
}

#[tokio::test]
async fn tokens_rotate_and_the_scope_stays() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("scope", "mcp:read mcp:write");
    let first = flow.tokens().await.unwrap();
    let (status, second) = flow.refresh(token(&first)).await.unwrap();
    assert_eq!(status, 200, "{second}");
    assert_ne!(token(&first), token(&second));
    assert_eq!(second["scope"], "mcp:read mcp:write");
    assert_eq!(payload(second["access_token"].as_str().unwrap()).unwrap()["aud"], RESOURCE);
    assert_eq!(flow.refresh(token(&second)).await.unwrap().0, 200);
}

#[tokio::test]
async fn inside_the_grace_the_same_successor_comes_again() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let first = flow.tokens().await.unwrap();
    let (_, second) = flow.refresh(token(&first)).await.unwrap();
    server.clock.advance(10);
    let (status, again) = flow.refresh(token(&first)).await.unwrap();
    assert_eq!((status, token(&again)), (200, token(&second)));
    assert_eq!(flow.refresh(token(&second)).await.unwrap().0, 200, "nobody was logged out");
}

#[tokio::test]
async fn a_late_retry_gets_the_newest_token_of_the_chain() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let first = flow.tokens().await.unwrap();
    let (_, second) = flow.refresh(token(&first)).await.unwrap();
    let (_, third) = flow.refresh(token(&second)).await.unwrap();
    server.clock.advance(9);
    // One window lost the answer, while the other went on.
    let (status, late) = flow.refresh(token(&first)).await.unwrap();
    assert_eq!((status, token(&late)), (200, token(&third)));
    server.clock.advance(300);
    assert_eq!(flow.refresh(token(&late)).await.unwrap().0, 200, "nobody was logged out");
}

#[tokio::test]
async fn replicas_whose_clocks_differ_by_two_seconds_agree_about_the_grace() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let first = flow.tokens().await.unwrap();
    server.clock.advance(-2);
    let (_, second) = flow.refresh(token(&first)).await.unwrap();
    for seconds in [2 + 10, -(2 + 10) - 2] {
        server.clock.advance(seconds);
        let (status, again) = flow.refresh(token(&first)).await.unwrap();
        assert_eq!((status, token(&again)), (200, token(&second)));
    }
}

#[tokio::test]
async fn a_clock_that_jumped_back_neither_logs_out_nor_lets_in() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let first = flow.tokens().await.unwrap();
    let (_, second) = flow.refresh(token(&first)).await.unwrap();
    server.clock.advance(-86_400);
    let (status, body) = flow.refresh(token(&first)).await.unwrap();
    assert_eq!((status, body["error"].as_str().unwrap()), (503, "temporarily_unavailable"));
    assert_eq!(flow.refresh(token(&second)).await.unwrap().0, 200, "the grant holds");
    server.clock.advance(86_400);
    assert_eq!(flow.refresh(token(&first)).await.unwrap().0, 200, "the clock is right again");
}

#[tokio::test]
async fn two_windows_that_refresh_at_once_both_stay_signed_in() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let first = flow.tokens().await.unwrap();
    let answers = futures_util::future::join_all((0..8).map(|_| flow.refresh(token(&first)))).await;
    let successors: Vec<String> = answers
        .into_iter()
        .map(|answer| answer.unwrap())
        .map(|(status, body)| {
            assert_eq!(status, 200, "{body}");
            token(&body).to_owned()
        })
        .collect();
    assert!(successors.iter().all(|successor| *successor == successors[0]), "one successor");
}

#[tokio::test]
async fn outside_the_grace_the_whole_grant_is_revoked() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let first = flow.tokens().await.unwrap();
    let (_, second) = flow.refresh(token(&first)).await.unwrap();
    // Two seconds for the clocks of replicas.
    server.clock.advance(10 + 2 + 1);
    for stolen in [token(&first), token(&second)] {
        let (status, body) = flow.refresh(stolen).await.unwrap();
        assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_grant"));
    }
    assert_eq!(flow.tokens().await.unwrap()["scope"], "mcp:read", "the person can connect again");
}

/// A chain of which the first token was used a day ago, and has no row any more. Gives that one, and the newest.
async fn used_long_ago(server: &TestServer, flow: &Flow<'_>) -> (String, String) {
    let first = flow.tokens().await.unwrap();
    let (_, second) = flow.refresh(token(&first)).await.unwrap();
    server.clock.advance(86_400);
    server.clean_up().await.unwrap();
    let row = server.refresh_token(token(&first)).await.unwrap();
    assert!(row.is_none(), "the database does not grow with every refresh");
    (token(&first).to_owned(), token(&second).to_owned())
}

#[tokio::test]
async fn a_used_one_is_known_when_its_row_is_gone() {
    let server = TestServer::setup().with("AUTHGENT_REFRESH_TTL", 90 * 86_400).start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let (first, newest) = used_long_ago(&server, &flow).await;
    for stolen in [&first, &newest] {
        let (status, body) = flow.refresh(stolen).await.unwrap();
        assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_grant"));
    }
}

#[tokio::test]
async fn nobody_ends_a_grant_by_its_identifier_or_as_another_client() {
    let server = TestServer::setup().with("AUTHGENT_REFRESH_TTL", 90 * 86_400).start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let (first, newest) = used_long_ago(&server, &flow).await;
    let stranger = Flow::of_client(&server, &server.public_client(REDIRECT_URI).await.unwrap()).unwrap();
    // The first 17 bytes are the form and the grant, which every MCP server knows from the `jti`; the proof follows.
    let forged = format!("{}{}{}", &first[..23], "A".repeat(21), &first[44..]);
    assert_eq!(flow.refresh(&forged).await.unwrap().1["error"], "invalid_grant");
    assert_eq!(stranger.refresh(&first).await.unwrap().1["error"], "invalid_grant");
    let form = [("token", forged.as_str()), ("client_id", &flow.client_id)];
    assert_eq!(server.post("/oauth/revoke", &form).await.unwrap().0, 200);
    let (status, body) = flow.refresh(&newest).await.unwrap();
    assert_eq!(status, 200, "{body}");
    // Its client may give it back, with whichever token it still has.
    let form = [("token", first.as_str()), ("client_id", &flow.client_id)];
    assert_eq!(server.post("/oauth/revoke", &form).await.unwrap().0, 200);
    assert_eq!(flow.refresh(token(&body)).await.unwrap().0, 400);
}

#[tokio::test]
async fn one_that_nobody_used_in_time_is_no_theft() {
    let server = TestServer::setup().with("AUTHGENT_REFRESH_TTL", 100).start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let (_, grant) = server.refresh_token(token(&tokens)).await.unwrap().unwrap();
    // A day after its end the token goes; the grant is looked at a day after it began.
    server.clock.advance(100 + 86_400);
    server.clean_up().await.unwrap();
    assert!(server.refresh_token(token(&tokens)).await.unwrap().is_none());
    assert_eq!(flow.refresh(token(&tokens)).await.unwrap().1["error"], "invalid_grant");
    let grant = server.store.grant(grant.id).await.unwrap();
    assert!(grant.is_none_or(|grant| grant.is_live()));
}

#[tokio::test]
async fn it_ends_after_its_life_and_unknown_ones_are_refused() {
    let server = TestServer::setup().with("AUTHGENT_REFRESH_TTL", 100).start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let first = flow.tokens().await.unwrap();
    server.clock.advance(99);
    let (status, second) = flow.refresh(token(&first)).await.unwrap();
    assert_eq!(status, 200, "{second}");
    server.clock.advance(100);
    for dead in [token(&second), "unknown"] {
        let (status, body) = flow.refresh(dead).await.unwrap();
        assert_eq!(
            (status, body["error"].as_str().unwrap()),
            (400, "invalid_grant"),
            "never invalid_client: clients would register again"
        );
    }
}

#[tokio::test]
async fn another_client_a_wider_scope_or_another_resource_is_refused() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let thief = server.public_client(REDIRECT_URI).await.unwrap();
    for (client_id, extra, expected) in [
        (thief.as_str(), None, "invalid_grant"),
        (flow.client_id.as_str(), Some(("scope", "mcp:read mcp:write")), "invalid_scope"),
        (flow.client_id.as_str(), Some(("resource", OTHER_RESOURCE)), "invalid_target"),
    ] {
        let mut form =
            vec![("grant_type", "refresh_token"), ("refresh_token", token(&tokens)), ("client_id", client_id)];
        form.extend(extra);
        let (status, body) = server.post("/oauth/token", &form).await.unwrap();
        assert_eq!((status, body["error"].as_str().unwrap()), (400, expected));
    }
    assert_eq!(flow.refresh(token(&tokens)).await.unwrap().0, 200, "nothing was lost");
}

#[tokio::test]
async fn a_narrower_scope_narrows_the_access_token_alone() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("scope", "mcp:read mcp:write");
    let first = flow.tokens().await.unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token(&first)),
        ("client_id", &flow.client_id),
        ("scope", "mcp:read"),
        ("resource", RESOURCE),
    ];
    let (_, narrow) = server.post("/oauth/token", &form).await.unwrap();
    assert_eq!(payload(narrow["access_token"].as_str().unwrap()).unwrap()["scope"], "mcp:read");
    let (_, wide) = flow.refresh(token(&narrow)).await.unwrap();
    assert_eq!(wide["scope"], "mcp:read mcp:write");
}

#[tokio::test]
async fn none_are_issued_where_their_life_is_zero() {
    let server = TestServer::setup().with("AUTHGENT_REFRESH_TTL", 0).start().await.unwrap();
    let tokens = Flow::new(&server).await.unwrap().tokens().await.unwrap();
    assert!(tokens.get("refresh_token").is_none() && tokens["access_token"].is_string());
}

#[tokio::test]
async fn a_disabled_person_is_cut_off() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let sub = payload(tokens["access_token"].as_str().unwrap()).unwrap()["sub"].as_str().unwrap().parse().unwrap();
    let tx = server.store.begin().await.unwrap();
    assert!(tx.set_user_enabled(sub, false).await.unwrap());
    tx.commit().await.unwrap();
    let (status, body) = flow.refresh(token(&tokens)).await.unwrap();
    assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_grant"));
    assert_eq!(
        flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap().path(),
        "/login",
        "the session ended too"
    );
}

/// Removes the resource, as `authgent resource remove` does, and gives it back without `scope`.
async fn resource_without(server: &TestServer, scope: Option<&str>) {
    let mut resource =
        server.store.resources().await.unwrap().into_iter().find(|known| known.uri.as_str() == RESOURCE).unwrap();
    let tx = server.store.begin().await.unwrap();
    tx.delete_resource(&resource.uri).await.unwrap();
    if let Some(scope) = scope {
        resource.scopes.retain(|known| known.token.as_str() != scope);
        tx.put_resource(&resource).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_refusal_uses_nothing_up() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let code = flow.code().await.unwrap();
    let resource =
        server.store.resources().await.unwrap().into_iter().find(|known| known.uri.as_str() == RESOURCE).unwrap();
    resource_without(&server, None).await;
    let refused = [flow.refresh(token(&tokens)).await.unwrap(), flow.exchange(&code).await.unwrap()];
    assert!(refused.iter().all(|(status, body)| *status == 400 && body["error"] == "invalid_target"), "{refused:?}");
    let tx = server.store.begin().await.unwrap();
    tx.put_resource(&resource).await.unwrap();
    tx.commit().await.unwrap();
    server.clock.advance(60);
    assert_eq!(flow.refresh(token(&tokens)).await.unwrap().0, 200, "the token was not rotated in vain");
    assert_eq!(flow.exchange(&code).await.unwrap().0, 200, "nor the code used up");
}

#[tokio::test]
async fn a_scope_that_the_operator_took_away_is_gone_at_the_next_refresh() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("scope", "mcp:read admin");
    let tokens = flow.tokens().await.unwrap();
    resource_without(&server, Some("admin")).await;
    let (_, refreshed) = flow.refresh(token(&tokens)).await.unwrap();
    assert_eq!(refreshed["scope"], "mcp:read");
    assert_eq!(payload(refreshed["access_token"].as_str().unwrap()).unwrap()["scope"], "mcp:read");
}

/// What followed it could not be known for a used one when its row is gone.
#[tokio::test]
async fn a_secret_without_the_grant_that_it_is_of_is_no_token() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let (one, other) = (flow.tokens().await.unwrap(), flow.tokens().await.unwrap());
    let secret = &token(&one)[44..];
    let renamed = format!("{}{secret}", &token(&other)[..44]);
    for forged in [secret, &renamed] {
        for scope in [None, Some("mcp:read")] {
            let form = [("grant_type", "refresh_token"), ("client_id", &*flow.client_id), ("refresh_token", forged)];
            let form: Vec<_> = form.into_iter().chain(scope.map(|scope| ("scope", scope))).collect();
            let (status, body) = server.post("/oauth/token", &form).await.unwrap();
            assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_grant"));
        }
    }
    assert_eq!(flow.refresh(token(&one)).await.unwrap().0, 200, "it was not used up");
    // Whoever made that had a token of the other grant, and it is none that could be exchanged.
    assert_eq!(flow.refresh(token(&other)).await.unwrap().0, 400);
}

/// A disk that stands still for longer than the grace: the first answer comes when the client has given up, and it asks again.
#[tokio::test]
async fn the_grace_does_not_pass_while_the_database_stands_still() {
    let directory = tempfile::tempdir().unwrap();
    let dsn = format!("sqlite://{}/authgent.db", directory.path().display());
    let server =
        TestServer::setup().with("AUTHGENT_DB_DSN", &dsn).with("AUTHGENT_REFRESH_GRACE", 2).start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let first = flow.tokens().await.unwrap();
    let other = Store::connect(&dsn.into()).await.unwrap();
    let held = other.begin().await.unwrap();
    let release = async {
        tokio::time::sleep(std::time::Duration::from_millis(3_200)).await;
        server.clock.advance(3);
        drop(held);
    };
    let (answer, ()) = tokio::join!(flow.refresh(token(&first)), release);
    let (status, second) = answer.unwrap();
    assert_eq!(status, 200);
    // Later than the grace and two clocks after the request, and not after its commit.
    server.clock.advance(3);
    let (status, again) = flow.refresh(token(&first)).await.unwrap();
    assert_eq!((status, token(&again)), (200, token(&second)));
    server.clock.advance(2);
    assert_eq!(flow.refresh(token(&first)).await.unwrap().0, 400, "it does pass");
}
