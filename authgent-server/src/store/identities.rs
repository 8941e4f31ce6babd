//! People as upstream providers know them.

use super::entity::identities::{ActiveModel, Column, Entity, groups};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::Identity;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

async fn find(db: &impl ConnectionTrait, issuer: &str, subject: &str) -> Result<Option<Identity>, StoreError> {
    let key = (issuer.to_owned(), subject.to_owned());
    Entity::find_by_id(key).only(db).await?.map(Identity::try_from).transpose()
}

async fn of_user(db: &impl ConnectionTrait, user_id: Uuid) -> Result<Vec<Identity>, StoreError> {
    let all = Entity::find().filter(Column::UserId.eq(user_id)).order_by_asc(Column::CreatedAt);
    all.all(db).await?.into_iter().map(Identity::try_from).collect()
}

impl Store {
    /// Who is called `subject` by `issuer`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn identity(&self, issuer: &str, subject: &str) -> Result<Option<Identity>, StoreError> {
        find(&self.read.here(), issuer, subject).await
    }

    /// Every identity of a person, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn identities_of_user(&self, user_id: Uuid) -> Result<Vec<Identity>, StoreError> {
        of_user(&self.read.here(), user_id).await
    }
}

impl WriteTransaction {
    /// Who is called `subject` by `issuer`, as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn identity(&self, issuer: &str, subject: &str) -> Result<Option<Identity>, StoreError> {
        find(&*self.inner, issuer, subject).await
    }

    /// Every identity of a person as this transaction sees it, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn identities_of_user(&self, user_id: Uuid) -> Result<Vec<Identity>, StoreError> {
        of_user(&*self.inner, user_id).await
    }

    /// Adds an identity.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the provider calls somebody so already, or the person is gone. The transaction is then
    /// of no more use.
    pub async fn insert_identity(&self, identity: &Identity) -> Result<(), StoreError> {
        let insert = Entity::insert(ActiveModel::from(identity)).exec_without_returning(&*self.inner).await;
        insert.map(drop).map_err(|error| {
            StoreError::named(error, || format!("{} is known at {} already", identity.subject, identity.issuer))
        })
    }

    /// Notes a sign-in by an identity, with the e-mail address and the groups that the provider gave. `false`: there is no
    /// such identity of this person.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn update_identity(&self, identity: &Identity) -> Result<bool, StoreError> {
        let update = Entity::update_many()
            .col_expr(Column::Provider, Expr::value(identity.provider.clone()))
            .col_expr(Column::Email, Expr::value(identity.email.clone()))
            .col_expr(Column::Groups, Expr::value(groups(&identity.groups)))
            .col_expr(Column::LastUsedAt, Expr::value(identity.last_used_at.0))
            .filter(Column::Issuer.eq(&identity.issuer))
            .filter(Column::Subject.eq(&identity.subject))
            .filter(Column::UserId.eq(identity.user_id));
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Removes an identity of a person. `false`: they have no such identity.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_identity(&self, user_id: Uuid, issuer: &str, subject: &str) -> Result<bool, StoreError> {
        let delete = Entity::delete_by_id((issuer.to_owned(), subject.to_owned())).filter(Column::UserId.eq(user_id));
        Ok(delete.exec(&*self.inner).await?.rows_affected == 1)
    }
}
