use super::*;
use crate::crypto::random::SystemRandom;
use crate::store::tests::{on_a_strict_database, on_every_database};
use futures_util::future::join_all;
use secrecy::SecretString;

const NOW: Timestamp = Timestamp(1_800_000_000);

#[test]
fn another_port_of_this_machine_is_no_other_deployment_and_all_else_is() {
    let public = "https://auth.example.com";
    for (noted, issuer, expected) in [
        (public, public, true),
        ("http://localhost:8080", "http://localhost:9000", true),
        ("http://localhost:8080", "http://127.0.0.1:8080/tenant", true),
        ("http://[::1]:8080", "https://auth.localhost", true),
        ("http://localhost:8080", public, false),
        (public, "http://localhost:8080", false),
        (public, "https://staging.example.com", false),
        (public, "http://auth.example.com", false),
        (public, "https://auth.example.com:8443", false),
        (public, "https://auth.example.com/tenant", false),
        // Letter by letter, as clients compare it.
        (public, "https://Auth.example.com", false),
        ("http://192.168.1.5:8080", "http://192.168.1.5:9000", false),
        ("http://localhost.example.com", "http://localhost:8080", false),
    ] {
        let [noted, issuer] = [noted, issuer].map(|text| Issuer::parse(text).unwrap());
        assert_eq!(is_same(&noted, &issuer), expected, "{noted} {issuer}");
    }
}

fn issuer(host: &str) -> Issuer {
    Issuer::parse(&format!("https://{host}.example.com")).unwrap()
}

#[tokio::test]
async fn a_database_belongs_to_the_first_issuer_until_it_is_changed() {
    on_every_database(async |dsn| {
        let store = Store::connect(&dsn).await.unwrap();
        let (first, other) = (issuer("auth"), issuer("staging"));
        check(&store, &first).await.unwrap();
        assert_eq!(store.pending_migrations().await.unwrap().len(), 7, "nothing is written by looking");
        store.migrate().await.unwrap();
        assert_eq!(store.issuer().await.unwrap(), None);
        let change = async |former: &Issuer, issuer: &Issuer| {
            change(&store, &SystemRandom, (former, issuer), NOW).await.map_err(|error| error.to_string())
        };
        let expected = "the database belongs to no issuer yet, which the first start of a server notes: leave --former-issuer away";
        assert_eq!(change(&first, &other).await.unwrap_err(), expected);

        for _ in 0..2 {
            note(&store, &first, NOW).await.unwrap();
        }
        let expected = "the database belongs to the issuer https://auth.example.com, but AUTHGENT_ISSUER is https://staging.example.com: \
             set AUTHGENT_ISSUER=https://auth.example.com, or let AUTHGENT_DB_DSN name another database; to move this one to \
             https://staging.example.com for good, stop its servers and run \
             `authgent migrate --former-issuer https://auth.example.com`";
        assert_eq!(check(&store, &other).await.unwrap_err().to_string(), expected);
        assert_eq!(note(&store, &other, NOW).await.unwrap_err().to_string(), expected);
        // Whoever looked before the other one had noted theirs.
        let late = store.begin().await.unwrap();
        assert_eq!(late.note_issuer(&other, NOW).await.unwrap(), first);
        drop(late);

        let third = issuer("login");
        let expected = "the database belongs to the issuer https://auth.example.com, and not to https://login.example.com, which --former-issuer names";
        assert_eq!(change(&third, &other).await.unwrap_err(), expected);
        assert_eq!(store.issuer().await.unwrap(), Some(first.clone()));
        for _ in 0..2 {
            change(&first, &third).await.unwrap();
            assert_eq!(store.issuer().await.unwrap(), Some(third.clone()), "again is no harm");
        }
        assert!(matches!(check(&store, &first).await, Err(DeploymentError::OtherIssuer { .. })));
        follow(&store, &SystemRandom, &other, NOW).await.unwrap();
        assert_eq!(store.issuer().await.unwrap(), Some(other));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_are_the_first_at_once_one_is() {
    let start = async |dsn: SecretString| {
        let store = Store::connect(&dsn).await.unwrap();
        store.migrate().await.unwrap();
        let notes = (0..6).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let issuer = issuer(&format!("host-{number}"));
                in_order(&SystemRandom, || note(&store, &issuer, NOW)).await.map(|()| issuer)
            })
        });
        let outcomes: Vec<_> = join_all(notes).await.into_iter().map(Result::unwrap).collect();
        let noted = store.issuer().await.unwrap().unwrap();
        let (first, others): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(first.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [noted]);
        assert!(others.iter().all(|other| matches!(other, Err(DeploymentError::OtherIssuer { .. }))), "{others:?}");
    };
    on_every_database(start).await;
    on_a_strict_database(start).await;
}
