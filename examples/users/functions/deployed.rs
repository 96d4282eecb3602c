//! The system as its template has made it.

use std::sync::Arc;

use axum::Router;
use clap::Parser as _;
use es_core::QueueName;
use es_dynamodb::DynamoStore;
use es_lambda::HandlerName;
use es_sns_sqs::SqsQueues;

use super::{API, CATCH_UP, DEAD_RECORDS};
use crate::aws::{ConnectionArguments, LogStream, feed_of, views_of};
use crate::command_line::AnyError;
use crate::http::prepared;
use crate::users::api;
use crate::users::backend::{Aws, AwsOptions, Backend};
use crate::users::service::Users;

/// The parts that functions are made of. Nobody was asked for anything yet.
#[derive(Debug)]
pub struct Deployed {
    /// The system.
    pub users: Arc<Users>,
    /// The stream of its log.
    pub log: LogStream,
}

/// The environment of the functions, as the template sets it.
#[derive(Debug, clap::Parser)]
struct Environment {
    #[arg(long, env = "TABLE_PREFIX")]
    table_prefix: String,
}

impl Deployed {
    /// What the function of this name needs, as its environment says. The one that catches up follows the log itself; to
    /// all others commits are pushed, and they may not read the stream of the table beside that.
    ///
    /// # Errors
    ///
    /// A sentence about a variable that is missing or wrong.
    pub async fn for_function(handler: &HandlerName) -> Result<Self, AnyError> {
        let Environment { table_prefix } = Environment::try_parse_from(["users-functions"])?;
        let connection = ConnectionArguments::default();
        let queues = SqsQueues::builder().connection(connection.connection()).connect().await?;
        let dead_records = QueueName::new(&format!("{table_prefix}{DEAD_RECORDS}"))?;
        let aws = Aws::deployed(AwsOptions { table_prefix, connection, create: false }).await?;
        let views = views_of(handler, API, aws.store());
        let feed = feed_of(handler, CATCH_UP, aws.store());
        let backend = Backend { feed, views, ..aws.backend() };
        let log = DynamoStore::clone(aws.store());
        Ok(Self {
            users: Arc::new(Users::assembled(backend)?),
            log: LogStream { log, queues: Arc::new(queues), dead_records },
        })
    }

    /// The routes. The read models, which may be new, are opened with the first request.
    pub fn router(&self) -> Router {
        let users = self.users.clone();
        prepared(api::router(self.users.clone()), move || {
            let users = users.clone();
            async move { users.prepare().await }
        })
    }
}
