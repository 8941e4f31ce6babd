//! What somebody else does while a request is under way: between what it reads first and what it writes. Each on SQLite and, where
//! it is installed, on PostgreSQL.

use authgent_core::time::Clock as _;
use authgent_server::crypto::password::PasswordHasher;
use authgent_server::domain::{Email, Grant, GrantState, RevocationReason, Totp, User};
use authgent_server::store::{StoreError, WriteTransaction};
use authgent_tests::browser::{Browser, Page, query};
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::html::Form;
use authgent_tests::server::{PASSWORD, TestServer};
use uuid::Uuid;

const NEW: &str = "lichtscheue quallen am kai";

async fn servers() -> Vec<TestServer> {
    let mut servers = Vec::new();
    let setup = TestServer::setup();
    for setup in [Some(setup.clone()), setup.postgres().unwrap()].into_iter().flatten() {
        servers.push(setup.start().await.unwrap());
    }
    servers
}

async fn user(server: &TestServer) -> User {
    server.store.user_by_email(&Email::parse(EMAIL).unwrap()).await.unwrap().unwrap()
}

async fn sessions(server: &TestServer) -> usize {
    server.store.sessions_of_user(user(server).await.id, server.clock.now()).await.unwrap().len()
}

/// The form of the sign-in page with this password.
async fn typed(server: &TestServer, browser: &Browser, password: &str) -> (Page, Form) {
    let page = browser.get(server.url("/login")).await.unwrap();
    let form = page.form("password").unwrap().with("email", EMAIL).with("password", password);
    (page, form)
}

async fn sign_in(server: &TestServer, password: &str) -> (Browser, u16) {
    let browser = Browser::new().unwrap();
    let (page, form) = typed(server, &browser, password).await;
    let status = browser.submit(&page, &form).await.unwrap().status.as_u16();
    (browser, status)
}

async fn new_hash() -> String {
    PasswordHasher::new(1).hash(NEW.to_owned().into()).await.unwrap()
}

/// What a reset does.
async fn reset(tx: &WriteTransaction, id: Uuid, hash: &str) -> Result<(), StoreError> {
    tx.set_password(id, hash).await?;
    tx.delete_sessions_of_user(id).await?;
    Ok(())
}

/// What `authgent user disable` does.
async fn disable(tx: &WriteTransaction, id: Uuid) -> Result<(), StoreError> {
    tx.set_user_enabled(id, false).await?;
    tx.delete_sessions_of_user(id).await?;
    Ok(())
}

#[tokio::test]
async fn a_password_that_is_replaced_while_it_is_verified_signs_nobody_in() {
    let hash = new_hash().await;
    for server in servers().await {
        let id = server.add_user(EMAIL).await.unwrap();
        let browser = Browser::new().unwrap();
        let (page, form) = typed(&server, &browser, PASSWORD).await;
        let answer = server.meanwhile(async |tx| reset(tx, id, &hash).await, browser.submit(&page, &form)).await;
        assert_eq!(answer.unwrap().unwrap().status, 401);
        assert_eq!(sessions(&server).await, 0);
        let (_, status) = sign_in(&server, NEW).await;
        assert_eq!((status, sessions(&server).await), (303, 1));

        let (page, form) = typed(&server, &browser, NEW).await;
        let answer = server.meanwhile(async |tx| disable(tx, id).await, browser.submit(&page, &form)).await;
        assert_eq!(answer.unwrap().unwrap().status, 401);
        assert_eq!(sessions(&server).await, 0);
    }
}

#[tokio::test]
async fn nor_is_the_second_factor_asked_for() {
    let hash = new_hash().await;
    for server in servers().await {
        let id = server.add_user(EMAIL).await.unwrap();
        let now = server.clock.now();
        let app = Totp { user_id: id, sealed_secret: vec![1], confirmed_at: Some(now), last_step: 0, created_at: now };
        let tx = server.store.begin().await.unwrap();
        tx.save_totp(&app).await.unwrap();
        tx.commit().await.unwrap();
        let browser = Browser::new().unwrap();
        let (page, form) = typed(&server, &browser, PASSWORD).await;
        let answer = server.meanwhile(async |tx| reset(tx, id, &hash).await, browser.submit(&page, &form)).await;
        assert_eq!(answer.unwrap().unwrap().status, 401);
    }
}

#[tokio::test]
async fn whoever_was_shut_out_by_a_reset_does_not_undo_it() {
    let hash = new_hash().await;
    for server in servers().await {
        let id = server.add_user(EMAIL).await.unwrap();
        let (browser, _) = sign_in(&server, PASSWORD).await;
        let page = browser.get(server.url("/account/password")).await.unwrap();
        let mine = "murmelnde laternen im moor";
        let form = page.form("repeat").unwrap().with("password", mine).with("repeat", mine);
        let answer = server.meanwhile(async |tx| reset(tx, id, &hash).await, browser.submit(&page, &form)).await;
        let next = browser.get(answer.unwrap().unwrap().location().unwrap()).await.unwrap();
        assert_eq!(next.location().unwrap().path(), "/login");
        assert_eq!(user(&server).await.password_hash.as_deref(), Some(&*hash));
    }
}

/// A client on the web that was allowed something, and a person who is signed in.
async fn connected(server: &TestServer) -> (Flow<'_>, User) {
    let flow = Flow::on_the_web(server).await.unwrap();
    flow.redirected().await.unwrap();
    let location = flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap();
    assert!(query(&location, "code").is_some(), "without a question: {location}");
    (flow, user(server).await)
}

#[tokio::test]
async fn no_code_is_issued_to_a_session_that_ends() {
    for server in servers().await {
        let (mut flow, ada) = connected(&server).await;
        let end = async |tx: &WriteTransaction| {
            tx.delete_sessions_of_user(ada.id).await?;
            tx.revoke_grants_of_user(ada.id, server.clock.now(), RevocationReason::RevokedByUser).await?;
            Ok(())
        };
        let answer = server.meanwhile(end, flow.browser.get(flow.authorize_url())).await.unwrap().unwrap();
        assert_eq!(answer.location().unwrap().path(), "/login");
        flow.redirected().await.unwrap();
        flow.set("prompt", "none");
        let answer = server.meanwhile(end, flow.browser.get(flow.authorize_url())).await.unwrap().unwrap();
        assert_eq!(query(&answer.location().unwrap(), "error").as_deref(), Some("login_required"));
    }
}

#[tokio::test]
async fn no_code_is_issued_for_a_consent_that_is_taken_back() {
    for server in servers().await {
        let (flow, ada) = connected(&server).await;
        let disconnect = async |tx: &WriteTransaction| {
            tx.delete_consents(ada.id, Some(&flow.client_id)).await?;
            tx.revoke_grants_of_user(ada.id, server.clock.now(), RevocationReason::RevokedByUser).await?;
            Ok(())
        };
        let answer = server.meanwhile(disconnect, flow.browser.get(flow.authorize_url())).await.unwrap().unwrap();
        assert_eq!(answer.location().unwrap().path(), "/consent");
    }
}

#[tokio::test]
async fn a_question_to_a_session_that_ends_leads_to_the_sign_in_page() {
    for server in servers().await {
        // What goes to a program on the computer is asked about each time.
        let flow = Flow::new(&server).await.unwrap();
        flow.redirected().await.unwrap();
        let ada = user(&server).await;
        let end = async |tx: &WriteTransaction| tx.delete_sessions_of_user(ada.id).await.map(drop);
        let answer = server.meanwhile(end, flow.browser.get(flow.authorize_url())).await.unwrap().unwrap();
        assert_eq!(answer.location().unwrap().path(), "/login");
    }
}

/// The other way round: what is added because of a consent, or in a session, is ended with it.
#[tokio::test]
async fn whoever_disconnects_an_application_ends_what_it_is_given_at_this_moment() {
    for server in servers().await {
        for path in ["/account/disconnect", "/account/disconnect-all"] {
            let (flow, ada) = connected(&server).await;
            let tokens = Flow::new(&server).await.unwrap().tokens().await.unwrap();
            let (_, grant) = server.refresh_token(tokens["refresh_token"].as_str().unwrap()).await.unwrap().unwrap();
            let grant = Grant { id: Uuid::now_v7(), client_id: flow.client_id.clone(), ..grant };
            // As an authorization request does that needs no question.
            let issue = async |tx: &WriteTransaction| {
                tx.consent(ada.id, &flow.client_id, &grant.resource).await?;
                tx.insert_grant(&grant).await
            };
            let page = flow.browser.get(server.url("/account")).await.unwrap();
            let mut form = page.form("csrf_token").unwrap().with("client_id", &flow.client_id);
            form.action = server.url(path);
            server.meanwhile(issue, flow.browser.submit(&page, &form)).await.unwrap().unwrap();
            let grant = server.store.grant(grant.id).await.unwrap().unwrap();
            assert_ne!(grant.state, GrantState::Live, "{path}");
        }
    }
}
