//! Table `resources`.

use super::resource_names;
use crate::domain::{Resource, ResourceSource};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::resource::ResourceUri;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "resources")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub uri: String,
    pub name: String,
    pub scopes: String,
    pub profile_claims: String,
    pub source: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(has_many = "super::resource_names::Entity")]
    Names,
}

impl Related<resource_names::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Names.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// A resource's row with the rows of its names, in order.
impl TryFrom<(Model, Vec<resource_names::Model>)> for Resource {
    type Error = StoreError;

    fn try_from((row, names): (Model, Vec<resource_names::Model>)) -> Result<Self, StoreError> {
        let at = Row::new("resources", row.uri.clone());
        let aliases = names.into_iter().filter_map(|name| {
            let at = Row::new("resource_names", name.name);
            name.alias.map(|alias| at.read("alias", ResourceUri::parse(&alias)))
        });
        Ok(Self {
            uri: at.read("uri", ResourceUri::parse(&row.uri))?,
            name: row.name,
            scopes: at.read("scopes", serde_json::from_str(&row.scopes))?,
            aliases: aliases.collect::<Result<_, _>>()?,
            profile_claims: at.read("profile_claims", serde_json::from_str(&row.profile_claims))?,
            source: at.known("source", &row.source, ResourceSource::parse)?,
        })
    }
}

impl TryFrom<&Resource> for ActiveModel {
    type Error = StoreError;

    fn try_from(resource: &Resource) -> Result<Self, StoreError> {
        let at = Row::new("resources", resource.uri.as_str());
        Ok(Self {
            uri: Set(resource.uri.as_str().to_owned()),
            name: Set(resource.name.clone()),
            scopes: Set(at.read("scopes", serde_json::to_string(&resource.scopes))?),
            profile_claims: Set(at.read("profile_claims", serde_json::to_string(&resource.profile_claims))?),
            source: Set(resource.source.as_str().to_owned()),
        })
    }
}
