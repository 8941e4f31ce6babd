//! Table `resource_names`: every URI that some resource answers to, once. Its primary key is what makes aliases unique.

use super::resources;
use crate::domain::Resource;
use sea_orm::Set;
use sea_orm::entity::prelude::*;
use std::collections::HashSet;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "resource_names")]
pub struct Model {
    /// The URI without the slash of an empty path: equal for all spellings that name the same.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub resource_uri: String,
    /// The alias as it was written; none in the row of the resource's own URI.
    pub alias: Option<String>,
    /// The order of aliases.
    pub position: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::resources::Entity",
        from = "Column::ResourceUri",
        to = "super::resources::Column::Uri",
        on_delete = "Cascade"
    )]
    Resource,
}

impl Related<resources::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Resource.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The rows of a resource: its URI and its aliases, without those that say the same again.
pub(in crate::store) fn rows_of(resource: &Resource) -> Vec<Model> {
    let mut seen = HashSet::new();
    resource
        .names()
        .zip(0..)
        .filter(|(name, _)| seen.insert(name.without_root_slash().to_owned()))
        .map(|(name, position)| Model {
            name: name.without_root_slash().to_owned(),
            resource_uri: resource.uri.as_str().to_owned(),
            alias: (position > 0).then(|| name.as_str().to_owned()),
            position,
        })
        .collect()
}

impl Model {
    /// For an insert: every column is set.
    pub(in crate::store) fn into_insert(self) -> ActiveModel {
        ActiveModel {
            name: Set(self.name),
            resource_uri: Set(self.resource_uri),
            alias: Set(self.alias),
            position: Set(self.position),
        }
    }
}
