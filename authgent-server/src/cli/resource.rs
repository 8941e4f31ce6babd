//! `authgent resource`

use super::Context;
use super::answer::{Answer, Failure, table};
use crate::domain::{self, DEFAULT_PROFILE_CLAIMS, ResourceScope, ResourceSource};
use crate::store::Store;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::ScopeToken;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  authgent resource add https://mcp.example.com/mcp --name 'Project tracker' \\
    --scope 'mcp:read=See your projects' --scope 'mcp:write=Create and change projects' \\
    --default-scope mcp:read --alias https://mcp.example.com

  authgent resource add https://mcp.example.com/mcp --scope 'mcp:admin=Manage everything'

The second adds a scope to what the first said. The URI becomes the `aud` of its tokens, letter by letter. Aliases are other names that clients may ask for.";

/// The MCP servers that tokens are for.
#[derive(Debug, Subcommand)]
pub(super) enum Resource {
    /// Add an MCP server, or change what is known about it.
    Add(Add),
    /// Show all of them.
    List,
    /// Remove one. Clients can ask for no token for it any more.
    Remove {
        /// Its URI.
        #[arg(value_parser = ResourceUri::parse)]
        uri: ResourceUri,
    },
}

/// Add an MCP server, or change what is known about it: what is not named stays as it is, scopes and aliases come to those
/// that are there.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Add {
    /// Its URI, as its own metadata names it.
    #[arg(value_parser = ResourceUri::parse)]
    uri: ResourceUri,
    /// Its name for people; the URI where it is left out.
    #[arg(long)]
    name: Option<String>,
    /// A scope and, behind `=`, what it allows in words. May be repeated.
    #[arg(long = "scope", value_name = "SCOPE=DESCRIPTION", value_parser = parse_scope)]
    scopes: Vec<ResourceScope>,
    /// One of the scopes, granted where a client asks for none. May be repeated.
    #[arg(long = "default-scope", value_name = "SCOPE", value_parser = ScopeToken::parse)]
    default_scopes: Vec<ScopeToken>,
    /// One of the scopes, for which each person has to decide by a tick of their own: it deletes, pays, or speaks in their
    /// name. May be repeated.
    #[arg(long = "dangerous-scope", value_name = "SCOPE", value_parser = ScopeToken::parse)]
    dangerous_scopes: Vec<ScopeToken>,
    /// Another URI that clients may ask for. May be repeated.
    #[arg(long = "alias", value_name = "URI", value_parser = ResourceUri::parse)]
    aliases: Vec<ResourceUri>,
    /// What its tokens say about the person; `email` and `name` where it is left out. May be repeated.
    #[arg(long = "profile-claim", value_name = "CLAIM")]
    profile_claims: Vec<String>,
    /// Its tokens say nothing about the person but their `sub`.
    #[arg(long, conflicts_with = "profile_claims")]
    no_profile_claims: bool,
    /// Forget first what is known about it: scopes and aliases that are not named go.
    #[arg(long)]
    replace: bool,
}

impl Resource {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let store = context.store().await?;
        match self {
            Self::Add(add) => {
                let known = store.resources().await?.into_iter().find(|known| known.uri == add.uri);
                let resource = add.into_resource(known)?;
                context.change(&store, async |tx| Ok(tx.put_resource(&resource).await?)).await?;
                Ok(Answer::new(as_json(&resource), added(&resource)))
            }
            Self::List => list(&store).await,
            Self::Remove { uri } => remove(context, &store, &uri).await,
        }
    }
}

impl Add {
    /// The resource, with what was `known` of it where that is not replaced.
    fn into_resource(self, known: Option<domain::Resource>) -> Result<domain::Resource, Failure> {
        let known = known.filter(|_| !self.replace);
        let mut resource = known.unwrap_or_else(|| domain::Resource {
            uri: self.uri.clone(),
            name: self.uri.to_string(),
            scopes: Vec::new(),
            aliases: Vec::new(),
            profile_claims: DEFAULT_PROFILE_CLAIMS.map(str::to_owned).to_vec(),
            source: ResourceSource::Operator,
        });
        resource.source = ResourceSource::Operator;
        if let Some(name) = self.name {
            resource.name = name;
        }
        if self.no_profile_claims || !self.profile_claims.is_empty() {
            resource.profile_claims = self.profile_claims;
        }
        for alias in self.aliases {
            if !resource.aliases.contains(&alias) {
                resource.aliases.push(alias);
            }
        }
        add_scopes(&mut resource.scopes, self.scopes)?;
        for token in self.default_scopes {
            scope_of(&mut resource.scopes, "--default-scope", &token)?.default = true;
        }
        for token in self.dangerous_scopes {
            scope_of(&mut resource.scopes, "--dangerous-scope", &token)?.dangerous = true;
        }
        Ok(resource)
    }
}

fn scope_of<'a>(
    scopes: &'a mut [ResourceScope],
    flag: &str,
    token: &ScopeToken,
) -> Result<&'a mut ResourceScope, Failure> {
    let found = scopes.iter_mut().find(|scope| scope.token == *token);
    found.ok_or_else(|| Failure::new(format!("{flag} {token} is not among the scopes: add --scope '{token}=…'")))
}

/// A scope that is known gets the new description and stays what it is otherwise.
fn add_scopes(known: &mut Vec<ResourceScope>, named: Vec<ResourceScope>) -> Result<(), Failure> {
    for (position, scope) in named.iter().enumerate() {
        if named[..position].iter().any(|earlier| earlier.token == scope.token) {
            return Err(Failure::new(format!("--scope names {} twice", scope.token)));
        }
    }
    for scope in named {
        match known.iter_mut().find(|known| known.token == scope.token) {
            Some(known) => known.description = scope.description,
            None => known.push(scope),
        }
    }
    Ok(())
}

/// `mcp:read=See your projects`, or `mcp:read` alone, which then describes itself.
fn parse_scope(text: &str) -> Result<ResourceScope, String> {
    let (name, description) = text.split_once('=').unwrap_or((text, text));
    let token = ScopeToken::parse(name.trim()).map_err(|error| error.to_string())?;
    let description = match description.trim() {
        "" => token.to_string(),
        description => description.to_owned(),
    };
    Ok(ResourceScope { token, description, default: false, dangerous: false })
}

fn added(resource: &domain::Resource) -> String {
    let mut text = format!("Saved {}", resource.uri);
    if resource.scopes.is_empty() {
        text.push_str("\nIt has no scopes: clients get tokens for it without any (--scope adds one)");
    } else if resource.default_scope().is_empty() {
        text.push_str("\nA client that asks for no scope gets none (--default-scope changes that)");
    }
    text
}

async fn list(store: &Store) -> Result<Answer, Failure> {
    let resources = store.resources().await?;
    let rows: Vec<_> = resources
        .iter()
        .map(|resource| {
            let aliases: Vec<_> = resource.aliases.iter().map(ResourceUri::as_str).collect();
            [
                resource.uri.to_string(),
                resource.name.clone(),
                resource.scope().to_string(),
                resource.default_scope().to_string(),
                resource.dangerous_scope().to_string(),
                aliases.join(" "),
                resource.source.as_str().to_owned(),
            ]
        })
        .collect();
    let text = table(["uri", "name", "scopes", "default", "dangerous", "aliases", "from"], &rows);
    Ok(Answer::new(resources.iter().map(as_json).collect(), text))
}

async fn remove(context: &Context, store: &Store, uri: &ResourceUri) -> Result<Answer, Failure> {
    let known = store.resources().await?;
    let Some(resource) = known.iter().find(|resource| resource.uri == *uri) else {
        let names = known.iter().flat_map(domain::Resource::names);
        let hint = match uri.probably_meant(names) {
            Some(meant) => format!("did you mean {meant}?"),
            None => "`authgent resource list` shows all of them".to_owned(),
        };
        return Err(Failure::new(format!("there is no resource {uri}: {hint}")));
    };
    context.change(store, async |tx| Ok(tx.delete_resource(uri).await?)).await?;
    let mut text = format!("Removed {uri}");
    if resource.source == ResourceSource::Configuration {
        text.push_str("\nIt stands in the configuration, and comes back when the server starts again");
    }
    Ok(Answer::new(as_json(resource), text))
}

fn as_json(resource: &domain::Resource) -> Value {
    json!({
        "uri": resource.uri, "name": resource.name, "scopes": resource.scopes.iter().map(scope_as_json).collect::<Vec<_>>(),
        "aliases": resource.aliases, "profile_claims": resource.profile_claims, "source": resource.source.as_str(),
    })
}

fn scope_as_json(scope: &ResourceScope) -> Value {
    json!({ "name": scope.token, "description": scope.description, "default": scope.default, "dangerous": scope.dangerous })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_with_its_description() {
        for (text, token, description) in [
            ("mcp:read=See your projects", "mcp:read", "See your projects"),
            ("mcp:read = a = b ", "mcp:read", "a = b"),
            ("mcp:read", "mcp:read", "mcp:read"),
            ("mcp:read=", "mcp:read", "mcp:read"),
        ] {
            let scope = parse_scope(text).unwrap();
            assert_eq!((scope.token.as_str(), scope.description.as_str(), scope.default), (token, description, false));
        }
        assert_eq!(parse_scope("=x").unwrap_err(), "a scope must not be empty");
        assert!(parse_scope("two words=x").unwrap_err().contains("two words"));
    }
}
