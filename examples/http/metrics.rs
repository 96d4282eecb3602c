//! The metrics of a process, for Prometheus.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// What a process has counted: its own figures, and those of the library.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// The limits of the buckets that times are counted in, in seconds.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

impl Metrics {
    /// Begins to count, for the whole process.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when something else counts already.
    pub fn install() -> Result<Self, BuildError> {
        PrometheusBuilder::new().set_buckets(&SECONDS)?.install_recorder().map(Self)
    }

    /// Metrics that nothing is counted in, for routers that are asked in their own process.
    pub fn none() -> Self {
        Self(PrometheusBuilder::new().build_recorder().handle())
    }

    /// Makes ready what was counted, every minute, so that it takes no more memory the longer nobody reads it.
    pub async fn keep_up(&self) -> Infallible {
        loop {
            tokio::time::sleep(Duration::from_secs(60)).await;
            self.0.run_upkeep();
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl IntoResponse for &Metrics {
    /// In the text format of Prometheus.
    fn into_response(self) -> Response {
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        ([(header::CONTENT_TYPE, kind)], self.0.render()).into_response()
    }
}
