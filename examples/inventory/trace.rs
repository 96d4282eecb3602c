//! What came of an order, commit by commit.

use std::sync::Arc;

use es_core::saga::Saga as _;
use es_core::{
    Aggregate, CausalNode, CausalTree, Error, EventStore, Repository, StreamId, Timestamp, Version,
};
use serde::Serialize;

use super::domain::{Notification, Order, Payment, Stock, Workflow};
use super::fulfilment::Fulfilment;

/// The trace of an order.
#[derive(Debug, Serialize)]
pub struct Trace {
    /// Which order.
    pub order_id: String,
    /// The trace ids that its commits have, as in a W3C `traceparent`. It is one.
    pub trace_ids: Vec<String>,
    /// What happened, each behind what caused it.
    pub commits: Vec<TracedCommit>,
}

/// One commit of a trace.
#[derive(Debug, Serialize)]
pub struct TracedCommit {
    /// How many commits lead to it from the order request.
    pub depth: usize,
    /// Its id.
    pub commit_id: String,
    /// The id of the commit that caused it; none for the order request.
    pub causation_id: Option<String>,
    /// Its stream.
    pub stream: String,
    /// The position of its first event in the stream.
    pub version: Version,
    /// The stored names of its events.
    pub events: Vec<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// The trace that it belongs to, as a W3C `traceparent`.
    pub traceparent: Option<String>,
    /// When.
    pub at: Timestamp,
    /// How long after the order request, in milliseconds.
    pub after_ms: f64,
}

impl Trace {
    /// The trace of an order, which has the order's id as its correlation id; `None` if there is no such order.
    ///
    /// It is read from the streams that an order has a part in: its own, and those of its items.
    ///
    /// # Errors
    ///
    /// Those of the log.
    pub async fn of(log: &Arc<dyn EventStore>, order_id: &str) -> Result<Option<Self>, Error> {
        let order = Repository::<Order>::new(log.clone()).load(order_id).await?.into_state();
        let Some(request) = order.request else { return Ok(None) };
        let own = [
            Order::CATEGORY,
            Workflow::CATEGORY,
            Fulfilment::NAME,
            Payment::CATEGORY,
            Notification::CATEGORY,
        ];
        let own = own.into_iter().map(|category| StreamId::new(category, order_id));
        let of_items =
            request.items.iter().map(|item| StreamId::new(Stock::CATEGORY, &item.item_id));
        let streams = own.chain(of_items).collect::<Result<Vec<_>, Error>>()?;
        let tree = CausalTree::of_streams(&**log, streams, order_id).await?;
        let Some(first) = tree.nodes().first() else { return Ok(None) };
        let began = first.commit.recorded_at();
        let commits: Result<Vec<_>, Error> =
            tree.nodes().iter().map(|node| TracedCommit::of(node, began)).collect();
        let commits = commits?;
        let mut trace_ids: Vec<String> =
            commits.iter().map(|it| it.trace_id().unwrap_or("none").to_owned()).collect();
        trace_ids.sort_unstable();
        trace_ids.dedup();
        Ok(Some(Self { order_id: order_id.to_owned(), trace_ids, commits }))
    }
}

impl TracedCommit {
    fn of(node: &CausalNode, began: Timestamp) -> Result<Self, Error> {
        let commit = &node.commit;
        let metadata = commit.metadata()?;
        Ok(Self {
            depth: node.depth,
            commit_id: commit.id().to_string(),
            causation_id: metadata.causation_id,
            stream: commit.stream().to_string(),
            version: commit.first_version(),
            events: commit.events().names().map(|(name, _)| name.to_owned()).collect(),
            actor: metadata.actor,
            traceparent: metadata.traceparent,
            at: commit.recorded_at(),
            after_ms: commit.recorded_at().duration_since(began).as_secs_f64() * 1_000.0,
        })
    }

    /// The second part of a `traceparent`: version, trace id, parent id, flags.
    fn trace_id(&self) -> Option<&str> {
        self.traceparent.as_deref()?.split('-').nth(1)
    }
}
