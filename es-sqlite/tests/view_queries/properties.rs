//! Random documents and random queries against the model.

use std::collections::{BTreeMap, BTreeSet};

use es_sqlite::{DocumentQuery, field};
use futures::TryStreamExt as _;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::documents::Shelf;
use crate::model::{Comparison, Condition, OrderField, Path, sort, value_at};

/// Few values, so that many are equal; and the edges.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(|boolean| json!(boolean)),
        (-2..3_i64).prop_map(|integer| json!(integer)),
        (-16..17_i32).prop_map(|eighths| json!(f64::from(eighths) / 8.0)),
        prop_oneof![Just(i64::MAX), Just(i64::MIN), Just(1 << 53), Just((1 << 53) + 1)]
            .prop_map(|integer| json!(integer)),
        prop_oneof![Just(9_007_199_254_740_992.0), Just(1e18), Just(1e19), Just(-1e19)]
            .prop_map(|real: f64| json!(real)),
        "[ab\u{10ffff}]{0,3}".prop_map(|text| json!(text)),
        prop_oneof![
            Just("1"),
            Just("[1]"),
            Just("ü"),
            Just("\u{d7ff}"),
            Just("\u{e000}"),
            Just("a\0")
        ]
        .prop_map(|text| json!(text)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        12 => scalar(),
        2 => Just(Value::Null),
        1 => Just(json!(u64::MAX)),
        1 => vec(scalar(), 0..2).prop_map(Value::Array),
        1 => scalar().prop_map(|inner| json!({"x": inner})),
    ]
}

/// Two indexed fields, one that is not, one with a name of its own, and one inside another.
fn paths() -> Vec<Path> {
    vec![vec!["status"], vec!["total"], vec!["other"], vec!["a \"b\" 'c'"], vec!["in", "x.y"]]
}

fn path() -> impl Strategy<Value = Path> {
    proptest::sample::select(paths())
}

fn document() -> impl Strategy<Value = Value> {
    vec(proptest::option::weighted(0.8, value()), paths().len()).prop_map(|values| {
        let mut document = json!({});
        for (path, value) in paths().into_iter().zip(values) {
            if let Some(value) = value {
                let place = path.iter().fold(&mut document, |place, name| &mut place[*name]);
                *place = value;
            }
        }
        document
    })
}

fn documents() -> impl Strategy<Value = BTreeMap<String, Value>> {
    proptest::collection::btree_map("[a-c]{1,3}", document(), 0..25)
}

fn condition() -> impl Strategy<Value = Condition> {
    let comparison = prop_oneof![
        Just(Comparison::Eq),
        Just(Comparison::Ne),
        Just(Comparison::Lt),
        Just(Comparison::Le),
        Just(Comparison::Gt),
        Just(Comparison::Ge),
    ];
    let text = || "[ab\u{10ffff}\u{d7ff}]{0,2}";
    let leaf = prop_oneof![
        6 => (path(), comparison, scalar())
            .prop_map(|(path, how, value)| Condition::Compare(path, how, value)),
        1 => (path(), scalar(), scalar())
            .prop_map(|(path, least, most)| Condition::Between(path, least, most)),
        2 => (path(), vec(scalar(), 0..4))
            .prop_map(|(path, values)| Condition::OneOf(path, values)),
        1 => (path(), text()).prop_map(|(path, text)| Condition::StartsWith(path, text)),
        1 => (path(), text()).prop_map(|(path, text)| Condition::Contains(path, text)),
        1 => path().prop_map(Condition::IsNull),
        1 => path().prop_map(Condition::Exists),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Condition::All),
            vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(condition.into())),
        ]
    })
}

fn order() -> impl Strategy<Value = Vec<OrderField>> {
    let field = (path(), any::<bool>());
    vec(field.prop_map(|(path, descending)| OrderField { path, descending }), 0..3)
}

fn query(shelf: &Shelf, condition: &Condition, order: &[OrderField]) -> DocumentQuery<Value> {
    let query = shelf.query().filter(condition.filter());
    order.iter().fold(query, |query, field| query.order_by(field.order()))
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_query_finds_what_filtering_and_sorting_in_memory_finds(
        documents in documents(),
        queries in vec((condition(), order()), 12),
    ) {
        run(async {
            let shelf = Shelf::new().await;
            let some = |(key, document): (&String, &Value)| (key.clone(), Some(document.clone()));
            shelf.change(documents.iter().map(some)).await;
            for (condition, order) in queries {
                let mut expected: Vec<_> = documents.clone().into_iter().collect();
                expected.retain(|(_, document)| condition.holds_for(document));
                sort(&mut expected, &order);
                let query = query(&shelf, &condition, &order);
                let found = query.clone().page_size(1000).fetch().await.unwrap();
                assert_eq!(found.documents, expected, "{condition:?} by {order:?}");
                assert_eq!(found.next, None);
                assert_eq!(query.count().await.unwrap(), expected.len() as u64);
                assert_eq!(query.first().await.unwrap(), expected.into_iter().next());
            }
        });
    }

    #[test]
    fn pages_of_every_size_are_parts_of_the_whole(
        documents in documents(),
        condition in condition(),
        order in order(),
    ) {
        run(async {
            let shelf = Shelf::new().await;
            shelf.change(documents.into_iter().map(|(key, document)| (key, Some(document)))).await;
            for query in [query(&shelf, &condition, &order), query(&shelf, &Condition::All(vec![]), &order)] {
                let whole = query.clone().page_size(usize::MAX).fetch().await.unwrap();
                assert_eq!(whole.next, None);
                for size in 1..=whole.documents.len() + 1 {
                    let pages = query.clone().page_size(size).stream().try_collect::<Vec<_>>();
                    let pages = pages.await.unwrap();
                    let (last, full) = pages.split_last().map_or((0, &[][..]), |(last, full)| {
                        assert_eq!(last.next, None);
                        (last.documents.len(), full)
                    });
                    assert!(full.iter().all(|page| page.documents.len() == size));
                    assert!(last <= size && (last > 0 || whole.documents.is_empty()));
                    let parts = pages.into_iter().flat_map(|page| page.documents);
                    assert_eq!(parts.collect::<Vec<_>>(), whole.documents, "in pages of {size}");
                }
            }
        });
    }

    /// Between all pages documents are put, changed and removed.
    #[test]
    fn no_page_repeats_or_misses_a_document_that_did_not_change(
        documents in documents(),
        writes in vec(vec(("[a-c]{1,3}", proptest::option::of(document())), 0..4), 1..12),
        order in order(),
        size in 1..4_usize,
    ) {
        run(async {
            let shelf = Shelf::new().await;
            let mut now = documents.clone();
            shelf.change(documents.iter().map(|(key, document)| (key.clone(), Some(document.clone())))).await;
            let mut query = query(&shelf, &Condition::Exists(vec!["status"]), &order).page_size(size);
            let relevant = |document: &Value| -> Vec<Option<Value>> {
                let paths = order.iter().map(|field| field.path.clone()).chain([vec!["status"]]);
                paths.map(|path| value_at(document, &path).cloned()).collect()
            };
            let mut changed = BTreeSet::new();
            let mut seen = Vec::new();
            let mut writes = writes.into_iter().cycle().take(40);
            loop {
                let page = query.fetch().await.unwrap();
                seen.extend(page.documents.into_iter().map(|(key, _)| key));
                let Some(next) = page.next else { break };
                query = query.after(next);
                let writes = writes.next().unwrap_or_default();
                for (key, document) in &writes {
                    if now.get(key).map(relevant) != document.as_ref().map(relevant) {
                        changed.insert(key.clone());
                    }
                    match document {
                        Some(document) => now.insert(key.clone(), document.clone()),
                        None => now.remove(key),
                    };
                }
                shelf.change(writes).await;
            }
            for (key, document) in documents {
                if !changed.contains(&key) {
                    let times = seen.iter().filter(|seen| **seen == key).count();
                    let expected = usize::from(value_at(&document, &vec!["status"]).is_some());
                    assert_eq!(times, expected, "document {key} by {order:?}");
                }
            }
        });
    }

    #[test]
    fn a_field_of_any_name_is_found(name in "[^\0]{0,12}", value in scalar()) {
        run(async {
            let shelf = Shelf::new().await;
            let mut document = json!({});
            document[&name] = value.clone();
            shelf.put("a", document.clone()).await;
            shelf.put("b", json!({"in": document})).await;
            shelf.put("c", json!({})).await;
            let keys = async |field: es_sqlite::Field| -> Vec<String> {
                let found = shelf.query::<Value>().filter(field.exists()).fetch().await.unwrap();
                found.documents.into_iter().map(|(key, _)| key).collect()
            };
            let expected = if name == "in" { vec!["a", "b"] } else { vec!["a"] };
            assert_eq!(keys(field(&name)).await, expected);
            assert_eq!(keys(field("in").field(&name)).await, ["b"]);
        });
    }
}
