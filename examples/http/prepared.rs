use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use es_core::Error;
use tokio::sync::OnceCell;

use super::Problem;

/// The routes, none of which is answered before `prepare` has come to its end: once in the life of the program, with the
/// first request. Until it succeeds, requests are answered with what it failed at.
pub fn prepared<P, F>(routes: Router, prepare: P) -> Router
where
    P: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let done = Arc::new(OnceCell::new());
    routes.layer(middleware::from_fn(move |request: Request, next: Next| {
        let (done, prepare) = (done.clone(), prepare.clone());
        async move {
            done.get_or_try_init(prepare).await?;
            Ok::<_, Problem>(next.run(request).await)
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn requests_wait_for_what_prepares_them_once_and_until_it_succeeds() {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = calls.clone();
        let prepare = move || {
            let call = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                match call {
                    0 => Err(Error::Unavailable { what: "a view".into(), source: "away".into() }),
                    _ => Ok(()),
                }
            }
        };
        let routes = prepared(Router::new().route("/", get(async || "found")), prepare);
        assert_eq!(calls.load(Ordering::Relaxed), 0, "making routes asks nobody");
        for (status, so_far) in [(503, 1), (200, 2), (200, 2)] {
            let request = Request::get("/").body(Body::empty()).unwrap();
            let answer = routes.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::from_u16(status).unwrap());
            assert_eq!(calls.load(Ordering::Relaxed), so_far);
        }
    }
}
