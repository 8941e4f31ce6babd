//! People.

use super::entity::users::{ActiveModel, Column, Entity};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{Email, User};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TryInsertResult};
use uuid::Uuid;

async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<User>, StoreError> {
    Entity::find_by_id(id).only(db).await?.map(User::try_from).transpose()
}

async fn find_by_email(db: &impl ConnectionTrait, email: &Email) -> Result<Option<User>, StoreError> {
    let found = Entity::find().filter(Column::EmailCanonical.eq(email.canonical())).only(db).await?;
    found.map(User::try_from).transpose()
}

impl Store {
    /// The person with this identifier, enabled or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn user(&self, id: Uuid) -> Result<Option<User>, StoreError> {
        find(&self.read.here(), id).await
    }

    /// The person with this e-mail address in any spelling, enabled or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn user_by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        find_by_email(&self.read.here(), email).await
    }

    /// Everybody, by e-mail address.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let rows = Entity::find().order_by_asc(Column::EmailCanonical).all(&self.read.here()).await?;
        rows.into_iter().map(User::try_from).collect()
    }
}

impl WriteTransaction {
    /// The person with this identifier, enabled or not, as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn user(&self, id: Uuid) -> Result<Option<User>, StoreError> {
        find(&*self.inner, id).await
    }

    /// As [`WriteTransaction::user`]; until this transaction ends nobody changes them: whoever replaces the password or disables
    /// them waits. Comes before their challenges and sessions are touched, in this order, so that no two wait for each other.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn lock_user(&self, id: Uuid) -> Result<Option<User>, StoreError> {
        let select = Entity::find_by_id(id).lock(LockType::NoKeyUpdate);
        select.only(&*self.inner).await?.map(User::try_from).transpose()
    }

    /// The person with this e-mail address in any spelling, enabled or not, as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn user_by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        find_by_email(&*self.inner, email).await
    }

    /// Adds a person.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where somebody has the e-mail address, in any spelling. The transaction can go on.
    pub async fn insert_user(&self, user: &User) -> Result<(), StoreError> {
        let insert = Entity::insert(ActiveModel::from(user)).on_conflict_do_nothing_on([Column::EmailCanonical]);
        match insert.exec_without_returning(&*self.inner).await? {
            TryInsertResult::Inserted(1) => Ok(()),
            _ => Err(StoreError::Conflict { what: format!("there is a user with the e-mail address {}", user.email) }),
        }
    }

    /// Replaces a person's password, given as Argon2id in PHC string format. `false`: there is no such person.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_password(&self, id: Uuid, password_hash: &str) -> Result<bool, StoreError> {
        let update = Entity::update_many().col_expr(Column::PasswordHash, Expr::value(password_hash));
        Ok(update.filter(Column::Id.eq(id)).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Replaces the hash of a password that stays the same. `false`: meanwhile it is another one, which stays.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn renew_password_hash(&self, id: Uuid, former: &str, renewed: &str) -> Result<bool, StoreError> {
        let update = Entity::update_many().col_expr(Column::PasswordHash, Expr::value(renewed));
        let update = update.filter(Column::Id.eq(id)).filter(Column::PasswordHash.eq(former));
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Replaces how a person is called and known. `false`: there is no such person.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where somebody else has the e-mail address. The transaction is then of no more use.
    pub async fn update_profile(&self, user: &User) -> Result<bool, StoreError> {
        let update = Entity::update_many()
            .col_expr(Column::Email, Expr::value(user.email.as_str()))
            .col_expr(Column::EmailCanonical, Expr::value(user.email.canonical()))
            .col_expr(Column::EmailVerified, Expr::value(user.email_verified))
            .col_expr(Column::Name, Expr::value(user.name.clone()));
        let updated = update.filter(Column::Id.eq(user.id)).exec(&*self.inner).await;
        let taken = || format!("there is a user with the e-mail address {}", user.email);
        Ok(updated.map_err(|error| StoreError::named(error, taken))?.rows_affected == 1)
    }

    /// Takes a person's password away. `false`: there is no such person.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_password(&self, id: Uuid) -> Result<bool, StoreError> {
        self.set_password(id, "").await
    }

    /// Removes a person, and with them everything that is theirs. `false`: there is no such person.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_user(&self, id: Uuid) -> Result<bool, StoreError> {
        Ok(Entity::delete_by_id(id).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Lets a person in, or no longer. Sessions of a disabled person are not honoured from the commit on
    /// ([`Store::session`]); grants are to be revoked beside ([`WriteTransaction::revoke_grants_of_user`]).
    /// `false`: there is no such person.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_user_enabled(&self, id: Uuid, enabled: bool) -> Result<bool, StoreError> {
        let update = Entity::update_many().col_expr(Column::Enabled, Expr::value(enabled));
        Ok(update.filter(Column::Id.eq(id)).exec(&*self.inner).await?.rows_affected == 1)
    }
}
