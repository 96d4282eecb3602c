//! What can become of a command, and what the desk says then.

use std::sync::Arc;

use es_core::{
    BoxError, Error, ExecuteError, ExecuteOptions, Receipt, Repository, Version,
};
use es_sqlite::SqliteStore;
use jiff::civil::date;

use crate::release_2::copy::{BookCopy, CopyCommand, CopyError};

// ANCHOR: answer
/// What the desk's screen shows.
fn answer(outcome: Result<Receipt, ExecuteError<CopyError>>) -> String {
    let error = match outcome {
        Ok(receipt) if receipt.is_replay() => return "done before".into(),
        Ok(_) => return "done".into(),
        // The domain said no, and why.
        Err(ExecuteError::Rejected(reason)) => return reason.to_string(),
        Err(ExecuteError::Failed(error)) => error,
    };
    match error {
        Error::VersionMismatch { .. } => "somebody was faster".into(),
        Error::InvalidId { reason, .. } => format!("no such number: {reason}"),
        error if error.is_transient() => "please try again".into(),
        // Damaged data, a newer format, a mistake of ours: for an operator.
        error => format!("please call us: {error}"),
    }
}
// ANCHOR_END: answer

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    let copies = Repository::<BookCopy>::new(store.clone());
    // ANCHOR: ask
    let (on, due) = (date(2026, 4, 3), date(2026, 4, 24));
    let lend = || CopyCommand::Lend { reader: "cleo".into(), on, due };
    let key = || ExecuteOptions::new().idempotency_key("desk-7/0002");
    let stale = ExecuteOptions::new().expected_version(Version::new(1));
    println!("{}", answer(copies.execute_with("c-1", lend(), key()).await));
    println!("{}", answer(copies.execute_with("c-1", lend(), key()).await));
    println!("{}", answer(copies.execute("c-1", lend()).await));
    println!("{}", answer(copies.execute_with("c-1", lend(), stale).await));
    println!("{}", answer(copies.execute(" c-1", lend()).await));
    // ANCHOR_END: ask
    store.close().await?;
    Ok(())
}
