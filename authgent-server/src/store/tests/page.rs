//! `docs/STORAGE.md` says of every table what is in it, and of none that is not there.

use super::on_every_store;
use crate::store::Store;
use sea_orm::{ConnectionTrait as _, DbBackend, QueryResult, Statement};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../../docs/STORAGE.md");

/// The table that only PostgreSQL has.
const LOCK: (&str, [&str; 2]) = ("authgent_migration_lock", ["id", "times"]);

/// What the page names in the form of columns, and is what they hold, or a name of somebody else's.
const OTHER_NAMES: [&str; 14] = [
    "client_disabled",
    "code_reused",
    "passkey_authentication",
    "passkey_registration",
    "password_reset",
    "private_key_jwt",
    "refresh_token_reused",
    "revoked_by_client",
    "revoked_by_user",
    "second_factor",
    "signed_in",
    "temporarily_unavailable",
    "upstream_logout",
    "user_disabled",
];

/// How a column is found, and whose it is.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Column {
    primary_key: bool,
    /// It alone is unique.
    unique: bool,
    /// It is the first one of an index, which has these others.
    indexed: Option<BTreeSet<String>>,
    /// The table to which it belongs.
    owner: Option<String>,
}

type Tables = BTreeMap<String, BTreeMap<String, Column>>;

async fn rows(store: &Store, sql: &str) -> Vec<QueryResult> {
    let db = store.read.here();
    let backend = db.get_database_backend();
    db.query_all_raw(Statement::from_string(backend, sql)).await.unwrap()
}

/// What an SQLite database has.
async fn tables_of(store: &Store) -> Tables {
    let text = |row: &QueryResult, name: &str| row.try_get::<String>("", name).unwrap();
    let mut tables = Tables::new();
    let columns = "SELECT t.name AS t, c.name AS c, c.pk > 0 AS pk FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
    for row in rows(store, columns).await {
        let column = Column { primary_key: row.try_get("", "pk").unwrap(), ..Column::default() };
        tables.entry(text(&row, "t")).or_default().insert(text(&row, "c"), column);
    }
    let indexes = "SELECT t.name AS t, i.name AS i, i.\"unique\" = 1 AS u, c.name AS c FROM sqlite_master AS t \
         JOIN pragma_index_list(t.name) AS i JOIN pragma_index_info(i.name) AS c \
         WHERE t.type = 'table' AND i.origin <> 'pk' ORDER BY t.name, i.name, c.seqno";
    let mut known: BTreeMap<(String, String), (bool, Vec<String>)> = BTreeMap::new();
    for row in rows(store, indexes).await {
        let index = known.entry((text(&row, "t"), text(&row, "i"))).or_default();
        index.0 = row.try_get("", "u").unwrap();
        index.1.push(text(&row, "c"));
    }
    for ((table, _), (unique, columns)) in known {
        let (first, others) = columns.split_first().unwrap();
        let column = tables.get_mut(&table).unwrap().get_mut(first).unwrap();
        assert!(!unique || others.is_empty(), "{table}: teach this test what several unique columns are called");
        column.unique |= unique;
        if !unique {
            column.indexed.get_or_insert_default().extend(others.iter().cloned());
        }
    }
    let owners = "SELECT t.name AS t, f.\"from\" AS c, f.\"table\" AS o FROM sqlite_master AS t \
         JOIN pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table' AND f.on_delete = 'CASCADE'";
    for row in rows(store, owners).await {
        tables.get_mut(&text(&row, "t")).unwrap().get_mut(&text(&row, "c")).unwrap().owner = Some(text(&row, "o"));
    }
    tables
}

/// The words of a text that stand between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The sections of tables: name and text.
fn sections(page: &str) -> Vec<(&str, &str)> {
    let sections = page.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    sections.filter_map(|(name, text)| Some((name.strip_prefix('`')?.strip_suffix('`')?, text))).collect()
}

/// The rows of a section: the columns that each is about, and what it says of them.
fn described(text: &str) -> Vec<(Vec<&str>, &str)> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    rows.map(|(names, meaning)| (names.split(", ").map(|name| name.trim_matches('`')).collect(), meaning)).collect()
}

/// What a row of the page lacks, or says too much.
fn compare(table: &str, names: &[&str], meaning: &str, columns: &BTreeMap<String, Column>) -> Vec<String> {
    let mut problems = Vec::new();
    let here: Vec<&Column> = names.iter().filter_map(|name| columns.get(*name)).collect();
    let mut says = |word: &str, so: bool| {
        if meaning.contains(word) != so {
            problems.push(format!("{table}: {names:?} {} {word:?}: {meaning}", if so { "lacks" } else { "is not" }));
        }
    };
    says("primary key", here.iter().any(|column| column.primary_key));
    says("unique", here.iter().any(|column| column.unique));
    says("indexed", here.iter().any(|column| column.indexed.is_some()));
    says("cascade", here.iter().any(|column| column.owner.is_some()));
    let mut named: BTreeSet<&str> = here.iter().filter_map(|column| column.owner.as_deref()).collect();
    for (name, column) in names.iter().filter_map(|name| Some((*name, columns.get(*name)?))) {
        named.extend(column.indexed.iter().flatten().map(String::as_str));
        // In a row of several columns it has to be said which of them it is.
        if column.indexed.is_some() && names.len() > 1 {
            named.insert(name);
        }
    }
    let lacking = named.into_iter().filter(|name| !quoted(meaning).any(|known| known == *name));
    problems.extend(lacking.map(|name| format!("{table}: {names:?} does not name `{name}`: {meaning}")));
    problems
}

/// What is wrong with a page about these tables.
fn problems(page: &str, tables: &Tables) -> Vec<String> {
    let sections = sections(page);
    let lacks = |name: &&String| !sections.iter().any(|(section, _)| section == name);
    let mut problems: Vec<String> = tables.keys().filter(lacks).map(|name| format!("no section {name}")).collect();
    for (table, text) in &sections {
        let Some(columns) = tables.get(*table) else {
            problems.push(format!("there is no table {table}"));
            continue;
        };
        let rows = described(text);
        let mut names: Vec<&str> = rows.iter().flat_map(|(names, _)| names.iter().copied()).collect();
        names.sort_unstable();
        if !names.iter().eq(columns.keys()) {
            problems.push(format!("{table}: the page has {names:?}, the database {:?}", columns.keys()));
        }
        problems.extend(rows.iter().flat_map(|(names, meaning)| compare(table, names, meaning, columns)));
        // A line may end within it.
        let text = text.replace('\n', " ");
        let lacking = ["**Written by**", "**Goes away**"].into_iter().filter(|said| !text.contains(said));
        problems.extend(lacking.map(|said| format!("{table}: {said} is missing")));
    }
    // In the whole page, whatever has the form of a column.
    let known: BTreeSet<&str> =
        tables.iter().flat_map(|(table, columns)| columns.keys().chain([table])).map(String::as_str).collect();
    let is_name = |word: &&str| word.contains('_') && word.chars().all(|c| c == '_' || c.is_ascii_lowercase());
    let unknown: BTreeSet<&str> = quoted(page).filter(is_name).filter(|name| !known.contains(name)).collect();
    let unknown = unknown.into_iter().filter(|name| !OTHER_NAMES.contains(name));
    problems.extend(unknown.map(|name| format!("nothing is called {name}")));
    problems
}

#[tokio::test]
async fn every_table_and_column_is_on_the_page_and_no_other() {
    on_every_store(async |store| {
        if store.read.here().get_database_backend() != DbBackend::Sqlite {
            return lock_is_there(&store).await;
        }
        let mut tables = tables_of(&store).await;
        let key = |name: &str| Column { primary_key: name == "id", ..Column::default() };
        tables.insert(LOCK.0.into(), LOCK.1.map(|name| (name.into(), key(name))).into());
        let problems = problems(PAGE, &tables);
        assert!(problems.is_empty(), "{problems:#?}");
        let gone: Vec<_> = OTHER_NAMES.iter().filter(|name| !PAGE.contains(&format!("`{name}`"))).collect();
        assert!(gone.is_empty(), "{gone:?}");
    })
    .await;
}

#[test]
fn what_a_page_lacks_or_says_too_much_is_found() {
    let key = Column { primary_key: true, ..Column::default() };
    let first = Column { indexed: Some(["b".to_owned()].into()), ..Column::default() };
    let owned = Column { owner: Some("people".into()), unique: true, ..Column::default() };
    let columns = [("a", first), ("b", owned), ("id", key)];
    let tables: Tables = [("things".to_owned(), columns.map(|(name, column)| (name.to_owned(), column)).into())].into();
    let whole = "# Page\n\n## `things`\n\n| `id` | primary key |\n| `a` | indexed together with `b` |\n| `b` | unique; `people`, cascades |\n\n\
                 **Written by** x. **Goes\naway** never.\n\n## Other\n";
    assert_eq!(problems(whole, &tables), Vec::<String>::new());
    for (text, instead, problem) in [
        ("`things`", "`thongs`", "no section things"),
        ("`things`", "`thongs`", "there is no table thongs"),
        ("| `a` |", "| `c` |", "things: the page has"),
        ("| `a` |", "| `a`, `c` |", "things: the page has"),
        ("primary key", "a number", "lacks \"primary key\""),
        ("indexed together", "", "lacks \"indexed\""),
        ("with `b`", "", "does not name `b`"),
        ("unique", "indexed", "is not \"indexed\""),
        ("`people`", "`persons`", "does not name `people`"),
        (", cascades", "", "lacks \"cascade\""),
        ("**Written by**", "Written by", "**Written by** is missing"),
        ("away** never", "** never", "**Goes away** is missing"),
        ("## Other", "## Other\n`old_column`", "nothing is called old_column"),
    ] {
        let found = problems(&whole.replacen(text, instead, 1), &tables);
        assert!(found.iter().any(|found| found.contains(problem)), "{text} {instead}: {found:#?}");
    }
}

/// What the page says of PostgreSQL alone.
async fn lock_is_there(store: &Store) {
    let select = format!(
        "SELECT column_name::text AS c FROM information_schema.columns WHERE table_schema = current_schema() \
         AND table_name = '{}' ORDER BY 1",
        LOCK.0
    );
    let columns: Vec<String> = rows(store, &select).await.iter().map(|row| row.try_get("", "c").unwrap()).collect();
    assert_eq!(columns, LOCK.1);
}

/// What the page says of the file's size.
#[tokio::test]
async fn the_file_keeps_its_size_and_a_backup_has_no_free_page() {
    let directory = tempfile::tempdir().unwrap();
    let (file, copy) = (directory.path().join("authgent.db"), directory.path().join("copy.db"));
    let dsn: secrecy::SecretString = format!("sqlite://{}", file.display()).into();
    let size = |path: &std::path::Path| std::fs::metadata(path).unwrap().len();
    let connect = async || Store::connect(&dsn).await.unwrap();
    let store = connect().await;
    store.migrate().await.unwrap();
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
         INSERT INTO used_assertions (id_hash, expires_at) SELECT randomblob(32), i FROM n";
    store.execute(fill).await;
    store.close().await;
    let full = size(&file);
    assert!(!directory.path().join("authgent.db-wal").exists(), "it goes when the server stops");
    let store = connect().await;
    store.execute("DELETE FROM used_assertions").await;
    let small = Store::back_up(&dsn, &copy, false).await.unwrap().bytes;
    store.execute(fill).await;
    store.execute("DELETE FROM used_assertions").await;
    store.close().await;
    assert!(full > 1_000_000 && size(&file) >= full, "{full} {}", size(&file));
    assert!(size(&file) < full + full / 10, "free pages are used again");
    assert!(small < full / 3, "{small} of {full}");
}
