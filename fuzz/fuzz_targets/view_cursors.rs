//! Cursors of view queries, which come back from clients: whatever is in one, the page is a part of the
//! view in the query's order, or the cursor is refused.

#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use es_core::{ConsumerId, Error, Progress, Replaces, ViewChange, ViewName, ViewSchema, ViewStore};
use es_fuzz::{SMALL, within};
use es_sqlite::{Cursor, DocumentQuery, SqliteStore, field};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Person {
    city: Option<String>,
    age: Option<u32>,
}

/// A view of some people by city and age.
struct People {
    runtime: Runtime,
    query: DocumentQuery<Person>,
    all: Vec<(String, Person)>,
    /// What a cursor begins with that is of this query.
    head: Vec<u8>,
    _directory: TempDir,
}

static PEOPLE: LazyLock<People> = LazyLock::new(People::new);

impl People {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("people.db");
        let (query, all, cursor) = runtime.block_on(async {
            let store = SqliteStore::open(path).await.expect("it opens");
            let view = ViewName::new("people").expect("a valid name");
            let schema =
                ViewSchema { name: view.clone(), indexed_fields: &["city"], expires_by: None };
            store.prepare(&schema).await.expect("it is prepared");
            let consumer = ConsumerId::new("people").expect("a valid name");
            let changes = (0..9).map(|n| person(&view, n)).collect();
            store.write(changes, Progress::new(consumer, None)).await.expect("it is written");
            let query = store.query::<Person>(&view);
            let query = query.order_by(field("city").asc()).order_by(field("age").desc());
            let all = query.fetch().await.expect("a page of all").documents;
            let query = query.page_size(4);
            let cursor = query.fetch().await.expect("the first page").next;
            (query, all, cursor.expect("there are nine"))
        });
        let bytes = URL_SAFE_NO_PAD.decode(cursor.to_string()).expect("its text");
        // The query's id is a number in postcard: bytes with the high bit set, and one without.
        let len = 1 + bytes.iter().position(|byte| byte & 0x80 == 0).expect("a number");
        Self { runtime, query, all, head: bytes[..len].to_vec(), _directory: directory }
    }
}

fn person(view: &ViewName, n: u32) -> ViewChange {
    let document = match n % 3 {
        0 => format!(r#"{{"city":"Łódź","age":{n}}}"#),
        1 => format!(r#"{{"city":"Bern","age":{}}}"#, n % 2),
        _ => format!(r#"{{"age":{n}}}"#),
    };
    ViewChange {
        view: view.clone(),
        key: format!("p-{n}"),
        replaces: Replaces::Anything,
        document: Some(document),
    }
}

// The input is what follows the query's id in a cursor; one that begins with `text:` is a whole cursor.
fuzz_target!(|input: &[u8]| {
    let people = &*PEOPLE;
    let text = match input.strip_prefix(b"text:") {
        Some(text) => String::from_utf8_lossy(text).into_owned(),
        None => URL_SAFE_NO_PAD.encode([&people.head, input].concat()),
    };
    let cursor = match within(SMALL, || text.parse::<Cursor>()) {
        Ok(cursor) => cursor,
        Err(Error::InvalidId { .. }) => return,
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(cursor.to_string(), text);
    let page = people.runtime.block_on(people.query.clone().after(cursor).fetch());
    let documents = match page {
        Ok(page) => page.documents,
        Err(Error::InvalidId { .. }) => return,
        Err(other) => panic!("{other:?}"),
    };
    assert!(documents.len() <= 4);
    let places = documents.iter().map(|document| people.all.iter().position(|one| one == document));
    let places: Vec<usize> = places.map(|place| place.expect("a document of the view")).collect();
    assert!(places.windows(2).all(|two| two[0] + 1 == two[1]), "{places:?}");
});
