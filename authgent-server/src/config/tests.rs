use super::*;
use secrecy::ExposeSecret as _;
use std::path::PathBuf;

const MINIMAL: [(&str, &str); 3] = [
    ("AUTHGENT_ISSUER", "https://auth.example.com"),
    ("AUTHGENT_SIGNING_KEY", "/keys/ec.pem"),
    ("AUTHGENT_DB_DSN", "sqlite://a.db"),
];

fn environment(more: &[(&str, &str)]) -> Vec<(String, String)> {
    MINIMAL.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(more: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    Config::load(None, environment(more))
}

fn sentence(more: &[(&str, &str)]) -> String {
    load(more).unwrap_err().to_string()
}

fn warnings(more: &[(&str, &str)]) -> Vec<String> {
    load(more).unwrap().warnings
}

/// A file in a directory that is removed with the first value.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authgent.toml");
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

/// The sentence about a file, with its path shortened to its name.
fn about_file(text: &str, environment: &[(&str, &str)]) -> String {
    let (directory, path) = file(text);
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let error = Config::load(Some(&path), environment).unwrap_err().to_string();
    error.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn three_variables_are_enough() {
    let Loaded { config, warnings } = load(&[]).unwrap();
    assert_eq!(config.issuer.as_str(), "https://auth.example.com");
    assert!(matches!(&config.signing_key, KeySource::File(path) if path == Path::new("/keys/ec.pem")));
    assert_eq!((config.signing_alg, config.host.as_str(), config.port), (SigningAlgorithm::Es256, "0.0.0.0", 8080));
    assert_eq!((config.token_ttl, config.refresh_ttl, config.id_token_ttl, config.code_ttl), (300, 86_400, 3600, 600));
    assert_eq!((config.refresh_grace, config.session_ttl), (10, 86_400));
    assert_eq!(config.log, LogConfig::default());
    assert!(config.resources.is_empty() && warnings.is_empty(), "{warnings:?}");
}

#[test]
fn every_setting_has_its_key_and_its_variable_and_variables_win() {
    let (_directory, path) = file(
        r#"
        issuer = "https://file.example"
        signing_key = "file.pem"
        signing_alg = "ES384"
        db_dsn = "sqlite://file.db"
        host = "127.0.0.1"
        port = 1
        token_ttl = 2
        refresh_ttl = 3
        refresh_grace = 4
        id_token_ttl = 5
        code_ttl = 6
        session_ttl = 7
        log = "warn"
        log_format = "json"
        key_rotation_days = 0

        [[resource]]
        uri = "https://mcp.example.com/mcp"
        name = "Projects"
        aliases = ["https://mcp.example.com"]
        profile_claims = ["email"]

        [[resource.scope]]
        name = "mcp:read"
        description = "See your projects"
        default = true

        [[resource.scope]]
        name = "mcp:write"
    "#,
    );
    let config = Config::load(Some(&path), []).unwrap().config;
    assert_eq!((config.issuer.as_str(), config.signing_alg), ("https://file.example", SigningAlgorithm::Es384));
    assert_eq!((config.host.as_str(), config.port, config.token_ttl, config.refresh_ttl), ("127.0.0.1", 1, 2, 3));
    assert_eq!((config.refresh_grace, config.id_token_ttl, config.code_ttl, config.session_ttl), (4, 5, 6, 7));
    assert_eq!(config.log, LogConfig { filter: "warn".into(), format: LogFormat::Json });
    let resource = &config.resources[0];
    assert_eq!((resource.name.as_str(), resource.scopes.len(), resource.aliases.len()), ("Projects", 2, 1));
    assert_eq!(resource.default_scope().to_string(), "mcp:read");
    assert_eq!(resource.scopes[1].description, "mcp:write");

    let mut variables = environment(&[
        ("AUTHGENT_SIGNING_ALG", "RS256"),
        ("AUTHGENT_HOST", "[::1]"),
        ("AUTHGENT_PORT", "81"),
        ("AUTHGENT_TOKEN_TTL", "82"),
        ("AUTHGENT_REFRESH_TTL", "0"),
        ("AUTHGENT_REFRESH_GRACE", "84"),
        ("AUTHGENT_ID_TOKEN_TTL", "85"),
        ("AUTHGENT_CODE_TTL", " 86 "),
        ("AUTHGENT_SESSION_TTL", "87"),
        ("AUTHGENT_LOG", "debug"),
        ("AUTHGENT_LOG_FORMAT", "human"),
        ("AUTHGENT_RESOURCES", r#"[{"uri": "https://env.example", "scope": [{"name": "a", "default": true}]}]"#),
    ]);
    variables.push(("AUTHGENT_CONFIG".into(), path.display().to_string()));
    let config = Config::load(None, variables).unwrap().config;
    assert_eq!((config.issuer.as_str(), config.signing_alg), ("https://auth.example.com", SigningAlgorithm::Rs256));
    assert_eq!((config.host.as_str(), config.port, config.token_ttl, config.refresh_ttl), ("::1", 81, 82, 0));
    assert_eq!((config.refresh_grace, config.id_token_ttl, config.code_ttl, config.session_ttl), (84, 85, 86, 87));
    assert_eq!(config.log, LogConfig { filter: "debug".into(), format: LogFormat::Human });
    assert_eq!((config.resources.len(), config.resources[0].uri.as_str()), (1, "https://env.example"));
    assert_eq!(config.db_dsn.expose_secret(), "sqlite://a.db");
}

#[test]
fn what_is_missing_is_named_with_an_example() {
    let without = |name: &str| {
        Config::load(None, environment(&[]).into_iter().filter(|(known, _)| known != name)).unwrap_err().to_string()
    };
    assert_eq!(
        without("AUTHGENT_ISSUER"),
        "AUTHGENT_ISSUER is missing (the public URL of this server, which becomes `iss` letter by letter): for example \
         AUTHGENT_ISSUER=https://auth.example.com"
    );
    assert_eq!(
        without("AUTHGENT_DB_DSN"),
        "AUTHGENT_DB_DSN is missing (the address of the database): for example \
         AUTHGENT_DB_DSN=sqlite:///var/lib/authgent/authgent.db"
    );
    assert!(without("AUTHGENT_SIGNING_KEY").starts_with("AUTHGENT_SIGNING_KEY is missing"));
}

#[test]
fn a_wrong_value_is_one_sentence_with_its_name_and_an_example() {
    for (name, value, expected) in [
        (
            "AUTHGENT_PORT",
            "http",
            "AUTHGENT_PORT must be a number from 0 to 65535, and \"http\" is none: for example AUTHGENT_PORT=8080",
        ),
        (
            "AUTHGENT_TOKEN_TTL",
            "5m",
            "AUTHGENT_TOKEN_TTL must be a number of seconds from 1 to 86400, and \"5m\" is none: for example AUTHGENT_TOKEN_TTL=300",
        ),
        (
            "AUTHGENT_TOKEN_TTL",
            "0",
            "AUTHGENT_TOKEN_TTL must be a number of seconds from 1 to 86400, and \"0\" is none: for example AUTHGENT_TOKEN_TTL=300",
        ),
        (
            "AUTHGENT_SIGNING_ALG",
            "HS256",
            "AUTHGENT_SIGNING_ALG must be ES256, ES384 or RS256: for example AUTHGENT_SIGNING_ALG=ES256",
        ),
        (
            "AUTHGENT_ISSUER",
            "auth.example.com",
            "AUTHGENT_ISSUER cannot be used (\"auth.example.com\" is not an absolute URL such as https://auth.example.com): \
             for example AUTHGENT_ISSUER=https://auth.example.com",
        ),
        (
            "AUTHGENT_HOST",
            "http://0.0.0.0",
            "AUTHGENT_HOST must be an IP address or a name without a port, and \"http://0.0.0.0\" is neither: \
             for example AUTHGENT_HOST=127.0.0.1",
        ),
        (
            "AUTHGENT_LOG_FORMAT",
            "xml",
            "AUTHGENT_LOG_FORMAT must be auto, human or json, and \"xml\" is none: for example AUTHGENT_LOG_FORMAT=json",
        ),
        (
            "AUTHGENT_RESOURCES",
            "[{\"uri\": \"mcp\"}]",
            "AUTHGENT_RESOURCES has a wrong URI: \"mcp\" is not an absolute URI such as https://mcp.example.com/mcp: \
             for example AUTHGENT_RESOURCES='[{\"uri\": \"https://mcp.example.com/mcp\"}]'",
        ),
    ] {
        assert_eq!(sentence(&[(name, value)]), expected);
    }
    assert!(sentence(&[("AUTHGENT_LOG", "info,x=loud")]).starts_with("AUTHGENT_LOG is no log filter ("));
    assert!(sentence(&[("AUTHGENT_RESOURCES", "x")]).starts_with("AUTHGENT_RESOURCES cannot be read ("));
}

#[test]
fn the_file_is_checked_as_strictly() {
    for (text, expected) in [
        ("tokn_ttl = 5", "tokn_ttl in authgent.toml is no setting of Authgent: the nearest that exists is token_ttl"),
        ("[token]\nttl = 5", "token in authgent.toml is no setting of Authgent: the nearest that exists is token_ttl"),
        (
            "[idp]\nisuer = 'x'",
            "idp.isuer in authgent.toml is no setting of Authgent: the nearest that exists is idp.issuer",
        ),
        (
            "token_ttl = '5m'",
            "token_ttl in authgent.toml must be a number of seconds from 1 to 86400, and \"5m\" is none: for example token_ttl = 300",
        ),
        (
            "token_ttl = -1",
            "token_ttl in authgent.toml must be a number of seconds from 1 to 86400, and -1 is none: for example token_ttl = 300",
        ),
        (
            "issuer = 5",
            "issuer in authgent.toml must be a text in quotes: for example issuer = \"https://auth.example.com\"",
        ),
    ] {
        let rest = MINIMAL.map(|(name, value)| {
            if name == "AUTHGENT_ISSUER" && text.contains("issuer =") { ("X", value) } else { (name, value) }
        });
        assert_eq!(about_file(text, &rest), expected);
    }
    let error = about_file("[[resource]]\nuri = 'https://a'\n[[resource.scopes]]\nname = 'a'", &MINIMAL);
    assert!(error.starts_with("resource in authgent.toml cannot be read (unknown field `scopes`"), "{error}");
    let error = Config::load(Some(Path::new("/nowhere/a.toml")), []).unwrap_err().to_string();
    assert!(error.starts_with("the configuration file /nowhere/a.toml cannot be read: No such file"), "{error}");
}

#[test]
fn a_slip_in_the_file_does_not_show_the_password_beside_it() {
    let error = about_file("db_dsn = \"postgres://a:hunter2@h/d\n", &[]);
    assert!(error.starts_with("the configuration file authgent.toml is not TOML: at line 1, column"), "{error}");
    assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
    let error = about_file("signing_key_data = [\"hunter2\"]\nissuer = 'https://a'\ndb_dsn = 'sqlite://a'", &[]);
    assert!(error.starts_with("signing_key_data in authgent.toml must be a text in quotes"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn secrets_are_not_in_debug() {
    let config = load(&[("AUTHGENT_DB_DSN", "postgres://a:hunter2@h/d")]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let environment = environment(&[("AUTHGENT_SIGNING_KEY", ""), ("AUTHGENT_SIGNING_KEY_DATA", "hunter2")]);
    let config = Config::load(None, environment).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn exactly_one_signing_key() {
    assert_eq!(
        sentence(&[("AUTHGENT_SIGNING_KEY_DATA", "x")]),
        "AUTHGENT_SIGNING_KEY and AUTHGENT_SIGNING_KEY_DATA are both set: keep one of them, since only one key signs"
    );
    let pasted = sentence(&[("AUTHGENT_SIGNING_KEY", "-----BEGIN PRIVATE KEY-----")]);
    assert!(pasted.contains("the key itself belongs into AUTHGENT_SIGNING_KEY_DATA"), "{pasted}");
}

#[test]
fn a_key_in_a_variable_may_have_its_line_breaks_written_out() {
    let pem = crate::crypto::pem::generate_pem(SigningAlgorithm::Es256);
    for text in [pem.clone(), pem.replace('\n', "\\n"), pem.replace('\n', "\\r\\n")] {
        let environment = environment(&[("AUTHGENT_SIGNING_KEY", ""), ("AUTHGENT_SIGNING_KEY_DATA", &text)]);
        let config = Config::load(None, environment).unwrap().config;
        assert!(config.signing_key.load(config.signing_alg).is_ok());
    }
}

#[test]
fn a_key_that_cannot_be_used_is_named_by_its_place() {
    let error = KeySource::File("/nowhere/ec.pem".into()).load(SigningAlgorithm::Es256).unwrap_err().to_string();
    assert!(error.starts_with("the signing key /nowhere/ec.pem cannot be read: No such file"), "{error}");
    let (_directory, path) = file(&crate::crypto::pem::generate_pem(SigningAlgorithm::Es384));
    let error = KeySource::File(path.clone()).load(SigningAlgorithm::Es256).unwrap_err().to_string();
    let expected = format!(
        "the signing key {} cannot be used: it is an EC key on the curve P-384, but ES256 needs an EC key on the curve P-256",
        path.display()
    );
    assert_eq!(error, expected);
    let error = KeySource::data("hunter2").load(SigningAlgorithm::Es256).unwrap_err().to_string();
    assert_eq!(
        error,
        "the signing key in AUTHGENT_SIGNING_KEY_DATA cannot be used: it holds no PEM block such as -----BEGIN PRIVATE KEY-----"
    );
}

#[test]
fn a_provider_stands_in_a_section_of_the_file() {
    let error = about_file("[idp]\nissuer = 'http://accounts.example.com'\nclient_id = 'a'", &MINIMAL);
    assert!(error.starts_with("idp.issuer in authgent.toml must be an https URL"), "{error}");
    let error = about_file("[[identity_provider]]\nid = 'a'\nissuer = 'https://a.example'", &MINIMAL);
    assert!(
        error.starts_with("identity_provider in authgent.toml has a provider \"a\" whose client_id is missing"),
        "{error}"
    );
    assert!(load(&[("AUTHGENT_IDP_ISSUER", "")]).is_ok(), "empty is absent");
}

#[test]
fn warnings_are_given() {
    assert_eq!(
        warnings(&[("AUTHGENT_TOKEN_TLL", "5"), ("AUTHGENT_INTERNAL_URL", "http://authgent:8080")]),
        [
            "AUTHGENT_TOKEN_TLL is no setting of Authgent and has no effect: the nearest that exists is AUTHGENT_TOKEN_TTL"
        ]
    );
    for (issuer, warned) in [
        ("http://auth.example.com", true),
        ("http://10.0.0.7:8080", true),
        ("http://localhost:8080", false),
        ("http://127.0.0.2", false),
        ("http://[::1]:8080", false),
        ("http://app.localhost", false),
        ("https://auth.example.com", false),
    ] {
        let warnings = warnings(&[("AUTHGENT_ISSUER", issuer)]);
        assert_eq!(warnings.iter().any(|warning| warning.contains("plain http")), warned, "{issuer}");
    }
}

#[test]
fn a_command_on_the_database_needs_the_database_alone() {
    let variables = [("AUTHGENT_DB_DSN".to_owned(), "sqlite://b.db".to_owned())];
    assert_eq!(Loader::new(variables).database().unwrap().dsn.expose_secret(), "sqlite://b.db");
    assert!(Loader::new([]).database().is_err());
    let fallback = Loader::new([]).database_fallback(Some("sqlite://c.db".into()));
    assert_eq!(fallback.database().unwrap().dsn.expose_secret(), "sqlite://c.db");
    let listener = Loader::new([("AUTHGENT_ISSUER".to_owned(), "https://a/tenant".to_owned())]).listener().unwrap();
    assert_eq!(listener, Listener { host: "127.0.0.1".into(), port: 8080, path: "/tenant".into() });
    for (host, expected) in [("::", "[::1]"), ("[fd00::7]", "[fd00::7]"), ("10.0.0.7", "10.0.0.7"), ("auth", "auth")] {
        let listener = Loader::new([("AUTHGENT_HOST".to_owned(), host.to_owned())]).listener().unwrap();
        assert_eq!((listener.host.as_str(), listener.path.as_str()), (expected, ""));
    }
}

#[test]
fn development_needs_nothing_and_obeys_what_is_set() {
    let development = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Loader::new(variables).for_development("d/key.pem".into(), "sqlite://d/a.db".into(), Vec::new())
    };
    let config = development(&[]).load().unwrap().config;
    assert_eq!((config.issuer.as_str(), config.host.as_str()), ("http://localhost:8080", "127.0.0.1"));
    assert_eq!((config.db_dsn.expose_secret(), config.port), ("sqlite://d/a.db", 8080));

    let set = [("AUTHGENT_PORT", "9000"), ("AUTHGENT_HOST", "0.0.0.0"), ("AUTHGENT_SIGNING_KEY_DATA", "x")];
    let config = development(&set).load().unwrap().config;
    assert_eq!((config.issuer.as_str(), config.host.as_str()), ("http://localhost:9000", "0.0.0.0"));
    assert!(matches!(config.signing_key, KeySource::Data(_)));
    let config = development(&set).flag("--port", "port", Some("9001".into())).load().unwrap().config;
    assert_eq!(config.issuer.as_str(), "http://localhost:9001");

    let error = development(&[]).flag("--port", "port", Some("x".into())).load().unwrap_err().to_string();
    assert_eq!(error, "--port must be a number from 0 to 65535, and \"x\" is none: for example --port 8080");
    assert!(matches!(development(&[("AUTHGENT_PORT", "0")]).load(), Err(ConfigError::NoIssuer)));
}
