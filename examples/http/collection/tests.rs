use axum::Router;
use axum::http::header::ETAG;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use super::*;
use crate::http::Problem;

/// Replays against a server that has a shelf, and takes what it is sent.
async fn replay(collection: &str) -> Result<Vec<Exchange>, ReplayError> {
    let shelf = || get(async || ([(ETAG, "\"7\"")], r#"{"next": "b-1", "books": 2}"#));
    let router = Router::new()
        .route("/shelf", shelf())
        .route("/books/b-1", post(async |body: String| body))
        .route("/plain", get(async || (StatusCode::NOT_FOUND, "gone")))
        .fallback(async || Problem::not_found("no such book"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    Collection::parse(collection)?.with("host", &host).replay().await
}

/// Why the only request of a collection is not answered as it must be.
async fn refused(request: &str) -> String {
    replay(&format!("\n### It\n{request}\n")).await.unwrap_err().to_string()
}

#[tokio::test]
async fn what_one_answer_says_is_asked_for_next() {
    let exchanges = replay(
        "@host = http://127.0.0.1:1\n@greeting = hello\n\n\
         ### Look\n# expect: 200\n# save next = next\n# save count = books\n\
         # save tag = header:etag\n# contains: b-1\nGET {{host}}/shelf\n\n\
         ### Send\n# For people.\n# expect: 200\n# contains: hello 2\n\
         POST {{host}}/books/{{next}}\nIf-Match: {{tag}}\n\n{{greeting}} {{count}}\n\n\
         ### Miss\n# expect: 404\nGET {{host}}/books/none\n",
    );
    let exchanges = exchanges.await.unwrap();
    let titles: Vec<_> = exchanges.iter().map(|exchange| &*exchange.title).collect();
    assert_eq!(titles, ["Look", "Send", "Miss"]);
    let sent = &exchanges[1];
    assert_eq!((&*sent.target, &*sent.body), ("/books/b-1", "hello 2"));
    assert_eq!(sent.headers, [("If-Match".to_owned(), "\"7\"".to_owned())]);
    assert_eq!(sent.answer.body(), "hello 2");
}

#[tokio::test]
async fn an_answer_that_is_not_as_it_must_be_ends_it() {
    for (request, why) in [
        ("# expect: 201\nGET {{host}}/shelf", "200 OK instead of 201"),
        ("# expect: 200\n# contains: b-9\nGET {{host}}/shelf", "no \"b-9\""),
        ("# expect: 200\n# save x = author\nGET {{host}}/shelf", "no author"),
        ("# expect: 404\nGET {{host}}/plain", "no problem details"),
    ] {
        let said = refused(request).await;
        assert!(said.starts_with("\"It\"") && said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_said() {
    for (request, why) in [
        ("# expect: soon\nGET {{host}}/shelf", "the comment"),
        ("# save x\nGET {{host}}/shelf", "the comment"),
        ("# expect: 200\nGET {{nobody}}/shelf", "\"It\" in the collection has"),
        ("# expect: 200\nGET /shelf", "was not answered"),
        ("# expect: 200\nGET http://127.0.0.1:1/shelf", "was not answered"),
    ] {
        let said = refused(request).await;
        assert!(said.contains(why), "{said}");
    }
}
