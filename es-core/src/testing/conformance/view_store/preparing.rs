//! What a store is told of a view before.

use std::sync::Arc;

use super::{Store, assert_misuse, assert_view, list_keys, prepare, put, view, write};
use crate::testing::conformance::checkpoint_store::load;
use crate::testing::conformance::concurrently::concurrently;
use crate::view_store::ViewQuery;

pub(super) async fn a_view_that_was_never_prepared_is_an_error(store: Store) {
    prepare(&store, "v").await;
    let missing = view("missing");
    assert_misuse(store.get(&missing, &["a"]).await, "a get");
    assert_misuse(store.list(&missing, &ViewQuery::default()).await, "a listing");
    let query = ViewQuery::default().equals("status", "open");
    assert_misuse(store.list(&missing, &query).await, "a filtered listing");
}

pub(super) async fn preparing_again_changes_nothing(store: Store) {
    let v = prepare(&store, "v").await;
    let document = r#"{"status":"open","owner":"x"}"#;
    let revision = write(&store, vec![put(&v, "a", document)]).await;
    for _ in 0..3 {
        prepare(&store, "v").await;
        assert_view(&store, &v, &[("a", document)]).await;
        assert_eq!(load(&store, "c", "p").await.revision, revision);
        for (field, value) in [("status", "open"), ("owner", "x")] {
            let query = ViewQuery::default().equals(field, value);
            assert_eq!(list_keys(&store, &v, &query).await, ["a"], "{field} = {value:?}");
        }
    }
    let preparing = (0..4).map(|_| {
        let store = Arc::clone(&store);
        async move { prepare(&store, "new").await }
    });
    concurrently(preparing).await;
    write(&store, vec![put(&view("new"), "a", "{}")]).await;
}
