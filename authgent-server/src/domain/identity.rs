//! People as upstream OpenID providers know them.

use authgent_core::resource::ResourceUri;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use uuid::Uuid;

/// What one upstream provider calls one person of ours. The pair of issuer and subject is all that identifies anybody there
/// (OpenID Connect Core, section 5.7): an e-mail address changes hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's `iss`, letter by letter.
    pub issuer: String,
    /// The person's `sub` there, or what the configuration says identifies people there.
    pub subject: String,
    /// Who it is here.
    pub user_id: Uuid,
    /// The provider's name in the configuration.
    pub provider: String,
    /// The e-mail address that the provider gave last, verified or not.
    pub email: Option<String>,
    /// The groups that the provider named last. They limit what the person may grant.
    pub groups: Vec<String>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When the person last signed in by it.
    pub last_used_at: Timestamp,
}

/// What the members of a group may grant on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupScope {
    /// The resource, by its canonical URI.
    pub resource: ResourceUri,
    /// The group as the upstream provider names it, letter by letter; [`GroupScope::EVERYBODY`] for all people.
    pub group: String,
    /// What they may grant.
    pub scope: Scope,
}

impl GroupScope {
    /// The group that everybody is in, those without an upstream provider included.
    pub const EVERYBODY: &str = "*";

    /// The most that somebody in these groups may grant on a resource: what all their groups may grant together. `None` where
    /// no entry names the resource, which is then not limited.
    #[must_use]
    pub fn limit(entries: &[Self], resource: &ResourceUri, groups: &[String]) -> Option<Scope> {
        let mut of_resource = entries.iter().filter(|entry| entry.resource.names_same(resource)).peekable();
        of_resource.peek()?;
        let theirs = of_resource.filter(|entry| entry.group == Self::EVERYBODY || groups.contains(&entry.group));
        Some(theirs.fold(Scope::default(), |limit, entry| limit.union(&entry.scope)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> ResourceUri {
        ResourceUri::parse(text).unwrap()
    }

    #[test]
    fn groups_add_up_and_a_resource_without_entries_is_not_limited() {
        let entry = |group: &str, scope: &str| GroupScope {
            resource: uri("https://a"),
            group: group.to_owned(),
            scope: Scope::parse(scope).unwrap(),
        };
        let entries = [entry("*", "read"), entry("dev", "write"), entry("ops", "admin")];
        let limit = |resource: &str, groups: &[&str]| {
            let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
            GroupScope::limit(&entries, &uri(resource), &groups).map(|scope| scope.to_string())
        };
        assert_eq!(limit("https://a", &[]).as_deref(), Some("read"));
        assert_eq!(limit("https://a", &["dev", "other"]).as_deref(), Some("read write"));
        assert_eq!(limit("https://a", &["Dev"]).as_deref(), Some("read"), "groups are compared letter by letter");
        assert_eq!(limit("https://b", &["dev"]), None);
        assert_eq!(GroupScope::limit(&entries[1..], &uri("https://a"), &[]), Some(Scope::default()));
    }
}
