//! Every setting there is: its names, its default and its meaning. The reader, the warnings about unknown names and
//! `docs/CONFIGURATION.md` all come from this table.

/// One setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the file; a dot stands before a nested name.
    pub key: &'static str,
    /// Its variable.
    pub variable: &'static str,
    /// Its default as it would be written in a variable; empty where it has none.
    pub default: &'static str,
    /// What it means, in a clause.
    pub meaning: &'static str,
    /// What else the operator should know; empty or sentences.
    pub detail: &'static str,
    /// A value as it would be written in a variable.
    pub example: &'static str,
    /// Whether the value is a number in the file.
    pub number: bool,
    /// Whether the value must never be shown.
    pub secret: bool,
}

impl Setting {
    /// An example as a variable.
    #[must_use]
    pub fn variable_example(&self) -> String {
        let quote = if self.example.contains([' ', '\\', '[']) { "'" } else { "" };
        format!("{}={quote}{}{quote}", self.variable, self.example)
    }

    /// An example as a line of the file.
    #[must_use]
    pub fn key_example(&self) -> String {
        match self.key {
            "resource" => "[[resource]] with uri = \"https://mcp.example.com/mcp\"".to_owned(),
            "identity_provider" => {
                "`[[identity_provider]]` with `id`, `issuer` and the other keys of `[idp]`".to_owned()
            }
            key if self.example.starts_with('[') => format!("{key} = '{}'", self.example),
            key if self.number => format!("{key} = {}", self.example),
            key => format!("{key} = \"{}\"", self.example),
        }
    }
}

const fn text(key: &'static str, variable: &'static str, default: &'static str, example: &'static str) -> Setting {
    Setting { key, variable, default, meaning: "", detail: "", example, number: false, secret: false }
}

const fn number(key: &'static str, variable: &'static str, default: &'static str, example: &'static str) -> Setting {
    Setting { number: true, ..text(key, variable, default, example) }
}

/// The variable that names the file. It is no key of the file.
pub const CONFIG_VARIABLE: &str = "AUTHGENT_CONFIG";

/// Variables with our prefix that other programs read. No warning is due to them.
pub const OF_OTHERS: &[&str] = &["AUTHGENT_INTERNAL_URL"];

/// The table. Its order is that of the documentation.
pub static SETTINGS: &[Setting] = &[
    Setting {
        meaning: "the public URL of this server, which becomes `iss` letter by letter",
        detail: "Without a slash at the end. It may have a path, below which everything is then served. Use `https` everywhere but on \
                 your own machine. A database belongs to the issuer that it was first served with: with another one nothing starts, until \
                 `authgent migrate --former-issuer` has changed that.",
        ..text("issuer", "AUTHGENT_ISSUER", "", "https://auth.example.com")
    },
    Setting {
        meaning: "the path of the private key that signs tokens",
        detail: "PEM: SEC1 as `openssl ecparam -genkey` writes it, PKCS#1 or PKCS#8, not encrypted. `authgent key generate` makes one.",
        ..text("signing_key", "AUTHGENT_SIGNING_KEY", "", "/etc/authgent/signing-key.pem")
    },
    Setting {
        meaning: "the private key itself, instead of its path",
        detail: "PEM. Where a line break cannot be written, `\\n` stands for it. Set either this or `AUTHGENT_SIGNING_KEY`, not both.",
        secret: true,
        ..text(
            "signing_key_data",
            "AUTHGENT_SIGNING_KEY_DATA",
            "",
            "-----BEGIN PRIVATE KEY-----\\nMIGH…\\n-----END PRIVATE KEY-----",
        )
    },
    Setting {
        meaning: "what tokens are signed with: `ES256`, `ES384` or `RS256`",
        detail: "The key must be of the same kind: EC on P-256, EC on P-384, or RSA of 2048 bits or more.",
        ..text("signing_alg", "AUTHGENT_SIGNING_ALG", "ES256", "ES256")
    },
    Setting {
        meaning: "the key under which the database keeps what has to be read again, such as the secrets of authenticator apps",
        detail: "32 random bytes in base64, as `openssl rand -base64 32` writes them. Where it is not set, a key is derived of the \
                 signing key: set it before you replace the signing key, or what was sealed cannot be read any more.",
        secret: true,
        ..text("encryption_key", "AUTHGENT_ENCRYPTION_KEY", "", "Zm9yIGRvY3VtZW50YXRpb24gb25seSwgbm90IGEga2U=")
    },
    Setting {
        meaning: "the address of the database",
        detail: "`sqlite:///absolute/path.db`, `sqlite://relative/path.db`, or \
                 `postgres://user:password@host:5432/database?sslmode=require`. An SQLite file is made where it is missing, its \
                 directory is not.",
        secret: true,
        ..text("db_dsn", "AUTHGENT_DB_DSN", "", "sqlite:///var/lib/authgent/authgent.db")
    },
    Setting {
        meaning: "the address to listen at",
        detail: "An IP address or a name. `authgent dev` listens at `127.0.0.1` unless it is told otherwise.",
        ..text("host", "AUTHGENT_HOST", "0.0.0.0", "127.0.0.1")
    },
    Setting {
        meaning: "the port to listen at",
        detail: "0 lets the operating system choose one.",
        ..number("port", "AUTHGENT_PORT", "8080", "8080")
    },
    Setting {
        meaning: "how long an access token lives, in seconds",
        detail: "1 to 86400. A server that verifies tokens by itself accepts them until they end, even after their grant was revoked: keep it \
                 short.",
        ..number("token_ttl", "AUTHGENT_TOKEN_TTL", "300", "300")
    },
    Setting {
        meaning: "how long a refresh token lives, in seconds",
        detail: "0 to 31536000; 0 issues none. Every use gives a new one.",
        ..number("refresh_ttl", "AUTHGENT_REFRESH_TTL", "86400", "86400")
    },
    Setting {
        meaning: "how long a used refresh token is still answered with the same successor, in seconds",
        detail: "0 to 300. Two windows of one client then do not log each other out; a later reuse revokes the grant.",
        ..number("refresh_grace", "AUTHGENT_REFRESH_GRACE", "10", "10")
    },
    Setting {
        meaning: "how long an ID token lives, in seconds",
        detail: "1 to 86400.",
        ..number("id_token_ttl", "AUTHGENT_ID_TOKEN_TTL", "3600", "3600")
    },
    Setting {
        meaning: "how long an authorization code lives, in seconds",
        detail: "1 to 3600. RFC 6749 recommends at most 600.",
        ..number("code_ttl", "AUTHGENT_CODE_TTL", "600", "60")
    },
    Setting {
        meaning: "how long a person stays signed in to the pages of this server, in seconds",
        detail: "1 to 31536000.",
        ..number("session_ttl", "AUTHGENT_SESSION_TTL", "86400", "43200")
    },
    Setting {
        meaning: "whether a `client_id` may be the URL of a client metadata document: `on` or `off`",
        detail: "The way to register that MCP 2026-07-28 prefers. The document is fetched over HTTPS from public addresses only.",
        ..text("client_documents", "AUTHGENT_CLIENT_DOCUMENTS", "on", "off")
    },
    Setting {
        meaning: "the only hosts whose client metadata documents are taken",
        detail: "Separated by spaces; `*.example.com` means every host below `example.com`. Empty: all hosts.",
        ..text(
            "client_document_allowed_domains",
            "AUTHGENT_CLIENT_DOCUMENT_ALLOWED_DOMAINS",
            "",
            "claude.ai *.example.com",
        )
    },
    Setting {
        meaning: "hosts whose client metadata documents are never taken",
        detail: "Wins over the hosts that are allowed.",
        ..text(
            "client_document_denied_domains",
            "AUTHGENT_CLIENT_DOCUMENT_DENIED_DOMAINS",
            "",
            "evil.example *.evil.example",
        )
    },
    Setting {
        meaning: "hosts whose clients the consent page calls verified",
        detail: "You vouch for whoever publishes documents there. `none` vouches for nobody.",
        ..text(
            "client_document_verified_domains",
            "AUTHGENT_CLIENT_DOCUMENT_VERIFIED_DOMAINS",
            "claude.ai chatgpt.com vscode.dev zed.dev opencode.ai",
            "claude.ai apps.example.com",
        )
    },
    Setting {
        meaning: "whether copies of well-known documents stand in where a document cannot be fetched: `on` or `off`",
        detail: "Some origins refuse the addresses of data centres. The copies come with this program and are used only while the \
                 origin fails and no copy of our own is there.",
        ..text("client_document_copies", "AUTHGENT_CLIENT_DOCUMENT_COPIES", "on", "off")
    },
    Setting {
        meaning: "hosts of client metadata documents and keys that may have private addresses",
        detail: "For tests and private networks. Name hosts that you run: this server will make requests to them.",
        ..text("client_document_private_hosts", "AUTHGENT_CLIENT_DOCUMENT_PRIVATE_HOSTS", "", "agents.corp.example")
    },
    Setting {
        meaning: "the path of the certificates, in PEM, of the authority that certifies the private hosts",
        detail: "Believed for those hosts alone, beside the authorities of the system.",
        ..text("client_document_ca_file", "AUTHGENT_CLIENT_DOCUMENT_CA_FILE", "", "/etc/authgent/private-ca.pem")
    },
    Setting {
        meaning: "who may register a client: `open`, `approved-redirects`, `token` or `off`",
        detail: "`open`: every client, as Cursor, Gemini CLI and many others need it. `approved-redirects`: those whose redirect URIs all \
                 match `AUTHGENT_REGISTRATION_APPROVED_REDIRECTS`. `token`: those that send an initial access token of \
                 `authgent initial-access-token add`. `off`: none; the endpoint is then not advertised.",
        ..text("registration", "AUTHGENT_REGISTRATION", "open", "approved-redirects")
    },
    Setting {
        meaning: "the redirect URIs that a client may register in the mode `approved-redirects`",
        detail: "Separated by spaces: `https://HOST`, `https://*.DOMAIN`, `http://localhost`, `http://127.0.0.1`, `http://[::1]` (each with \
                 any port and path), and `SCHEME:` for the links of an application.",
        ..text(
            "registration_approved_redirects",
            "AUTHGENT_REGISTRATION_APPROVED_REDIRECTS",
            "",
            "https://claude.ai http://localhost http://127.0.0.1 cursor:",
        )
    },
    Setting {
        meaning: "how many clients one address may register in a minute",
        detail: "0: any number. Counted by each replica for itself; an IPv6 address counts as its /64. Behind a reverse proxy set \
                 `AUTHGENT_TRUSTED_PROXIES`, or all clients share the proxy's share.",
        ..number("registration_rate", "AUTHGENT_REGISTRATION_RATE", "60", "60")
    },
    Setting {
        meaning: "after how long a client is removed that came by itself and never finished a sign-in, in seconds",
        detail: "60 to 315360000. Its person signs in later: it registers again.",
        ..number("client_unfinished_ttl", "AUTHGENT_CLIENT_UNFINISHED_TTL", "86400", "86400")
    },
    Setting {
        meaning: "after how long without use a client is removed that came by itself, in seconds",
        detail: "60 to 315360000. Never while somebody's grant to it is alive.",
        ..number("client_unused_ttl", "AUTHGENT_CLIENT_UNUSED_TTL", "7776000", "7776000")
    },
    Setting {
        meaning: "the reverse proxies whose `X-Forwarded-For` is believed",
        detail: "Addresses or ranges, separated by spaces. The address of a caller is the last one in the header that is no trusted \
                 proxy; without proxies the header is not looked at.",
        ..text("trusted_proxies", "AUTHGENT_TRUSTED_PROXIES", "", "10.0.0.0/8 ::1")
    },
    Setting {
        meaning: "how often one address may try to sign in, or ask for a link to do so, in a minute",
        detail: "0: any number. Counted by each replica for itself, as registrations are. Wrong passwords for one account wait longer and \
                 longer beside this, wherever they come from.",
        ..number("sign_in_rate", "AUTHGENT_SIGN_IN_RATE", "60", "60")
    },
    Setting {
        meaning: "the mail server that takes links and notices to people",
        detail: "`smtps://user:password@host` for TLS, `smtp://…` for STARTTLS, without which nothing is sent; `smtp://localhost?tls=none` \
                 for a server on the same machine. Special characters are percent-encoded. Without it, `authgent user invite` and \
                 `authgent user reset` print the links that you then hand over.",
        secret: true,
        ..text("smtp_url", "AUTHGENT_SMTP_URL", "", "smtps://authgent:password@mail.example.com")
    },
    Setting {
        meaning: "whom mails come from",
        detail: "An address, alone or as `Name <address>`. Needed where `AUTHGENT_SMTP_URL` is set.",
        ..text("mail_from", "AUTHGENT_MAIL_FROM", "", "Example sign-in <auth@example.com>")
    },
    Setting {
        meaning: "the name at the top of the pages",
        detail: "1 to 40 characters: your company's or your product's. People compare it with what they expect.",
        ..text("name", "AUTHGENT_NAME", "Authgent", "Example Corp")
    },
    Setting {
        meaning: "the path of the logo beside the name",
        detail: "An SVG or a PNG of at most 256 KiB, square or nearly so. It is read at the start and shown 28 pixels high.",
        ..text("logo", "AUTHGENT_LOGO", "", "/etc/authgent/logo.svg")
    },
    Setting {
        meaning: "the colour of buttons and links, as `#rrggbb`",
        detail: "It is darkened for the light theme and lightened for the dark one, as far as text needs to stay readable (WCAG 2.2, AA).",
        ..text("accent_color", "AUTHGENT_ACCENT_COLOR", "", "#0b6b57")
    },
    Setting {
        meaning: "the resources: the MCP servers that tokens are for",
        detail: "Tables in the file, a JSON array in the variable; see below. They are applied at every start: one that is gone \
                 from here is removed, those of `authgent resource add` stay.",
        ..text("resource", "AUTHGENT_RESOURCES", "", "[{\"uri\": \"https://mcp.example.com/mcp\"}]")
    },
    Setting {
        meaning: "what the members of a group may grant on a resource",
        detail: "A JSON array, or an array of tables in the file. The groups are those that the upstream provider names; `*` is \
                 everybody. A resource that is named here is limited: who is in none of its groups can grant nothing there. A resource \
                 that is not named is not limited.",
        ..text(
            "group_scopes",
            "AUTHGENT_GROUP_SCOPES",
            "",
            "[{\"resource\": \"https://mcp.example.com/mcp\", \"group\": \"engineering\", \"scope\": \"mcp:read mcp:write\"}]",
        )
    },
    Setting {
        meaning: "whether people may delete their accounts themselves: `on` or `off`",
        detail: "With everything that is theirs, at once and for good.",
        ..text("account_deletion", "AUTHGENT_ACCOUNT_DELETION", "on", "off")
    },
    Setting {
        meaning: "what is logged",
        detail: "A level (`error`, `warn`, `info`, `debug`, `trace`), or directives for parts of the program with commas between, as \
                 tracing-subscriber reads them.",
        ..text("log", "AUTHGENT_LOG", super::DEFAULT_FILTER, "info,authgent_server=debug")
    },
    Setting {
        meaning: "the form of the log: `auto`, `human` or `json`",
        detail: "`auto` writes for people on a terminal and one JSON object a line otherwise. Logs go to standard error.",
        ..text("log_format", "AUTHGENT_LOG_FORMAT", "auto", "json")
    },
    Setting {
        meaning: "the age in days at which a signing key is followed by the next one; 0 for never",
        detail: "The next key is made in the database, sealed with `AUTHGENT_ENCRYPTION_KEY`, published, used after \
                 `AUTHGENT_KEY_PUBLISH_AHEAD`, and withdrawn when the last token that it signed is dead.",
        ..number("key_rotation_days", "AUTHGENT_KEY_ROTATION_DAYS", "30", "90")
    },
    Setting {
        meaning: "how long a signing key is published before it signs, in seconds",
        detail: "Longer than any MCP server keeps a copy of the key set. Half of the rotation period at most.",
        ..number("key_publish_ahead", "AUTHGENT_KEY_PUBLISH_AHEAD", "86400", "7200")
    },
    Setting {
        meaning: "the OpenID provider that people sign in at: its issuer",
        detail: "As its metadata have it, letter by letter: a slash at the end counts. `https://github.com`, or the address of a GitHub \
                 Enterprise Server with `AUTHGENT_IDP_KIND=github`, for GitHub, which speaks OAuth 2.0 alone.",
        ..text("idp.issuer", "AUTHGENT_IDP_ISSUER", "", "https://accounts.google.com")
    },
    Setting {
        meaning: "the `client_id` of this server at the provider",
        ..text("idp.client_id", "AUTHGENT_IDP_CLIENT_ID", "", "authgent")
    },
    Setting {
        meaning: "the secret that belongs to it",
        secret: true,
        ..text("idp.client_secret", "AUTHGENT_IDP_CLIENT_SECRET", "", "…")
    },
    Setting {
        meaning: "how this server proves to the provider who it is",
        detail: "`client_secret_basic`, `client_secret_post`, `private_key_jwt` (signed with the signing key: give the provider this \
                 server's `/.well-known/jwks.json`), or `none` for a public client. Without it, `client_secret_basic` where there is a \
                 secret, and `none` where there is not.",
        ..text("idp.client_authentication", "AUTHGENT_IDP_CLIENT_AUTHENTICATION", "", "private_key_jwt")
    },
    Setting {
        meaning: "the scopes that are asked of the provider",
        detail: "Without it, `openid profile email`; of GitHub, `read:user user:email read:org`.",
        ..text("idp.scopes", "AUTHGENT_IDP_SCOPES", "", "openid profile email groups")
    },
    Setting {
        meaning: "the path that providers send people back to",
        detail: "The redirect URI to register there is the issuer of this server with this path.",
        ..text("idp.callback_path", "AUTHGENT_IDP_CALLBACK_PATH", "/idp/callback", "/idp/callback")
    },
    Setting {
        meaning: "the provider's name on the sign-in page",
        detail: "Without it, the host of its issuer.",
        ..text("idp.name", "AUTHGENT_IDP_NAME", "", "Example Corp")
    },
    Setting {
        meaning: "what the provider speaks: `openid` or `github`",
        ..text("idp.kind", "AUTHGENT_IDP_KIND", "", "github")
    },
    Setting {
        meaning: "the hosts of e-mail addresses that may sign in; all where none is named",
        detail: "The provider must vouch for the address (`email_verified`), or `AUTHGENT_IDP_TRUST_EMAIL` must be on.",
        ..text("idp.allowed_domains", "AUTHGENT_IDP_ALLOWED_DOMAINS", "", "example.com example.org")
    },
    Setting {
        meaning: "claims that whoever signs in must have, as `NAME=VALUE`",
        detail: "Of one claim that is named twice, one value is enough. Dots lead into objects. `hd=example.com` keeps other Google \
                 Workspaces out, `tid=…` other tenants of Microsoft Entra ID.",
        ..text("idp.required_claims", "AUTHGENT_IDP_REQUIRED_CLAIMS", "", "hd=example.com")
    },
    Setting {
        meaning: "groups of which whoever signs in must be in one",
        ..text("idp.required_groups", "AUTHGENT_IDP_REQUIRED_GROUPS", "", "mcp-users")
    },
    Setting {
        meaning: "the claim with a person's groups",
        detail: "Dots lead into objects: `realm_access.roles` for the roles of Keycloak. `AUTHGENT_GROUP_SCOPES` says what they may grant.",
        ..text("idp.groups_claim", "AUTHGENT_IDP_GROUPS_CLAIM", "groups", "realm_access.roles")
    },
    Setting {
        meaning: "the claim that identifies people there",
        detail: "Chosen once: with another claim, everybody is somebody new. `oid` for Microsoft Entra ID, whose `sub` differs between \
                 registrations of applications.",
        ..text("idp.subject_claim", "AUTHGENT_IDP_SUBJECT_CLAIM", "sub", "oid")
    },
    Setting {
        meaning: "whether an account that is here already is found by its e-mail address: `on` or `off`",
        detail: "Only where the provider vouches for the address. Whoever can make it vouch for an address gets the account behind it.",
        ..text("idp.link_by_email", "AUTHGENT_IDP_LINK_BY_EMAIL", "off", "on")
    },
    Setting {
        meaning: "whether every address that the provider gives counts as vouched for: `on` or `off`",
        detail: "For a provider of your own that never says `email_verified`, and in which nobody can choose their own address.",
        ..text("idp.trust_email", "AUTHGENT_IDP_TRUST_EMAIL", "off", "on")
    },
    Setting {
        meaning: "whether whoever signs in there for the first time gets an account: `on` or `off`",
        detail: "Off: the operator makes it beforehand (`authgent user add`), and `AUTHGENT_IDP_LINK_BY_EMAIL` finds it.",
        ..text("idp.create_accounts", "AUTHGENT_IDP_CREATE_ACCOUNTS", "on", "off")
    },
    Setting {
        meaning: "further providers",
        detail: "In the file, a table `[[identity_provider]]` for each, with an `id` for its paths and the keys of the table `idp` but \
                 `callback_path`; lists are arrays. In the variable, a JSON array of the same objects. The sign-in page has a button for \
                 each.",
        secret: true,
        ..text(
            "identity_provider",
            "AUTHGENT_IDENTITY_PROVIDERS",
            "",
            "[{\"id\": \"okta\", \"issuer\": \"https://example.okta.com\", \"client_id\": \"…\", \"client_secret\": \"…\"}]",
        )
    },
    Setting {
        meaning: "whether people can sign in with a password or a passkey of this server: `on` or `off`",
        detail: "Without it, on where there is no provider and off where there is one.",
        ..text("local_accounts", "AUTHGENT_LOCAL_ACCOUNTS", "", "on")
    },
];

/// The setting with this key.
///
/// # Panics
/// Where there is none: keys are written in this crate alone, and a test reads all of them.
pub(super) fn setting(key: &str) -> &'static Setting {
    SETTINGS.iter().find(|setting| setting.key == key).expect("the key is in the table")
}
