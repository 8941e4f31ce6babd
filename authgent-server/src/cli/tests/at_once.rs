//! Commands on a database that cannot put them in order with what a server changes at the same moment.

use super::*;
use crate::store::tests::on_a_strict_database;

impl Machine {
    /// Obeys although the database refuses twice what the command changes.
    async fn changes(&self, store: &Store, line: &str) -> Answer {
        const REFUSED: u32 = 2;
        store.refuse_changes(REFUSED).await;
        let answer = self.run_with(&line.split(' ').collect::<Vec<_>>(), "quite another one of those\n").await;
        let answer = answer.unwrap_or_else(|failure| panic!("{line}: {failure}"));
        assert!(store.refuse_changes(0).await > i64::from(REFUSED), "{line} changes something");
        answer
    }
}

#[tokio::test]
async fn whatever_a_command_changes_is_done_again() {
    on_a_strict_database(async |dsn| {
        let mut machine = Machine::on(dsn.expose_secret());
        machine.run("migrate").await.unwrap();
        let key = machine.path("key.pem");
        machine.run(&format!("key generate --out {key}")).await.unwrap();
        machine.set("AUTHGENT_ISSUER", "http://localhost:8080");
        machine.set("AUTHGENT_SIGNING_KEY", &key);
        let store = Store::connect(&dsn).await.unwrap();
        for line in [
            "user add ada@example.com --no-password",
            "user invite bob@example.com",
            "user invite ada@example.com",
            "user passwd ada@example.com --password-stdin",
            "user reset ada@example.com",
            "user verify-email ada@example.com",
            "user end-sessions ada@example.com",
            "user drop-second-factor ada@example.com",
            "user disable ada@example.com",
            "user enable ada@example.com",
            "resource add https://mcp.example.com/mcp --scope mcp:read --default-scope mcp:read",
            "resource remove https://mcp.example.com/mcp",
        ] {
            machine.changes(&store, line).await;
        }
        let users = machine.json("user list").await;
        assert_eq!(users.as_array().unwrap().len(), 2, "nothing is done twice: {users}");

        let client = machine.changes(&store, "client add --name A --redirect-uri https://a.example.com/cb").await;
        let id = client.json["client_id"].as_str().unwrap().to_owned();
        machine.changes(&store, &format!("client set {id} --consent always")).await;
        for what in ["disable", "enable", "delete"] {
            machine.changes(&store, &format!("client {what} {id}")).await;
        }
        let token = machine.changes(&store, "initial-access-token add --uses 1").await;
        let id = token.json["id"].as_str().unwrap().to_owned();
        machine.changes(&store, &format!("initial-access-token revoke {id}")).await;

        let kid = |answer: Answer| answer.json["kid"].as_str().unwrap().to_owned();
        let first = kid(machine.changes(&store, "key rotate --now").await);
        machine.changes(&store, &format!("key import {key} --now")).await;
        machine.changes(&store, "key reseal").await;
        machine.changes(&store, &format!("key retire {first}")).await;
        let leaked = machine.changes(&store, "key rotate --leaked").await;
        assert_eq!(leaked.json["withdrawn"].as_array().unwrap().len(), 2, "{}", leaked.json);
        let keys = machine.json("key list").await;
        assert_eq!(keys["keys"].as_array().unwrap().len(), 3, "{keys}");
    })
    .await;
}
