//! Topics: subscriptions, and publishing to them.

use async_trait::async_trait;
use es_core::{
    Error, FilterPolicy, MessageId, NewMessage, QueueName, Result, Subscription, Topic, TopicName,
    check_batch,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Change;
use super::configuring::{find_queue, read_name};
use super::sending::send;
use crate::errors::Fault;
use crate::readers::in_snapshot;
use crate::store::SqliteStore;

#[async_trait]
impl Topic for SqliteStore {
    async fn create_topic(&self, topic: &TopicName) -> Result<()> {
        let topic = topic.clone();
        self.change_queues(move |change| {
            let insert = "INSERT INTO topics (name) VALUES (?1) ON CONFLICT DO NOTHING";
            change.db.prepare_cached(insert)?.execute([topic.as_str()])?;
            Ok(())
        })
        .await
    }

    async fn subscribe(
        &self,
        topic: &TopicName,
        queue: &QueueName,
        filter: FilterPolicy,
    ) -> Result<()> {
        topic.check_subscriber(queue)?;
        let (topic, queue) = (topic.clone(), queue.clone());
        self.change_queues(move |change| subscribe(change, &topic, &queue, &filter)).await
    }

    async fn unsubscribe(&self, topic: &TopicName, queue: &QueueName) -> Result<()> {
        let (topic, queue) = (topic.clone(), queue.clone());
        self.change_queues(move |change| unsubscribe(change, &topic, &queue)).await
    }

    async fn subscriptions(&self, topic: &TopicName) -> Result<Vec<Subscription>> {
        let topic = topic.clone();
        self.readers().run(move |db| in_snapshot(db, |db| subscriptions(db, &topic))).await
    }

    /// Publishes in one transaction. Of each message all queues have it, or none has.
    async fn publish_batch(
        &self,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        check_batch(messages.len())?;
        let topic = topic.clone();
        self.change_queues(move |change| {
            let subscriptions = subscriptions(change.db, &topic)?;
            let mut published = Vec::with_capacity(messages.len());
            for message in &messages {
                published.push(publish(change, &topic, &subscriptions, message)?);
            }
            Ok(published)
        })
        .await
    }
}

/// The row of the topic, or [`Error::NoSuchTopic`].
fn find_topic(db: &Connection, topic: &TopicName) -> Result<i64, Fault> {
    let mut select = db.prepare_cached("SELECT id FROM topics WHERE name = ?1")?;
    let found = select.query_row([topic.as_str()], |row| row.get(0)).optional()?;
    Ok(found.ok_or_else(|| Error::NoSuchTopic { topic: topic.clone() })?)
}

fn subscribe(
    change: &Change<'_, '_>,
    topic: &TopicName,
    queue: &QueueName,
    filter: &FilterPolicy,
) -> Result<(), Fault> {
    let (topic, queue) = (find_topic(change.db, topic)?, find_queue(change.db, queue)?);
    change
        .db
        .prepare_cached(
            "INSERT INTO subscriptions (topic, queue, filter_policy) VALUES (?1, ?2, ?3) \
             ON CONFLICT (topic, queue) DO UPDATE SET filter_policy = excluded.filter_policy",
        )?
        .execute(params![topic, queue.id, filter.to_string()])?;
    Ok(())
}

fn unsubscribe(change: &Change<'_, '_>, topic: &TopicName, queue: &QueueName) -> Result<(), Fault> {
    let topic = find_topic(change.db, topic)?;
    change
        .db
        .prepare_cached(
            "DELETE FROM subscriptions WHERE topic = ?1 \
             AND queue = (SELECT id FROM queues WHERE name = ?2)",
        )?
        .execute(params![topic, queue.as_str()])?;
    Ok(())
}

fn subscriptions(db: &Connection, topic: &TopicName) -> Result<Vec<Subscription>, Fault> {
    let id = find_topic(db, topic)?;
    let mut select = db.prepare_cached(
        "SELECT name, filter_policy FROM subscriptions JOIN queues ON queues.id = queue \
         WHERE topic = ?1 ORDER BY name",
    )?;
    let mut rows = select.query([id])?;
    let mut subscriptions = Vec::new();
    while let Some(row) = rows.next()? {
        let (queue, filter): (String, String) = (row.get(0)?, row.get(1)?);
        let queue = read_name(&queue)?;
        let filter = filter.parse().map_err(|error| Error::Corrupt {
            what: format!("the filter of queue {queue} on topic {topic}"),
            reason: format!("{error}"),
        })?;
        subscriptions.push(Subscription { queue, filter });
    }
    Ok(subscriptions)
}

fn publish(
    change: &Change<'_, '_>,
    topic: &TopicName,
    subscriptions: &[Subscription],
    message: &NewMessage,
) -> Result<Result<MessageId>, Fault> {
    if let Err(error) = topic.check_message(message) {
        return Ok(Err(error));
    }
    let mut deliveries = Vec::new();
    for Subscription { queue, filter } in subscriptions {
        if !filter.matches(&message.attributes) {
            continue;
        }
        let queue = find_queue(change.db, queue)?;
        let message = topic.message_for(&queue.name, message);
        // A queue that refuses keeps the message from all.
        if let Err(error) = message.check(&queue.name, &queue.options) {
            return Ok(Err(error));
        }
        deliveries.push((queue, message));
    }
    for (queue, message) in &deliveries {
        send(change, queue, message)?;
    }
    Ok(Ok(MessageId::generate(change.now, change.entropy)))
}
