//! What the tools take and give. The comments on the fields become the descriptions in their JSON schemas.

use super::Caller;
use crate::projects::Project;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The arguments of `create_project`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct CreateProject {
    /// Name of the project, on one line.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What it is about.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub description: String,
}

/// The arguments of `delete_project`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct DeleteProject {
    /// The id, as list_projects and create_project tell it.
    pub project_id: String,
}

/// The result of `whoami`: what the access token says. Everything but `user_id` and `scopes` is null for a local
/// process, which has no token.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Identity {
    /// The claim `sub`: the person, or the client where no person is involved.
    pub user_id: String,
    /// E-mail address, where the token carries it.
    pub email: Option<String>,
    /// Name, where the token carries it.
    pub name: Option<String>,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// Who issued the token.
    pub issuer: Option<String>,
    /// Which server the token is for.
    pub audience: Option<OneOrMany>,
    /// When the token ends, in seconds since 1970.
    pub expires_at: Option<i64>,
}

/// The claim `aud`, which is a text for one audience and a list for several (RFC 7519, section 4.1.3).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl From<Caller> for Identity {
    fn from(caller: Caller) -> Self {
        let claims = caller.token.as_deref();
        Self {
            email: caller.profile("email"),
            name: caller.profile("name"),
            scopes: caller.scopes(),
            issuer: claims.map(|claims| claims.iss.clone()),
            audience: claims.map(|claims| match claims.aud.as_slice() {
                [one] => OneOrMany::One(one.clone()),
                many => OneOrMany::Many(many.to_vec()),
            }),
            expires_at: claims.map(|claims| claims.exp.0),
            user_id: caller.sub,
        }
    }
}

/// A person, as far as the token tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Profile {
    /// The claim `sub`.
    pub user_id: String,
    /// E-mail address, where the token carries it.
    pub email: Option<String>,
    /// Name, where the token carries it.
    pub name: Option<String>,
}

impl From<Caller> for Profile {
    fn from(caller: Caller) -> Self {
        Self { email: caller.profile("email"), name: caller.profile("name"), user_id: caller.sub }
    }
}

/// The result of `get_user_data`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserData {
    /// Who the caller is.
    pub profile: Profile,
    /// How many projects the caller has.
    pub project_count: u64,
}

/// A project.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProjectView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is about; may be empty.
    pub description: String,
}

impl From<Project> for ProjectView {
    fn from(project: Project) -> Self {
        Self { id: project.id.to_string(), name: project.name, description: project.description }
    }
}

/// The result of `list_projects`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProjectList {
    /// The caller's projects, oldest first.
    pub projects: Vec<ProjectView>,
}

/// The result of `delete_project`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deleted {
    /// The project that is gone.
    pub project_id: String,
    /// Always true: where nothing was deleted, the call is an error.
    pub deleted: bool,
}
