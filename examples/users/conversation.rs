//! The main job: a collection of requests, sent one after the other to a server on the loopback interface.

use uuid::Uuid;

use crate::http::{Collection, Exchange, ReplayError};

/// The requests. Other clients can send them, too.
const REQUESTS: &str = include_str!("requests/users.http");

/// Sends all of them, for a user who is not there yet.
///
/// # Errors
///
/// The first answer that is not as it must be.
pub async fn with(server: &str) -> Result<Vec<Exchange>, ReplayError> {
    let user = format!("u-{}", Uuid::now_v7());
    let requests = Collection::parse(REQUESTS)?.with("host", server).with("user", &user);
    requests.replay().await
}
