//! Finding the one row that a key names.

use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, Select, SelectModel, SelectTwo, SelectTwoModel, Selector, SelectorTrait,
};

/// A selection by a key, of one row or none.
///
/// Without the `LIMIT ?` that `one` adds. SQLite plans for the limit that is bound, and so prepares the statement anew whenever one is: it took
/// as long as all the rest of reading a row.
pub(super) trait Only: Sized {
    /// What a row becomes.
    type Row: SelectorTrait;

    fn selector(self) -> Selector<Self::Row>;

    /// The row.
    async fn only(self, db: &impl ConnectionTrait) -> Result<Option<<Self::Row as SelectorTrait>::Item>, DbErr> {
        Ok(self.selector().all(db).await?.pop())
    }
}

impl<E: EntityTrait> Only for Select<E> {
    type Row = SelectModel<E::Model>;

    fn selector(self) -> Selector<Self::Row> {
        self.into_model()
    }
}

impl<E: EntityTrait, F: EntityTrait> Only for SelectTwo<E, F> {
    type Row = SelectTwoModel<E::Model, F::Model>;

    fn selector(self) -> Selector<Self::Row> {
        self.into_model()
    }
}

impl<S: SelectorTrait> Only for Selector<S> {
    type Row = S;

    fn selector(self) -> Self {
        self
    }
}
