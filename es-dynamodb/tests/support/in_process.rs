//! The in-process server without a network: a request is a call, so what a test does follows from its
//! seed alone.

use std::fmt;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The server's tables. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct InProcess(Database);

impl InProcess {
    pub(crate) fn new() -> Self {
        Self(Database::memory().expect("a database in memory"))
    }

    /// What the SDK takes for its HTTP client.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    /// The status and the body of the answer.
    fn answer(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let db = &self.0;
        match operation {
            "CreateTable" => call(body, |it| db.create_table(it)),
            "DescribeTable" => call(body, |it| db.describe_table(it)),
            "UpdateTable" => call(body, |it| db.update_table(it)),
            "UpdateTimeToLive" => call(body, |it| db.update_time_to_live(it)),
            "DescribeTimeToLive" => call(body, |it| db.describe_time_to_live(it)),
            "PutItem" => call(body, |it| db.put_item(it)),
            "GetItem" => call(body, |it| db.get_item(it)),
            "UpdateItem" => call(body, |it| db.update_item(it)),
            "DeleteItem" => call(body, |it| db.delete_item(it)),
            "Query" => call(body, |it| db.query(it)),
            "Scan" => call(body, |it| db.scan(it)),
            "BatchGetItem" => call(body, |it| db.batch_get_item(it)),
            "BatchWriteItem" => call(body, |it| db.batch_write_item(it)),
            "TransactWriteItems" => call(body, |it| db.transact_write_items(it)),
            _ => (400, r#"{"__type":"UnknownOperationException"}"#.to_owned()),
        }
    }
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    act: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> (u16, String) {
    let request = serde_json::from_slice(body).expect("a request of the SDK");
    match act(request) {
        Ok(answer) => (200, serde_json::to_string(&answer).expect("answers are JSON")),
        Err(refusal) => (refusal.status_code(), refusal.to_json()),
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let server = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").expect("requests name a target");
            let operation = target.rsplit('.').next().unwrap_or(target);
            let body = request.body().bytes().expect("a body in memory");
            let (status, body) = server.answer(operation, body);
            // The server has acted, and the answer is on its way.
            tokio::task::yield_now().await;
            let status = StatusCode::try_from(status).expect("a status of HTTP");
            let mut answer = HttpResponse::new(status, SdkBody::from(body));
            answer.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(answer)
        })
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}
