//! The server of the guide "Protecting an rmcp server" (docs/guides/rmcp.md), which shows this file piece by piece.

use actix_web::{App, HttpMessage, HttpServer, web};
use mcp_resource::actix::{McpAuth, metadata_routes};
use mcp_resource::{Authenticator, Config, VerifiedToken};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, tool, tool_router};
use rmcp_actix_web::transport::{LocalSessionManager, StreamableHttpService, on_request_extensions};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Note {
    /// One line of text.
    text: String,
}

#[derive(Clone, Default)]
struct Notes {
    /// Whose note (the `sub` of a token), and its text.
    notes: Arc<Mutex<Vec<(String, String)>>>,
}

#[tool_router(server_handler)]
impl Notes {
    #[tool(description = "Lists the caller's notes")]
    async fn list_notes(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        let token = verified_token(&context)?;
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let own: Vec<&str> =
            notes.iter().filter(|(owner, _)| *owner == token.sub).map(|(_, text)| text.as_str()).collect();
        Ok(own.join("\n"))
    }

    #[tool(description = "Adds a note. Needs the scope mcp:write")]
    async fn add_note(
        &self,
        context: RequestContext<RoleServer>,
        Parameters(note): Parameters<Note>,
    ) -> Result<String, ErrorData> {
        let token = verified_token(&context)?;
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push((token.sub.clone(), note.text));
        Ok(format!("Noted, {}.", token.text("name").unwrap_or("stranger")))
    }
}

fn verified_token(context: &RequestContext<RoleServer>) -> Result<&VerifiedToken, ErrorData> {
    on_request_extensions(&context.extensions)
        .and_then(|extensions| extensions.get::<VerifiedToken>())
        .ok_or_else(|| ErrorData::internal_error("the guard is not in front of this tool", None))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::builder("http://localhost:8080", "http://localhost:8000/mcp")
        .resource_name("Notes")
        .required_scope("mcp:read")
        .tool("add_note", "mcp:write")
        .build()?;
    let authenticator = Authenticator::new(config)?;

    let notes = Notes::default();
    let mcp = StreamableHttpService::builder()
        .service_factory(Arc::new(move || Ok(notes.clone())))
        .session_manager(Arc::new(LocalSessionManager::default()))
        .stateful_mode(false)
        .json_response(true)
        .allowed_hosts(vec!["localhost".into(), "127.0.0.1".into()])
        .on_request_fn(|request, extensions| {
            if let Some(token) = request.extensions().get::<VerifiedToken>() {
                extensions.insert(token.clone());
            }
        })
        .build();

    HttpServer::new(move || {
        App::new()
            .configure(metadata_routes(&authenticator))
            .service(web::scope("/mcp").service(mcp.clone().scope()).wrap(McpAuth::new(authenticator.clone())))
    })
    .bind(("127.0.0.1", 8000))?
    .run()
    .await?;
    Ok(())
}
