//! What the machine can do at best: the same work without Authgent around it.

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Result;
use authgent_server::crypto::keyring::Keyring;
use authgent_server::crypto::pem::{SigningAlgorithm, SigningKey, generate_pem};
use mcp_resource::actix::McpAuth;
use mcp_resource::testing::TestIssuer;
use mcp_resource::{Authenticator, Config};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;

const RESOURCE: &str = "http://localhost:8000/mcp";

/// Bare handlers on a port of their own.
pub(crate) struct Ceilings {
    /// The client that all load goes through.
    pub(crate) http: reqwest::Client,
    base: String,
    keyring: Arc<Keyring>,
    issuer: TestIssuer,
}

impl Ceilings {
    /// Starts them.
    pub(crate) async fn start() -> Result<Self> {
        let issuer = TestIssuer::start().await?;
        let config = Config::builder(issuer.url(), RESOURCE).required_scope("mcp:read").build()?;
        let authenticator = Authenticator::new(config)?;
        let key = SigningKey::from_pem(generate_pem(SigningAlgorithm::Es256).as_bytes(), SigningAlgorithm::Es256)?;
        let keyring = Arc::new(Keyring::new(Arc::new(key), Vec::new())?);
        let shared = web::Data::from(Arc::clone(&keyring));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/sign", web::get().to(sign))
                .route("/fixed", web::get().to(fixed))
                .route("/open", web::get().to(fixed))
                .service(
                    web::resource("/guarded").wrap(McpAuth::new(authenticator.clone())).route(web::get().to(fixed)),
                )
        })
        .bind("127.0.0.1:0")?;
        let base = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Ok(Self { http: reqwest::Client::builder().no_proxy().build()?, base, keyring, issuer })
    }

    /// A request to one of them.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base))
    }

    /// A token for the guarded one.
    pub(crate) fn token(&self) -> Result<String> {
        Ok(self.issuer.token(RESOURCE, "mcp:read")?)
    }

    /// Signs one token at each call.
    pub(crate) fn signer(&self) -> impl FnMut() {
        let (keyring, claims) = (Arc::clone(&self.keyring), claims());
        move || {
            std::hint::black_box(keyring.sign("at+jwt", &claims).is_ok());
        }
    }
}

/// Writes a page and waits for the disk, at each call.
pub(crate) fn durable_write(directory: &Path) -> Result<impl FnMut()> {
    let mut file = File::create(directory.join("durable"))?;
    let page = [7_u8; 4096];
    Ok(move || {
        let written = file.rewind().and_then(|()| file.write_all(&page)).and_then(|()| file.sync_data());
        assert!(written.is_ok(), "the disk refuses: {written:?}");
    })
}

fn claims() -> Value {
    json!({"iss": "http://localhost:8080", "sub": "bench", "aud": RESOURCE, "exp": 1_900_000_000, "iat": 1_899_999_700,
           "jti": "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "client_id": "bench", "scope": "mcp:read"})
}

async fn sign(keyring: web::Data<Keyring>) -> HttpResponse {
    match keyring.sign("at+jwt", &claims()) {
        Ok(token) => HttpResponse::Ok()
            .json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "mcp:read"})),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

async fn fixed() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(r#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig"}]}"#)
}
