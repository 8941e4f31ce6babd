//! Protected servers, their scopes and aliases.
//!
//! Several rows make a resource, and no statement sees those that somebody else is adding. So whoever writes here locks the generation's
//! row first, before any row of these tables, as whoever writes signing keys does; of several replicas that start at once
//! each sees what the one before it wrote. Those who change anything else lock that row last, when they commit. Nobody waits in a circle:
//! whoever has the generation's row and goes on to rows of these tables meets there only such as have it, or had it, and waits for
//! no others. So nothing else is changed in the same transaction after that.

use super::entity::{resource_names, resources};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{Resource, ResourceSource};
use authgent_core::resource::ResourceUri;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, TryInsertResult};
use std::collections::HashMap;

impl Store {
    /// Every resource with its aliases, by URI: one statement.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn resources(&self) -> Result<Vec<Resource>, StoreError> {
        let rows = resources::Entity::find()
            .find_with_related(resource_names::Entity)
            .order_by_asc(resources::Column::Uri)
            .order_by_asc(resource_names::Column::Position)
            .all(&self.read.here())
            .await?;
        rows.into_iter().map(Resource::try_from).collect()
    }
}

impl WriteTransaction {
    /// Adds a resource, or replaces the one with the same URI, aliases included. An alias that names the same as the URI
    /// or as another alias is dropped.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another resource has the URI or an alias, or where `resource` is the operator's and
    /// the one to be replaced stands in the configuration file, which would win at the next start. The transaction is
    /// then to be dropped.
    pub async fn put_resource(&self, resource: &Resource) -> Result<(), StoreError> {
        self.write_resources(std::slice::from_ref(resource)).await
    }

    /// Removes a resource with its aliases. Consents and grants for it stay: they work again when it comes back, and
    /// until then the service must refuse them. `false`: no resource has this URI (aliases do not count).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_resource(&self, uri: &ResourceUri) -> Result<bool, StoreError> {
        self.lock_cache_generation().await?;
        self.end_cache_generation();
        Ok(resources::Entity::delete_by_id(uri.as_str()).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Makes `configured` the resources of the configuration: those that it lacks are removed, the others added or
    /// replaced. Resources of the operator stay, except that one with the same URI becomes the configuration's.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where two of them, or one of them and one of the operator's, have the same URI or alias.
    /// The transaction is then to be dropped.
    pub async fn replace_configured_resources(&self, configured: &[Resource]) -> Result<(), StoreError> {
        self.lock_cache_generation().await?;
        self.end_cache_generation();
        let kept = configured.iter().map(|resource| resource.uri.as_str());
        resources::Entity::delete_many()
            .filter(resources::Column::Source.eq(ResourceSource::Configuration.as_str()))
            .filter(resources::Column::Uri.is_not_in(kept))
            .exec(&*self.inner)
            .await?;
        self.write_resources(configured).await
    }

    async fn write_resources(&self, written: &[Resource]) -> Result<(), StoreError> {
        if written.is_empty() {
            return Ok(());
        }
        self.lock_cache_generation().await?;
        self.end_cache_generation();
        let names = distinct_names(written)?;
        let uris: Vec<&str> = written.iter().map(|resource| resource.uri.as_str()).collect();
        resource_names::Entity::delete_many()
            .filter(resource_names::Column::ResourceUri.is_in(uris))
            .exec(&*self.inner)
            .await?;
        self.upsert_rows(written).await?;
        let wanted: Vec<String> = names.iter().map(|row| row.name.clone()).collect();
        let expected = names.len() as u64;
        let insert = resource_names::Entity::insert_many(names.into_iter().map(resource_names::Model::into_insert))
            .on_conflict_do_nothing_on([resource_names::Column::Name]);
        match insert.exec_without_returning(&*self.inner).await? {
            TryInsertResult::Inserted(written) if written == expected => Ok(()),
            _ => Err(self.taken_by_another(&wanted, written).await?),
        }
    }

    async fn upsert_rows(&self, written: &[Resource]) -> Result<(), StoreError> {
        use resources::{ActiveModel, Column, Entity};
        let rows = written.iter().map(ActiveModel::try_from).collect::<Result<Vec<_>, _>>()?;
        let mut replace = OnConflict::column(Column::Uri);
        replace.update_columns([Column::Name, Column::Scopes, Column::ProfileClaims, Column::Source]);
        if written.iter().any(|resource| resource.source == ResourceSource::Operator) {
            replace.action_and_where(Expr::col((Entity, Column::Source)).eq(ResourceSource::Operator.as_str()));
        }
        let written_rows = Entity::insert_many(rows).on_conflict(replace).exec_without_returning(&*self.inner).await?;
        if written_rows == written.len() as u64 {
            return Ok(());
        }
        let uris: Vec<&str> = written.iter().map(|resource| resource.uri.as_str()).collect();
        let what = format!("the resource {} is described in the configuration file: change it there", uris.join(", "));
        Err(StoreError::Conflict { what })
    }

    /// Names the first of `wanted` that belongs to a resource which is not among `written`.
    async fn taken_by_another(&self, wanted: &[String], written: &[Resource]) -> Result<StoreError, StoreError> {
        let uris = written.iter().map(|resource| resource.uri.as_str());
        let taken = resource_names::Entity::find()
            .filter(resource_names::Column::Name.is_in(wanted))
            .filter(resource_names::Column::ResourceUri.is_not_in(uris))
            .order_by_asc(resource_names::Column::Name)
            .one(&*self.inner)
            .await?;
        Ok(match taken {
            Some(row) => conflict(&row.name, &row.resource_uri),
            // A release that does not lock first, beside this one.
            None => StoreError::SerializationFailure { problem: "resources are being changed by somebody else".into() },
        })
    }
}

/// The rows of every name, where no two resources have the same.
fn distinct_names(written: &[Resource]) -> Result<Vec<resource_names::Model>, StoreError> {
    let names: Vec<_> = written.iter().flat_map(resource_names::rows_of).collect();
    let mut owners: HashMap<&str, &str> = HashMap::new();
    for row in &names {
        if let Some(owner) = owners.insert(&row.name, &row.resource_uri) {
            return Err(conflict(&row.name, owner));
        }
    }
    Ok(names)
}

fn conflict(name: &str, owner: &str) -> StoreError {
    let own = ResourceUri::parse(owner).is_ok_and(|owner| owner.without_root_slash() == name);
    let what = if own {
        format!("there is a resource with the URI {owner}")
    } else {
        format!("{name} is an alias of the resource {owner}")
    };
    StoreError::Conflict { what }
}
