//! Random writes and steps against the simplest store that keeps the contract: maps.

use std::collections::BTreeMap;

use super::{Store, assert_view, clear, list, prepare, put, remove, view, write};
use crate::testing::conformance::checkpoint_store::model::{Model, any_adoption};
use crate::testing::conformance::sample::Seed;
use crate::view_store::ViewQuery;

pub(super) async fn random_writes_are_as_in_a_model(store: Store) {
    let v = prepare(&store, "v").await;
    for seed in 0..3 {
        let seed = Seed::new(seed);
        let mut rng = seed.rng();
        clear(&store, &v, "c").await;
        let mut model: BTreeMap<String, String> = BTreeMap::new();
        for _ in 0..40 {
            let mut changes = Vec::new();
            for _ in 0..rng.usize(..8) {
                let key = format!("k{}", rng.u8(..20));
                let document =
                    serde_json::json!({ "status": rng.u8(..4).to_string(), "n": rng.u32(..) });
                changes.push(if rng.u8(..4) == 0 {
                    model.remove(&key);
                    remove(&v, &key)
                } else {
                    model.insert(key.clone(), document.to_string());
                    put(&v, &key, &document.to_string())
                });
            }
            write(&store, changes).await;
            let status = rng.u8(..5).to_string();
            let after = format!("k{}", rng.u8(..20));
            let limit = rng.usize(1..12);
            let query = ViewQuery::default().equals("status", &status).after(&after).limit(limit);
            let pattern = format!("\"status\":\"{status}\"");
            let expected: Vec<(String, String)> = model
                .iter()
                .filter(|(key, document)| **key > after && document.contains(&pattern))
                .take(limit)
                .map(|(key, document)| (key.clone(), document.clone()))
                .collect();
            assert_eq!(list(&store, &v, &query).await, expected, "{query:?}");
        }
        let expected: Vec<(&str, &str)> = model.iter().map(|(k, d)| (&**k, &**d)).collect();
        assert_view(&store, &v, &expected).await;
    }
}

/// Steps with dead letters, of the feed and beside it, and one view in the place of another.
pub(super) async fn random_steps_are_as_in_a_model(store: Store) {
    let names = ["c", "d", "e"];
    let mut model = Model::default();
    let mut views: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for seed in 0..3 {
        let seed = Seed::new(seed);
        let mut rng = seed.rng();
        for _ in 0..40 {
            let mut two = names;
            rng.shuffle(&mut two);
            let [from, to, _] = two;
            let [of_from, of_to] = [prepare(&store, from).await, view(to)];
            match rng.u8(..10) {
                0 => {
                    clear(&store, &of_from, from).await;
                    model.reset(from);
                    views.remove(from);
                }
                1..4 => {
                    let adoption = any_adoption(&store, from, to, &mut rng).await;
                    let outcome = store.swap(&of_from, &of_to, &adoption.asked).await;
                    if model.adopt(&adoption, &outcome) {
                        let documents = views.remove(from).unwrap_or_default();
                        views.insert(to, documents);
                    }
                }
                _ => {
                    let step = model.any_step(&store, from, &mut rng).await;
                    let documents: Vec<_> =
                        (0..rng.usize(..5)).map(|_| any_document(&mut rng)).collect();
                    let changes = documents.iter().map(|(key, text)| put(&of_from, key, text));
                    let outcome = store.write(changes.collect(), step.progress.clone()).await;
                    model.save(&step, &outcome);
                    if !step.is_stale {
                        views.entry(from).or_default().extend(documents);
                    }
                }
            }
            model.assert_same(&store, &mut rng).await;
            for name in names {
                let of_it = prepare(&store, name).await;
                let documents = views.entry(name).or_default();
                let expected: Vec<(&str, &str)> =
                    documents.iter().map(|(k, d)| (&**k, &**d)).collect();
                assert_view(&store, &of_it, &expected).await;
            }
        }
    }
}

fn any_document(rng: &mut fastrand::Rng) -> (String, String) {
    (format!("k{}", rng.u8(..20)), rng.u32(..).to_string())
}
