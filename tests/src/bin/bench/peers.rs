//! Other authorization servers, from `tests/bench/peers`. Of each no more is known than its issuer and its clients.

use crate::authgent::{REDIRECT_URI, RESOURCE, SCOPE, VERIFIER, chains, client_credentials};
use crate::child::Running;
use crate::client::Endpoint;
use crate::load::Work;
use crate::report::Target;
use anyhow::{Context as _, Result, ensure};
use authgent_core::pkce::CodeVerifier;
use authgent_tests::browser::{Browser, query};
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::path::Path;
use std::process::Command;
use url::Url;

/// Those that are measured.
pub(crate) const ALL: [Kind; 2] = [
    Kind {
        name: "oidc-provider",
        credentials: Target::AtLeast(4.0),
        refresh: Target::AtLeast(2.0),
        script: "oidc-provider.mjs",
        packages: &NPM,
    },
    Kind {
        name: "Authlib",
        credentials: Target::None,
        refresh: Target::None,
        script: "authlib_server.py",
        packages: &PYPI,
    },
];

const NPM: Packages = Packages {
    list: "package-lock.json",
    folder: "node_modules",
    install: &[&["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]],
    interpreter: "node_modules/.bin/node",
};

const PYPI: Packages = Packages {
    list: "requirements.txt",
    folder: ".venv",
    install: &[
        &["python3", "-m", "venv", "--clear", ".venv"],
        &[
            ".venv/bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "--requirement",
            "requirements.txt",
        ],
    ],
    interpreter: ".venv/bin/python",
};

/// One that can be started.
pub(crate) struct Kind {
    /// What its rows and ratios are named after.
    pub(crate) name: &'static str,
    /// How often as many tokens for clients that act for themselves are wanted of Authgent.
    pub(crate) credentials: Target,
    /// How often as many refreshes.
    pub(crate) refresh: Target,
    script: &'static str,
    packages: &'static Packages,
}

/// What peers run on, all in the folder of the peers.
struct Packages {
    /// Each with its version and its hash.
    list: &'static str,
    /// Where they are installed.
    folder: &'static str,
    /// The commands that install them.
    install: &'static [&'static [&'static str]],
    /// What runs a script with them.
    interpreter: &'static str,
}

/// A running one.
pub(crate) struct Peer {
    /// Which it is.
    pub(crate) kind: &'static Kind,
    /// Its process.
    pub(crate) process: Running,
    told: Told,
    token: Endpoint,
    metadata: Value,
    http: reqwest::Client,
}

/// What it tells when it listens.
#[derive(Deserialize)]
struct Told {
    program: String,
    issuer: String,
    service: Service,
    public: String,
}

#[derive(Deserialize)]
struct Service {
    client_id: String,
    client_secret: String,
}

impl Packages {
    /// Installs them in `folder`, where others or none are.
    fn install(&self, folder: &Path) -> Result<()> {
        let list = std::fs::read(folder.join(self.list)).context(self.list)?;
        let installed = folder.join(self.folder).join(".installed-from");
        if std::fs::read(&installed).is_ok_and(|from| from == list) {
            return Ok(());
        }
        eprintln!("installing {} in {}", self.list, folder.display());
        for command in self.install {
            let output = Command::new(command[0]).args(&command[1..]).current_dir(folder).output();
            let output = output.context(command[0])?;
            let said = [output.stdout, output.stderr].concat();
            ensure!(output.status.success(), "{}: {}", command.join(" "), String::from_utf8_lossy(&said).trim());
        }
        Ok(std::fs::write(installed, list)?)
    }
}

impl Peer {
    /// Starts one, after installing it where it is missing.
    pub(crate) async fn start(kind: &'static Kind) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peers");
        kind.packages.install(&folder)?;
        let mut command = Command::new(folder.join(kind.packages.interpreter));
        command.arg(kind.script).current_dir(&folder).env("NODE_ENV", "production");
        let (process, line) = Running::start_and_listen(&mut command)?;
        let told: Told = serde_json::from_str(&line)?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/.well-known/oauth-authorization-server", told.issuer);
        let metadata: Value = http.get(url).send().await?.error_for_status()?.json().await?;
        let token = Endpoint::parse(metadata["token_endpoint"].as_str().context("token_endpoint")?)?;
        Ok(Self { kind, process, told, token, metadata, http })
    }

    /// Its name and version, and of what runs it.
    pub(crate) fn program(&self) -> &str {
        &self.told.program
    }

    /// Its token endpoint.
    pub(crate) fn token(&self) -> &Endpoint {
        &self.token
    }

    /// Tokens for a client that acts for itself.
    pub(crate) fn client_credentials(&self) -> Work {
        client_credentials(&self.token, &self.told.service.client_id, &self.told.service.client_secret)
    }

    /// Refreshes, in so many chains.
    pub(crate) async fn chains(&self, count: usize) -> Result<Work> {
        let browser = Browser::new()?;
        let mut tokens = VecDeque::with_capacity(count);
        for _ in 0..count {
            tokens.push_back(self.refresh_token(&browser).await?);
        }
        Ok(chains(&self.token, &self.told.public, tokens))
    }

    async fn refresh_token(&self, browser: &Browser) -> Result<String> {
        let mut url = Url::parse(self.metadata["authorization_endpoint"].as_str().context("authorization_endpoint")?)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.told.public)
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("scope", SCOPE)
            .append_pair("resource", RESOURCE)
            .append_pair("code_challenge", &CodeVerifier::parse(VERIFIER)?.challenge().to_string())
            .append_pair("code_challenge_method", "S256");
        let page = browser.follow(browser.get(&url).await?).await?;
        let location = page.location().with_context(|| format!("no redirect from {}: {}", page.url, page.body))?;
        let code = query(&location, "code").with_context(|| format!("no code in {location}"))?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", &self.told.public),
            ("code_verifier", VERIFIER),
            ("resource", RESOURCE),
        ];
        let token_endpoint = self.metadata["token_endpoint"].as_str().context("token_endpoint")?;
        let response = self.http.post(token_endpoint).form(&form).send().await?;
        let tokens: Value = response.error_for_status()?.json().await?;
        Ok(tokens["refresh_token"].as_str().with_context(|| format!("no refresh token in {tokens}"))?.to_owned())
    }
}
