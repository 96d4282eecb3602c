use axum::body::Bytes;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use es_lambda::{FunctionError, http};
use serde_json::{Value, json};

use crate::kit::{Desk, SECOND, fixture};

/// What a server serves; nothing in it knows of Lambda.
fn router() -> Router {
    let labels = |Path(number): Path<u32>,
                  Query(query): Query<Vec<(String, String)>>,
                  headers: HeaderMap,
                  body: Bytes| async move {
        let cookie = headers.get(header::COOKIE).and_then(|it| it.to_str().ok());
        Json(json!({ "number": number, "query": query, "cookie": cookie, "bytes": &body[..] }))
    };
    let cookies = || async {
        let cookies = AppendHeaders([(header::SET_COOKIE, "a=1"), (header::SET_COOKIE, "b=2")]);
        (StatusCode::CREATED, cookies, "made").into_response()
    };
    let binary = || async { ([(header::CONTENT_TYPE, "image/png")], vec![0_u8, 255, 1]) };
    Router::new()
        .route("/labels/{number}", post(labels))
        .route("/cookies", get(cookies))
        .route("/binary", get(binary))
        .route("/hang", get(std::future::pending::<&'static str>))
}

fn request(method: &str, path: &str) -> Value {
    let mut event = fixture!("http_api");
    (event["rawPath"], event["rawQueryString"]) = (json!(path), json!(""));
    event["requestContext"]["http"]["method"] = json!(method);
    (event["body"], event["isBase64Encoded"]) = (json!(null), json!(false));
    event
}

async fn answer(event: &Value) -> Result<Value, FunctionError> {
    let desk = Desk::new().await;
    let function = http(router()).with_clock(desk.clock.clone());
    let answer = function.invoke(desk.event(event)).await?;
    Ok(serde_json::from_str(answer.get()).unwrap())
}

#[tokio::test]
async fn a_router_is_given_the_request_as_a_server_would() {
    let answer = answer(&fixture!("http_api")).await.unwrap();
    assert_eq!(answer["statusCode"], 200);
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let expected = json!({
        "number": 17,
        "query": [["copies", "2"], ["tag", "a"], ["tag", "b"]],
        "cookie": "ward=7; theme=dark",
        "bytes": b"hello",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_path_has_no_stage_in_it() {
    for path in ["/prod/labels/17", "/labels/17"] {
        let mut event = request("POST", path);
        event["requestContext"]["stage"] = json!("prod");
        event["rawQueryString"] = json!("copies=2");
        let answer = answer(&event).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{path} {answer}");
    }
}

#[tokio::test]
async fn a_stage_that_is_called_as_a_path_is_taken_away_once() {
    let mut event = request("POST", "/labels/labels/17");
    event["requestContext"]["stage"] = json!("labels");
    assert_eq!(answer(&event).await.unwrap()["statusCode"], 200);
}

#[tokio::test]
async fn cookies_and_binary_bodies_come_back_as_api_gateway_wants_them() {
    let made = answer(&request("GET", "/cookies")).await.unwrap();
    assert_eq!((&made["statusCode"], &made["body"]), (&json!(201), &json!("made")));
    assert_eq!(made["cookies"], json!(["a=1", "b=2"]));
    let binary = answer(&request("GET", "/binary")).await.unwrap();
    assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("AP8B"), &json!(true)));
}

#[tokio::test]
async fn what_the_router_does_not_know_is_its_answer_and_no_error() {
    assert_eq!(answer(&request("GET", "/nowhere")).await.unwrap()["statusCode"], 404);
    assert_eq!(answer(&request("DELETE", "/cookies")).await.unwrap()["statusCode"], 405);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_before_the_invocation_is_over() {
    let desk = Desk::new().await;
    let function = http(router()).with_clock(desk.clock.clone());
    let event = desk.event_with(&request("GET", "/hang"), 10 * SECOND);
    let answer = desk.within(10 * SECOND, function.invoke(event)).await;
    let answer: Value = serde_json::from_str(answer.unwrap().get()).unwrap();
    assert_eq!(answer["statusCode"], 503);
    assert_eq!(es_core::Clock::monotonic(&*desk.clock), 9 * SECOND);
}

#[tokio::test]
async fn what_is_no_request_is_an_error_and_no_panic() {
    let mut no_base64 = fixture!("http_api");
    no_base64["body"] = json!("%%%");
    let mut no_method = fixture!("http_api");
    no_method["requestContext"]["http"].as_object_mut().unwrap().remove("method");
    let mut bad_method = fixture!("http_api");
    bad_method["requestContext"]["http"]["method"] = json!("G T");
    for event in [no_base64, no_method, bad_method, json!({}), json!([]), fixture!("sqs")] {
        let outcome = answer(&event).await;
        let refused = matches!(outcome, Err(FunctionError::NotTheEvent { .. }));
        assert!(refused, "{event} {outcome:?}");
    }
}

#[tokio::test]
async fn numbers_larger_than_any_integer_do_not_bring_it_down() {
    let mut event = request("GET", "/cookies");
    event["requestContext"]["timeEpoch"] = json!(1e300);
    // Whether that is a request is the event crate's to say.
    let _ = answer(&event).await;
    let mut event = request("POST", "/labels/99999999999999999999");
    event["requestContext"]["stage"] = json!("$default");
    assert_eq!(answer(&event).await.unwrap()["statusCode"], 400);
}
