//! Resources: aliases are unique, and the configuration is applied as a whole.

use super::fixtures::{resource, uri};
use super::on_every_store;
use crate::domain::Resource;
use crate::domain::ResourceSource::{Configuration, Operator};
use crate::store::{Store, StoreError};

async fn put(store: &Store, resource: &Resource) -> Result<(), StoreError> {
    let write = store.begin().await?;
    write.put_resource(resource).await?;
    write.commit().await
}

async fn configure(store: &Store, resources: &[Resource]) -> Result<(), StoreError> {
    let write = store.begin().await?;
    write.replace_configured_resources(resources).await?;
    write.commit().await
}

#[tokio::test]
async fn a_resource_is_put_replaced_and_deleted() {
    on_every_store(async |store| {
        let first = resource("https://b.example/mcp", &["https://z.example", "https://b.example"], Operator);
        let other = resource("https://a.example", &[], Operator);
        put(&store, &first).await.unwrap();
        put(&store, &other).await.unwrap();
        assert_eq!(store.resources().await.unwrap(), [other.clone(), first.clone()], "aliases keep their order");

        let mut changed = resource("https://b.example/mcp", &["https://b.example/"], Operator);
        changed.name = "Renamed".into();
        changed.scopes.pop();
        changed.profile_claims.clear();
        put(&store, &changed).await.unwrap();
        assert_eq!(store.resources().await.unwrap(), [other.clone(), changed.clone()]);

        let write = store.begin().await.unwrap();
        assert!(!write.delete_resource(&uri("https://b.example")).await.unwrap(), "an alias is not the resource");
        assert!(write.delete_resource(&changed.uri).await.unwrap());
        write.commit().await.unwrap();
        assert_eq!(store.resources().await.unwrap(), [other]);
        put(&store, &resource("https://z.example", &["https://b.example/mcp"], Operator)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_name_that_another_resource_has_is_a_conflict_that_names_it() {
    on_every_store(async |store| {
        put(&store, &resource("https://a.example/mcp", &["https://a.example"], Operator)).await.unwrap();
        put(&store, &resource("https://root.example/", &["https://root.example/mcp"], Operator)).await.unwrap();
        for (uri, aliases, expected) in [
            ("https://a.example", vec![], "https://a.example is an alias of the resource https://a.example/mcp"),
            ("https://a.example/", vec![], "https://a.example is an alias of the resource https://a.example/mcp"),
            (
                "https://b.example",
                vec!["https://c.example", "https://a.example/mcp"],
                "there is a resource with the URI https://a.example/mcp",
            ),
            (
                "https://b.example",
                vec!["https://a.example/"],
                "https://a.example is an alias of the resource https://a.example/mcp",
            ),
            (
                "https://b.example",
                vec!["https://root.example/mcp"],
                "https://root.example/mcp is an alias of the resource https://root.example/",
            ),
            ("https://root.example", vec![], "there is a resource with the URI https://root.example/"),
        ] {
            let error = put(&store, &resource(uri, &aliases, Operator)).await.unwrap_err();
            assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
            assert_eq!(error.to_string(), expected, "{uri} {aliases:?}");
        }
        assert_eq!(store.resources().await.unwrap().len(), 2, "nothing is half done");
    })
    .await;
}

#[tokio::test]
async fn aliases_that_say_the_same_again_are_dropped() {
    on_every_store(async |store| {
        let aliases = ["https://a.example/", "https://b.example", "https://b.example/"];
        put(&store, &resource("https://a.example", &aliases, Operator)).await.unwrap();
        assert_eq!(store.resources().await.unwrap()[0].aliases, [uri("https://b.example")]);
    })
    .await;
}

#[tokio::test]
async fn the_configuration_is_applied_as_a_whole() {
    on_every_store(async |store| {
        let manual = resource("https://manual.example", &[], Operator);
        let a = resource("https://a.example", &["https://a.example/mcp"], Configuration);
        let b = resource("https://b.example", &[], Configuration);
        put(&store, &manual).await.unwrap();
        for _ in 0..2 {
            configure(&store, &[b.clone(), a.clone()]).await.unwrap();
            assert_eq!(store.resources().await.unwrap(), [a.clone(), b.clone(), manual.clone()]);
        }

        // The alias of one moves to another in one step.
        let b = resource("https://b.example", &["https://a.example/mcp"], Configuration);
        let a = resource("https://a.example", &[], Configuration);
        configure(&store, &[a.clone(), b.clone()]).await.unwrap();
        assert_eq!(store.resources().await.unwrap(), [a, b.clone(), manual.clone()]);

        configure(&store, std::slice::from_ref(&b)).await.unwrap();
        assert_eq!(store.resources().await.unwrap(), [b.clone(), manual.clone()]);
        configure(&store, &[]).await.unwrap();
        assert_eq!(store.resources().await.unwrap(), [manual]);
    })
    .await;
}

#[tokio::test]
async fn configuration_and_operator_do_not_overwrite_each_other_unseen() {
    on_every_store(async |store| {
        let mut manual = resource("https://a.example", &["https://alias.example"], Operator);
        put(&store, &manual).await.unwrap();
        let configured = resource("https://a.example", &[], Configuration);
        configure(&store, std::slice::from_ref(&configured)).await.unwrap();
        assert_eq!(store.resources().await.unwrap()[..], [configured.clone()][..], "the configuration takes it over");

        manual.name = "Mine".into();
        let error = put(&store, &manual).await.unwrap_err();
        let expected = "the resource https://a.example is described in the configuration file: change it there";
        assert_eq!(error.to_string(), expected);

        put(&store, &resource("https://b.example", &["https://c.example"], Operator)).await.unwrap();
        let clash = resource("https://c.example", &[], Configuration);
        let error = configure(&store, &[clash]).await.unwrap_err();
        assert_eq!(error.to_string(), "https://c.example is an alias of the resource https://b.example");
        let twice = [configured.clone(), resource("https://d.example", &["https://a.example/"], Configuration)];
        let error = configure(&store, &twice).await.unwrap_err();
        assert_eq!(error.to_string(), "there is a resource with the URI https://a.example");
        assert_eq!(store.resources().await.unwrap()[0], configured, "a refused configuration changes nothing");
    })
    .await;
}
