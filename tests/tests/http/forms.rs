//! Every form there is, posted as another site would post it.

use authgent_core::time::Clock as _;
use authgent_server::crypto::hash::token_hash;
use authgent_server::domain::{LinkPurpose, OneTimeLink, User};
use authgent_tests::browser::Browser;
use authgent_tests::flow::EMAIL;
use authgent_tests::html::Form;
use authgent_tests::server::{PASSWORD, TestServer};
use authgent_tests::upstream::Provider;
use std::path::Path;
use uuid::Uuid;

/// What programs post to, which bring a credential with every request and no cookie.
const OF_PROGRAMS: [&str; 7] = [
    "/oauth/token",
    "/oauth/register",
    "/oauth/revoke",
    "/oauth/introspect",
    "/oauth/userinfo",
    // A client's request, as in its `GET` form.
    "/oauth/authorize",
    // A provider's: the token is the credential.
    "/idp/{id}/backchannel-logout",
];

/// The paths of the route tables that take `POST`.
fn posted() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../authgent-server/src/http");
    let tables = ["mod.rs", "account/mod.rs"].map(|file| std::fs::read_to_string(folder.join(file)).unwrap());
    let text = tables.concat();
    let routes = text.split("at(\"").skip(1).filter(|route| {
        let end = route.find("at(\"").unwrap_or(route.len());
        let route = &route[..end.min(route.find("at(&").unwrap_or(end))];
        route.split(".service(").next().unwrap_or_default().contains("web::post()")
    });
    routes.map(|route| route.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn no_form_is_believed_without_the_token_of_a_page() {
    let provider = Provider::start().unwrap();
    let mut setup = TestServer::setup().with("AUTHGENT_LOCAL_ACCOUNTS", "on");
    for (variable, value) in provider.variables() {
        setup = setup.with(variable, value);
    }
    let server = setup.start().await.unwrap();
    let ada = server.add_user(EMAIL).await.unwrap();
    let (invited, reset) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let grace = server.add_user("grace@example.com").await.unwrap();
    let tx = server.store.begin().await.unwrap();
    tx.delete_password(grace).await.unwrap();
    for (token, user, purpose) in
        [(&invited, grace, LinkPurpose::Invitation), (&reset, ada, LinkPurpose::PasswordReset)]
    {
        tx.insert_link(&OneTimeLink::new(token_hash(token), user, purpose, false, server.clock.now())).await.unwrap();
    }
    tx.commit().await.unwrap();
    let browser = Browser::new().unwrap();
    let login = browser.get(server.url("/login")).await.unwrap();
    let form = login.form("password").unwrap().with("email", EMAIL).with("password", PASSWORD);
    assert_eq!(browser.submit(&login, &form).await.unwrap().status, 303);
    let before: Vec<User> = server.store.users().await.unwrap();

    let paths = posted();
    assert!(paths.len() > 30 && OF_PROGRAMS.iter().all(|path| paths.iter().any(|known| known == path)), "{paths:?}");
    for path in paths.iter().filter(|path| !OF_PROGRAMS.contains(&path.as_str())) {
        let token = if path.starts_with("/invitation") { &invited } else { &reset };
        let action = path.replace("{token}", token).replace("{id}", "idp");
        let fields = |csrf: Option<&str>| {
            let mut fields = vec![("email", EMAIL), ("password", PASSWORD), ("confirm", EMAIL), ("decision", "allow")];
            fields.extend(csrf.map(|csrf| ("csrf_token", csrf)));
            fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        for csrf in [None, Some(""), Some("forged")] {
            let answer = browser.submit(&login, &Form { action: action.clone(), fields: fields(csrf) }).await.unwrap();
            // Without a token, a client asks for a sign-out: the person is asked.
            let asks = path == "/logout" && csrf != Some("forged") && answer.status == 303;
            assert!(answer.status == 403 || asks, "{path} {csrf:?}: {}", answer.status);
        }
        // What scripts of ours post.
        if ["/passkey", "/passkeys", "/options"].iter().any(|end| path.ends_with(end)) {
            let (status, _) = browser.call(server.url(&action), "forged", &serde_json::json!({})).await.unwrap();
            assert_eq!(status, 403, "{path}");
        }
    }
    assert_eq!(server.store.users().await.unwrap(), before, "nothing was changed");
    assert_eq!(browser.get(server.url("/account")).await.unwrap().status, 200, "nobody was signed out");
}
