//! `authgent key` on the keys of a database.

use super::*;
use crate::domain::{Email, Totp, User};
use crate::startup::{Application, vault};
use std::path::Path;

const DAY: i64 = 86_400;
/// How long a key is published after it signed: the life of an ID token, and two minutes.
const LIFE: i64 = 3_600 + 120;
/// Two of `AUTHGENT_ENCRYPTION_KEY`.
const SECRETS: [&str; 2] =
    ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="];

impl Machine {
    /// With the settings of a server, whose signing key is in `key.pem`.
    pub(super) async fn of_a_server() -> Self {
        let mut machine = Self::migrated().await;
        machine.set("AUTHGENT_ISSUER", "http://localhost:8080");
        machine.set("AUTHGENT_HOST", "localhost");
        machine.set("AUTHGENT_PORT", "0");
        machine.takes("key.pem").await;
        machine
    }

    /// Makes a key in a file, and has the settings name it. Gives its name.
    pub(super) async fn takes(&mut self, file: &str) -> String {
        let path = self.path(file);
        let made = self.json(&format!("key generate --out {path}")).await;
        self.set("AUTHGENT_SIGNING_KEY", &path);
        kid(&made)
    }

    /// A server starts, or says why it does not.
    pub(super) async fn start(&self) -> Result<(), String> {
        let config = Loader::new(self.environment.clone()).load().unwrap().config;
        let (clock, random) = (Arc::new(self.now), Arc::new(SystemRandom));
        let dependencies = Dependencies { clock, random, resolver: Arc::new(SystemResolver) };
        Application::build(config, dependencies).await.map(drop).map_err(|error| error.to_string())
    }

    /// Obeyed without complaint.
    async fn does(&self, line: &str) -> Answer {
        let answer = self.run(line).await.unwrap_or_else(|failure| panic!("{line}: {failure}"));
        assert_eq!(answer.status, 0, "{line}");
        answer
    }

    /// Each key and what it is.
    async fn states(&self) -> Vec<(String, String)> {
        let listed = self.json("key list").await;
        let keys = listed["keys"].as_array().unwrap().iter();
        keys.map(|key| (kid(key), key["state"].as_str().unwrap().to_owned())).collect()
    }

    async fn store(&self) -> Store {
        Store::connect(&self.environment[0].1.clone().into()).await.unwrap()
    }

    /// The exit status of a command line that cannot be read.
    fn misread(line: &str) -> i32 {
        Cli::try_parse_from(std::iter::once("authgent").chain(line.split(' '))).unwrap_err().exit_code()
    }
}

fn kid(answer: &Value) -> String {
    answer["kid"].as_str().unwrap().to_owned()
}

fn test_key(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/crypto/test_keys").join(name).display().to_string()
}

#[tokio::test]
async fn what_the_commands_need_is_named() {
    let mut machine = Machine::new();
    assert!(machine.failure("key list").await.starts_with("AUTHGENT_ISSUER is missing ("));
    machine.set("AUTHGENT_ISSUER", "http://localhost:8080");
    assert!(machine.failure("key rotate").await.starts_with("AUTHGENT_SIGNING_KEY is missing ("));
    machine.takes("key.pem").await;
    for line in ["key list", "key rotate", "key retire x", "key reseal"] {
        assert!(machine.failure(line).await.contains("run `authgent migrate` first"), "{line}");
    }
    for line in ["key", "key retire", "key import", "key rotate --now --leaked", "key list --leaked"] {
        assert_eq!(Machine::misread(line), 2, "{line}");
    }
    for command in ["list", "rotate", "retire", "import", "reseal"] {
        assert_eq!(Machine::misread(&format!("key {command} --help")), 0, "{command}");
    }
}

#[tokio::test]
async fn a_key_that_signs_before_its_time_is_said_to_sign() {
    let mut machine = Machine::of_a_server().await;
    machine.start().await.unwrap();
    let first = kid(&machine.does("key list").await.json["keys"][0]);
    machine.now = machine.now.plus(10);
    let second = kid(&machine.does("key rotate").await.json);
    machine.now = machine.now.plus(10);
    machine.does(&format!("key retire {first}")).await;
    let state = |kid: &str, state: &str| (kid.to_owned(), state.to_owned());
    assert_eq!(machine.states().await, [state(&first, "retired"), state(&second, "active")]);
    let text = machine.does("key list").await.text;
    let line = format!("{second}  ES256  active     generated      signs before its time, since there is no other one");
    assert!(text.ends_with(&line), "{text}");
    let third = machine.does("key rotate").await.text;
    assert!(third.contains("is published, and signs in"), "{third}");

    // Where no server has started yet, and noted the key of its settings.
    let machine = Machine::of_a_server().await;
    let text = machine.does("key rotate").await.text;
    assert!(text.ends_with(" signs from now on, since there is no other one."), "{text}");
}

#[tokio::test]
async fn a_key_is_listed_from_its_first_day_to_its_last() {
    let mut machine = Machine::of_a_server().await;
    let none = machine.does("key list").await;
    assert_eq!(none.json, json!({"keys": []}));
    assert!(none.text.starts_with("There is no signing key yet"), "{}", none.text);

    machine.start().await.unwrap();
    let begun = machine.now.0;
    let only = machine.does("key list").await;
    let first = kid(&only.json["keys"][0]);
    let row = json!({"kid": first, "alg": "ES256", "origin": "configuration", "active_from": begun, "state": "active",
        "changes_at": null});
    assert_eq!(only.json, json!({"keys": [row]}));
    assert_eq!(only.text, format!("{first}  ES256  active     configuration"));

    machine.now = machine.now.plus(10);
    let rotated = machine.does("key rotate").await;
    let (second, turn) = (kid(&rotated.json), begun + 10 + DAY);
    let expected = json!({"kid": second, "alg": "ES256", "origin": "generated", "active_from": turn, "withdrawn": []});
    assert_eq!(rotated.json, expected);
    assert_eq!(rotated.text, format!("The new key {second} is published, and signs in 1 d."));
    let both = machine.does("key list").await;
    assert_eq!(both.json["keys"][0]["changes_at"], turn);
    assert_eq!(
        (&both.json["keys"][1]["state"], &both.json["keys"][1]["changes_at"]),
        (&json!("waiting"), &json!(turn))
    );
    let lines = [
        format!("{first}  ES256  active     configuration  is followed in 1 d"),
        format!("{second}  ES256  waiting    generated      signs in 1 d"),
    ];
    assert_eq!(both.text, lines.join("\n"));

    machine.now = Timestamp(turn);
    let lines = [
        format!("{first}  ES256  retired    configuration  is published for 1 h 2 min"),
        format!("{second}  ES256  active     generated"),
    ];
    assert_eq!(machine.does("key list").await.text, lines.join("\n"));
    machine.now = Timestamp(turn + LIFE);
    let over = machine.does("key list").await;
    assert_eq!(over.text.lines().next().unwrap(), format!("{first}  ES256  over       configuration"));
    assert_eq!(over.json["keys"][0]["changes_at"], Value::Null);
}

#[tokio::test]
async fn a_key_that_is_to_sign_now_does() {
    let mut machine = Machine::of_a_server().await;
    machine.start().await.unwrap();
    machine.now = machine.now.plus(60);
    let begun = machine.now.0;
    let first = kid(&machine.does("key rotate --now").await.json);
    // In the very second in which that one began, and once more: one after the other, and the answer says what the list says.
    let mut lines = vec![format!("{first}  ES256  active     generated      is followed in 1 s")];
    for number in 1..=2 {
        let now = machine.does("key rotate --now").await;
        let next = kid(&now.json);
        assert_eq!(now.text, format!("The new key {next} is published, and signs in {number} s."));
        assert_eq!(now.json["active_from"], begun + number);
        lines.push(format!("{next}  ES256  waiting    generated      signs in {number} s"));
    }
    let text = machine.does("key list").await.text;
    assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), lines);
    let last = machine.states().await.pop().unwrap().0;
    machine.now = machine.now.plus(2);
    assert_eq!(machine.states().await.pop().unwrap(), (last, "active".to_owned()));
    machine.start().await.unwrap();

    // What is withdrawn, or signs no more, is not waited for.
    let leaked = machine.does("key rotate --leaked").await;
    assert_eq!(leaked.json["active_from"], machine.now.0);
    assert!(
        leaked.text.starts_with(&format!("The new key {} signs from now on.", kid(&leaked.json))),
        "{}",
        leaked.text
    );
    let retired = machine.does(&format!("key retire {}", kid(&leaked.json))).await;
    assert_eq!(retired.json["next"]["active_from"], machine.now.0, "{}", retired.text);
    let active = machine.states().await.into_iter().filter(|(_, state)| state == "active");
    assert_eq!(active.map(|(kid, _)| kid).collect::<Vec<_>>(), [kid(&retired.json["next"])]);
}

#[tokio::test]
async fn a_leaked_key_takes_all_others_along() {
    let mut machine = Machine::of_a_server().await;
    machine.start().await.unwrap();
    let waiting = kid(&machine.does("key rotate").await.json);
    let known: Vec<String> = machine.states().await.into_iter().map(|(kid, _)| kid).collect();
    machine.now = machine.now.plus(60);
    let leaked = machine.does("key rotate --leaked").await;
    let next = kid(&leaked.json);
    let mut withdrawn: Vec<&str> =
        leaked.json["withdrawn"].as_array().unwrap().iter().map(|kid| kid.as_str().unwrap()).collect();
    withdrawn.sort_unstable();
    let mut expected: Vec<&str> = known.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(withdrawn, expected);
    assert!(leaked.text.starts_with(&format!("The new key {next} signs from now on.\nWithdrawn: ")), "{}", leaked.text);
    assert!(leaked.text.contains(&format!("\nWithdrawn: {waiting}")), "{}", leaked.text);
    assert!(leaked.text.contains("run `authgent key reseal`"), "the secrets of apps hang on the key: {}", leaked.text);

    // A server that starts with the file of the leaked key does not sign with it.
    machine.start().await.unwrap();
    let states = machine.states().await;
    assert_eq!(states.len(), 3);
    for (kid, state) in &states {
        assert_eq!(state == "active", *kid == next, "{states:?}");
        assert!(*kid == next || state == "withdrawn", "{states:?}");
    }
    machine.set("AUTHGENT_ENCRYPTION_KEY", SECRETS[0]);
    machine.now = machine.now.plus(60);
    let again = machine.does("key rotate --leaked").await;
    assert_eq!(again.json["withdrawn"], json!([next]), "what is withdrawn is not withdrawn again");
    assert!(!again.text.contains("reseal"), "{}", again.text);
}

#[tokio::test]
async fn whoever_retires_the_only_key_is_given_another() {
    let mut machine = Machine::of_a_server().await;
    machine.start().await.unwrap();
    let first = machine.states().await.remove(0).0;
    let unknown = machine.failure("key retire nothing").await;
    assert_eq!(unknown, "there is no signing key nothing: `authgent key list` shows those that there are");
    // One of 64 begins with a hyphen, and one of 4096 with two.
    for kid in [
        "-ZUmSA0i3NvO8CgEOih3uUkIGhoVLCnFVwd4IJUBg4I",
        "-hUmSA0i3NvO8CgEOih3uUkIGhoVLCnFVwd4IJUBg4I",
        "--jsonSA0i3NvO8C",
    ] {
        for line in [
            format!("key retire {kid}"),
            format!("key retire {kid} --withdraw"),
            format!("key retire --withdraw {kid}"),
        ] {
            assert!(machine.failure(&line).await.starts_with(&format!("there is no signing key {kid}: ")), "{line}");
        }
    }
    machine.now = machine.now.plus(60);
    let retired = machine.does(&format!("key retire {first}")).await;
    let second = kid(&retired.json["next"]);
    let next = json!({"kid": second, "alg": "ES256", "origin": "generated", "active_from": machine.now.0});
    assert_eq!(retired.json, json!({"kid": first, "withdrawn": false, "next": next}));
    let expected = format!(
        "The key {first} signs no more, and is published until its last token is dead.\nThe new key {second} signs from now on."
    );
    assert_eq!(retired.text, expected);
    let state = |kid: &str, state: &str| (kid.to_owned(), state.to_owned());
    assert_eq!(machine.states().await, [state(&first, "retired"), state(&second, "active")]);
    let again = machine.failure(&format!("key retire {first}")).await;
    assert_eq!(again, format!("the signing key {first} is retired already"));

    let withdrawn = machine.does(&format!("key retire {first} --withdraw")).await;
    assert_eq!(withdrawn.json, json!({"kid": first, "withdrawn": true, "next": null}));
    let expected = format!("The key {first} is withdrawn: nothing that it signed is believed any more.");
    assert_eq!(withdrawn.text, expected);
    let again = machine.failure(&format!("key retire {first} --withdraw")).await;
    assert_eq!(again, format!("the signing key {first} is withdrawn already"));
    let again = machine.failure(&format!("key retire {first}")).await;
    assert_eq!(again, format!("the signing key {first} is withdrawn already"));

    // One that waits, and the only one that signs.
    let waiting = kid(&machine.does("key rotate").await.json);
    assert_eq!(machine.does(&format!("key retire {waiting}")).await.json["next"], Value::Null);
    let last = machine.does(&format!("key retire {second} --withdraw")).await;
    assert!(last.json["next"]["kid"].is_string(), "{}", last.json);
    machine.start().await.unwrap();
    // The one before began in the same second.
    machine.now = machine.now.plus(1);
    assert_eq!(machine.states().await.iter().filter(|(_, state)| state == "active").count(), 1);
}

#[tokio::test]
async fn a_key_of_the_operators_is_imported_once() {
    let mut machine = Machine::of_a_server().await;
    machine.start().await.unwrap();
    machine.now = machine.now.plus(60);
    let file = test_key("ec256-sec1.pem");
    let imported = machine.does(&format!("key import {file}")).await;
    let key = kid(&imported.json);
    let expected = json!({"kid": key, "alg": "ES256", "origin": "imported", "active_from": machine.now.0 + DAY});
    assert_eq!(imported.json, expected);
    assert_eq!(imported.text, format!("The key {key} is published, and signs in 1 d."));
    let again = machine.failure(&format!("key import --now {file}")).await;
    assert_eq!(again, format!("the key {key} is there already"));
    // In another form it is the same key.
    let form = machine.path("converted.pem");
    std::fs::write(&form, std::fs::read_to_string(&file).unwrap().replace('\n', "\r\n")).unwrap();
    assert_eq!(machine.failure(&format!("key import {form}")).await, again);
    assert_eq!(machine.states().await.len(), 2);

    let other = machine.path("other.pem");
    machine.does(&format!("key generate --out {other}")).await;
    let now = machine.does(&format!("key import {other} --now")).await;
    assert_eq!((&now.json["origin"], &now.json["active_from"]), (&json!("imported"), &json!(machine.now.0)));
    assert_eq!(now.text, format!("The key {} signs from now on.", kid(&now.json)));
    machine.start().await.unwrap();
    assert!(machine.states().await.contains(&(kid(&now.json), "active".to_owned())));
}

#[tokio::test]
async fn what_is_no_key_for_the_settings_is_not_imported() {
    let mut machine = Machine::of_a_server().await;
    machine.start().await.unwrap();
    let before = machine.states().await;
    let refused = async |machine: &Machine, file: &str| {
        let failure = machine.failure(&format!("key import {file}")).await;
        assert!(failure.contains(file) && !failure.contains('\n'), "the file is named: {failure}");
        failure
    };
    for (name, expected) in [
        ("ec384.pem", "it is an EC key on the curve P-384, but ES256 needs an EC key on the curve P-256"),
        ("rsa2048-pkcs8.pem", "it is an RSA key of 2048 bits, but ES256 needs an EC key on the curve P-256"),
        ("ec256-public.pem", "it is a public key: the private key that belongs to it is needed"),
        ("ec256-encrypted-pkcs8.pem", "it is encrypted: "),
        ("README.md", "it holds no PEM block such as -----BEGIN PRIVATE KEY-----"),
    ] {
        let failure = refused(&machine, &test_key(name)).await;
        assert!(failure.contains(&format!("cannot be used: {expected}")), "{failure}");
    }
    let missing = refused(&machine, "/nowhere/key.pem").await;
    assert!(missing.starts_with("/nowhere/key.pem cannot be read: No such file"), "{missing}");
    assert_eq!(machine.states().await, before);

    machine.set("AUTHGENT_SIGNING_ALG", "RS256");
    machine.set("AUTHGENT_SIGNING_KEY", &test_key("rsa2048-pkcs1.pem"));
    let weak = refused(&machine, &test_key("rsa1024.pem")).await;
    assert!(weak.ends_with("it is an RSA key of 1024 bits, but RS256 needs 2048 bits or more"), "{weak}");
}

/// A person whose authenticator app is sealed as a server with these settings does.
async fn app(machine: &Machine) {
    let config = Loader::new(machine.environment.clone()).load().unwrap().config;
    let sealed_secret = vault(&config).unwrap().seal(&SystemRandom, "totp", b"secret").unwrap();
    let user = User {
        id: uuid::Uuid::from_u128(1),
        email: Email::parse("ada@example.com").unwrap(),
        name: None,
        email_verified: true,
        password_hash: None,
        enabled: true,
        created_at: machine.now,
    };
    let app = Totp { user_id: user.id, sealed_secret, confirmed_at: None, last_step: 0, created_at: machine.now };
    let store = machine.store().await;
    let tx = store.begin().await.unwrap();
    tx.insert_user(&user).await.unwrap();
    tx.save_totp(&app).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_sealed_moves_to_another_signing_key() {
    let mut machine = Machine::of_a_server().await;
    machine.start().await.unwrap();
    let former = machine.path("key.pem");
    let sealed = kid(&machine.does("key rotate --now").await.json);
    app(&machine).await;
    machine.takes("next.pem").await;
    machine.now = machine.now.plus(60);

    let expected = format!(
        "the signing key {sealed} in the database was sealed with another key than AUTHGENT_ENCRYPTION_KEY or the signing key give: \
         set the one that it was sealed with; `authgent key reseal` changes it"
    );
    let retire = format!("key retire {sealed}");
    for line in ["key rotate", "key rotate --leaked", &retire, "key reseal"] {
        assert_eq!(machine.failure(line).await, expected, "{line}");
    }
    assert_eq!(machine.start().await.unwrap_err(), expected);
    let (list, other) = (machine.states().await, machine.path("other.pem"));
    machine.does(&format!("key generate --out {other}")).await;
    assert_eq!(machine.failure(&format!("key reseal --former-signing-key {other}")).await, expected);
    let nowhere = machine.failure("key reseal --former-signing-key /nowhere/key.pem").await;
    assert!(nowhere.starts_with("/nowhere/key.pem cannot be read: "), "{nowhere}");
    for name in ["README.md", "ec256-public.pem", "ec256-encrypted-pkcs8.pem"] {
        let file = test_key(name);
        let expected = format!(
            "{file} of --former-signing-key is no key: expected the private key, in PEM and not encrypted, that AUTHGENT_SIGNING_KEY named before"
        );
        assert_eq!(machine.failure(&format!("key reseal --former-signing-key {file}")).await, expected);
    }

    let resealed = machine.does(&format!("key reseal --former-signing-key {former}")).await;
    assert_eq!(resealed.json, json!({"signing_keys": 1, "authenticator_apps": 1}));
    assert_eq!(resealed.text, "Sealed anew: 1 signing keys, 1 secrets of authenticator apps.");
    assert_eq!(machine.states().await, list, "they are the same keys");
    machine.start().await.unwrap();
    // Only the present one opens it now.
    machine.set("AUTHGENT_SIGNING_KEY", &former);
    assert_eq!(machine.start().await.unwrap_err(), expected);
}

#[tokio::test]
async fn what_is_sealed_moves_to_another_encryption_key() {
    let mut machine = Machine::of_a_server().await;
    machine.start().await.unwrap();
    machine.does("key rotate").await;
    app(&machine).await;
    // From the key of the signing key, which is still there.
    machine.set("AUTHGENT_ENCRYPTION_KEY", SECRETS[0]);
    assert_eq!(machine.does("key reseal").await.json, json!({"signing_keys": 1, "authenticator_apps": 1}));
    machine.takes("next.pem").await;
    machine.start().await.unwrap();

    machine.set("AUTHGENT_ENCRYPTION_KEY", SECRETS[1]);
    let refused = machine.start().await.unwrap_err();
    assert!(refused.contains("was sealed with another key"), "{refused}");
    assert_eq!(machine.failure("key reseal").await, refused);
    let file = machine.path("former");
    let line = format!("key reseal --former-encryption-key {file}");
    std::fs::write(&file, SECRETS[1]).unwrap();
    assert_eq!(machine.failure(&line).await, refused);
    std::fs::write(&file, "no key").unwrap();
    assert_eq!(machine.failure(&line).await, format!("{file} holds no 32 bytes in base64"));
    std::fs::write(&file, format!("{}\n", SECRETS[0])).unwrap();
    assert_eq!(machine.does(&line).await.json, json!({"signing_keys": 1, "authenticator_apps": 1}));
    machine.start().await.unwrap();
    assert_eq!(
        machine.does("key reseal").await.json,
        json!({"signing_keys": 1, "authenticator_apps": 1}),
        "again is no harm"
    );
}
