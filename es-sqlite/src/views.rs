//! Views: documents under keys, written together with the progress that they show.
//!
//! Each view is a table `view_<name>` with an index per indexed field, on the expression
//! `document ->> '$.field'`. Other programs can query it with SQL. The index of a field that a later
//! schema no longer lists stays: readers of the earlier one may still be there.

use async_trait::async_trait;
use es_core::{
    Adopted, Adoption, ConsumerId, Error, Progress, Replaces, Result, ViewChange, ViewDocument,
    ViewName, ViewQuery, ViewSchema, ViewStore, check_swap, check_view_key,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, ffi, params};

use crate::checkpoints::{adopt, advance, forget};
use crate::errors::Fault;
use crate::expiry::remove_expired;
use crate::readers::in_snapshot;
use crate::store::SqliteStore;

#[async_trait]
impl ViewStore for SqliteStore {
    async fn prepare(&self, view: &ViewSchema) -> Result<()> {
        // What expires is found by an index, too.
        let fields: Vec<&'static str> =
            view.indexed_fields.iter().copied().chain(view.expires_by).collect();
        for field in &fields {
            check_field(&view.name, field)?;
        }
        self.expiring_views().learn(view);
        let (name, wanted) = (view.name.clone(), fields.clone());
        if self.readers().run(move |db| is_prepared(db, &name, &wanted)).await? {
            return Ok(());
        }
        let name = view.name.clone();
        self.writer().run(move |transaction| create(transaction, &name, &fields)).await
    }

    async fn get(&self, view: &ViewName, keys: &[&str]) -> Result<Vec<Option<String>>> {
        let view = view.clone();
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        self.readers().run(move |db| in_snapshot(db, |db| get(db, &view, &keys))).await
    }

    async fn list(&self, view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>> {
        let (view, query) = (view.clone(), query.clone());
        self.readers().run(move |db| in_snapshot(db, |db| list(db, &view, &query))).await
    }

    /// Writes documents and progress; see [`ViewStore::write`].
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] also for a document that is not JSON, [`Error::InvalidId`] for a key that is
    /// empty, too long or has control characters, and [`Error::Misuse`] for a view that was never
    /// prepared: nothing was written.
    async fn write(&self, changes: Vec<ViewChange>, progress: Progress) -> Result<()> {
        for change in &changes {
            check_view_key(&change.key)?;
        }
        let (expiring, clock) = (self.expiring_views().of(&changes), self.clock().clone());
        self.writer()
            .run(move |transaction| {
                write(transaction, &changes, &progress)?;
                for (view, field) in &expiring {
                    remove_expired(transaction, view, field, clock.now(), changes.len())?;
                }
                Ok(())
            })
            .await
    }

    async fn clear(&self, view: &ViewName, progress_of: &ConsumerId) -> Result<()> {
        let (view, consumer) = (view.clone(), progress_of.clone());
        self.writer()
            .run(move |transaction| {
                if table_exists(transaction, &view)? {
                    let delete = format!("DELETE FROM {}", table(&view));
                    transaction.prepare_cached(&delete)?.execute([])?;
                }
                forget(transaction, &consumer)
            })
            .await
    }

    async fn swap(&self, from: &ViewName, to: &ViewName, adoption: &Adoption) -> Result<Adopted> {
        check_swap(from, to)?;
        if let Some(behind) = self.would_fall_behind(adoption, Some(from)).await? {
            return Ok(Adopted::Behind(behind));
        }
        let (from, to, adoption) = (from.clone(), to.clone(), adoption.clone());
        self.writer().run(move |transaction| swap(transaction, &from, &to, &adoption)).await
    }
}

/// The view's table, quoted. A view's name has no character that would need more.
pub(crate) fn table(view: &ViewName) -> String {
    format!("\"view_{view}\"")
}

/// A field becomes part of an SQL text, so it may be a plain name only.
pub(crate) fn is_plain_field(field: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let digit_first = field.as_bytes().first().is_some_and(u8::is_ascii_digit);
    !field.is_empty() && field.len() <= 64 && !digit_first && field.bytes().all(plain)
}

/// The value of a plain field. SQLite uses an index only for the expression that the index is on, not
/// for another that means the same.
pub(crate) fn document_field(field: &str) -> String {
    format!("document ->> '$.{field}'")
}

fn check_field(view: &ViewName, field: &str) -> Result<()> {
    if !is_plain_field(field) {
        return Err(Error::Misuse(format!(
            "view {view} cannot be indexed by {field:?}: a field is up to 64 ASCII letters, digits \
             and '_', no digit first"
        )));
    }
    Ok(())
}

pub(crate) fn table_exists(db: &Connection, view: &ViewName) -> Result<bool, Fault> {
    let mut select = db.prepare_cached("SELECT 1 FROM views WHERE name = ?1")?;
    Ok(select.exists([view.as_str()])?)
}

fn is_indexed(db: &Connection, view: &ViewName, field: &str) -> Result<bool, Fault> {
    let mut select =
        db.prepare_cached("SELECT 1 FROM indexed_fields WHERE view = ?1 AND field = ?2")?;
    Ok(select.exists([view.as_str(), field])?)
}

fn is_prepared(db: &Connection, view: &ViewName, fields: &[&str]) -> Result<bool, Fault> {
    if !table_exists(db, view)? {
        return Ok(false);
    }
    for field in fields {
        if !is_indexed(db, view, field)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn create(db: &Connection, view: &ViewName, fields: &[&str]) -> Result<(), Fault> {
    let table = table(view);
    db.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {table} (\
         key TEXT PRIMARY KEY, document TEXT NOT NULL CHECK (json_valid(document))\
         ) STRICT, WITHOUT ROWID"
    ))?;
    db.execute("INSERT INTO views (name) VALUES (?1) ON CONFLICT DO NOTHING", [view.as_str()])?;
    for field in fields {
        if is_indexed(db, view, field)? {
            continue;
        }
        // SQLite's names do not know upper and lower case, fields do; and an index keeps its name
        // when its table takes the place of another. The number tells them apart.
        let number: i64 =
            db.query_row("SELECT coalesce(max(number), 0) + 1 FROM indexed_fields", [], |row| {
                row.get(0)
            })?;
        db.execute_batch(&format!(
            "CREATE INDEX \"view_{view}.{number}.{field}\" \
             ON {table} ({}, key)",
            document_field(field)
        ))?;
        db.execute(
            "INSERT INTO indexed_fields (view, field, number) VALUES (?1, ?2, ?3)",
            params![view.as_str(), field, number],
        )?;
    }
    Ok(())
}

/// Puts one view's table in the place of another's, together with the progress.
fn swap(
    db: &Connection,
    from: &ViewName,
    to: &ViewName,
    adoption: &Adoption,
) -> Result<Adopted, Fault> {
    if !table_exists(db, from)? {
        return Err(never_prepared(from).into());
    }
    let adopted = adopt(db, adoption)?;
    if adopted != Adopted::Done {
        return Ok(adopted);
    }
    db.execute_batch(&format!("DROP TABLE IF EXISTS {}", table(to)))?;
    db.execute_batch(&format!("ALTER TABLE {} RENAME TO {}", table(from), table(to)))?;
    db.execute("DELETE FROM indexed_fields WHERE view = ?1", [to.as_str()])?;
    db.execute("INSERT INTO views (name) VALUES (?1) ON CONFLICT DO NOTHING", [to.as_str()])?;
    let names = [from.as_str(), to.as_str()];
    db.execute("UPDATE indexed_fields SET view = ?2 WHERE view = ?1", names)?;
    db.execute("DELETE FROM views WHERE name = ?1", [from.as_str()])?;
    Ok(adopted)
}

fn never_prepared(view: &ViewName) -> Error {
    Error::Misuse(format!("view {view} was never prepared in this store"))
}

/// Does `work` on a view's table. It fails if there is no such table; only then it is worth a look
/// whether the view was prepared. A statement that was prepared earlier fails as late as when it runs,
/// if the table has taken the place of another since.
pub(crate) fn on_view<T>(
    db: &Connection,
    view: &ViewName,
    work: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    match work() {
        Err(Fault::Sqlite(error))
            if error.sqlite_error_code() == Some(ErrorCode::Unknown)
                && !table_exists(db, view)? =>
        {
            Err(never_prepared(view).into())
        }
        outcome => outcome,
    }
}

fn get(db: &Connection, view: &ViewName, keys: &[String]) -> Result<Vec<Option<String>>, Fault> {
    on_view(db, view, || {
        let mut select = db.prepare_cached(&select_document(view))?;
        keys.iter().map(|key| Ok(select.query_row([key], |row| row.get(0)).optional()?)).collect()
    })
}

fn select_document(view: &ViewName) -> String {
    format!("SELECT document FROM {} WHERE key = ?1", table(view))
}

fn list(db: &Connection, view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>, Fault> {
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    // No key is empty, so all are after the empty one.
    let after = query.after.as_deref().unwrap_or("");
    let document =
        |row: &rusqlite::Row<'_>| Ok(ViewDocument { key: row.get(0)?, document: row.get(1)? });
    let table = table(view);
    on_view(db, view, || {
        let documents = match &query.equals {
            None => db
                .prepare_cached(&format!(
                    "SELECT key, document FROM {table} WHERE key > ?1 ORDER BY key LIMIT ?2 + 0"
                ))?
                .query_map(params![after, limit], document)?
                .collect::<Result<_, _>>()?,
            Some((field, value)) => db
                .prepare_cached(&list_by_field(&table, view, db, field)?)?
                .query_map(params![value, after, limit], document)?
                .collect::<Result<_, _>>()?,
        };
        Ok(documents)
    })
}

/// An object or array whose text is the value is not that string, hence the look at the type.
fn list_by_field(
    table: &str,
    view: &ViewName,
    db: &Connection,
    field: &str,
) -> Result<String, Fault> {
    if !is_indexed(db, view, field)? {
        if !table_exists(db, view)? {
            return Err(never_prepared(view).into());
        }
        let message = format!("view {view} cannot be listed by {field:?}: it is not indexed");
        return Err(Error::Misuse(message).into());
    }
    Ok(format!(
        "SELECT key, document FROM {table} \
         WHERE {} = ?1 AND key > ?2 \
         AND json_type(document, '$.{field}') = 'text' ORDER BY key LIMIT ?3 + 0",
        document_field(field)
    ))
}

fn write(db: &Connection, changes: &[ViewChange], progress: &Progress) -> Result<(), Fault> {
    advance(db, progress)?;
    for change in changes {
        if !is_as_found(db, change)? {
            return Err(progress.fenced().into());
        }
    }
    // Most steps, and all that are large, are about one view: its statements are looked up once.
    for of_view in changes.chunk_by(|one, next| one.view == next.view) {
        on_view(db, &of_view[0].view, || write_documents(db, of_view))?;
    }
    Ok(())
}

/// Whether what the change replaces is still there.
fn is_as_found(db: &Connection, change: &ViewChange) -> Result<bool, Fault> {
    let ViewChange { view, key, replaces, .. } = change;
    if *replaces == Replaces::Anything {
        return Ok(true);
    }
    on_view(db, view, || {
        let mut select = db.prepare_cached(&select_document(view))?;
        let current: Option<String> = select.query_row([key], |row| row.get(0)).optional()?;
        Ok(replaces.allows(current.as_deref()))
    })
}

/// Writes changes of one view.
fn write_documents(db: &Connection, changes: &[ViewChange]) -> Result<(), Fault> {
    let Some(ViewChange { view, .. }) = changes.first() else { return Ok(()) };
    let table = table(view);
    let mut insert = db.prepare_cached(&format!(
        "INSERT INTO {table} (key, document) VALUES (?1, ?2) \
         ON CONFLICT (key) DO UPDATE SET document = excluded.document"
    ))?;
    let mut delete = db.prepare_cached(&format!("DELETE FROM {table} WHERE key = ?1"))?;
    for ViewChange { key, document, .. } in changes {
        match document {
            Some(document) => {
                let written = insert.execute([key, document]);
                written.map_err(|error| not_json(view, key, error))?
            }
            None => delete.execute([key])?,
        };
    }
    Ok(())
}

fn not_json(view: &ViewName, key: &str, error: rusqlite::Error) -> Fault {
    let code = error.sqlite_error().map(|error| error.extended_code);
    if code != Some(ffi::SQLITE_CONSTRAINT_CHECK) {
        return error.into();
    }
    Error::Encode {
        what: format!("document {key:?} of view {view}"),
        source: "it is not JSON".into(),
    }
    .into()
}
