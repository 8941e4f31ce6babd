//! The files under `tests/clients`: what is known of each client, and where from.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything that is known of one client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// Its name, as people know it.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Which programs or pages these facts are about.
    pub surfaces: String,
    /// The origin of the page, where the client is one: its requests need CORS.
    #[serde(default)]
    pub page: Option<String>,
    /// The real software that the tests run as well, and where; otherwise it is only replayed.
    #[serde(default)]
    pub software: Option<String>,
    /// The ways in which it registers; the first that is possible is taken.
    pub ways: Vec<Way>,
    /// Its authorization request.
    pub authorization: AuthorizationRequest,
    /// The `scope` that it sends where it knows of none, letter by letter, if it sends any then.
    #[serde(default)]
    pub scope_unknown: Option<String>,
    /// Its token request.
    pub token: TokenRequest,
    /// Its refresh request.
    pub refresh: RefreshRequest,
    /// Whether it asks for more scope when the resource demands it.
    pub step_up: bool,
    /// What one has to know to serve it.
    pub quirks: Vec<String>,
    /// Where all this is from.
    pub sources: Vec<Source>,
}

/// One way to become a client.
#[derive(Debug, Deserialize)]
pub struct Way {
    /// How, and with what.
    #[serde(flatten)]
    pub registration: Registration,
    /// How it authenticates at the token endpoint.
    pub authentication: Authentication,
    /// The redirect URIs of its authorization requests; `{port}` is a random one.
    pub presented: Vec<String>,
}

/// How a client becomes known to the server.
#[derive(Debug, Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case")]
pub enum Registration {
    /// By a client metadata document.
    Document {
        /// The document.
        document: Document,
    },
    /// By dynamic registration (RFC 7591).
    Dynamic {
        /// The body; `{port}` is a random port, the same as in the first authorization request.
        registration: Value,
    },
    /// By the operator.
    PreRegistered {
        /// The metadata that the operator gives.
        registration: Value,
    },
}

/// A client metadata document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its URL, which is the `client_id`.
    pub url: String,
    /// The file of the copy that comes with the server, where there is one.
    #[serde(default)]
    copy: Option<String>,
    /// The document itself, where there is no copy.
    #[serde(default)]
    content: Option<Value>,
}

impl Document {
    /// The document.
    ///
    /// # Errors
    /// Where the copy cannot be read, or there is neither copy nor content.
    pub fn content(&self) -> Result<Value> {
        let Some(copy) = &self.copy else {
            return self.content.clone().context("neither copy nor content");
        };
        let path = repository().join("authgent-server/src/service/client_documents/bundled").join(copy);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// How a client authenticates at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// `client_id` in the body.
    None,
    /// The secret in the body.
    ClientSecretPost,
    /// HTTP Basic.
    ClientSecretBasic,
    /// An assertion.
    PrivateKeyJwt,
}

impl Authentication {
    /// The name in the metadata of the server.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

/// An authorization request, beside `response_type`, `client_id`, `redirect_uri` and PKCE, which everybody sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationRequest {
    /// Which scope it asks for.
    pub scope: ScopeSource,
    /// Whether it adds `offline_access`.
    pub offline_access: bool,
    /// Whether it sends `resource`.
    pub resource: bool,
    /// Further parameters.
    pub parameters: BTreeMap<String, String>,
    /// The form of `state`; `{random}` differs each time.
    pub state: String,
}

/// Where the scope of an authorization request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeSource {
    /// The challenge of the resource.
    Challenge,
    /// All that the metadata of the resource lists.
    Resource,
    /// All that the metadata of the authorization server lists.
    Server,
}

/// A token request, beside what everybody sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Whether it sends `resource`.
    pub resource: bool,
    /// Whether `client_id` stands in the body beside HTTP Basic.
    #[serde(default)]
    pub client_id_beside_basic: bool,
}

/// A refresh request, beside what everybody sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// Whether it sends `resource`.
    pub resource: bool,
    /// Whether it repeats the granted scope.
    #[serde(default)]
    pub scope: bool,
}

/// Where a fact is from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The fact.
    pub fact: String,
    /// Its source.
    pub source: String,
    /// Its kind: one of [`Tag`].
    pub tag: Tag,
    /// Whether it is beyond doubt.
    pub certain: bool,
}

/// The kind of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Tag {
    /// The client's source code, or a specification.
    #[serde(rename = "S")]
    Source,
    /// Seen when it ran.
    #[serde(rename = "V")]
    Verified,
    /// A report of an issue.
    #[serde(rename = "I")]
    Issue,
    /// The vendor's documentation.
    #[serde(rename = "D")]
    Documentation,
    /// Notes of third parties, or an assumption.
    #[serde(rename = "3")]
    ThirdParty,
}

impl Fixture {
    /// Reads all files under `tests/clients`, in the order of their names.
    ///
    /// # Errors
    /// Where one cannot be read; the error names it.
    pub fn all() -> Result<Vec<Self>> {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(repository().join("tests/clients"))?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()?;
        paths.sort();
        paths.iter().map(|path| Self::read(path).with_context(|| path.display().to_string())).collect()
    }

    fn read(path: &Path) -> Result<Self> {
        Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
    }

    /// The documents of all its ways.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.ways.iter().filter_map(|way| match &way.registration {
            Registration::Document { document } => Some(document),
            Registration::Dynamic { .. } | Registration::PreRegistered { .. } => None,
        })
    }
}

/// The folder that the workspace is in.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
