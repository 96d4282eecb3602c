//! The request of probes.

use std::sync::Arc;

use axum::extract::State;

use crate::dispensary::service::Dispensary;
use crate::health::{self, HealthReport};
use crate::http::Problem;

pub(super) async fn health(State(app): State<Arc<Dispensary>>) -> Result<HealthReport, Problem> {
    Ok(health::of(&app.consumers).await?)
}
