//! Whom a tool acts for.

use super::{ADMIN_SCOPE, Tools};
use mcp_resource::VerifiedToken;
use rmcp::ErrorData;
use rmcp::handler::server::common::FromContextPart;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp_actix_web::transport::on_request_extensions;

/// The `sub` of the local user.
const LOCAL: &str = "local";

/// Where callers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Over HTTP: from the token that the guard verified. A request without one is refused.
    Token,
    /// Over stdio: the program that started this one, on behalf of the local user.
    Local,
}

/// Whom a tool acts for. Taken as an argument by every tool.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose projects they are.
    pub sub: String,
    /// What the token says; none for the local user.
    pub token: Option<VerifiedToken>,
}

impl Caller {
    fn local() -> Self {
        Self { sub: LOCAL.into(), token: None }
    }

    fn from_token(token: VerifiedToken) -> Self {
        Self { sub: token.sub.clone(), token: Some(token) }
    }

    /// Whether the token has the scope that reaches everybody's projects. The local user has none.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.scope.contains(ADMIN_SCOPE))
    }

    /// The granted scopes.
    pub(super) fn scopes(&self) -> Vec<String> {
        let scope = self.token.iter().flat_map(|token| token.scope.iter());
        scope.map(|token| token.as_str().to_owned()).collect()
    }

    /// A text claim about the person.
    pub(super) fn profile(&self, claim: &str) -> Option<String> {
        self.token.as_ref().and_then(|token| token.text(claim)).map(str::to_owned)
    }
}

impl FromContextPart<ToolCallContext<'_, Tools>> for Caller {
    /// Reads the token that [`crate::server`] put into the request.
    fn from_context_part(context: &mut ToolCallContext<'_, Tools>) -> Result<Self, ErrorData> {
        if context.service.access == Access::Local {
            return Ok(Self::local());
        }
        let extensions = on_request_extensions(&context.request_context().extensions);
        match extensions.and_then(|extensions| extensions.get::<VerifiedToken>()) {
            Some(token) => Ok(Self::from_token(token.clone())),
            None => {
                tracing::error!("a tool was called without a verified token: the guard is not in front of it");
                Err(ErrorData::internal_error("this server is not set up to know its callers", None))
            }
        }
    }
}
