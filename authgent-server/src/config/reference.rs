//! `docs/CONFIGURATION.md` is written from the table of settings; this test fails where it is stale.

use super::settings::{SETTINGS, Setting};
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "\
# Configuration

<!-- Written from authgent-server/src/config/settings.rs. To change it, change that file and run
     UPDATE_DOCS=1 cargo test -p authgent-server configuration_reference -->

Authgent reads variables with the prefix `AUTHGENT_`, over an optional TOML file that `--config FILE` or `AUTHGENT_CONFIG`
names. A variable wins over the file, an option of the command line over both. An empty variable counts as absent.

Three settings are needed: `AUTHGENT_ISSUER`, `AUTHGENT_SIGNING_KEY` (or `AUTHGENT_SIGNING_KEY_DATA`) and `AUTHGENT_DB_DSN`.
Commands that work on the database alone (`authgent user add` and the like) need only the last; those that make links need the issuer, too,
and `authgent key` all three ([which](guides/production.md#commands)). `authgent dev` needs none: it makes its own key and database, takes
`http://localhost:PORT` for its issuer and listens at `127.0.0.1`.

A wrong value stops the start with one sentence that names the setting, what is wrong with it, and an example. So does an unknown
key in the file; an unknown variable with our prefix is a warning that names the nearest known one. No message shows a secret.

";

const RESOURCES: &str = r#"
## Resources

A resource is an MCP server that tokens are for. In the file, each is a `[[resource]]`:

```toml
[[resource]]
uri = "https://mcp.example.com/mcp"        # becomes `aud`, letter by letter
name = "Project tracker"                   # for people; the URI where it is left out
aliases = ["https://mcp.example.com"]      # other names that clients may ask for; tokens still carry `uri`
profile_claims = ["email", "name"]         # what its tokens say about the person; this is the default

[[resource.scope]]
name = "mcp:read"
description = "See your projects"          # stands on the consent page; the name where it is left out
default = true                             # granted where a client asks for no scope

[[resource.scope]]
name = "mcp:write"
description = "Create and change projects"
```

The same as a variable:

```sh
AUTHGENT_RESOURCES='[{"uri": "https://mcp.example.com/mcp", "name": "Project tracker",
  "aliases": ["https://mcp.example.com"],
  "scope": [{"name": "mcp:read", "description": "See your projects", "default": true},
            {"name": "mcp:write", "description": "Create and change projects"}]}]'
```

The resources of the configuration are applied at every start: one that is gone from it is removed. Those that `authgent resource add`
made are kept, except that one with the same URI becomes the configuration's. No alias may belong to two resources.

## A whole file

```toml
issuer = "https://auth.example.com"
signing_key = "/etc/authgent/signing-key.pem"
db_dsn = "sqlite:///var/lib/authgent/authgent.db"
host = "127.0.0.1"
port = 8080
token_ttl = 300
refresh_ttl = 86400

[[resource]]
uri = "https://mcp.example.com/mcp"
name = "Project tracker"

[[resource.scope]]
name = "mcp:read"
description = "See your projects"
default = true
```

## Variables that other programs read

`AUTHGENT_INTERNAL_URL` belongs to protected servers (`mcp-resource`, `mcp-demo`): where they fetch keys and metadata when the
public issuer cannot be reached from inside the network. Authgent itself does not read it.
"#;

fn default(setting: &Setting) -> String {
    match (setting.key, setting.default) {
        ("issuer" | "signing_key" | "db_dsn", _) => "required".to_owned(),
        (_, "") => "none".to_owned(),
        (_, default) => format!("`{default}`"),
    }
}

fn render() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("| variable | key in the file | default | meaning |\n|---|---|---|---|\n");
    for setting in SETTINGS {
        let Setting { variable, key, meaning, .. } = setting;
        let key = if is_table(key) { format!("`[[{key}]]`") } else { format!("`{key}`") };
        writeln!(text, "| `{variable}` | {key} | {} | {meaning} |", default(setting)).unwrap();
    }
    text.push_str("| `AUTHGENT_CONFIG` | | none | the path of the file |\n\n## Each setting\n");
    for setting in SETTINGS {
        let (example, in_file) = (setting.variable_example(), setting.key_example());
        let default = match default(setting).as_str() {
            "required" => "Required".to_owned(),
            default => format!("Default: {default}"),
        };
        write!(text, "\n### `{}`\n\n{}. {default}.", setting.variable, capital(setting.meaning)).unwrap();
        if !setting.detail.is_empty() {
            write!(text, " {}", setting.detail).unwrap();
        }
        let in_file = if is_table(setting.key) { in_file } else { format!("`{in_file}`") };
        let in_file =
            in_file.replacen("[[resource]] with uri = \"https://mcp.example.com/mcp\"", "`[[resource]]`, as below", 1);
        writeln!(text, "\n\nExample: `{example}`; in the file {in_file}.").unwrap();
    }
    text.push_str(RESOURCES);
    text
}

/// Whether the setting is an array of tables in the file.
fn is_table(key: &str) -> bool {
    matches!(key, "resource" | "identity_provider")
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[test]
fn configuration_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIGURATION.md");
    let expected = render();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/CONFIGURATION.md is stale: UPDATE_DOCS=1 cargo test -p authgent-server configuration_reference"
    );
}

#[test]
fn the_examples_of_the_reference_are_accepted() {
    let environment = |setting: &Setting| (setting.variable.to_owned(), setting.example.to_owned());
    // Each of these excludes another.
    let left_out = ["signing_key_data", "idp.client_secret", "idp.kind"];
    let given = SETTINGS.iter().filter(|setting| !left_out.contains(&setting.key));
    super::Config::load(None, given.map(environment)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authgent.toml");
    for block in RESOURCES.split("```toml\n").skip(1) {
        let toml = block.split("```").next().unwrap();
        std::fs::write(&path, toml).unwrap();
        let variables = ["AUTHGENT_ISSUER", "AUTHGENT_SIGNING_KEY", "AUTHGENT_DB_DSN"]
            .map(|name| environment(SETTINGS.iter().find(|setting| setting.variable == name).unwrap()));
        assert_eq!(super::Config::load(Some(&path), variables).unwrap().config.resources.len(), 1);
    }
    let json = RESOURCES.split("AUTHGENT_RESOURCES='").nth(1).unwrap().split('\'').next().unwrap();
    let mut variables: Vec<_> =
        SETTINGS.iter().filter(|s| ["issuer", "signing_key", "db_dsn"].contains(&s.key)).map(environment).collect();
    variables.push(("AUTHGENT_RESOURCES".into(), json.into()));
    assert_eq!(super::Config::load(None, variables).unwrap().config.resources[0].scopes.len(), 2);
}

#[test]
fn names_of_key_and_variable_agree() {
    for setting in SETTINGS {
        // An array of tables has the singular in the file.
        let plural = if is_table(setting.key) { "S" } else { "" };
        let expected = format!("{}{plural}", setting.key.replace('.', "_").to_uppercase());
        assert_eq!(setting.variable, format!("AUTHGENT_{expected}"));
        assert!(!setting.meaning.is_empty() && !setting.meaning.ends_with('.'), "{}", setting.key);
        assert!(setting.detail.is_empty() || setting.detail.ends_with('.'), "{}", setting.key);
    }
}
