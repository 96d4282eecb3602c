//! What reading and writing documents costs, in DynamoDB's units.

use std::future::Future;
use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::{Cost, Projection, Repository, ViewQuery, ViewStore as _};

use crate::doc::{Account, AccountCommand, Statements};
use crate::scene::{Scene, get, keys_by, list, next_step, prepare, put, write};

const DOCUMENT: &str = r#"{"status":"open","owner":"x"}"#;

async fn scene(fields: &'static [&'static str]) -> Scene {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", fields).await;
    let keys = (0..20).map(|n| put("v", &format!("{n:02}"), DOCUMENT));
    write(&scene.store, keys.collect()).await;
    scene
}

/// Requests, read units, write units.
async fn cost_of<F: Future>(work: F) -> (u64, f64, f64) {
    let (_, cost) = Cost::of(work).await;
    (cost.requests, cost.read_units, cost.write_units)
}

#[tokio::test]
async fn a_document_is_read_for_two_units() {
    let scene = scene(&[]).await;
    // The document and the pointer.
    assert_eq!(cost_of(get(&scene.store, "v", &["07"])).await, (2, 2.0, 0.0));
    assert_eq!(cost_of(get(&scene.store, "v", &["01", "02", "03"])).await, (2, 4.0, 0.0));
    // That there is none is looked up once more.
    assert_eq!(cost_of(get(&scene.store, "v", &["x"])).await, (3, 3.0, 0.0));
}

#[tokio::test]
async fn a_listing_costs_what_its_documents_weigh() {
    let scene = scene(&["status"]).await;
    let ten = ViewQuery::default().limit(10);
    assert_eq!(cost_of(list(&scene.store, "v", &ten)).await, (2, 2.0, 0.0));
    // An index is read eventually consistent: half as much.
    assert_eq!(cost_of(keys_by(&scene.store, "v", "status", "open")).await, (2, 1.5, 0.0));
}

#[tokio::test]
async fn a_step_of_one_document_is_three_requests() {
    // The position and the document, twice as much as alone because of the transaction; and each index.
    for (fields, write_units) in [(&[] as &[&str], 4.0), (&["status"], 5.0)] {
        let scene = scene(fields).await;
        let step = next_step(&scene.store).await;
        let written = scene.store.write(vec![put("v", "new", DOCUMENT)], step);
        let (requests, read_units, written) = cost_of(written).await;
        assert_eq!((requests, read_units), (3, 2.0), "control item and pointer");
        assert_eq!(written, write_units, "with indexes {fields:?}");
    }
}

#[tokio::test]
async fn projecting_a_commit_costs_a_read_and_a_write_of_each_item() {
    let scene = Scene::new().await;
    let log = Arc::new(MemoryStore::new());
    let accounts = Repository::<Account>::new(log.clone());
    let views = Arc::new(scene.store.clone());
    let statements = Projection::new(Statements, log.clone(), log, views).expect("a valid name");
    // The first time more is looked at, and 50 accounts share the requests and the position.
    for (commits, expected) in [(1, None), (1, Some((7, 7.0, 6.0))), (50, Some((14, 110.0, 202.0)))]
    {
        for n in 0..commits {
            let credited = accounts.execute(&format!("a-{n}"), AccountCommand::Credit(1)).await;
            credited.expect("nothing is against it");
        }
        let cost = cost_of(statements.catch_up()).await;
        assert!(expected.is_none_or(|expected| cost == expected), "{commits} commits: {cost:?}");
    }
}
