//! What the members of a group may grant: `group_scopes`.

use crate::domain::GroupScope;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::Scope;
use serde::Deserialize;

/// An entry as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupTable {
    resource: String,
    group: String,
    scope: String,
}

/// Checks the entries one by one. The error continues "NAME …".
pub(super) fn group_scopes(tables: Vec<GroupTable>) -> Result<Vec<GroupScope>, String> {
    let entry = |table: GroupTable| {
        let resource = ResourceUri::parse(&table.resource).map_err(|error| format!("has a wrong URI: {error}"))?;
        if table.group.trim().is_empty() {
            return Err(format!("has an empty group for {resource}: \"*\" stands for everybody"));
        }
        let scope = Scope::parse(&table.scope)
            .map_err(|error| format!("has a wrong scope for {resource} and the group {}: {error}", table.group))?;
        Ok(GroupScope { resource, group: table.group, scope })
    };
    tables.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parse(tables: Value) -> Result<Vec<GroupScope>, String> {
        group_scopes(serde_json::from_value(tables).map_err(|error| error.to_string())?)
    }

    #[test]
    fn an_entry_has_a_resource_a_group_and_scopes() {
        let parsed = parse(json!([{"resource": "https://a", "group": "Domain Users", "scope": "read write"}])).unwrap();
        assert_eq!((parsed[0].group.as_str(), parsed[0].scope.to_string().as_str()), ("Domain Users", "read write"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (table, problem) in [
            (json!({"resource": "a", "group": "g", "scope": "x"}), "has a wrong URI"),
            (json!({"resource": "https://a", "group": " ", "scope": "x"}), "has an empty group for https://a"),
            (
                json!({"resource": "https://a", "group": "g", "scope": "a\"b"}),
                "has a wrong scope for https://a and the group g",
            ),
            (json!({"resource": "https://a", "group": "g"}), "missing field `scope`"),
        ] {
            let error = parse(json!([table])).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
