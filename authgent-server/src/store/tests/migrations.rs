//! Expand and contract: after each migration the program of before still reads and writes.

use super::on_every_database;
use crate::store::{Store, migration};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    kind: String,
    not_null: bool,
    has_default: bool,
}

/// What a program sees of a schema.
#[derive(Debug, Default)]
struct Schema {
    columns: BTreeMap<(String, String), Column>,
    /// The columns of each unique index and primary key.
    unique: BTreeSet<(String, BTreeSet<String>)>,
}

impl Schema {
    async fn of(store: &Store) -> Self {
        let db = store.read.here();
        let backend = db.get_database_backend();
        let sqlite = backend == DbBackend::Sqlite;
        let rows = async |sql: &str| db.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        let columns = if sqlite {
            "SELECT t.name AS t, c.name AS c, c.type AS kind, c.\"notnull\" = 1 AS not_null, c.dflt_value IS NOT NULL AS has_default \
             FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table'"
        } else {
            "SELECT table_name::text AS t, column_name::text AS c, data_type::text AS kind, is_nullable = 'NO' AS not_null, \
             column_default IS NOT NULL AS has_default FROM information_schema.columns WHERE table_schema = current_schema()"
        };
        let unique = if sqlite {
            "SELECT t.name AS t, i.name AS i, c.name AS c FROM sqlite_master AS t JOIN pragma_index_list(t.name) AS i \
             JOIN pragma_index_info(i.name) AS c WHERE t.type = 'table' AND i.\"unique\" = 1"
        } else {
            "SELECT t.relname::text AS t, i.relname::text AS i, a.attname::text AS c FROM pg_index AS x \
             JOIN pg_class AS t ON t.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid \
             JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = ANY(x.indkey) \
             JOIN pg_namespace AS n ON n.oid = t.relnamespace WHERE x.indisunique AND n.nspname = current_schema()"
        };
        let text = |row: &QueryResult, name: &str| row.try_get::<String>("", name).unwrap();
        let mut schema = Self::default();
        for row in rows(columns).await {
            let column = Column {
                kind: text(&row, "kind"),
                not_null: row.try_get("", "not_null").unwrap(),
                has_default: row.try_get("", "has_default").unwrap(),
            };
            schema.columns.insert((text(&row, "t"), text(&row, "c")), column);
        }
        let mut indexes: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for row in rows(unique).await {
            indexes.entry((text(&row, "t"), text(&row, "i"))).or_default().insert(text(&row, "c"));
        }
        schema.unique = indexes.into_iter().map(|((table, _), columns)| (table, columns)).collect();
        schema
    }

    fn has_table(&self, table: &str) -> bool {
        self.columns.keys().any(|(known, _)| known == table)
    }

    /// What a program that knows this schema cannot do any more with `next`.
    fn lost_in(&self, next: &Self) -> Vec<String> {
        let mut lost = Vec::new();
        for (name @ (table, column), before) in &self.columns {
            match next.columns.get(name) {
                None => lost.push(format!("{table}.{column} is gone")),
                Some(after) if after.kind != before.kind => lost.push(format!("{table}.{column} has another type")),
                Some(after) if after.not_null && !before.not_null => lost.push(format!("{table}.{column} must be set")),
                Some(after) if before.has_default && !after.has_default => {
                    lost.push(format!("{table}.{column} has no default any more"));
                }
                Some(_) => {}
            }
        }
        for (name @ (table, column), after) in &next.columns {
            let new = self.has_table(table) && !self.columns.contains_key(name);
            if new && after.not_null && !after.has_default {
                lost.push(format!("{table}.{column} is new and must be set"));
            }
        }
        for (table, columns) in next.unique.difference(&self.unique) {
            if columns.iter().all(|column| self.columns.contains_key(&(table.clone(), column.clone()))) {
                lost.push(format!("{table} has to be unique in {columns:?}"));
            }
        }
        lost
    }
}

#[tokio::test]
async fn after_each_migration_the_program_of_before_still_runs() {
    on_every_database(async |dsn| {
        let store = Store::connect(&dsn).await.unwrap();
        let mut before = Schema::default();
        while let Some(name) = store.pending_migrations().await.unwrap().into_iter().next() {
            let transaction = store.begin().await.unwrap();
            migration::run_next(transaction.inner.inner()).await.unwrap();
            transaction.commit().await.unwrap();
            let after = Schema::of(&store).await;
            assert!(after.columns.len() > before.columns.len() || !before.columns.is_empty(), "nothing is seen");
            let lost = before.lost_in(&after);
            assert!(lost.is_empty(), "{name}: {lost:#?}");
            before = after;
        }
    })
    .await;
}

#[test]
fn what_a_migration_may_not_do_is_found() {
    let column = |not_null, has_default| Column { kind: "TEXT".into(), not_null, has_default };
    let name = |table: &str, column: &str| (table.to_owned(), column.to_owned());
    let before = Schema {
        columns: [(name("a", "x"), column(false, false)), (name("a", "y"), column(true, true))].into(),
        unique: BTreeSet::new(),
    };
    let after = Schema {
        columns: [
            (name("a", "x"), Column { kind: "INTEGER".into(), ..column(false, false) }),
            (name("a", "y"), column(true, false)),
            (name("a", "z"), column(true, false)),
            (name("b", "x"), column(true, false)),
        ]
        .into(),
        unique: [("a".to_owned(), ["x".to_owned()].into()), ("a".to_owned(), ["z".to_owned()].into())].into(),
    };
    let lost = [
        "a.x has another type",
        "a.y has no default any more",
        "a.z is new and must be set",
        "a has to be unique in {\"x\"}",
    ];
    assert_eq!(before.lost_in(&after), lost);
    assert_eq!(before.lost_in(&Schema::default()), ["a.x is gone", "a.y is gone"]);
    let tighter = Schema {
        columns: [(name("a", "x"), column(true, true)), (name("a", "y"), column(true, true))].into(),
        ..Schema::default()
    };
    assert_eq!(before.lost_in(&tighter), ["a.x must be set"]);
    assert_eq!(before.lost_in(&before), Vec::<String>::new());
}
