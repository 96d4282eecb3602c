//! An HTTP API of API Gateway.

use std::convert::Infallible;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use http::uri::{PathAndQuery, Uri};
use http::{Response, StatusCode};
use http_body::Body;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, Request, RequestExt as _};
use lambda_runtime::{LambdaEvent, Service, service_fn};
use serde_json::value::RawValue;

use crate::error::FunctionError;
use crate::running::{options_of_time, run};
use crate::time_left::TimeLeft;

/// A function behind an HTTP API of API Gateway; made by [`http`](crate::http).
///
/// The service is the one that a server serves: an axum `Router` as it is. Requests come in
/// [payload format 2.0](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html),
/// with cookies, repeated headers and binary bodies; their paths are without the stage, as the router knows them. What
/// API Gateway says about a request beside it, as the claims of an authorizer, is among its extensions
/// ([`lambda_http::RequestExt`]).
///
/// A request that is not answered when the invocation is about to be over is answered with
/// `503 Service Unavailable`, and its handler is dropped. A command that it was about may have had its effect: clients
/// try again with the same idempotency key, as after any answer that was lost.
#[derive(Clone)]
#[must_use = "a function does nothing until it runs"]
pub struct HttpFunction<S> {
    service: S,
    time: TimeLeft,
}

impl<S> HttpFunction<S> {
    pub(crate) fn new(service: S) -> Self {
        Self { service, time: TimeLeft::default() }
    }

    options_of_time!();
}

impl<S, B> HttpFunction<S>
where
    S: Service<Request, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Default + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: fmt::Debug,
{
    run!();

    /// Answers one request, for a runtime with layers of its own, and for tests. The answer is the JSON that API
    /// Gateway expects.
    ///
    /// # Errors
    ///
    /// [`FunctionError::NotTheEvent`] for what is no request in payload format 2.0.
    pub async fn invoke(
        &self,
        event: LambdaEvent<Box<RawValue>>,
    ) -> Result<Box<RawValue>, FunctionError> {
        let LambdaEvent { payload, context } = event;
        let not_the_event = |reason: &str| FunctionError::NotTheEvent {
            expected: "an HTTP API in payload format 2.0",
            reason: reason.to_owned(),
        };
        let request: LambdaRequest = serde_json::from_str(payload.get())
            .map_err(|_| not_the_event("fields are missing or of another kind"))?;
        let left = self.time.of(&context);
        let (service, time) = (self.service.clone(), self.time.clone());
        let mut adapter = Adapter::from(service_fn(move |request: Request| {
            answer(service.clone(), request, time.clone(), left)
        }));
        // What is in no request that API Gateway sends, a body that is not base64 say, is a panic in there.
        let event = LambdaEvent::new(request, context);
        let begun = std::panic::catch_unwind(AssertUnwindSafe(|| adapter.call(event)));
        let answering =
            begun.map_err(|_| not_the_event("path or body are not what they should be"))?;
        let answer = match answering.await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        serde_json::value::to_raw_value(&answer)
            .map_err(|error| FunctionError::Again { error: error.to_string() })
    }
}

async fn answer<S, B>(
    mut service: S,
    request: Request,
    time: TimeLeft,
    left: Duration,
) -> Result<Response<B>, Infallible>
where
    S: Service<Request, Response = Response<B>, Error = Infallible>,
    B: Default,
{
    let request = without_stage(request);
    let answering = async {
        std::future::poll_fn(|context| service.poll_ready(context)).await?;
        service.call(request).await
    };
    tokio::select! {
        biased;
        answer = answering => answer,
        () = time.clock().sleep(left) => {
            tracing::error!("a request was not answered in time");
            let mut answer = Response::new(B::default());
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Ok(answer)
        }
    }
}

/// API Gateway puts the name of a stage in front of the path, unless it is the default one. The router has no such
/// path, and clients with a domain of their own do not see it either.
fn without_stage(mut request: Request) -> Request {
    let stage = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.stage.clone(),
        _ => None,
    };
    let Some(stage) = stage.filter(|stage| stage != "$default") else { return request };
    let path_and_query = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let inner = path_and_query.strip_prefix('/').and_then(|path| path.strip_prefix(&*stage));
    let inner = match inner {
        Some(inner) if inner.starts_with('/') => inner.to_owned(),
        Some(inner) if inner.is_empty() || inner.starts_with('?') => format!("/{inner}"),
        _ => return request,
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = inner.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

impl<S> fmt::Debug for HttpFunction<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpFunction").field("time", &self.time).finish_non_exhaustive()
    }
}
