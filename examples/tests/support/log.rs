use std::path::Path;

use es_examples::dispensary::backend::Embedded;
use es_examples::dispensary::domain::DispenseCommand;
use es_examples::dispensary::service::Dispensary;
use futures::{StreamExt as _, TryStreamExt as _, stream};

/// Starts so many dispenses, in this process, and makes both views show them.
pub async fn start_dispenses(data: &Path, dispenses: usize) {
    let embedded = Embedded::open(data).await.unwrap();
    let dispensary = Dispensary::new(embedded.backend()).await.unwrap();
    stream::iter(0..dispenses)
        .map(async |n| {
            dispensary.dispenses.execute(&format!("d-{n}"), DispenseCommand::Start).await.map(drop)
        })
        .buffer_unordered(256)
        .try_collect::<()>()
        .await
        .unwrap();
    dispensary.list.catch_up().await.unwrap();
    dispensary.details.catch_up().await.unwrap();
    drop(dispensary);
    embedded.close().await.unwrap();
}
