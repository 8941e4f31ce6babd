//! The five tools, and the scopes that they need.
//!
//! A tool says in its signature that it acts for a [`Caller`]: it cannot run without one.

mod caller;
mod shapes;

pub use caller::{Access, Caller};
pub use shapes::{CreateProject, DeleteProject, Deleted, Identity, Profile, ProjectList, ProjectView, UserData};

use crate::projects::{InvalidProject, NewProject, Projects, ProjectsError, Reach};
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ErrorData, Json, ServerHandler, tool, tool_handler, tool_router};
use std::sync::LazyLock;
use uuid::Uuid;

/// What every request needs, whatever it asks for.
pub const BASE_SCOPE: &str = "mcp:read";
/// What deletes anybody's project.
pub const ADMIN_SCOPE: &str = "admin";
/// What single tools need in addition to [`BASE_SCOPE`].
pub const TOOL_SCOPES: [(&str, &str); 2] = [("create_project", "mcp:write"), ("delete_project", ADMIN_SCOPE)];

/// Made once: the macros would otherwise make all routes and schemas anew for each request.
static ROUTER: LazyLock<ToolRouter<Tools>> = LazyLock::new(Tools::tool_router);

/// The tools, as rmcp serves them.
#[derive(Debug, Clone)]
pub struct Tools {
    projects: Projects,
    access: Access,
}

impl Tools {
    /// The tools over `projects`; `access` says where their callers come from.
    #[must_use]
    pub fn new(projects: Projects, access: Access) -> Self {
        Self { projects, access }
    }
}

#[tool_router]
impl Tools {
    #[tool(
        title = "Who am I?",
        description = "Tells who the caller is: the identity and the scopes in the access token, and how long it is valid.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn whoami(&self, caller: Caller) -> Json<Identity> {
        Json(Identity::from(caller))
    }

    #[tool(
        title = "List projects",
        description = "Lists the caller's own projects, oldest first.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn list_projects(&self, caller: Caller) -> Result<Json<ProjectList>, ToolError> {
        let projects = self.projects.list(&caller.sub).await?;
        Ok(Json(ProjectList { projects: projects.into_iter().map(ProjectView::from).collect() }))
    }

    #[tool(
        title = "Create a project",
        description = "Creates a project that belongs to the caller. Needs the scope mcp:write.",
        annotations(
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn create_project(
        &self,
        caller: Caller,
        Parameters(request): Parameters<CreateProject>,
    ) -> Result<Json<ProjectView>, ToolError> {
        let project = NewProject::parse(&request.name, &request.description)?;
        let project = self.projects.create(&caller.sub, project).await?;
        tracing::info!(user.id = caller.sub, project.id = %project.id, "project created");
        Ok(Json(project.into()))
    }

    #[tool(
        title = "Delete a project",
        description = "Deletes a project for good, by the id that list_projects and create_project tell. Needs the scope admin, and deletes anybody's project.",
        annotations(read_only_hint = false, destructive_hint = true, idempotent_hint = false, open_world_hint = false)
    )]
    async fn delete_project(
        &self,
        caller: Caller,
        Parameters(request): Parameters<DeleteProject>,
    ) -> Result<Json<Deleted>, ToolError> {
        let id = Uuid::parse_str(request.project_id.trim()).map_err(|_| ToolError::NotAnId)?;
        // The guard lets no token without `admin` come here. Asked again, a mistake in its rules deletes nobody's work.
        let reach = if caller.is_admin() { Reach::Everybody } else { Reach::Owner(&caller.sub) };
        if !self.projects.delete(id, reach).await? {
            return Err(ToolError::NoSuchProject { id, everybody: caller.is_admin() });
        }
        tracing::info!(user.id = caller.sub, project.id = %id, "project deleted");
        Ok(Json(Deleted { project_id: id.to_string(), deleted: true }))
    }

    #[tool(
        title = "Get user data",
        description = "Tells what this server keeps about the caller: the profile in the access token, and the number of projects.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn get_user_data(&self, caller: Caller) -> Result<Json<UserData>, ToolError> {
        let project_count = self.projects.count(&caller.sub).await?;
        Ok(Json(UserData { profile: Profile::from(caller), project_count }))
    }
}

#[tool_handler(router = ROUTER)]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let implementation = Implementation::new("mcp-demo", env!("CARGO_PKG_VERSION")).with_title("Authgent demo");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(implementation)
            .with_instructions(
                "Projects that belong to the person who signed in. Reading needs the scope mcp:read, create_project \
                 mcp:write in addition, delete_project admin in addition.",
            )
    }
}

/// Why a tool did not do what it was asked. All but the last are sentences for the caller.
#[derive(Debug, thiserror::Error)]
enum ToolError {
    /// The name or the description breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidProject),
    /// The identifier is no UUID.
    #[error("project_id is not an id as list_projects tells it, such as 01980f3e-7b1c-7c3a-9d2e-5f4a6b7c8d9e")]
    NotAnId,
    /// Nothing was deleted. The same for a project that never was and one that is somebody else's.
    #[error("{} has the id {id}", if *.everybody { "no project" } else { "no project of yours" })]
    NoSuchProject {
        /// What was asked for.
        id: Uuid,
        /// Whether everybody's projects were looked at.
        everybody: bool,
    },
    /// The table of projects refused, or failed.
    #[error(transparent)]
    Projects(#[from] ProjectsError),
}

impl IntoCallToolResult for ToolError {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        if let Self::Projects(ProjectsError::Database(error)) = &self {
            tracing::error!(%error, "the database failed");
            return Err(ErrorData::internal_error("the projects cannot be reached at the moment", None));
        }
        Ok(CallToolResult::error(vec![ContentBlock::text(self.to_string())]).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_belongs_to_a_tool_that_exists() {
        for (tool, _) in TOOL_SCOPES {
            assert!(ROUTER.has_route(tool), "{tool}");
        }
    }

    #[test]
    fn every_tool_says_what_it_returns_and_whether_it_changes_anything() {
        let tools = ROUTER.list_all();
        let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(names, ["create_project", "delete_project", "get_user_data", "list_projects", "whoami"]);
        for tool in &tools {
            assert!(tool.output_schema.is_some() && tool.title.is_some(), "{}", tool.name);
            let reads = tool.annotations.as_ref().unwrap().read_only_hint.unwrap();
            assert_eq!(reads, TOOL_SCOPES.iter().all(|(name, _)| *name != tool.name), "{}", tool.name);
        }
        let create = serde_json::to_value(&*tools[0].input_schema).unwrap();
        assert_eq!(create["required"], serde_json::json!(["name"]));
        assert_eq!(create["properties"]["name"]["maxLength"], 100);
        assert_eq!(create["properties"]["description"]["maxLength"], 2000);
    }
}
