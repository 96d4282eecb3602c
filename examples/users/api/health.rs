//! The request of probes.

use std::sync::Arc;

use axum::extract::State;

use crate::health::{self, HealthReport};
use crate::http::Problem;
use crate::users::service::Users;

pub(super) async fn health(State(app): State<Arc<Users>>) -> Result<HealthReport, Problem> {
    Ok(health::of(&app.consumers()).await?)
}
